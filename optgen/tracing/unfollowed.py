"""What can't be followed, with the place in the traced source."""

from __future__ import annotations

from optgen.compiler.ir.problem import Location, Problem, SpecError


class UnfollowedError(SpecError):
    """The step does something that a spec can't state, or that the trace can't follow."""

    def __init__(self, message: str, place: Location, hint: str = "") -> None:
        super().__init__([Problem(message, place, hint)])
