"""Optional features on a simulated device against the CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.library import optional_feature_files
from tests.runtime.cuda.arrays import all_on_device

SETTINGS: list[dict[str, Any]] = [
    {"cautious": True, "global_clipnorm": 1.0},
    {"grams": True, "cautious_weight_decay": 0.1, "clip_update": 0.5},
    {"trust_ratio": 0.5, "on_nonfinite": "skip"},
    {"orthograd": True, "l1_penalty": 0.1, "corrected_weight_decay": 0.1, "trust_ratio": 0.5},
    {"grokfast": 2.0, "lookahead": 2, "independent_weight_decay": 0.1},
]


@cache
def optimizer() -> Any:
    given = {name for settings in SETTINGS for name in settings}
    names = sorted(given & {path.stem for path in optional_feature_files()})
    return optgen.compile("torchadam", *names)


@pytest.mark.parametrize("settings", SETTINGS, ids="-".join)
def test_a_device_computes_what_the_cpu_does(settings: dict[str, Any]) -> None:
    draw = np.random.default_rng(0)
    host = {"a": draw.normal(size=(3, 25)), "b": draw.normal(size=7)}
    device = all_on_device(host)
    ours, theirs = (optimizer()(**settings) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for _ in range(3):
        row = {path: draw.normal(size=v.shape) for path, v in host.items()}
        ours.apply(all_on_device(row))
        theirs.apply(row)
    for path, array in host.items():
        np.testing.assert_allclose(device[path].copy_to_host(), array, rtol=1e-12, atol=1e-14)
