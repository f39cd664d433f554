"""Rules that need what Keras can't pass on are refused when they are made."""

from __future__ import annotations

import pytest

import optgen
from optgen.keras import optimizer_class
from tests.runtime.more_than_gradients import GUIDED


def test_inputs() -> None:
    made = optimizer_class(optgen.compile(GUIDED), "GuidedOfKeras")
    with pytest.raises(ValueError, match="takes curvature, loss beside the gradients"):
        made()


def test_second_points() -> None:
    made = optimizer_class(optgen.compile("sgd", "sam"), "SharpnessOfKeras")
    with pytest.raises(ValueError, match="second gradient"):
        made(sam_radius=0.1)
    assert made().sam_radius is None
