"""Names that generated code needs for itself."""

from __future__ import annotations

import re

from optgen.compiler.ir.functions import REGISTRY

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
        "fingerprint",
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
        "Schedule",
        "Sequence",
        "State",
        "Switch",
    ]
)
#: What the package holds besides a module for each optimizer.
MODULES = frozenset(
    [
        "cpu",
        "cuda",
        "keras",
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

#: How names end that kernels make of those of buffers and sums.
KERNEL_ENDINGS, CUDA_ENDINGS = ("_block",), ("_address", "_lanes", "_total")

#: What kernels call the functions of the language.
_FUNCTIONS = frozenset(function.kernel for function in REGISTRY.values() if function.in_kernels)
#: Names of kernels and of what they are made with.
KERNEL_WORDS = _FUNCTIONS | frozenset(
    [
        "add_in_any_order",
        "addresses",
        "Array",
        "block",
        "BLOCK",
        "chunk",
        "chunks",
        "count",
        "factors",
        "first",
        "float64",
        "flush_denormals",
        "host_scalars",
        "hyperparameters",
        "i",
        "kernel",
        "Kernel",
        "Kernels",
        "None",
        "Norm",
        "KERNELS",
        "loop",
        "Loop",
        "min",
        "mode",
        "njit",
        "np",
        "partial",
        "pointer",
        "Prepass",
        "Program",
        "range",
        "real",
        "restore",
        "row",
        "rows",
        "scalars",
        "size",
        "sizes",
        "square",
        "start",
        "sum_in_order",
        "sums",
        "tensor",
    ]
)
#: The same for CUDA.
CUDA_WORDS = _FUNCTIONS | frozenset(
    [
        "add",
        "add_square",
        "addresses",
        "aligned",
        "alone",
        "begins",
        "bits",
        "CALLS",
        "chunk",
        "chunks",
        "clear",
        "control",
        "count",
        "cuda",
        "deferred",
        "device",
        "factors",
        "finish",
        "first",
        "float64",
        "fold",
        "fold_members",
        "Function",
        "host_scalars",
        "hyperparameters",
        "i",
        "Integer",
        "Integers",
        "is_last_block",
        "k",
        "kernel",
        "Kernel",
        "Kernels",
        "KERNELS",
        "lanes",
        "leave",
        "load",
        "members",
        "None",
        "Norm",
        "number",
        "number_of_members",
        "number_of_runs",
        "partials",
        "PARTS",
        "Prepass",
        "Program",
        "range",
        "real",
        "Reals",
        "row",
        "rows",
        "run_sums",
        "RUNNING",
        "runs",
        "scalars",
        "shared",
        "sizes",
        "slot",
        "slots",
        "square",
        "store",
        "sums",
        "tensor",
        "threads",
        "ticket",
        "UPDATES",
        "whole",
    ]
)
#: The same for operations of Keras.
KERAS_WORDS = frozenset(
    [
        "Any",
        "dict",
        "host_scalars",
        "Kernels",
        "KERNELS",
        "Norm",
        "ops",
        "Prepass",
        "Program",
        "scalars",
        "str",
        "sums",
        "tensors",
        "totals",
    ]
)
#: The functions that compile the programs of a plan.
PROGRAM = re.compile(r"(update|otherwise|absent)(_\w+)?\Z")

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
