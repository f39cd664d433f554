"""Products of matrices beside NumPy's: every kind, view, layout and dtype, in batches or alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.language import VIEWS
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from tests.random_programs.matrices import batched
from tests.random_programs.plain import optimizer_class
from tests.random_programs.sources import Sources

Array = np.ndarray[Any, np.dtype[Any]]
SPEC = '''
name = "Products"
[matrix]
view = "{view}"
[state]
of_rows = {{ shape = "rows by rows", when = "matrix" }}
of_columns = {{ shape = "columns by columns", when = "matrix" }}
of_short = {{ shape = "short by short", when = "matrix" }}
left = {{ when = "matrix" }}
right = {{ when = "matrix" }}
both = {{ when = "matrix" }}
least = {{ when = "matrix" }}
rounds = {{ when = "matrix" }}
[update]
rule = """
if matrix:
    of_rows = 0.5*of_rows + grad @ transpose(param)
    of_columns = 0.5*of_columns + transpose(grad) @ param
    of_short = 0.5*of_short + gram(grad)
    left = 0.5*left + of_rows @ grad
    right = 0.5*right + grad @ transpose(of_columns)
    both = 0.5*both + transpose(of_rows) @ (param - grad) @ (2*of_columns)
    least = 0.5*least + (of_short @ of_short - 3*of_short) @ grad
    y = grad/norm(grad)
    repeat 3:
        a = gram(y)
        y = 2*y + (0.5*a @ a - 1.5*a) @ y
    rounds = 0.5*rounds + y
    change = learning_rate*y
else:
    change = learning_rate*grad
"""
'''
RATE = 0.1
SQUARES = ("of_rows", "of_columns", "of_short")
ELEMENTS = ("left", "right", "both", "least", "rounds")


def variables(dtype: type) -> dict[str, Array]:
    """Matrices of all forms and layouts; some have one form, and are multiplied together."""
    draw = np.random.default_rng(0)

    def drawn(*shape: int) -> Array:
        return draw.normal(size=shape).astype(dtype)

    return {
        "tall": drawn(5, 3),
        "wide": drawn(3, 5),
        "square": drawn(4, 4),
        "same": drawn(5, 3),
        "same in Fortran's order": np.asfortranarray(drawn(5, 3)),
        "wide in Fortran's order": np.asfortranarray(drawn(3, 5)),
        "one row": drawn(1, 6),
        "batch": drawn(3, 2, 4),
        "batch in Fortran's order": np.asfortranarray(drawn(3, 2, 4)),
        "convolution": drawn(4, 2, 3, 3),
        "channels last": drawn(3, 4, 3, 2).transpose(1, 3, 0, 2),
        "empty": drawn(0, 3),
        "table": drawn(5, 3),
        "vector": drawn(7),
    }


class Reference:
    """The same rule for one variable, in float64, by NumPy's products of batches."""

    def __init__(self, param: Array, view: str) -> None:
        self._param, self._view = param.astype(np.float64), view
        self.states: dict[str, Array] = {}

    def _add(self, name: str, value: Array) -> Array:
        found: Array = 0.5 * self.states.get(name, 0) + value
        self.states[name] = found
        return found

    def step(self, grad: Array) -> None:
        view = self._view
        w, g = batched(self._param, view), batched(grad.astype(np.float64), view)
        rows = self._add("of_rows", g @ w.swapaxes(1, 2))
        columns = self._add("of_columns", g.swapaxes(1, 2) @ w)
        is_tall = g.shape[1] > g.shape[2]
        short = self._add("of_short", g.swapaxes(1, 2) @ g if is_tall else g @ g.swapaxes(1, 2))
        self._add("left", rows @ g)
        self._add("right", g @ columns.swapaxes(1, 2))
        self._add("both", rows.swapaxes(1, 2) @ (w - g) @ (2 * columns))
        least = short @ short - 3 * short
        self._add("least", g @ least if is_tall else least @ g)
        # Rounds are quintics of singular values.
        u, s, v = np.linalg.svd(g / np.sqrt(np.sum(g**2)), full_matrices=False)
        for _ in range(3):
            s = 2 * s - 1.5 * s**3 + 0.5 * s**5
        y = (u * s[:, None, :]) @ v
        self._add("rounds", y)
        w -= RATE * y
        self._param = unbatched(w, self._param.shape, view)

    def param(self) -> Array:
        return self._param


def unbatched(matrices: Array, shape: tuple[int, ...], view: str) -> Array:
    """An array of a shape whose matrices these are."""
    made = np.zeros(shape)
    places = batched(np.arange(made.size).reshape(shape), view)
    made.reshape(-1)[places.reshape(-1)] = matrices.reshape(-1)
    return made


def kind(view: str, folder: Path, *, is_compiled: bool) -> Any:
    path = folder / "products.toml"
    path.write_text(SPEC.format(view=view), encoding="utf-8")
    if is_compiled:
        return optgen.compile(path)
    (spec,) = load_all([path])
    return optimizer_class("Products", Sources(plan_of(spec, surroundings()), None).of("cpu"))


@pytest.mark.parametrize(
    ("view", "is_compiled"),
    [*((view, False) for view in VIEWS), pytest.param("last two", True, marks=pytest.mark.full)],
)
def test_products_are_those_of_numpy(view: str, is_compiled: bool, tmp_path: Path) -> None:
    made = kind(view, tmp_path, is_compiled=is_compiled)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-4)):
        optimizer = made(learning_rate=RATE)
        optimizer.exclude_from_matrix(var_names=["table"])
        held = variables(dtype)
        expected = {name: Reference(held[name], view) for name in held if held[name].ndim > 1}
        del expected["table"]
        plain: dict[str, Array] = {name: 1.0 * held[name] for name in ("table", "vector")}
        optimizer.build(held)
        draw = np.random.default_rng(1)
        for _ in range(3):
            grads = {
                name: np.asarray(draw.normal(size=one.shape), dtype) for name, one in held.items()
            }
            optimizer.apply(grads)
            for name, own in expected.items():
                own.step(grads[name])
            plain = {name: one - np.multiply(RATE, grads[name]) for name, one in plain.items()}
        for name, param in held.items():
            wanted = expected[name].param() if name in expected else plain[name]
            np.testing.assert_allclose(param, wanted, rtol=tolerance, atol=tolerance, err_msg=name)
            found = optimizer.state.get(name, {})
            compare(found, expected.get(name), view, param.shape, tolerance, name)


def compare(
    found: Mapping[str, Array],
    expected: Reference | None,
    view: str,
    shape: tuple[int, ...],
    tolerance: float,
    where: str,
) -> None:
    """Each state of a variable beside the reference's, of its largest element."""
    assert {*found} == (set() if expected is None else {*SQUARES, *ELEMENTS})
    for name in found:
        assert expected is not None
        wanted = expected.states[name]
        one = found[name].reshape(wanted.shape) if name in SQUARES else batched(found[name], view)
        scale = np.max(np.abs(wanted), initial=1.0)
        np.testing.assert_allclose(one / scale, wanted / scale, atol=tolerance, err_msg=where)
