"""Rules in LaTeX: the steps of each variant."""

from __future__ import annotations

from optgen.analysis.explain.symbols import greek, scope, stem_and_index, word
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, precedence
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.matrix import PRODUCT, TRANSPOSE
from optgen.compiler.ir.reduction import REDUCERS, Reducer
from optgen.compiler.ir.rule import Step

_INFIX = {
    "+": " + ",
    "-": " - ",
    "*": r" \, ",
    PRODUCT: r" \mathbin{@} ",
    "%": r" \bmod ",
    "<": " < ",
    "<=": r" \le ",
    ">": " > ",
    ">=": r" \ge ",
    "==": " = ",
    "!=": r" \ne ",
    "and": r" \land ",
    "or": r" \lor ",
}


def latex(step: Step) -> str:
    """An assignment in LaTeX; the arrow denotes that a name may be reassigned."""
    return rf"{symbol(step.target)} \leftarrow {formula(step.expression)}"


def symbol(name: str) -> str:
    """A name of a spec in mathematical notation."""
    stem, index = stem_and_index(name)
    shown = f"\\{stem}" if greek(stem) else stem if len(stem) == 1 else _upright(stem)
    return f"{shown}_{{{index}}}" if index else shown


def _upright(name: str) -> str:
    escaped = name.replace("_", r"\_")
    return rf"\mathrm{{{escaped}}}"


def _of_reduction(reducer: Reducer) -> tuple[str, str]:
    """A sum, a mean, a norm or an extremum, with what it is over as its index."""
    over = scope(reducer)
    index = rf"_{{\mathrm{{{over}}}}}" if over else ""
    if reducer.is_norm:
        return r"\left\| ", rf" \right\|{index}"
    return rf"\operatorname{{{word(reducer)}}}{index}\left(", r"\right)"


#: The text before, between and after the operands of some operations.
_NOTATION = {
    "/": (r"\frac{", "}{", "}"),
    **{f.name: f.notation.latex for f in REGISTRY.values() if f.notation.latex},
    **{name: _of_reduction(reducer) for name, reducer in REDUCERS.items()},
}


def formula(expression: Expression) -> str:
    """An expression in LaTeX, without redundant parentheses."""
    match expression:
        case Number(value):
            return str(value) if isinstance(value, int) else f"{value:g}"
        case Name(name):
            return symbol(name)
    operator, operands = expression.operator, expression.operands
    parts = [formula(operand) for operand in operands]
    if operator in _NOTATION:
        first, *rest = _NOTATION[operator]
        return first + "".join(part + after for part, after in zip(parts, rest, strict=True))
    if operator in ("neg", "not"):
        sign = "-" if operator == "neg" else r"\lnot "
        return sign + _inside(operands[0], expression, strictly=True)
    if operator == TRANSPOSE:
        return rf"{_inside(operands[0], expression, strictly=True)}^{{\top}}"
    if operator == "**":
        return rf"{_inside(operands[0], expression, strictly=True)}^{{{parts[1]}}}"
    if operator == "where":
        cases = rf"{parts[1]} & {parts[0]} \\ {parts[2]} & \mathrm{{otherwise}}"
        return rf"\begin{{cases}} {cases} \end{{cases}}"
    if operator in _INFIX:
        left = _inside(operands[0], expression, strictly=False)
        right = _inside(operands[1], expression, strictly=operator not in ("+", "*"))
        return left + _INFIX[operator] + right
    escaped = operator.replace("_", r"\_")
    return rf"\operatorname{{{escaped}}}\left({', '.join(parts)}\right)"


def _inside(operand: Expression, whole: Expression, *, strictly: bool) -> str:
    """An operand, in parentheses if its precedence is lower; fractions and roots need none."""
    shown = formula(operand)
    if isinstance(operand, Operation) and operand.operator == "/" and not _is_power(whole):
        return shown
    weaker = precedence(operand) < precedence(whole)
    same = strictly and precedence(operand) == precedence(whole) and isinstance(operand, Operation)
    return rf"\left({shown}\right)" if weaker or same else shown


def _is_power(expression: Expression) -> bool:
    return isinstance(expression, Operation) and expression.operator == "**"
