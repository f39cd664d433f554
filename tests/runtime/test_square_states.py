"""States that are squares: their shapes, files, resumed runs, missing and bad gradients."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.runtime.cpu import decompositions

Array = np.ndarray[Any, np.dtype[Any]]
pytestmark = pytest.mark.usefixtures("python_kernels")
RULES = ("soap", "shampoo", "splus", "conda", "klshampoo", "kron")
SHAPES = ((5, 3), (3, 4), (4,), (2, 3, 2))


def variables(dtype: str = "float64") -> list[Array]:
    draw = np.random.default_rng(1)
    return [draw.normal(size=shape).astype(dtype) for shape in SHAPES]


def gradient(number: int, dtype: str = "float64") -> list[Array]:
    draw = np.random.default_rng(100 + number)
    return [draw.normal(size=shape).astype(dtype) for shape in SHAPES]


def made(name: str, params: list[Array], **more: Any) -> Any:
    settings = {} if name == "kron" else {"period": 3}
    optimizer: Any = optgen.compile(name)(0.01, **settings, **more)
    optimizer.build(params)
    return optimizer


def run(optimizer: Any, steps: range, dtype: str = "float64") -> None:
    for number in steps:
        optimizer.apply(gradient(number, dtype))


def states(optimizer: Any) -> list[dict[str, Array]]:
    return [{name: np.array(one) for name, one in own.items()} for own in optimizer.state.values()]


def assert_same(ours: list[Array], theirs: list[Array]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_shapes_and_what_squares_begin_as() -> None:
    optimizer = made("soap", variables("float32"))
    tall, wide, vector, batch = states(optimizer)
    assert [*vector] == ["mean_gradient", "mean_square"]
    for own, rows, columns in ((tall, 5, 3), (wide, 3, 4), (batch, 2, 6)):
        assert own["left_product"].shape == own["left_axes"].shape == (rows, rows)
        assert own["right_product"].shape == own["right_axes"].shape == (columns, columns)
        np.testing.assert_array_equal(own["left_product"], 0)
        np.testing.assert_array_equal(own["right_axes"], np.eye(columns))
        assert own["left_product"].dtype == own["left_axes"].dtype == np.float32
    assert states(made("conda", variables()))[1]["short_axes"].shape == (3, 3)


@pytest.mark.parametrize("name", RULES)
def test_a_run_goes_on_from_a_file_a_copy_and_a_pickle(name: str, tmp_path: Path) -> None:
    whole = variables()
    straight = made(name, whole)
    run(straight, range(7))
    first = variables()
    begun = made(name, first)
    run(begun, range(4))
    begun.save(tmp_path / "state")
    loaded_params = [one.copy() for one in first]
    loaded = made(name, loaded_params)
    loaded.load(tmp_path / "state")
    pickled, pickled_params = pickle.loads(pickle.dumps((begun, first)))
    copied, copied_params = copy.deepcopy((begun, first))
    resumed = [(begun, first), (loaded, loaded_params)]
    resumed += [(pickled, pickled_params), (copied, copied_params)]
    for optimizer, params in resumed:
        run(optimizer, range(4, 7))
        assert_same(params, whole)
        for own, other in zip(states(optimizer), states(straight), strict=True):
            assert_same([*own.values()], [*other.values()])


@pytest.mark.filterwarnings("ignore:no gradient for")
@pytest.mark.parametrize("name", RULES)
def test_variables_without_a_gradient_stay(name: str) -> None:
    params, alone = variables(), variables()
    optimizer, other = made(name, params), made(name, alone)
    for number in range(7):
        grads: list[Array | None] = [*gradient(number)]
        if number % 2:
            grads[0] = None
        kept, before = params[0].copy(), states(optimizer)[0]
        optimizer.apply(grads)
        if number % 2:
            assert_same([params[0], *states(optimizer)[0].values()], [kept, *before.values()])
        other.apply(gradient(number))
    # Variables of one batch share calls and memory, and yet nothing else.
    assert_same(params[1:], alone[1:])
    assert np.isfinite(params[0]).all()


@pytest.mark.filterwarnings("ignore:no gradient for")
@pytest.mark.parametrize("name", RULES)
def test_a_first_gradient_may_come_later(name: str) -> None:
    params = variables()
    optimizer = made(name, params)
    before = params[0].copy()
    for number in range(8):
        optimizer.apply([gradient(number)[0] if number > 1 else None, *gradient(number)[1:]])
    assert np.isfinite(params[0]).all()
    assert (params[0] != before).all()


@pytest.mark.parametrize("name", RULES)
def test_a_refused_gradient_changes_nothing(name: str) -> None:
    params = variables()
    optimizer = made(name, params, on_nonfinite="raise")
    run(optimizer, range(3))
    kept, before = [one.copy() for one in params], states(optimizer)
    bad = gradient(3)
    bad[1][0, 2] = np.nan
    with pytest.raises(FloatingPointError):
        optimizer.apply(bad)
    assert_same(params, kept)
    for own, other in zip(states(optimizer), before, strict=True):
        assert_same([*own.values()], [*other.values()])


@pytest.mark.parametrize("name", RULES)
def test_a_matrix_of_nan_leaves_others_alone(name: str) -> None:
    params, sound = variables(), variables()
    # Two of one shape are decomposed together.
    params, sound = [*params, params[0].copy()], [*sound, sound[0].copy()]
    optimizer, other = made(name, params), made(name, sound)
    for number in range(5):
        grads = [*gradient(number), gradient(number + 50)[0]]
        other.apply([one.copy() for one in grads])
        if number == 1:
            grads[0][2, 1] = np.nan
        optimizer.apply(grads)
    assert np.isnan(params[0]).any()
    assert_same(params[1:], sound[1:])


@pytest.mark.parametrize("name", RULES)
def test_float32_is_near_float64(name: str) -> None:
    wide, narrow = variables(), variables("float32")
    # The rounding of float32 is larger than Shampoo's own epsilon.
    settings = {"epsilon": 0.01} if name == "shampoo" else {}
    run(made(name, wide, **settings), range(6))
    run(made(name, narrow, **settings), range(6), "float32")
    for one, other, begun in zip(wide, narrow, variables(), strict=True):
        assert other.dtype == np.float32
        # Signs and null spaces turn with the rounding of these rules' products.
        bound = 0.5 if name in ("splus", "soap", "klshampoo") else 1e-3
        assert abs(one - other).max() <= bound * abs(one - begun).max()


def test_nothing_is_decomposed_between_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name, function in [*decompositions.OF_MATRIX.items()]:

        def counted(*arguments: Any, name: str = name, function: Any = function) -> None:
            calls.append(name)
            function(*arguments)

        monkeypatch.setitem(decompositions.OF_MATRIX, name, counted)
    optimizer = made("soap", variables())
    made_in = []
    for number in range(8):
        calls.clear()
        run(optimizer, range(number, number + 1))
        made_in.append((calls.count("eigenvectors"), calls.count("orthonormal")))
    assert made_in == [(6, 0), (0, 0), (0, 0), (0, 6), (0, 0), (0, 0), (0, 6), (0, 0)]


def test_the_period_may_change_between_calls() -> None:
    optimizer = made("soap", variables())
    run(optimizer, range(2))
    basis = states(optimizer)[0]["left_axes"]
    optimizer.period = 2
    run(optimizer, range(2, 3))
    assert (states(optimizer)[0]["left_axes"] != basis).any()


SPEC = """
name = "Turned"

