"""``optgen build``, ``check``, ``show`` and ``list`` with schedules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app

ROOT = Path(__file__).parent.parent.parent
SCHEDULES = sorted(path.stem for path in (ROOT / "specs" / "schedules").glob("*.toml"))

NOAM = '''
name = "InverseRoot"
summary = "Rise in a straight line, then fall with the root of the calls."
reference = "Vaswani et al., 2017, arXiv:1706.03762, section 5.3"

[hyperparameters]
peak = { required = true, range = "peak > 0" }
warmup = { default = 4, integer = true, range = "warmup >= 1" }

[schedule]
rule = """
now = calls + 1
value = peak*min(now/warmup, sqrt(warmup/now))
"""
'''
PLAIN = """
name = "Plain"
[update]
rule = "param = param - learning_rate*grad"
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "root.toml").write_text(NOAM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(project: Path) -> set[str]:
    out = project / "generated"
    return {path.relative_to(out).as_posix() for path in out.rglob("*.py")}


def test_schedules_alone_make_a_package(project: Path) -> None:
    assert "InverseRoot: built" in run("build", "specs").output
    assert files(project) == {"__init__.py", "schedules/__init__.py", "schedules/inverseroot.py"}
    program = """
import generated
from generated.schedules import InverseRoot
from optgen.runtime.schedule import deserialize, serialize
schedule = InverseRoot(0.5)
assert [schedule(k) for k in (0, 3, 15)] == [0.125, 0.5, 0.25]
assert deserialize(serialize(schedule)) == schedule
assert generated.schedules.InverseRoot is InverseRoot
assert generated.__all__ == []
"""
    subprocess.run([sys.executable, "-c", program], cwd=project, check=True)


def test_the_package_fills_the_registry() -> None:
    program = """
import optgen.optimizers
from optgen.runtime.schedule import deserialize
config = {"initial_learning_rate": 0.1, "decay_steps": 10}
assert deserialize({"class_name": "CosineDecay", "config": config})(0) == 0.1
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_schedules_stand_beside_optimizers(project: Path) -> None:
    (project / "specs" / "plain.toml").write_text(PLAIN)
    assert run("build", "specs").exit_code == 0
    assert {"plain.py", "cpu/plain.py", "schedules/inverseroot.py"} <= files(project)
    assert "InverseRoot: unchanged" in run("build", "specs").output
    program = "from generated import Plain, schedules; schedules.InverseRoot(1.0)"
    subprocess.run([sys.executable, "-c", program], cwd=project, check=True)


@pytest.mark.parametrize("file", ["inverseroot.py", "__init__.py"])
def test_check_finds_a_change(project: Path, file: str) -> None:
    run("build", "specs")
    assert run("build", "specs", "--check").exit_code == 0
    path = project / "generated" / "schedules" / file
    path.write_text(path.read_text() + "\n")
    result = run("build", "specs", "--check")
    assert result.exit_code == 1
    assert file in result.output


def test_orphans_are_found_and_removed(project: Path) -> None:
    (project / "specs" / "plain.toml").write_text(PLAIN)
    run("build", "specs")
    (project / "specs" / "root.toml").unlink()
    result = run("build", "specs", "--check")
    assert result.exit_code == 1
    assert "inverseroot.py has no spec" in result.output
    assert run("build", "specs").exit_code == 0
    assert not any(name.startswith("schedules/") for name in files(project))
    assert "schedules" not in (project / "generated" / "__init__.py").read_text()


def test_one_file_keeps_the_others(project: Path) -> None:
    (project / "specs" / "plain.toml").write_text(PLAIN)
    run("build", "specs")
    (project / "second.toml").write_text(NOAM.replace("InverseRoot", "Second"))
    assert run("build", "second.toml").exit_code == 0
    inside = (project / "generated" / "schedules" / "__init__.py").read_text()
    assert "Second" in inside
    assert "InverseRoot" in inside
    assert "Plain" in (project / "generated" / "__init__.py").read_text()


def test_two_of_one_name(project: Path) -> None:
    (project / "specs" / "again.toml").write_text(NOAM)
    result = run("build", "specs")
    assert result.exit_code == 1
    assert "would overwrite the schedule of" in result.stderr
    assert not (project / "generated").exists()


def test_a_schedule_may_have_the_name_of_an_optimizer(project: Path) -> None:
    (project / "specs" / "plain.toml").write_text(PLAIN)
    (project / "specs" / "root.toml").write_text(NOAM.replace("InverseRoot", "Plain"))
    assert run("build", "specs").exit_code == 0
    assert {"plain.py", "schedules/plain.py"} <= files(project)


def test_a_wrong_schedule_leaves_everything_as_it_was(project: Path) -> None:
    run("build", "specs")
    before = {path: path.read_bytes() for path in (project / "generated").rglob("*.py")}
    (project / "specs" / "root.toml").write_text(NOAM.replace("calls + 1", "call + 1"))
    (project / "specs" / "plain.toml").write_text(PLAIN)
    result = run("build", "specs")
    assert result.exit_code == 1
    assert "root.toml:12:7: error: 'call' is not given to schedules" in result.stderr
    assert {path: path.read_bytes() for path in (project / "generated").rglob("*.py")} == before


def test_check(project: Path) -> None:
    assert "1 spec without errors" in run("check", "specs").output
    (project / "specs" / "root.toml").write_text(NOAM.replace("sqrt", "mean"))
    result = run("check", "specs")
    assert result.exit_code == 1
    assert "mean is not a function of schedules" in result.stderr


def test_check_counts_schedules() -> None:
    said = run("check", ROOT / "specs" / "schedules", "sgd").output
    assert f"{len(SCHEDULES) + 1} specs without errors" in said


@pytest.mark.parametrize("name", SCHEDULES)
def test_source_is_what_is_committed(name: str) -> None:
    page = run("show", name, "--stage", "source").stdout
    committed = ROOT / "generated" / "schedules" / f"{name}.py"
    assert page == committed.read_text(encoding="utf-8")


def test_stages(project: Path) -> None:
    page = run("show", "specs/root.toml", "--stage", "spec").stdout
    assert page.startswith("schedule InverseRoot")
    assert "required" in page
    rule = run("show", "specs/root.toml", "--stage", "rule").stdout
    assert "    value = peak*min(now/warmup, sqrt(warmup/now))" in rule
    plan = run("show", "specs/root.toml")
    assert plan.exit_code == 2
    assert "has no plan" in plan.stderr


def test_list() -> None:
    page = run("list").stdout
    (line,) = (line for line in page.splitlines() if line.split()[:1] == ["PolynomialDecay"])
    assert line.endswith(
        "initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False"
    )
