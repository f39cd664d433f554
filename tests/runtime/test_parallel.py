"""Threads, forks and the cache of compiled kernels: each in processes of its own."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from importlib import metadata
from itertools import cycle
from pathlib import Path

import pytest

from tests.chosen import first_of

ROOT = Path(__file__).parents[2]

#: Trains a model of parallel size with some optimizers, norms on, and prints a digest.
TRAIN = """
import hashlib, sys, threading, os
import numpy as np
import optgen.optimizers

FEATURES = dict(global_clipnorm=1.0, weight_decay=0.01, use_ema=True)

def train(names, **given):
    digest = hashlib.sha256()
    for name in names:
        draw = np.random.default_rng(0)
        shapes = [(300, 200), (7,), (), (50_001,)]
        variables = [np.asarray(draw.normal(size=s), np.float32) for s in shapes]
        optimizer = getattr(optgen.optimizers, name)(0.1, **(given or FEATURES))
        optimizer.build(variables)
        for _ in range(3):
            optimizer.apply([np.asarray(draw.normal(size=s), np.float32) for s in shapes])
        for array in [*variables, *optimizer.variables]:
            digest.update(array.tobytes())
    return digest.hexdigest()
"""
SOME = 'print(train(["SGD"]))'
#: Of the cache it matters that there are several files.
CACHED = 'print(train(["SGD"], momentum=0.9))'


def run(program: str, before: str = "", **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", before + TRAIN + program],
        env={**os.environ, **environment},
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def expected() -> str:
    return run(SOME, NUMBA_NUM_THREADS="1")


def test_the_same_bits_for_any_number_of_threads(expected: str) -> None:
    # One thread runs the serial form of each kernel, more of them the parallel form.
    more = run(
        "import numba; numba.set_num_threads(2)\n" + SOME + "\nnumba.set_num_threads(3); " + SOME,
        NUMBA_NUM_THREADS="3",
    ).split()
    assert more == [expected.strip()] * 2


@pytest.mark.full
def test_rows_and_columns_have_the_same_bits_for_any_number_of_threads() -> None:
    # The matrix has several tiles, whose sums of columns are added up.
    counted = "import numba; print(numba.get_num_threads()); "
    program = counted + 'print(train(["Adafactor"]))'
    found = [run(program, NUMBA_NUM_THREADS=count).split() for count in ("1", "2", "4")]
    assert [count for count, _ in found] == ["1", "2", "4"]
    assert len({digest for _, digest in found}) == 1


def tbb_library() -> str:
    """The library of the installed package; empty where there is none."""
    try:
        files = metadata.files("tbb") or []
    except metadata.PackageNotFoundError:
        return ""
    return next((str(file.locate()) for file in files if file.name == "libtbb.so.12"), "")


TBB = tbb_library()
LAYERS = ["workqueue", *(["tbb"] if TBB else []), "omp"]
#: One tries what others do in full; they differ in Numba alone.
LAYER = pytest.mark.parametrize("layer", first_of(LAYERS, 1))

#: In a virtual environment Numba finds this layer only if it has been loaded.
LOAD_TBB = f"import ctypes; ctypes.CDLL({TBB!r}, ctypes.RTLD_GLOBAL)\n"


def run_on(layer: str, program: str) -> str:
    """Run on one of Numba's threading layers, and see that it was that one."""
    checked = f"{program}\nimport numba; assert numba.threading_layer() == {layer!r}\n"
    return run(
        checked,
        before=LOAD_TBB if layer == "tbb" else "",
        NUMBA_THREADING_LAYER=layer,
        NUMBA_NUM_THREADS="2",
        PYTHONWARNINGS="ignore",
    )


@LAYER
def test_two_python_threads(layer: str, expected: str) -> None:
    program = """
results = []
threads = [threading.Thread(
    target=lambda: results.append(train(["SGD"]))) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(results) == 2 and results[0] == results[1]
print(results[0])
"""
    assert run_on(layer, program) == expected


