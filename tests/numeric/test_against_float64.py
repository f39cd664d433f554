"""Every optimizer, feature and switch against its rule evaluated in float64."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from tests.chosen import rest_in_full
from tests.numeric.reference import Reference
from tests.numeric.settings import ALONE, AROUND, AT_RANDOM, Setting, is_common
from tests.numeric.specs import KERAS, OPTIMIZERS, TORCH, rule_of
from tests.numeric.training import (
    TOLERANCES,
    apply,
    assert_follows,
    exclude,
    gradients,
    new,
    variables,
)

CALLS = 37
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def tolerances(setting: Setting) -> dict[Any, float]:
    """What is right for a setting, by dtype."""
    own: dict[Any, float] = dict(TOLERANCES)
    rule, _ = rule_of(OPTIMIZERS[setting.optimizer])
    if "global_clipnorm" in setting.values or "global_" in rule["update"]["rule"]:
        # The float32 gradients are in the norm or sum that scales the float64 ones.
        own[FLOAT64] = own[FLOAT32]
    if "gradient_accumulation_steps" in setting.values:
        # Three gradients may nearly cancel; a normalised step magnifies what is left of them.
        own[FLOAT32] *= 10
    return own


PLAIN = [setting for setting in ALONE if setting.label == "plain"]
OTHERS = [setting for setting in [*ALONE, *AT_RANDOM] if setting not in PLAIN]


def is_chosen(setting: Setting) -> bool:
    """Not torch's: its tests compile those by its formulas, beside its own classes."""
    return setting.optimizer not in TORCH and is_common(setting)


def is_wide(setting: Setting) -> bool:
    """Whether float64 is compiled too, as Keras's tests compile float32 only.

    What Keras hasn't, and around one rule the norm over variables of both dtypes.
    """
    around = setting.label in ("plain", "clipnorm", "global_clipnorm")
    return setting.optimizer not in KERAS or (setting.optimizer == AROUND and around)


@pytest.mark.parametrize("setting", rest_in_full(PLAIN, is_chosen), ids=str)
def test_plain_rules_stay_close(setting: Setting) -> None:
    stays_close(setting)


@pytest.mark.parametrize("setting", rest_in_full(OTHERS, is_chosen), ids=str)
def test_switches_and_features_stay_close(setting: Setting) -> None:
    stays_close(setting)


@pytest.mark.full
@pytest.mark.parametrize(
    "setting", [one for one in [*ALONE, *AT_RANDOM] if not is_wide(one)], ids=str
)
def test_others_stay_close_in_both_dtypes(setting: Setting) -> None:
    stays_close(setting, (np.float32, np.float64))


def stays_close(setting: Setting, dtypes: tuple[type, ...] = ()) -> None:
    draw = np.random.default_rng(zlib.crc32(str(setting).encode()))
    # One model of both dtypes, so that norms over all variables cross them too.
    held = {
        f"{dtype.__name__}/{path}": variable
        for dtype in dtypes or (np.float32, np.float64)[: 1 + is_wide(setting)]
        for path, variable in variables(draw, dtype).items()
    }
    optimizer = new(setting.optimizer, **setting.values)
    excluded = exclude(optimizer, held)
    optimizer.build(held)
    like = list(held.values())
    reference = Reference(OPTIMIZERS[setting.optimizer], like, excluded, **setting.values)
    for row in gradients(draw, like, CALLS, missing=0.3):
        apply(optimizer, row)
        reference.apply(row)

    assert optimizer.iterations == reference.updates
    assert_follows(optimizer, held, reference, tolerances(setting))
