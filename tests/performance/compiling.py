"""Compiling for a CPU that needn't be there; as a program, for the one that the environment names.

The same code comes out on every x86-64 machine, so that it can be compared with a record.
Numba reads which CPU it compiles for when it is imported, hence the process of its own.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import llvmlite.binding
import numba

#: The first with AVX2 and FMA; these are its features, so none are given.
CPU = "haswell"
IS_X86_64 = platform.machine().lower() in ("x86_64", "amd64")


@dataclass(frozen=True)
class Compiled:
    """The assembly of functions by name, and whose it is."""

    versions: Mapping[str, str]
    assembly: Mapping[str, str]


def compiled(module: str, cpu: str = CPU, only: Collection[str] = ()) -> Compiled:
    """The code of a module's ``functions``, which are compiled from scratch and never run.

    ``only`` has the names of some; without any, all are compiled.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    with tempfile.TemporaryDirectory() as folder:
        told = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": folder}
        result = subprocess.run(
            [sys.executable, "-m", __name__, module, *only],
            cwd=Path(__file__).parents[2],
            env={**own, **told},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return Compiled(**json.loads(result.stdout))


def compile_here(module: str, *only: str) -> Compiled:
    assembly = {}
    for name, compiler, types in import_module(module).functions():
        if not only or name in only:
            compiler.compile(types)
            (assembly[name],) = compiler.inspect_asm().values()
    return Compiled(versions(), assembly)


def versions() -> dict[str, str]:
    llvm = ".".join(map(str, llvmlite.binding.llvm_version_info))
    return {"numba": numba.__version__, "llvm": llvm}


if __name__ == "__main__":
    json.dump(asdict(compile_here(*sys.argv[1:])), sys.stdout)
