"""Copies on the host of parameters on a device, and of their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import ref

import torch

from optgen.torch.distributed import is_shared
from optgen.torch.transfers import Transfers, waited

Tensor = torch.Tensor


@dataclass
class HostCopy:
    """A parameter on the host, and the gradient that is on its way there."""

    on_host: Tensor
    transfers: Transfers
    #: Where the parameter is, its version, and the version of the copy, when both were the same.
    known: tuple[int, int, int]
    room: Tensor | None = None
    #: Waits for the gradient that was fetched last.
    wait: Callable[[], object] = waited


class HostCopies(Mapping[Tensor, HostCopy]):
    """The copies of parameters."""

    def __init__(self, *, frees: bool) -> None:
        """Where the class ``frees`` gradients, it copies them inside of the backward pass."""
        self._frees = frees
        self._found: dict[Tensor, HostCopy] = {}
        self._transfers: dict[torch.device, Transfers] = {}
        #: The parameters whose gradients are on their way, in the order of arrival.
        self.arriving: dict[Tensor, HostCopy] = {}

    def __getitem__(self, param: Tensor) -> HostCopy:
        return self._found[param]

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def are_asynchronous(self) -> bool:
        """Whether the host can work while something is copied."""
        return any(one.are_asynchronous for one in self._transfers.values())

    def add(self, param: Any) -> None:
        """Copy a parameter. Raises TypeError for a DTensor."""
        if is_shared(param):
            raise TypeError("a DTensor isn't offloaded; fully_shard has a policy that does it")
        if param.device not in self._transfers:
            self._transfers[param.device] = Transfers(param.device)
        transfers = self._transfers[param.device]
        on_host = transfers.room(param.detach())
        on_host.copy_(param.detach())
        on_host.requires_grad_(param.requires_grad)
        self._found[param] = HostCopy(on_host, transfers, _versions(param, on_host))
        if self._frees and param.requires_grad:
            # Parameters hold hooks, and may outlive their optimizer.
            known = ref(self)

            def hook(param: Tensor) -> None:
                if (copies := known()) is not None:
                    copies.fetch(param)

            param.register_post_accumulate_grad_hook(hook)

    @torch.no_grad()
    def fetch(self, param: Tensor) -> None:
        """Begin to copy the gradient of a parameter, which is added to one that is there."""
        copy, gradient = self._found[param], param.grad
        if gradient is None:
            return
        if gradient.layout is not torch.strided:
            gradient = gradient.to_dense()
        if copy.room is None or copy.room.dtype != gradient.dtype:
            copy.room = copy.transfers.room(gradient)
        if self.arriving.pop(param, None) is None:
            copy.wait = copy.transfers.fetch(copy.room, gradient)
        else:
            copy.wait()
            copy.room += gradient.to("cpu")
        self.arriving[param] = copy
        if self._frees:
            param.grad = None

    def refresh(self) -> None:
        """Copy parameters that have changed on the device; copies may be changed then."""
        for transfers in self._transfers.values():
            transfers.settle()
        for param, copy in self._found.items():
            if _versions(param, copy.on_host)[:2] != copy.known[:2]:
                copy.on_host.data.copy_(param.detach())
                copy.known = _versions(param, copy.on_host)

    def send(self, param: Tensor) -> None:
        """Begin to copy a parameter to the device."""
        copy = self._found[param]
        copy.transfers.send(param, copy.on_host)
        copy.known = _versions(param, copy.on_host)

    def send_back(self, *, every: bool = False) -> None:
        """Copy what has changed on the host, or all, to the device, whose work waits for it."""
        for param, copy in self._found.items():
            if every or copy.on_host._version != copy.known[2]:
                self.send(param)
        for transfers in self._transfers.values():
            transfers.precede()


def _versions(param: Tensor, on_host: Tensor) -> tuple[int, int, int]:
    """What changes with the values of a parameter, or of its copy."""
    return param.data_ptr(), param._version, on_host._version
