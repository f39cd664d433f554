"""Steps that a graph of a device may make: the device counts them, and has the ages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from optgen.runtime.arrays import Gradient
from optgen.runtime.core import HasCore
from optgen.runtime.counters import Counters
from optgen.torch.ages import AgesOnDevice
from optgen.torch.parameters import Parameters
from optgen.torch.peers import CAPTURABLE


def counting_device(owner: str, groups: Sequence[Mapping[str, Any]]) -> torch.device | None:
    """The device that counts the updates of parameters; None if the host does.

    Raises ValueError for groups with and without the option, and for parameters of the host or of
    several devices.
    """
    chosen = {bool(group.get(CAPTURABLE)) for group in groups if group["params"]}
    if True not in chosen:
        return None
    if False in chosen:
        raise ValueError(f"{owner}: {CAPTURABLE} must be the same in all groups")
    params = [param for group in groups for param in group["params"]]
    if not all(param.is_cuda for param in params):
        raise ValueError(f"{owner}: {CAPTURABLE}=True is for parameters on a CUDA device")
    devices = {param.device for param in params}
    if len(devices) > 1:
        raise ValueError(f"{owner}: {CAPTURABLE}=True is for parameters of one device")
    (device,) = devices
    found: torch.device = device
    return found


def count_on_device(owner: str, made: Parameters) -> None:
    """Let the device count the calls from the first one on, if it shows the ages."""
    deferred = made.model.deferred
    if isinstance(made.ages, AgesOnDevice) and deferred is not None:
        deferred.ages_at = made.ages.shown.data_ptr()


def refuse_uncounted(
    owner: str, made: Parameters, read: Sequence[Gradient | None], counters: Counters
) -> None:
    """Raise for a step whose updates no device can count.

    RuntimeError for a captured one, and ValueError where parameters are of different ages: a
    device has one number of updates, which is that of all parameters with a gradient.
    """
    deferred = made.model.deferred
    if deferred is None or not deferred.ages_at:
        if deferred is not None and deferred.is_capturing:
            message = f"{owner}: a graph can't count updates on the host; set {CAPTURABLE}=True"
            raise RuntimeError(message)
        return
    present = made.model.present(read)
    if not deferred.is_counting:
        ages = np.unique(made.ages.values[present])
        if len(ages) == 1:
            made.counted, counters.updates = present.copy(), int(ages[0])
            return
    elif made.counted is not None and (present == made.counted).all():
        return
    raise ValueError(
        f"{owner}: parameters with {CAPTURABLE}=True have a gradient in each step, or in none, so "
        "that all are of one age"
    )


class Renewed(HasCore):
    """The part of an optimizer that serves the replays of a graph."""

    @abstractmethod
    def _current(self) -> Parameters:
        """The current parameters."""

    def renew(self) -> None:
        """Bring hyperparameters that have changed in groups to the device, for replays of a graph.

        Call it after a scheduler's step, and before the next replay. A captured step has been
        made of the parameters, states and gradients that there were: capture it again after these
        are replaced, as by ``load_state_dict``.
        """
        with self._core.turn.lock:
            self._current().model.renew(self._core.settings)
