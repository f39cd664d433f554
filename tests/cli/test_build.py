"""``optgen build``, ``check`` and ``new``, in a user's own project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app

ROOT = Path(__file__).parent.parent.parent

LION = '''
name = "Lion"
summary = "Step by the sign of an interpolation between momentum and gradient."
reference = "Chen et al., 2023, arXiv:2302.06675"

[hyperparameters]
learning_rate = { default = 1e-4 }
beta_1 = { default = 0.9, range = "0 <= beta_1 < 1" }
beta_2 = { default = 0.99, range = "0 <= beta_2 < 1" }

[state]
momentum_buffer = {}

[update]
rule = """
param = param - learning_rate*sign(beta_1*momentum_buffer + (1 - beta_1)*grad)
momentum_buffer = beta_2*momentum_buffer + (1 - beta_2)*grad
"""
'''

CENTRALISE = '''
name = "centralise"
slot = "clip"
when = "centralise"
summary = "Take its mean off each gradient."

[hyperparameters]
centralise = { default = false }

[update]
rule = """
grad = grad - mean(grad)
"""
'''


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "lion.toml").write_text(LION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@cache
def files_of(*classes: str) -> dict[str, bytes]:
    """What a build makes of Lion under some names, built once for the tests that begin there."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name in classes:
            (root / f"{name.lower()}.toml").write_text(LION.replace("Lion", name))
        assert run("build", folder, "--out", f"{folder}/out").exit_code == 0
        built = (path for path in (root / "out").rglob("*") if path.is_file())
        return {path.relative_to(root / "out").as_posix(): path.read_bytes() for path in built}


def begin_with(project: Path, *classes: str) -> None:
    """Let the project have a package of these classes."""
    for name, data in files_of(*classes).items():
        path = project / "generated" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, project: Path) -> Iterator[None]:
    """The project's packages can be imported, and are forgotten afterwards."""
    monkeypatch.syspath_prepend(project)
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:
        if name.split(".")[0] == "package_of_a_user":
            del sys.modules[name]


@pytest.mark.usefixtures("loaded", "python_kernels")
def test_a_users_package_imports_and_has_the_features(project: Path) -> None:
    (project / "specs" / "centralise.toml").write_text(CENTRALISE)
    package = project / "package_of_a_user"
    package.mkdir()
    (package / "__init__.py").touch()
    assert run("build", "specs", "--out", "package_of_a_user/generated").exit_code == 0
    kind = import_module("package_of_a_user.generated").Lion
    w = np.array([1.0, 2.0, 4.0])
    opt = kind(learning_rate=0.5, centralise=True, use_ema=True, weight_decay=0.1)
    opt.apply([np.array([1.0, 2.0, 6.0])], [w])
    np.testing.assert_allclose(w, np.array([1.0, 2.0, 4.0]) * 0.95 - 0.5 * np.array([-1, -1, 1]))


def test_an_unchanged_spec_is_not_rebuilt(project: Path) -> None:
    assert "Lion: built" in run("build", "specs").output
    files = list((project / "generated").rglob("*.py"))
    before = {path: path.stat().st_mtime_ns for path in files}
    assert "Lion: unchanged" in run("build", "specs").output
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_a_changed_spec_or_missing_file_is_rebuilt(project: Path) -> None:
    begin_with(project, "Lion")
    generated = project / "generated" / "lion.py"
    original = generated.read_text()
    generated.unlink()
    assert "Lion: built" in run("build", "specs").output
    assert generated.read_text() == original
    spec = project / "specs" / "lion.toml"
    spec.write_text(LION.replace("0.99", "0.98"))
    assert "Lion: built" in run("build", "specs").output
    assert "beta_2: Scheduled = 0.98" in generated.read_text()


def test_a_package_in_archives_stays_as_it_is(project: Path) -> None:
    folder = project / "installed"
    folder.mkdir()
    (folder / "cpu.zip").write_bytes(b"")
    result = run("build", "specs/lion.toml", "--out", folder)
    assert result.exit_code == 1
    assert "installed is stale; pass --out with another folder" in result.output.replace("\n", " ")
    assert [path.name for path in folder.iterdir()] == ["cpu.zip"]


