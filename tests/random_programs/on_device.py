"""Programs on a device, or in Numba's simulator of one: NUMBA_ENABLE_CUDASIM=1."""

from __future__ import annotations

import warnings
from importlib import import_module
from types import ModuleType

import numpy as np

from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import REGISTRY
from optgen.runtime.cuda.arrays import on_device
from optgen.runtime.cuda.jit import SIMULATED
from tests.random_programs.comparison import Arrays, Outcome, compare
from tests.random_programs.compiled import class_in, package
from tests.random_programs.program import Program
from tests.random_programs.reductions import Freedom
from tests.random_programs.sources import Sources

#: A thread adds terms up in the parameter's format.
FREEDOM = Freedom(unit=float(np.finfo(np.float32).eps) / 2)


def _replace_functions(module: ModuleType) -> None:
    for function in REGISTRY.values():
        if function.code.cuda is Origin.MATH and hasattr(module, function.kernel):
            setattr(module, function.kernel, getattr(np, function.array))


def by_device(program: Program, sources: Sources) -> Outcome:
    """CUDA kernels over arrays of a device."""
    with package(program, sources) as name:
        kind = class_in(name, program)
        if SIMULATED:
            # Python's own functions raise errors where those of a device have infinities.
            for inside in (kind.__module__.rpartition(".")[2], "features"):
                _replace_functions(import_module(f"{name}.cuda.{inside}"))
        runner = Arrays(kind, program, on_device, lambda array: array.copy_to_host())
        with warnings.catch_warnings():
            # A device doesn't warn of what it can't compute.
            warnings.simplefilter("ignore", RuntimeWarning)
            return compare(runner, program, FREEDOM)
