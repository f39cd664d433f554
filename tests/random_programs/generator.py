"""Draws programs: valid specs over the whole language, and runs of them."""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optgen.compiler.ir.language import VIEWS
from tests.random_programs.arithmetic import joined
from tests.random_programs.bounded import VECTORS, Level
from tests.random_programs.expressions import Expressions, Scope
from tests.random_programs.program import Program, as_toml
from tests.random_programs.settings import MATRIX, Argument
from tests.random_programs.step import SHAPES
from tests.random_programs.surroundings import features, forms
from tests.random_programs.tidying import Table, tidy, uses_view

#: Names that rules of people have, and some that generated code might want for itself.
NAMES = (
    *("alpha", "beta", "beta_1", "rho", "decay", "momentum", "epsilon", "rate", "nu", "gamma"),
    *("m", "v", "u", "velocity", "accumulator", "average", "delta", "d", "x", "y", "t", "z"),
)
AWKWARD = (
    *("row", "tensors", "sums", "totals", "scalars", "super", "size", "i", "k", "first", "real"),
    *("block", "chunk", "lanes", "total", "value", "ops", "control", "partial", "count", "start"),
    *("mode", "factors", "number", "ticket", "threads", "finish", "alone", "np", "cuda", "loop"),
    *("grad_block", "param_lanes", "x_total", "m_address", "float64", "njit", "pointer", "on"),
    *("update", "absent", "update_sums", "host", "self", "kwargs", "name", "cpu", "options"),
    *("kernels", "state", "Any", "Number", "State", "dict", "str", "int", "float", "max_x", "h"),
    *("kept", "overwrite", "gradient_norm", "clip_factor", "gradient", "error", "e", "pi", "len"),
)


def draw(seed: int) -> Program:
    """The program of a seed."""
    return _Draft(random.Random(seed), seed).program()


def level_of(entry: Mapping[str, Any]) -> Level:
    """What a state has one value for."""
    return SHAPES[entry.get("shape", "element")]


