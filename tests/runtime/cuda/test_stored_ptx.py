"""Kernels over split, drawn and coded buffers, compiled for an H100."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.numeric.settings import ALONE, Setting
from tests.runtime.cuda import own
from tests.runtime.cuda.kernels import kernels_of
from tests.runtime.cuda.ptx import count
from tests.runtime.passes import Made, passes

pytest.importorskip("numba_cuda", reason='no CUDA toolkit: pip install -e ".[cuda]"')

from optgen.runtime.codes import CODES
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX, Kernels, built
from tests.runtime.cuda.test_ptx import USUAL, check_resources

#: Of a parameter and of all states; the gradient is bfloat16.
STORAGES = [
    ("bfloat16 split 16", "float32"),
    ("bfloat16 split 8", "bfloat16"),
    ("bfloat16 stochastic", "bfloat16 stochastic"),
    ("float16 stochastic", "float32"),
    *(("bfloat16", code) for code in CODES),
]
#: Of each kind, for rules whose kernels take longer; the others differ in the same functions.
KINDS = STORAGES[1:3] + STORAGES[-1:]
(ADAM,) = (one for one in ALONE if one.label == "plain" and one.optimizer == "adam")


def formats(kernels: Kernels, real: str, param: str, state: str) -> Formats:
    fixed = {"param": param, "grad": real if param == real else "bfloat16"}
    kind = {"float32": np.float32, "float64": np.float64}[real]
    return Formats(kind, tuple(fixed.get(name, state) for name in kernels.buffers))


def element_kernels(setting: Setting, real: str, param: str, state: str) -> Iterator[Made]:
    kernels, on = kernels_of(setting)
    held = formats(kernels, real, param, state), 16 // np.dtype(real).itemsize, 256
    return passes(setting.optimizer, kernels, on, *held, kernels.widths)


@pytest.mark.parametrize(("param", "state"), STORAGES)
def test_all_is_done_in_registers(param: str, state: str) -> None:
    for made in element_kernels(ADAM, "float32", param, state):
        (text,) = made.kernel.ptx(*USUAL)
        check_resources(text, *USUAL)
        assert not count(r"\.local\b", text), made.name
        if not made.stores:
            continue
        # States are those that are loaded besides the parameter and its gradient.
        coded = made.loads - 2 if state in CODES else 0
        shuffles = count(r"shfl\.sync", text)
        per_state = 5 + (state in CODES and CODES[state].bits == 4)
        assert shuffles == coded * per_state, made.name
        # Products of Philox, which draws noise or makes a key.
        is_drawn = coded or "stochastic" in param + state
        assert bool(count(r"mul\.wide\.u32", text)) == bool(is_drawn), made.name


@pytest.mark.parametrize("state", CODES)
def test_float64_variables_have_states_with_codes(state: str) -> None:
    """Two elements a thread, so a block is a whole warp's."""
    for made in element_kernels(ADAM, "float64", "float64", state):
        (text,) = made.kernel.ptx(*USUAL)
        check_resources(text, *USUAL)
        per_state = 6 + (CODES[state].bits == 4)
        assert count(r"shfl\.sync", text) == (made.loads - 2) * per_state


@pytest.mark.parametrize(
    ("param", "state"),
    [pytest.param(*one, marks=() if one in KINDS else pytest.mark.full) for one in STORAGES],
)
def test_matrices(param: str, state: str) -> None:
    kind = getattr(own.package(), own.EXTENTS[0])
    kernels = kind.kernels_of("cuda")
    held = formats(kernels, "float32", param, state)
    on = {**kind()._core.settings.on(), CHECK_FINITE: False, CONSTRAINED: False, MATRIX: True}
    on |= {"alone": True, "deferred": True}
    for phase in kernels.programs[0].phases:
        builder = phase.builder(on)
        layouts = [(False,), (True,)] if phase.is_axial and state not in CODES else [(False,)]
        for layout in layouts if builder else ():
            more = layout if phase.is_axial else ()
            (text,) = built(builder, on, held, 4, 256, kernels.widths, *more).ptx(*USUAL)
            check_resources(text, *USUAL)
            assert not count(r"\.local\b", text)
