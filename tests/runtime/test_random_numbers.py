"""Random numbers: Philox's own test vectors, distributions, and the same bits wherever drawn."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from scipy import stats

import optgen
from optgen.compiler.ir.problem import SpecError
from optgen.runtime import philox
from tests.numeric.noise import draws

DRAWN = '''
name = "Drawn"
[hyperparameters]
learning_rate = { default = 1.0 }
[state]
even  = {}
bell  = {}
sides = {}
[update]
rule = """
even = uniform()
bell = normal()
sides = random_sign()
change = learning_rate*(even + bell + sides + grad)
"""
'''
KEYED = '''
name = "Keyed"
[state]
bell  = {}
even  = {}
other = {}
again = {}
[update]
rule = """
rounds = floor((step - 1)/2)
bell = normal(rounds)
even = uniform(rounds)
other = normal()
again = normal(rounds)
change = learning_rate*(bell + even + other + again)
"""
'''
#: More elements than one thread takes.
SHAPE = (300, 500)
Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000",
         "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
         "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)  # fmt: skip
def test_known_answers(counter: str, key: str, expected: str) -> None:
    """Those of Random123, which Philox's authors published with their paper."""
    c0, c1, c2, c3 = (int(word, 16) for word in counter.split())
    k0, k1 = (int(word, 16) for word in key.split())
    found = philox.words(c0 | c1 << 32, c2, float(c3), float(k0), k1)
    assert " ".join(f"{int(word):08x}" for word in found) == expected


def drawn(dtype: str = "float64", steps: int = 1, **arguments: Any) -> dict[str, Array]:
    optimizer: Any = optgen.compile(DRAWN)(**arguments)
    weights = np.zeros(SHAPE, dtype)
    for _ in range(steps):
        optimizer.apply([np.zeros_like(weights)], [weights])
    return {**optimizer.state["variable_0"], "weights": weights}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_distributions(dtype: str) -> None:
    found = drawn(dtype, seed=11)
    even, bell, sides = (found[name].reshape(-1) for name in ("even", "bell", "sides"))
    assert even.min() > 0
    assert even.max() < 1
    assert stats.kstest(even.astype(np.float64), "uniform").pvalue > 0.01
    assert stats.kstest(bell.astype(np.float64), "norm").pvalue > 0.01
    assert set(np.unique(sides)) == {-1, 1}
    assert stats.binomtest(int((sides > 0).sum()), sides.size).pvalue > 0.01
    # Standard errors of the first four moments of as many numbers are below 0.02.
    moments = [np.mean(bell.astype(np.float64) ** power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.06)


def test_draws_are_independent() -> None:
    """Of places, of draws in one rule, of steps, of seeds and of variables."""
    first, second = drawn(seed=3), drawn(seed=3, steps=2)
    other = drawn(seed=4)
    optimizer: Any = optgen.compile(DRAWN)(seed=3)
    variables = [np.zeros(SHAPE), np.zeros(SHAPE)]
    optimizer.apply([np.zeros(SHAPE)] * 2, variables)
    beside = optimizer.state["variable_1"]["bell"]
    bell, largest = first["bell"].reshape(-1), 4 / np.sqrt(np.prod(SHAPE))
    others = [first["even"], first["sides"], second["bell"], other["bell"], beside]
    for one in [*(array.reshape(-1) for array in others), np.roll(bell, 1), np.roll(bell, 500)]:
        assert abs(np.corrcoef(bell, one)[0, 1]) < largest


def test_a_draw_depends_on_the_place_alone() -> None:
    """The bits are those of one thread, and of the beginning of the array alone."""
    before, found = numba.get_num_threads(), []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            found.append(drawn(seed=5, steps=2))
    finally:
        numba.set_num_threads(before)
    for name, array in found[0].items():
        assert array.tobytes() == found[1][name].tobytes()
    optimizer: Any = optgen.compile(DRAWN)(seed=5)
    short = np.zeros(SHAPE[1])
    for _ in range(2):
        optimizer.apply([np.zeros_like(short)], [short])
    assert short.tobytes() == found[0]["weights"][0].tobytes()


def test_draws_by_key_are_the_same_wherever_they_stand() -> None:
    """Those of the key, in any line and call, whatever the call draws besides."""
    optimizer: Any = optgen.compile(KEYED)(seed=2**34 + 5)
    weights = np.zeros((4, 5))
    found = []
    for _ in range(4):
        optimizer.apply(None, [weights])
        found.append({name: one.copy() for name, one in optimizer.state["variable_0"].items()})
    for call, one in enumerate(found):
        # The ninth part of a step, after eight features.
        draw = draws([weights], [0], 2**34 + 5, 0, 8)
        for name, kind in (("bell", "normal"), ("even", "uniform")):
            expected = draw[kind](0, call // 2).reshape(weights.shape)
            np.testing.assert_allclose(one[name], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(one["again"], one["bell"])
    assert (found[0]["other"] != found[1]["other"]).all()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("grad", "what normal takes is known before a call, and this has one number for each"),
        ("norm(grad)", "what normal takes is known before a call, and this has one number for"),
        ("1, 2", "normal takes 0 arguments, not 2"),
    ],
)
def test_keys_are_known_before_a_call(key: str, message: str) -> None:
    text = KEYED.replace("normal(rounds)", f"normal({key})")
    with pytest.raises(SpecError, match=re.escape(message)):
        optgen.compile(text)


def test_float32_draws_are_rounded_float64_draws() -> None:
    """From the same words: the upper bits, of which float32 has fewer."""
    wide, narrow = drawn(seed=6), drawn("float32", seed=6)
    np.testing.assert_array_equal(wide["sides"], narrow["sides"])
    np.testing.assert_allclose(narrow["even"], wide["even"], atol=2.0**-23)


def test_a_run_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    whole = drawn(seed=9, steps=4)["weights"]
    optimizer: Any = optgen.compile(DRAWN)(seed=9)
    weights = np.zeros(SHAPE)
    for _ in range(2):
        optimizer.apply([np.zeros(SHAPE)], [weights])
    optimizer.save(tmp_path / "state")
    copied, others = pickle.loads(pickle.dumps((optimizer, weights)))
    resumed: Any = optgen.compile(DRAWN)(seed=9)
    resumed.build([weights])
    resumed.load(tmp_path / "state")
    for one, array in ((resumed, weights), (copied, others)):
        for _ in range(2):
            one.apply([np.zeros(SHAPE)], [array])
        assert array.tobytes() == whole.tobytes()


@pytest.mark.parametrize("seed", [0.5, -1])
def test_a_seed_is_a_whole_number(seed: float) -> None:
    with pytest.raises((TypeError, ValueError), match="seed"):
        optgen.compile(DRAWN)(seed=seed)
