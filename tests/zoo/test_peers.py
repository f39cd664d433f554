"""Thirty steps of each rule beside somebody else's, or beside the paper's formulas."""

from __future__ import annotations

import pytest

from tests.zoo.papers import RATE
from tests.zoo.peer import TOLERANCE, Peer
from tests.zoo.peers import PEERS
from tests.zoo.runs import difference, gradients, of_ours, start

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("peer", PEERS, ids=str)
def test_thirty_steps_are_theirs(peer: Peer) -> None:
    chosen = [
        k
        for k, array in enumerate(start())
        if peer.least_dimensions <= array.ndim <= peer.most_dimensions
    ]
    first = [start()[k] for k in chosen]
    rows = [[row[k] for k in chosen] for row in gradients(peer.magnitude)]
    mine = of_ours(peer.rule, {"learning_rate": RATE, **peer.arguments})(first, rows)
    found = difference(mine, peer.run(first, rows), first)
    assert found <= peer.tolerance


def test_what_is_special_has_a_reason() -> None:
    assert all(peer.note for peer in PEERS if peer.tolerance > TOLERANCE)