class _Draft:
    def __init__(self, draw: random.Random, seed: int) -> None:
        self._draw, self._seed = draw, seed
        self._taken: set[str] = set()
        self._awkward = draw.random() < 0.15
        self._hyperparameters: dict[str, dict[str, Any]] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._conditions: dict[str, str] = {}
        self._count = 0

    def program(self) -> Program:
        draw = self._draw
        view = draw.choice(["", *VIEWS])
        for _ in range(draw.randint(0, 5)):
            self._hyperparameter()
        if view:
            self._taken.add(MATRIX)
            self._conditions[MATRIX] = MATRIX
        self._expressions = Expressions(draw, self._hyperparameters, self._taken)
        for _ in range(draw.choice([0, 1, 1, 2, 3])):
            self._state()
        scope = Scope({"param": "number", "grad": "number"}, frozenset())
        scope.levels |= {"param": Level.ELEMENT, "grad": Level.ELEMENT}
        scope.levels |= {name: level_of(entry) for name, entry in self._states.items()}
        scope.names |= {name: "number" for name, e in self._states.items() if "when" not in e}
        lines = self._body(scope, 0, draw.randint(1, 5))
        for name, entry in self._states.items():
            lines += self._keep(name, entry, scope)
        if draw.random() < 0.4:
            lines += self._body(scope, 0, draw.randint(1, 2))
        lines.append(self._last(scope))
        tree = ast.parse("\n".join(lines))
        tables = tidy(tree, self._hyperparameters, self._states)
        view = view if uses_view(tree, tables[1]) else ""
        toml = as_toml(f"Random{self._seed}", *tables, ast.unparse(tree), view)
        hyperparameters = tables[0]
        # Two states can't stand in for one parameter.
        stands_in = any("stands_in" in entry for entry in self._states.values())
        arguments = {**self._given(hyperparameters), **features(draw, averages=not stands_in)}
        excludable = [k for k, e in hyperparameters.items() if "excluded" in e]
        excludable += [*({"weight_decay"} & {*arguments}), *([MATRIX] if view else [])]
        variables = forms(draw, excludable, matrices=bool(view))
        return Program(
            seed=self._seed,
            toml=toml,
            arguments=arguments,
            forms=variables,
            calls=draw.choice([2, 3, 3, 4]),
            missing=draw.choice([0, 0, 0, 0.2]),
            odd=draw.choice([0, 0, 0, 0, 0.02]),
            options=self._options(hyperparameters) if draw.random() < 0.25 else {},
        )

    def _name(self) -> str:
        draw = self._draw
        while True:
            pool = AWKWARD if self._awkward and draw.random() < 0.4 else NAMES
            name = draw.choice(pool)
            if name in self._taken:
                name = f"{name}_{draw.randint(1, 99)}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def _hyperparameter(self) -> None:
        draw, name = self._draw, self._name()
        kind = draw.choice(
            ["number", "number", "switch", "optional", "integer", "optional integer"]
        )
        entry: dict[str, Any] = {}
        if kind == "switch":
            entry["default"] = draw.random() < 0.5
            self._conditions[name] = name
        elif "integer" in kind:
            entry |= {"integer": True, "range": f"{name} >= 1"}
            self._conditions[name] = f"{name} > {draw.randint(1, 4)}"
        else:
            low, high = draw.choice([(0, 1), (0, None), (None, None)])
            if high is not None:
                entry["range"] = f"{low} <= {name} < {high}"
            elif low is not None:
                entry["range"] = f"{name} >= {low}"
            least = draw.choice([0, 0.5, 0.25])
            self._conditions[name] = draw.choice(
                [
                    f"{name} > {least}",
                    f"{name} * 2 < 1.5",
                    f"{name} == 0.5",
                    f"0.25 < {name} < 0.75",
                ]
            )
        if "optional" in kind:
            entry["optional"] = True
            self._conditions[name] = f"given({name})"
        elif kind != "switch":
            entry["default"] = self._number(entry)
            if kind == "number" and draw.random() < 0.1:
                entry["excluded"] = 0.5
        self._hyperparameters[name] = entry

    def _number(self, entry: Mapping[str, Any]) -> float | int:
        draw = self._draw
        if entry.get("integer"):
            return draw.randint(1, 5)
        if "<" in entry.get("range", ""):
            return draw.choice([0.0, 0.5, 0.9, 0.99, round(draw.random(), 3)])
        found = draw.choice([0.0, 0.5, 1.0, 1e-7, 2.5, round(draw.uniform(0, 3), 3)])
        return found if "range" in entry else found * draw.choice([1, 1, -1])

    def _state(self) -> None:
        draw, name = self._draw, self._name()
        entry: dict[str, Any] = {}
        numbers = [
            key
            for key, e in self._hyperparameters.items()
            if not isinstance(e.get("default"), bool) and not e.get("optional")
        ]
        start = draw.choice(["", "", "number", "param", "hyperparameter"])
        if start == "number":
            entry["initial"] = draw.choice([1, 0.5, -2.0, 0.1])
        elif start == "param":
            entry["initial"] = "param"
        elif start == "hyperparameter" and numbers:
            entry["initial"] = draw.choice(numbers)
        if self._conditions and draw.random() < 0.3:
            entry["when"] = draw.choice(list(self._conditions.values()))
        self._shape(entry)
        if draw.random() < 0.03 and "shape" not in entry:
            entry["stands_in"] = True
        self._states[name] = entry

    def _shape(self, entry: dict[str, Any]) -> None:
        """A shape of a state; some have rows and columns, where a variable does."""
        draw = self._draw
        if draw.random() < 0.5:
            return
        shapes = ["tensor", "optimizer", "call"]
        if MATRIX in self._conditions and draw.random() < 0.7:
            entry["when"], shapes = MATRIX, ["rows", "columns", "rows", "columns", "tensor"]
        shape = draw.choice(shapes)
        entry["shape"] = shape
        if entry.get("initial", "param") == "param":
            # A number that begins at zero often stays there.
            entry["initial"] = draw.choice([0.5, 1, -2.0, 0.1, 0])
        if shape == "optimizer":
            entry.pop("when", None)

    def _local(self) -> str:
        if self._awkward and self._draw.random() < 0.3:
            return self._name()
        self._count += 1
        return f"t{self._count}"

    def _body(self, scope: Scope, depth: int, count: int) -> list[str]:
        """Some statements; ``scope`` learns what they define."""
        lines: list[str] = []
        for _ in range(count):
            kind = self._draw.choices(
                ["local", "again", "condition", "grad", "param", "state", "if"],
                [4, 1.5, 1, 0.6, 0.5, 1.5, 2 if depth < 3 else 0],
            )[0]
            lines += self._statement(kind, scope, depth)
        return lines

    def _statement(self, kind: str, scope: Scope, depth: int) -> list[str]:
        draw, write = self._draw, self._expressions
        if kind == "if":
            return self._branches(scope, depth)
        if kind == "condition":
            known = [name for name, found in scope.names.items() if found == "condition"]
            known = [name for name in known if scope.levels.get(name) not in VECTORS]
            name = draw.choice(known) if known and draw.random() < 0.3 else self._local()
            text = write.condition(scope, 2)
            if name in known and scope.level(text) in VECTORS:
                name = self._local()
            return self._assigned(scope, name, text, "condition")
        if kind in ("grad", "param"):
            return [f"{kind} = {write.number(scope, 3)}"]
        targets = [name for name, found in scope.names.items() if found == "number"]
        if kind == "state":
            shared = [name for name in targets if scope.levels.get(name) == Level.OPTIMIZER]
            pool = [n for n in targets if n in self._states and (n not in shared or depth == 0)]
            name = draw.choice(pool) if pool else ""
            return [f"{name} = {self._new_value(name, scope, 4)}"] if name else []
        text = write.number(scope, 4)
        pool = [name for name in targets if name not in (*self._states, "param", "grad")]
        # What is a vector stays one of the same kind; what all variables share has one value.
        level = scope.level(text)
        # In a branch, what is assigned has the level that it has elsewhere.
        any_of = (Level.HOST, Level.TENSOR, Level.ELEMENT)
        kinds = (level,) if level in VECTORS or depth else any_of
        pool = [name for name in pool if scope.levels.get(name, Level.HOST) in kinds]
        is_again = kind == "again" and pool and level != Level.OPTIMIZER
        return self._assigned(scope, draw.choice(pool) if is_again else self._local(), text)

    def _assigned(self, scope: Scope, name: str, text: str, kind: str = "number") -> list[str]:
        scope.levels[name] = scope.levels.get(name, Level.HOST) | scope.level(text)
        scope.names[name] = kind
        return [f"{name} = {text}"]

    def _new_value(self, name: str, scope: Scope, depth: int) -> str:
        """A value that a state can hold."""
        entry, write = self._states[name], self._expressions
        if entry.get("shape") == "call":
            of_calls = {n for n, e in self._states.items() if e.get("shape") == "call"}
            levels = {n: Level.HOST if n in of_calls else k for n, k in scope.levels.items()}
            return write.limited(replace(scope, levels=levels), depth, Level.HOST)
        return write.limited(scope, depth, level_of(entry))

    def _branches(self, scope: Scope, depth: int) -> list[str]:
        draw = self._draw
        free = [name for name in self._conditions if name not in scope.asked]
        draw.shuffle(free)
        if MATRIX in free and draw.random() < 0.5:
            free = [MATRIX, *(name for name in free if name != MATRIX)]
        if not free:
            return []
        inner: list[Scope] = []
        lines: list[str] = []
        asked = scope.asked
        for place, name in enumerate(free[: draw.choice([1, 1, 2])]):
            condition, holds = self._conditions[name], True
            asked |= {name}
            if draw.random() < 0.15:
                condition, holds = f"not {condition}", False
            elif len(free) > 2 and draw.random() < 0.15:
                other = free[-1]
                condition = f"{condition} {draw.choice(['and', 'or'])} {self._conditions[other]}"
                holds, asked = False, asked | {other}
            own = scope.inside(asked, frozenset())
            if holds:
                own.given = scope.given | {name}
                own.names |= {
                    state: "number"
                    for state, e in self._states.items()
                    if e.get("when") == self._conditions[name]
                }
            lines.append(f"{'if' if place == 0 else 'elif'} {condition}:")
            body = self._body(own, depth + 1, draw.randint(1, 3)) or ["pass"]
            lines += [f"    {line}" for line in body]
            inner.append(own)
        if draw.random() < 0.6:
            own = scope.inside(asked, scope.given)
            lines.append("else:")
            body = self._body(own, depth + 1, draw.randint(1, 2)) or ["pass"]
            lines += [f"    {line}" for line in body]
            self._join(scope, [*inner, own])
        else:
            self._join(scope, [*inner, scope])
        return lines

    @staticmethod
    def _join(scope: Scope, branches: Sequence[Scope]) -> None:
        """Names that all branches assign; rows and columns are of matrices only."""
        for name in {*branches[-1].names}.intersection(*(b.names for b in branches)):
            kinds = {b.names[name] for b in branches}
            levels = [b.levels.get(name, Level.HOST) for b in branches]
            if name in scope.names:
                scope.levels[name] = joined(levels)
            elif len(kinds) == 1 and not {*levels} & {*VECTORS}:
                scope.names[name], scope.levels[name] = kinds.pop(), joined(levels)

    def _keep(self, name: str, entry: dict[str, Any], scope: Scope) -> list[str]:
        """An assignment of a state, which reads it too."""
        condition = entry.get("when")
        own = scope.inside(scope.asked, scope.given)
        own.names[name] = "number"
        if condition is not None:
            own.given = scope.given | {k for k, c in self._conditions.items() if c == condition}
        more, other = (self._new_value(name, own, depth) for depth in (3, 2))
        near = "grad" if "shape" not in entry else more
        line = self._draw.choice(
            [
                f"{name} = 0.5*{name} + {more}",
                f"{name} = {name} + 0.25*({near} - {name})",
                f"{name} = max({name}, {more})",
                f"{name} = {other} - {name}",
            ]
        )
        return [line] if condition is None else [f"if {condition}:", f"    {line}"]

    def _last(self, scope: Scope) -> str:
        change = self._expressions.number(scope, 4)
        return self._draw.choice(
            [
                f"param = param - learning_rate*({change})",
                f"param = param - learning_rate*grad*({change})",
                f"param = param - ({change})",
                f"param = {change}",
            ]
        )

    def _options(self, hyperparameters: Table) -> dict[str, dict[str, Argument]]:
        """Other arguments for some variables."""
        draw = self._draw
        found: dict[str, dict[str, Argument]] = {}
        for pattern in draw.sample(["v0", "v1", "v2", "v*", "v[12]"], draw.randint(1, 2)):
            own = self._given(hyperparameters)
            found[pattern] = {name: v for name, v in own.items() if draw.random() < 0.5}
        return {pattern: values for pattern, values in found.items() if values}

    def _given(self, hyperparameters: Table) -> dict[str, Argument]:
        draw = self._draw
        found: dict[str, Argument] = {"learning_rate": draw.choice([0.1, 0.01, 1.0, 0.3])}
        for name, entry in hyperparameters.items():
            if isinstance(entry.get("default"), bool):
                found[name] = draw.random() < 0.5
            elif entry.get("optional"):
                if draw.random() < 0.6:
                    found[name] = self._number(entry)
            elif draw.random() < 0.6:
                found[name] = self._number(entry)
        return found
