"""Builds that are killed, that meet, or that have no room: the package is never a mixture."""

from __future__ import annotations

import errno
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from optgen.compiler.ir.source import MARK, Source
from optgen.compiler.write import MANIFEST, changes_of, commit, opened, stale
from tests.compiler.write.test_changes import build, files, sources

#: Builds a package of version 1, then versions from 2 on, each in a process that is killed: after
#: every number of moves, then at random moments. Tells how many imports of what is left have
#: worked and how many were refused.
KILLED = '''
import importlib, os, random, signal, sys, time
from pathlib import Path
from optgen.compiler.ir.source import MARK, Source
from optgen.compiler.write import changes_of, commit, opened, stale

out, random_kills = Path(sys.argv[1]) / "package", int(sys.argv[2])
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
NAMES = ("one", "two", "cpu.one", "cpu.two")

def sources(version):
    lines = "".join(f"import package.{name}\\n" for name in NAMES)
    paths = ["cpu/__init__.py", *(name.replace(".", "/") + ".py" for name in NAMES)]
    package = [Source("__init__.py", f"{MARK}.\\nversion = {version}\\n{lines}")]
    return package + [Source(path, f"{MARK}.\\nversion = {version}\\n") for path in paths]

def extra(version):
    return [Source(f"extra{version}.py", f"{MARK}.\\n")]

def build(version, wait=lambda: None):
    with opened(out):
        found = sources(version) + extra(version)
        commit(changes_of(found, out, whole=True, force=False), out)

def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return child

def finished(child):
    """Whether a build was finished; else it was killed. It never fails."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code == 0

def killed_after(moves, version):
    def work():
        left, original = [moves], Path.replace
        def replace(self, target):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return original(self, target)
        Path.replace = replace
        build(version)
    return finished(in_child(work))

def killed_at_random(version):
    child = in_child(lambda: build(version))
    time.sleep(random.random() * span)
    os.kill(child, signal.SIGKILL)
    finished(child)

def outcome():
    """Whether the package can be imported; never as a mixture."""
    for name in [name for name in sys.modules if name.split(".")[0] == "package"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        package = importlib.import_module("package")
    except ImportError as error:
        assert "run optgen build again" in str(error), error
        return "refused"
    versions = {sys.modules[f"package.{name}"].version for name in NAMES} | {package.version}
    assert len(versions) == 1, versions
    return "whole"

build(1)
version, moves, outcomes = 1, 0, []
while True:
    version += 1
    is_finished = killed_after(moves, version)
    moves += 1
    outcomes.append(outcome())
    if is_finished:
        break
span = 0
for _ in range(random_kills):
    version += 1
    start = time.perf_counter()
    assert finished(in_child(lambda: build(version)))
    span = time.perf_counter() - start
    version += 1
    killed_at_random(version)
    outcomes.append(outcome())
build(version + 1)
assert outcome() == "whole"
assert not stale(sources(version + 1) + extra(version + 1), out, whole=True)
left = {path.name for path in out.iterdir()} - {"__pycache__"}
modules = {"__init__.py", "one.py", "two.py", f"extra{version + 1}.py"}
assert left == {*modules, "manifest.json", "cpu"}, left
print(outcomes.count("whole"), outcomes.count("refused"))
'''


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_killed_build_leaves_a_whole_package_or_one_that_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), "20"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    whole, refused = map(int, result.stdout.split())
    assert whole > 2
    assert refused > 2


def test_a_partial_build_doesnt_finish_one_that_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, "one", "two")
    with monkeypatch.context() as patch:
        _cut_off(patch, "two.py")
        with pytest.raises(OSError, match=r"half built.*Run optgen build again"):
            build(tmp_path, "one", "two", version=2)
    assert "cut off" in (tmp_path / "__init__.py").read_text()
    with pytest.raises(FileExistsError, match=r"two\.py was left behind"):
        build(tmp_path, "three", whole=False)
    build(tmp_path, "one", "two", version=3)
    assert not stale(sources("one", "two", version=3), tmp_path, whole=True)


def _cut_off(patch: pytest.MonkeyPatch, name: str) -> None:
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise OSError(errno.EIO, "Input/output error")
        return original(self, target)

    patch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("allowed", range(5))
