"""The search and the order of the table, by its own script under node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.javascript.browsers import dumped, needs_browser
from tests.site.conftest import Site
from tests.site.test_pages import Page

SCRIPT = Path(__file__).parents[2] / "templates" / "site" / "table.js"
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

PROGRAM = """
const table = require(process.argv[1]);
const { rows, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = calls.map(([name, ...given]) => name === "ordered"
  ? table.ordered(rows, ...given).map((row) => row.name)
  : rows.filter((row) => table.matches(row, ...given)).map((row) => row.name));
process.stdout.write(JSON.stringify(answers));
"""


def answers(rows: list[dict[str, str]], *calls: tuple[Any, ...]) -> list[list[str]]:
    given = json.dumps({"rows": rows, "calls": calls})
    command = ["node", "-e", PROGRAM, str(SCRIPT)]
    made = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    found: list[list[str]] = json.loads(made.stdout)
    return found


def rows_of(site: Site) -> list[dict[str, str]]:
    """The data of the rows, as a browser has them."""
    elements = Page(site.out / "index.html").elements
    return [
        {name.removeprefix("data-"): value for name, value in attributes.items()}
        for tag, attributes in elements
        if tag == "tr" and "data-words" in attributes
    ]


def test_words_and_filters_find_rows(site: Site) -> None:
    rows = rows_of(site)
    every = [row["name"] for row in rows]
    trait = rows[0]["traits"].split("|")[0]
    found = answers(
        rows,
        ("matches", ""),
        ("matches", "LION"),
        ("matches", "sgd torch"),
        ("matches", "arxiv:2302.06675"),
        ("matches", "", {"family": "sign"}),
        ("matches", "", {"trait": trait}),
        ("matches", "no such rule"),
    )
    alike = [row["name"] for row in rows if trait in row["traits"].split("|")]
    assert found == [every, ["lion"], ["torchsgd"], ["lion"], ["lion"], alike, []]


def test_numbers_are_compared(site: Site) -> None:
    rows = rows_of(site)
    found = answers(
        rows,
        ("matches", "state<4"),
        ("matches", "state>=4"),
        ("matches", "year>2000"),
        ("matches", "year<2000"),
        ("matches", "moved<=12"),
        ("matches", "Moved <= 12"),
    )
    stateless = [row["name"] for row in rows if float(row["state"]) < 4]
    assert "lion" not in stateless
    assert found[0] == stateless
    assert found[1] == [row["name"] for row in rows if row["name"] not in stateless]
    assert "lion" in found[2]
    assert found[3] == [row["name"] for row in rows if 0 < int(row["year"]) < 2000]
    assert found[4] == found[5] == stateless


def test_order_is_by_number_or_name() -> None:
    rows = [
        {"name": "b", "state": "12"},
        {"name": "c", "state": "8"},
        {"name": "a", "state": "8"},
    ]
    calls = [("ordered", "state", False), ("ordered", "state", True), ("ordered", "name", True)]
    assert answers(rows, *calls) == [["a", "c", "b"], ["b", "a", "c"], ["c", "b", "a"]]


@needs_browser
def test_a_browser_filters_the_table(site: Site, tmp_path: Path) -> None:
    address = (site.out / "index.html").as_uri() + "#q=lion&proof=oddness"
    shown = dumped(address, tmp_path, "document.readyState === 'complete'")
    assert ">1 rule<" in shown
