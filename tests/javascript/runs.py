"""Runs of rules as JavaScript, as other runs of the zoo are."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import Surroundings, load_all, surroundings
from optgen.site import scripts
from tests.zoo.runs import Array, Model, Run, curvature

NODE = shutil.which("node")
_STEPS = Path(__file__).with_name("steps.js")


@dataclass(frozen=True)
class Case:
    """A run of a rule, by the name of its module."""

    rule: str
    settings: Mapping[str, Any]
    first: Model
    rows: Sequence[Model]
    inputs: Sequence[Mapping[str, Any]] = ()

    def as_json(self) -> dict[str, Any]:
        """What the script reads: arrays are flat."""
        return {
            "rule": self.rule,
            "settings": dict(self.settings),
            "shapes": [array.shape for array in self.first],
            "first": _flat(self.first),
            "rows": [_flat(row) for row in self.rows],
            "inputs": [
                {name: value if isinstance(value, float) else _flat(value) for name, value in one.items()}
                for one in self.inputs
            ],
        }


def _flat(arrays: Model) -> list[list[float]]:
    return [array.ravel().tolist() for array in arrays]


@cache
def around() -> Surroundings:
    return surroundings()


@cache
def script(name: str) -> str:
    (spec,) = load_all(find_specs([name]).files)
    return scripts.rule(spec, around())


def run(cases: Sequence[Case], own: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a process of Node makes of cases; ``own`` are scripts of other rules."""
    assert NODE is not None
    library = [path.read_text(encoding="utf-8") for path in scripts.library_files()]
    rules = [*own] or [script(name) for name in dict.fromkeys(case.rule for case in cases)]
    given = {
        "scripts": [*library, scripts.features(around()), *rules],
        "cases": [case.as_json() for case in cases],
    }
    done = subprocess.run(
        [NODE, str(_STEPS)], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def of_script(name: str, settings: Mapping[str, Any], known: Sequence[str] = ()) -> Run:
    """A built-in rule as JavaScript; ``known`` are its inputs."""

    def made(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        inputs = [curvature(call, row) for call, row in enumerate(rows)] if "hessian" in known else []
        (found,) = run([Case(name.lower(), settings, first, rows, inputs)])
        assert "error" not in found, found["error"]
        return [shaped(arrays, first) for arrays in found["after"]]

    return made


def shaped(arrays: Sequence[Sequence[Any]], like: Model) -> list[Array]:
    """Arrays in the shapes of others; words for NaN and infinities are numbers."""
    return [
        np.asarray([float(x) for x in flat]).reshape(one.shape)
        for flat, one in zip(arrays, like, strict=True)
    ]
