"""Rules evaluated from their text, by Python's own parser and nothing of optgen.

What the language means is written down here a second time: docs/language.md is its source.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce

import numpy as np

from tests.random_programs import arithmetic
from tests.random_programs.bounded import LONG, Array, Level, Number, Rounding, Truth, single
from tests.random_programs.matrices import Layout, Part
from tests.random_programs.reductions import REDUCTIONS, Freedom, reduced
from tests.random_programs.settings import Setting

Value = Number | Truth

_BINARY: Mapping[type[ast.operator], Callable[[Rounding, Number, Number], Number]] = {
    ast.Add: arithmetic.add,
    ast.Sub: arithmetic.subtract,
    ast.Mult: arithmetic.multiply,
    ast.Div: arithmetic.divide,
    ast.Mod: arithmetic.modulo,
}
_COMPARE: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "sqrt": arithmetic.root,
    "abs": arithmetic.size,
    "sign": arithmetic.sign,
    "exp": arithmetic.exponential,
    "log": arithmetic.logarithm,
    "tanh": arithmetic.tangent,
    "atan2": arithmetic.angle,
    "floor": arithmetic.floor,
    "min": arithmetic.smallest,
    "max": arithmetic.largest,
    "clip": arithmetic.clip,
}
#: Numbers of a variable's shape, by their names in a rule.
SHAPES: Mapping[str, Callable[[Part], int]] = {
    "size": lambda part: part.size,
    "rows": lambda part: part.counts[1],
    "columns": lambda part: part.counts[2],
    "dims": lambda part: len(part.shape),
}


class Interpreter:
    """Runs the statements of one rule over elements; ``names`` holds what is known by name."""

    def __init__(
        self,
        layout: Layout,
        freedom: Freedom,
        settings: Sequence[Setting],
        own: Setting,
        names: dict[str, Value],
    ) -> None:
        """``settings`` are those of the variables, ``own`` is that of the optimizer itself."""
        self._layout, self._rounding, self._freedom = layout, layout.rounding, freedom
        self._settings, self._own, self.names = settings, own, names
        self._levels: Mapping[str, Level] = {}
        self._several: frozenset[str] = frozenset()
        self._shared: frozenset[str] = frozenset()
        #: The places that the current line runs for, and whether it is of the optimizer itself.
        self._running = np.ones(layout.count, np.bool_)
        self._is_own, self._own_runs = False, True
        self._own_names: dict[str, Value] = {}

    def run(self, rule: str, states: Mapping[str, Level]) -> None:
        """Run a rule; what it assigns is in ``names``. States have the levels of their shapes."""
        tree = ast.parse(rule)
        targets = Counter(
            node.targets[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        )
        self._levels = {"param": Level.ELEMENT, "grad": Level.ELEMENT, **states}
        self._several = frozenset(name for name, count in targets.items() if count > 1)
        shared = {name for name, level in states.items() if level == Level.OPTIMIZER}
        self._shared = sharing(tree, shared)
        self._statements(tree.body)

    def _statements(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._is_own = name in self._shared
                    if self._own_runs if self._is_own else self._running.any():
                        self._assign(name, self._stored(name, self.value(value)))
                    self._assign_own(name, value)
                case ast.If(test=test):
                    self._branches(node, self._where(test), self._own.holds(test))
                case ast.Pass():
                    pass
                case _:
                    raise ValueError(f"no statement of the language: {ast.unparse(node)}")

    def _branches(self, node: ast.If, holds: Array, own_holds: bool) -> None:
        """Run both branches, each for the variables that it is for."""
        around, own = self._running, self._own_runs
        branches = (node.body, holds, own_holds), (node.orelse, ~holds, not own_holds)
        for body, running, own_runs in branches:
            self._running, self._own_runs = around & running, own and own_runs
            if self._running.any() or self._own_runs:
                self._statements(body)
        self._running, self._own_runs = around, own

    def _assign(self, name: str, value: Value) -> None:
        """Give a name a value at the places that the line runs for."""
        old = self.names.get(name)
        if old is None or self._is_own or self._running.all():
            self.names[name] = value
            return
        level = old.level | value.level
        if isinstance(old, Truth) and isinstance(value, Truth):
            truth, sure = (
                np.where(self._running, new, before)
                for new, before in ((value.value, old.value), (value.sure, old.sure))
            )
            self.names[name] = Truth(truth, sure, level)
            return
        assert isinstance(old, Number)
        assert isinstance(value, Number)
        number, error = (
            np.where(self._running, new, before)
            for new, before in ((value.value, old.value), (value.error, old.error))
        )
        self.names[name] = Number(number, error, level)

    def _assign_own(self, name: str, value: ast.expr) -> None:
        """A value of hyperparameters also has one of the optimizer's own."""
        self._own_names.pop(name, None)
        if self._own_runs and name in self.names and self.names[name].level == Level.HOST:
            self._is_own = True
            self._own_names[name] = self.value(value)

    def _stored(self, name: str, value: Value) -> Value:
        """What a name holds: what has a level of its own, and several values, is rounded there."""
        if isinstance(value, Truth):
            return value
        if name in self._levels:
            level = self._levels[name]
            if value.level | level != level:
                raise ValueError(f"{name} can't hold as many values")
            return self._rounding.at(value, level)
        if name not in self._several:
            return value
        # One of them may be of elements.
        rounded = self._rounding.at(value, Level.ELEMENT)
        return Number(value.value, np.maximum(value.error, rounded.error), value.level)

    @staticmethod
    def parsed(text: str) -> ast.expr:
        """An expression in the notation of a spec."""
        return ast.parse(text, mode="eval").body

    def _where(self, node: ast.expr) -> Array:
        """The places where a static condition holds."""
        return self._layout.spread([setting.holds(node) for setting in self._settings]) > 0

    def value(self, node: ast.expr) -> Value:
        """The value of an expression."""
        match node:
            case ast.Constant(value=float() | int() as number):
                return single(float(number), self._layout.count)
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=ast.USub()):
                return arithmetic.negative(self._rounding, self.number(node.operand))
            case ast.UnaryOp(op=ast.Not()):
                return arithmetic.opposite(self.truth(node.operand))
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.BinOp():
                apply = _BINARY[type(node.op)]
                return apply(self._rounding, self.number(node.left), self.number(node.right))
            case ast.BoolOp():
                join = arithmetic.both if isinstance(node.op, ast.And) else arithmetic.either
                return reduce(join, map(self.truth, node.values))
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, node.args)
        raise ValueError(f"no expression of the language: {ast.unparse(node)}")

    def number(self, node: ast.expr) -> Number:
        """The value of an expression that is a number."""
        found = self.value(node)
        assert isinstance(found, Number), ast.unparse(node)
        return found

    def truth(self, node: ast.expr) -> Truth:
        """The value of an expression that is a condition."""
        found = self.value(node)
        assert isinstance(found, Truth), ast.unparse(node)
        return found

    def _named(self, name: str) -> Value:
        if self._is_own and name in self._own_names:
            return self._own_names[name]
        if name in self.names:
            return self.names[name]
        if name in SHAPES and all(name not in setting.arguments for setting in self._settings):
            counts = [SHAPES[name](part) for part in self._layout.parts]
            count = self._layout.spread(counts).astype(LONG)
            return Number(count, np.zeros_like(count), Level.TENSOR)
        found = [(self._own if self._is_own else s).value(name) for s in self._settings]
        values = self._layout.spread([np.nan if value is None else value for value in found])
        if any(isinstance(value, bool) for value in found):
            return Truth(values > 0, np.ones(len(values), np.bool_), Level.HOST)
        # Where the host may compute in the parameter's format, so may what holds an argument.
        given = values.astype(LONG)
        return self._rounding(given, np.zeros_like(given), Level.HOST)

    def _power(self, node: ast.BinOp) -> Number:
        base, exponent = self.number(node.left), self.number(node.right)
        written = _written(node.right)
        if written == 0.5:
            return arithmetic.root(self._rounding, base)
        is_whole = written is not None and written == int(written)
        whole = int(written) if is_whole and written is not None else None
        return arithmetic.power(self._rounding, base, exponent, whole)

    def _comparison(self, node: ast.Compare) -> Truth:
        sides = [self.number(side) for side in (node.left, *node.comparators)]
        parts = [
            arithmetic.compare(self._rounding, _COMPARE[type(op)], left, right)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        found = parts[0]
        for part in parts[1:]:
            found = arithmetic.both(found, part)
        return found

    def _call(self, name: str, args: Sequence[ast.expr]) -> Value:
        if name == "given":
            test = ast.Call(ast.Name("given"), list(args), [])
            holds = self._where(test)
            return Truth(holds, np.ones_like(holds), Level.HOST)
        if name in REDUCTIONS:
            return self._reduced(name, args[0])
        if name == "where":
            condition, yes, no = self.truth(args[0]), self.value(args[1]), self.value(args[2])
            if isinstance(yes, Truth) and isinstance(no, Truth):
                return arithmetic.chosen(condition, yes, no)
            assert isinstance(yes, Number)
            assert isinstance(no, Number)
            return arithmetic.choice(self._rounding, condition, yes, no)
        operands = [self.number(arg) for arg in args]
        return FUNCTIONS[name](self._rounding, *operands)

    def _reduced(self, name: str, arg: ast.expr) -> Number:
        """A reduction, whose terms have the hyperparameters of their variables."""
        is_own, self._is_own = self._is_own, False
        operand = self.number(arg)
        self._is_own = is_own
        return reduced(self._layout, self._freedom, name, operand, self._running)


def sharing(tree: ast.Module, shared: set[str]) -> frozenset[str]:
    """Numbers of the optimizer: states, and the names that these are computed from.

    Such a name has a value that all variables share, which is computed from reductions over all
    variables or from other such numbers.
    """
    lines = [
        (node.targets[0].id, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    common, found = set(shared), set(shared)
    while True:
        before = len(common), len(found)
        for name, value in lines:
            inside = [part for part in outside(value) if isinstance(part, ast.Name | ast.Call)]
            if any(_is_common(part, common) for part in inside):
                common.add(name)
            if name in found:
                found |= {part.id for part in inside if isinstance(part, ast.Name)} & common
        if before == (len(common), len(found)):
            return frozenset(found)


def _is_common(part: ast.Name | ast.Call, common: set[str]) -> bool:
    if isinstance(part, ast.Name):
        return part.id in common
    return isinstance(part.func, ast.Name) and part.func.id.startswith("global_")


def outside(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that no reduction is around; reductions are among them."""
    yield node
    name = node.func if isinstance(node, ast.Call) else None
    if not (isinstance(name, ast.Name) and name.id in REDUCTIONS):
        for part in ast.iter_child_nodes(node):
            yield from outside(part)


def _written(node: ast.expr) -> float | None:
    """A number as it is written, also with a minus before it."""
    match node:
        case ast.Constant(value=float() | int() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=float() | int() as value)):
            return -float(value)
    return None
