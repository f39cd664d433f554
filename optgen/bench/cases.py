"""Benchmark cases: optimizers with arguments, and the bytes that a step of each must move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optgen.analysis.explain import moved_bytes
from optgen.bench.declarations import Declaration, declarations
from optgen.bench.models import Model
from optgen.bench.ours import OwnRun
from optgen.bench.ours_in_torch import OwnTorchRun
from optgen.bench.peers.equality import TOLERANCE, draw
from optgen.bench.peers.interface import Rule
from optgen.bench.user_specs import PACKAGE
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import (
    feature_files,
    find_specs,
    is_feature,
    optimizer_files,
)
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from optgen.runtime.core import core_of

Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """The optimizer of a spec, with arguments; ``full`` if features are on too.

    With a ``rate``, the same rules of other libraries run with it.
    """

    spec: Spec
    own: Mapping[str, Any] = field(default_factory=dict)
    full: Mapping[str, Any] = field(default_factory=dict)
    package: str = "optgen.optimizers"
    rate: float | None = None
    peers: Mapping[str, Rule] = field(default_factory=dict)
    matrices: bool = False
    tolerance: float = TOLERANCE
    in_torch: bool = False

    @property
    def optimizer(self) -> str:
        """The name of the class."""
        return self.spec.name.value

    @property
    def label(self) -> str:
        """The name of the case in a table."""
        shown = ", ".join(f"{name}={value}" for name, value in self.own.items())
        return f"{self.optimizer}({shown})" if shown else self.optimizer

    @property
    def title(self) -> str:
        """The label, with a note if features are on."""
        return f"{self.label} with everything on" if self.full else self.label

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments."""
        rate = {} if self.rate is None else {"learning_rate": self.rate}
        return {**rate, **self.own, **self.full}

    def part(self, model: Model) -> Model:
        """What the case is timed on: the model, or its matrices."""
        return model.matrices() if self.matrices else model

    def run(self, model: Model) -> OwnRun | OwnTorchRun:
        """The optimizer over arrays of a model, or over parameters of torch's."""
        first = draw(model, 0)
        if self.in_torch and not self.full and find_spec("torch") is not None:
            return OwnTorchRun(self._kind(), self.rate or 0.0, self.own, first)
        return OwnRun(self.made(), first)

    def step(self, model: Model) -> Step:
        """A step over arrays of a model; each step uses the same gradient arrays."""
        run = self.run(model)
        run.give(draw(model, 1))
        return run.step

    def made(self) -> Any:
        """The optimizer. Raises TypeError if a required argument has no value."""
        return self._kind()(**self.arguments)

    def _kind(self) -> Any:
        return getattr(import_module(self.package), self.optimizer)

    def floor_bytes(self) -> int:
        """The minimum memory traffic of a step, in bytes per float32 parameter, by the plan."""
        on = core_of(self.made()).settings.on()
        return moved_bytes(plan_of(self.spec, surroundings()), on)


def read(names: list[str]) -> tuple[Spec, ...]:
    """The specs with some names, files and folders, or the specs that are timed by default.

    Raises FileNotFoundError for an unknown name, and SpecError for an invalid spec.
    """
    return load_all(find_specs(names or [*declarations().usual]).files)


def own_files(specs: Iterable[Spec]) -> list[Path]:
    """The files of the specs that aren't built in."""
    built_in = {path.resolve() for path in (*optimizer_files(), *feature_files())}
    files = [Path(spec.path) for spec in specs]
    return [path for path in files if path.resolve() not in built_in]


def cases(specs: Iterable[Spec]) -> list[Case]:
    """Each optimizer among some specs, plain and with all features on."""
    return list(_cases([spec for spec in specs if not (is_feature(spec) or spec.is_schedule)]))


def _cases(specs: list[Spec]) -> Iterator[Case]:
    declared, own = declarations(), set(own_files(specs))
    for spec in specs:
        for features in ({}, declared.everything):
            known = declared.cases.get(spec.name.value)
            if Path(spec.path) in own:
                yield Case(spec, {}, features, PACKAGE)
            elif known is None:
                yield Case(spec, {}, features)
            else:
                yield _declared(spec, features, known, declared.rate)


def _declared(spec: Spec, features: Mapping[str, Any], known: Declaration, rate: float) -> Case:
    return Case(
        spec,
        known.arguments,
        features,
        rate=rate,
        peers=known.peers,
        matrices=known.matrices,
        tolerance=known.tolerance,
        in_torch=known.in_torch,
    )
