"""Headers read by compiled code say what NumPy says of the same arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.optimizers import SGD
from optgen.runtime.arrays import GradientCheck
from optgen.runtime.cpu import headers
from optgen.runtime.cpu.headers import Headers, are_readable

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
DTYPES = st.sampled_from(["<f4", "<f8", ">f4", "<f2", "<i4"])


@st.composite
def arrays(draw: Any) -> Any:
    """Arrays that are like others, and such as differ in one way or another."""
    array = np.ones(draw(SHAPES), draw(DTYPES))
    changes = [
        lambda a: a,
        np.transpose,
        np.asfortranarray,
        lambda a: a[::2] if a.ndim else a,
        lambda a: a[None],
        np.ma.masked_array,
        lambda a: a.astype(a.dtype),
        lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, a.size, 1).reshape(a.shape),
        lambda a: a.view(np.matrix) if a.ndim == 2 else a,
        lambda a: a.tolist(),
        lambda a: None,
    ]
    return draw(st.sampled_from(changes))(array)


def test_they_are_readable_here() -> None:
    assert are_readable()


# The first example may wait for a compilation.
@settings(deadline=None)
@given(SHAPES, st.sampled_from([np.float32, np.float64]), st.booleans(), arrays())
def test_a_look_agrees_with_a_closer_one(
    shape: Any, dtype: Any, turned: bool, gradient: Any
) -> None:
    variable = np.ones(shape, dtype, order="F" if turned else "C")
    check = GradientCheck({"v": variable}, [("v", variable)])
    found = check.at_once([gradient])
    try:
        closer = check(0, gradient)
    except (TypeError, ValueError):
        assert found is None
        return
    if found is not None:
        assert closer.array is gradient
        assert found[0] == closer
    elif closer.array is gradient:
        # Lengths of 1 may have any stride; that takes the closer look.
        assert 1 in variable.shape or not variable.size or gradient.dtype is not variable.dtype


@settings(deadline=None)
@given(st.lists(SHAPES, min_size=1, max_size=9), st.data())
def test_gradients_in_written_memory_are_noticed(shapes: Any, data: Any) -> None:
    variables = [np.ones(shape, np.float32) for shape in shapes]
    named = {str(number): array for number, array in enumerate(variables)}
    check = GradientCheck(named, named.items())
    gradients = [np.ones_like(array) for array in variables]
    assert check.at_once(gradients) is not None
    place = data.draw(st.integers(0, len(shapes) - 1))
    gradients[place] = variables[place]
    assert (check.at_once(gradients) is None) == (variables[place].size > 0)


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # Since NumPy 2.5.
def test_a_variable_that_changed_is_noticed() -> None:
    variables: list[Any] = [np.ones((2, 3), np.float32), np.ones(5)]
    made = Headers(variables, [])
    assert made.are_still_there()
    variables[1].flags.writeable = False
    assert not made.are_still_there()
    variables[1].flags.writeable = True
    variables[0].shape = (3, 2)
    assert not made.are_still_there()
    variables[0].shape = (2, 3)
    assert made.are_still_there()


def test_numbers_of_arrays_must_agree() -> None:
    made = Headers([np.ones(3), np.ones(4)], [])
    assert made.addresses([np.ones(3)]) is None
    assert made.addresses([np.ones(4), np.ones(3)]) is None
    assert made.addresses([]) is None


def test_where_headers_are_unknown_steps_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Any] = []
    for readable in (True, False):
        monkeypatch.setattr(headers, "are_readable", lambda known=readable: known)
        variables: list[Any] = [np.ones(3, np.float32), np.ones((2, 2))]
        optimizer = SGD(0.1, momentum=0.9)
        optimizer.build(variables)
        for _ in range(3):
            optimizer.apply([2 * array for array in variables])
        ends.append([array.tolist() for array in variables])
    assert ends[0] == ends[1]


def test_a_mapping_and_a_list_of_variables_take_the_same_way() -> None:
    variables = [np.ones(3, np.float32), np.ones(2, np.float32)]
    optimizer = SGD(0.5)
    optimizer.build({"a": variables[0], "b": variables[1]})
    grads = [np.ones(3, np.float32), np.ones(2, np.float32)]
    optimizer.apply({"b": grads[1], "a": grads[0]})
    optimizer.apply(grads, variables)
    optimizer.apply(grads[::-1], variables[::-1])
    assert [array.tolist() for array in variables] == [[-0.5] * 3, [-0.5] * 2]
    with pytest.raises(ValueError, match="no variable 'c'"):
        optimizer.apply({"a": grads[0], "c": grads[1]})
