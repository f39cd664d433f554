"""The order of slots in the documentation is that of ``specs/slots.toml``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_slots_are_listed_in_their_order() -> None:
    order = tomllib.loads((ROOT / "specs" / "slots.toml").read_text(encoding="utf-8"))["order"]
    (listed,) = re.findall(
        r"^`(\w+(?: → \w+)+)`$", (ROOT / "docs" / "features.md").read_text(), re.M
    )
    assert listed.split(" → ") == order
