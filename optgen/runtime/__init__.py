"""What generated optimizers stand on. Needs numpy and numba only."""

from optgen.runtime.arrays import Array
from optgen.runtime.declarations import Hyperparameter, Number, State, Switch
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.schedule import Schedule

__all__ = ["Array", "Hyperparameter", "Number", "Optimizer", "Schedule", "State", "Switch"]
