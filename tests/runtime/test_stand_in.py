"""Averages in the place of variables: for evaluation, and at the end."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from optgen.optimizers import SGD
from optgen.runtime import Array
from optgen.runtime.hyperparameters.declarations import State

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def built(**arguments: float) -> tuple[SGD, list[Array]]:
    held = [np.zeros(2), np.ones((2, 2), order="F")]
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5, **arguments)
    optimizer.build(held)
    for _ in range(2):
        optimizer.apply([np.ones(2), np.ones((2, 2))])
    return optimizer, held


def test_finalize_gives_the_averages() -> None:
    optimizer, held = built()
    optimizer.finalize_variable_values(held[:1])
    assert held[0].tolist() == [-1.5, -1.5]
    assert held[1][0, 0] == -1
    optimizer.finalize_variable_values()
    assert held[1].tolist() == [[-0.5, -0.5], [-0.5, -0.5]]


def test_finalize_is_keras_s() -> None:
    ours, held = built()
    theirs = [keras.Variable(np.zeros(2)), keras.Variable(np.ones((2, 2)))]
    peer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        peer.apply([keras.ops.ones(2), keras.ops.ones((2, 2))], theirs)
    ours.finalize_variable_values(held)
    peer.finalize_variable_values(theirs)
    for array, variable in zip(held, theirs, strict=True):
        np.testing.assert_allclose(array, variable.numpy())


def test_finalize_without_averages_or_updates_does_nothing() -> None:
    variable = np.ones(2)
    for optimizer in (SGD(), SGD(use_ema=True)):
        optimizer.finalize_variable_values()
        optimizer.build([variable])
        optimizer.finalize_variable_values([variable])
        assert variable.tolist() == [1, 1]


def test_finalize_knows_its_variables() -> None:
    optimizer, _ = built()
    with pytest.raises(ValueError, match="was not built with"):
        optimizer.finalize_variable_values([np.zeros(2)])


def test_averaged_swaps_and_swaps_back() -> None:
    optimizer, held = built()
    before = [array.copy() for array in held]
    with optimizer.averaged():
        assert held[0].tolist() == [-1.5, -1.5]
        with pytest.raises(RuntimeError, match="inside averaged"):
            optimizer.apply([np.ones(2), np.ones((2, 2))])
        with pytest.raises(RuntimeError, match="twice"), optimizer.averaged():
            pass
        with pytest.raises(RuntimeError, match="inside averaged"):
            optimizer.finalize_variable_values()
        assert held[0].tolist() == [-1.5, -1.5]
    np.testing.assert_equal(held, before)
    with pytest.raises(KeyError), optimizer.averaged():
        raise KeyError
    np.testing.assert_equal(held, before)
    optimizer.apply([np.ones(2), np.ones((2, 2))])


def test_averaged_needs_averages() -> None:
    with pytest.raises(ValueError, match="keeps no averages"), SGD().averaged():
        pass


def test_only_one_state_stands_in_at_a_time() -> None:
    class Two(SGD):  # type: ignore[misc]
        states = (*SGD.states, State("leader", stands_in=True))

    message = r"only one state may stand in .* parameter_average \(use_ema\) and leader \(always\)"
    with pytest.raises(ValueError, match=message):
        Two(use_ema=True)
    optimizer = Two()
    with pytest.raises(ValueError, match=message):
        optimizer.use_ema = True
    assert not optimizer.use_ema
