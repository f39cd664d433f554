"""The cost of a step per element of a parameter."""

from __future__ import annotations

from dataclasses import dataclass

from optgen.compiler.ir.storage import WIDTH


@dataclass(frozen=True)
class Cost:
    """The cost of one setting of an optimizer, per float32 parameter and updating step."""

    setting: str
    #: Arrays of the parameter's shape that persist between steps.
    states: tuple[str, ...]
    #: Elements loaded and stored, and elements loaded earlier by a norm or a check.
    loads: int
    stores: int
    loads_before: int
    #: Floating-point operations; a root or a quotient counts as one.
    operations: int
    passes: int

    @property
    def state_bytes(self) -> int:
        """Bytes of state."""
        return WIDTH * len(self.states)

    @property
    def moved_bytes(self) -> int:
        """Bytes read and written."""
        return WIDTH * (self.loads + self.stores + self.loads_before)

    def floor(self, parameters: int, bandwidth: float) -> float:
        """The lower bound in seconds of a step, for a memory bandwidth in bytes per second."""
        return self.moved_bytes * parameters / bandwidth
