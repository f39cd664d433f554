"""How states are stored: what backends of Keras have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optgen.runtime.dtypes import HALVES, NATIVE
from optgen.runtime.hyperparameters.storage import ARGUMENTS, Storage
from optgen.runtime.optimizer import Optimizer

_DTYPES = tuple(one.name for one in (*NATIVE, *HALVES))


def storage_of(owner: str, rule: type[Optimizer], given: Mapping[str, Any]) -> Storage:
    """The storage of states in variables of Keras.

    Raises TypeError or ValueError for what isn't there, or isn't here.
    """
    arguments = {name: given[name] for name in ARGUMENTS}
    storage = Storage(owner, **arguments, states=[state.name for state in rule.states])
    chosen = storage.given.values() if isinstance(storage.given, Mapping) else [storage.given]
    lacking = [dtype for dtype in chosen if dtype is not None and dtype not in _DTYPES]
    if lacking:
        half = " or ".join(repr(one.name) for one in HALVES)
        raise ValueError(_refusal(owner, f"state_dtype={lacking[0]!r}", half))
    if storage.rounding != ARGUMENTS["rounding"]:
        rounding = repr(ARGUMENTS["rounding"])
        raise ValueError(_refusal(owner, f"rounding={storage.rounding!r}", rounding))
    return storage


def _refusal(owner: str, what: str, instead: str) -> str:
    return (
        f"{owner}: backends of Keras don't have {what}; use {instead} here, or the class in "
        "optgen.torch or optgen.optimizers"
    )
