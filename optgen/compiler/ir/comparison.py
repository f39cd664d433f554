"""The result of comparing two optimizers: equal, with a reason, or different from some step on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Setting:
    """The comparison in one setting of the switches that both have.

    ``equal`` is None where neither was shown; then ``why`` says how far it got. ``states`` says
    which state of the second is which of the first, and by what it is multiplied. Where the two
    part, ``step`` is the first such step, ``gradients`` led there, each of a tensor of ones with
    as many elements, ``values`` are hyperparameters, and ``parameters`` what each has made of an
    element.
    """

    label: str
    equal: bool | None
    states: Mapping[str, str] = field(default_factory=dict)
    #: Hyperparameters that must stay as they are for the states to correspond.
    constant: tuple[str, ...] = ()
    step: int = 0
    gradients: tuple[tuple[float, ...], ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    parameters: tuple[float, float] = (0.0, 0.0)
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two optimizers with the values given, in each setting that was compared.

    ``features`` are those that are on in each, and ``alone`` is the comparison without them, where
    both aren't equal with them. ``own`` gives each optimizer's hyperparameters that the other
    doesn't compute with, and the values that they were compared at. ``defaults`` and ``ranges``
    are what differs in hyperparameters of one name.
    """

    settings: tuple[Setting, ...]
    features: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    alone: Comparison | None = None
    own: tuple[Mapping[str, str], Mapping[str, str]] = field(default_factory=lambda: ({}, {}))
    defaults: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def equal(self) -> bool | None:
        """Whether both do the same in all settings; None where that wasn't decided."""
        if any(one.equal is False for one in self.settings):
            return False
        return True if self.settings and all(one.equal for one in self.settings) else None
