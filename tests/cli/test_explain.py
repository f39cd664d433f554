"""``optgen explain`` as a page of HTML, and its picture."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from optgen.analysis.prove import observed
from optgen.cli import app
from optgen.cli.commands import explain as command
from optgen.cli.optimizer_report import Explained, explained
from optgen.compiler.ir.rule import LEARNING_RATE
from optgen.compiler.ir.spec import Spec
from optgen.compiler.ir.storage import Stored
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all
from optgen.demo import stability
from optgen.demo.stability import Panel

HOSTILE = '''
name = "Hostile"
summary = "<script>alert('a')</script> & more \N{GREEK SMALL LETTER THETA}"
reference = "<img src='http://example.org'>"
[hyperparameters]
learning_rate = { default = 0.1 }
keep = { default = 0.9, range = "0 <= keep < 1" }
part = { default = 0.2, range = "0 <= part < 1" }
[state]
buffer = {}
[update]
rule = """
buffer = keep*buffer + (1 - part)*grad
param = param - learning_rate*buffer
"""
'''
#: As RMSprop, without switches.
MEAN = '''
name = "Mean"
[hyperparameters]
learning_rate = { default = 0.001 }
rho = { default = 0.9, range = "0 <= rho < 1" }
epsilon = { default = 1e-7, range = "epsilon > 0" }
[state]
velocity = { invariant = "velocity >= 0" }
[update]
rule = """
velocity = rho*velocity + (1 - rho)*grad**2
param = param - learning_rate*grad/(sqrt(velocity) + epsilon)
"""
'''
MATRICES = '''
name = "Matrices"
[matrix]
view = "first by rest"
[hyperparameters]
learning_rate = { default = 0.1 }
period = { default = 2, integer = true, range = "period >= 1" }
[state]
root = { shape = "rows by rows", initial = 1, when = "matrix" }
[update]
rule = """
direction = grad
if matrix:
    if (step - 1) % period == 0:
        root = inverse_root(grad @ transpose(grad), 4, 1e-6)
    direction = newton_schulz(root @ grad)
change = learning_rate*direction
"""
'''
SPECS = {"hostile": HOSTILE, "mean": MEAN, "matrices": MATRICES}
MADE: dict[tuple[object, ...], Explained] = {}
#: Elements that are never closed.
VOID = {"meta"}


class Page(HTMLParser):
    """Which elements a page has; each must be closed where it should."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["explain", *(str(argument) for argument in arguments)])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in SPECS.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path


