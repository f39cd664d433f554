"""Random numbers of the language: one for each element, from a counter.

A draw without an argument has numbers of its own in each update. ``normal(key)`` has those of the
key, a whole number, wherever a rule draws that key, and in any update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rewrite, walk

#: The functions that draw a number, each with its distribution.
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
        number = Number(number_of(part) + first)
        return Operation(part.operator, (*part.operands[:-1], number), part.location)

    return rewrite(expression, change)


def unnumbered(expression: Expression) -> Expression:
    """The expression as a spec spells it: without the numbers of its draws."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in DRAWS:
            return None
        if (key := key_of(part)) is None:
            return Name(f"{part.operator}()")
        return Operation(part.operator, (key,), part.location)

    return rewrite(expression, change)


def seeded(
    expression: Expression, seed: Name, step: Name, key: Callable[[Expression], Name]
) -> Expression:
    """The expression whose draws have the names of the seed and of the step, or of their key.

    The last operand of each is the number of its stream.
    """

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in DRAWS:
            return None
        counted = step if (own := key_of(part)) is None else key(own)
        return Operation(part.operator, (seed, counted, Number(stream_of(part))), part.location)

    return rewrite(expression, change)


def key_of(draw: Operation) -> Expression | None:
    """What decides the numbers of a draw in the place of the step, if anything does."""
    return draw.operands[0] if len(draw.operands) > 1 else None


def counted(key: Expression) -> Expression:
    """A key as what the counter takes: a whole number, 0 at least."""
    whole = Operation("floor", (key,), key.location)
    return Operation("max", (whole, Number(0)), key.location)


def stream_of(draw: Operation) -> int:
    """The number of a draw in the counter: its own, or that of all draws by key of its kind."""
    number = number_of(draw)
    if key_of(draw) is None:
        return number
    return number - number % MOST_DRAWS + MOST_DRAWS - 1 - [*DRAWS].index(draw.operator)


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
