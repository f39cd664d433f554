"""A rule beside somebody else's code: what to run, and how close both must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from tests.zoo.libraries import of_keras, of_optax, of_torch, timm_class
from tests.zoo.papers import RATE, Steps, of_paper
from tests.zoo.runs import Run

#: Of the way that an element goes.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Peer:
    """A rule with arguments, and a run that must end up at the same parameters.

    ``note`` says what about the other code makes the arguments, the magnitude of gradients, the
    shapes or the tolerance special.
    """

    rule: str
    whose: str
    run: Run
    arguments: Mapping[str, Any]
    note: str = ""
    tolerance: float = TOLERANCE
    magnitude: float = 1.0
    least_dimensions: int = 0
    most_dimensions: int = 4

    def __str__(self) -> str:
        return f"{self.rule}-{self.whose}"


def torch_s(rule: str, make: Any, theirs: Mapping[str, Any], **special: Any) -> Peer:
    """A class of torch's."""
    values, own = _split(special)
    return Peer(rule, "torch", of_torch(make, lr=RATE, **theirs), own, **values)


def keras_s(rule: str, theirs: Mapping[str, Any], *, make: Any = None, **special: Any) -> Peer:
    """A class of Keras's, by default of the same name and with the same arguments."""
    values, own = _split(special)
    found = make or getattr(keras.optimizers, rule)
    return Peer(
        rule, "keras", of_keras(found, learning_rate=RATE, **theirs), own or theirs, **values
    )


def optax_s(rule: str, make: Any, theirs: Mapping[str, Any], **special: Any) -> Peer:
    """A transformation of Optax's."""
    values, own = _split(special)
    return Peer(rule, "optax", of_optax(make, learning_rate=RATE, **theirs), own, **values)


def po_s(rule: str, make: Any, theirs: Mapping[str, Any], **special: Any) -> Peer:
    """A class of pytorch_optimizer's."""
    values, own = _split(special)
    run = of_torch(make, **{"lr": RATE, **theirs})
    return Peer(rule, "pytorch_optimizer", run, own, **values)


def timm_s(rule: str, make: tuple[str, str], theirs: Mapping[str, Any], **special: Any) -> Peer:
    """A class of timm's, by its module and name."""
    return other_s(rule, "timm", timm_class(*make), theirs, **special)


def other_s(rule: str, library: str, make: Any, theirs: Mapping[str, Any], **special: Any) -> Peer:
    """A class of a library that is written for torch."""
    values, own = _split(special)
    return Peer(rule, library, of_torch(make, **{"lr": RATE, **theirs}), own, **values)


def paper_s(rule: str, steps: Steps, **special: Any) -> Peer:
    """What is written down here, after the paper."""
    values, own = _split(special)
    return Peer(rule, "paper", of_paper(steps), own, **values)


_SPECIAL = ("note", "tolerance", "magnitude", "least_dimensions", "most_dimensions")


def _split(special: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a peer is told besides our arguments, and those."""
    values = {name: special.pop(name) for name in _SPECIAL if name in special}
    return values, special
