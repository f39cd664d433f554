"""State files: every bit comes back, or the file is refused."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import save_file

from optgen.runtime.state import file
from optgen.runtime.state.snapshot import Array, Snapshot, StateError

PATHS = st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable())
NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
ARRAYS = st.sampled_from([np.float32, np.float64, np.bool_, np.int64]).flatmap(
    lambda dtype: arrays.arrays(
        dtype, arrays.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4)
    )
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def snapshot(held: dict[tuple[str, str], Array], **config: Any) -> Snapshot:
    kinds = {path: ((2, 3), "float32") for path, _ in held}
    return Snapshot("Rule", "abc", config, {"calls": 3, "updates": 1}, kinds, held)


def same(left: Snapshot, right: Snapshot) -> bool:
    """Equal to the last bit, NaN and signs of zeros included."""
    if list(left.arrays) != list(right.arrays):
        return False
    pairs = zip(left.arrays.values(), right.arrays.values(), strict=True)
    bits = all((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in pairs)
    rest = [(s.optimizer, s.spec, s.config, s.counters, s.variables) for s in (left, right)]
    return bits and rest[0] == rest[1]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.tuples(PATHS, NAMES), ARRAYS, max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_everything_comes_back(
    tmp_path_factory: pytest.TempPathFactory, held: dict[tuple[str, str], Array], number: float
) -> None:
    path = tmp_path_factory.mktemp("state") / "a.state"
    written = snapshot(held, rate=number, options={"*": {"rate": number}})
    file.write(written, path)
    assert same(file.read(path), written)


def test_odd_bits_and_layouts_come_back(tmp_path: Path) -> None:
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 1, 0x7F800000], np.uint32)
    held = {
        ("a/b", "odd"): bits.view(np.float32),
        ("a", "b/odd"[2:]): np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        ("turned", "s"): np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
    }
    file.write(snapshot(held), tmp_path / "a")
    assert same(file.read(tmp_path / "a"), snapshot(held))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Snapshot, Path]:
    draw = np.random.default_rng(1)
    held = {
        (f"layer{i}/kernel", name): draw.normal(size=(2, 3)).astype(np.float32)
        for i in range(3)
        for name in ("velocity", "mean")
    }
    path = tmp_path_factory.mktemp("fuzz") / "a.state"
    written = snapshot(held, rate=0.1)
    file.write(written, path)
    return path.read_bytes(), written, path


def mutated(data: bytes, draw: random.Random) -> bytes:
    """A file with something wrong: bits, bytes, stretches, or the length of its header."""
    changed = bytearray(data)
    header = int.from_bytes(data[:8], "little")
    # The header is where damage does most; half of the changes are there.
    place = draw.randrange(8 + header) if draw.random() < 0.5 else draw.randrange(len(data))
    match draw.randrange(7):
        case 0:
            changed[place] ^= 1 << draw.randrange(8)
        case 1:
            changed[place] = draw.randrange(256)
        case 2:
            del changed[place:]
        case 3:
            del changed[place : place + draw.randrange(1, 9)]
        case 4:
            changed[place:place] = draw.randbytes(draw.randrange(1, 9))
        case 5:
            changed[:8] = draw.choice([0, 2**63, header + 1, header - 1, 2**40]).to_bytes(
                8, "little"
            )
        case _:
            digits = [i for i in range(8, 8 + header) if chr(data[i]).isdigit()]
            changed[draw.choice(digits)] = ord(draw.choice(string.digits))
    return bytes(changed)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_refused_or_was_not_damaged(
    seed: int, whole: tuple[bytes, Snapshot, Path], tmp_path: Path
) -> None:
    data, written, _ = whole
    draw, path = random.Random(seed), tmp_path / "a.state"
    refused = 0
    for _ in range(1000):
        path.write_bytes(mutated(data, draw))
        try:
            found = file.read(path)
        except StateError:
            refused += 1
        else:
            assert same(found, written)
    assert refused > 900


def test_every_flipped_bit_is_noticed(whole: tuple[bytes, Snapshot, Path], tmp_path: Path) -> None:
    data, written, _ = whole
    path = tmp_path / "a.state"
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        try:
            # Blanks that fill the header up say nothing.
            assert same(file.read(path), written)
            assert data[position] == ord(" ")
        except StateError:
            pass


@pytest.mark.parametrize(
    ("format_", "message"),
    [(0, "which was never those"), (3, "which is newer than those"), ("1", "format '1'")],
)
def test_other_formats(
    format_: Any, message: str, whole: tuple[bytes, Snapshot, Path], tmp_path: Path
) -> None:
    data, _, _ = whole
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    head = json.loads(header["__metadata__"]["optgen"])
    text = json.dumps({**head, "format": format_, "library": "9.9"})
    path = tmp_path / "a.state"
    save_file({}, path, {"optgen": text, "sha256": file._digest(text.encode())})
    with pytest.raises(StateError, match=message) as error:
        file.read(path)
    assert "optgen 9.9" in str(error.value)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no state file"):
        file.read(tmp_path / "nothing")
    path = tmp_path / "a.safetensors"
    save_file({"weight": np.ones(2)}, path)
    with pytest.raises(StateError, match="no state file of optgen"):
        file.read(path)
    path.write_bytes(b"")
    with pytest.raises(StateError, match="not a whole safetensors file"):
        file.read(path)


OLD, NEW = snapshot({("a", "s"): np.zeros(3)}), snapshot({("a", "s"): np.ones(3)})


@pytest.mark.parametrize("broken", ["save_file", "_sync", "replace"])
def test_a_failed_write_leaves_the_old_file(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.state"
    file.write(OLD, path)

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    owner: Any = Path if broken == "replace" else file
    monkeypatch.setattr(owner, broken, fail)
    with pytest.raises(OSError, match="no space"):
        file.write(NEW, path)
    monkeypatch.undo()
    assert same(file.read(path), OLD)
    assert [found.name for found in tmp_path.iterdir()] == ["a.state"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        file.write(OLD, tmp_path / "none" / "a.state")


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "a.state", tmp_path / "link"
    file.write(OLD, path)
    path.chmod(0o640)
    link.symlink_to(path)
    file.write(NEW, link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert same(file.read(path), NEW)


def test_numbers_that_no_file_can_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        file.write(snapshot({}, rate=float("nan")), tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="there are no such files here")
def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "to").symlink_to(tmp_path / "fro")
    (tmp_path / "fro").symlink_to(tmp_path / "to")
    for name in ("fifo", "loop", "to", "."):
        before = os.lstat(tmp_path / name)
        with pytest.raises(OSError, match=r"regular files only|a loop of links"):
            file.write(snapshot({}), tmp_path / name)
        assert os.lstat(tmp_path / name).st_ino == before.st_ino
    with pytest.raises(OSError, match="regular files only"):
        file.write(snapshot({}), os.devnull)
    (tmp_path / "link").symlink_to(tmp_path / "new")
    file.write(snapshot({}), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert same(file.read(tmp_path / "new"), snapshot({}))


@pytest.mark.skipif(os.name != "posix", reason="there are no such limits here")
def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    file.write(snapshot({}), tmp_path / "a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="large") as found:
            file.write(snapshot({("p", "s"): np.ones(10_000)}), tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert found.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert same(file.read(tmp_path / "a"), snapshot({}))


def test_a_state_that_changes_while_it_is_written_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {("p", "s"): np.ones(4)}
    file.write(snapshot(held), tmp_path / "a")

    def late(arrays: dict[str, Array], *rest: Any) -> None:
        held["p", "s"][2] = 3
        save_file(arrays, *rest)

    monkeypatch.setattr(file, "save_file", late)
    with pytest.raises(OSError, match="the state 's' of 'p' changed while it was written"):
        file.write(snapshot(held), tmp_path / "a")
    assert file.read(tmp_path / "a").arrays["p", "s"].tolist() == [1, 1, 1, 1]
