"""Names that generated code reserves."""

from __future__ import annotations

import re
from pathlib import Path

#: Arguments that every optimizer class has besides its hyperparameters, and what makes them.
ARGUMENTS = frozenset({"self", "name", "kwargs", "super"})

#: What every optimizer has; a hyperparameter is an attribute too.
ATTRIBUTES = frozenset(
    [
        "apply",
        "apply_gradients",
        "averaged",
        "build",
        "built",
        "constraints",
        "exclusive",
        "finalize_variable_values",
        "features",
        "fingerprint",
        "layout",
        "made_for",
        "from_config",
        "get_config",
        "gradient_norm",
        "hyperparameters",
        "iterations",
        "kernels",
        "load",
        "load_own_variables",
        "minimize",
        "on_nonfinite",
        "options",
        "overwrite_with_gradient",
        "save",
        "save_own_variables",
        "scale_loss",
        "spec",
        "state",
        "states",
        "switches",
        "variables",
    ]
)
#: What every schedule has.
SCHEDULE_ATTRIBUTES = frozenset({"from_config", "get_config", "hyperparameters", "value_after"})
#: What the generated method of a schedule needs for itself.
SCHEDULE_WORDS = frozenset({"math", "self"})
METHOD = re.compile(r"exclude_from_")

#: What modules with a class import.
CLASSES = frozenset(
    [
        "Any",
        "Array",
        "Constraints",
        "OnNonfinite",
        "PathOptions",
        "Scheduled",
        "Hyperparameter",
        "Number",
        "Optimizer",
        "Featured",
        "Features",
        "Layout",
        "Schedule",
        "Sequence",
        "State",
        "Switch",
    ]
)
#: The targets: each is a folder of the emitter, and one of a generated package.
TARGETS = tuple(
    sorted(
        path.parent.name
        for path in (Path(__file__).parents[1] / "emit" / "targets").glob("*/__init__.py")
    )
)
#: What the package holds besides a module for each optimizer.
MODULES = frozenset(
    [
        *TARGETS,
        "features",
        "schedules",
        "get",
        "serialize",
        "deserialize",
        "list",
        "lossscaleoptimizer",
    ]
)

#: Names that no file can have on Windows, whatever its ending.
DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}
#: Python compiles a function that uses one of these otherwise.
PYTHON_WORDS = frozenset({"super"})

#: The number of elements of a tensor, for a mean.
TENSOR_SIZE = "tensor_size"
#: 0 for a gradient of finite elements, and else NaN.
NONFINITE = "finite_check"
#: Switches that no hyperparameter decides. With the first on, prepasses look for elements of
#: a gradient that aren't finite; with the second, an update leaves out what comes after the
#: constraints of variables, which the runtime applies in between.
CHECK_FINITE, CONSTRAINED = "check_finite", "constrained"
#: No name of a spec may be one of these.
OWN_NAMES = frozenset({TENSOR_SIZE, NONFINITE, CHECK_FINITE, CONSTRAINED})
