"""Statements of Keras operations on whole tensors and scalars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from optgen.compiler.emit.code import Function, Pass
from optgen.compiler.emit.targets.array_operations import (
    ArrayPrinter,
    host_operations,
    operations,
    reductions,
)

_DICT = "{}: dict[str, Any]".format
_ELEMENTS = ", ".join([*map(_DICT, ["tensors", "scalars"]), "ops: Any"])
_SUMS = ", ".join([*map(_DICT, ["tensors", "scalars", "sums", "totals"]), "ops: Any"])
_SCALARS = ", ".join([_DICT("scalars"), "ops: Any"])


class KerasPrinter(ArrayPrinter):
    """Prints statements over dictionaries, with the functions of a backend in ``ops``."""

    support: ClassVar = {"Any": "typing"}
    operations: ClassVar = operations("ops", "ops")
    host_operations: ClassVar = host_operations("ops", "ops")
    reductions: ClassVar = reductions("ops")
    stored: ClassVar = "ops.as_stored"
    #: Everything that meets a tensor is a tensor of the same dtype.
    real: ClassVar = "ops.real"

    def parameters(self, function: Function) -> str:
        """The parameters of a function before its switches."""
        if not isinstance(function, Pass):
            return _SCALARS
        return _SUMS if function.reductions else _ELEMENTS

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield "Any"
