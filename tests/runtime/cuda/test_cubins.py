"""Machine code that is kept on disk: found again, believed only whole, and kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason='no CUDA toolkit: pip install -e ".[cuda]"')

from optgen.optimizers.cuda import sgd
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.cuda import cubins, jit
from optgen.runtime.kernels import Widths, built, switches_of

CAPABILITY = (9, 0)


def kernel(**on: bool) -> jit.Kernel:
    switches = {name: on.get(name, False) for name in switches_of(sgd.update)}
    stored = Formats(np.float32, ("float32",) * 5)
    made: jit.Kernel = built(sgd.update, switches, stored, 4, 256, Widths(5, 20, 4))
    return made


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What is compiled from here on, with an empty folder to keep it in."""
    log: list[str] = []
    ptx = jit.Kernel.ptx

    def noting(self: jit.Kernel, *capabilities: Any) -> Any:
        log.append(f"{self.name} {capabilities}")
        return ptx(self, *capabilities)

    monkeypatch.setattr(jit.Kernel, "ptx", noting)
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    return log


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.cubin"))


def test_code_is_compiled_once(compilations: list[str], tmp_path: Path) -> None:
    first = cubins.compiled(kernel(), "key", CAPABILITY)
    assert cubins.compiled(kernel(), "key", CAPABILITY) == first
    assert first.code.startswith(b"\x7fELF")
    assert first.entry.encode() in first.code
    assert len(compilations) == len(kept(tmp_path)) == 1


def test_what_differs_is_kept_apart(compilations: list[str], tmp_path: Path) -> None:
    plain = cubins.compiled(kernel(), "plain", CAPABILITY)
    decayed = cubins.compiled(kernel(weight_decay_given=True), "decayed", CAPABILITY)
    older = cubins.compiled(kernel(), "plain", (8, 0))
    assert len({plain.code, decayed.code, older.code}) == len(kept(tmp_path)) == 3


DAMAGE: dict[str, Any] = {
    "cut": lambda data: data[:-1],
    "emptied": lambda data: b"",
    "turned": lambda data: data[::-1],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_code_is_compiled_again(
    compilations: list[str], tmp_path: Path, damage: Any
) -> None:
    first = cubins.compiled(kernel(), "key", CAPABILITY)
    (path,) = kept(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert cubins.compiled(kernel(), "key", CAPABILITY).code[:4] == first.code[:4]
    assert len(compilations) == 2


def test_code_of_another_compiler_isn_t_believed(
    compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cubins.compiled(kernel(), "key", CAPABILITY)
    monkeypatch.setattr(cubins, "_surroundings", lambda: "another")
    cubins.compiled(kernel(), "key", CAPABILITY)
    assert len(compilations) == 2
