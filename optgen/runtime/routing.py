"""Routing: which rule updates each variable, and as which matrix."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from optgen.runtime.caller import caller_level
from optgen.runtime.model import Model
from optgen.runtime.rule_metadata import Generated

#: As a matrix; by the fallback; as no matrix of a rule that has some; by a rule without matrices;
#: with its own gradient.
Updated = Literal["matrix", "fallback", "not matrix", "plain", "overwritten"]

#: Parts of paths of variables whose rows and columns are seldom a matrix's: tables and classifiers.
_SELDOM_MATRICES = re.compile(r"embed|lora|(?:^|[./_])(?:wte|wpe|head)(?=\d*(?:[./#:]|$))", re.I)
_SHOWN = 8


@dataclass(frozen=True)
class Route:
    """How one variable is updated; ``rows`` and ``columns`` are those of each of its matrices."""

    path: str
    shape: tuple[int, ...]
    updated: Updated
    matrices: int = 0
    rows: int = 0
    columns: int = 0

    @property
    def view(self) -> str:
        """The matrices as text; empty if there is none."""
        if not self.matrices:
            return ""
        size = f"{self.rows} x {self.columns}"
        return size if self.matrices == 1 else f"{self.matrices} of {size}"


class Routing(tuple[Route, ...]):
    """The routes of all variables; as text, a table."""

    __slots__ = ()

    def __str__(self) -> str:
        rows = [("variable", "shape", "updated as", "rows x columns")]
        rows += [(one.path, _shape(one.shape), one.updated, one.view) for one in self]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def routing_of(model: Model, rule: type[Generated]) -> Routing:
    """The routes of the variables of a model."""
    return Routing(_route(model, index, rule) for index in range(len(model.variables)))


def _route(model: Model, index: int, rule: type[Generated]) -> Route:
    path, shape = model.paths[index], tuple(map(int, model.variables[index].shape))
    view = model.views[index]
    if not model.trained[index]:
        return Route(path, shape, "overwritten")
    if view is not None:
        return Route(path, shape, "matrix", view.matrices, view.rows, view.columns)
    if rule.fallback:
        return Route(path, shape, "fallback")
    return Route(path, shape, "not matrix" if rule.view else "plain")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def warn_of_matrices(rule: type[Generated], paths: Iterable[str]) -> None:
    """Warn where variables with such names are matrices of a rule that has another for others."""
    found = [path for path in paths if _SELDOM_MATRICES.search(path)]
    if not (rule.fallback and found):
        return
    shown = ", ".join(map(repr, found[:_SHOWN])) + ", …" * (len(found) > _SHOWN)
    warnings.warn(
        f"{rule.__name__} updates {shown} as matrices; by their names, they are embeddings, heads "
        f"or adapters, which {rule.fallback} may fit better: exclude_from_matrix(var_names=[…])",
        stacklevel=caller_level(),
    )
