"""The type of products that a rule chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.library import base_folders
from optgen.compiler.pipeline import checked_rule
from optgen.compiler.read.load import load
from tests.matrices.own import SPECS, package

HALVED = (SPECS / "halved.toml").read_text(encoding="utf-8")


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    path = folder / "halved.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        checked_rule(load(path, base_folders()))
    return [(one.location.line, one.message, one.hint) for one in error.value.problems]


def test_a_class_says_it() -> None:
    assert package().Halved.compute == "bfloat16"
    assert package().Ortho.compute == ""
    assert package().Halved.spec != package().Ortho.spec


def test_an_unknown_type(tmp_path: Path) -> None:
    ((line, message, hint),) = problems(tmp_path, HALVED.replace('"bfloat16"', '"float8"'))
    assert HALVED.splitlines()[line - 1] == 'compute = "bfloat16"'
    assert message == "products aren't computed in 'float8'"
    assert "'bfloat16'" in hint


def test_no_products(tmp_path: Path) -> None:
    head, _, tail = HALVED.partition("    x = velocity/")
    text = f"{head}    change = velocity/(norm(velocity) + 1)\nelse:{tail.partition('else:')[2]}"
    ((line, message, hint),) = problems(tmp_path, text)
    assert text.splitlines()[line - 1] == 'compute = "bfloat16"'
    assert message.startswith("no line of the rule multiplies matrices")
    assert "gram(grad) @ grad" in hint
