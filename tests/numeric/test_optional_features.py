"""Each optional feature beside its paper's formula in NumPy, around two rules written in NumPy.

Python runs the kernels of every setting. Those of a few, with every feature in them, are compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_optimizer.optimizer import agc
from pytorch_optimizer.optimizer.gradient_centralization import centralize_gradient
from scipy import stats

import optgen
from optgen.compiler.library import feature_files, optional_feature_files
from tests.chosen import rest_in_full
from tests.numeric.rules import Array

RATE, STEPS = 0.125, 7
SHAPES = [(5,), (3, 4), (2, 3, 2, 1), (2, 2)]
NAMES = [path.stem for path in optional_feature_files()]

#: What a feature does to the gradient, given the parameter, the number of the update and its
#: arguments; what it keeps is in a dictionary.
Gradient = Callable[[Array, Array, int, dict[str, Array], Mapping[str, Any]], Array]


def orthogonal(w: Array, g: Array, *_: object) -> Array:
    across = g - w * np.vdot(w, g) / (np.vdot(w, w) + 1e-30)
    return np.asarray(across * np.linalg.norm(g) / (np.linalg.norm(across) + 1e-30))


def amplified(
    w: Array, g: Array, step: int, kept: dict[str, Array], of: Mapping[str, Any]
) -> Array:
    share = of.get("grokfast_momentum", 0.98)
    kept["slow"] = share * kept.get("slow", g) + (1 - share) * g
    return np.asarray(g + of["grokfast"] * kept["slow"])


def lasso(w: Array, g: Array, step: int, kept: dict[str, Array], of: Mapping[str, Any]) -> Array:
    return np.asarray(g + of["l1_penalty"] * np.sign(w))


def centred(w: Array, g: Array, *_: object) -> Array:
    """The gradient after another library's function for it."""
    found = torch.from_numpy(g.copy())
    centralize_gradient(found)
    return found.numpy()


def clipped(w: Array, g: Array, step: int, kept: dict[str, Array], of: Mapping[str, Any]) -> Array:
    """The gradient after another library's function for it."""
    p, found = torch.from_numpy(w.copy()), torch.from_numpy(g.copy())
    clipped_one: Array = agc(p, found, agc_clip_val=of["adaptive_clipping"]).numpy()
    return clipped_one


GRADIENTS: Mapping[str, Gradient] = {
    "gradient_centralization": centred,
    "adaptive_clipping": clipped,
    "grokfast": amplified,
    "orthograd": orthogonal,
    "l1_penalty": lasso,
}
#: By what a decay multiplies the parameter before the update.
DECAYS: Mapping[str, Callable[[Mapping[str, Any]], float]] = {
    "corrected_weight_decay": lambda of: (
        1 - of["corrected_weight_decay"] * RATE**2 / of.get("largest_learning_rate", 0.001)
    ),
    "independent_weight_decay": lambda of: 1 - of["independent_weight_decay"],
}


def agreeing(u: Array, g: Array) -> Array:
    mask = (u * g > 0).astype(np.float64)
    return np.asarray(u * mask / np.clip(mask.mean(), 1e-3, None))


def decaying(u: Array, w: Array, part: float) -> Array:
    return np.asarray(u + part * w * (np.sign(u) * np.sign(w) >= 0))


def trusted(u: Array, w: Array, part: float) -> Array:
    size, length = np.linalg.norm(w), np.linalg.norm(u)
    return np.asarray(u if size == 0 or length == 0 else u / length * size * part)


#: What a feature makes of a direction, that is of the change per unit of learning rate.
DIRECTIONS: Mapping[str, Callable[[Array, Array, Array, Mapping[str, Any]], Array]] = {
    "cautious": lambda u, w, g, of: agreeing(u, g),
    "grams": lambda u, w, g, of: np.sign(g) * np.abs(u),
    "cautious_weight_decay": lambda u, w, g, of: decaying(u, w, of["cautious_weight_decay"]),
    "clip_update": lambda u, w, g, of: (
        u / max(1.0, float(np.sqrt(np.mean(u**2))) / of["clip_update"])
    ),
    "trust_ratio": lambda u, w, g, of: trusted(u, w, of["trust_ratio"]),
}


class Momentum:
    """Heavy ball, as ``torchsgd`` states it."""

    name, settings = "torchsgd", {"momentum": 0.5}

    def __init__(self) -> None:
        self.buffer: Any = 0.0

    def direction(self, g: Array) -> Array:
        self.buffer = 0.5 * self.buffer + g
        return np.asarray(self.buffer)


