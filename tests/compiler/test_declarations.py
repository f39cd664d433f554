"""Optional arguments with a default, and states that are never assigned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.pipeline import composed, load_file, plan_of, surroundings

RULE = '''
name = "Bounded"
[hyperparameters]
learning_rate = { default = 0.5 }
limit = { default = 0.25, optional = true, range = "limit > 0" }
[update]
rule = """
direction = grad
if given(limit):
    direction = clip(grad, -limit, limit)
change = learning_rate*direction
"""
'''
START = '''
name = "Anchored"
[hyperparameters]
learning_rate = { default = 0.5 }
pull = { default = 0.25 }
[state]
anchor = { initial = "param" }
average = {}
[update]
rule = """
average = 0.5*average + grad
change = learning_rate*(average + pull*(param - anchor))
"""
'''


def written(folder: Path, text: str) -> Path:
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("settings", "moved"), [({}, 0.125), ({"limit": 2.0}, 1.0), ({"limit": None}, 2.0)]
)
def test_none_switches_an_argument_with_a_default_off(
    settings: dict[str, Any], moved: float
) -> None:
    optimizer: Any = optgen.compile(RULE)
    weights = np.zeros(1)
    made = optimizer(**settings)
    assert made.get_config()["limit"] == settings.get("limit", 0.25)
    made.apply([np.array([4.0])], [weights])
    assert weights[0] == -moved
    # What was saved is what is restored, None too.
    assert optimizer.from_config(made.get_config()).limit == settings.get("limit", 0.25)


MISTAKES = {
    "out of range": ("default = 0.25", "default = -1", "limit = -1 is outside its range", "-1"),
    "a switch": ("default = 0.25", "default = true", "limit is a switch, which is", "optional"),
    "without given": (
        "if given(limit):",
        "if learning_rate > 0:",
        "'limit' is optional and may be None here",
        "limit",
    ),
}


@pytest.mark.parametrize(("old", "new", "message", "under"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(old: str, new: str, message: str, under: str, tmp_path: Path) -> None:
    path = written(tmp_path, RULE.replace(old, new))
    with pytest.raises(SpecError) as raised:
        composed(load_file(path), surroundings())
    told = [one.location for one in raised.value.problems if message in one.message]
    assert told
    assert told[0].text[told[0].column - 1 :].startswith(under)


def test_a_state_that_is_never_assigned_is_never_stored(tmp_path: Path) -> None:
    spec = load_file(written(tmp_path, START))
    (update, *_) = plan_of(spec, surroundings()).programs
    assert {"param", "anchor", "average"} < {access.buffer for access in update.elements.loads}
    stored = {access.buffer for access in update.elements.stores}
    assert {"param", "average"} < stored
    assert "anchor" not in stored
    optimizer: Any = optgen.compile(START)
    weights = np.array([1.0, 3.0])
    made = optimizer()
    for _ in range(2):
        made.apply([np.array([1.0, -1.0])], [weights])
    # The second change begins with an average of 1.5 and a distance of -0.5 from the start.
    np.testing.assert_array_equal(
        weights, np.array([1.0, 3.0]) + np.array([-1, 1]) * (0.5 + 0.5 * (1.5 - 0.25 * 0.5))
    )
