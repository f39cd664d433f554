"""What generated optimizers stand on. Needs numpy, numba and safetensors only."""

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.declarations import Hyperparameter, Number, Scheduled, State, Switch
from optgen.runtime.loss_scaling import LossScaleOptimizer
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.options import PathOptions
from optgen.runtime.registry import Registry
from optgen.runtime.schedule import Schedule
from optgen.runtime.treatment import Constraints, OnNonfinite

__all__ = [
    "Array",
    "Constraints",
    "Hyperparameter",
    "LossScaleOptimizer",
    "Number",
    "OnNonfinite",
    "Optimizer",
    "PathOptions",
    "Registry",
    "Schedule",
    "Scheduled",
    "State",
    "Switch",
]
