"""Names that generated code reserves."""

from __future__ import annotations

import re
from pathlib import Path

#: Arguments of every optimizer class besides its hyperparameters, and names that pass them on.
ARGUMENTS = frozenset({"self", "name", "kwargs", "super"})

#: The attributes of every optimizer; a hyperparameter is an attribute too.
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
#: The attributes of every schedule.
SCHEDULE_ATTRIBUTES = frozenset({"from_config", "get_config", "hyperparameters", "value_after"})
#: Names that the generated method of a schedule uses.
SCHEDULE_WORDS = frozenset({"math", "self"})
METHOD = re.compile(r"exclude_from_")

#: Names that modules with a class import.
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
#: The targets: each has a folder of the emitter and a folder of a generated package.
TARGETS = tuple(
    sorted(
        path.parent.name
        for path in (Path(__file__).parents[1] / "emit" / "targets").glob("*/__init__.py")
    )
)
#: The files of a package in addition to one module per optimizer.
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

#: Names that Windows reserves for devices, with any extension.
DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}
#: Names that change how Python compiles a function.
PYTHON_WORDS = frozenset({"super"})

#: The number of elements of a tensor, for a mean.
TENSOR_SIZE = "tensor_size"
#: 0 for a gradient of finite elements, and NaN otherwise.
NONFINITE = "finite_check"
#: Switches that no hyperparameter decides. The first makes prepasses search for elements of a
#: gradient that aren't finite. The second makes an update leave out the steps after the constraints
#: of variables, which the runtime applies in between.
CHECK_FINITE, CONSTRAINED = "check_finite", "constrained"
#: Names that no spec may declare.
OWN_NAMES = frozenset({TENSOR_SIZE, NONFINITE, CHECK_FINITE, CONSTRAINED})