class Adam:
    """Adam, as ``torchadam`` states it."""

    name: str = "torchadam"
    settings: Mapping[str, float] = {}

    def __init__(self) -> None:
        self.mean: Any = 0.0
        self.square: Any = 0.0
        self.step = 0

    def direction(self, g: Array) -> Array:
        self.step += 1
        self.mean = 0.9 * self.mean + 0.1 * g
        self.square = 0.999 * self.square + 0.001 * g * g
        root = np.sqrt(self.square / (1 - 0.999**self.step))
        return np.asarray(self.mean / (1 - 0.9**self.step) / (root + 1e-8))


def run(rule: Momentum | Adam, w: Array, gradients: list[Array], of: Mapping[str, Any]) -> Array:
    """One variable after all gradients."""
    kept: dict[str, Array] = {}
    slow = outer = w
    velocity = np.zeros_like(w)
    for step, gradient in enumerate(gradients, start=1):
        g = gradient
        for name, change in GRADIENTS.items():
            g = change(w, g, step, kept, of) if of.get(name) else g
        for name, factor in DECAYS.items():
            w = w * factor(of) if of.get(name) else w
        u = rule.direction(g)
        for name, turn in DIRECTIONS.items():
            u = turn(u, w, g, of) if of.get(name) else u
        w = w - RATE * u
        if of.get("lookahead") and step % of["lookahead"] == 0:
            w = slow = slow + of.get("lookahead_pace", 0.5) * (w - slow)
        if of.get("outer_nesterov") and step % of["outer_nesterov"] == 0:
            # Algorithm 1 of Douillard et al.: Nesterov's momentum of the way since the last time.
            velocity = 0.9 * velocity + (outer - w)
            w = outer = outer - of["outer_learning_rate"] * ((outer - w) + 0.9 * velocity)
    return w


#: Settings of each feature, and several together.
SETTINGS: list[dict[str, Any]] = [
    {"cautious": True},
    {"grams": True},
    {"cautious_weight_decay": 0.25},
    {"clip_update": 0.5},
    {"trust_ratio": 0.75},
    {"independent_weight_decay": 0.0625},
    {"corrected_weight_decay": 0.5, "largest_learning_rate": 0.25},
    {"l1_penalty": 0.25},
    {"orthograd": True},
    {"gradient_centralization": True},
    {"adaptive_clipping": 0.25},
    {"gradient_centralization": True, "adaptive_clipping": 0.5, "l1_penalty": 0.125},
    {"grokfast": 2.0},
    {"grokfast": 0.5, "grokfast_momentum": 0.25},
    {"lookahead": 3},
    {"lookahead": 2, "lookahead_pace": 0.25},
    {"outer_nesterov": 2, "outer_learning_rate": 0.5},
    {"cautious": True, "clip_update": 0.5, "trust_ratio": 1.0, "cautious_weight_decay": 0.5},
    {"grams": True, "clip_update": 0.25, "cautious_weight_decay": 0.5, "lookahead": 2},
    {"grokfast": 1.0, "orthograd": True, "l1_penalty": 0.125, "independent_weight_decay": 0.125},
    {"corrected_weight_decay": 0.5, "largest_learning_rate": 0.25, "lookahead": 3},
    {"grams": True, "lookahead": 2, "outer_nesterov": 3, "outer_learning_rate": 0.25},
]
#: Enough to compile every feature; each setting of switches takes seconds.
COMPILED = [SETTINGS[11], *SETTINGS[17:]]
#: Packages have the features of one of these: the more features, the longer each takes to compile.
GROUPS = (
    {*GRADIENTS, "independent_weight_decay"},
    {*DIRECTIONS, "lookahead"},
    {"corrected_weight_decay", "grams", "lookahead", "outer_nesterov"},
)


#: Those with a feature that takes the direction of the rule.
TURNED = [settings for settings in SETTINGS if {*DIRECTIONS} & {*settings}]


def features_of(settings: Mapping[str, Any]) -> set[str]:
    return {*settings} & {*NAMES}


@cache
def optimizer(name: str, features: frozenset[str]) -> Any:
    return optgen.compile(name, *sorted(features), backend="numpy")


def interpreted(name: str, settings: Mapping[str, Any]) -> Any:
    """A class with these features and others of their group, whose kernels Python runs."""
    group = next(group for group in GROUPS if features_of(settings) <= group)
    return optimizer(name, frozenset(group))


def drawn() -> Iterator[tuple[Array, list[Array]]]:
    """Variables, one of zeros, each with gradients, some of which are zero."""
    random = np.random.default_rng(1)
    for number, shape in enumerate(SHAPES):
        w = random.normal(size=shape) * (number != len(SHAPES) - 1)
        gradients = [random.normal(size=shape) for _ in range(STEPS)]
        for gradient in gradients[2:4]:
            gradient[..., 0] = 0
        yield w, gradients