def test_a_full_disk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    out = tmp_path / "out"
    build(out, "one")
    before, left, original = files(tmp_path), [allowed], Path.write_text

    def write_text(self: Path, text: str, **options: str) -> int:
        if not left[0]:
            original(self, text[: len(text) // 2], **options)
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        return original(self, text, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OSError, match=r"out can't be written: No space.*Nothing was changed"):
        build(out, "one", "two", version=2)
    assert files(tmp_path) == before
    left[0] = allowed
    with pytest.raises(OSError, match="No space"):
        build(tmp_path / "new" / "out", *"abcdef")
    assert not (tmp_path / "new").exists()


def test_what_killed_builds_have_put_aside_is_removed(tmp_path: Path) -> None:
    build(tmp_path, "cpu/one")
    (tmp_path / "other").mkdir()
    for folder in (".optgen-abc.tmp", "cpu/.optgen-abc.tmp"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.py").touch()
    (tmp_path / ".optgen-old.tmp").touch()
    (tmp_path / "other" / ".optgen-abc.tmp").touch()
    build(tmp_path, "cpu/one")
    assert [path.parent.name for path in tmp_path.rglob(".optgen-*")] == ["other"]


def test_where_folders_cant_be_locked_nothing_of_other_builds_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")  # There is none on Windows.

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    build(tmp_path, "one")
    (tmp_path / ".optgen-abc.tmp").mkdir()
    monkeypatch.setattr(fcntl, "flock", refuse)
    build(tmp_path, "one", "two")
    assert (tmp_path / ".optgen-abc.tmp").is_dir()
    assert (tmp_path / "two.py").is_file()


#: Builds in a loop, one module beside those of the other process.
MEETING = """
import sys
from pathlib import Path
from optgen.compiler.ir.source import MARK, Source
from optgen.compiler.write import changes_of, commit, generated_classes, opened
out, name = Path(sys.argv[1]), sys.argv[2]
for version in range(30):
    with opened(out):
        text = f"{MARK}.\\nclass {name}(Schedule):\\n    version = {version}\\n"
        own = Source(f"{name}.py", text)
        listed = sorted({name, *generated_classes(out, "")})
        package = Source("__init__.py", f"{MARK}.\\nlisted = {listed}\\n")
        commit(changes_of([own, package], out, whole=False, force=False), out)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks of folders")
def test_builds_that_meet_wait_for_each_other(tmp_path: Path) -> None:
    out = tmp_path / "out"
    commands = [[sys.executable, "-c", MEETING, str(out), name] for name in ("one", "two")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for command in commands]
    for process in running:
        assert process.communicate()[1] == b""
    assert "listed = ['one', 'two']" in (out / "__init__.py").read_text()
    assert {*files(out)} == {"__init__.py", "one.py", "two.py", MANIFEST}
    version = Source("one.py", f"{MARK}.\nclass one(Schedule):\n    version = 29\n")
    assert (out / "one.py").read_text() == version.text


def test_bytecode_of_the_same_second_and_size_is_dropped(tmp_path: Path) -> None:
    build(tmp_path, "one")
    cached = Path(importlib.util.cache_from_source(str(tmp_path / "one.py")))
    cached.parent.mkdir()
    cached.touch()
    build(tmp_path, "one", version=2)
    assert not cached.exists()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("file", "is a file"),
        ("file above", "can't be written"),
        ("link", "leads nowhere"),
        ("folder", r"one\.py is a folder"),
    ],
)
def test_a_folder_that_cant_be_one(tmp_path: Path, kind: str, message: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.touch()
    elif kind == "file above":
        out.touch()
        out = out / "below"
    elif kind == "link":
        out.symlink_to("nowhere")
    else:
        (out / "one.py").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=message):
        build(out, "one")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    build(tmp_path / "out", "one", "cpu/one")
    assert (tmp_path / "real" / "cpu" / "one.py").exists()


def test_nothing_is_touched_where_nothing_changes(tmp_path: Path) -> None:
    build(tmp_path, "one")
    before = {path: path.stat() for path in tmp_path.rglob("*")}
    with opened(tmp_path):
        commit(changes_of(sources("one"), tmp_path, whole=True, force=False), tmp_path)
    assert {path: path.stat() for path in tmp_path.rglob("*")} == before
