"""Kernels of every optimizer and feature, compiled for an H100; those of one rule for all GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.numeric.settings import ALONE, AROUND, Setting
from tests.runtime.cuda import own
from tests.runtime.cuda.kernels import element_kernels, formats, kernels_of
from tests.runtime.cuda.ptx import count, element_loops
from tests.runtime.passes import Made

pytest.importorskip("numba_cuda", reason='no CUDA toolkit: pip install -e ".[cuda]"')

from optgen.runtime.cpu.storage import Formats
from optgen.runtime.cuda import axes, casting, control, cubins, jit, keeping, sums
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX, Phase, built

#: A100, H100 and B200. What they differ in is the assembler's: one rule's kernels show it.
CAPABILITIES = ((8, 0), (9, 0), (10, 0))
USUAL = CAPABILITIES[1:2]
#: Four elements of 16 bits, as they are loaded; and those of any 16 or 32 bits, as they are stored.
HALVES = r"v2\.u32"
STORED = r"v4\.(?:[bu]16|f32)"
VECTORS = {"float32": r"v4\.f32", "float64": r"v2\.f64"}
#: What a float32 kernel may do with float64: read the tables of scalars, and round them.
READS = r"ld\.global\.f64|cvt\.rn\.f32\.f64|setp\.\w+\.f64|mov\.f64"


PLAIN = [setting for setting in ALONE if setting.label == "plain"]
#: Switches of a rule's own don't change what the host computes.
OF_CALLS = [s for s in ALONE if s in PLAIN or s.optimizer == AROUND]
#: Such a call begins otherwise, sums up more, and is the same over elements.
DECIDED = [
    setting
    for setting in ALONE
    if setting.optimizer == AROUND
    and setting.label in ("plain", "clipnorm", "global_clipnorm", "gradient_accumulation_steps")
]


def capabilities(setting: Setting) -> tuple[tuple[int, int], ...]:
    return CAPABILITIES if setting.optimizer == AROUND else USUAL


def in_both_types() -> Iterator[Any]:
    """Settings and types; a kernel is the same text in both, so that few are in float64."""
    for setting in PLAIN:
        for real in VECTORS:
            is_more = real == "float64" and setting.optimizer not in (AROUND, "torchadafactor")
            marks = pytest.mark.full if is_more else ()
            yield pytest.param(setting, real, id=f"{setting}-{real}", marks=marks)


@pytest.mark.parametrize(("setting", "real"), list(in_both_types()))
def test_kernels_move_what_the_plan_says(setting: Setting, real: str) -> None:
    chosen = capabilities(setting)
    for made in element_kernels(setting, real):
        for capability, text in zip(chosen, made.kernel.ptx(*chosen), strict=True):
            check(made, real, text)
            check_resources(text, capability)


@pytest.mark.parametrize("setting", [s for s in ALONE if s not in PLAIN], ids=str)
def test_so_do_kernels_with_features(setting: Setting) -> None:
    for made in element_kernels(setting, "float32"):
        (text,) = made.kernel.ptx(*USUAL)
        check(made, "float32", text)
        check_resources(text, *USUAL)


@pytest.mark.parametrize(("stored", "state"), [("bfloat16", "float32"), ("float16", "bfloat16")])
@pytest.mark.parametrize("setting", [PLAIN[2], PLAIN[-1]], ids=str)
def test_half_precision_is_converted_in_registers(
    setting: Setting, stored: str, state: str
) -> None:
    for made in element_kernels(setting, "float32", stored, state):
        (text,) = made.kernel.ptx(*USUAL)
        check(made, "float32", text, loads=rf"(?:{VECTORS['float32']}|{HALVES})", stores=STORED)
        check_resources(text, *USUAL)
        wide = count(r"(ld|st)\.global(\.v4)?\.f32", text)
        # Variables and gradients have no float32 copy.
        assert bool(wide) == (state == "float32" and made.loads > 2), made.name
        assert bool(count(r"cvt\.f32\.f16", text)) == (stored == "float16")


def test_matrices_in_half_precision_are_moved_as_vectors() -> None:
    for phase, what, kernel in every_kernel(own.EXTENTS[0], True, "bfloat16"):
        (text,) = kernel.ptx(*USUAL)
        assert not count(r"\.local\b", text), (phase, what)
        check_resources(text, *USUAL)
        assert bool(count(rf"ld\.global\.{HALVES}", text)) == (what == "elements")
        assert not count(r"ld\.global(\.v4)?\.f32", text)


def check(made: Made, real: str, text: str, loads: str = "", stores: str = "") -> None:
    vector = VECTORS[real]
    found = count(rf"ld\.global\.{loads or vector}", text)
    stored = count(rf"st\.global\.{stores or vector}", text)
    # A short loop may be unrolled; every copy of it moves the same.
    copies = found // made.loads
    assert copies >= 1, made.name
    assert (found, stored) == (copies * made.loads, copies * made.stores), made.name
    assert not count(r"\.local\b", text), made.name
    loops = list(element_loops(text))
    assert loops, made.name
    if real == "float32":
        inside = [line for loop in loops for line in loop if ".f64" in line]
        assert not inside, (made.name, inside[:3])
        # Sums are float64 once a thread has left its loop.
        if made.stores and not made.sums:
            widened = re.findall(r"^\s*(?:@\S+ )?(\S*\.f64)", text, re.M)
            assert all(re.fullmatch(READS, found) for found in widened), made.name


def check_resources(text: str, capability: tuple[int, int]) -> None:
    """The assembler finds room for everything in registers, enough for two blocks at a time."""
    _, report = cubins.linked(text, capability)
    assert "0 bytes spill stores, 0 bytes spill loads" in report, report
    assert "0 bytes stack frame" in report, report
    found = re.search(r"Used (\d+) registers", report)
    assert found is not None
    assert int(found[1]) <= 128, report


@pytest.mark.parametrize("setting", DECIDED, ids=str)
def test_so_do_kernels_of_calls_that_the_device_decides(setting: Setting) -> None:
    for made in element_kernels(setting, "float32", deferred=True, check_finite=True, alone=False):
        (text,) = made.kernel.ptx(*USUAL)
        check(made, "float32", text)
        check_resources(text, *USUAL)


@pytest.mark.parametrize("setting", OF_CALLS, ids=str)
def test_the_scalars_of_a_call(setting: Setting) -> None:
    kernels, on = kernels_of(setting)
    (text,) = built(kernels.host, on, kernels.widths).ptx(*USUAL)
    check_resources(text, *USUAL)
    # They are computed in float64, and nothing is rounded on the way.
    assert not count(r"cvt\.rn\.f32|st\.global\.f32", text)
    assert count(r"st\.global\.f64", text)


@pytest.mark.parametrize(
    "kernel",
    [
        *(
            control.put_scale,
            control.choose,
            control.judge,
            control.show_ages,
            sums.meet,
            axes.fold_layers,
        ),
        *(keeping.keep, casting.casting(Formats(np.float32, ("float32", "bfloat16")), 4)),
    ],
    ids=lambda k: k.name,
)
def test_the_kernels_of_the_runtime(kernel: jit.Kernel) -> None:
    for capability, text in zip(CAPABILITIES, kernel.ptx(*CAPABILITIES), strict=True):
        check_resources(text, capability)


def test_scalars_of_several_launches() -> None:
    setting = next(setting for setting in ALONE if "clipnorm" in setting.values)
    kernels, on = kernels_of(setting)
    scalars = kernels.programs[0].prepasses[0].scalars
    assert scalars is not None
    (text,) = sums.each_with(built(scalars, on, kernels.widths)).ptx(*USUAL)
    check_resources(text, *USUAL)
    assert count(r"sqrt\.rn\.f64", text)


@pytest.mark.parametrize("name", own.NAMES)
def test_optimizers_of_a_user_s_own(name: str) -> None:
    kind = getattr(own.package(), name)
    kernels = kind.kernels_of("cuda")
    on = {
        **kind(clipnorm=1.0)._core.settings.on(),
        CHECK_FINITE: False,
        CONSTRAINED: False,
        MATRIX: False,
    }
    on |= {"alone": True, "deferred": False}
    (update,) = (program for program in kernels.programs if program.name == "update")
    builders = [phase.builder(on) for phase in update.phases if phase.builder(on)]
    assert len(builders) == 3
    for builder in builders:
        fixed = formats(kernels, "float32"), 4, 256, kernels.widths
        (text,) = built(builder, on, *fixed).ptx(*USUAL)
        # A scalar that only one branch needs may be rounded there, which is no arithmetic.
        inside = [line for loop in element_loops(text) for line in loop if ".f64" in line]
        assert all("cvt.rn.f32.f64" in line for line in inside), inside
        assert not count(r"\.local\b", text)
        check_resources(text, *USUAL)


def every_kernel(
    name: str, is_matrix: bool, stored: str = ""
) -> Iterator[tuple[Phase, str, jit.Kernel]]:
    """The kernels of the update of a rule, with their phases and what they are."""
    kind = getattr(own.package(), name)
    kernels = kind.kernels_of("cuda")
    widths, held = kernels.widths, formats(kernels, "float32", stored, stored)
    on = {**kind()._core.settings.on(), CHECK_FINITE: False, CONSTRAINED: False, MATRIX: is_matrix}
    on |= {"alone": True, "deferred": True}
    for phase in kernels.programs[0].phases:
        builder = phase.builder(on)
        layouts = [(False,), (True,)] if phase.is_axial and is_matrix else [()]
        for scattered in layouts if builder else ():
            what = "scattered" if scattered == (True,) else "elements"
            yield phase, what, built(builder, on, held, 4, 256, widths, *scattered)
        if phase.shared is not None:
            yield phase, "shared", built(phase.shared, on, widths)
        if phase.scalars is not None and (builder or phase.is_due_anyway):
            made = built(phase.scalars, on, widths)
            yield phase, "scalars", made if isinstance(made, jit.Kernel) else sums.each_with(made)


@pytest.mark.parametrize("is_matrix", [True, False], ids=["matrix", "other"])
@pytest.mark.parametrize("name", own.EXTENTS)
def test_rules_with_numbers_rows_and_columns(name: str, is_matrix: bool) -> None:
    found = list(every_kernel(name, is_matrix))
    assert any(what == "elements" for _, what, _ in found)
    for phase, what, kernel in found:
        (text,) = kernel.ptx(*USUAL)
        assert not count(r"\.local\b", text), (phase, what)
        check_resources(text, *USUAL)
        # Rows that follow each other are moved as vectors, and no others.
        assert bool(count(rf"ld\.global\.{VECTORS['float32']}", text)) == (what == "elements")
