"""How states are stored: the arguments that say it, with torch's dtypes and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from optgen.runtime.core import Core
from optgen.runtime.hyperparameters.storage import ARGUMENTS
from optgen.runtime.optimizer import Optimizer

#: torch's names of the parameters of a group, if it was given any.
_NAMES = "param_names"


def storage_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that say how states are stored, with names in the place of torch's dtypes."""
    given = {name: values[name] for name in ARGUMENTS}
    chosen = given["state_dtype"]
    is_mapping = isinstance(chosen, Mapping)
    named = {k: _name(v) for k, v in chosen.items()} if is_mapping else _name(chosen)
    return {**given, "state_dtype": named}


def _name(dtype: Any) -> Any:
    return str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else dtype


def names_of(groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The name of each parameter by path; without one, it is the path: its group and place."""
    return {
        f"{number}.{place}": group[_NAMES][place] if _NAMES in group else f"{number}.{place}"
        for number, group in enumerate(groups)
        for place in range(len(group["params"]))
    }


def counts_calls(rule: type[Optimizer], core: Core) -> bool:
    """Whether calls must be counted: some only add to gradient sums, or each has noise."""
    on, has_noise = core.settings.on(), core.treatment.storage.has_noise
    return has_noise or any(state.gathers and state.when(on) for state in rule.states)
