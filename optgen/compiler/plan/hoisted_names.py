"""Names of hoisted values: ``1 - x`` is ``one_minus_x``."""

from __future__ import annotations

import re
from collections.abc import Collection

from optgen.compiler.ir.expression import Expression, Name, Number
from optgen.compiler.ir.functions import REGISTRY

_WORDS = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "over",
    "%": "modulo",
    "@": "by",
    "**": "to_the",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "==": "eq",
    "!=": "ne",
    "and": "and",
    "or": "or",
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_PREFIXES = {
    "neg": "minus",
    "square": "square_of",
    **{f.name: f.notation.word for f in REGISTRY.values() if f.notation.word},
}
#: A number is more readable than a longer name.
LONGEST = 48


def words(expression: Expression) -> str:
    """An expression as one identifier."""
    match expression:
        case Name(name):
            return name
        case Number(value):
            return _number(value)
    operator, operands = expression.operator, [words(part) for part in expression.operands]
    if operator == "given":
        return f"{operands[0]}_given"
    if operator in _WORDS:
        return f"_{_WORDS[operator]}_".join(operands)
    return "_".join([_PREFIXES.get(operator, operator), *operands])


def _number(value: float) -> str:
    """A number as part of an identifier, or as one; an identifier can't begin with a digit."""
    if value < 0:
        return f"minus_{_number(-value)}"
    spelled = repr(value)
    whole = re.split(r"\D", spelled, maxsplit=1)[0]
    rest = spelled[len(whole) :]
    first = _NUMBERS[int(whole)] if int(whole) < len(_NUMBERS) else f"n{whole}"
    for sign, word in ((".", "_point_"), ("e", "_e"), ("-", "_minus_"), ("+", "_")):
        rest = rest.replace(sign, word)
    return first + rest


def switch_name(expression: Expression) -> str:
    """The name of the constant for a static condition: ``x > 0`` becomes ``x_gt_0``."""
    if isinstance(expression, Name):
        return expression.id
    spelled = words(expression)
    for number, word in enumerate(_NUMBERS):
        spelled = re.sub(rf"(?<=_){word}(?=_|\Z)", str(number), spelled)
    return spelled


def fresh(wish: str, stem: str, taken: Collection[str]) -> str:
    """A unique name: the wished name, or one derived from ``stem`` if that is too long."""
    base = wish if len(wish) <= LONGEST else f"{stem}_part"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    return name
