"""What is drawn around a rule: the features that are on, and the variables it runs over."""

from __future__ import annotations

import random

from tests.random_programs.program import Form
from tests.random_programs.settings import Argument

FULL = ((1,), (3,), (2, 3), (2, 1, 2), (7,), (13,))
SHAPES = (*FULL, (), (0,), (0, 2))
EMPTY = ((0, 3), (3, 0), (2, 0, 3), (0, 2, 2))
MATRICES = ((2, 3), (5, 4), (1, 6), (7, 1), (3, 3), (2, 3, 4), (3, 1, 2), (4, 2, 3), (2, 2, 3, 2))


def features(draw: random.Random, *, averages: bool) -> dict[str, Argument]:
    """Arguments that turn features on; ``averages`` may be among them."""
    found: dict[str, Argument] = {}
    if draw.random() < 0.4:
        return found
    clip = draw.choice(["", "", "clipnorm", "clipvalue", "global_clipnorm"])
    if clip:
        found[clip] = round(10 ** draw.uniform(-2, 1), 4)
    for name, most in (("weight_decay", 0.2), ("l2_penalty", 0.2)):
        if draw.random() < 0.25:
            found[name] = round(draw.uniform(0, most), 4)
    if draw.random() < 0.25 and averages:
        found |= {"use_ema": True, "ema_momentum": round(draw.random(), 3)}
        if draw.random() < 0.5:
            found["ema_overwrite_frequency"] = draw.randint(1, 3)
    if draw.random() < 0.25:
        found["loss_scale_factor"] = draw.choice([128.0, 0.5, 1000.0])
    if draw.random() < 0.25:
        found["gradient_accumulation_steps"] = draw.randint(1, 3)
    if draw.random() < 0.2:
        found["maximize"] = True
    return found


def forms(
    draw: random.Random, excludable: list[str], *, matrices: bool = False
) -> tuple[Form, ...]:
    """The variables of a run, some of them excluded; some are laid out in another order."""
    found = []
    dtype = draw.choice(["float32", "float32", "float64", "mixed"])
    for number in range(draw.choice([1, 2, 2, 3])):
        own = draw.choice(["float32", "float64"]) if dtype == "mixed" else dtype
        excluded = tuple(k for k in excludable if draw.random() < 0.2)
        # Something to compare, whatever else there is.
        shape: tuple[int, ...] = draw.choice(SHAPES if number else FULL)
        if matrices and draw.random() < 0.75:
            shape = draw.choice(MATRICES if number == 0 or draw.random() < 0.9 else EMPTY)
        order = tuple(draw.sample(range(len(shape)), len(shape))) if draw.random() < 0.3 else ()
        found.append(Form(f"v{number}", shape, own, excluded, order))
    return tuple(found)
