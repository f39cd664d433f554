"""Ejected classes, and runs of them beside others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from optgen.cli.commands.eject import ejected
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import load_all
from tests.numeric.specs import COMPILED
from tests.run_folder import RUN

RULES: dict[str, Path] = {path.stem: path for path in optimizer_files()}
#: One file has no second point.
EJECTED = [name for name, path in RULES.items() if "[perturb]" not in path.read_text("utf-8")]
#: Few of them, for what takes long for each: all that rules have, and products of matrices.
FEW = {*COMPILED, "dion", "muon", "soap"}
#: One that is no matrix, and matrices whose products have one set of eigenvectors.
SHAPES = ((4, 4), (5,), (3, 3))

#: Inputs that are one number.
NUMBERS: Mapping[str, float] = {"loss": 0.7, "signal": 0.7}


@cache
def text_of(name: str, *features: str) -> str:
    """The file of a rule, which all processes of a run of tests share."""
    folder = Path(os.environ[RUN]) / "ejected"
    folder.mkdir(exist_ok=True)
    file = folder / "-".join([name, *features])
    if not file.exists():
        (spec,) = load_all([RULES[name]])
        fault, text = ejected(spec, name, features)
        assert not fault, fault
        new = folder / f"{os.getpid()}.{file.name}"
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    return file.read_text(encoding="utf-8")


def class_of(name: str, *features: str) -> Any:
    """The class in the file of a rule."""
    scope: dict[str, Any] = {"__name__": "ejected"}
    exec(compile(text_of(name, *features), f"{name}.py", "exec"), scope)
    (found,) = (
        value
        for value in scope.values()
        if isinstance(value, type) and value.__module__ == "ejected"
    )
    return found


def drawn(shapes: Sequence[tuple[int, ...]], seed: int) -> list[torch.Tensor]:
    """Random tensors of float64."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def parameters(shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[torch.nn.Parameter]:
    """The first values of parameters."""
    return [torch.nn.Parameter(one) for one in drawn(shapes, 0)]


def train(
    optimizer: Any,
    params: Sequence[torch.Tensor],
    steps: range,
    inputs: Sequence[str] = (),
) -> None:
    """Make steps with random gradients; inputs are numbers, or the squares of gradients."""
    for number in steps:
        gradients = drawn([*(param.shape for param in params)], 1 + number)
        for param, gradient in zip(params, gradients, strict=True):
            param.grad = gradient
        squares = {p: one**2 for p, one in zip(params, gradients, strict=True)}
        given: Mapping[str, Any] = {name: NUMBERS.get(name, squares) for name in inputs}
        optimizer.step(**given)
