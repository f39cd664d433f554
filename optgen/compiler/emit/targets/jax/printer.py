"""Statements of functions of ``jax.numpy``, which change none of their arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from optgen.compiler.emit.code import Function, HostScalars, Pass, SharedScalars
from optgen.compiler.emit.targets.array_operations import (
    ArrayPrinter,
    host_operations,
    operations,
    reductions,
)

#: The library's name in a module, and that of the variable, which draws and reduces.
_LIBRARY, _VARIABLE = "jnp", "variable"
_IMPORTED = "numpy as jnp"
_TENSORS, _SCALARS = (f"{name}: dict[str, Array]" for name in ("tensors", "scalars"))
_OF_VARIABLE = f"{_VARIABLE}: Any"


class JaxPrinter(ArrayPrinter):
    """Prints pure functions of dictionaries, which hold tensors and scalars by name.

    Literals stay Python's numbers, which take the dtype of the arrays that they meet.
    """

    support: ClassVar = {"Any": "typing", "Array": "jax", _IMPORTED: "jax"}
    operations: ClassVar = operations(_LIBRARY, _VARIABLE)
    host_operations: ClassVar = host_operations(_LIBRARY, _VARIABLE)
    reductions: ClassVar = reductions(_VARIABLE)
    stored: ClassVar = f"{_VARIABLE}.as_stored"

    def parameters(self, function: Function) -> str:
        """The parameters of a function before its switches."""
        match function:
            case Pass():
                return ", ".join([_TENSORS, _SCALARS, _OF_VARIABLE])
            case HostScalars():
                return "scalars: dict[str, Any]"
            case SharedScalars():
                return _SCALARS
        return ", ".join([_SCALARS, _OF_VARIABLE])

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        reduces = isinstance(function, Pass) and bool(function.reductions)
        return {**super().context(function), "reduces": reduces}

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        found = super().context(function)
        if f"{_LIBRARY}." in found["body"]:
            yield _IMPORTED
        yield from (name for name in ("Any", "Array") if name in found["first"])
