"""The cost of a step per element of a parameter."""

from __future__ import annotations

from dataclasses import dataclass

from optgen.compiler.ir.storage import WIDTH


@dataclass(frozen=True)
class Cost:
    """One setting of an optimizer: for each float32 parameter, and each step that updates."""

    setting: str
    #: Arrays of the parameter's shape that outlive a step.
    states: tuple[str, ...]
    #: Elements that are loaded and stored, and those that a norm or a check loads before.
    loads: int
    stores: int
    loads_before: int
    #: Floating-point operations, a root or a quotient counting as one.
    operations: int
    passes: int

    @property
    def state_bytes(self) -> int:
        """Bytes of state."""
        return WIDTH * len(self.states)

    @property
    def moved_bytes(self) -> int:
        """Bytes that must be read and written."""
        return WIDTH * (self.loads + self.stores + self.loads_before)

    def floor(self, parameters: int, bandwidth: float) -> float:
        """The least seconds of a step, for a memory that moves so many bytes a second."""
        return self.moved_bytes * parameters / bandwidth
