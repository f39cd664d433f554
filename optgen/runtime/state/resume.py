"""Snapshots of an optimizer with a core: taking and restoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

from optgen.runtime.core import Core, core_of
from optgen.runtime.counters import Counters
from optgen.runtime.hyperparameters.treatment import COMMON
from optgen.runtime.state import exchange
from optgen.runtime.state.conversion import converted
from optgen.runtime.state.snapshot import Snapshot, check_fits, differences
from optgen.runtime.transaction import Call

#: Arguments of a configuration that belong to a program and not to the state of a run.
_NOT_SAVED = COMMON
_REMEDY = "; with convert=True, states are converted to the storage that they have here"


class Configured(Protocol):
    """An optimizer with a rule's digest and a configuration."""

    spec: ClassVar[str]

    def get_config(self) -> dict[str, Any]:
        """What makes an equal optimizer."""


def snapshot(core: Core, optimizer: Configured) -> Snapshot:
    """The state as it is. Raises ValueError before there is one."""
    core.refuse_inside("save or load the state")
    core.refuse_perturbed("save or load its state")
    if core.model is None:
        raise ValueError(f"{core.owner} has no state before it is built")
    config = {k: v for k, v in optimizer.get_config().items() if k not in _NOT_SAVED}
    counters = asdict(core.counted())
    return exchange.taken(core.owner, optimizer.spec, config, counters, core.model)


def resume(
    core: Core,
    optimizer: Any,
    found: Snapshot,
    source: str,
    also: Sequence[Call] = (),
    *,
    convert: bool = False,
) -> None:
    """Take over state, counters and hyperparameters, whole or not at all.

    ``also`` are calls of compiled code that belong to it. States in another storage are taken where
    they may be converted, with a warning of what was rounded. Raises StateError where it doesn't
    fit.
    """
    with core.turn.lock:
        wanted = snapshot(core, optimizer)
        in_storage, rounded = converted(found, wanted)
        remedy = "" if any(differences(in_storage, wanted)) else _REMEDY
        found = in_storage if convert else found
        check_fits(found, wanted, source, remedy)
        assert core.model is not None
        make, config = type(optimizer).from_config, optimizer.get_config()
        made = core_of(exchange.remade(make, found, config, source))
        exclusions = made.treatment.exclusions
        exchange.check_settings(made.settings, exclusions, core.settings, core.model, source)
        exchange.warn_of_other_rule(found, optimizer.spec, source)
        rounded.warn(source)
        counters = Counters(**found.counters)
        arrays = exchange.putting_back(core.model, found.arrays)
        new = {"settings": made.settings, "counters": counters}
        core.model.memory.commit([*arrays, *also, (core.__dict__.update, new)])
        core.model.renew(made.settings, counters, core.scaling)
