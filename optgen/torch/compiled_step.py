"""A step as one operation of torch's, which compiled functions contain as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from typing import Any, Self
from weakref import WeakValueDictionary

import torch

from optgen.torch.in_backward import UpdatedInBackward
from optgen.torch.inputs import with_loss

Tensor = torch.Tensor
#: Optimizers by number: operations take tensors and numbers only.
_KNOWN: WeakValueDictionary[int, SteppedAsOne] = WeakValueDictionary()
_NUMBERS = count()
#: The host counts the steps of an optimizer, so that no graph of a device may hold one.
_TAGS: Any = (
    {"tags": (torch.Tag.cudagraph_unsafe,)} if hasattr(torch.Tag, "cudagraph_unsafe") else {}
)


class SteppedAsOne(UpdatedInBackward):
    """The part of an optimizer that makes a step, also inside of a compiled function."""

    _number: int

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """An instance, under a number of its own."""
        made = super().__new__(cls)
        made._number = next(_NUMBERS)
        _KNOWN[made._number] = made
        return made

    def step(self, closure: Callable[[], Any] | None = None, **inputs: object) -> Any:
        """One update of all parameters that have a gradient, or of all where a rule reads none.

        A closure computes the loss again, and is called first. ``inputs`` are what a rule takes
        beside the gradient: numbers, or tensors in a list in the order of all parameters or in a
        dictionary by parameter; ``loss`` is the closure's unless it is given. Raises
        TypeError or ValueError, with nothing changed, for gradients, states and inputs that don't
        fit and values that aren't allowed. Threads take turns. Raises RuntimeError inside
        ``averaged``. What ``torch.compile`` compiles contains it as one operation, unless it takes
        inputs or updates parameters inside of ``backward``.
        """
        takes_more = inputs or self.rule.inputs or self.rule.is_gradient_free
        if not torch.compiler.is_compiling() or takes_more or self._hooks:
            return self._stepped(closure, inputs)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        place, places, params, gradients = 0, [], [], []
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    places.append(place)
                    params.append(param)
                    gradients.append(param.grad)
                place += 1
        if places:
            with torch.no_grad():
                torch.ops.optgen.step(self._number, places, params, gradients)
        return loss

    @torch._disable_dynamo  # type: ignore[attr-defined]  # It can't trace what is compiled already.
    @torch.no_grad()
    def _stepped(self, closure: Callable[[], Any] | None, inputs: Mapping[str, object]) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with self._standing_in():
            self._core.in_turn(self._step, with_loss(self.rule.inputs, inputs, loss))
        return loss

    def _standing_in(self) -> AbstractContextManager[None]:
        """A context in which parameters are their gradients, for a rule that reads none."""
        if not self.rule.is_gradient_free:
            return nullcontext()
        every = [param for group in self.param_groups for param in group["params"]]
        return _holding(every, {k: p.detach() for k, p in enumerate(every) if p.requires_grad})

    def _step_with(
        self, places: Sequence[int], params: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> None:
        """A step with gradients that are given, of the parameters in these places.

        A compiled function may have the values of parameters elsewhere, and then wants those of
        the update there.
        """
        every = [param for group in self.param_groups for param in group["params"]]
        own = [every[place] for place in places]
        # A scheduler, which replaces the method, looks for steps that it hasn't seen.
        self._opt_called = True
        with _holding(every, dict(zip(places, gradients, strict=True))), _lent(own, params):
            self._core.in_turn(self._step, {})


@contextmanager
def _holding(params: Sequence[Tensor], gradients: Mapping[int, Tensor]) -> Iterator[None]:
    """A context in which parameters hold these gradients, by their places, and no others."""
    before = [param.grad for param in params]
    try:
        for place, param in enumerate(params):
            param.grad = gradients.get(place)
        yield
    finally:
        for param, gradient in zip(params, before, strict=True):
            param.grad = gradient


@contextmanager
def _lent(params: Sequence[Tensor], others: Sequence[Tensor]) -> Iterator[None]:
    """A context in which parameters have the values of others; what becomes of them goes there."""
    pairs = zip(params, others, strict=True)
    apart = [(one, other) for one, other in pairs if one.data_ptr() != other.data_ptr()]
    before = [one.detach().clone() for one, _ in apart]
    for one, other in apart:
        one.copy_(other)
    try:
        yield
    finally:
        for (one, other), old in zip(apart, before, strict=True):
            other.copy_(one)
            one.copy_(old)


def _run(
    number: int, places: Sequence[int], params: Sequence[Tensor], gradients: Sequence[Tensor]
) -> None:
    optimizer = _KNOWN.get(number)
    if optimizer is None:
        raise RuntimeError("the optimizer of this compiled step is gone; keep it, or compile again")
    with torch.no_grad():
        optimizer._step_with(places, params, gradients)


torch.library.custom_op(
    "optgen::step",
    _run,
    mutates_args=("params",),
    schema="(SymInt number, int[] places, Tensor(a!)[] params, Tensor[] gradients) -> ()",
    **_TAGS,
)
