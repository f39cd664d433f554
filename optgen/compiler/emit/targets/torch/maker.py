"""What makes the trees of expressions, as its parts see it."""

from __future__ import annotations

import ast
from typing import Protocol

from optgen.compiler.emit.targets.torch.kinds import Kinds
from optgen.compiler.ir.expression import Expression
from optgen.compiler.ir.extents import Extents


class Maker(Protocol):
    """Makes the trees of expressions of a program."""

    extents: Extents
    kinds: Kinds

    def __call__(self, expression: Expression) -> ast.expr:
        """The tree of an expression."""

    def name(self, name: str) -> str:
        """The identifier of a name."""

    def function(self, name: str, *arguments: ast.expr) -> ast.expr:
        """A call of a function that the file must have."""

    def total(self, part: ast.expr) -> ast.expr:
        """The sum over all parameters, of which each gives a part."""
