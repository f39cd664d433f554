"""Routing: which rule updates each variable, and as which matrix."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.caller import caller_level
from optgen.runtime.hyperparameters.exclusions import keys_of
from optgen.runtime.model import Model
from optgen.runtime.probes import Probed
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.stored import Stored, stored_by
from optgen.runtime.text_table import aligned

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
    def elements(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

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
        return aligned(self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("variable", "shape", "updated as", "rows x columns")]
        return rows + [(one.path, _shape(one.shape), one.updated, one.view) for one in self]


def routing_of(model: Model, rule: type[Generated], names: Sequence[str] | None = None) -> Routing:
    """The routes of the variables of a model, under their paths or other names."""
    paths = model.paths if names is None else names
    return Routing(_route(model, index, path, rule) for index, path in enumerate(paths))


def _route(model: Model, index: int, path: str, rule: type[Generated]) -> Route:
    shape, view = tuple(map(int, model.variables[index].shape)), model.views[index]
    if not model.trained[index]:
        return Route(path, shape, "overwritten")
    if view is not None:
        return Route(path, shape, "matrix", view.matrices, view.rows, view.columns)
    if rule.fallback:
        return Route(path, shape, "fallback")
    return Route(path, shape, "not matrix" if rule.view else "plain")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def warn_of_matrices(
    rule: type[Generated],
    paths: Iterable[str],
    remedy: str = "call exclude_from_matrix(var_names=[…])",
) -> None:
    """Warn where matrices of a rule with a fallback have such names."""
    found = [path for path in paths if _SELDOM_MATRICES.search(path)]
    if not (rule.fallback and found):
        return
    shown = ", ".join(map(repr, found[:_SHOWN])) + ", …" * (len(found) > _SHOWN)
    warnings.warn(
        f"{rule.__name__} updates {shown} as matrices; by their names, they are embeddings, heads "
        f"or adapters, which {rule.fallback} may fit better: {remedy}",
        stacklevel=caller_level(),
    )


class Routed(Probed, Generated):
    """The part of an optimizer that shows how variables are updated."""

    def routing(self) -> Routing:
        """How each variable is updated: as which matrix, by the fallback, or plainly.

        The text of the result is a table. Raises ValueError before the optimizer is built.
        """
        with self._core.turn.lock:
            if (model := self._core.model) is None:
                raise ValueError(f"{type(self).__name__} has no variables yet; build it first")
            return routing_of(model, type(self))

    def storage(self) -> Stored:
        """The dtype and the bytes of each state with a number for each element.

        The text of the result is a table. Raises ValueError before the optimizer is built.
        """
        with self._core.turn.lock:
            if (model := self._core.model) is None:
                raise ValueError(f"{type(self).__name__} has no variables yet; build it first")
            return stored_by(model)

    def split_matrix(
        self,
        parts: int,
        var_list: Sequence[Array] | None = None,
        var_names: Sequence[str] | None = None,
    ) -> None:
        """Update each of some variables as a stack of matrices, such as heads or projections.

        The first dimension is that of ``parts`` matrices, one below the other. ``var_names`` are
        regular expressions that are searched for in paths. Raises ValueError for a rule without a
        view, and after ``build``, which raises it where a length is no multiple of ``parts``.
        """
        kind = type(self).__name__
        if not self.view:
            raise ValueError(f"{kind} has no view of variables as matrices, which could be split")
        if self._core.model is not None:
            raise ValueError("variables are split before the optimizer is built")
        self._core.treatment.splits.add(parts, keys_of(var_list), var_names)

    def _warn_of_matrices(self) -> None:
        """Warn of variables that are seldom meant to be matrices."""
        if self.fallback:
            routes = self.routing()
            warn_of_matrices(type(self), [one.path for one in routes if one.updated == "matrix"])
