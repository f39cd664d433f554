"""Rules that another optimizer stands in for where variables aren't matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import Problem, SpecError
from optgen.compiler.library import base_folders
from optgen.compiler.pipeline import checked_rule
from optgen.compiler.read.load import load

pytestmark = pytest.mark.usefixtures("python_kernels")
Array = np.ndarray[Any, np.dtype[np.float64]]

OWN = '''
name = "Rows"
[matrix]
view = "first by rest"
[hyperparameters]
learning_rate = { default = 0.02 }
momentum = { default = 0.9, range = "0 <= momentum < 1" }
[state]
velocity = {}
[update]
rule = """
velocity = momentum*velocity + (1 - momentum)*grad
scale = 1/(row_norm(velocity) + 0.001)
change = learning_rate*velocity*scale
"""
[fallback]
extends = "adamw"
'''
OTHER = '''
name = "Other"
[hyperparameters]
learning_rate = { default = 0.1 }
beta = { default = 0.5, range = "0 <= beta < 1" }
[state]
average = {}
[update]
rule = """
average = beta*average + grad
change = learning_rate*average
"""
'''
MATRIX, VECTOR, TABLE = (4, 3), (5,), (6, 2)
STEPS = 6


def written(folder: Path, own: str = OWN, other: str = OTHER) -> Path:
    (folder / "other.toml").write_text(other, encoding="utf-8")
    path = folder / "rows.toml"
    path.write_text(own, encoding="utf-8")
    return path


def problems(path: Path) -> tuple[Problem, ...]:
    try:
        checked_rule(load(path, base_folders()))
    except SpecError as error:
        return error.problems
    return ()


class Reference:
    """The rule ``OWN`` in float64, with Adam by algorithm 1 of Kingma and Ba for other variables.

    Decay is that of Loshchilov and Hutter, times the learning rate of each variable.
    """

    def __init__(self, params: list[Array], rates: tuple[float, float], decay: float) -> None:
        self.params = [param.copy() for param in params]
        self.averages = [np.zeros_like(param) for param in params]
        self._rates, self._decay = rates, decay
        self._first = [np.zeros_like(param) for param in params]
        self._second = [np.zeros_like(param) for param in params]
        self._step = 0

    def step(self, grads: list[Array], matrices: tuple[int, ...]) -> None:
        self._step += 1
        for k, grad in enumerate(grads):
            is_matrix = k in matrices
            rate = self._rates[0 if is_matrix else 1]
            change = self._rows(k, grad) if is_matrix else self._adam(k, grad)
            param = self.params[k] * (1 - self._decay * rate)
            self.params[k] = param - rate * self.altered(change, grad)
            kept = 0.75 if self._step > 1 else 0.0
            self.averages[k] = kept * self.averages[k] + (1 - kept) * self.params[k]

    def altered(self, change: Array, grad: Array) -> Array:
        return change

    def _rows(self, k: int, grad: Array) -> Array:
        self._first[k] = 0.9 * self._first[k] + 0.1 * grad
        lengths: Array = np.sqrt((self._first[k] ** 2).sum(axis=1, keepdims=True))
        return self._first[k] / (lengths + 0.001)

    def _adam(self, k: int, grad: Array) -> Array:
        self._first[k] = 0.9 * self._first[k] + 0.1 * grad
        self._second[k] = 0.999 * self._second[k] + 0.001 * grad**2
        size = np.sqrt(1 - 0.999**self._step) / (1 - 0.9**self._step)
        change: Array = size * self._first[k] / (np.sqrt(self._second[k]) + 1e-7)
        return change


class Cautious(Reference):
    """Only what goes down counts, and for as much as all (Liang et al., 2024, algorithm 1)."""

    def altered(self, change: Array, grad: Array) -> Array:
        mask = change * grad > 0
        masked: Array = change * mask / max(float(mask.mean()), 0.001)
        return masked


class Clipped(Reference):
    """The root mean square of a change is at most 0.5 learning rates (Adafactor, section 6)."""

    def altered(self, change: Array, grad: Array) -> Array:
        clipped: Array = change / max(1.0, float(np.sqrt((change**2).mean())) / 0.5)
        return clipped


def drawn() -> tuple[list[Array], list[list[Array]]]:
    draw = np.random.default_rng(0)
    shapes = MATRIX, VECTOR, TABLE
    params = [draw.normal(size=shape) for shape in shapes]
    return params, [[draw.normal(size=shape) for shape in shapes] for _ in range(STEPS)]


@pytest.mark.parametrize(
    ("feature", "arguments", "reference"),
    [
        (None, {}, Reference),
        ("cautious", {"cautious": True}, Cautious),
        ("clip_update", {"clip_update": 0.5}, Clipped),
    ],
)
def test_each_rule_has_its_own_rate(
    feature: str | None, arguments: dict[str, Any], reference: type[Reference], tmp_path: Path
) -> None:
    features = [feature] if feature else []
    made = optgen.compile(written(tmp_path), *features)(
        fallback_learning_rate=0.003,
        weight_decay=0.1,
        clipvalue=1.5,
        use_ema=True,
        ema_momentum=0.75,
        **arguments,
    )
    made.exclude_from_matrix(var_names=["table"])
    params, gradients = drawn()
    expected = reference(params, (0.02, 0.003), 0.1)
    held = dict(zip(("matrix", "vector", "table"), params, strict=True))
    made.build(held)
    for grads in gradients:
        made.apply(dict(zip(held, grads, strict=True)))
        expected.step([np.clip(grad, -1.5, 1.5) for grad in grads], matrices=(0,))
    for param, wanted in zip(params, expected.params, strict=True):
        np.testing.assert_allclose(param, wanted, rtol=1e-12)
    with made.averaged():
        for param, wanted in zip(params, expected.averages, strict=True):
            np.testing.assert_allclose(param, wanted, rtol=1e-12)
    assert [*made.state["table"]] == ["mean_gradient", "fallback_velocity", "parameter_average"]
    assert [*made.state["matrix"]] == ["velocity", "parameter_average"]


def test_global_norms_are_of_all_variables(tmp_path: Path) -> None:
    params, gradients = drawn()
    made = optgen.compile(written(tmp_path))(fallback_learning_rate=0.003, global_clipnorm=1.0)
    expected = Reference(params, (0.02, 0.003), 0.0)
    for grads in gradients:
        made.apply(grads, params)
        norm = np.sqrt(sum(float((grad**2).sum()) for grad in grads))
        expected.step([grad / norm for grad in grads], matrices=(0, 2))
    for param, wanted in zip(params, expected.params, strict=True):
        np.testing.assert_allclose(param, wanted, rtol=1e-12)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_a_norm_in_a_rule_is_of_its_own_variables(order: tuple[int, ...], tmp_path: Path) -> None:
    own = OWN.replace(
        "1/(row_norm(velocity) + 0.001)", "1/(global_norm(grad) + row_norm(velocity))"
    )
    made = optgen.compile(written(tmp_path, own.replace('"adamw"', '"other"')))()
    params, gradients = ([listed[k] for k in order] for listed in (drawn()[0], drawn()[1][0]))
    wanted = [param.copy() for param in params]
    norm = np.sqrt(sum(float((grad**2).sum()) for grad in gradients if grad.ndim > 1))
    for param, grad in zip(wanted, gradients, strict=True):
        velocity = 0.1 * grad
        lengths = np.linalg.norm(velocity, axis=-1, keepdims=True)
        own_change = 0.02 * velocity / (norm + lengths)
        np.subtract(param, own_change if grad.ndim > 1 else 0.1 * grad, out=param)
    made.apply(gradients, params)
    for param, value in zip(params, wanted, strict=True):
        np.testing.assert_allclose(param, value, rtol=1e-13)


def test_a_rate_may_be_a_schedule(tmp_path: Path) -> None:
    own = OWN.replace('"adamw"', '"other"')
    made = optgen.compile(written(tmp_path, own))(
        fallback_learning_rate=lambda calls: 1 / (calls + 1)
    )
    weights = np.zeros(1)
    made.apply([np.ones(1)], [weights])
    made.apply([np.ones(1)])
    # The averages are 1 and 1.5.
    np.testing.assert_allclose(weights, [-1 - 1.5 / 2])


def test_names_of_both_rules(tmp_path: Path) -> None:
    own = OWN.replace('"adamw"', '"other"\nprefix = "plain_"')
    other = OTHER.replace("average", "velocity").replace(
        'change = learning_rate*velocity\n"""',
        'scale = learning_rate*velocity\nchange = scale\n"""',
    )
    rule = checked_rule(load(written(tmp_path, own, other)))
    assert [h.name for h in rule.hyperparameters] == [
        *("learning_rate", "momentum", "plain_learning_rate", "plain_beta")
    ]
    assert [state.name for state in rule.states] == ["velocity", "plain_velocity"]
    targets = [step.target for step in rule.blocks[0].steps]
    first = ["velocity", "scale", "change"]
    assert targets == [*first, "plain_velocity", "plain_scale", "change", "param"]
    assert "    plain_scale = plain_learning_rate*plain_velocity\n" in rule.notation


