"""Per-variable constraints, exclusions and gradient overwriting; policy for odd gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.hyperparameters.exclusions import Exclusions, Itself
from optgen.runtime.hyperparameters.groups import Groups, groups_of, members_of
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.splits import Splits
from optgen.runtime.hyperparameters.storage import ARGUMENTS, Rounding, StateDtypes, Storage
from optgen.runtime.memory import Memory

#: Patterns for paths, each with a function that takes a variable and returns what it becomes.
Constraints = Mapping[str, Callable[[Array], Any]]
#: Arguments of every optimizer that say how variables are treated.
COMMON = ("constraints", "overwrite_with_gradient", "on_nonfinite", *ARGUMENTS)
#: What happens in a call with a gradient that isn't finite.
OnNonfinite = Literal["propagate", "skip", "raise"]


class NonfiniteGradientError(FloatingPointError, ValueError):
    """A gradient holds an infinity or a NaN; nothing was changed."""


class Treatment:
    """Constraints, exclusions, variables that take their gradient's value, odd gradients."""

    def __init__(
        self,
        owner: str,
        constraints: Constraints | None,
        overwrite_with_gradient: Sequence[str] | str | None,
        on_nonfinite: OnNonfinite,
        state_dtype: StateDtypes | None = None,
        rounding: Rounding = "nearest",
        rounding_seed: int = 0,
        states: Iterable[str] = (),
    ) -> None:
        self.exclusions, self.splits = Exclusions(), Splits()
        self.storage = Storage(owner, state_dtype, rounding, rounding_seed, states)
        self.constraints = dict(_checked(owner, constraints))
        patterns = overwrite_with_gradient or ()
        self.overwrite = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        for pattern in self.overwrite:
            if not isinstance(pattern, str):
                message = f"overwrite_with_gradient must hold patterns for paths, not {pattern!r}"
                raise TypeError(f"{owner}: {message}")
        allowed = get_args(OnNonfinite)
        if on_nonfinite not in allowed:
            names = ", ".join(map(repr, allowed))
            raise ValueError(f"{owner}: on_nonfinite must be one of {names}, not {on_nonfinite!r}")
        self.on_nonfinite = on_nonfinite

    @property
    def checks_gradients(self) -> bool:
        """Whether it matters that gradients are finite."""
        return self.on_nonfinite != "propagate"

    def as_dict(self) -> dict[str, Any]:
        """What was given, as a configuration holds it."""
        return {
            "constraints": dict(self.constraints),
            "overwrite_with_gradient": list(self.overwrite),
            "on_nonfinite": self.on_nonfinite,
            **self.storage.as_dict(),
        }

    def constraints_of(
        self, named: Mapping[str, Array], memory: Memory
    ) -> dict[str, Callable[[Array], Any]]:
        """The constraint of each variable that has one; the last pattern that fits its path.

        As in Keras, a variable may also bring one as an attribute. Raises what a constraint
        raises, and ValueError where it makes something else of a variable's shape.
        """
        given = {
            path: constraint
            for pattern, constraint in self.constraints.items()
            for path in members_of(pattern, named)
        }
        found: dict[str, Callable[[Array], Any]] = {}
        for path, variable in named.items():
            constraint = given.get(path, getattr(variable, "constraint", None))
            if constraint is not None:
                memory.constrained(path, constraint, variable)
                found[path] = constraint
        return found

    def overwritten(self, named: Mapping[str, Array]) -> set[str]:
        """The variables that take their gradient's value; an attribute says so too."""
        own = {p for p, one in named.items() if getattr(one, "overwrite_with_gradient", False)}
        return own.union(*(members_of(pattern, named) for pattern in self.overwrite))


def _checked(owner: str, constraints: Constraints | None) -> Mapping[str, Callable[[Array], Any]]:
    if constraints is None:
        return {}
    if not isinstance(constraints, Mapping):
        raise TypeError(f"{owner}: constraints must map patterns for paths to functions")
    for pattern, constraint in constraints.items():
        if not isinstance(pattern, str):
            raise TypeError(f"{owner}: a pattern must be a string, not {pattern!r}")
        if not callable(constraint):
            raise TypeError(f"{owner}: constraints[{pattern!r}] must be a function")
    return constraints


def rows_of(groups: Groups, exclusions: Exclusions, named: Mapping[str, Array]) -> list[Row]:
    """What the hyperparameters of each variable depend on."""
    return [
        Row(groups_of(groups, path), exclusions.of(Itself(variable), path))
        for path, variable in named.items()
    ]
