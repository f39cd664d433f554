"""Cases and their peers are declared in one file."""

from __future__ import annotations

import pytest

from optgen.bench.declarations import declarations, parse
from optgen.bench.peers.interface import Rule

TEXT = """
threads = 3
learning_rate = 0.5
usual = ["A"]
everything = { clip = 1.0 }
[[cases]]
optimizer = "A"
arguments = { x = 0.9 }
peers.torch.B = { betas = [0.5, 0.75] }
peers.optax."contrib.b" = {}
[[cases]]
optimizer = "C"
matrices = true
tolerance = 0.5
"""


def test_what_a_declaration_says() -> None:
    found = parse(TEXT)
    assert (found.threads, found.rate, found.usual) == (3, 0.5, ("A",))
    assert found.everything == {"clip": 1.0}
    assert found.cases["A"].arguments == {"x": 0.9}
    peers = {"torch": Rule("B", {"betas": [0.5, 0.75]}), "optax": Rule("contrib.b")}
    assert found.cases["A"].peers == peers
    assert not found.cases["C"].arguments
    assert not found.cases["C"].peers
    assert (found.cases["C"].matrices, found.cases["C"].tolerance) == (True, 0.5)
    assert not found.cases["A"].matrices


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("peers.torch.B", "peers.torhc.B", "A: peers.torhc is no library; there are torch, keras"),
        ("peers.optax.", "peers.torch.", "A: peers.torch has 2 rules; declare one"),
        ('usual = ["A"]', 'usual = ["B"]', "B is timed as usual, but is no case"),
    ],
)
def test_what_is_declared_wrongly(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        parse(TEXT.replace(old, new))


def test_rules_with_several_passes_have_peers_in_every_library() -> None:
    found = declarations().cases
    assert found["Adafactor"].peers.keys() == {"torch", "keras", "optax"}
    assert found["LAMB"].peers.keys() == {"keras", "optax"}
