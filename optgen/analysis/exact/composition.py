"""Composition of steps: values after several steps in terms of those before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from optgen.compiler.ir.expression import Expression, Name, depth, substitute, walk

#: Parts of a value, and how many of them may stand inside each other: functions that walk a
#: value take a few of Python's frames for each.
LARGEST, DEEPEST = 5000, 150


class TooLargeError(Exception):
    """A value that is too large as an expression."""


class Assigns(Protocol):
    """A step of a rule or of a plan."""

    @property
    def target(self) -> str:
        """The name that it assigns."""

    @property
    def expression(self) -> Expression:
        """What it assigns, in terms of what names hold then."""


def composed(
    steps: Iterable[Assigns], held: Mapping[str, Expression], largest: int = LARGEST
) -> dict[str, Expression]:
    """The values of names after some steps; ``held`` are those that aren't their own before.

    Raises TooLargeError.
    """
    values = dict(held)
    sizes = {name: _size(value) for name, value in values.items()}
    for step in steps:
        sizes[step.target] = sum(
            sizes.get(part.id, 1) if isinstance(part, Name) else 1 for part in walk(step.expression)
        )
        if sizes[step.target] > largest:
            raise TooLargeError
        values[step.target] = substitute(step.expression, values)
        if depth(values[step.target]) > DEEPEST:
            raise TooLargeError
    return values


def _size(expression: Expression) -> int:
    return sum(1 for _ in walk(expression))
