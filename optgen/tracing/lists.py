"""Functions of torch on lists of tensors: the function of one tensor, for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from optgen.tracing.places import here
from optgen.tracing.unfollowed import UnfollowedError

#: Runs one call, with its arguments.
One = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


def for_each(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], one: One) -> Any:
    """Run ``torch._foreach_…`` tensor by tensor; the result is a list, or None if in place."""
    inner = name.removeprefix("_foreach_")
    function = getattr(torch.Tensor, inner, None) or getattr(torch, inner, None)
    if function is None:
        raise UnfollowedError(f"{name} can't be followed", here())
    results = []
    for place in range(len(args[0])):
        given = [_item(value, place) for value in args]
        named = {key: _item(value, place) for key, value in kwargs.items()}
        if inner.removesuffix("_") in ("addcdiv", "addcmul") and len(given) > 3:
            named["value"] = given.pop()
        if inner == "norm":
            function = torch.norm
            given[1:] = [named.pop("ord", given[1] if len(given) > 1 else 2)]
        results.append(one(function, tuple(given), named))
    return None if inner.endswith("_") else results


def _item(value: Any, place: int) -> Any:
    return value[place] if isinstance(value, list | tuple) else value
