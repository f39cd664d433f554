"""The same steps by torch and Keras, if they are installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from optgen.bench.cases import Case, Step
from optgen.bench.models import Model

#: The implementations of torch's steps.
_WAYS = {"torch loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def peers(case: Case, model: Model, threads: int, *, compiled: bool) -> Iterator[tuple[str, Step]]:
    """The steps of other libraries by name.

    Torch has no features around its optimizers, so it is omitted if features are on.
    """
    if find_spec("torch") is None:
        return
    torch = import_module("torch")
    torch.set_num_threads(threads)
    if not case.full:
        yield from _of_torch(torch, case, model, compiled=compiled)
    if find_spec("keras") is not None and os.environ.setdefault("KERAS_BACKEND", "torch"):
        yield from _of_keras(torch, case, model)


def _of_torch(
    torch: Any, case: Case, model: Model, *, compiled: bool
) -> Iterator[tuple[str, Step]]:
    kind = getattr(torch.optim, case.optimizer, None)
    if kind is None:
        return
    for name, way in _WAYS.items():
        params = [torch.rand(shape, requires_grad=True) for shape in model.shapes]
        for param in params:
            param.grad = torch.rand_like(param)
        try:
            optimizer = kind(params, **case.own, **way)
            optimizer.step()
        except (TypeError, RuntimeError):  # Some of torch's optimizers have no fused version.
            continue
        yield name, optimizer.step
        if compiled and name == "foreach":
            yield "compiled", torch.compile(optimizer.step)


def _of_keras(torch: Any, case: Case, model: Model) -> Iterator[tuple[str, Step]]:
    keras = import_module("keras")
    kind = getattr(keras.optimizers, case.optimizer, None)
    if keras.config.backend() != "torch" or kind is None:
        return
    optimizer = kind(**case.arguments)
    variables = [keras.Variable(torch.rand(shape)) for shape in model.shapes]
    grads = [torch.rand(shape) for shape in model.shapes]
    optimizer.build(variables)

    def step() -> None:
        with torch.no_grad():
            optimizer.apply(grads, variables)

    yield "keras", step
