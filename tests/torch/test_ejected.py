"""Ejected files: classes that need torch only, which are ours and torch's."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import keras
import pytest
import torch
import torch._dynamo
from torch.testing._internal import common_optimizers

import optgen.optimizers
from optgen.compiler.pipeline import load_all
from optgen.keras import optimizer_class as keras_class
from optgen.torch import optimizer_class
from tests.torch.ejecting import (
    EJECTED,
    FEW,
    NUMBERS,
    RULES,
    SHAPES,
    class_of,
    drawn,
    parameters,
    text_of,
    train,
)
from tests.torch.training import numbers_of

OF_TORCH = {name.lower() for name in torch.optim.__all__}
#: Rules with torch's formulas, by the name of torch's class in lower case.
TORCH = {
    name.removeprefix("torch"): name
    for name in RULES
    if name.startswith("torch") and name.removeprefix("torch") in OF_TORCH
}
INFOS = {
    getattr(info.optim_cls, "__name__", ""): info
    for info in common_optimizers.optim_db
    if getattr(info.optim_cls, "__name__", "").lower() in TORCH
}
FOREIGN = ("foreach", "fused", "capturable", "differentiable")
#: A rate that float32 holds, as Keras keeps it.
RATE = 2.0**-7


def rule_of(name: str) -> Any:
    (spec,) = load_all([RULES[name]])
    return getattr(optgen.optimizers, spec.name.value)


def switched(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of an ejected class, and of ours, that change all switches and turn decay on."""
    theirs: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    named = dict(rule_of(name).torch_names or ())
    for argument, parameter in inspect.signature(class_of(name)).parameters.items():
        sets = named.get(argument, (argument,))
        if argument.endswith("learning_rate"):
            theirs[argument] = ours[sets[0]] = RATE
        elif isinstance(parameter.default, bool):
            theirs[argument] = ours[sets[0]] = not parameter.default
        elif argument in ("weight_decay", "l2_penalty"):
            theirs[argument] = ours[sets[0]] = 0.25
    return theirs, ours


def of_operations(optimizer: Any, inputs: list[str]) -> list[torch.Tensor]:
    """The variables after five steps by Keras's operations."""
    variables = [keras.Variable(one.detach().numpy(), dtype="float64") for one in parameters()]
    optimizer.build(variables)
    trained = [one.value for one in variables]
    own = [one.value for one in optimizer.variables]
    for number in range(5):
        gradients = drawn(SHAPES, 1 + number)
        given = {name: NUMBERS.get(name, [one**2 for one in gradients]) for name in inputs}
        trained, own = optimizer.stateless_apply(own, gradients, trained, **given)
    return [one.detach() for one in trained]


#: Those that draw matrices of low rank are compared with kernels below.
OF_LOW_RANK = ["apollo", "apollomini", "dion"]
WITH_OPERATIONS = [name for name in EJECTED if name not in OF_LOW_RANK]


def settings() -> Iterator[Any]:
    """Each rule as it is, and with its switches, which for others than few is in full."""
    for name in WITH_OPERATIONS:
        yield pytest.param(name, False, id=f"{name}-plain")
        marks = () if name in FEW else pytest.mark.full
        yield pytest.param(name, True, id=f"{name}-switched", marks=marks)


@pytest.mark.parametrize(("name", "is_switched"), list(settings()))
def test_every_rule_is_that_of_operations(name: str, is_switched: bool) -> None:
    rule = rule_of(name)
    theirs, ours = switched(name)
    if not is_switched:
        theirs = {key: value for key, value in theirs.items() if value == RATE}
        ours = {key: value for key, value in ours.items() if value == RATE}
    params = parameters()
    inputs = [one.name for one in rule.inputs]
    train(class_of(name)(params, lr=RATE, **theirs), params, range(5), inputs)
    expected = of_operations(keras_class(rule)(learning_rate=RATE, **ours), inputs)
    # Keras computes this in float32 on torch.
    bound = 1e-4 if "atan2" in text_of(name) else 1e-11
    for param, other in zip(params, expected, strict=True):
        torch.testing.assert_close(param.detach(), other, rtol=bound, atol=bound)


#: Shapes with more rows than columns, fewer, and a filter of convolutions.
UNEVEN = ((5, 3), (4,), (3, 5), (2, 3, 2))


@pytest.mark.parametrize("name", ["lion", "muon", *OF_LOW_RANK])
def test_steps_are_those_of_kernels(name: str) -> None:
    params, others = parameters(UNEVEN), parameters(UNEVEN)
    train(class_of(name)(params, lr=0.1), params, range(5))
    train(optimizer_class(rule_of(name))(others, lr=0.1), others, range(5))
    for param, other in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), other.detach(), rtol=1e-12, atol=1e-13)


