"""Functions of whole matrices on a device, by torch or CuPy.

Both take arrays in the memory of a device and work on their current stream, as kernels do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from math import nan
from typing import Any

import numpy as np

from optgen.runtime.matrix_calls import (
    EIGENVECTORS,
    INVERSE_ROOT,
    LARGEST_ROWS,
    ORTHONORMAL,
    SINGULAR_VECTORS,
)
from optgen.runtime.matrix_library import BFLOAT16, MatrixLibrary

Shape = Sequence[int]


@dataclass(frozen=True)
class DeviceMatrices:
    """What a library has for scratch matrices on a device.

    ``room`` allocates an array of a shape and dtype on a device, ``strided`` makes a view with a
    shape and strides, which count elements.
    """

    room: Callable[[int, Shape, np.dtype[Any]], Any]
    strided: Callable[[Any, Shape, Shape], Any]
    functions: MatrixLibrary


def matrices_by(owner: str, compute: str) -> DeviceMatrices:
    """Those of the library that owns the variables, or of any that is there for other arrays.

    ``compute`` is the type of products that the rule asks for. Raises ImportError where there is
    none.
    """
    if owner != "cupy" and find_spec("torch") is not None:
        torch = import_module("torch")
        if owner == "torch" or torch.cuda.is_available():
            return by_torch(torch, compute)
    if find_spec("cupy") is not None:
        return by_cupy(import_module("cupy"))
    raise ImportError(
        "a rule that multiplies matrices needs torch or CuPy on a device: install torch with CUDA, "
        "or cupy-cuda12x"
    )


def by_torch(torch: Any, compute: str) -> DeviceMatrices:
    """Torch's functions; products are in bfloat16 where a rule asks for it and the device can."""

    def room(device: int, shape: Shape, dtype: np.dtype[Any]) -> Any:
        return torch.empty(shape, dtype=getattr(torch, dtype.name), device=f"cuda:{device}")

    def multiply(left: Any, right: Any, out: Any) -> None:
        torch.matmul(left, right, out=out)

    own = import_module("optgen.torch.matrix_library")
    functions = _functions(torch, multiply, lambda array: array.double())
    if compute == BFLOAT16 and torch.cuda.is_available() and torch.cuda.is_bf16_supported():
        functions = replace(
            functions, multiply=own.in_bfloat16, add=own.add_in_bfloat16, inner=own.inner
        )
    else:
        functions = replace(functions, add=own.add)
    return DeviceMatrices(room, torch.as_strided, functions)


def by_cupy(cupy: Any) -> DeviceMatrices:
    """CuPy's functions, which multiply in the type of the variables; NumPy has the same names."""

    def room(device: int, shape: Shape, dtype: np.dtype[Any]) -> Any:
        with cupy.cuda.Device(device):
            return cupy.empty(shape, dtype)

    def strided(flat: Any, shape: Shape, strides: Shape) -> Any:
        steps = [step * flat.itemsize for step in strides]
        return cupy.lib.stride_tricks.as_strided(flat, shape, steps)

    def multiply(left: Any, right: Any, out: Any) -> None:
        cupy.matmul(left, right, out=out)

    def add(left: Any, right: Any, out: Any, added: Any, times: float, number: float) -> None:
        cupy.matmul(left, right, out=out)
        out *= times
        out += number * added

    functions = _functions(cupy, multiply, lambda array: array.astype(np.float64))
    return DeviceMatrices(room, strided, replace(functions, add=add))


def _functions(
    module: Any, multiply: Callable[[Any, Any, Any], object], widened: Callable[[Any], Any]
) -> MatrixLibrary:
    """The functions of a module: decompositions in float64, and NaN where elements aren't finite.

    Libraries differ in what they make of such elements; some raise.
    """

    def decomposing(made: Callable[..., Any]) -> Callable[..., None]:
        def assign(matrices: Any, out: Any, *numbers: float) -> None:
            wide = widened(matrices)
            is_odd = ~module.isfinite(wide).all(-1).all(-1)[..., None, None]
            found = made(module.where(is_odd, module.zeros_like(wide), wide), *numbers)
            # Of singular vectors, as many are wanted as there is room for.
            out[...] = module.where(is_odd, nan, found[..., : out.shape[-1]])

        return assign

    def root(square: Any, degree: float, shift: float) -> Any:
        values, vectors = module.linalg.eigh(square)
        scales = (values.clip(0) + shift) ** (-1 / degree)
        return (vectors * scales[..., None, :]) @ vectors.swapaxes(-1, -2)

    def singular(matrices: Any) -> Any:
        found = module.linalg.svd(matrices, full_matrices=False)[0]
        largest, smallest = module.amax(found, -2), module.amin(found, -2)
        # The largest entry of each is positive.
        return module.where((largest < -smallest)[..., None, :], -found, found)

    def largest_rows(matrices: Any) -> Any:
        sums = abs(matrices).sum(-1)
        place = module.ones_like(sums).cumsum(-1) - 1
        own, other = sums[..., None], sums[..., None, :]
        is_first = (other == own) & (place[..., None, :] < place[..., None])
        before = ((other > own) | is_first).sum(-1)
        return before[..., None] == place[..., None, :]

    of_matrix = {
        ORTHONORMAL: decomposing(lambda matrix: module.linalg.qr(matrix)[0]),
        EIGENVECTORS: decomposing(lambda square: module.linalg.eigh(square)[1]),
        INVERSE_ROOT: decomposing(root),
        SINGULAR_VECTORS: decomposing(singular),
        LARGEST_ROWS: decomposing(largest_rows),
    }
    return MatrixLibrary(multiply, {**of_matrix, **_of_axes(module, widened)})


def _of_axes(module: Any, widened: Callable[[Any], Any]) -> dict[str, Callable[[Any, Any], None]]:
    """The reductions of rows and columns, each the same number in all that broadcasts to it."""
    reducers: dict[str, Callable[[Any, int], Any]] = {
        "sum": lambda wide, axis: wide.sum(axis),
        "mean": lambda wide, axis: wide.mean(axis),
        "norm": lambda wide, axis: module.sqrt((wide * wide).sum(axis)),
        "largest": module.amax,
        "smallest": module.amin,
    }

    def along(reduce: Callable[[Any, int], Any], axis: int) -> Callable[[Any, Any], None]:
        kept = (..., None) if axis == -1 else (..., None, slice(None))

        def assign(matrices: Any, out: Any) -> None:
            out[...] = reduce(widened(matrices), axis)[kept]

        return assign

    return {
        f"{of}_{name}": along(reduce, axis)
        for of, axis in (("row", -1), ("column", -2))
        for name, reduce in reducers.items()
    }
