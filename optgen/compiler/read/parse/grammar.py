"""Python's syntax tree → expressions, by a whitelist."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence

from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    walk,
)
from optgen.compiler.ir.language import UPDATES, Language, foreign_name
from optgen.compiler.ir.matrix import PRODUCT, TRANSPOSE
from optgen.compiler.ir.problem import Location, Problems, nearest
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.spec import Text
from optgen.compiler.read.parse.foreign import foreign
from optgen.compiler.read.parse.reading import MOST_NODES, Reading

LARGEST_LITERAL = 2**53
#: The bound limits the work on hostile specs.
MOST_ROUNDS = 64
#: How other languages name the reductions, and what their short forms are here.
_LONG = {"max": "largest", "min": "smallest"}
_OF_ELEMENTS = {
    short: f"the {long} element of x is {long}(x); {short}(a, b) compares two values"
    for short, long in _LONG.items()
}

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: PRODUCT,
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


class Grammar:
    """Converts one located text into ASTs; problems are collected in ``problems``."""

    def __init__(
        self, text: Text, mode: str, problems: Problems, language: Language = UPDATES
    ) -> None:
        self._reading = Reading(text, mode, problems)
        self._problems, self._language = problems, language
        self._unknown: set[str] = set()
        self._repeated = 0
        #: How many random numbers the text draws; each has its number as an operand.
        self.draws = 0

    def at(self, node: ast.AST) -> Location:
        """The location of a node in the spec file."""
        return self._reading.at(node)

    def statements(self) -> list[ast.stmt]:
        """The statements of a rule."""
        tree = self._reading.tree
        return tree.body if isinstance(tree, ast.Module) else []

    def expression(self) -> Expression | None:
        """The text as one expression; None if it has a problem."""
        tree = self._reading.tree
        return self.convert(tree.body) if isinstance(tree, ast.Expression) else None

    def rounds(self, node: ast.While) -> int:
        """How often a ``repeat`` runs its lines; 0, with a problem, for what is no count."""
        if not self._reading.is_repeat(node):
            self.refuse(node)
            return 0
        match node.test:
            case ast.Constant(value=int(count)) if 0 < count <= MOST_ROUNDS and count is not True:
                return count
        message = "repeat takes a number of rounds"
        hint = f"write a whole number from 1 to {MOST_ROUNDS}: repeat 5:"
        self._problems.add(message, self.at(node.test), hint)
        return 0

    def probed(self, node: ast.Raise) -> ast.Name | None:
        """The name that a ``probe`` is of; None, with a problem, for what is none."""
        if not self._reading.is_probe(node):
            self.refuse(node)
        elif isinstance(node.exc, ast.Name) and node.cause is None:
            return node.exc
        else:
            message = "probe takes a name that the rule assigns"
            self._problems.add(message, self.at(node), "name the value, then probe the name")
        return None

    def refuse(self, node: ast.AST) -> None:
        """Report that a construct is not part of the language."""
        message, hint = foreign(node)
        self._problems.add(message, self.at(node), hint)

    def convert(self, node: ast.expr) -> Expression | None:
        """A Python expression as an expression of the language; None if it has a problem."""
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return Name(node.id, self.at(node))
            case ast.UnaryOp(op=ast.USub()):
                return self._apply("neg", [node.operand], node)
            case ast.UnaryOp(op=ast.Not()):
                return self._apply("not", [node.operand], node)
            case ast.BinOp(op=ast.MatMult()) if TRANSPOSE not in self._language.functions:
                self.refuse(node)
                return None
            case ast.BinOp() if type(node.op) in _BINARY:
                return self._apply(_BINARY[type(node.op)], [node.left, node.right], node)
            case ast.BoolOp():
                operator = "and" if isinstance(node.op, ast.And) else "or"
                return self._chain(operator, [self.convert(value) for value in node.values], node)
            case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
                return self._comparison(node)
            case ast.Call():
                return self._call(node)
        self.refuse(node)
        return None

    def _number(self, node: ast.Constant) -> Number | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            shown = "…" if value is ... else repr(value)
            self._problems.add(f"{shown:.40} is not a number", self.at(node))
        elif abs(value) > LARGEST_LITERAL or not math.isfinite(value):
            hint = f"numbers in a rule are {LARGEST_LITERAL:.0e} at most"
            self._problems.add("this number is too large", self.at(node), hint)
        else:
            return Number(value, self.at(node))
        return None

    def _apply(
        self, operator: str, operands: Sequence[ast.expr], node: ast.expr
    ) -> Expression | None:
        converted = [self.convert(operand) for operand in operands]
        return self._operation(operator, converted, node)

    def _operation(
        self, operator: str, operands: Sequence[Expression | None], node: ast.expr
    ) -> Expression | None:
        complete = tuple(part for part in operands if part is not None)
        if len(complete) < len(operands):
            return None
        return Operation(operator, complete, self.at(node))

    def _chain(
        self, operator: str, parts: Sequence[Expression | None], node: ast.expr
    ) -> Expression | None:
        result = parts[0]
        for part in parts[1:]:
            result = self._operation(operator, [result, part], node)
        return result

    def _comparison(self, node: ast.Compare) -> Expression | None:
        """``a < b < c`` as ``a < b and b < c``."""
        sides = [self.convert(side) for side in (node.left, *node.comparators)]
        # The middle operand is duplicated, so nested chains would grow exponentially.
        if self._repeated > MOST_NODES:
            return None
        for side in sides[1:-1]:
            self._repeated += sum(1 for _ in walk(side)) if side is not None else 0
            if self._repeated > MOST_NODES:
                self._problems.add("its chained comparisons are nested too deeply", self.at(node))
                return None
        parts = [
            self._operation(_COMPARE[type(op)], [left, right], node)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return self._chain("and", parts, node)

    def _call(self, node: ast.Call) -> Expression | None:
        if not isinstance(node.func, ast.Name):
            self.refuse(node.func)
            return None
        function = node.func.id
        if function not in self._language.functions:
            self._unknown_function(function, node.func)
            return None
        if node.keywords:
            message = f"{function} takes its arguments by position, not by name"
            self._problems.add(message, self.at(node.keywords[0]))
            return None
        arity = self._language.functions[function]
        if function in DRAWS and len(node.args) < 2:
            return self._draw(function, node)
        if len(node.args) != arity:
            count = "1 argument" if arity == 1 else f"{arity} arguments"
            message = f"{function} takes {count}, not {len(node.args)}"
            self._problems.add(message, self.at(node), _OF_ELEMENTS.get(function, ""))
            return None
        return self._apply(function, node.args, node)

    def _draw(self, function: str, node: ast.Call) -> Expression | None:
        """A random number, whose key may be its argument."""
        self.draws += 1
        return self._operation(function, [*map(self.convert, node.args), Number(self.draws)], node)

    def _unknown_function(self, function: str, node: ast.Name) -> None:
        if function not in self._unknown:
            self._unknown.add(function)
            known = self._language.functions
            hint = f"the functions are {', '.join(sorted(known))}"
            if foreign_name(function, self._language):
                message = f"{function} is not a function of {self._language.noun}s"
            else:
                message = f"unknown function {function!r:.80}"
                spelled = re.sub("max$|min$", lambda end: _LONG[end.group()], function)
                hint = nearest(spelled, known) or hint
            self._problems.add(message, self.at(node), hint)
