"""What the examination makes of machines and settings that aren't this one."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement as Known
from packaging.version import Version

from optgen.doctor import gpu, imports, kernels, machine, paths, python, requirements, threads
from optgen.doctor.finding import Finding, Verdict
from optgen.doctor.requirements import Requirement

WANTED = [
    "numpy>=2.0",
    "jax>=0.7; extra == 'jax'",
    'numba-cuda[cu13] ; extra == "cuda"',
    "cuda-toolkit==13.0.* ; extra == 'cuda'",
    "tbb ; (platform_machine == 'x86_64' and sys_platform == 'linux') and extra == 'test'",
    "optgen[compiler] ; extra == 'cli'",
]


def test_requirements_are_read_as_packaging_reads_them() -> None:
    found = list(requirements.parsed(WANTED))
    known = [one for one in map(Known, WANTED) if one.name != "optgen"]
    assert [one.package for one in found] == [one.name for one in known]
    for mine, theirs in zip(found, known, strict=True):
        least = [one.version for one in theirs.specifier if one.operator == ">="]
        assert [mine.least] == (least or [""])
        assert theirs.marker is None or mine.extra in str(theirs.marker)
        assert bool(mine.extra) == (theirs.marker is not None)


@pytest.mark.parametrize("pair", [("1.9", "1.10"), ("2.4", "2.4.1"), ("0.68.1", "1.0rc1")])
def test_versions_are_ordered_as_packaging_orders_them(pair: tuple[str, str]) -> None:
    first, second = pair
    assert Version(first) < Version(second)
    assert requirements.numbers(first) < requirements.numbers(second)
    assert requirements.numbers("2.0") == requirements.numbers("2") == (2,)


def test_packages_have_verdicts_and_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"old": "1.9.3", "new": "1.10+cpu"}
    monkeypatch.setattr(requirements, "version", lambda name: versions.get(name, ""))
    old = requirements.examined(Requirement("old", "1.10"))
    assert (old.verdict, old.found) == (Verdict.FAULT, "1.9.3, older than 1.10")
    assert old.advice == "pip install --upgrade 'old>=1.10'"
    assert requirements.examined(Requirement("new", "1.10")).verdict is Verdict.OK
    absent = requirements.examined(Requirement("absent", "1", "jax"))
    assert (absent.verdict, absent.advice) == (Verdict.MISSING, "pip install 'optgen[jax]'")
    assert requirements.examined(Requirement("absent", "")).verdict is Verdict.FAULT


def test_vectors_are_named_by_the_widest() -> None:
    found = machine.vectors({"sse2": True, "avx2": True, "avx512f": False})
    assert (found.verdict, found.found) == (Verdict.OK, "AVX2, 256 bits at once")
    assert machine.vectors({"sse2": True}).verdict is Verdict.SLOW
    assert machine.vectors({}).verdict is Verdict.NOTE


@pytest.mark.parametrize(
    ("text", "cores"), [("150000 100000", 2), ("20000 100000", 1), ("max 100000", 8)]
)
def test_containers_have_quotas(
    text: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_QUOTA", tmp_path / "cpu.max")
    assert machine.usable_cores() == 8
    (tmp_path / "cpu.max").write_text(text)
    assert machine.usable_cores() == cores


def test_threads_that_cores_lack_or_leave() -> None:
    assert threads.of_kernels(2, 2).verdict is Verdict.OK
    many = threads.of_kernels(64, 4)
    assert many.verdict is Verdict.SLOW
    assert many.advice.endswith("set NUMBA_NUM_THREADS=4")
    assert threads.of_kernels(1, 4).verdict is Verdict.NOTE
    assert threads.layer("workqueue").verdict is Verdict.NOTE
    assert threads.layer("tbb").verdict is Verdict.OK


def test_blas_by_numpys_configuration() -> None:
    good = {"Build Dependencies": {"blas": {"found": True, "name": "openblas", "version": "1"}}}
    assert threads.blas(good, {}, 4) == Finding("BLAS of NumPy", Verdict.OK, "openblas 1")
    limited = threads.blas(good, {"OMP_NUM_THREADS": "1"}, 4)
    assert limited.advice.endswith("unset OMP_NUM_THREADS")
    assert threads.blas(good, {"OMP_NUM_THREADS": "4"}, 4).verdict is Verdict.OK
    assert threads.blas({"Build Dependencies": {"blas": {"found": False}}}, {}, 4).advice


def test_settings_of_numba_that_slow_kernels() -> None:
    # Numba's option for O levels, and the value that it prints.
    config = SimpleNamespace(DISABLE_JIT=1, OPT=3, LOOP_VECTORIZE=0, CPU_NAME=None)
    found = list(kernels.settings(config))
    assert [one.advice for one in found] == [
        "unset NUMBA_DISABLE_JIT",
        "unset NUMBA_LOOP_VECTORIZE",
    ]
    (fine,) = kernels.settings(SimpleNamespace(OPT=3))
    assert fine.verdict is Verdict.OK


def test_folders_must_be_writable(tmp_path: Path) -> None:
    inside = tmp_path / "not" / "made"
    assert kernels.folder("cache", inside, "X").verdict is Verdict.OK
    assert not inside.exists()
    file = tmp_path / "file"
    file.touch()
    found = kernels.folder("cache", file / "folder", "X_DIR")
    assert found.verdict is Verdict.SLOW
    assert found.advice.startswith("set X_DIR")
    assert kernels.kept_kernels(None).advice.endswith(
        "NUMBA_CACHE_DIR to a folder that can be written"
    )


def test_drivers_are_as_new_as_what_is_compiled() -> None:
    assert gpu.supported(13010, "13.0.1").verdict is Verdict.OK
    old = gpu.supported(12040, "13.0.1")
    assert (old.verdict, old.found) == (Verdict.FAULT, "for CUDA 12.4")
    assert old.advice == "cuda-bindings 13.0.1 needs a driver for CUDA 13: 580 or later"
    assert gpu.supported(12040, "").verdict is Verdict.OK


class Driver:
    """As NVIDIA's library, with one device, or none if it says so."""

    def __init__(self, status: int) -> None:
        self.status = status

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.status

    def __getattr__(self, name: str) -> Any:
        number = {
            "cuDriverGetVersion": 99000,
            "cuDeviceGetCount": 1,
            "cuDeviceTotalMem_v2": 8 << 30,
        }

        def write(pointer: Any, *arguments: object) -> int:
            if name == "cuDeviceGetName":
                pointer.value = b"Some GPU"
            else:
                pointer._obj.value = number.get(name, arguments[0] if arguments else 0)
            return 0

        return write


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "loaded", lambda: Driver(0))
    driver, device, _ = gpu.examine()
    assert (driver.verdict, driver.found) == (Verdict.OK, "for CUDA 99.0")
    # The driver numbers the attributes 75, 76 and 16.
    expected = "Some GPU, capability 75.76, 16 multiprocessors, 9 GB"
    assert (device.subject, device.found) == ("device 0", expected)
    monkeypatch.setattr(gpu, "loaded", lambda: Driver(100))
    (found,) = gpu.examine()
    assert (found.verdict, "cuInit returns 100" in found.found) == (Verdict.FAULT, True)
    monkeypatch.setattr(gpu, "loaded", lambda: None)
    assert [one.verdict for one in gpu.examine()] == [Verdict.MISSING]


