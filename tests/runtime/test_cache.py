"""Compiled kernels on disk: found again, never believed when damaged, never mixed up."""

from __future__ import annotations

import errno
import importlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optgen.runtime.cpu import cache
from optgen.runtime.disk_cache import Kept

SOURCE = """
from optgen.runtime.cpu.jit import kernel

def add(amount):
    @kernel(range)
    def add(array):
        for i in range(array.size):
            array[i] += amount
    return add
"""
#: Makes a kernel from nothing and says what it adds, and whether that came from the cache.
Adder = Callable[[float], tuple[float, bool]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adding.py").write_text(SOURCE)
    return tmp_path / "__pycache__"


@pytest.fixture
def add(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Adder:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.delitem(sys.modules, "adding", raising=False)
    module = importlib.import_module("adding")

    def added(amount: float) -> tuple[float, bool]:
        adder: Any = module.add(amount)
        array = np.zeros(3)
        adder(array)
        assert array.min() == array.max()
        return float(array[0]), bool(adder.stats.cache_hits)

    return added


def kept(folder: Path) -> list[Path]:
    """Everything that the cache has left, oldest first."""
    found = [path for path in folder.iterdir() if path.name.startswith("adding.add")]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def test_what_was_compiled_is_found_again(folder: Path, add: Adder) -> None:
    assert [add(2.0), add(3.0), add(2.0), add(3.0)] == [
        (2.0, False),
        (3.0, False),
        (2.0, True),
        (3.0, True),
    ]
    assert len(kept(folder)) == 2


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half a digest": lambda data: data[:16],
    "nothing after the digest": lambda data: data[:32],
    "half": lambda data: data[: len(data) // 2],
    "a byte short": lambda data: data[:-1],
    "a byte long": lambda data: data + b"\0",
    "garbage": lambda data: random.Random(1).randbytes(len(data)),
    "first byte flipped": lambda data: flipped(data, 0),
    "first byte of the content flipped": lambda data: flipped(data, 32),
    "middle byte flipped": lambda data: flipped(data, len(data) // 2),
    "last byte flipped": lambda data: flipped(data, len(data) - 1),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_compiled_and_written_anew(how: str, folder: Path, add: Adder) -> None:
    add(2.0)
    (path,) = kept(folder)
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    assert add(2.0) == (2.0, False)
    assert add(2.0) == (2.0, True)


def test_no_flipped_bit_is_believed(folder: Path, add: Adder) -> None:
    add(2.0)
    (path,) = kept(folder)
    data = path.read_bytes()
    files: Any = cache._Pickles(Kept(folder, "base", "nbc", "stamp"))
    files.save("key", {"code": data[:2000]})
    (path,) = folder.glob("base.*.nbc")
    whole = path.read_bytes()
    assert files.load("key") == {"code": data[:2000]}
    for position in range(len(whole)):
        path.write_bytes(flipped(whole, position))
        assert files.load("key") is None, position


def test_a_folder_where_a_file_should_be(folder: Path, add: Adder) -> None:
    add(2.0)
    (path,) = kept(folder)
    path.unlink()
    path.mkdir()
    assert add(2.0) == (2.0, False)
    assert add(2.0) == (2.0, False)
    assert kept(folder) == [path]


def test_the_file_of_another_kernel_is_not_believed(folder: Path, add: Adder) -> None:
    add(2.0)
    add(3.0)
    one, other = kept(folder)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert [add(2.0), add(3.0)] == [(2.0, False), (3.0, False)]


def test_kernels_that_were_compiled_with_other_helpers_are_out_of_date(
    folder: Path, add: Adder, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(2.0)
    monkeypatch.setattr(cache, "_helpers_stamp", lambda: "edited")
    assert add(2.0) == (2.0, False)
    assert len(kept(folder)) == 1


def test_a_full_disk(folder: Path, add: Adder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert add(2.0) == (2.0, False)
    assert kept(folder) == []
    assert add(2.0) == (2.0, False)
    assert add(2.0) == (2.0, True)


def test_where_the_package_cannot_be_written_the_users_folder_is_used(
    folder: Path, add: Adder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file in its place keeps even root from making the folder.
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("")
    own = tmp_path / "own"
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))
    assert [add(2.0), add(2.0)] == [(2.0, False), (2.0, True)]
    assert len(list(own.rglob("adding.add*.nbc"))) == 1
    # And where that can't be written either, nothing is kept.
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert [add(2.0), add(2.0)] == [(2.0, False), (2.0, False)]


RACER = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
import adding
print("ready", flush=True)
sys.stdin.readline()
for amount in sys.argv[2:]:
    array = np.zeros(3)
    adding.add(float(amount))(array)
    assert array.tolist() == [float(amount)] * 3
"""


def test_processes_that_write_at_once(folder: Path, add: Adder) -> None:
    # In Numba's own files a kernel may end up under the key of another here.
    amounts = [str(amount) for amount in range(12)]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(folder.parent), *amounts[first:], *amounts[:first]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in (0, 4, 8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=120)
        assert racer.returncode == 0
    assert [add(float(amount)) for amount in amounts] == [
        (float(amount), True) for amount in amounts
    ]
    assert {path.suffix for path in kept(folder)} == {".nbc"}
