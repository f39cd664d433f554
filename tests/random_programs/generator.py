"""Draws programs: valid specs over the whole language, and runs of them."""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping
from typing import Any

from tests.random_programs.expressions import Expressions, Scope
from tests.random_programs.program import Program, as_toml
from tests.random_programs.settings import Argument
from tests.random_programs.surroundings import features, forms
from tests.random_programs.tidying import Table, tidy

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
        for _ in range(draw.randint(0, 5)):
            self._hyperparameter()
        self._expressions = Expressions(draw, self._hyperparameters)
        for _ in range(draw.choice([0, 1, 1, 2, 3])):
            self._state()
        scope = Scope({"param": "number", "grad": "number"}, frozenset())
        scope.names |= {name: "number" for name, e in self._states.items() if "when" not in e}
        lines = self._body(scope, 0, draw.randint(1, 5))
        for name, entry in self._states.items():
            lines += self._keep(name, entry, scope)
        lines.append(self._last(scope))
        tree = ast.parse("\n".join(lines))
        tables = tidy(tree, self._hyperparameters, self._states)
        toml = as_toml(f"Random{self._seed}", *tables, ast.unparse(tree))
        hyperparameters = tables[0]
        # Two states can't stand in for one parameter.
        stands_in = any("stands_in" in entry for entry in self._states.values())
        arguments = {**self._given(hyperparameters), **features(draw, averages=not stands_in)}
        excludable = [k for k, e in hyperparameters.items() if "excluded" in e]
        variables = forms(draw, [*excludable, *({"weight_decay"} & {*arguments})])
        return Program(
            seed=self._seed,
            toml=toml,
            arguments=arguments,
            forms=variables,
            calls=draw.choice([2, 3, 3, 4]),
            missing=draw.choice([0, 0, 0, 0.2]),
            odd=draw.choice([0, 0, 0, 0, 0.02]),
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
        if draw.random() < 0.03:
            entry["stands_in"] = True
        self._states[name] = entry

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
            name = draw.choice(known) if known and draw.random() < 0.3 else self._local()
            line = f"{name} = {write.condition(scope, 2)}"
            scope.names[name] = "condition"
            return [line]
        if kind in ("grad", "param"):
            return [f"{kind} = {write.number(scope, 3)}"]
        targets = [name for name, found in scope.names.items() if found == "number"]
        if kind == "again":
            pool = [name for name in targets if name not in (*self._states, "param", "grad")]
        else:
            pool = [name for name in targets if name in self._states and kind == "state"]
        name = draw.choice(pool) if pool else self._local()
        line = f"{name} = {write.number(scope, 4)}"
        scope.names[name] = "number"
        return [line]

    def _branches(self, scope: Scope, depth: int) -> list[str]:
        draw = self._draw
        free = [name for name in self._conditions if name not in scope.asked]
        draw.shuffle(free)
        if not free:
            return []
        inner: list[dict[str, str]] = []
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
            own = Scope(dict(scope.names), asked)
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
            inner.append(own.names)
        if draw.random() < 0.6:
            own = Scope(dict(scope.names), asked, scope.given)
            lines.append("else:")
            body = self._body(own, depth + 1, draw.randint(1, 2)) or ["pass"]
            lines += [f"    {line}" for line in body]
            common = {*own.names}.intersection(*inner)
            for name in common - scope.names.keys():
                if all(names[name] == own.names[name] for names in inner):
                    scope.names[name] = own.names[name]
        return lines

    def _keep(self, name: str, entry: dict[str, Any], scope: Scope) -> list[str]:
        """An assignment of a state, which reads it too."""
        condition = entry.get("when")
        own = Scope({**scope.names, name: "number"}, scope.asked, scope.given)
        if condition is not None:
            own.given = scope.given | {k for k, c in self._conditions.items() if c == condition}
        more = self._expressions.number(own, 3)
        line = self._draw.choice(
            [
                f"{name} = 0.5*{name} + {more}",
                f"{name} = {name} + 0.25*(grad - {name})",
                f"{name} = max({name}, {more})",
                f"{name} = {self._expressions.number(own, 2)} - {name}",
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
