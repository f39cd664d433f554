"""Text of a spec → expressions and guarded assignments, by a whitelist over Python's syntax tree.

The text is only ever parsed by ``ast``, never evaluated.
"""

from __future__ import annotations

import ast
import math
import warnings
from dataclasses import replace

from optgen.compiler.nouns.expression import (
    FUNCTION_NAMES,
    FUNCTIONS,
    Expression,
    Name,
    Number,
    Operation,
)
from optgen.compiler.nouns.problem import Location, Problem, nearest
from optgen.compiler.nouns.spec import Text

#: Bounds on one text, far above any readable rule.
MOST_CHARACTERS, MOST_NODES, MOST_DEPTH = 16_000, 4_000, 60
LARGEST_LITERAL = 2**53

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "**",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_INSTEAD = {
    ast.AugAssign: "write the assignment out: x = x + y",
    ast.IfExp: "use where(condition, a, b)",
    ast.Attribute: "the language has plain names only",
    ast.Subscript: "a name stands for the whole array",
    ast.BitXor: "a power is written **",
    ast.For: "the language has no loops",
    ast.While: "the language has no loops",
}


class Grammar:
    """Turns one located text into trees; problems are collected in ``problems``."""

    def __init__(self, text: Text, problems: list[Problem]) -> None:
        self._text, self._problems = text, problems
        self._rows = text.value.split("\n")
        self._shift = 0

    def at(self, node: ast.AST) -> Location:
        """Where a node stands in the spec file."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        last_line, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column)
        length = end - column if last_line == line else len(self._rows[line - 1]) - column
        return self._place(line, column, max(1, length))

    def _place(self, line: int, column: int, length: int = 1) -> Location:
        base = self._text.location
        if line == 1:
            return replace(base, column=base.column + column + self._shift, length=length)
        row = self._rows[line - 1] if line <= len(self._rows) else ""
        return Location(base.path, base.line + line - 1, column + 1, row, length)

    def complain(self, message: str, location: Location, hint: str = "") -> None:
        """Collect a problem."""
        self._problems.append(Problem(message, location, hint))

    def statements(self) -> list[ast.stmt]:
        """The statements of a rule."""
        tree = self._parse(self._text.value, "exec")
        return tree.body if isinstance(tree, ast.Module) else []

    def expression(self) -> Expression | None:
        """The text as one expression, None where it has a problem."""
        stripped = self._text.value.lstrip(" \t")
        self._shift = len(self._text.value) - len(stripped)
        tree = self._parse(stripped, "eval")
        return self.convert(tree.body) if isinstance(tree, ast.Expression) else None

    def _parse(self, text: str, mode: str) -> ast.AST | None:
        if len(text) > MOST_CHARACTERS:
            self.complain(f"is longer than {MOST_CHARACTERS} characters", self._text.location)
            return None
        for number, row in enumerate(self._rows, start=1):
            code = row.split("#")[0]
            if not code.isascii():
                column = next(i for i, letter in enumerate(code) if not letter.isascii())
                self.complain(
                    f"{code[column]!r} is not an ASCII character",
                    self._place(number, column),
                    "write names and operators in plain ASCII; comments may hold anything",
                )
                return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text, mode=mode)
        except SyntaxError as error:
            place = self._place(error.lineno or 1, max(0, (error.offset or 1) - 1))
            self.complain(f"can't be read: {error.msg}", place)
            return None
        except (RecursionError, MemoryError, ValueError) as error:
            self.complain(
                f"can't be read: {error or 'it is nested too deeply'}", self._text.location
            )
            return None
        return tree if self._is_small(tree) else None

    def _is_small(self, tree: ast.AST) -> bool:
        level, depth, count = [tree], 0, 0
        while level:
            level = [child for node in level for child in ast.iter_child_nodes(node)]
            depth, count = depth + 1, count + len(level)
            if depth > 2 * MOST_DEPTH or count > MOST_NODES:
                self.complain("is too large or nested too deeply", self._text.location)
                return False
        return True

    def convert(self, node: ast.expr) -> Expression | None:
        """A Python expression as one of ours, None where it has a problem."""
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return Name(node.id, self.at(node))
            case ast.UnaryOp(op=ast.USub()):
                return self._apply("neg", [node.operand], node)
            case ast.UnaryOp(op=ast.Not()):
                return self._apply("not", [node.operand], node)
            case ast.BinOp() if type(node.op) in _BINARY:
                return self._apply(_BINARY[type(node.op)], [node.left, node.right], node)
            case ast.BoolOp():
                operator = "and" if isinstance(node.op, ast.And) else "or"
                return self._chain(operator, [self.convert(value) for value in node.values], node)
            case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=function), keywords=[]):
                return self._call(function, node)
        part: ast.AST = getattr(node, "op", node)
        kind = type(part).__name__
        hint = _INSTEAD.get(type(part), _INSTEAD.get(type(node), ""))
        self.complain(f"{kind} is not part of the language", self.at(node), hint)
        return None

    def _number(self, node: ast.Constant) -> Number | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.complain(f"{value!r:.40} is not a number", self.at(node))
        elif abs(value) > LARGEST_LITERAL or not math.isfinite(value):
            self.complain("this number is too large", self.at(node))
        else:
            return Number(value, self.at(node))
        return None

    def _apply(self, operator: str, operands: list[ast.expr], node: ast.expr) -> Expression | None:
        converted = [self.convert(operand) for operand in operands]
        complete = tuple(part for part in converted if part is not None)
        if len(complete) < len(converted):
            return None
        return Operation(operator, complete, self.at(node))

    def _chain(
        self, operator: str, parts: list[Expression | None], node: ast.expr
    ) -> Expression | None:
        result = parts[0]
        for part in parts[1:]:
            if result is None or part is None:
                return None
            result = Operation(operator, (result, part), self.at(node))
        return result

    def _comparison(self, node: ast.Compare) -> Expression | None:
        sides = [node.left, *node.comparators]
        parts = [
            self._apply(_COMPARE[type(op)], [left, right], node)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return self._chain("and", list(parts), node)

    def _call(self, function: str, node: ast.Call) -> Expression | None:
        if function not in FUNCTION_NAMES:
            known = ", ".join(sorted(FUNCTION_NAMES))
            hint = nearest(function, FUNCTION_NAMES) or f"the functions are {known}"
            self.complain(f"unknown function {function!r}", self.at(node.func), hint)
            return None
        arity = FUNCTIONS.get(function, 1)
        if len(node.args) != arity:
            count = "1 argument" if arity == 1 else f"{arity} arguments"
            self.complain(f"{function} takes {count}, not {len(node.args)}", self.at(node))
            return None
        return self._apply(function, node.args, node)


def instead(node: ast.stmt) -> str:
    """A hint for a statement that the language doesn't have."""
    return _INSTEAD.get(type(node), "a rule is made of assignments and if … else")
