"""The page of the playground: complete, without a network, and right about its tasks."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from optgen.compiler.library import find_specs
from optgen.site import playground
from optgen.site.cache import Cache
from tests.javascript.browsers import dumped, needs_browser
from tests.javascript.runs import NODE
from tests.site.conftest import leave_out

RULES = ("lion", "muon", "sgd")
#: Elements that have no end.
VOID = {"link", "meta", "input", "br"}


class Page(HTMLParser):
    """What a page refers to; raises AssertionError where an element isn't ended in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.references += [value for name in ("src", "href") if (value := given.get(name))]
        self.ids += [value for name in ("id",) if (value := given.get(name))]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cache: Cache) -> Path:
    out = tmp_path_factory.mktemp("site")
    files = [file for name in RULES for file in find_specs([name]).files]
    with pytest.MonkeyPatch.context() as patch:
        leave_out(patch)  # Scripts with all features are run in `tests/javascript`.
        assert playground.write(out, files, cache) == {}
    return out / "playground"


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    found = Page()
    found.feed((folder / "index.html").read_text(encoding="utf-8"))
    assert not found.open
    return found


def test_all_that_the_page_needs_is_there(folder: Path, page: Page) -> None:
    own = [one for one in page.references if not one.startswith("../")]
    assert own
    assert all((folder / one).is_file() for one in own), own
    assert {path.stem for path in (folder / "rules").iterdir()} == set(RULES)


def test_scripts_find_the_elements_that_they_name(folder: Path, page: Page) -> None:
    text = "".join((folder / name).read_text() for name in ("page.js", "cards.js", "plots.js"))
    named = set(re.findall(r'find\("([\w-]+)"\)', text))
    assert named
    assert named <= set(page.ids)


def test_nothing_comes_from_a_network(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"fetch\(|XMLHttpRequest|import\(|src=\"http|url\(http", text), (
                path
            )


@pytest.mark.usefixtures("fewer")
def test_a_broken_rule_is_left_out_and_named(tmp_path: Path, cache: Cache) -> None:
    (sgd,) = find_specs(["sgd"]).files
    broken = tmp_path / "broken.toml"
    broken.write_text('name = "Broken"\n[update]\nrule = "change = nothing"\n')
    wrong = playground.write(tmp_path, [broken, sgd], cache)
    assert [*wrong] == ["broken"]
    assert "nothing" in wrong["broken"]
    assert [path.stem for path in (tmp_path / "playground/rules").iterdir()] == ["sgd"]


@pytest.mark.skipif(NODE is None, reason="there is no node")
def test_tasks_have_their_gradients_and_rules_go_down(folder: Path, page: Page) -> None:
    assert NODE is not None
    scripts = [one for one in page.references if one.endswith(".js")]
    drawing = {"plots.js", "cards.js", "page.js"}
    rules = [f"rules/{name}.js" for name in RULES if f"rules/{name}.js" not in scripts]
    listed = [one for one in scripts if one not in drawing] + rules + ["digits.js"]
    given = {"folder": str(folder), "scripts": listed, "rules": RULES}
    command = [NODE, str(Path(__file__).with_name("tasks.js"))]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert {"bowl", "directions", "regression", "digits"} <= found.keys()
    for name, one in found.items():
        assert one["worst"] < 1e-4, name
        assert all(run["isSame"] and run["last"] < run["first"] for run in one["runs"]), name
        # Minima of the pictures: no run comes below.
        assert all(loss < 1e-6 for loss in one["minima"]), name


#: Losses of two rules on the first task, whose gradient has no noise.
LOSSES = """
const { folder, scripts, rules } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const vm = require("vm");
const read = (script) => require("fs").readFileSync(`${folder}/${script}`, "utf8");
for (const script of scripts) vm.runInThisContext(read(script));
{
  const optgen = vm.runInThisContext("optgen");
  const problem = optgen.tasks[0].make(
    Object.fromEntries(optgen.tasks[0].options.map((one) => [one.name, one.value])));
  const losses = rules.map((rule) => {
    const run = new optgen.Run(rule, { learning_rate: 0.01 }, problem, 1);
    while (!run.isOver && run.steps < 30) run.advance();
    return run.losses;
  });
  process.stdout.write(JSON.stringify(losses));
}
"""


@pytest.mark.skipif(NODE is None, reason="there is no node")
def test_a_second_gradient_is_taken_where_the_step_before_was(tmp_path: Path, cache: Cache) -> None:
    """Of the same examples: without noise, it is the gradient of the step before."""
    assert NODE is not None
    rules = ("mars", "exactmars")
    with pytest.MonkeyPatch.context() as patch:
        leave_out(patch)
        playground.write(tmp_path, find_specs(rules).files, cache)
    folder = tmp_path / "playground"
    page = Page()
    page.feed((folder / "index.html").read_text(encoding="utf-8"))
    drawing = {"plots.js", "cards.js", "page.js"}
    scripts = [one for one in page.references if one.endswith(".js") and one not in drawing]
    scripts += [f"rules/{name}.js" for name in rules if f"rules/{name}.js" not in scripts]
    given = json.dumps({"folder": str(folder), "scripts": scripts, "rules": rules})
    done = subprocess.run(
        [NODE, "-e", LOSSES], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    without, given_it = json.loads(done.stdout)
    assert without[-1] < without[0]
    assert given_it == pytest.approx(without, rel=1e-12)


@needs_browser
def test_a_browser_runs_the_page(folder: Path, tmp_path: Path) -> None:
    address = (folder / "index.html").as_uri() + "#task=bowl&rules=lion,muon"
    shown = dumped(address, tmp_path, "document.body.dataset.done !== undefined")
    said = re.findall(r'<p class="said">([^<]*)</p>', shown)
    assert len(said) == 2, shown[-2000:]
    assert all(re.match(r"loss \S+ after 300 steps; rate: the best of 19", one) for one in said)
