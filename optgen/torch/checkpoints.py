"""Loading of states: in their own precision, and atomically."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from optgen.runtime.remainders import REMAINDER
from optgen.torch.states import AGE

Tensor = torch.Tensor


@dataclass(frozen=True)
class _Wrapped:
    """A tensor wrapped so that torch doesn't cast it."""

    tensor: Tensor


@contextmanager
def uncast(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """A context that loads states in their own precision; torch casts them to the parameters'.

    They are copied, so that two optimizers never update one state. Hooks of others see tensors,
    since these run behind and before them.
    """

    def wrap(_: torch.optim.Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
        numbers = {number for group in state_dict["param_groups"] for number in group["params"]}
        state = {
            key: _each(own, _wrapped) if key in numbers and isinstance(own, Mapping) else own
            for key, own in state_dict["state"].items()
        }
        return {**state_dict, "state": state}

    def unwrap(_: torch.optim.Optimizer) -> None:
        params = [param for group in optimizer.param_groups for param in group["params"]]
        for param in params:
            own = optimizer.state.get(param)
            if isinstance(own, dict):
                own |= _each(own, lambda _, value, device=param.device: _unwrapped(value, device))

    before = optimizer.register_load_state_dict_pre_hook(wrap)
    behind = optimizer.register_load_state_dict_post_hook(unwrap, prepend=True)
    try:
        yield
    finally:
        before.remove()
        behind.remove()


def _each(own: Mapping[Any, Any], change: Any) -> dict[Any, Any]:
    return {name: change(name, value) for name, value in own.items()}


def _wrapped(name: object, value: Any) -> Any:
    return _Wrapped(value) if isinstance(value, Tensor) and name != AGE else value


def _unwrapped(value: Any, device: torch.device) -> Any:
    if not isinstance(value, _Wrapped):
        return value
    return value.tensor.detach().to(device, copy=True)


@contextmanager
def restoring(optimizer: torch.optim.Optimizer, names: Iterable[str]) -> Iterator[None]:
    """A context that restores attributes after an exception."""
    attributes = vars(optimizer)
    before = {name: attributes[name] for name in names}
    try:
        yield
    except BaseException:
        attributes.update(before)
        raise


def refuse_foreign(owner: str, states: Mapping[Any, Any], known: Iterable[str]) -> None:
    """Raise ValueError for tensors of parameters of which a rule with states has none."""
    names = {*known}
    # Users may keep what they want beside parameters.
    for key, own in states.items():
        if not (isinstance(key, torch.Tensor) and isinstance(own, Mapping)):
            continue
        found = {name for name, value in own.items() if isinstance(value, torch.Tensor)}
        found -= {AGE, REMAINDER}
        if names and found and not found & names:
            listed = ", ".join(sorted(found))
            raise ValueError(
                f"{owner} has no states {listed}, and the dictionary none of {owner}'s; "
                'convert it: optgen.convert(state_dict, "optgen", like=optimizer).state'
            )


def complete(
    groups: list[dict[str, Any]], before: list[dict[str, Any]], known: Iterable[str]
) -> None:
    """Add options that are missing in loaded groups, with their values ``before``."""
    names = list(known)
    for group, old in zip(groups, before, strict=False):
        for name in names:
            if name in old:
                group.setdefault(name, old[name])
