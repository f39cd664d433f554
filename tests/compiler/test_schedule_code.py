"""The generated code of a schedule: it means the rule, and holds nothing else of a spec."""

from __future__ import annotations

import math
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.review import review
from optgen.compiler.emit.schedule import CALLS_OF
from optgen.compiler.emit.vocabulary import schedule_vocabulary
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.source import Source
from optgen.compiler.ir.value import evaluate
from optgen.compiler.library import read_templates
from optgen.compiler.pipeline import checked_rule, compile_spec, surroundings
from optgen.compiler.read.load import load
from optgen.runtime.scalars import clip, sign

AROUND = surroundings()
SPEC = '''name = "Odd"
label = "LABEL"
summary = "PROSE"
reference = "PROSE"

[hyperparameters]
rate = { required = true, range = "rate > 0", doc = "PROSE" }
limit = { optional = true }
fast = { default = false }

[schedule]
rule = """
value = rate*calls  # PROSE
if given(limit) and not fast:
    value = min(value, limit)
if not given(limit) and rate > 2:
    value = where(given(limit) or fast, 1, pi)
"""
'''


def spec_file(folder: Path, prose: str = "Fine.") -> Path:
    path = folder / "odd.toml"
    text = SPEC.replace("PROSE", prose).replace("LABEL", prose.replace('"', ""))
    path.write_text(text, encoding="utf-8")
    return path


def emitted(folder: Path) -> tuple[Rule, Source]:
    spec = load(spec_file(folder))
    (source,) = compile_spec(spec, AROUND)
    return checked_rule(spec), source


def test_guards(tmp_path: Path) -> None:
    _, source = emitted(tmp_path)
    path = tmp_path / "odd.py"
    path.write_text(source.text)
    odd = runpy.run_path(str(path))["Odd"]
    assert [odd(1, limit=3)(k) for k in (2, 5)] == [2, 3]
    assert odd(1, limit=3, fast=True)(5) == 5
    assert odd(3)(5) == math.pi
    assert odd(3, fast=True)(5) == 1
    assert odd(2)(5) == 10


names = st.sampled_from(["a", "b", "calls"]).map(Name)
literals = st.one_of(st.integers(0, 9), st.floats(0, 9)).map(Number)


def of_arity(count: int) -> list[str]:
    return [function.name for function in REGISTRY.values() if function.arity == count]


def bigger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def some(operators: list[str], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Operation]:
        return st.tuples(st.sampled_from(operators), st.tuples(*parts)).map(
            lambda pair: Operation(pair[0], pair[1])
        )

    tests = some(["<", "<=", ">", ">=", "==", "!="], inner, inner)
    joined = st.one_of(tests, some(["and", "or"], tests, tests), some(["not"], tests))
    return st.one_of(
        some(["+", "-", "*", "/", "%", "**", *of_arity(2)], inner, inner),
        some(["neg", *of_arity(1)], inner),
        some(["clip"], inner, inner, inner),
        some(["where"], joined, inner, inner),
    )


trees: st.SearchStrategy[Any] = st.recursive(st.one_of(names, literals), bigger, max_leaves=10)


@settings(deadline=None, max_examples=300)
@given(trees, st.floats(-3, 3), st.floats(0, 100))
def test_code_computes_what_the_rule_says(tree: Expression, a: float, calls: float) -> None:
    values = {"a": a, "b": 0.5, "calls": calls}
    code = printed(tree, Printer(functions=CALLS_OF, plain=True))
    known = {"math": math, "clip": clip, "sign": sign, **values}
    try:
        meant = float(evaluate(tree, values))
    except (ArithmeticError, ValueError):
        # A choice that isn't taken is not computed; all else is.
        return
    assert eval(code, {"__builtins__": {"abs": abs, "min": min, "max": max}}, known) == (
        pytest.approx(meant, rel=1e-12, nan_ok=True)
    )


@pytest.mark.parametrize(
    "prose",
    [
        "''' + open('marker', 'w').write('x') + '''",
        '\\"\\"\\"\\nopen(\'marker\', \'w\')\\n\\"\\"\\"',
        "{{ 7*7 }}{% raw %}",
        "\\\\",
        '\\\\\\"',
        "#{}%s",
        "\u00e4\u20ac\U0001f600",
    ],
)
def test_prose_stays_prose(prose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        (source,) = compile_spec(load(spec_file(tmp_path, prose)), AROUND)
    except SpecError:
        return  # Refusing is fine too.
    (tmp_path / "odd.py").write_text(source.text, encoding="utf-8")
    assert runpy.run_path("odd.py")["Odd"](1)(2) == 2
    assert not (tmp_path / "marker").exists()


#: What a hole in the compiler could let through, and what it would stand in place of.
FOREIGN = {
    "call": ("self.rate * calls", "open('marker')"),
    "call of a builtin": ("self.rate * calls", "exec('1')"),
    "import": ("import math", "import os"),
    "dunder import": ("self.rate * calls", "__import__('os')"),
    "attribute": ("self.rate", "self.__class__"),
    "deep attribute": ("self.rate", "self.rate.real"),
    "other function of math": ("math.pi", "math.e"),
    "another class": ("class Odd(Schedule)", "class Even(Schedule)"),
    "string": ("self.rate * calls", "'other words'"),
    "lambda call": ("self.rate * calls", "(lambda: 1)()"),
    "comprehension": ("self.rate * calls", "[x for x in 'a']"),
    "top level": ('"""The schedule Odd."""', '"""The schedule Odd."""\nif 1:\n    math = 2\n'),
    "annotated value": ("    rate: Number\n", "    rate: Number = print\n"),
    "undefined": ("value = self.rate * calls", "value = self.rate * value_after"),
    "no Python": ("value = self", "value = = self"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_the_last_look_finds_what_does_not_belong(what: str, tmp_path: Path) -> None:
    rule, source = emitted(tmp_path)
    template = read_templates().texts["schedule.py.j2"]
    words = schedule_vocabulary(rule, template, frozenset(CALLS_OF.values()))
    review(source, rule, words, ["Fine."])
    old, new = FOREIGN[what]
    assert old in source.text
    with pytest.raises(AssertionError, match=r"odd\.py"):
        review(replace(source, text=source.text.replace(old, new)), rule, words, ["Fine."])