def test_other_defaults(tmp_path: Path) -> None:
    more = "[fallback.hyperparameters]\nlearning_rate = 3e-4\nbeta_2 = 0.95\n"
    made: Any = optgen.compile(written(tmp_path, OWN + more))()
    assert made.fallback_learning_rate == 3e-4
    assert made.fallback_beta_2 == 0.95
    # The decay of AdamW isn't the rule's.
    assert made.weight_decay is None
    assert made.learning_rate == 0.02


def test_a_rule_without_a_change(tmp_path: Path) -> None:
    """One that doesn't take anything off the parameter at its end."""
    other = OTHER.replace(
        "change = learning_rate*average", "param = (1 - learning_rate)*param - average"
    )
    made = optgen.compile(written(tmp_path, OWN.replace('"adamw"', '"other"'), other))()
    params, gradients = drawn()
    expected = Reference(params, (0.02, 0.0), 0.0)
    wanted, average = params[1].copy(), np.zeros(VECTOR)
    for grads in gradients:
        made.apply(grads, params)
        expected.step(grads, matrices=(0, 2))
        average = 0.5 * average + grads[1]
        wanted = 0.9 * wanted - average
    np.testing.assert_allclose(params[0], expected.params[0], rtol=1e-12)
    np.testing.assert_allclose(params[1], wanted, rtol=1e-12)
    with pytest.raises(SpecError, match="alters change, and this rule assigns param itself"):
        optgen.compile(tmp_path / "rows.toml", "cautious")


