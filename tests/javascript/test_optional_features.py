"""Optional features as JavaScript, beside kernels that Python runs; and what evaluation uses."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from optgen.compiler.emit import emit_features, printed
from optgen.compiler.emit.targets import target
from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import Surroundings, load_all, plan_of
from optgen.site import scripts
from tests.javascript.runs import NODE, Case, run, shaped
from tests.javascript.test_rules import GRADIENTS, START
from tests.random_programs.plain import optimizer_class
from tests.zoo.runs import difference, of_ours, plain_class

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")

SETTINGS: dict[str, dict[str, Any]] = {
    "clips": {"adaptive_clipping": 0.05, "clip_update": 0.5, "cautious": True},
    "means": {"gradient_centralization": True, "grokfast": 2.0, "grams": True, "orthograd": True},
    "decays": {"l1_penalty": 0.1, "corrected_weight_decay": 0.1, "cautious_weight_decay": 0.1},
    "noise": {"gradient_noise": 0.3, "seed": 2**33 + 5, "lookahead": 2, "trust_ratio": 0.1},
    "another place": {"sam_radius": 0.5, "global_clipnorm": 1.0},
}


@cache
def around() -> Surroundings:
    return scripts.with_optional_features()


@cache
def class_with_all() -> Any:
    """Adam with all features, whose kernels Python runs."""
    (spec,) = load_all(find_specs(["adam"]).files)
    shared, templates = around().shared, around().templates
    cpu = [target("cpu")]
    sources = printed(plan_of(spec, around()), (), shared, templates, cpu)
    every = [*sources, *emit_features(shared, templates)]
    return optimizer_class("Adam", every)


@cache
def scripts_with_all() -> list[str]:
    """The same as scripts."""
    (spec,) = load_all(find_specs(["adam"]).files)
    return [scripts.features(around()), scripts.rule(spec, around())]


@pytest.mark.parametrize("title", SETTINGS)
def test_steps_with_optional_features(title: str) -> None:
    settings = {"learning_rate": 0.25, **SETTINGS[title]}
    (found,) = run([Case("adam", settings, START, GRADIENTS)], scripts_with_all())
    assert "error" not in found, found["error"]
    optimizer, after = class_with_all()(**settings), []
    held = [array.copy() for array in START]
    optimizer.build(held)
    for row in GRADIENTS:
        if "sam_radius" in settings:
            optimizer.perturb(list(row))
        optimizer.apply(list(row))
        after.append([array.copy() for array in held])
    ours = [shaped(arrays, START) for arrays in found["after"]]
    assert difference(ours, after, START) < 1e-12


def test_a_rule_without_a_change_has_the_other_features() -> None:
    (spec,) = load_all(find_specs(["ftrl"]).files)
    own = [scripts.features(around()), scripts.with_possible_features(spec)]
    settings = {"clipnorm": 0.5, "gradient_accumulation_steps": 2}
    cases = [Case("ftrl", one, START, GRADIENTS) for one in (settings, {"cautious": True})]
    found, refused = run(cases, own)
    after = [shaped(arrays, START) for arrays in found["after"]]
    assert difference(after, of_ours("Ftrl", settings)(START, GRADIENTS), START) < 1e-11
    assert refused["error"] == "there is no cautious"


@pytest.mark.parametrize(
    ("name", "settings"), [("Adam", {"use_ema": True}), ("ScheduleFreeSGD", {})]
)
def test_evaluation_is_at_averages(name: str, settings: dict[str, Any]) -> None:
    given = {"learning_rate": 0.25, **settings}
    (found,) = run([Case(name.lower(), given, START, GRADIENTS)])
    optimizer, held = plain_class(name)(**given), [array.copy() for array in START]
    optimizer.build(held)
    for row in GRADIENTS:
        optimizer.apply(list(row))
    last = [array.copy() for array in held]
    with optimizer.averaged():
        averages = [array.copy() for array in held]
    for own, theirs, param in zip(shaped(found["evaluation"], START), averages, last, strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-12)
        assert not np.allclose(own, param)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta_1": 1.5}, "beta_1 = 1.5 is out of range (allowed: 0 <= beta_1 < 1)"),
        ({"betas": 0.5}, "there is no betas"),
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "clipnorm and clipvalue exclude each other"),
        ({"gradient_accumulation_steps": 1.5}, "gradient_accumulation_steps must be a whole"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    (found,) = run([Case("adam", settings, START, GRADIENTS)])
    assert message in found["error"]
