"""Groups of a model's parameters: without weight decay, and with rates by layer.

Both are as timm makes them, and read the same methods of a model where it has them:
``no_weight_decay()`` names parameters, and ``group_matcher()`` has patterns for layers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import fnmatch
from itertools import chain
from typing import Any

import torch

#: A name's place among layers: names are in one layer where these are equal.
_Place = tuple[float, ...]
#: What a pattern of a model adds to a place that belongs to the layer before it.
_WITH_PREVIOUS = 99999
_LAST: _Place = (float("inf"),)
_NUMBER = re.compile(r"(?:^|\.)(\d+)(?:\.|$)")


def model_groups(
    model: torch.nn.Module,
    lr: float | torch.Tensor,
    without_decay: Mapping[str, Any],
    patterns: str | Collection[str],
    layer_decay: float | None,
) -> list[dict[str, Any]]:
    """Groups of named parameters that need gradients, in the order of their first parameter.

    Vectors, numbers, biases, and names that the model or ``patterns`` list have the options
    ``without_decay``. With ``layer_decay`` the last layer has the rate ``lr``, and each one before
    it that of the next times ``layer_decay``.
    """
    of_model = getattr(model, "no_weight_decay", None)
    excluded = [patterns] if isinstance(patterns, str) else [*patterns]
    excluded += of_model() if callable(of_model) else ()
    scales = _scales(model, layer_decay)
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    for name, param in model.named_parameters():
        if not param.requires_grad:
            continue
        key = scales.get(name, 1.0), bool(without_decay) and _is_excluded(name, param, excluded)
        rate = {} if layer_decay is None else {"lr": lr * key[0]}
        options = {"params": [], **rate, **(without_decay if key[1] else {})}
        groups.setdefault(key, options)["params"].append((name, param))
    return list(groups.values())


def _is_excluded(name: str, param: torch.Tensor, patterns: Iterable[str]) -> bool:
    is_flat = param.ndim <= 1 or name.endswith(".bias")
    return is_flat or any(fnmatch(name, pattern) for pattern in patterns)


def _scales(model: torch.nn.Module, layer_decay: float | None) -> Mapping[str, float]:
    """What each parameter's rate is multiplied by."""
    if layer_decay is None:
        return {}
    layers = layers_of(model)
    last = max(layers.values(), default=0)
    return {name: layer_decay ** (last - layer) for name, layer in layers.items()}


def layers_of(model: torch.nn.Module) -> Mapping[str, int]:
    """The layer of each parameter, from 0 on.

    Without a ``group_matcher`` a layer is the first number in a name, as of a list of blocks; what
    comes before the first block is a layer, and what comes after it is the last one.
    """
    names = [name for name, _ in model.named_parameters()]
    matcher = getattr(model, "group_matcher", None)
    place = _by_patterns(matcher(coarse=False)) if callable(matcher) else _by_numbers(names)
    places = {name: place(name) for name in names}
    number, numbers = -1, {}
    for one in sorted({*places.values()}):
        number += number < 0 or one[-1] != _WITH_PREVIOUS
        numbers[one] = number
    return {name: numbers[one] for name, one in places.items()}


def _by_patterns(given: Any) -> Callable[[str], _Place]:
    """Places by a model's patterns, each with a number, or its own function of a name."""
    if callable(given):
        return lambda name: _as_place(given(name))
    listed: list[tuple[re.Pattern[str], int, Iterable[int]]] = []
    for order, one in enumerate(given.values()):
        pairs = [(one, ())] if isinstance(one, str) else one or ()
        listed += [(re.compile(pattern), order, behind or ()) for pattern, behind in pairs]

    def place(name: str) -> _Place:
        for pattern, order, behind in listed:
            if found := pattern.match(name):
                numbers = (one for one in found.groups() if one is not None)
                return tuple(map(float, chain([order], numbers, behind)))
        return _LAST

    return place


def _as_place(found: Any) -> _Place:
    return tuple(found) if isinstance(found, Iterable) else (found,)


def _by_numbers(names: Collection[str]) -> Callable[[str], _Place]:
    first = next((k for k, name in enumerate(names) if _NUMBER.search(name)), len(names))
    before = set([*names][:first])

    def place(name: str) -> _Place:
        if found := _NUMBER.search(name):
            return (1.0, float(found[1]))
        return (0.0,) if name in before else _LAST

    return place
