"""Composition of steps: values after several steps in terms of those before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from optgen.compiler.ir.expression import Expression, Name, depth, substitute, walk

#: Limits on the nodes of a value and on its nesting depth: functions that walk a value use a few
#: Python frames per level.
LARGEST, DEEPEST = 5000, 150


class TooLargeError(Exception):
    """A value whose expression is too large."""


class Assigns(Protocol):
    """A step of a rule or of a plan."""

    @property
    def target(self) -> str:
        """The name that the step assigns."""

    @property
    def expression(self) -> Expression:
        """The assigned expression, in terms of the current values of names."""


def composed(
    steps: Iterable[Assigns], held: Mapping[str, Expression], largest: int = LARGEST
) -> dict[str, Expression]:
    """The values of names after some steps.

    ``held`` are the initial values of names, if they differ from the names themselves. Raises
    TooLargeError.
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
