"""Steps on the host for parameters on a device, whose memory then has no states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from optgen.torch.host_copies import HostCopies
from optgen.torch.in_backward import InBackward, UpdatedInBackward


def offload(
    kind: type[torch.optim.Optimizer], params: Any, *, in_backward: bool = False, **arguments: Any
) -> Offloaded:
    """An optimizer of parameters on a device whose states and steps are on the host.

    ``kind`` is a class of ``optgen.torch`` or ``torch.optim``; ``arguments`` are its own. The host
    has a copy of each parameter, and memory for its gradient, pinned if the device has a driver.
    ``step`` copies gradients to the host, makes the step of ``kind`` there, and copies parameters
    back. Where the rule allows it, each parameter is updated as soon as its gradient has arrived.

    With ``in_backward`` gradients are copied inside of the backward pass, as soon as they are
    complete, and freed on the device: ``param.grad`` is None then. Several backward passes before
    a step add up on the host. Clip by an argument of the class then.

    Raises TypeError for DTensors, and what ``kind`` raises.
    """
    return Offloaded(kind, params, in_backward=in_backward, **arguments)


class Offloaded(torch.optim.Optimizer):
    """An optimizer of the host's copies of parameters; schedulers change its groups."""

    def __init__(
        self,
        kind: type[torch.optim.Optimizer],
        params: Any,
        *,
        in_backward: bool = False,
        **arguments: Any,
    ) -> None:
        """See ``offload``."""
        self._copies = HostCopies(frees=in_backward)
        #: The optimizer of the copies.
        self.on_host: Any = None
        super().__init__(params, {})
        own: Any = kind
        self.on_host = own([self._on_host(group) for group in self.param_groups], **arguments)
        self.defaults = self.on_host.defaults
        self._take_options()
        self._pieces = self._in_pieces()

    def _in_pieces(self) -> InBackward | None:
        """What updates copies one by one; None where that isn't possible, or brings nothing."""
        if not (self._copies.are_asynchronous and isinstance(self.on_host, UpdatedInBackward)):
            return None
        try:
            return self.on_host.in_backward()
        except ValueError:  # The rule needs all gradients together.
            return None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters. Raises what the class of the optimizer raises, with nothing added."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            for param in group["params"]:
                self._copies.add(param)
            if self.on_host is not None:
                self.on_host.add_param_group(self._on_host(group))
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def _on_host(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """The group of the copies."""
        copies: list[Any] = [self._copies[param].on_host for param in group["params"]]
        if names := group.get("param_names"):
            copies = [*zip(names, copies, strict=True)]
        options = {name: value for name, value in group.items() if name != "param_names"}
        return {**options, "params": copies}

    @torch._disable_dynamo  # type: ignore[attr-defined]
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of all parameters that have a gradient; the closure is called first.

        Raises what the class of the optimizer raises.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._run(self.on_host.step, in_pieces=self._pieces)
        return loss

    def _run(self, make: Callable[[], Any], in_pieces: InBackward | None = None) -> None:
        """Copy gradients, make a step on the host, and copy what it changed."""
        copies = self._copies
        for param in copies:
            copies.fetch(param)
        copies.refresh()
        self._give_options()
        arriving, copies.arriving = copies.arriving, {}
        try:
            for param, copy in arriving.items():
                copy.wait()
                copy.on_host.grad = copy.room
                if in_pieces is not None:
                    in_pieces.update(copy.on_host)
                    copies.send(param)
            make()
        finally:
            for copy in arriving.values():
                copy.on_host.grad = None
            copies.send_back()
        self._show_states()

    def _give_options(self) -> None:
        for own, other in zip(self.param_groups, self.on_host.param_groups, strict=True):
            other.update({name: own[name] for name in own if name != "params"})

    def _take_options(self) -> None:
        for own, other in zip(self.param_groups, self.on_host.param_groups, strict=True):
            own.update({name: other[name] for name in other if name != "params"})

    def _show_states(self) -> None:
        """Show the states of copies as those of parameters."""
        self.state.clear()
        for param, copy in self._copies.items():
            if copy.on_host in self.on_host.state:
                self.state[param] = self.on_host.state[copy.on_host]

    def state_dict(self) -> dict[str, Any]:
        """The state dictionary that the class of the optimizer has without ``offload``."""
        self._give_options()
        found: dict[str, Any] = self.on_host.state_dict()
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state dictionary of the same parameters, offloaded or not."""
        self._copies.refresh()
        self.on_host.load_state_dict(state_dict)
        self._take_options()
        self._show_states()

    def perturb(self) -> None:
        """Move parameters to where the next gradients are taken; ``step`` comes back."""
        with torch.no_grad():
            self._run(self.on_host.perturb)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """A context in which parameters hold their averages."""
        self._copies.refresh()
        with self.on_host.averaged():
            self._copies.send_back(every=True)
            yield
            self._copies.refresh()
        self._copies.send_back(every=True)

    def finalize(self) -> None:
        """Assign averages to parameters, if averages are enabled."""
        self._copies.refresh()
        self.on_host.finalize()
        self._copies.send_back(every=True)

    @property
    def gradient_norm(self) -> float | None:
        """The global norm of the last gradients, before clipping; None if none was computed."""
        norm: float | None = self.on_host.gradient_norm
        return norm

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the static loss scale; unchanged without one."""
        return self.on_host.scale_loss(loss)

    def __reduce__(self) -> Any:
        raise TypeError("an offloaded optimizer isn't copied or pickled; save its state_dict()")