@pytest.mark.parametrize("settings", SETTINGS, ids=",".join)
def test_a_feature_is_its_formula(settings: dict[str, Any]) -> None:
    assert_is_formula(interpreted(Momentum.name, settings), Momentum, settings)


@pytest.mark.parametrize("settings", TURNED, ids=",".join)
def test_what_turns_a_direction_is_its_formula_around_adam(settings: dict[str, Any]) -> None:
    """The others don't depend on the rule: they are before it, or move the parameter itself."""
    assert_is_formula(interpreted(Adam.name, settings), Adam, settings)


@pytest.mark.parametrize("settings", rest_in_full(COMPILED, lambda one: len(one) > 3), ids=",".join)
def test_a_compiled_feature_is_its_formula(settings: dict[str, Any]) -> None:
    kind = optgen.compile(Momentum.name, *sorted(features_of(settings)))
    assert_is_formula(kind, Momentum, settings)


def assert_is_formula(kind: Any, rule: type[Momentum | Adam], settings: dict[str, Any]) -> None:
    made = kind(learning_rate=RATE, **rule.settings, **settings)
    pairs = list(drawn())
    weights = [w.copy() for w, _ in pairs]
    for step in range(STEPS):
        made.apply([gradients[step] for _, gradients in pairs], weights)
    for found, (w, gradients) in zip(weights, pairs, strict=True):
        np.testing.assert_allclose(
            found, run(rule(), w, gradients, settings), rtol=1e-11, atol=1e-13
        )


def test_noise_is_normal_and_decays() -> None:
    """Gradients of 0, so that the parameter holds the noise of each update, after the paper."""
    kind = optimizer("torchsgd", frozenset(["gradient_noise"]))
    made = kind(learning_rate=1.0, gradient_noise=0.25, seed=7)
    weights = np.zeros((20, 50))
    for step in range(1, 5):
        before = weights.copy()
        made.apply([np.zeros_like(weights)], [weights])
        # The paper counts updates from 0.
        variance = 0.25 / (1 + (step - 1)) ** 0.55
        noise = (before - weights).reshape(-1) / np.sqrt(variance)
        assert stats.kstest(noise, "norm").pvalue > 0.01
    steady = kind(learning_rate=1.0, gradient_noise=4.0, gradient_noise_decay=0)
    many = np.zeros(1000)
    steady.apply([np.zeros(1000)], [many])
    last = many.copy()
    steady.apply([np.zeros(1000)], [many])
    assert stats.kstest((last - many) / 2, "norm").pvalue > 0.01


def test_sharpness_is_sought_at_a_distance() -> None:
    """Two gradients of a quadratic loss for each update, with one norm for all variables."""
    scales, weights = [np.array([1.0, 4.0]), np.array([0.5])], [np.ones(2), np.full(1, -2.0)]
    expected = [w.copy() for w in weights]
    made = optimizer("torchsgd", frozenset(["sam"]))(learning_rate=RATE, sam_radius=0.25)
    for _ in range(STEPS):
        made.perturb([a * w for a, w in zip(scales, weights, strict=True)], weights)
        made.apply([a * w for a, w in zip(scales, weights, strict=True)], weights)
        gradients = [a * w for a, w in zip(scales, expected, strict=True)]
        norm = np.linalg.norm(np.concatenate(gradients))
        moved = [w + 0.25 * g / norm for w, g in zip(expected, gradients, strict=True)]
        rates = [RATE * a for a in scales]
        expected = [w - r * at for w, r, at in zip(expected, rates, moved, strict=True)]
    for found, w in zip(weights, expected, strict=True):
        np.testing.assert_allclose(found, w, rtol=1e-13)


def test_every_optional_feature_is_tried() -> None:
    # Noise and sharpness have tests above; statistics, which move nothing, have a file of theirs.
    apart = {"gradient_noise", "sam", "update_statistics"}
    # Other libraries' code, in `tests/zoo`, is beside these.
    apart |= {"gsam", "looksam", "mechanic", "wsam"}
    # Formulas in `tests/zoo` are beside these, which take other gradients or come before others.
    apart |= {"call_clipnorm", "conflicting_gradients", "svrg"}
    tried = {name for settings in SETTINGS for name in settings if name in NAMES}
    assert set(NAMES) == tried | apart
    assert {name for settings in COMPILED for name in settings if name in NAMES} == tried


def test_signs_are_given_once() -> None:
    with pytest.raises(ValueError, match="cautious, grams"):
        interpreted("torchsgd", {"cautious": True})(cautious=True, grams=True)


def test_a_package_has_only_the_features_that_it_names() -> None:
    always = {path.stem for path in feature_files()}
    assert not always & set(NAMES)
    one = optgen.compile("torchsgd", "lookahead")
    one(lookahead=2)
    with pytest.raises(TypeError, match="cautious"):
        one(cautious=True)
