"""Expressions as JavaScript: in calls and operators that mean the same there as in Python."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.expression import GIVEN, Expression
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY
from optgen.compiler.ir.randomness import DRAWS

#: The object whose functions expressions call.
_LIBRARY = "math"
#: Operators that JavaScript has no sign for, or one of another meaning.
_CALLED = {"**": "power", "%": "modulo", "and": "both", "or": "either", "not": "opposite"}
_NAMES = {"where": "where", "square": "square", GIVEN: GIVEN}
FUNCTIONS_OF_SCRIPTS: Mapping[str, str] = {
    operator: f"{_LIBRARY}.{name}"
    for operator, name in (
        *((name, REGISTRY[name].name) for name in FUNCTIONS),
        *((name, name) for name in DRAWS),
        *_CALLED.items(),
        *_NAMES.items(),
    )
}
#: What draws depend on besides the seed, the step and their number.
_OF_DRAWS = "tensor, position"


def arithmetic(names: Mapping[str, str]) -> Printer:
    """The printer of expressions, with what names are spelled as."""
    return Printer(names=names, functions=FUNCTIONS_OF_SCRIPTS, draws=_OF_DRAWS)


def script_of(expression: Expression, printer: Printer) -> str:
    """The text of an expression, checked. Raises AssertionError if it says something else.

    What is left of Python's grammar is calls, names, numbers, comparisons of two operands and the
    four operations, with the precedence that JavaScript gives them; two signs in a row are not.
    """
    text = printed(expression, printer)
    if "--" in text or "inf" in text.split():
        raise AssertionError(f"printed {text!r}, which means something else in JavaScript")
    return text
