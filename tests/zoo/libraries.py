"""Optimizers of other libraries, run in float64."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import distribution
from types import ModuleType
from typing import Any

import jax
import keras
import numpy as np
import optax
import torch

from tests.zoo.runs import Model, Run, beside_gradients, loss


def timm_class(module: str, name: str) -> Any:
    """A class of ``timm.optim``.

    ``import timm`` reads all of its models, for which torchvision must fit torch: of one build for
    the CPU and one for CUDA, it doesn't import. Modules of optimizers need neither.
    """
    return _class_inside("timm", "timm/optim", module, name)


def galore_class(module: str, name: str) -> Any:
    """A class of ``galore_torch``, which as a whole imports code for quantized states too."""
    return _class_inside("galore_torch", "galore_torch", module, name)


def _class_inside(library: str, folder: str, module: str, name: str) -> Any:
    """A class in a module of a library's folder, without what the library imports first."""
    own = f"optimizers_of_{library}"
    if own not in sys.modules:
        package = ModuleType(own)
        package.__path__ = [str(distribution(library).locate_file(folder))]
        sys.modules[own] = package
    return getattr(importlib.import_module(f"{own}.{module}"), name)


def training(make: Any) -> Any:
    """A class whose optimizers step only once they are told that they train."""

    def made(*arguments: Any, **keywords: Any) -> Any:
        optimizer = make(*arguments, **keywords)
        optimizer.train()
        return optimizer

    return made


class OneStep(torch.optim.LBFGS):
    """Torch's L-BFGS with five pairs, one step for each gradient, and no tolerances."""

    def __init__(self, parameters: Any, **arguments: Any) -> None:
        limits: dict[str, Any] = {
            "max_iter": 1,
            "history_size": 5,
            "tolerance_grad": 0,
            "tolerance_change": 0,
        }
        super().__init__(parameters, **limits, **arguments)

    def step(self, closure: Any = None) -> Any:
        """Make a step with the gradients that the parameters have."""
        step: Any = super().step
        return step(lambda: 0.0)


def of_torch(make: Callable[..., Any], **arguments: Any) -> Run:
    """A class of ``torch.optim``, or of a library that is written for torch."""

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        held = [torch.nn.Parameter(torch.tensor(array)) for array in first]
        optimizer, after = make(held, **arguments), []
        known = inspect.signature(optimizer.step).parameters
        for call, row in enumerate(rows):
            for parameter, gradient in zip(held, row, strict=True):
                parameter.grad = torch.tensor(gradient)
            given = beside_gradients(known, call, row)
            optimizer.step(**{k: _tensors(value) for k, value in given.items()})
            after.append([parameter.detach().numpy().copy() for parameter in held])
        return after

    return run


def _tensors(value: Any) -> Any:
    return value if isinstance(value, float) else [torch.tensor(array) for array in value]


def of_optax(make: Callable[..., Any], **arguments: Any) -> Run:
    """A gradient transformation; all of its steps are compiled as one loop.

    One that takes more than gradients gets the loss, by Optax's name for it and by ours.
    """

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        rule = make(**arguments)
        takes_more = isinstance(rule, optax.GradientTransformationExtraArgs)

        def step(carry: Any, row: Any) -> Any:
            held, state = carry
            gradients, now = row
            more = {"value": now, "loss": now} if takes_more else {}
            updates, state = rule.update(gradients, state, held, **more)
            held = optax.apply_updates(held, updates)
            return (held, state), held

        with jax.enable_x64(True):
            held = [jax.numpy.asarray(array) for array in first]
            stacked = [jax.numpy.stack(each) for each in zip(*rows, strict=True)]
            losses = jax.numpy.asarray([loss(call, row) for call, row in enumerate(rows)])
            _, after = jax.lax.scan(step, (held, rule.init(held)), (stacked, losses))
            arrays = [np.asarray(each) for each in after]
        return [list(model) for model in zip(*arrays, strict=True)]

    return run


def of_keras(make: Callable[..., Any], **arguments: Any) -> Run:
    """A Keras optimizer. It holds its learning rate in float32, whatever the variables are."""

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        held = [keras.Variable(array, dtype="float64") for array in first]
        optimizer, after = make(**arguments), []
        optimizer.build(held)
        for row in rows:
            optimizer.apply([torch.tensor(gradient) for gradient in row])
            after.append([variable.value.detach().numpy().copy() for variable in held])
        return after

    return run
