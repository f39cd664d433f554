"""Vectors as sums of other vectors, each with the number that it is multiplied by."""

from __future__ import annotations

from optgen.compiler.ir.expression import Expression, Number, Operation

#: The vectors of a sum, each with its number, if any.
Sum = dict[Expression, Expression | None]


def is_whole(found: Sum) -> bool:
    """Whether a vector is no sum with numbers."""
    return all(times is None for times in found.values())


def scaled(value: Expression, number: Expression | None) -> Expression:
    """A value times a number, if there is one."""
    return value if number is None else Operation("*", (value, number))


def multiple(found: Sum, number: Expression) -> Sum:
    """A sum times a number."""
    return {
        part: number if times is None else Operation("*", (times, number))
        for part, times in found.items()
    }


def negated(found: Sum) -> Sum:
    """A sum with the other sign."""
    return {
        part: Number(-1) if times is None else Operation("neg", (times,))
        for part, times in found.items()
    }


def added(left: Sum, right: Sum) -> Sum:
    """The sum of two; a vector that is in both has one number."""
    found = dict(left)
    for part, times in right.items():
        if part in found:
            both = (one if one is not None else Number(1) for one in (found[part], times))
            found[part] = Operation("+", tuple(both))
        else:
            found[part] = times
    return found
