"""What the documentation says of other libraries and of our rules is so."""

from __future__ import annotations

import re
from importlib.metadata import version

import numpy as np
import pytest

from tests.numeric.preconditioned import WHOSE
from tests.numeric.specs import SPECS, read
from tests.numeric.test_matrix_rules import PEERS as OF_MATRICES
from tests.zoo.findings import FINDINGS, Finding
from tests.zoo.peers import PEERS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DOCS = SPECS.parent / "docs"
ROW = re.compile(r"^\| (\w+) ([\d.]+) \| `(\w+)` \| .* \| ([-\d., ]+) \| ([-\d., ]+) \|$", re.M)
WRITTEN = {
    f"{library} {name}": (which, theirs, papers)
    for library, which, name, theirs, papers in ROW.findall((DOCS / "findings.md").read_text())
}


def shown(numbers: list[float]) -> str:
    return ", ".join(f"{number:.7f}" for number in numbers)


@pytest.mark.parametrize("finding", FINDINGS, ids=str)
def test_a_library_differs_from_the_paper_as_written(finding: Finding) -> None:
    which, theirs, papers = WRITTEN[str(finding)]
    assert version(finding.library) == which
    assert shown(finding.of_theirs()) == theirs
    assert shown(finding.of_paper()) == papers
    assert theirs != papers
    np.testing.assert_allclose(finding.of_ours(), finding.of_paper(), rtol=1e-12)


def test_every_finding_is_written_down() -> None:
    assert WRITTEN.keys() == {str(finding) for finding in FINDINGS}


def test_the_page_of_rules_lists_every_rule_and_its_peers() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", (DOCS / "zoo.md").read_text(), re.M)
    listed = {name: (summary, peers) for name, summary, peers in rows}
    every = (SPECS / "optimizers").rglob("*.toml")
    specs = {table["name"]: table["summary"] for table in map(read, every)}
    assert {name: summary for name, (summary, _) in listed.items()} == specs
    for name, (_, peers) in listed.items():
        found = [peer.whose for peer in PEERS if peer.rule == name]
        found += [peer.whose for peer in OF_MATRICES if peer.rule == name]
        beside = ", ".join(dict.fromkeys(found)) or WHOSE.get(name, "")
        assert peers in (beside, "*Keras*", "*torch*")
        assert beside or peers.startswith("*")
