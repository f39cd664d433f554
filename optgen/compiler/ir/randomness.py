"""Random numbers of the language: one for each element and call, from a counter."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.expression import Expression, Number, Operation, rewrite, walk

#: The functions without arguments that draw a number, each with its distribution.
DRAWS = {
    "normal": "the normal distribution of mean 0 and variance 1",
    "uniform": "the uniform distribution between 0 and 1",
    "random_sign": "-1 and 1, with the same probability",
}
#: The hyperparameter that decides all draws; a spec may declare it with another default.
SEED = "seed"
#: More draws than any rule has.
MOST_DRAWS = 4096


def redrawn(expression: Expression, first: int) -> Expression:
    """The expression with other numbers of its draws."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in DRAWS:
            return None
        (number,) = part.operands
        assert isinstance(number, Number)
        return Operation(part.operator, (Number(number.value + first),), part.location)

    return rewrite(expression, change)


def seeded(expression: Expression, *names: Expression) -> Expression:
    """The expression whose draws also have the names of the seed and the step as operands."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in DRAWS:
            return None
        return Operation(part.operator, (*names, *part.operands), part.location)

    return rewrite(expression, change)


def number_of(draw: Operation) -> int:
    """The number of a draw, which no other one of the rule has."""
    number = draw.operands[-1]
    assert isinstance(number, Number)
    return int(number.value)


def draws_of(expression: Expression) -> Iterator[int]:
    """The numbers of the draws of an expression."""
    for part in walk(expression):
        if isinstance(part, Operation) and part.operator in DRAWS:
            yield number_of(part)


def has_draws(expression: Expression) -> bool:
    """Whether an expression draws a random number."""
    return any(True for _ in draws_of(expression))
