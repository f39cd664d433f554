"""Verification of printed expressions: the text is parsed again and the trees compared."""

from __future__ import annotations

import ast

from optgen.compiler.emit import syntax
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.randomness import DRAWS

_BINARY: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "%": ast.Mod,
    "**": ast.Pow,
    "and": ast.BitAnd,
    "or": ast.BitOr,
}
_COMPARE: dict[str, type[ast.cmpop]] = {
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "==": ast.Eq,
    "!=": ast.NotEq,
}


def printed(expression: Expression, printer: Printer) -> str:
    """The text of an expression, checked. Raises AssertionError if it says something else."""
    text = printer(expression)
    if not syntax.same(syntax.expression(text), _tree(expression, printer)):
        raise AssertionError(f"printed {text!r}, which means something else")
    return text


def _tree(expression: Expression, printer: Printer) -> ast.expr:
    match expression:
        case Number():
            return _number(expression, printer)
        case Name(name):
            # A name, or what the printer reads it from.
            return syntax.expression(printer.name(name))
    operator = expression.operator
    if operator in DRAWS:
        return _draw(expression, printer)
    operands = [_tree(operand, printer) for operand in expression.operands]
    if operator in printer.functions:
        function = syntax.expression(printer.functions[operator])
        return ast.Call(function, operands, [])
    if operator == "where":
        return ast.IfExp(test=operands[0], body=operands[1], orelse=operands[2])
    if operator in _BINARY:
        return ast.BinOp(operands[0], _BINARY[operator](), operands[1])
    if operator in _COMPARE:
        return ast.Compare(operands[0], [_COMPARE[operator]()], [operands[1]])
    return ast.UnaryOp(ast.USub() if operator == "neg" else ast.Not(), operands[0])


def _draw(expression: Operation, printer: Printer) -> ast.expr:
    """A random number, of what a target adds, the seed and the step, and the number of the draw."""
    *key, last = expression.operands
    assert isinstance(last, Number)
    before = printer.draws.split(", ") if printer.draws else []
    added = [syntax.expression(one) for one in before]
    arguments = [*added, *(_tree(one, printer) for one in key), ast.Constant(last.value)]
    called = printer.functions.get(expression.operator, expression.operator)
    return ast.Call(syntax.expression(called), arguments, [])


def _number(number: Number, printer: Printer) -> ast.expr:
    value = printer.number(number.value)
    literal: ast.expr = ast.Constant(abs(value))
    if repr(value).startswith("-"):
        literal = ast.UnaryOp(ast.USub(), literal)
    if not printer.real:
        return literal
    return ast.Call(syntax.expression(printer.real), [literal], [])
