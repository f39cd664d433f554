"""Which rule updates each variable, and which variables are warned of."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.language import VIEWS
from tests.extents.own import rule

pytestmark = pytest.mark.usefixtures("python_kernels")
SHAPES = {"scale": (), "bias": (4,), "kernel": (4, 3), "filters": (2, 6, 5), "table": (9, 2)}


def held() -> dict[str, Any]:
    return {path: np.ones(shape) for path, shape in SHAPES.items()}


def test_a_fallback() -> None:
    made = rule("Normed")(overwrite_with_gradient=["scale"])
    made.exclude_from_matrix(var_names=["table"])
    with pytest.raises(ValueError, match="Normed has no variables yet; build it first"):
        made.routing()
    made.build(held())
    routing = made.routing()
    assert [(one.path, one.updated) for one in routing] == [
        ("scale", "overwritten"),
        ("bias", "fallback"),
        ("kernel", "matrix"),
        ("filters", "matrix"),
        ("table", "fallback"),
    ]
    assert [(one.matrices, one.rows, one.columns) for one in routing] == [
        *((0, 0, 0), (0, 0, 0), (1, 4, 3), (1, 2, 30), (0, 0, 0))
    ]
    assert str(routing).split("\n") == [
        "variable  shape      updated as   rows x columns",
        "scale     1          overwritten",
        "bias      4          fallback",
        "kernel    4 x 3      matrix       4 x 3",
        "filters   2 x 6 x 5  matrix       2 x 30",
        "table     9 x 2      fallback",
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_the_view_is_what_states_have(view: str, tmp_path: Path) -> None:
    """Vectors of rows and columns are as long as the table says."""
    path = tmp_path / "lines.toml"
    path.write_text(
        f'''name = "Lines"
[matrix]
view = "{view}"
[state]
of_rows = {{ shape = "rows", when = "matrix" }}
of_columns = {{ shape = "columns", when = "matrix" }}
[update]
rule = """
change = learning_rate*grad
if matrix:
    of_rows = of_rows + row_sum(grad)
    of_columns = of_columns + column_sum(grad)
    change = change/(1 + of_rows**2 + of_columns**2)
"""
''',
        encoding="utf-8",
    )
    made = optgen.compile(path)()
    made.build(held())
    for one in made.routing():
        own = made.state[one.path]
        assert one.updated == ("matrix" if own else "not matrix")
        if own:
            assert own["of_rows"].size == one.matrices * one.rows
            assert own["of_columns"].size == one.matrices * one.columns


def test_rules_without_matrices() -> None:
    made = optgen.compile("adam")()
    made.build(held())
    assert {one.updated for one in made.routing()} == {"plain"}
    assert {one.view for one in made.routing()} == {""}


SELDOM = ("token_embedding.weight", "wte.weight", "h.wpe", "lm_head.weight", "score_head/kernel:0")
ALSO = ("classifier.head1.weight", "layers.0.lora_A", "Embed_0/embedding")
USUAL = ("multi_head_attention/query/kernel", "overhead.weight", "layers.3.heads.q", "wteam.w")


@pytest.mark.parametrize("path", [*SELDOM, *ALSO])
def test_a_warning_at_the_start(path: str) -> None:
    made = rule("Normed")()
    with pytest.warns(UserWarning, match="as matrices") as caught:
        made.build({path: np.ones((3, 2))})
    (one,) = caught
    assert repr(path) in str(one.message)
    assert one.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.apply([np.ones((3, 2))])
        copy.deepcopy(made)


def test_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = rule("Normed")()
        made.exclude_from_matrix(var_names=["embed"])
        made.build({"embed": np.ones((3, 2)), **{path: np.ones((2, 2)) for path in USUAL}})
        # A vector is none, and a rule without a fallback has no other.
        rule("Normed")().build({"head": np.ones(3)})
        rule("Factored")().build({"head": np.ones((3, 2))})
        optgen.compile("adam")().build({"head": np.ones((3, 2))})


def test_the_first_call_warns_too() -> None:
    made = rule("Normed")()
    with pytest.warns(UserWarning, match="which AdamW may fit better"):
        made.apply({"head": np.ones((3, 2))}, {"head": np.ones((3, 2))})
