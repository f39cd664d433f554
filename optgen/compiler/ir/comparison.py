"""The result of comparing two optimizers: equal, with a reason, or different from some step on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Setting:
    """The comparison in one setting of the switches that both optimizers have.

    ``equal`` is None if neither equality nor difference was shown; ``why`` then states the
    progress. ``states`` maps states of the second optimizer to states of the first, with their
    factors. If the two differ, ``step`` is the first step with a difference, and ``gradients`` are
    those up to it, each for a tensor of ones with as many elements. ``values`` are hyperparameters,
    and ``parameters`` the values of an element under each optimizer.
    """

    label: str
    equal: bool | None
    states: Mapping[str, str] = field(default_factory=dict)
    #: Hyperparameters that must stay constant for the states to correspond.
    constant: tuple[str, ...] = ()
    step: int = 0
    gradients: tuple[tuple[float, ...], ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    parameters: tuple[float, float] = (0.0, 0.0)
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two optimizers with the given values, in each setting that was compared.

    ``features`` are those that are on in each. If the optimizers aren't equal with them, ``alone``
    is the comparison without them. ``own`` gives the hyperparameters of each optimizer that the
    other doesn't use in computations, with the values of the comparison. ``defaults`` and
    ``ranges`` are the differences between hyperparameters of the same name.
    """

    settings: tuple[Setting, ...]
    features: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    alone: Comparison | None = None
    own: tuple[Mapping[str, str], Mapping[str, str]] = field(default_factory=lambda: ({}, {}))
    defaults: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def equal(self) -> bool | None:
        """Whether both are equivalent in all settings; None if that wasn't decided."""
        if any(one.equal is False for one in self.settings):
            return False
        return True if self.settings and all(one.equal for one in self.settings) else None