[matrix]
view = "last two"

[hyperparameters]
learning_rate = { default = 1.0 }

[state]
left = { shape = "rows by rows", initial = 2, when = "matrix" }

[update]
rule = \"\"\"
change = learning_rate*grad
if matrix:
    left = columns*left - rows*(grad @ transpose(grad))
    change = learning_rate*(left @ grad)
\"\"\"
"""


def test_a_batch_of_matrices_has_a_square_for_each(tmp_path: Path) -> None:
    (tmp_path / "turned.toml").write_text(SPEC, encoding="utf-8")
    optimizer: Any = optgen.compile(tmp_path / "turned.toml")()
    params = [np.zeros((2, 3, 4)), np.zeros(3)]
    optimizer.build(params)
    left, whole = np.array([2 * np.eye(3)] * 2), np.zeros((2, 3, 4))
    np.testing.assert_array_equal(states(optimizer)[0]["left"], left)
    for number in range(3):
        grad = np.random.default_rng(number).normal(size=(2, 3, 4))
        optimizer.apply([grad, np.ones(3)])
        left = 4 * left - 3 * grad @ np.swapaxes(grad, 1, 2)
        whole -= left @ grad
    np.testing.assert_allclose(states(optimizer)[0]["left"], left, rtol=1e-12)
    np.testing.assert_allclose(params[0], whole, rtol=1e-12)
    np.testing.assert_array_equal(params[1], -3)
