"""What a list of optimizers says about each, and how it is narrowed."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from fnmatch import fnmatch

from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer

#: Shapes of states that have a number for each element; of the last two, in a square matrix.
_WHOLE = ("element", "rows_by_rows", "columns_by_columns")


def summary(kind: type) -> str:
    """The first sentence of a class's docstring, on one line."""
    text = inspect.cleandoc(kind.__doc__ or "")
    return " ".join(text.partition("\n\n")[0].split())


def states_per_parameter(rule: type[Optimizer]) -> int:
    """How many numbers of states an element has, with the default arguments.

    In a rule with matrices it is an element of a square matrix. Numbers, vectors and matrices of
    low rank count nothing.
    """
    values = {one.name: one.default for one in rule.hyperparameters}
    declared = rule.hyperparameters, rule.switches, rule.exclusive
    settings = Settings(rule.__name__, *declared, values, None, rule.states, rule.layout.columns)
    on = settings.on() | {MATRIX: True}
    return sum(state.shape in _WHOLE and state.when(on) for state in rule.states)


def fits(name: str, patterns: str | Sequence[str]) -> bool:
    """Whether a name has one of the patterns, such as ``"ada*"``, in any case."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatch(name.lower(), pattern.lower()) for pattern in listed)
