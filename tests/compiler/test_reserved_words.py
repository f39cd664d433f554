"""Names that templates use are kept from specs, which may declare any other."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from optgen.compiler.emit.targets import TARGETS
from optgen.compiler.pipeline import surroundings
from tests.chosen import first_of
from tests.numeric.specs import COVER
from tests.random_programs.program import Form, Program, as_toml
from tests.random_programs.trial import by_python, printed, run

GENERATED = Path(__file__).parents[2] / "generated"
WORDS = {target.name: target.words for target in TARGETS}
#: What features' scalars are computed with is passed on by name.
#: Modules whose functions have together what any have, of elements and of matrices.
SOME = {*COVER, "features", "muon", "shampoo", "kron"}
#: Given to every rule, under these names.
GIVEN = {"call", "step"}
#: Functions of programs are known by the pattern of their names.
PROGRAMS = re.compile("(update|perturb|come_back|evaluate|otherwise|absent)")


def names_of_functions(text: str) -> set[str]:
    """Names that the functions of a module read from outside themselves, or take as arguments."""
    tree = ast.parse(text)
    outside = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            outside |= {alias.asname or alias.name for alias in node.names}
    inside = [inner for node in tree.body for inner in ast.walk(node) if inner is not node]
    functions = [node for node in inside if isinstance(node, ast.FunctionDef)]
    arguments = {a.arg for function in functions for a in function.args.args}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return arguments | (outside & read)


@cache
def switches_of_features() -> set[str]:
    """What features' scalars are computed with is passed on by name."""
    return {switch.name for switch in surroundings().shared.plan.switches}


@pytest.mark.parametrize(
    ("target", "some"), [*((t, True) for t in WORDS), *first_of([(t, False) for t in WORDS], 0)]
)
def test_every_name_that_kernels_need_is_reserved(target: str, some: bool) -> None:
    every = sorted((GENERATED / target).glob("*.py"))
    for path in (one for one in every if one.stem in SOME or not some):
        found = names_of_functions(path.read_text(encoding="utf-8")) - GIVEN
        found = {name for name in found if not PROGRAMS.match(name)}
        own = {name for name in found if name.isupper()} | {"annotations", "Any", "features"}
        switches = {name for name in found if not name.isupper()} & switches_of_features()
        assert found - own - switches <= WORDS[target], path


AWKWARD = (
    "super",
    "tensors",
    "row",
    "real",
    "size",
    "i",
    "k",
    "sums",
    "kind",
    "x_block",
    "x_total",
    # Those of features' columns and scalars, and of what the runtime passes.
    "clip_factor",
    "CLIPNORM",
    "features",
    "alone",
    "factors",
)


def using(names: list[str], before: str) -> str:
    """A rule with each name, computed from what stands for it before."""
    lines = []
    for name in names:
        lines += [f"{name} = 0.5*{before.format(name)} + grad", f"late = norm({name}) > step"]
        lines += [f"param = param - where(late and {name} > 0, {name}, 0.5)"]
    return "\n".join(lines)


@pytest.mark.parametrize("words", first_of([" ".join(AWKWARD), *AWKWARD], 1))
def test_specs_may_use_them_all_the_same(words: str) -> None:
    names = words.split()
    toml = as_toml("Named", {}, {name: {} for name in names}, using(names, "{}"))
    local = as_toml("Named", {}, {}, using(names, "param"))
    for text in (toml, local):
        for comparison in (by_python, printed):
            trial = run(
                Program(0, text, {"clipnorm": 1.0}, (Form("v", (7,), "float32"),)), comparison
            )
            assert not trial.refused
            assert not trial.finding, trial


@pytest.mark.parametrize("name", ["__class__", "_hidden", "x__y", "lambda", "sqrt", "self"])
def test_others_are_refused_with_a_reason(name: str) -> None:
    rule = f"param = param - {name}*grad"
    toml = as_toml("Named", {name: {"default": 0.5}}, {}, rule)
    trial = run(Program(0, toml, {}, (Form("v", (7,), "float32"),)), by_python)
    assert trial.refused
    assert not trial.crash


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    "name", ["grad_block", "alone", "norm_total", "tensors", "row", "real", "factors"]
)
def test_switches_may_too(name: str, on: bool) -> None:
    rule = f"param = param - where({name}, grad, 2*grad)"
    toml = as_toml("Named", {name: {"default": True}}, {}, rule)
    for comparison in (by_python, printed):
        trial = run(Program(0, toml, {name: on}, (Form("v", (7,), "float32"),)), comparison)
        assert not trial.refused
        assert not trial.finding, trial
