"""Copies between a device and the host, on a stream of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Tensor = torch.Tensor


def waited() -> None:
    """Wait for a copy that has been made."""


class Transfers:
    """Copies of one device. What stands for it on the host is copied at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        #: torch's module of the kind of device; None for the host.
        self._module: Any = None if device.type == "cpu" else getattr(torch, device.type)
        self._stream: Any = None if self._module is None else self._module.Stream(device)
        self._sent: Any = None

    @property
    def are_asynchronous(self) -> bool:
        """Whether the host can work while something is copied."""
        return self._module is not None

    def room(self, like: Tensor) -> Tensor:
        """Memory of the host for a tensor, from which a device copies by itself."""
        return torch.empty_like(like, device="cpu", pin_memory=self._module is not None)

    def fetch(self, target: Tensor, source: Tensor) -> Callable[[], object]:
        """Begin to copy from the device, behind what its stream has queued.

        Returns the function that waits for the copy. The source may be freed before.
        """
        if self._module is None:
            target.copy_(source)
            return waited
        self._follow()
        with self._module.stream(self._stream):
            target.copy_(source, non_blocking=True)
        source.record_stream(self._stream)
        waiting: Callable[[], object] = self._event().synchronize
        return waiting

    @torch.no_grad()
    def send(self, target: Tensor, source: Tensor) -> None:
        """Begin to copy to the device, behind what its stream has queued."""
        if self._module is None:
            target.copy_(source)
            return
        self._follow()
        with self._module.stream(self._stream):
            target.copy_(source, non_blocking=True)
        self._sent = self._event()

    def precede(self) -> None:
        """Let what the device's stream queues from now on run behind all copies."""
        if self._module is not None:
            self._module.current_stream(self._device).wait_stream(self._stream)

    def settle(self) -> None:
        """Wait until the memory that was sent may change."""
        if self._sent is not None:
            self._sent.synchronize()
            self._sent = None

    def _follow(self) -> None:
        self._stream.wait_stream(self._module.current_stream(self._device))

    def _event(self) -> Any:
        return self._stream.record_event()
