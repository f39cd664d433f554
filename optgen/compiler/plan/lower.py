"""Lowering: operators that every target supports, and powers as products."""

from __future__ import annotations

from optgen.compiler.ir.expression import Expression, Number, Operation, rewrite

#: The square is a separate operation, so that a target prints its operand once.
SQUARE = "square"


def lower(expression: Expression) -> Expression:
    """Lower integer powers to squares and products, and a power of one half to a square root."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation):
            return None
        if part.operator == "neg" and isinstance(part.operands[0], Number):
            return Number(-part.operands[0].value, part.location)
        if part.operator == "**":
            base, exponent = (lower(operand) for operand in part.operands)
            if isinstance(exponent, Number):
                return _power(base, exponent, part)
        return None

    return rewrite(expression, change)


def _power(base: Expression, exponent: Number, part: Operation) -> Expression:
    value = exponent.value
    if value == 0.5:
        return Operation("sqrt", (base,), part.location)
    if value != int(value):
        return Operation("**", (base, exponent), part.location)
    if value < 0:
        return Operation("/", (Number(1), _whole(base, -int(value))), part.location)
    return _whole(base, int(value))


def _whole(base: Expression, count: int) -> Expression:
    if count == 0:
        return Number(1)
    if count == 1:
        return base
    if count % 2 == 0:
        return Operation(SQUARE, (_whole(base, count // 2),))
    return Operation("*", (base, _whole(base, count - 1)))
