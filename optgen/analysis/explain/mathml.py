"""Rules in MathML: the steps of each variant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from optgen.analysis.explain.symbols import greek, scope, stem_and_index, word
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, precedence
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.matrix import PRODUCT, TRANSPOSE
from optgen.compiler.ir.reduction import REDUCERS, Reducer
from optgen.compiler.ir.rule import Step

_MINUS, _TURNED = "\N{MINUS SIGN}", "\N{DOWN TACK}"
_INFIX = {
    "+": "+",
    "-": _MINUS,
    "%": "mod",
    PRODUCT: "@",
    "<": "<",
    "<=": "≤",
    ">": ">",
    ">=": "≥",
    "==": "=",
    "!=": "≠",
    "and": "∧",
    "or": "\N{LOGICAL OR}",
}
#: The delimiters around the operand of some functions.
_FENCES = {
    **{f.name: f.notation.fences for f in REGISTRY.values() if f.notation.fences},
}
#: The MathML elements that represent some functions.
_ELEMENTS = {f.name: f.notation.element for f in REGISTRY.values() if f.notation.element}

_NOTATED = frozenset({"/", *_ELEMENTS, *_FENCES, *REDUCERS})


def steps_in_mathml(steps: Iterable[Step]) -> str:
    """Assignments, one per line; the arrow denotes that a name may be reassigned."""
    rows = (
        (_symbol(step.target), _row('<mo form="infix">←</mo>', _formula(step.expression)))
        for step in steps
    )
    return f'<math display="block">{_table(rows, "steps", displaystyle=True)}</math>'


def mathml(expression: Expression) -> str:
    """An expression as inline MathML."""
    return f"<math>{_formula(expression)}</math>"


def _symbol(name: str) -> str:
    stem, index = stem_and_index(name)
    letter = f"<mi>{greek(stem) or escape(stem)}</mi>"
    return f"<msub>{letter}<mn>{index}</mn></msub>" if index else letter


def _formula(expression: Expression) -> str:
    match expression:
        case Number(value):
            return f"<mn>{value if isinstance(value, int) else format(value, 'g')}</mn>"
        case Name(name):
            return _symbol(name)
    operator, operands = expression.operator, expression.operands
    parts = [_formula(operand) for operand in operands]
    if operator in _NOTATED:
        return _notated(operator, parts)
    if operator in ("neg", "not"):
        return _signed(expression)
    if operator == TRANSPOSE:
        matrix = _inside(operands[0], expression, strictly=True)
        return f"<msup>{_row(matrix)}{_operator(_TURNED)}</msup>"
    if operator == "**":
        base = _inside(operands[0], expression, strictly=True)
        return f"<msup>{_row(base)}{_row(parts[1])}</msup>"
    if operator == "where":
        cases = [(parts[1], parts[0]), (parts[2], "<mtext>otherwise</mtext>")]
        return _row(_fence("{", "prefix"), _table(cases, "cases"))
    if operator == "*" or operator in _INFIX:
        left = _inside(operands[0], expression, strictly=False)
        right = _inside(operands[1], expression, strictly=operator not in ("+", "*"))
        return _row(left, _operator(_INFIX[operator]) if operator != "*" else _times(right), right)
    listed = _operator(",").join(parts)
    # An invisible operator marks the preceding name as a function.
    return _row(f"<mi>{escape(operator)}</mi>", _operator("\N{FUNCTION APPLICATION}"), _in(listed))


def _notated(operator: str, parts: list[str]) -> str:
    """An operation with a notation of its own."""
    if operator == "/":
        return f"<mfrac>{_row(parts[0])}{_row(parts[1])}</mfrac>"
    if operator in _ELEMENTS:
        return f"<{_ELEMENTS[operator]}>{''.join(parts)}</{_ELEMENTS[operator]}>"
    if operator in _FENCES:
        before, behind = _FENCES[operator]
        return _row(_fence(before, "prefix"), parts[0], _fence(behind, "postfix"))
    return _reduction(REDUCERS[operator], parts[0])


def _reduction(reducer: Reducer, term: str) -> str:
    """A norm, or a named function, with what it is over as its index."""
    over = scope(reducer)
    if reducer.is_norm:
        return _row(_fence("‖", "prefix"), term, _indexed(_fence("‖", "postfix"), over))
    head = _indexed(f"<mi>{word(reducer)}</mi>", over)
    return _row(head, _operator("\N{FUNCTION APPLICATION}"), _in(term))


def _indexed(shown: str, index: str) -> str:
    return f"<msub>{shown}<mtext>{index}</mtext></msub>" if index else shown


def _inside(operand: Expression, whole: Expression, *, strictly: bool) -> str:
    """An operand, in parentheses if its precedence is lower; fractions and roots need none."""
    shown = _formula(operand)
    is_power = isinstance(whole, Operation) and whole.operator == "**"
    if isinstance(operand, Operation) and operand.operator == "/" and not is_power:
        return shown
    weaker = precedence(operand) < precedence(whole)
    same = strictly and precedence(operand) == precedence(whole) and isinstance(operand, Operation)
    return _in(shown) if weaker or same else shown


def _signed(expression: Operation) -> str:
    (operand,) = expression.operands
    if expression.operator == "neg":
        return _row(_operator(_MINUS), _inside(operand, expression, strictly=True))
    shown = _formula(operand)
    return _row(_operator("¬"), shown if isinstance(operand, Name) else _in(shown))


def _times(right: str) -> str:
    """A thin space, or a dot if the right factor would be read as a part of the left one."""
    if re.match(f"(<mrow>|<msup>)*(<mn>|<mo>{_MINUS})", right):
        return _operator("·")
    return '<mo lspace="0.15em" rspace="0.15em">\N{INVISIBLE TIMES}</mo>'


def _in(shown: str) -> str:
    return _row(_fence("(", "prefix"), shown, _fence(")", "postfix"))


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _operator(sign: str) -> str:
    return f"<mo>{escape(sign)}</mo>"


def _fence(sign: str, form: str) -> str:
    return f'<mo stretchy="true" form="{form}">{sign}</mo>'


def _table(rows: Iterable[tuple[str, ...]], kind: str, *, displaystyle: bool = False) -> str:
    lines = "".join(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in row)}</mtr>" for row in rows)
    return f'<mtable class="{kind}" displaystyle="{str(displaystyle).lower()}">{lines}</mtable>'
