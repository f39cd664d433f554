"""Draws expressions: numbers and conditions, of elements, of tensors and of a call."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from optgen.compiler.ir.function import Function
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY
from tests.random_programs.bounded import VECTORS, Level
from tests.random_programs.reductions import REDUCTIONS
from tests.random_programs.settings import MATRIX

Picked = TypeVar("Picked")

LITERALS = ("0", "1", "2", "3", "0.5", "0.25", "0.1", "1.5", "1e-7", "1e-3", "10", "100")
SMALL = ("1e-7", "1e-3", "0.1", "1")
EXPONENTS = ("2", "2", "2", "3", "4", "0.5", "1.5", "1", "0", "-1", "-2", "13", "-0.5", "(1/3)")
#: The functions of elements and scalars, of which a choice takes a condition.
DRAWN = [REGISTRY[name] for name in FUNCTIONS if name != "where"]
#: Numbers of a shape, those of matrices last.
SHAPES = ("size", "dims", "rows", "columns")
REDUCED = (*sorted(REDUCTIONS), "sum", "mean", "norm", "norm", "global_sum", "global_norm")


#: What a reduction has one value for, by what its name begins with.
_OVER = {"row": Level.ROWS, "column": Level.COLUMNS, "global": Level.OPTIMIZER}


def over(reduction: str) -> Level:
    """What a reduction has one value for."""
    return _OVER.get(reduction.split("_", maxsplit=1)[0], Level.TENSOR)


@dataclass
class Scope:
    """Names that have a value here, and what each is; hyperparameters that ifs ask for.

    ``given`` are those whose condition holds here. ``levels`` are those of names that aren't
    computed once a call.
    """

    names: dict[str, str]
    asked: frozenset[str]
    given: frozenset[str] = field(default_factory=frozenset)
    levels: dict[str, Level] = field(default_factory=dict)

    def inside(self, asked: frozenset[str], given: frozenset[str]) -> Scope:
        """The scope of a branch."""
        return Scope(dict(self.names), asked, given, dict(self.levels))

    def level(self, text: str) -> Level:
        """The level of an expression."""
        return self._level(ast.parse(text, mode="eval").body)

    def _level(self, node: ast.expr) -> Level:
        match node:
            case ast.Name(id="param" | "grad"):
                return Level.ELEMENT
            case ast.Name(id=name):
                return self.levels.get(name, Level.TENSOR if name in SHAPES else Level.HOST)
            case ast.Call(func=ast.Name(id=name), args=[term]) if name in REDUCTIONS:
                inner = self._level(term)
                is_axial = over(name) in (Level.ROWS, Level.COLUMNS)
                return Level.MATRIX if is_axial and inner in VECTORS else over(name)
        found = Level.HOST
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr) and not _is_function(part, node):
                found |= self._level(part)
        return found


def _is_function(part: ast.expr, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and part is node.func


class Expressions:
    """Writes expressions over the hyperparameters of a spec."""

    def __init__(
        self,
        draw: random.Random,
        hyperparameters: Mapping[str, Mapping[str, Any]],
        taken: Collection[str],
    ) -> None:
        """``taken`` are the names that a spec has values of its own for."""
        self._draw, self._hyperparameters, self._taken = draw, hyperparameters, taken
        self._limit = Level.ELEMENT

    def limited(self, scope: Scope, depth: int, limit: Level) -> str:
        """A number of a level at most."""
        self._limit = limit
        found = self.number(scope, depth)
        self._limit = Level.ELEMENT
        return found

    def _fits(self, level: Level) -> bool:
        return level | self._limit == self._limit

    def number(self, scope: Scope, depth: int, reductions: int = 3) -> str:
        """A number, of operations ``depth`` deep at most; sums inside sums as deep."""
        draw = self._draw
        if depth <= 0 or draw.random() < 0.2:
            return self._leaf(scope)

        def inner() -> str:
            return self.number(scope, depth - 1, reductions)

        def positive() -> str:
            return draw.choice([f"abs({inner()})", f"({inner()})**2"])

        kinds: list[tuple[float, Callable[[], str]]] = [
            (5, lambda: f"({inner()} {draw.choice('+-')} {inner()})"),
            (5, lambda: f"({inner()})*({inner()})"),
            (3, lambda: f"({inner()})/({self._divisor(inner(), positive())})"),
            (0.5, lambda: f"({inner()}) % {draw.choice(['2', '0.5', '3', positive()])}"),
            (2, lambda: self._power(inner())),
            (4, lambda: self._function(inner, positive)),
            (2, lambda: f"where({self.condition(scope, 2, reductions)}, {inner()}, {inner()})"),
            (0.7, lambda: f"(-({inner()}))"),
        ]
        if reductions and self._limit != Level.HOST:
            kinds.append(
                (
                    4 if MATRIX in scope.given else 2,
                    lambda: self._reduction(scope, depth - 1, reductions - 1),
                )
            )
        return _picked(draw, kinds)()

    def _reduction(self, scope: Scope, depth: int, reductions: int) -> str:
        names = [name for name in REDUCED if self._fits(over(name))]
        if MATRIX not in scope.given:
            names = [name for name in names if over(name) not in (Level.ROWS, Level.COLUMNS)]
        if not names:
            return self._leaf(scope)
        limit, self._limit = self._limit, Level.ELEMENT
        term = self.number(scope, depth, reductions)
        self._limit, level = limit, scope.level(term)
        if level in VECTORS:
            # Along what it is the same for, a vector has nothing to reduce.
            axial = (Level.ROWS, Level.COLUMNS)
            names = [
                name
                for name in names
                if over(name) == Level.TENSOR
                or (over(name) in axial and over(name) | level == Level.ELEMENT)
            ]
        return f"{self._draw.choice(names or ['norm'])}({term})" if names else self._leaf(scope)

    def _divisor(self, plain: str, positive: str) -> str:
        draw = self._draw
        small = draw.choice(SMALL)
        kinds = [(0.3, plain), (1.0, f"{positive} + {small}"), (1.0, f"max({positive}, {small})")]
        return _picked(draw, [*kinds, (1.0, f"sqrt({positive}) + {small}")])

    def _power(self, base: str) -> str:
        draw = self._draw
        exponent = draw.choice(EXPONENTS)
        if exponent not in ("2", "3", "4", "1", "0") and draw.random() < 0.7:
            base = f"abs({base}) + {draw.choice(SMALL)}"
        return f"({base})**{exponent}"

    def _function(self, inner: Callable[[], str], positive: Callable[[], str]) -> str:
        function = self._draw.choice(DRAWN)
        return f"{function.name}({self._arguments(function, inner, positive)})"

    def _arguments(
        self, function: Function, inner: Callable[[], str], positive: Callable[[], str]
    ) -> str:
        """Any, or more often such as a function is good for."""
        small, kinds = self._draw.choice(SMALL), list[tuple[float, Callable[[], str]]]()
        match function.name:
            case "exp":
                kinds.append((1, lambda: f"-{positive()}"))
                kinds.append((1, lambda: f"clip({inner()}, -3, 3)"))
            case "clip":
                kinds.append((1, lambda: f"{inner()}, -{small}, {small}"))
                kinds.append((1, lambda: f"{inner()}, 0, {positive()}"))
        if function.domain:
            kinds.append((1, lambda: f"{positive()} + {small}"))
        if function.domain == ">= 0":
            kinds.append((1, positive))
        kinds.append((0.2, lambda: ", ".join(inner() for _ in function.arguments)))
        return _picked(self._draw, kinds)()

    def _leaf(self, scope: Scope) -> str:
        draw = self._draw
        own = [
            name
            for name, kind in scope.names.items()
            if kind == "number" and name not in ("param", "grad") and self._fits(scope.level(name))
        ]
        shape = SHAPES if MATRIX in scope.given else SHAPES[:2]
        if self._fits(Level.TENSOR) and draw.random() < 0.04:
            free = [name for name in shape if name not in self._taken]
            if free:
                return draw.choice(free)
        found = [
            name
            for name, entry in self._hyperparameters.items()
            if not isinstance(entry.get("default"), bool)
            and (not entry.get("optional") or name in scope.given)
        ]
        elements = self._fits(Level.ELEMENT)
        weighed = [(3 * elements, "grad"), (1.5 * elements, "param"), (2, draw.choice(LITERALS))]
        weighed += [(1.5, draw.choice([*found, "learning_rate"])), (2 * len(found) ** 0.5, "")]
        weighed += [(0.6, draw.choice(["step", "call"])), (4 * len(own) ** 0.5, "own")]
        picked = _picked(draw, weighed)
        if picked == "own":
            return draw.choice(own)
        return picked or draw.choice(found)

    def condition(self, scope: Scope, depth: int, reductions: int = 3) -> str:
        """A condition of any level."""
        draw = self._draw
        known = [
            name
            for name, kind in scope.names.items()
            if kind == "condition" and self._fits(scope.levels.get(name, Level.HOST))
        ]
        switches = [
            k for k, e in self._hyperparameters.items() if isinstance(e.get("default"), bool)
        ]
        optional = [k for k, e in self._hyperparameters.items() if e.get("optional")]
        choices: list[tuple[float, Callable[[Scope, int, int], str]]] = [(4, self._comparison)]
        if known:
            choices.append((1.5, lambda *_: draw.choice(known)))
        if switches:
            choices.append((0.7, lambda *_: draw.choice(switches)))
        if optional:
            choices.append((0.5, lambda *_: f"given({draw.choice(optional)})"))
        if depth > 0:
            choices += [(2.5, self._joined), (0.7, self._negated), (0.5, self._chosen)]
        return _picked(draw, choices)(scope, depth, reductions)

    def _comparison(self, scope: Scope, depth: int, reductions: int) -> str:
        draw = self._draw
        operators = ("<", "<=", ">", ">=", ">", "<", "==", "!=")
        left, right = (self.number(scope, depth, reductions) for _ in range(2))
        kind = draw.random()
        if kind < 0.1:
            middle = self.number(scope, 1, reductions)
            return f"({left} {draw.choice(operators)} {middle} {draw.choice(operators)} {right})"
        if kind < 0.3:
            counted = draw.choice(["step", "call"])
            return draw.choice([f"({counted} % 2 == 0)", f"({counted} > 1)", f"({counted} == 2)"])
        if kind < 0.5:
            right = draw.choice(LITERALS)
        return f"({left} {draw.choice(operators)} {right})"

    def _joined(self, scope: Scope, depth: int, reductions: int) -> str:
        left, right = (self.condition(scope, depth - 1, reductions) for _ in range(2))
        return f"({left} {self._draw.choice(['and', 'or'])} {right})"

    def _negated(self, scope: Scope, depth: int, reductions: int) -> str:
        return f"(not {self.condition(scope, depth - 1, reductions)})"

    def _chosen(self, scope: Scope, depth: int, reductions: int) -> str:
        parts = [self.condition(scope, depth - 1, reductions) for _ in range(3)]
        return f"where({', '.join(parts)})"


def _picked(draw: random.Random, weighed: Sequence[tuple[float, Picked]]) -> Picked:
    """One of several things, each with its weight before it."""
    return draw.choices([thing for _, thing in weighed], [weight for weight, _ in weighed])[0]
