"""Reductions in analyses: bounds enclose, sums count once, and cases stay in elements."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from optgen.analysis.compare.certificates import is_certainly_zero
from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.grids import OF_ARRAYS, grid, reduced_exactly, shape_numbers
from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE, POSITIVE, Interval
from optgen.analysis.exact.reductions import EVERY, by_sums, of_one_element, over_elements
from optgen.analysis.exact.signs import never_below_zero
from optgen.analysis.prove.trajectories import value
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import NOWHERE, Expression, Name, Number, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS, REDUCERS
from optgen.compiler.ir.rule import State, Step

Matrix = NDArray[np.float64]
X = Name("x")
ROWS, COLUMNS = 2, 3
matrices = st.lists(
    st.floats(-8, 8, allow_subnormal=False), min_size=ROWS * COLUMNS, max_size=ROWS * COLUMNS
).map(lambda values: np.array(values).reshape(ROWS, COLUMNS))
#: What NumPy has for the last part of a name.
NUMPY = {
    "sum": np.sum,
    "mean": np.mean,
    "largest": np.max,
    "smallest": np.min,
    "norm": np.linalg.norm,
}


def of(name: str, *operands: Expression) -> Operation:
    return Operation(name, operands)


def by_numpy(name: str, matrix: Matrix) -> Matrix:
    """The reduction of a matrix, broadcast to its shape."""
    axis = {"row": 1, "column": 0}.get(name.partition("_")[0])
    found = NUMPY[name.rpartition("_")[2]](matrix, axis=axis, keepdims=True)  # type: ignore[operator]
    return np.broadcast_to(found, matrix.shape)


@pytest.mark.parametrize("name", REDUCERS)
@given(matrix=matrices)
def test_reductions_are_those_of_numpy(name: str, matrix: Matrix) -> None:
    wanted = by_numpy(name, matrix).ravel()
    arrays = OF_ARRAYS[name](matrix.reshape(1, -1))
    np.testing.assert_allclose(np.broadcast_to(arrays, (1, matrix.size))[0], wanted, atol=1e-12)
    exact = reduced_exactly(name, [mpmath.mpf(one) for one in matrix.ravel()])
    np.testing.assert_allclose([float(one) for one in exact], wanted, atol=1e-12)


@pytest.mark.parametrize("count", range(1, 40))
def test_grids_have_as_many_elements(count: int) -> None:
    rows, columns = grid(count)
    assert rows * columns == count == shape_numbers(count)["tensor_size"]
    assert rows <= columns


def inside(number: float, interval: Interval) -> bool:
    slack = 1e-9
    low = interval.low is None or number >= float(interval.low) - slack
    return low and (interval.high is None or number <= float(interval.high) + slack)


@pytest.mark.parametrize("name", REDUCERS)
@given(matrix=matrices)
def test_bounds_enclose_all_reductions(name: str, matrix: Matrix) -> None:
    every = Interval(Fraction(matrix.min()), Fraction(matrix.max()), False, False)
    found = by_numpy(name, matrix)
    whole = bounds(of(name, X), {"x": every})
    assert all(inside(one, whole) for one in found.flat)
    for place, own in np.ndenumerate(matrix):
        # More is known of one element than of all.
        known = {"x": Interval.point(Fraction(own)), EVERY + "x": every}
        assert inside(found[place], bounds(of(name, X), known))


@pytest.mark.parametrize("name", REDUCERS)
def test_the_sign_of_one_element_is_not_that_of_a_sum(name: str) -> None:
    known = {"x": POSITIVE, EVERY + "x": EVERYTHING}
    found = bounds(of(name, X), known)
    # The largest, and the norm, are at least as large as this element.
    assert found.is_positive is (name.endswith(("largest", "norm")))


@pytest.mark.parametrize("name", sorted(REDUCERS.keys() - {"smallest"}))
def test_reductions_of_positive_numbers_are_positive(name: str) -> None:
    assert bounds(of(name, X), {"x": POSITIVE}).is_positive


def test_a_mean_of_what_is_proved_nonnegative_is_nonnegative() -> None:
    m, v = Name("m"), Name("v")
    relation = of("<=", of("**", m, Number(2)), v)
    variance = of("-", v, of("**", m, Number(2)))
    assert never_below_zero(of("row_mean", variance), {}, [relation])
    assert not never_below_zero(of("row_mean", variance), {}, [])


SIGN = of("where", of(">", X, Number(0)), Number(1), Number(-1))


def test_a_case_of_one_element_is_none_of_the_others() -> None:
    # 1 for elements of one sign, and less for others.
    mixed = of("-", of("abs", of("mean", SIGN)), Number(1))
    assert not never_below_zero(mixed, {}, ())
    square = of(
        "-", of("**", of("sum", SIGN), Number(2)), of("**", of("sum", Number(1)), Number(2))
    )
    assert not is_certainly_zero(square, {})


def test_reductions_of_equal_values_are_equal() -> None:
    flipped = of("where", of("<=", X, Number(0)), Number(-1), Number(1))
    assert is_certainly_zero(of("-", of("row_mean", SIGN), of("row_mean", flipped)), {})
    assert not is_certainly_zero(of("-", of("row_mean", SIGN), of("column_mean", flipped)), {})


def state(name: str, extent: Extent) -> State:
    return State(name, NOWHERE, extent=extent)


VECTORS = [state("r", Extent.ROWS), state("c", Extent.COLUMNS), state("x", Extent.ELEMENT)]
EXTENTS = Extents(VECTORS, ())


@pytest.mark.parametrize("name", ["sum", "norm", "mean", "largest", "smallest"])
@given(matrix=matrices)
def test_each_value_of_a_vector_counts_once(name: str, matrix: Matrix) -> None:
    rows = np.broadcast_to(matrix[:, :1], matrix.shape)
    columns = np.broadcast_to(matrix[:1], matrix.shape)
    given_values = {
        "param": matrix.reshape(1, -1),
        "r": rows.reshape(1, -1),
        "c": columns.reshape(1, -1),
        **{n: np.float64(k) for n, k in shape_numbers(matrix.size).items()},
    }
    for vector, values in (("r", matrix[:, 0]), ("c", matrix[0])):
        for written in (of(name, Name(vector)), by_sums(of(name, Name(vector)), EXTENTS)):
            step = Step("y", written, ALWAYS, NOWHERE)
            (changed,) = over_elements([step], EXTENTS)
            found = np.broadcast_to(value(changed.expression, given_values), (1, matrix.size))
            wanted = NUMPY[name](values)  # type: ignore[operator]
            np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("name", sorted(AXIS_REDUCTIONS))
def test_the_other_axis_of_a_vector_is_left_as_it_is(name: str) -> None:
    other = "c" if name.startswith("row") else "r"
    step = Step("y", of(name, Name(other)), ALWAYS, NOWHERE)
    assert over_elements([step], EXTENTS) == (step,)


def test_reductions_of_one_element_are_the_identity() -> None:
    for name, reducer in REDUCERS.items():
        wanted = of("abs", X) if reducer.is_norm else X
        assert of_one_element(of(name, X)) == wanted


def test_reductions_of_numbers_fold() -> None:
    for name, reducer in REDUCERS.items():
        assert folded(of(name, X), {"x": Number(0)}) == Number(0)
        whole = folded(of(name, X), {"x": Number(3)})
        is_itself = reducer.is_mean or name.endswith(("largest", "smallest"))
        assert (whole == Number(3)) is is_itself


def test_nonnegative_sums_stay_nonnegative() -> None:
    for name in REDUCERS:
        assert bounds(of(name, X), {"x": NONNEGATIVE}).is_nonnegative
