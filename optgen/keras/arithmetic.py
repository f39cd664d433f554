"""Functions of printed operations, for tensors and Python floats.

They give the values of the kernels. NaN is propagated, even if a backend's function or compiler
would drop it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from keras.src.backend import is_float_dtype, standardize_dtype


def host_dtype() -> str:
    """The dtype of tensors that are computed once per call: float64 where the backend has it."""
    return str(standardize_dtype(ops.convert_to_tensor(np.zeros((), np.float64)).dtype))


class Functions:
    """The functions of a library, ``keras.ops`` or NumPy, which share their names."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._library, name)
        return found

    def maximum(self, a: Any, b: Any) -> Any:
        """The larger one; NaN if either is NaN."""
        return self.where(self.logical_or(a > b, self.isnan(a)), a, b)

    def minimum(self, a: Any, b: Any) -> Any:
        """The smaller one; NaN if either is NaN."""
        return self.where(self.logical_or(a < b, self.isnan(a)), a, b)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        """``low`` where x is below it, ``high`` where x is above that, and else x."""
        return self.where(x < low, low, self.where(x > high, high, x))

    def sign(self, x: Any) -> Any:
        """-1 or 1; a zero or NaN is kept."""
        return self.where(self.logical_or(x == 0, self.isnan(x)), x, self._library.sign(x))


class TensorFunctions(Functions):
    """Functions of tensors of one dtype, and of booleans."""

    def __init__(self, dtype: str) -> None:
        super().__init__(ops)
        self.dtype = dtype
        self._numbers: dict[str, Any] = {}

    def real(self, value: Any) -> Any:
        """Cast numbers and floating-point tensors to this dtype; others unchanged.

        A number is made a tensor once: use an instance in one graph only.
        """
        if ops.is_tensor(value):
            is_float = is_float_dtype(standardize_dtype(value.dtype))
            return ops.cast(value, self.dtype) if is_float else value
        if value is None or isinstance(value, bool):
            return value
        key = repr(value)
        if key not in self._numbers:
            self._numbers[key] = ops.convert_to_tensor(value, self.dtype)
        return self._numbers[key]


class HostFunctions:
    """Functions of Python floats, in float64, and of tensors once one is among the operands."""

    def __init__(self, dtype: str) -> None:
        self._tensors, self._floats = TensorFunctions(dtype), Functions(np)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._apply, name)

    def piecewise(self, x: Any, bounds: Sequence[float], levels: Sequence[float]) -> Any:
        """The level of the stretch that x lies in; a bound belongs to the stretch before it."""
        *before, found = levels
        for bound, level in reversed([*zip(bounds, before, strict=True)]):
            found = self.where(x <= bound, level, found)
        return found

    def _apply(self, name: str, *operands: Any) -> Any:
        if any(map(ops.is_tensor, operands)):
            return getattr(self._tensors, name)(*map(self._tensors.real, operands))
        with np.errstate(all="ignore"):
            return getattr(self._floats, name)(*operands).item()
