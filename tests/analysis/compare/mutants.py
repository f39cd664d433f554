"""Rules with a slip, and what rules compute by Python's own arithmetic.

``python -m tests.analysis.compare.mutants`` compares every rule of ``pairs`` with its mutants, and
runs those that are said to be equal.
"""

from __future__ import annotations

import math
import random
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optgen.analysis.compare import compare
from optgen.compiler.ir.problem import SpecError
from tests.analysis.compare.pairs import HYPERPARAMETERS, PAIRS, STATES, written

SLIPS = (
    (r" - ", " + "),
    (r" \+ ", " - "),
    (r"\*\*2", "**3"),
    (r"\*\*2", ""),
    (r"sqrt\(", "("),
    (r"abs\(", "("),
    (r"sign\(", "("),
    (r"max\(", "min("),
    (r" > ", " < "),
    (r" > ", " >= "),
    (r"\bstep\b", "(step + 1)"),
    (r"beta_1", "beta_2"),
    (r"\bm\b", "v"),
    (r"grad", "2*grad"),
    (r"grad", "abs(grad)"),
    (r"grad", "max(grad, 0)"),
    (r"1 - ", "2 - "),
    (r"([a-z_0-9]+)\*([a-z_0-9]+)", r"\2*\1"),
    (r"([a-z_0-9]+)\*([a-z_0-9]+)", r"\1/\2"),
)
FUNCTIONS: Mapping[str, Any] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "abs": abs,
    "max": max,
    "min": min,
    "sign": lambda x: (x > 0) - (x < 0),
    "clip": lambda x, low, high: min(max(x, low), high),
    "where": lambda condition, a, b: a if condition else b,
    # Of a tensor with one element.
    "norm": abs,
    "mean": lambda x: x,
    "sum": lambda x: x,
}


def mutants(rule: str) -> Iterator[str]:
    """The rule with one slip in one place."""
    for pattern, instead in SLIPS:
        for match in re.finditer(pattern, rule):
            head, tail = rule[: match.start()], rule[match.end() :]
            if not re.match(r" *=[^=]", tail):
                yield head + match.expand(instead) + tail


def rules() -> list[str]:
    """Every rule of a pair, once."""
    return list(dict.fromkeys(rule for pair in PAIRS for rule in (pair.one, pair.other)))


def trajectory(rule: str, numbers: Mapping[str, float], gradients: list[float]) -> list[float]:
    """What a rule makes of a parameter of 1, by Python; ends where a value leaves its domain."""
    values: dict[str, Any] = {**FUNCTIONS, **numbers, "param": 1.0}
    values |= {name: 1.0 if "initial = 1" in entry else 0.0 for name, entry in STATES.items()}
    code, found = compile(rule, "rule", "exec"), []
    for step, gradient in enumerate(gradients, start=1):
        values |= {"grad": gradient, "step": step}
        try:
            exec(code, values)
        except (ArithmeticError, ValueError, TypeError):
            break
        if not isinstance(values["param"], float) or not math.isfinite(values["param"]):
            break
        found.append(values["param"])
    return found


def draws(count: int) -> Iterator[tuple[dict[str, float], list[float]]]:
    """Hyperparameters within their ranges, and gradients, some of them 0 or the same."""
    draw = random.Random(1)
    for _ in range(count):
        numbers = {name: draw.uniform(0.05, 0.95) for name in HYPERPARAMETERS}
        numbers["factor"] *= draw.choice((-1, 1))
        kinds = [0.0, 1.0, -1.0, draw.gauss(0, 1), draw.gauss(0, 1), 10 * draw.gauss(0, 1)]
        yield numbers, [draw.choice(kinds) for _ in range(12)]


def apart(one: str, other: str) -> bool:
    """Whether two rules make different things of some gradients."""
    for numbers, gradients in draws(40):
        mine, theirs = (trajectory(rule, numbers, gradients) for rule in (one, other))
        for a, b in zip(mine, theirs, strict=False):
            if abs(a - b) > 1e-6 * (abs(a) + abs(b) + 1):
                return True
            if abs(a) + abs(b) > 1e4:
                break
        else:
            if len(mine) != len(theirs):
                return True
    return False


def main() -> None:
    """Compare all, and print the mutants that aren't what was found."""
    folder = Path(tempfile.mkdtemp())
    counts: dict[str, int] = {}
    for rule in rules():
        own = written(folder / "own.toml", rule)
        for mutant in mutants(rule):
            try:
                found = compare(own, written(folder / "mutant.toml", mutant), {}, {})
            except SpecError:
                continue
            differs = apart(rule, mutant)
            key = f"{found.equal}, apart: {differs}"
            counts[key] = counts.get(key, 0) + 1
            if found.equal is differs or found.equal is None:
                print(key, rule, mutant, sep="\n", end="\n\n", flush=True)
    print(counts)


if __name__ == "__main__":
    main()