def test_a_path_is_as_fast_as_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Finding("a", Verdict.OK, ""), Finding("b", Verdict.SLOW, "")
    assert paths.of_kernels([good, Finding("c", Verdict.NOTE, "")]).verdict is Verdict.FAST
    slow = paths.of_kernels([good, bad])
    assert (slow.verdict, slow.found) == (Verdict.SLOW, "because of b")
    needed = paths.Installed([Requirement("keras", "3", "keras")])
    monkeypatch.setattr(requirements, "version", lambda name: "4.0")
    monkeypatch.setattr(paths, "version", lambda name: "1" if name == "jax" else "")
    assert paths.keras("jax", needed, slow).verdict is Verdict.FAST
    on_torch = paths.keras("torch", needed, slow)
    assert (on_torch.verdict, on_torch.advice) == (Verdict.MISSING, "set KERAS_BACKEND=jax")
    assert paths.keras("theano", needed, slow).verdict is Verdict.FAULT
    monkeypatch.setattr(paths, "version", lambda name: "1")
    assert paths.keras("torch", needed, slow).verdict is Verdict.SLOW


def test_a_path_fails_with_its_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "version", lambda name: "4.0")
    bad = Finding("import torch", Verdict.FAULT, "OSError: bad", "mend it")
    found = {"": [bad], "torch": [bad], "jax": [Finding("import jax", Verdict.OK, "1 s")]}
    failed = imports.failures(found)
    assert set(failed) == {"", "torch"}
    needed = [Requirement(name, "", name) for name in ("torch", "jax")]
    installed = paths.Installed(needed, failed)
    first, on_torch, _, on_jax, *_ = paths.examine(installed, [])
    assert first.verdict is Verdict.FAULT
    assert (on_torch.verdict, on_torch.found) == (Verdict.FAULT, "OSError: bad")
    assert on_jax.verdict is Verdict.FAST


def test_imports_are_tried_in_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = {
        "good": "print('a library that prints')",
        "bad": "raise ImportError('no such symbol')",
        "dead": "import os; os._exit(7)",
        "slow": "import time; time.sleep(60)",
    }
    for name, program in programs.items():
        (tmp_path / f"{name}.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = {name: list(imports.imported(name, 10)) for name in ("good", "bad", "dead")}
    assert [one.verdict for one in found["good"]] == [Verdict.OK]
    assert found["bad"][0].found == "ImportError: no such symbol"
    assert found["dead"][0].found == "ended with status 7"
    (slow,) = imports.imported("slow", 0.5)
    assert (slow.verdict, slow.found) == (Verdict.FAULT, "no end within 0.5 s")


def test_cuda_needs_packages_a_driver_and_a_device() -> None:
    absent = paths.cuda("numba-cuda is not installed: pip install it", "ignored")
    assert (absent.found, absent.advice) == ("numba-cuda is not installed", "pip install it")
    assert paths.cuda("", "no driver").found == "no driver"
    assert paths.cuda("", "").verdict is Verdict.FAST


def test_kerass_backend_is_found_where_keras_finds_it(tmp_path: Path) -> None:
    home = {"KERAS_HOME": str(tmp_path)}
    assert paths.backend(home) == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert paths.backend(home) == "jax"
    assert paths.backend({**home, "KERAS_BACKEND": "torch"}) == "torch"
    (tmp_path / "keras.json").write_text("[not JSON")
    assert paths.backend(home) == "tensorflow"


def test_interpreters() -> None:
    assert python.judged_version((3, 10), "CPython", free=False).verdict is Verdict.FAULT
    assert python.judged_version((3, 14), "CPython", free=False).verdict is Verdict.OK
    for case in (((3, 15), "CPython", False), ((3, 14), "CPython", True), ((3, 11), "PyPy", False)):
        version, name, free = case
        assert python.judged_version(version, name, free=free).verdict is Verdict.NOTE