def test_random_numbers_share_a_seed(tmp_path: Path) -> None:
    own = OWN.replace('"adamw"', '"other"').replace("(1 - momentum)*grad", "normal()", 1)
    other = OTHER.replace("+ grad", "+ 0*grad + normal()")
    rule = checked_rule(load(written(tmp_path, own, other)))
    assert [h.name for h in rule.hyperparameters].count("seed") == 1
    made = optgen.compile(tmp_path / "rows.toml")(seed=3, fallback_learning_rate=1.0)
    matrix, vector = np.zeros((40, 50)), np.zeros(2000)
    made.apply([np.zeros((40, 50)), np.zeros(2000)], [matrix, vector])
    assert abs(np.corrcoef(matrix.reshape(-1), vector)[0, 1]) < 0.1
    assert 0.9 < vector.std() < 1.1


REPLACING = (
    'weight_decay = { default = 0.0, replaces = "weight_decay", range = "weight_decay >= 0" }\n'
)


@pytest.mark.parametrize(("own_part", "other_part"), [(1, 0), (0, 1), (1, 1)])
def test_a_decay_of_its_own(own_part: int, other_part: int, tmp_path: Path) -> None:
    """A rule that replaces weight decay, or its fallback, or both; the feature does the rest."""
    own, other = OWN.replace('"adamw"', '"other"'), OTHER
    if own_part:
        own = own.replace("momentum = {", f"{REPLACING}momentum = {{")
        own = own.replace("*velocity*scale", "*(velocity*scale + 10*weight_decay*param)")
    if other_part:
        other = other.replace("beta = {", f"{REPLACING}beta = {{")
        other = other.replace("learning_rate*average", "learning_rate*(average + weight_decay)")
    made = optgen.compile(written(tmp_path, own, other))(weight_decay=0.25)
    matrix, vector = np.ones((2, 2)), np.ones(2)
    made.apply([np.zeros((2, 2)), np.zeros(2)], [matrix, vector])
    np.testing.assert_allclose(matrix, 1 - 0.02 * 0.25 * (10 if own_part else 1), rtol=1e-14)
    # The replaced decay doesn't depend on the parameter, which is 1.
    np.testing.assert_allclose(vector, 1 - 0.1 * 0.25, rtol=1e-14)
    assert type(made)().weight_decay == 0.0


def test_a_file_may_extend_and_fall_back(tmp_path: Path) -> None:
    path = written(tmp_path, OWN.replace('"adamw"', '"other"'))
    (tmp_path / "derived.toml").write_text(
        'name = "Derived"\nextends = "rows"\n[fallback]\nextends = "sgd"\n', encoding="utf-8"
    )
    rule = checked_rule(load(tmp_path / "derived.toml", base_folders()))
    assert rule.fallback == "SGD"
    assert checked_rule(load(path)).fallback == "Other"
