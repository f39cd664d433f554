"""Probes: values of the last update that a rule keeps for users."""

from __future__ import annotations

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import SpecError

SPEC = """
name = "Watched"

[matrix]
view = "last two"

[hyperparameters]
learning_rate = { default = 0.5 }

[state]
velocity = {}

[update]
rule = '''
scale = learning_rate/step
probe scale
velocity = 0.5*velocity + grad
length = norm(velocity)
probe length
if matrix:
    rows_of = row_mean(velocity)
    probe rows_of
direction = velocity/(1 + length)
probe direction
total = global_norm(grad)
probe total
change = scale*direction + 0*total
'''
"""


def spec(rule: str) -> str:
    return f"name = \"Small\"\n\n[update]\nrule = '''\n{rule}\n'''\n"


def feature(slot: str, rule: str) -> str:
    head = f'name = "own"\nslot = "{slot}"\nwhen = "watching"\n\n[hyperparameters]\n'
    return f"{head}watching = {{ default = false }}\n\n[update]\nrule = '''\n{rule}\n'''\n"


def test_a_value_of_each_extent_is_kept() -> None:
    watched = optgen.compile(SPEC)(probing=True)
    variables = {"matrix": np.zeros((3, 2)), "vector": np.zeros(4)}
    velocity = {name: np.zeros(v.shape) for name, v in variables.items()}
    draw = np.random.default_rng(0)
    for step in (1, 2):
        gradients = {name: draw.normal(size=v.shape) for name, v in variables.items()}
        watched.apply(gradients, variables if step == 1 else None)
        found = watched.probes()
        velocity = {name: 0.5 * velocity[name] + gradients[name] for name in variables}
        for name, array in velocity.items():
            own, length = found[name], np.linalg.norm(array)
            assert own["scale"] == 0.5 / step
            assert own["length"] == pytest.approx(length)
            np.testing.assert_allclose(own["direction"], array / (1 + length))
        np.testing.assert_allclose(found["matrix"]["rows_of"], velocity["matrix"].mean(axis=1))
        assert "rows_of" not in found["vector"]
        whole = np.concatenate([g.ravel() for g in gradients.values()])
        assert found["*"]["total"] == pytest.approx(np.linalg.norm(whole))
        assert found["vector"]["length"] == watched.statistics()["vector"]["length"]
    found["vector"]["direction"][:] = 7  # A copy.
    assert (watched.probes()["vector"]["direction"] != 7).all()


def test_nothing_is_kept_unless_it_is_switched_on() -> None:
    plain, variable = optgen.compile(SPEC)(), np.zeros((2, 2))
    plain.apply([np.ones((2, 2))], [variable])
    assert plain.probes() == {} == plain.statistics()
    other, beside = optgen.compile(SPEC)(probing=True), np.zeros((2, 2))
    other.apply([np.ones((2, 2))], [beside])
    assert (variable == beside).all()
    assert [*other.state["variable_0"]] == [*plain.state["variable_0"]] == ["velocity"]


MISTAKES = {
    "probe 3\nchange = grad": "can't be read",
    "probe grad*2\nchange = grad": "probe takes a name",
    "probe slope\nchange = grad": "'slope' is not defined",
    "raise grad\nchange = grad": "has no place|no part|not",
}


@pytest.mark.parametrize("rule", MISTAKES)
def test_mistakes_are_shown(rule: str) -> None:
    with pytest.raises(SpecError, match=MISTAKES[rule]) as caught:
        optgen.compile(spec(rule))
    assert caught.value.problems[0].location.line == 5


@pytest.mark.parametrize(
    ("slot", "rule", "message"),
    [
        ("observe", "param = 0*param", "changes nothing"),
        ("clip", "grad = grad - old_param", "belongs to slot 'observe'"),
        ("clip", "old_grad = 2*grad\ngrad = old_grad", "can't be assigned"),
    ],
)
def test_observers_see_and_change_nothing(slot: str, rule: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        optgen.compile("sgd", feature(slot, rule))


def test_a_feature_probes_where_it_is_on() -> None:
    rule = "moved = new_param - old_param\nprobe moved\nslope = old_grad\nprobe slope"
    kind = optgen.compile("sgd", feature("observe", rule))
    weights = np.array([1.0, 2.0])
    made = kind(0.5, watching=True, weight_decay=0.1, clipvalue=1.0, momentum=0.5)
    for gradient in (np.array([3.0, -0.5]), np.array([0.25, 4.0])):
        old = weights.copy()
        made.apply([gradient], [weights])
        (found,) = made.probes().values()
        np.testing.assert_allclose(found["moved"], weights - old)
        np.testing.assert_array_equal(found["slope"], gradient)
    assert kind(0.5).probes() == {}
