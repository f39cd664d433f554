"""What can't be followed is an error that shows the source; nothing wrong is written."""

from __future__ import annotations

import pytest

from optgen.compiler.ir.problem import UsageError
from optgen.tracing.importer import imported
from optgen.tracing.unfollowed import UnfollowedError
from tests.tracing import refused
from tests.tracing.optimizers import Momentum
from tests.tracing.refused import REFUSED


@pytest.mark.parametrize(
    ("owner", "message", "under"), REFUSED, ids=[one.__name__ for one, _, _ in REFUSED]
)
def test_the_source_is_shown(owner: type, message: str, under: str) -> None:
    with pytest.raises(UnfollowedError) as caught:
        imported(owner)
    (problem,) = caught.value.problems
    assert message in problem.message
    if under:
        place = problem.location
        assert place.path == refused.__file__
        assert place.text[place.column - 1 :][: place.length] == under


def test_arguments_must_be_the_constructors() -> None:
    with pytest.raises(UsageError, match="has no argument speed"):
        imported(Momentum, {"speed": 1})
