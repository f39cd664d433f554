"""Every rule with every feature in every storage, beside a wide run rounded after each call.

Kernels run in Python; `tests/numeric/test_storage.py` has compiled ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from itertools import cycle, product

import numpy as np
import pytest

from optgen.runtime import state_storage
from optgen.runtime.codes import BLOCK
from optgen.runtime.optimizer import Optimizer
from tests.chosen import rest_in_full
from tests.numeric.rules import Array
from tests.numeric.settings import FEATURE_VALUES, Setting
from tests.numeric.specs import COVER, OPTIMIZERS, read
from tests.numeric.storages import ROUNDED, STORAGES, WIDE, Twins
from tests.numeric.training import gradients
from tests.zoo.runs import plain_class
from tests.zoo.test_features import SETTINGS, SHAPES

CALLS = 5
#: Rules whose states a later pass of the same step reads again, so that it computes with what
#: storage has left of them; all others compute a step from the numbers before it. Their own states
#: are compared after one call, but for those that this pass computes.
READS_AGAIN: Mapping[str, set[str]] = {
    "apollodqn": {"last_direction"},
    "hyperballadam": set(),
    "l4adam": set(),
    "lamb": set(),
    "stormplus": set(),
}
NAMES = list(STORAGES)


def crossed() -> Iterator[tuple[Setting, str]]:
    """The settings of each rule, with which storages take turns until the rule has met each."""
    for begin, name in enumerate(OPTIMIZERS):
        own = [one for one in SETTINGS if one.optimizer == name]
        for number in range(max(len(own), len(NAMES))):
            yield own[number % len(own)], NAMES[(begin + number) % len(NAMES)]


CROSSED = [*crossed()]


def first_states(kind: type[Optimizer]) -> set[str]:
    """The states of a rule itself that its first pass computes."""
    own = {state.name for state in kind.states if not state.stands_in}
    return own - READS_AGAIN[kind.__name__.lower()]


def is_chosen(one: tuple[Setting, str]) -> bool:
    """The first of each rule; all of those whose later passes read what is stored."""
    setting, _ = one
    return setting.label == "pairs0" or setting.optimizer in READS_AGAIN


@pytest.mark.parametrize(("setting", "storage"), rest_in_full(CROSSED, is_chosen), ids=str)
def test_every_rule_and_feature_meets_storage(setting: Setting, storage: str) -> None:
    draw = np.random.default_rng(zlib.crc32(f"{setting} {storage}".encode()))
    # One model of all dtypes, so that norms over all variables cross them too.
    held: dict[str, Array] = {
        f"{dtype.name}/{path}": np.asarray(draw.normal(size=shape)).astype(dtype)
        for dtype in WIDE
        for path, shape in SHAPES.items()
    }
    kind = plain_class(read(OPTIMIZERS[setting.optimizer])["name"])
    twins = Twins(kind, held, STORAGES[storage], setting.values)
    reads_again = setting.optimizer in READS_AGAIN
    for row in gradients(draw, list(held.values()), 1 if reads_again else CALLS):
        twins.apply(row)
    found = twins.differences()
    assert not [name for _, name in found if not reads_again or name in first_states(kind)]


#: Blocks have so many elements, and other rules about their rows.
BLOCK_SHAPES = {"scale": (), "dense/kernel": (2, 64), "dense/bias": (70,)}
#: So many of the storages that draw, split or encode for each rule.
EACH = 3
CODED = {name for name in ROUNDED if any(kind in name for kind in ("int", "float8", "codes"))}


def rounded() -> Iterator[tuple[Setting, str]]:
    """Some settings of each rule, with storages that take turns over all rules.

    Of a rule with a second point, some states are assigned after a move to it only.
    """
    turns = cycle(ROUNDED)
    for begin, (name, path) in enumerate(OPTIMIZERS.items()):
        if "perturb" in read(path):
            continue
        own = [one for one in SETTINGS if one.optimizer == name]
        for number in range(EACH):
            yield own[(7 * begin + number * len(own) // EACH) % len(own)], next(turns)


SAMPLED = [*rounded()]


@pytest.mark.parametrize(
    ("setting", "storage"), rest_in_full(SAMPLED, lambda one: one[0].optimizer in COVER), ids=str
)
def test_rules_and_features_meet_rounding_and_blocks(
    setting: Setting, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a wide run: with all bits of a split, after noise, and after blocks are encoded."""
    monkeypatch.setattr(state_storage, "SMALL", 0)
    draw = np.random.default_rng(zlib.crc32(f"{setting} {storage}".encode()))
    held: dict[str, Array] = {
        f"{dtype.name}/{path}": np.asarray(draw.normal(size=shape)).astype(dtype)
        for dtype in WIDE
        for path, shape in (BLOCK_SHAPES if storage in CODED else SHAPES).items()
        if dtype != np.float16 or not ROUNDED[storage].is_split
    }
    kind = plain_class(read(OPTIMIZERS[setting.optimizer])["name"], BLOCK)
    twins = Twins(kind, held, ROUNDED[storage], setting.values)
    reads_again = setting.optimizer in READS_AGAIN
    for row in gradients(draw, list(held.values()), 1 if reads_again else 3):
        twins.apply(row)
    found = twins.differences()
    assert not [name for _, name in found if not reads_again or name in first_states(kind)]


def test_every_storage_that_rounds_meets_every_form_of_a_feature() -> None:
    every = [values for some in FEATURE_VALUES.values() for values in some]
    for values, storage in product(every, ROUNDED):
        met = [one for one, other in SAMPLED if other == storage]
        assert any(values.items() <= one.own.items() for one in met), (values, storage)


def test_every_storage_meets_every_rule_and_form_of_a_feature() -> None:
    for name, storage in product(OPTIMIZERS, STORAGES):
        assert any((one.optimizer, other) == (name, storage) for one, other in CROSSED)
    for values, storage in product((v for every in FEATURE_VALUES.values() for v in every), NAMES):
        met = [one for one, other in CROSSED if other == storage]
        assert any(values.items() <= one.own.items() for one in met), (values, storage)
