"""What is timed: optimizers with some arguments, and the bytes that a step of each must move."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import optgen.optimizers
from optgen.bench.models import Model
from optgen.compiler.explain import moved_bytes
from optgen.compiler.library import data_folder, find_specs
from optgen.compiler.pipeline import load_all, plan_of, surroundings

Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """An optimizer by name, with arguments; ``full`` where features are on too."""

    optimizer: str
    own: Mapping[str, Any] = field(default_factory=dict)
    full: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What it is called in a table."""
        shown = ", ".join(f"{name}={value}" for name, value in self.own.items())
        return f"{self.optimizer}({shown})" if shown else self.optimizer

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments."""
        return {**self.own, **self.full}

    def step(self, model: Model) -> Step:
        """A step over arrays of a model, whose gradients stay the same arrays."""
        draw = np.random.default_rng(0)
        optimizer = self.made()
        optimizer.build([draw.random(shape, np.float32) for shape in model.shapes])
        grads = [draw.random(shape, np.float32) for shape in model.shapes]
        return lambda: optimizer.apply(grads)

    def made(self) -> Any:
        """The optimizer."""
        return getattr(optgen.optimizers, self.optimizer)(**self.arguments)

    def floor_bytes(self) -> int:
        """The bytes that a step must move for each float32 parameter, counted in the plan."""
        (spec,) = load_all(find_specs([self.optimizer.lower()]).files)
        on = self.made()._settings.on()
        return moved_bytes(plan_of(spec, surroundings()), on)


def threads() -> int:
    """On how many threads steps are timed."""
    return int(_read()["threads"])


def cases(wanted: list[str]) -> list[Case]:
    """The cases of some optimizers, or all that are listed, plain and with everything on."""
    return list(_cases(wanted))


def _cases(wanted: list[str]) -> Iterator[Case]:
    read = _read()
    listed = {case["optimizer"]: case.get("arguments", {}) for case in read["cases"]}
    names = {name.lower(): name for name in optgen.optimizers.__all__}
    for name in wanted or listed:
        if name.lower() not in names:
            raise ValueError(f"there is no optimizer {name!r}")
        known = names[name.lower()]
        yield Case(known, listed.get(known, {}))
        yield Case(known, listed.get(known, {}), read["everything"])


def _read() -> dict[str, Any]:
    text = (data_folder("specs") / "bench.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
