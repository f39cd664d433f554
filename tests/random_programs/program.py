"""A random program: a spec, and the run that it is tried with."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.random_programs.bounded import Array
from tests.random_programs.settings import Argument
from tests.random_programs.step import Variable


@dataclass(frozen=True)
class Form:
    """A variable before it has values."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    excluded: tuple[str, ...] = ()
    #: The axes in the order of memory, the slowest first; empty for that of C.
    order: tuple[int, ...] = ()

    def laid_out(self, values: Array) -> Array:
        """Values as an array of this form."""
        array = np.asarray(values, self.dtype)
        if not self.order:
            return array
        return np.ascontiguousarray(array.transpose(self.order)).transpose(np.argsort(self.order))


@dataclass(frozen=True)
class Program:
    """The text of a spec, arguments of its class, and variables; equal ones run alike."""

    seed: int
    toml: str
    arguments: Mapping[str, Argument]
    forms: tuple[Form, ...]
    calls: int = 3
    #: How often a gradient is missing, and how often an element isn't finite or is huge.
    missing: float = 0.0
    odd: float = 0.0
    #: Arguments of some variables, by patterns for their paths.
    options: Mapping[str, Mapping[str, Argument]] = field(default_factory=dict)

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec as a table."""
        return tomllib.loads(self.toml)

    def _stream(self, what: str) -> np.random.Generator:
        """Numbers that stay when other variables are taken out."""
        return np.random.default_rng([self.seed, zlib.crc32(what.encode())])

    def variables(self) -> list[Variable]:
        """The variables with their first values."""
        found = []
        for form in self.forms:
            draw = self._stream(f"start {form.path}")
            values = draw.normal(size=form.shape) * 10 ** draw.uniform(-2, 1)
            param = form.laid_out(values)
            found.append(Variable(form.path, param, {}, frozenset(form.excluded)))
        return found

    def gradients(self) -> Iterator[dict[str, Array]]:
        """The gradients of each call by path, without those that are missing."""
        streams = {form.path: self._stream(f"gradients {form.path}") for form in self.forms}
        for _ in range(self.calls):
            row = {}
            for form in self.forms:
                draw = streams[form.path]
                values = draw.normal(size=form.shape) * 10 ** draw.uniform(-3, 2)
                values = np.where(draw.random(form.shape) < 0.1, 0.0, values)
                special = draw.choice([np.inf, -np.inf, np.nan, 1e30, -1e25], form.shape)
                values = np.where(draw.random(form.shape) < self.odd, special, values)
                is_missing = draw.random() < self.missing
                row[form.path] = None if is_missing else form.laid_out(values)
            present = {path: array for path, array in row.items() if array is not None}
            yield present or {f.path: f.laid_out(np.ones(f.shape)) for f in self.forms}


def as_toml(name: str, hyperparameters: Any, states: Any, rule: str, view: str = "") -> str:
    """A spec as text."""
    lines = [f'name = "{name}"', 'summary = "Drawn at random."', ""]
    if view:
        lines += ["[matrix]", f'view = "{view}"', ""]
    for title, table in (("hyperparameters", hyperparameters), ("state", states)):
        if table:
            lines.append(f"[{title}]")
            lines += [f"{key} = {_inline(entry)}" for key, entry in table.items()]
            lines.append("")
    return "\n".join([*lines, "[update]", 'rule = """', rule.strip("\n"), '"""', ""])


def _inline(entry: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{key} = {_value(value)}" for key, value in entry.items())
    return "{ " + inside + " }" if inside else "{}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
