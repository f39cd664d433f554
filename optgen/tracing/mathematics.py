"""Functions of the module ``math`` that record, in place of the module's own during a trace."""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch

from optgen.tracing.scalars import Recorded, computed, plain

#: Those that are functions of the language under the same name.
_SAME = ("sqrt", "exp", "log", "tanh", "atan2", "floor")


def _recording(name: str) -> Callable[..., Any]:
    original = getattr(math, name)

    def function(*given: Any) -> Any:
        values = [one.item() if isinstance(one, torch.Tensor) else one for one in given]
        known = next((one for one in values if isinstance(one, Recorded)), None)
        if known is None or len(values) > original_arity:
            return original(*values)
        trace = known.trace
        nodes = [trace.node_of(one) for one in values]
        return trace.scalar(computed(original, *values), trace.graph.combine(name, *nodes))

    original_arity = 2 if name == "atan2" else 1
    return function


def _power(base: Any, exponent: Any) -> Any:
    base, exponent = (x.item() if isinstance(x, torch.Tensor) else x for x in (base, exponent))
    if isinstance(base, Recorded) or isinstance(exponent, Recorded):
        return base**exponent
    return _POW(base, exponent)


def _size(value: Any) -> Any:
    return abs(value) if isinstance(value, Recorded) else _FABS(value)


def _ceil(value: Any) -> Any:
    return -_RECORDING["floor"](-value) if isinstance(value, Recorded) else _CEIL(value)


def _extreme(name: str) -> Callable[..., Any]:
    original = getattr(builtins, name)

    def function(*values: Any, **named: Any) -> Any:
        known = next((one for one in values if isinstance(one, Recorded)), None)
        numbers = all(isinstance(one, int | builtins.float) for one in values)
        if known is None or not numbers or named or len(values) != 2:
            return original(*values, **named)
        nodes = [known.trace.node_of(one) for one in values]
        return known.trace.scalar(
            original(*map(plain, values)), known.trace.graph.combine(name, *nodes)
        )

    return function


_POW, _FABS, _CEIL = math.pow, math.fabs, math.ceil
_ORIGINALS = {name: getattr(math, name) for name in _SAME}
_RECORDING: dict[str, Callable[..., Any]] = {name: _recording(name) for name in _SAME}
_RECORDING |= {"pow": _power, "fabs": _size, "ceil": _ceil}
_ORIGINALS |= {"pow": _POW, "fabs": _FABS, "ceil": _CEIL}


class _FloatKind(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, builtins.float)


class _Float(metaclass=_FloatKind):
    """The built-in ``float``, but for recorded numbers, which stay as they are."""

    def __new__(cls, value: Any = 0.0) -> Any:
        if isinstance(value, Recorded):
            plain = builtins.float(value.plain)
            return value.trace.scalar(plain, value.node)
        item = getattr(value, "item", None)
        return builtins.float(value) if item is None else item()


@contextmanager
def recording_functions(owner: type) -> Iterator[None]:
    """Inside, ``math`` records, and so do names of its functions in the modules of a class."""
    by_identity = {id(original): _RECORDING[name] for name, original in _ORIGINALS.items()}
    with ExitStack() as stack:
        for name, function in _RECORDING.items():
            stack.enter_context(patch.object(math, name, function))
        for module in {kind.__module__ for kind in owner.__mro__} - {"builtins"}:
            held = vars(sys.modules[module]) if module in sys.modules else {}
            own = {
                name: by_identity[id(one)] for name, one in held.items() if id(one) in by_identity
            }
            if not module.startswith("torch."):
                own |= {"float": _Float, "max": _extreme("max"), "min": _extreme("min")}
            stack.enter_context(patch.dict(held, own))
        yield
