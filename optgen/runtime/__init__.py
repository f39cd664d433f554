"""The runtime of generated optimizers. It needs numpy, numba and safetensors only."""

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.hyperparameters.declarations import (
    Hyperparameter,
    Input,
    Number,
    Scheduled,
    State,
    Switch,
)
from optgen.runtime.hyperparameters.overrides import PathOptions
from optgen.runtime.hyperparameters.storage import Rounding, StateDtypes
from optgen.runtime.hyperparameters.treatment import Constraints, OnNonfinite
from optgen.runtime.kernels import Keep, Norm, Phase, Program
from optgen.runtime.loss_scaling import LossScaleOptimizer
from optgen.runtime.matrix_calls import MatrixCall
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.registry import Registry
from optgen.runtime.rule_metadata import Features, Layout
from optgen.runtime.schedule import Schedule

__all__ = [
    "Array",
    "Constraints",
    "Features",
    "Hyperparameter",
    "Input",
    "Keep",
    "Layout",
    "LossScaleOptimizer",
    "MatrixCall",
    "Norm",
    "Number",
    "OnNonfinite",
    "Optimizer",
    "PathOptions",
    "Phase",
    "Program",
    "Registry",
    "Rounding",
    "Schedule",
    "Scheduled",
    "State",
    "StateDtypes",
    "Switch",
]