def made_once(
    spec: Spec, together: Sequence[str], storages: Sequence[Stored] | None = None
) -> Explained:
    key = str(spec.name), *together, None if storages is None else (*storages,)
    if key not in MADE:
        MADE[key] = explained(spec, together, storages)
    return MADE[key]


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each report is made once, and printed in several formats."""
    monkeypatch.setattr(command, "explained", made_once)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Panel]:
    """What would be drawn."""
    drawn: list[Panel] = []
    monkeypatch.setattr(stability, "draw", lambda found, path: drawn.extend(found))
    return drawn


@pytest.mark.parametrize("name", ["sgd", "hostile.toml"])
def test_the_page_stands_alone(name: str) -> None:
    result = run(name, "--format", "html")
    assert result.exit_code == 0, result.output
    assert result.stdout.isascii()
    page = Page(result.stdout)
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert "url(" not in result.stdout
    assert "@import" not in result.stdout
    formulas = re.findall("<math.*?</math>", result.stdout)
    assert formulas
    for formula in formulas:
        ET.fromstring(formula)
    assert "proved: flipping the gradient's sign flips the step" in page.text
    assert "with global_clipnorm" in page.text


def test_text_of_a_spec_is_only_text() -> None:
    page = run("hostile.toml", "--format", "html").stdout
    assert "&lt;script&gt;alert(" in page
    assert " &amp; more &#952;" in page
    assert "<script>alert('a')</script> & more θ" in Page(page).text


def test_where_it_is_stable_is_told_in_each_format() -> None:
    limit = "learning_rate*curvature < 2*(1 + momentum), where momentum > 0 and not nesterov"
    assert f"on a quadratic it is stable for {limit}" in run("sgd").stdout
    assert (
        r"\left(1 + \mathrm{momentum}\right)$, where" in run("sgd", "--format", "markdown").stdout
    )
    assert "stable for ηcurvature<2, where" in Page(
        run("sgd", "--format", "html").stdout
    ).text.replace("\u2062", "")
    assert "stable" not in run("adam").stdout


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_a_picture(name: str, start: bytes, folder: Path) -> None:
    result = run("hostile.toml", "--picture", name)
    assert result.exit_code == 0, result.output
    assert (folder / name).read_bytes().startswith(start)
    assert name in result.stderr
    assert name not in result.stdout


def test_panels_are_white_beyond_the_limit(drawn: list[Panel]) -> None:
    assert run("sgd", "--picture", "a.png").exit_code == 0
    plain, second, third = drawn
    assert (plain.across, second.across, third.across) == ("", "momentum", "momentum")
    assert plain.limits.tolist() == [2]
    for panel in drawn:
        beyond = panel.products[:, None] > panel.limits[None, :] + 1e-9
        within = panel.products[:, None] < panel.limits[None, :] - 1e-9
        assert (panel.factors[beyond] > 1).all()
        assert (panel.factors[within] <= 1 + 1e-9).all()
        assert beyond.any()
    assert np.isclose(plain.factors[:, 0], abs(1 - plain.products)).all()


def test_other_hyperparameters_have_their_defaults(drawn: list[Panel]) -> None:
    assert run("hostile.toml", "--picture", "a.png").exit_code == 0
    (panel,) = drawn
    assert (panel.across, panel.title) == ("keep", "part = 0.2")
    assert panel.limits[0] == pytest.approx(2 / 0.8)


def test_nothing_to_draw(folder: Path) -> None:
    result = run("adam", "--picture", "a.png")
    assert result.exit_code == 2
    assert "nothing to draw" in result.stderr
    assert not (folder / "a.png").exists()


@pytest.mark.parametrize("path", ["a.nothing", "missing/a.png"])
def test_a_path_that_is_no_picture(path: str) -> None:
    assert run("sgd", "--picture", path).exit_code == 2


def test_a_picture_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("sgd", "--picture", "a.png")
    assert result.exit_code == 2
    assert "optgen[demo]" in result.stderr


def test_a_picture_of_runs(folder: Path) -> None:
    result = run("mean.toml", "--runs", "runs.png")
    assert result.exit_code == 0
    assert (folder / "runs.png").read_bytes().startswith(b"\x89PNG")
    assert run("mean.toml", "--runs", "runs.xyz").exit_code == 2


def test_the_runs_that_are_drawn_are_those_of_the_rule() -> None:
    """Steps of plain gradient descent are the learning rate times the gradient."""
    (spec,) = load_all([path for path in optimizer_files() if path.stem == "torchsgd"])
    plain = observed(checked_rule(spec))[0]
    rate = next(
        float(h.default or 0) for h in checked_rule(spec).hyperparameters if h.name == LEARNING_RATE
    )
    for gradient, steps in plain.steps.items():
        if gradient > 1e-6:
            np.testing.assert_allclose(steps, rate * gradient, rtol=1e-6)
    losses = plain.losses[1.0]
    expected = sum(h / 2 * (1 - rate * h) ** (2 * np.arange(len(losses))) for h in (1.0, 0.1, 10.0))
    np.testing.assert_allclose(losses, expected, rtol=1e-9)


DIVERGING = '''
name = "Diverging"
summary = "A momentum that grows faster and faster."
[hyperparameters]
learning_rate = { default = 1.0 }
[state]
momentum = {}
[update]
rule = """
momentum = momentum**2 + grad**4
param = param - learning_rate*grad*momentum**4
"""
'''


def test_runs_that_diverge_warn_of_nothing(tmp_path: Path) -> None:
    """A warning is an error here."""
    (tmp_path / "diverging.toml").write_text(DIVERGING)
    (spec,) = load_all([tmp_path / "diverging.toml"])
    (found,) = observed(checked_rule(spec))
    assert not np.isfinite(found.losses[1.0]).all()
    assert not np.isfinite(found.steps[1.0]).all()


def test_functions_of_matrices_are_counted_in_words() -> None:
    lines = run("matrices.toml").stdout.splitlines()
    (line,) = {line for line in lines if "inverse_root, once: 11*rows**3 operations" in line}
    assert "(step - 1) % period == 0" in line
    told = "product, plus a matrix, 4 times: 2*fewer**2*more operations"
    assert any(told in line for line in lines)


def test_storage_is_told_in_each_format() -> None:
    told = "velocity keeps rho = 0.9, and stops up to 3.9 % of its value away from its input"
    assert told not in run("mean.toml").stdout
    assert told in run("mean.toml", "--storage").stdout.replace("\n", " ")
    markdown = run("mean.toml", "--storage", "--format", "markdown").stdout
    assert told in markdown.replace("\\", "")
    assert "| param=bfloat16,states=bfloat16 | 2 | 10 | 22 |" in markdown
    page = Page(run("mean.toml", "--storage", "--format", "html").stdout)
    assert told in page.text
    assert "What storage changes" in page.text


def test_a_storage_of_one_s_own() -> None:
    wish = "param=float16,grad=float32,states=float16"
    plain, own = (
        run("mean.toml", "--format", "markdown", *more).stdout
        for more in (["--storage"], ["--stored", wish])
    )
    # Parameter twice, gradient, state twice.
    row = "| param=float16,grad=float32,states=float16 | 2 | 12 |"
    assert row in own
    assert row not in plain
    assert "numbers leave the range" in own
    wrong = run("mean.toml", "--stored", "states=int9")
    assert wrong.exit_code == 2
    assert "states is one of float32, bfloat16" in wrong.stderr


def test_numbers_for_programs() -> None:
    found = json.loads(run("adam", "--storage", "--format", "json").stdout)
    assert (found["name"], found["costs"][0]["moved_bytes"]) == ("Adam", 28)
    assert any("proved: velocity >= 0" in line for line in found["properties"])
    rows = {(r["param"], r["states"], r["rounding"]): r for r in found["storage"]}
    single = rows["float32", "float32", "nearest"]
    half = rows["bfloat16", "bfloat16", "nearest"]
    assert (single["moved_bytes"], half["moved_bytes"]) == (28, 14)
    assert single["error"] < 1e-6 < half["found"] < half["error"] < 0.01
    assert half["lost_update"] == 2.0**-9
    assert half["stops_at"] == pytest.approx(0.001 * 2**9)
    assert [one["state"] for one in half["means"] if one["stands_still"]] == ["velocity"]
    assert [one["state"] for one in half["means"] if one["feature"]] == ["parameter_average"]
    assert all(one["survives"] for one in half["invariants"])
    fair = rows["bfloat16", "bfloat16", "stochastic"]
    assert (fair["lost_update"], fair["stops_at"]) == (0, None)
    assert not any(one["stands_still"] for one in fair["means"])
    assert json.loads(run("sgd", "--format", "json").stdout)["storage"] == []