@pytest.mark.parametrize(
    "file",
    [
        *("lion.py", "manifest.json"),
        *(pytest.param(name, marks=pytest.mark.full) for name in ("cpu/lion.py", "__init__.py")),
    ],
)
def test_check_finds_any_changed_byte(project: Path, file: str) -> None:
    begin_with(project, "Lion")
    path = project / "generated" / file
    data = path.read_bytes()
    for position in (0, len(data) // 2):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        result = run("build", "specs", "--check")
        assert result.exit_code == 1, position
        assert path.name in result.output
    path.write_bytes(data)
    assert run("build", "specs", "--check").exit_code == 0


def test_orphans_are_found_and_removed(project: Path) -> None:
    (project / "specs" / "second.toml").write_text(LION.replace("Lion", "Second"))
    begin_with(project, "Lion", "Second")
    (project / "specs" / "second.toml").unlink()
    assert run("build", "specs", "--check").exit_code == 1
    assert run("build", "specs").exit_code == 0
    assert not (project / "generated" / "second.py").exists()
    assert not (project / "generated" / "cpu" / "second.py").exists()
    assert "Second" not in (project / "generated" / "__init__.py").read_text()


def test_a_build_into_the_project_itself_leaves_other_packages_alone(project: Path) -> None:
    installed = project / ".venv" / "lib" / "optgen" / "optimizers"
    shutil.copytree(ROOT / "generated", installed, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path: path.read_bytes() for path in installed.rglob("*") if path.is_file()}
    for _ in range(2):
        assert run("build", "specs", "--out", ".").exit_code == 0
    assert {path: path.read_bytes() for path in installed.rglob("*") if path.is_file()} == before


def test_an_edited_file_is_named_and_kept(project: Path) -> None:
    (project / "specs" / "second.toml").write_text(LION.replace("Lion", "Second"))
    begin_with(project, "Lion", "Second")
    edited = project / "generated" / "lion.py"
    original = edited.read_text()
    edited.write_text(original.replace("0.0001", "0.0002"))
    result = run("build", "specs")
    assert result.exit_code == 1
    assert "generated/lion.py was edited" in result.stderr
    assert "--force" in result.stderr
    (project / "specs" / "lion.toml").unlink()
    kept = run("build", "specs")
    assert kept.exit_code == 0
    assert "\nlion.py: kept, since its module was edited" in kept.output
    assert "0.0002" in edited.read_text()
    assert (project / "generated" / "cpu" / "lion.py").exists()
    assert run("build", "specs", "--check").exit_code == 1
    assert "lion.py: removed" in run("build", "specs", "--force").output
    assert run("build", "specs", "--check").exit_code == 0


def test_building_one_file_keeps_the_others(project: Path) -> None:
    begin_with(project, "Lion")
    (project / "second.toml").write_text(LION.replace("Lion", "Second"))
    assert run("build", "second.toml").exit_code == 0
    names = (project / "generated" / "__init__.py").read_text()
    assert "Lion" in names
    assert "Second" in names


def test_a_name_in_another_case_doesnt_take_the_file_of_a_class(project: Path) -> None:
    begin_with(project, "Lion")
    before = (project / "generated" / "lion.py").read_text()
    (project / "second.toml").write_text(LION.replace("Lion", "LION"))
    result = run("build", "second.toml")
    assert result.exit_code == 1
    assert "generated/lion.py holds Lion, which LION would overwrite" in result.stderr
    assert (project / "generated" / "lion.py").read_text() == before
    assert run("build", "second.toml", "--force").exit_code == 0


def test_one_wrong_spec_leaves_everything_as_it_was(project: Path) -> None:
    begin_with(project, "Lion")
    before = {path: path.read_bytes() for path in (project / "generated").rglob("*.py")}
    (project / "specs" / "lion.toml").write_text(LION.replace("0.99", "0.98"))
    (project / "specs" / "wrong.toml").write_text(LION.replace("Lion", "Wrong") + "\nnonsense = 1")
    result = run("build", "specs")
    assert result.exit_code == 1
    assert "specs/wrong.toml" in result.stderr
    assert {path: path.read_bytes() for path in (project / "generated").rglob("*.py")} == before


def test_files_of_the_user_are_not_replaced(project: Path) -> None:
    (project / "generated").mkdir()
    (project / "generated" / "lion.py").write_text("precious = True\n")
    result = run("build", "specs")
    assert result.exit_code == 1
    assert "not generated by optgen" in result.stderr
    assert (project / "generated" / "lion.py").read_text() == "precious = True\n"
    assert [path.name for path in (project / "generated").iterdir()] == ["lion.py"]


def test_check_prints_every_mistake_with_a_caret(project: Path) -> None:
    wrong = LION.replace("(1 - beta_1)*grad", "(1 - beta_3)*grad").replace("sign(", "sgn(")
    (project / "specs" / "lion.toml").write_text(wrong)
    result = run("check", "specs")
    assert result.exit_code == 1
    assert "did you mean 'sign'?" in result.stderr
    assert "^~~" in result.stderr


def test_a_path_that_is_not_there(project: Path) -> None:
    result = run("build", "nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_new_writes_a_spec_that_builds(project: Path) -> None:
    assert run("new", "MyOwn").exit_code == 0
    before = (project / "myown.toml").read_text()
    assert run("check", "myown.toml").exit_code == 0
    assert run("build", "myown.toml", "--out", "own").exit_code == 0
    assert run("new", "MyOwn").exit_code == 2
    assert (project / "myown.toml").read_text() == before
    assert run("new", "not a name").exit_code == 2


def test_the_same_bytes_under_any_hash_seed(project: Path) -> None:
    """Of this process, and of one with another seed."""
    arguments = ["build", "rmsprop", "--out"]
    assert run(*arguments, "here").exit_code == 0
    subprocess.run(
        [sys.executable, "-m", "optgen", *arguments, "there"],
        cwd=project,
        env={"PYTHONHASHSEED": "4242", "PATH": ""},
        check=True,
        capture_output=True,
    )
    one, other = (
        {path.relative_to(out): path.read_bytes() for path in out.rglob("*.py")}
        for out in (project / "here", project / "there")
    )
    assert one
    assert one == other
