"""What generated optimizers stand on. Needs numpy and numba only."""

from optgen.runtime.arrays import Array
from optgen.runtime.declarations import Hyperparameter, Number, State, Switch
from optgen.runtime.optimizer import Optimizer

__all__ = ["Array", "Hyperparameter", "Number", "Optimizer", "State", "Switch"]
