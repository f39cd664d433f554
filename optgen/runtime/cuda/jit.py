"""All uses of numba-cuda's internals: kernels, PTX.

In Numba's simulator, kernels are Python and device memory is host memory.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

# Redirects `numba.cuda` to numba-cuda, also if it was installed without its .pth file.
import _numba_cuda_redirector  # noqa: F401
import numpy as np
from llvmlite import ir
from numba import cuda, types
from numba.core import config
from numba.cuda import compiler
from numba.cuda.extending import intrinsic

from optgen.runtime.cuda import simulated
from optgen.runtime.kernels import Widths as _Widths

#: Whether kernels run in Numba's simulator.
SIMULATED = bool(config.ENABLE_CUDASIM)
#: The bytes of one vector access; its address must be a multiple of this size.
VECTOR_BYTES = 16

#: Types of kernel arguments: tables in the device's memory, by address, and single numbers.
Integers = np.ndarray[Any, np.dtype[np.int64]]
Reals = np.ndarray[Any, np.dtype[np.float64]]
Integer = int
#: The number of columns of each table.
Widths = _Widths
#: The type of functions that kernels call.
Function = Callable[..., Any]
_TYPES = {
    "Integers": types.CPointer(types.int64),
    "Reals": types.CPointer(types.float64),
    "Integer": types.int64,
}


class Vector(NamedTuple):
    """A vector that a kernel reduces matrices to: its buffer, the order, and whether it does."""

    buffer: int
    order: int
    is_on: bool


@dataclass(frozen=True)
class Kernel:
    """A device function, not yet compiled; its annotations are its signature."""

    function: Callable[..., None]
    #: Those of rows, then those of columns.
    vectors: tuple[Vector, ...] = ()

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.__name__

    @property
    def arguments(self) -> dict[str, str]:
        """The types of the arguments by name."""
        return {k: v for k, v in inspect.get_annotations(self.function).items() if k != "return"}

    def ptx(self, *capabilities: tuple[int, int]) -> tuple[str, ...]:
        """The PTX for each compute capability, such as (9, 0); needs no GPU."""
        signature = types.void(*(_TYPES[kind] for kind in self.arguments.values()))
        library, _ = compiler._compile_pyfunc_with_fixup(
            self.function, signature, device=False, abi="numba", cc=capabilities[0]
        )
        return tuple(library.get_asm_str(cc=capability) for capability in capabilities)


def kernel(function: Callable[..., None]) -> Kernel:
    """The decorator of kernels."""
    return Kernel(function)


def with_vectors(made: Kernel, *vectors: tuple[int, int, bool]) -> Kernel:
    """A kernel with what it reduces matrices to."""
    return replace(made, vectors=tuple(Vector(*vector) for vector in vectors))


def device(function: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator of functions that kernels call; it inlines them, so that none needs a GPU."""
    return cuda.jit(device=True, inline="always")(function)  # type: ignore[no-any-return]


@intrinsic
def _take_number(context: Any, table: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", arguments[0], ir.IntType(64)(1), "monotonic")

    return types.int64(types.CPointer(types.int64)), generate


#: ``take_number(table)``: add 1 to the first entry of a table; return its previous value.
take_number = simulated.take_number if SIMULATED else _take_number
#: On a device, ``math.floor`` returns the type of its argument; in Python, it returns an integer,
#: which can't be NaN.
floor: Function = np.floor if SIMULATED else math.floor
