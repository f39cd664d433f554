"""The expression tree of rules and kernels.

SymPy isn't used here because it reorders sums and merges quotients on construction, which would
change the rounding of a kernel. Trees compare by structure, regardless of their location in the
spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from optgen.compiler.ir.functions import FUNCTIONS, SYMMETRIC
from optgen.compiler.ir.matrix import MATRIX_FUNCTIONS, PRODUCT
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.reduction import REDUCERS

NOWHERE = Location("", 0)


@dataclass(frozen=True)
class Number:
    """A literal; always finite."""

    value: int | float
    location: Location = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Name:
    """A use of a name."""

    id: str
    location: Location = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Operation:
    """The application of an operator (``+``, ``<``, ``and``, ``neg``) or a language function."""

    operator: str
    operands: tuple[Expression, ...]
    location: Location = field(default=NOWHERE, compare=False, repr=False)


Expression = Number | Name | Operation

ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "**"})
#: Each comparison and its negation.
NEGATIONS: Mapping[str, str] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
COMPARISONS = frozenset(NEGATIONS)
LOGICAL = frozenset({"and", "or", "not"})

#: Commutative operations.
COMMUTATIVE = frozenset({"+", "*", "and", "or", "==", "!="}) | SYMMETRIC
#: Functions whose value depends on many elements.
REDUCTIONS = frozenset(REDUCERS)
#: Tests whether an optional hyperparameter was given.
GIVEN = "given"

FUNCTION_NAMES = frozenset(FUNCTIONS) | REDUCTIONS | {GIVEN, *MATRIX_FUNCTIONS}

# Precedence of operators in the notation of a spec; atoms and calls bind tightest.
_PRECEDENCE = {"or": 1, "and": 2, "not": 3}
_PRECEDENCE |= dict.fromkeys(COMPARISONS, 4)
_PRECEDENCE |= {"+": 5, "-": 5, "*": 6, "/": 6, "%": 6, PRODUCT: 6, "neg": 7, "**": 8}
ATOM = 9


def precedence(expression: Expression) -> int:
    """The precedence of the outermost operator of an expression."""
    if isinstance(expression, Operation):
        return _PRECEDENCE.get(expression.operator, ATOM)
    if isinstance(expression, Number) and expression.value < 0:
        return _PRECEDENCE["neg"]
    return ATOM


def is_boolean(expression: Expression, booleans: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is boolean; ``booleans`` are the boolean names."""
    if isinstance(expression, Name):
        return expression.id in booleans
    if isinstance(expression, Number):
        return False
    if expression.operator == "where":
        return is_boolean(expression.operands[1], booleans)
    return expression.operator in COMPARISONS | LOGICAL | {GIVEN}


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all its subexpressions, outermost first."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, Operation):
            waiting += reversed(part.operands)


def depth(expression: Expression) -> int:
    """The nesting depth of operations."""
    level, count = [expression], 0
    while level := [o for part in level if isinstance(part, Operation) for o in part.operands]:
        count += 1
    return count


def names(expression: Expression) -> tuple[str, ...]:
    """Every name used, once each, in order of appearance."""
    return tuple(dict.fromkeys(part.id for part in walk(expression) if isinstance(part, Name)))


def rewrite(
    expression: Expression, change: Callable[[Expression], Expression | None]
) -> Expression:
    """Replace, from the outside in, each subexpression that ``change`` maps to another one."""
    changed = change(expression)
    if changed is not None:
        return changed
    if isinstance(expression, Operation):
        operands = tuple(rewrite(operand, change) for operand in expression.operands)
        return Operation(expression.operator, operands, expression.location)
    return expression


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The expression with names replaced by their values."""

    def change(part: Expression) -> Expression | None:
        return values.get(part.id) if isinstance(part, Name) else None

    return rewrite(expression, change)


def rename(expression: Expression, new: Mapping[str, str]) -> Expression:
    """The expression with some of its names changed."""

    def change(part: Expression) -> Expression | None:
        if isinstance(part, Name) and part.id in new:
            return Name(new[part.id], part.location)
        return None

    return rewrite(expression, change) if new else expression


def text(expression: Expression) -> str:
    """The expression in the notation of a spec, without redundant brackets."""
    if isinstance(expression, Number):
        return repr(expression.value)
    if isinstance(expression, Name):
        return expression.id
    operator, operands = expression.operator, expression.operands
    chained = _chained(expression)
    if chained is not None:
        return chained
    if operator not in _PRECEDENCE:
        return f"{operator}({', '.join(text(operand) for operand in operands)})"
    return infix(operator, operands, text, tight=frozenset({"*", "/", "**"}))


def _chained(expression: Operation) -> str | None:
    """``0 <= x and x < 1`` as ``0 <= x < 1``, its original form."""
    left, *rest = expression.operands
    if expression.operator != "and" or not isinstance(left, Operation):
        return None
    (right,) = rest
    if not isinstance(right, Operation) or not {left.operator, right.operator} <= COMPARISONS:
        return None
    if left.operands[1] != right.operands[0]:
        return None
    return f"{text(left)} {right.operator} {text(right.operands[1])}"


def infix(
    operator: str,
    operands: tuple[Expression, ...],
    print_one: Callable[[Expression], str],
    *,
    tight: frozenset[str],
) -> str:
    """An operator with its operands, which ``print_one`` prints; tight ones without spaces."""
    level = _PRECEDENCE[operator]

    def printed(operand: Expression, least: int) -> str:
        result = print_one(operand)
        return f"({result})" if precedence(operand) < least else result

    if operator in ("neg", "not"):
        return ("-" if operator == "neg" else "not ") + printed(operands[0], level)
    left, right = operands
    # All operators are left-associative, except powers (right) and comparisons (neither).
    least_left = level + 1 if operator == "**" or operator in COMPARISONS else level
    least_right = level if operator == "**" else level + 1
    middle = operator if operator in tight else f" {operator} "
    return printed(left, least_left) + middle + printed(right, least_right)
