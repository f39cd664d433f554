"""Names that generated code reserves."""

from __future__ import annotations

import re
from pathlib import Path

from optgen.compiler.ir.extent import Extent

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
        "fallback",
        "finalize_variable_values",
        "features",
        "fingerprint",
        "layout",
        "made_for",
        "from_config",
        "get_config",
        "gradient_norm",
        "hyperparameters",
        "inputs",
        "iterations",
        "kernels",
        "load",
        "load_own_variables",
        "minimize",
        "perturb",
        "probes",
        "on_nonfinite",
        "options",
        "overwrite_with_gradient",
        "rounding",
        "rounding_seed",
        "routing",
        "state_dtype",
        "save",
        "save_own_variables",
        "scale_loss",
        "spec",
        "split_matrix",
        "state",
        "states",
        "statistics",
        "switches",
        "variables",
        "compute",
        "view",
    ]
)
#: The switch of an optimizer's own probes; those of a feature are on where the feature is.
PROBING = "probing"
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
        "Rounding",
        "StateDtypes",
        "PathOptions",
        "Scheduled",
        "Hyperparameter",
        "Input",
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

#: Numbers of a variable's shape, in generated code: of its elements; of rows, columns and
#: dimensions; of its matrices; of vectors of both.
TENSOR_SIZE, MATRICES = "tensor_size", "matrices"
ROWS, COLUMNS, DIMS = "tensor_rows", "tensor_columns", "tensor_dims"
ROW_COUNT, COLUMN_COUNT = "row_count", "column_count"
#: Those in generated code, in the order of their table.
SHAPES = (TENSOR_SIZE, ROWS, COLUMNS, DIMS, MATRICES, ROW_COUNT, COLUMN_COUNT)
#: The lengths of vectors.
LENGTHS = {
    Extent.MATRIX: MATRICES,
    Extent.ROWS: ROW_COUNT,
    Extent.COLUMNS: COLUMN_COUNT,
}
#: The numbers of terms of a reduction, by the extents of its terms and its results.
COUNTS = {
    (Extent.ELEMENT, Extent.TENSOR): TENSOR_SIZE,
    (Extent.ELEMENT, Extent.ROWS): COLUMNS,
    (Extent.ELEMENT, Extent.COLUMNS): ROWS,
    (Extent.ROWS, Extent.TENSOR): ROW_COUNT,
    (Extent.COLUMNS, Extent.TENSOR): COLUMN_COUNT,
    (Extent.MATRIX, Extent.TENSOR): MATRICES,
    (Extent.ROWS, Extent.MATRIX): ROWS,
    (Extent.COLUMNS, Extent.MATRIX): COLUMNS,
}
#: 0 for a gradient of finite elements, and NaN otherwise.
NONFINITE = "finite_check"
#: Numbers of a call that decide its random numbers.
RANDOM_SEED, RANDOM_STEP = "random_seed", "random_step"
#: The keys of draws, each a number of a call that stands for the step.
RANDOM_KEYS = tuple(f"random_key_{count}" for count in range(1, 9))
RANDOM = frozenset({RANDOM_SEED, RANDOM_STEP, *RANDOM_KEYS})
#: Switches that no hyperparameter decides. The first makes prepasses search for elements of a
#: gradient that aren't finite. The second makes an update leave out the steps after the constraints
#: of variables, which the runtime applies in between.
CHECK_FINITE, CONSTRAINED = "check_finite", "constrained"
#: The switch of variables that are matrices in the view of their rule.
MATRIX = "matrix"
#: The switch of updates whose gradient was taken where ``perturb`` moved the parameter to.
PERTURBED = "perturbed"
#: Names that no spec may declare.
OWN_NAMES = frozenset({NONFINITE, CHECK_FINITE, CONSTRAINED, *RANDOM, *SHAPES})