@pytest.mark.parametrize("layer", LAYERS)
def test_a_forked_child(layer: str, expected: str) -> None:
    program = """
before = train(["SGD"])
child = os.fork()
if child == 0:
    after = train(["SGD"])
    os._exit(0 if after == before else 3)
_, status = os.waitpid(child, 0)
assert status == 0, status
print(train(["SGD"]))
"""
    assert run_on(layer, program) == expected


#: One optimizer, built and used here, goes on in a child; here it goes on too, and ends alike.
SHARED = """
import pickle
weights = [np.linspace(0, 1, 160_000, dtype=np.float32), np.ones(3, np.float32)]
optimizer = optgen.optimizers.SGD(0.1, **FEATURES)
optimizer.build(weights)

def go_on(optimizer, weights):
    for call in range(3):
        optimizer.apply([np.cos(array * (call + 1)) for array in weights])
    arrays = [*weights, *optimizer.variables]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

go_on(optimizer, weights)
"""


@LAYER
def test_one_optimizer_in_a_forked_child(layer: str) -> None:
    program = """
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.write(write, go_on(optimizer, weights).encode())
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert os.read(read, 64).decode() == go_on(optimizer, weights)
"""
    run_on(layer, SHARED + program)


@LAYER
def test_one_optimizer_in_a_spawned_child(layer: str) -> None:
    program = """
import subprocess
source = sys.orig_argv[-1].split("go_on(optimizer, weights)\\n")[0]
source += "print(go_on(*pickle.load(sys.stdin.buffer)))"
data = pickle.dumps((optimizer, weights))
result = subprocess.run([sys.executable, "-c", source], input=data, capture_output=True)
assert result.returncode == 0, result.stderr
assert result.stdout.decode().strip() == go_on(optimizer, weights)
"""
    run_on(layer, SHARED + program)


@pytest.mark.full
def test_a_spawned_child(expected: str) -> None:
    program = """
import subprocess
source = sys.orig_argv[-1].split("import subprocess\\n")[0] + 'print(train(["SGD"]))'
train(["SGD"])
print(subprocess.check_output([sys.executable, "-c", source], text=True), end="")
"""
    assert run(program) == expected


def test_importing_the_optimizers_is_light() -> None:
    program = """
heavy = {"sympy", "jinja2", "typer", "rich", "torch", "keras", "optgen.compiler"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run(program).strip() == "[]"


def files(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.rglob(f"*{suffix}"))


DAMAGE = ("truncated", "empty", "garbage", "flipped")


def damage(path: Path, how: str, draw: random.Random) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(draw.randbytes(len(data)))
    else:
        position = draw.randrange(len(data))
        flipped = bytes([data[position] ^ 1 << draw.randrange(8)])
        path.write_bytes(data[:position] + flipped + data[position + 1 :])


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A cache that one process has filled, and what it printed."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, run(CACHED, **cache_in(folder))


def cache_in(folder: Path) -> dict[str, str]:
    return {"NUMBA_CACHE_DIR": str(folder), "NUMBA_NUM_THREADS": "1"}


def test_a_second_process_takes_kernels_from_the_cache(cached: tuple[Path, str]) -> None:
    folder, _ = cached
    before = {path: path.stat().st_mtime_ns for path in files(folder, ".nb?")}
    program = """
train(["SGD"], momentum=0.9)
import gc
from numba.core.registry import CPUDispatcher
ours = [found for found in gc.get_objects() if isinstance(found, CPUDispatcher)
        and found.py_func.__module__.startswith("optgen.optimizers")]
print(any(o._cache_hits for o in ours), sum(sum(o._cache_misses.values()) for o in ours))
"""
    assert run(program, **cache_in(folder)).strip() == "True 0"
    assert {path: path.stat().st_mtime_ns for path in files(folder, ".nb?")} == before


def test_a_damaged_cache_is_compiled_anew(cached: tuple[Path, str], tmp_path: Path) -> None:
    filled, expected = cached
    folder = shutil.copytree(filled, tmp_path / "cache")
    found = files(folder, ".nbc")
    assert len(found) >= len(DAMAGE)
    draw = random.Random(5)
    for path, how in zip(found, cycle(DAMAGE)):
        damage(path, how, draw)
    assert run(CACHED, **cache_in(folder)) == expected