def cases() -> Iterator[Any]:
    for name, info in INFOS.items():
        for case in info.optim_inputs_func(device="cpu"):
            kwargs = {key: one for key, one in case.kwargs.items() if key not in FOREIGN}
            # torch's Muon may have other numbers of rounds.
            has_tensors = any(isinstance(one, torch.Tensor) for one in kwargs.values())
            if has_tensors or "ns_steps" in kwargs:
                continue
            yield pytest.param(name, kwargs, id=f"{name}-{case.desc}")


@pytest.mark.parametrize(("name", "arguments"), list(cases()))
def test_steps_are_torch_s(name: str, arguments: dict[str, Any]) -> None:
    # torch's epsilon of None is that of the dtype. Muon multiplies matrices in bfloat16.
    if arguments.get("eps", (0,)) == (None, 1e-3):
        arguments = {**arguments, "eps": (torch.finfo(torch.float64).eps, 1e-3)}
    if name == "Adafactor":
        arguments = {"eps": (torch.finfo(torch.float64).eps, 1e-3), **arguments}
    shapes = ((5, 3), (3, 5)) if name == "Muon" else UNEVEN
    bound = 0.05 if name == "Muon" else 1e-9 if arguments.get("centered") else 1e-12
    params, others = parameters(shapes), parameters(shapes)
    with numbers_of(torch.float64):
        train(class_of(TORCH[name.lower()])(params, **arguments), params, range(5))
        train(getattr(torch.optim, name)(others, **arguments), others, range(5))
    for param, other in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), other.detach(), rtol=bound, atol=bound)


@pytest.mark.parametrize("name", ["torchadam", "prodigy", "muon", "shampoo", "schedulefreesgd"])
def test_a_run_goes_on_from_a_state_dictionary(name: str) -> None:
    params, others = parameters(), parameters()
    kind = class_of(name)
    whole, first = kind(params), kind(others)
    train(whole, params, range(4))
    train(first, others, range(2))
    second = kind(others)
    second.load_state_dict(deepcopy(first.state_dict()))
    train(second, others, range(2, 4))
    for param, other in zip(params, others, strict=True):
        assert torch.equal(param, other)


def test_chosen_features_are_in_the_file_and_others_are_not() -> None:
    text = text_of("lion", "none,global_clipnorm,cautious")
    assert "global_clipnorm" in text
    assert "weight_decay" not in text
    params, (start, *_) = parameters(), parameters()
    optimizer = class_of("lion", "cautious")(params, lr=0.1, cautious=True)
    train(optimizer, params, range(2))
    value, mean = start.detach(), torch.zeros_like(start)
    for number in range(2):
        gradient, *_ = drawn(SHAPES, 1 + number)
        change = 0.1 * torch.sign(0.9 * mean + 0.1 * gradient)
        agrees = (change * gradient > 0).to(change.dtype)
        value = value - change * agrees / agrees.mean()
        mean = 0.99 * mean + 0.01 * gradient
    torch.testing.assert_close(params[0].detach(), value, rtol=1e-12, atol=1e-13)


def test_clipping_is_torch_s() -> None:
    params, others = parameters(), parameters()
    train(class_of("sgd", "global_clipnorm")(params, lr=1.0, global_clipnorm=0.5), params, range(1))
    for param, gradient in zip(others, drawn(SHAPES, 1), strict=True):
        param.grad = gradient
    torch.nn.utils.clip_grad_norm_(others, 0.5)
    torch.optim.SGD(others, lr=1.0).step()
    for param, other in zip(params, others, strict=True):
        torch.testing.assert_close(param, other, rtol=1e-5, atol=1e-6)


def test_a_file_imports_torch_only() -> None:
    for name in EJECTED:
        tree = ast.parse(text_of(name))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        known = {"__future__", "collections.abc", "contextlib", "math", "torch", "typing"}
        assert modules <= known, name


def test_files_pass_a_linter_and_are_short(tmp_path: Path) -> None:
    for name in EJECTED:
        text = text_of(name)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        most = 450 if "kept_steps_5" in text else 310 if "matrix" in text else 220
        assert len(text.splitlines()) <= most, name
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--ignore=SIM102",
        str(tmp_path),
    ]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_values_outside_their_range_are_refused() -> None:
    kind = class_of("torchadam")
    with pytest.raises(ValueError, match=r"expected 0 <= beta_2 < 1, not 1\.5"):
        kind(parameters(), betas=(0.9, 1.5))
    with pytest.raises(ValueError, match="expected lr >= 0, not nan"):
        kind(parameters(), lr=float("nan"))


def test_a_step_is_compiled_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_adam.py").write_text(text_of("torchadam"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(torch._dynamo.config, "capture_scalar_outputs", True)
    kind: Any = importlib.import_module("my_adam").Adam
    params, others = parameters(), parameters()
    one, other = kind(params, lr=0.1), kind(others, lr=0.1)
    step: Any = torch.compile(one.step, backend="eager", fullgraph=True)
    for number in range(3):
        for listed in (params, others):
            for param, gradient in zip(listed, drawn(SHAPES, number), strict=True):
                param.grad = gradient
        step()
        other.step()
    for param, expected in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), expected.detach(), rtol=1e-12, atol=1e-13)
