"""Kernels that Python runs, beside compiled ones, and a debugger that stops in them."""

from __future__ import annotations

import bdb
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from ml_dtypes import bfloat16

import optgen
from optgen.runtime.plain import kernel_file
from optgen.torch import optimizer_class
from tests.chosen import rest_in_full
from tests.runtime.by_rows import by_rows

Array = np.ndarray[Any, np.dtype[Any]]
SHAPES = {"kernel": (5, 17), "bias": (3,), "nothing": (0,)}


def trained(kind: Any, dtype: Any, **settings: Any) -> dict[str, Array]:
    draw = np.random.default_rng(0)
    variables = {name: draw.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    made = kind(**settings)
    for _ in range(3):
        gradients = {name: draw.normal(size=v.shape).astype(dtype) for name, v in variables.items()}
        made.apply(gradients, variables)
    return variables


SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "nesterov": True, "gradient_accumulation_steps": 2},
    "adam": {"weight_decay": 0.1, "clipnorm": 1.0},
    "by rows": {},
    "adafactor": {},
}
DTYPES = {"float32": np.float32, "float64": np.float64, "bfloat16": bfloat16}


@pytest.mark.parametrize(
    ("rule", "named"),
    rest_in_full(
        [(rule, name) for rule in SETTINGS for name in DTYPES],
        lambda one: one[0] == "sgd" or (one[0] != "adafactor" and one[1] == "float32"),
    ),
)
def test_python_computes_what_compiled_kernels_do(rule: str, named: str) -> None:
    settings, dtype = SETTINGS[rule], DTYPES[named]
    compiled, plain = (
        trained(kind, dtype, **settings)
        for kind in (
            (by_rows(), by_rows("numpy"))
            if rule == "by rows"
            else (optgen.compile(rule), optgen.compile(rule, backend="numpy"))
        )
    )
    for name, array in compiled.items():
        own, wanted = (some[name].astype(np.float64) for some in (plain, compiled))
        np.testing.assert_allclose(own, wanted, rtol=4 * float(_precision(dtype)), atol=1e-7)
        assert array.dtype == dtype


def _precision(dtype: Any) -> float:
    return 2.0**-8 if dtype is bfloat16 else float(np.finfo(dtype).eps)


class Debugger(bdb.Bdb):
    """Notes what a name holds wherever it stops."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.seen = name, list[Any]()

    def user_line(self, frame: FrameType) -> None:
        if self.break_here(frame):
            self.seen.append(frame.f_locals[self.name])
        self.set_continue()


def test_a_debugger_stops_at_a_line_of_the_rule() -> None:
    kind: Any = optgen.compile("adam", backend="numpy")
    lines = kernel_file(kind).read_text(encoding="utf-8").split("\n")
    (number,) = [k for k, line in enumerate(lines, start=1) if "param = param - change" in line]
    debugger, weights = Debugger("change"), np.zeros(3)
    debugger.set_break(str(kernel_file(kind)), number)
    made = kind(0.25)
    debugger.runcall(made.apply, [np.array([1.0, -2.0, 4.0])], [weights])
    assert debugger.seen == pytest.approx([0.25, -0.25, 0.25], rel=1e-5)
    assert weights == pytest.approx([-0.25, 0.25, -0.25], rel=1e-5)


def test_parameters_of_torch_and_its_own_class() -> None:
    kind = optimizer_class(optgen.compile("torchsgd", backend="numpy"))
    ours, theirs = (torch.nn.Parameter(torch.arange(5.0)) for _ in range(2))
    pairs: list[tuple[Any, Any]] = [(ours, kind([ours], lr=0.1, momentum=0.9))]
    pairs += [(theirs, torch.optim.SGD([theirs], lr=0.1, momentum=0.9))]
    for _ in range(3):
        for param, optimizer in pairs:
            param.grad = param.detach().cos()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_what_only_compiled_code_has_is_refused() -> None:
    kind: Any = optgen.compile("adam", backend="numpy")
    with pytest.raises(ValueError, match="round to nearest"):
        trained(kind, bfloat16, rounding="stochastic")
    with pytest.raises(ValueError, match="'compiled' or 'numpy'"):
        optgen.compile("adam", backend="torch")  # type: ignore[arg-type]
