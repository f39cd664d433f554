"""Programs as packages on disk: kernels that Numba compiles, for the CPU and as PTX."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np

from optgen.bench.user_specs import importable
from optgen.runtime.cpu.pointers import BLOCK
from optgen.runtime.cpu.storage import formats_of
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX, built
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.tables import CHUNK
from tests.random_programs.comparison import Arrays, Outcome, compare
from tests.random_programs.program import Form, Program
from tests.random_programs.sources import Sources

#: Sizes around those of blocks and of chunks.
SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, CHUNK - 1, CHUNK, CHUNK + 1)
#: Matrices of one tile and of several, in the order of C and in others.
MATRICES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((BLOCK + 1, 2 * BLOCK - 1), ()),
    ((3, CHUNK + 1), ()),
    ((CHUNK + 1, 3), (1, 0)),
    ((5, BLOCK, 7), (2, 0, 1)),
    ((1, BLOCK), ()),
    ((BLOCK, 1), ()),
    ((0, 3), ()),
)
#: A generation of GPUs that kernels are compiled for.
CAPABILITY = (9, 0)


@contextlib.contextmanager
def package(program: Program, sources: Sources) -> Iterator[str]:
    """The name of a package with the program's class in it, and kernels of all targets."""
    name = f"random_package_{program.seed}"
    with TemporaryDirectory() as folder:
        for source in sources.of("cpu", "cuda", "jax", "keras"):
            path = Path(folder) / name / source.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source.text, encoding="utf-8")
            (path.parent / "__init__.py").touch()
        with importable(name, folder):
            yield name


def _module(name: str, program: Program, target: str = "") -> ModuleType:
    inside = str(program.spec["name"]).lower()
    return importlib.import_module(".".join(filter(None, (name, target, inside))))


def class_in(name: str, program: Program) -> type[Optimizer]:
    """The class of a program's package."""
    found: type[Optimizer] = getattr(_module(name, program), program.spec["name"])
    return found


def around_borders(program: Program) -> Program:
    """The program with variables of sizes at the borders of blocks and chunks."""
    draw = np.random.default_rng(program.seed)
    dtypes = sorted({form.dtype for form in program.forms})
    excluded = program.forms[0].excluded
    forms = [
        Form(f"v{place}", (int(size),), dtypes[place % len(dtypes)], excluded if place % 2 else ())
        for place, size in enumerate([*draw.permutation(SIZES), 2 * CHUNK + BLOCK // 2])
    ]
    forms.append(Form("scalar", (), dtypes[0]))
    if "matrix" in program.spec:
        forms += [
            Form(f"m{place}", shape, dtypes[place % len(dtypes)], (), order)
            for place, (shape, order) in enumerate(MATRICES)
        ]
    return replace(program, forms=tuple(forms), calls=2)


def by_numba(program: Program, sources: Sources) -> Outcome:
    """Compiled CPU kernels, at the borders of blocks and chunks."""
    wider = around_borders(program)
    with package(program, sources) as name:
        return compare(Arrays(class_in(name, program), wider), wider)


def by_ptx(program: Program, sources: Sources) -> Outcome:
    """CUDA kernels of a setting, compiled; nothing runs."""
    outcome = Outcome()
    if find_spec("numba_cuda") is None:
        return outcome
    with package(program, sources) as name:
        kind: Any = class_in(name, program)
        kernels = kind.kernels_of("cuda")
        on = {**kind(**program.arguments)._core.settings.on(), CHECK_FINITE: False}
        on |= {CONSTRAINED: False, MATRIX: False, "alone": True, "deferred": False}
        dtypes = {form.dtype for form in program.forms}
        for planned in (one for one in kernels.programs if one.when(on)):
            for builder in filter(None, (phase.builder(on) for phase in planned.phases)):
                for dtype in sorted(dtypes):
                    formats = formats_of(np.dtype(dtype), [None] * len(kernels.buffers))
                    fixed = formats, 16 // np.dtype(formats.real).itemsize, 256, kernels.widths
                    (text,) = built(builder, on, *fixed).ptx(CAPABILITY)
                    outcome.compared += ".entry" in text
        built(kernels.host, on, kernels.widths).ptx(CAPABILITY)
    return outcome
