"""Draws rules with functions of matrices, whose shapes fit; and runs of them.

Values stay near 1: what is assigned is divided by its norm, and quotients are far from 0.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optgen.compiler.ir.language import VIEWS

#: What a value has a number for: the elements, pairs of rows, of columns and of the fewer, or all.
ELEMENT, ROWS, COLUMNS, SHORT, NUMBER = "element", "rows", "columns", "short", "number"
#: The shapes of states as specs write them.
DECLARED: Mapping[str, str] = {
    ROWS: "rows by rows",
    COLUMNS: "columns by columns",
    SHORT: "short by short",
}
_HEAD = """name = "Products{seed}"
summary = "Drawn."
[matrix]
view = "{view}"
[hyperparameters]
decay = {{ default = {decay}, range = "0 <= decay < 1", doc = "Share." }}
[state]
{states}
[update]
rule = '''
{rule}
'''
"""


@dataclass
class Rule:
    """The text of a spec, and its rule and states."""

    seed: int
    view: str = ""
    decay: float = 0.5
    #: The states with what each has a number for.
    states: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    @property
    def toml(self) -> str:
        """The spec."""
        states = [f"{name} = {{ {_declared(kind)} }}" for name, kind in self.states.items()]
        return _HEAD.format(
            seed=self.seed,
            view=self.view,
            decay=self.decay,
            states="\n".join(states),
            rule="\n".join(self.lines),
        )


def _declared(kind: str) -> str:
    when = 'when = "matrix", doc = "Kept."'
    return f'shape = "{DECLARED[kind]}", {when}' if kind in DECLARED else when


def draw(seed: int) -> Rule:
    """The rule of a seed."""
    return _Draft(random.Random(seed), Rule(seed)).rule()


class _Draft:
    def __init__(self, draw: random.Random, rule: Rule) -> None:
        self._draw, self._rule = draw, rule
        self._names: dict[str, str] = {"grad": ELEMENT, "param": ELEMENT}

    def rule(self) -> Rule:
        draw, rule = self._draw, self._rule
        rule.view = draw.choice([*VIEWS])
        rule.decay = round(draw.uniform(0.1, 0.9), 2)
        kinds = (ELEMENT, ROWS, COLUMNS, SHORT)
        rule.states = {f"s{n}": draw.choice(kinds) for n in range(draw.randint(0, 3))}
        self._names |= rule.states
        lines: list[str] = []
        for _ in range(draw.randint(1, 4)):
            lines += self._statement()
        lines += [self._kept(name, kind) for name, kind in rule.states.items()]
        lines += [f"total = {' + '.join(map(self._seen, self._names))}"]
        lines += ["change = learning_rate*total"]
        plain = ["change = learning_rate*(grad + 0.5*param)"]
        rule.lines = ["if matrix:", *_indented(lines), "else:", *_indented(plain)]
        return rule

    def _statement(self) -> list[str]:
        """A new name; some are assigned again, a number of times or in some calls."""
        draw, name = self._draw, f"t{len(self._names)}"
        kind = draw.choice([ELEMENT, ELEMENT, ROWS, COLUMNS, SHORT, NUMBER])
        lines = [f"{name} = {self._near_1(kind, self._value(kind, 3))}"]
        self._names[name] = kind
        again = f"{name} = 0.5*{name} + 0.5*{self._near_1(kind, self._value(kind, 2))}"
        match draw.random():
            case chance if chance < 0.35:
                lines += [f"repeat {draw.randint(2, 3)}:", *_indented([again])]
            case chance if chance < 0.55:
                lines += [f"if step % 2 == {draw.randint(0, 1)}:", *_indented([again])]
        return lines

    def _kept(self, name: str, kind: str) -> str:
        line = f"{name} = decay*{name} + (1 - decay)*{self._near_1(kind, self._value(kind, 2))}"
        if self._draw.random() < 0.3:
            # A line in one step of two.
            return f"if step % 2 == 1:\n        {line}"
        return line

    def _near_1(self, kind: str, text: str) -> str:
        return f"clip({text}, -2, 2)" if kind == NUMBER else f"({text})/(norm({text}) + 0.5)"

    def _seen(self, name: str) -> str:
        """A matrix of elements that depends on a name."""
        return {
            ELEMENT: f"{name}",
            NUMBER: f"{name}*grad",
            ROWS: f"{name} @ grad",
            COLUMNS: f"grad @ {name}",
            SHORT: f"{name} @ grad",
        }[self._names[name]]

    def _value(self, kind: str, depth: int) -> str:
        """An expression, of operations ``depth`` deep at most."""
        draw = self._draw
        own = [name for name, other in self._names.items() if other == kind]
        if own and (depth <= 0 or draw.random() < 0.15):
            return draw.choice(own)

        def of(other: str) -> str:
            return self._value(other, depth - 1)

        ways: list[Callable[[], str]] = [lambda: self._own(kind, of)] * 3
        if kind != NUMBER:
            ways += [
                lambda: f"({of(kind)} {draw.choice('+-')} {of(kind)})",
                lambda: f"({of(kind)})*({of(kind)})",
                lambda: f"{draw.choice(['0.5', '2', 'decay'])}*({of(kind)})",
                lambda: f"tanh({of(kind)})",
            ]
        if depth <= 0:
            return self._last(kind)
        return draw.choice(ways)()

    def _own(self, kind: str, of: Callable[[str], str]) -> str:
        """What only values of a kind are made of."""
        draw = self._draw
        match kind:
            case "number":
                reduction = draw.choice(["sum", "norm", "largest", "smallest"])
                return f"{reduction}({of(draw.choice([ELEMENT, ROWS, COLUMNS, SHORT]))})"
            case "element":
                return draw.choice(
                    [
                        f"(({of(ROWS)}) @ ({of(ELEMENT)}))",
                        f"(({of(ELEMENT)}) @ ({of(COLUMNS)}))",
                        f"(transpose({of(ROWS)}) @ ({of(ELEMENT)}))",
                        f"(({of(SHORT)}) @ ({of(ELEMENT)}))",
                        f"(({of(ELEMENT)}) @ transpose({of(ELEMENT)}) @ ({of(ELEMENT)}))",
                        f"({of(ELEMENT)})/(row_norm({of(ELEMENT)}) + 0.5)",
                    ]
                )
            case "rows":
                return draw.choice(
                    [
                        f"(({of(ELEMENT)}) @ transpose({of(ELEMENT)}))",
                        f"(({of(ROWS)}) @ transpose({of(ROWS)}))",
                        f"(({of(ELEMENT)}) @ ({of(COLUMNS)}) @ transpose({of(ELEMENT)}))",
                        self._rooted("grad @ transpose(grad)"),
                    ]
                )
            case "columns":
                return draw.choice(
                    [
                        f"(transpose({of(ELEMENT)}) @ ({of(ELEMENT)}))",
                        f"(({of(COLUMNS)}) @ ({of(COLUMNS)}))",
                        f"(transpose({of(ELEMENT)}) @ ({of(ROWS)}) @ ({of(ELEMENT)}))",
                        self._rooted("transpose(grad) @ grad"),
                    ]
                )
        return draw.choice(
            [
                f"gram({of(ELEMENT)})",
                f"(({of(SHORT)}) @ transpose({of(SHORT)}))",
                self._rooted("gram(grad)"),
                f"orthonormal({self._rooted('gram(grad)')})",
                "eigenvectors(gram(grad))",
            ]
        )

    def _rooted(self, square: str) -> str:
        return f"inverse_root({square}, {self._draw.choice('124')}, 0.5)"

    def _last(self, kind: str) -> str:
        """The least that has a kind."""
        return {
            ELEMENT: "grad",
            NUMBER: "norm(grad)",
            ROWS: "(grad @ transpose(grad))",
            COLUMNS: "(transpose(grad) @ grad)",
            SHORT: "gram(grad)",
        }[kind]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
