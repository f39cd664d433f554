"""What features add to a step, counted by hand from their papers."""

from __future__ import annotations

import pytest

from optgen.compiler.library import find_specs
from optgen.site.facts.feature_costs import feature_costs

#: Rules, what the row is about, bytes of state, bytes moved, and passes.
BY_HAND = {
    # Another array of the parameter's shape, read and written.
    "lookahead": {("SGD", "all variables", "+4", "+8", "+0")},
    # The gradient is read once more, for its norm.
    "clipnorm": {("SGD", "all variables", "+0", "+4", "+1")},
    # Means of rows take a pass over the gradient; vectors stay as they are.
    "gradient_centralization": {
        ("SGD", "vectors", "+0", "+0", "+0"),
        ("SGD", "matrices", "+0", "+4", "+1"),
    },
}


@pytest.mark.parametrize("name", BY_HAND)
def test_costs_are_those_counted_by_hand(name: str) -> None:
    (feature,) = find_specs([name]).files
    found = feature_costs(feature, find_specs(["sgd"]).files)
    assert {tuple(row[:5]) for row in found["rows"]} == BY_HAND[name]


def test_operations_are_those_of_the_formula() -> None:
    """An l2 penalty takes a product and a sum for each element (Krogh and Hertz, 1991)."""
    (feature,) = find_specs(["l2_penalty"]).files
    found = feature_costs(feature, find_specs(["adam"]).files)
    assert found["rows"] == [["Adam", "all variables", "+0", "+0", "+0", "+2"]]


def test_states_of_other_shapes_are_counted_in_words() -> None:
    (feature,) = find_specs(["update_statistics"]).files
    found = feature_costs(feature, find_specs(["sgd"]).files)
    assert found["remarks"] == [
        "Beside these it has 8 states that aren't arrays of the parameter's shape."
    ]
