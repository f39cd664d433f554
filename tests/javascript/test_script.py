"""Names and texts of specs in scripts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from optgen.compiler.pipeline import load_file
from optgen.site import scripts
from tests.javascript.runs import NODE, Case, around, run, shaped
from tests.javascript.test_rules import GRADIENTS, START

SPEC = """
name = "Odd"
summary = '''</script><script>alert(1)</script> " ` ${{1}} \\ '''

[hyperparameters]
learning_rate = {{ default = 0.5 }}
{0} = {{ default = 0.25 }}

[state]
{1} = {{}}
{2} = {{}}

[update]
rule = '''
{1} = {0}*{1} + grad
{3} = norm({1})
{4} = {1}/(1 + {3})
{2} = {2} + {4}
change = learning_rate*({4} + {2}*{0})
'''
"""
#: Words of the language, and what functions have names for.
ODD = [
    ("new", "var", "function", "typeof", "let"),
    ("on", "arrays", "scalars", "size", "i"),
    ("Math", "param_array", "momentum_vector", "tensor", "position"),
    ("constructor", "toString", "valueOf", "variable", "length"),
]


def script_of(names: tuple[str, ...], tmp_path: Path) -> str:
    path = tmp_path / "odd.toml"
    path.write_text(SPEC.format(*names), encoding="utf-8")
    return scripts.rule(load_file(path), around())


def after(names: tuple[str, ...], tmp_path: Path) -> list[list[np.ndarray]]:
    own = [scripts.features(around()), script_of(names, tmp_path)]
    (found,) = run([Case("odd", {}, START, GRADIENTS)], own)
    assert "error" not in found, found["error"]
    return [shaped(arrays, START) for arrays in found["after"]]


@pytest.mark.skipif(NODE is None, reason="there is no node")
@pytest.mark.parametrize("names", ODD, ids="-".join)
def test_names_mean_the_same_whatever_they_are(names: tuple[str, ...], tmp_path: Path) -> None:
    plain = after(("decay", "momentum", "gathered", "extent", "direction"), tmp_path)
    odd = after(names, tmp_path)
    assert not np.array_equal(plain[0][0], START[0])
    for one, other in zip(plain, odd, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_texts_stay_in_their_literals(tmp_path: Path) -> None:
    text = script_of(("decay", "momentum", "gathered", "extent", "direction"), tmp_path)
    assert "</script" not in text
    (said,) = re.findall(r"^  summary: (.*),$", text, re.MULTILINE)
    assert said.startswith('"\\u003c/script>')
