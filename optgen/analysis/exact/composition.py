"""Composition of steps: values after several steps in terms of those before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from optgen.compiler.ir.expression import Expression, Name, depth, substitute, walk

#: Limits on the nodes of a value and on its nesting depth: functions that walk a value use a few
#: Python frames per level.
LARGEST, DEEPEST = 5000, 150
#: The limit on values that stand in others instead of a name, where products of matrices repeat
#: them, and what the names have that no spec can declare.
LARGEST_PART, OF_PART = 200, " of part "


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
    steps: Iterable[Assigns],
    held: Mapping[str, Expression],
    largest: int = LARGEST,
    parts: dict[str, Expression] | None = None,
) -> dict[str, Expression]:
    """The values of names after some steps.

    ``held`` are the initial values of names, if they differ from the names themselves. Larger
    values get names of their own in ``parts``, if given, each in terms of the earlier ones. Raises
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
        if parts is not None and sizes[step.target] > LARGEST_PART:
            name = f"{step.target}{OF_PART}{len(parts)}"
            parts[name], values[step.target] = values[step.target], Name(name)
            sizes[step.target] = 1
    return values


def _size(expression: Expression) -> int:
    return sum(1 for _ in walk(expression))
