"""Runs of rules as JavaScript, as other runs of the zoo are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np

from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import Surroundings, load_all, surroundings
from optgen.site import scripts
from tests.javascript.browsers import dumped
from tests.zoo.runs import Array, Model

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
                {
                    name: value if isinstance(value, float) else _flat(value)
                    for name, value in one.items()
                }
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


def program(cases: Sequence[Case], own: Sequence[str] = ()) -> tuple[str, str]:
    """A script, and the expression of the results; ``own`` are scripts of other rules."""
    library = [path.read_text(encoding="utf-8") for path in scripts.library_files()]
    rules = [*own] or [
        scripts.features(around()),
        *(script(name) for name in dict.fromkeys(case.rule for case in cases)),
    ]
    text = "\n".join([*library, *rules, _STEPS.read_text(encoding="utf-8")])
    given = json.dumps([case.as_json() for case in cases]).replace("<", "\\u003c")
    return text, f"resultsOf({given})"


def run(cases: Sequence[Case], own: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a process of Node makes of cases."""
    assert NODE is not None
    text, results = program(cases, own)
    given = f"{text}\nprocess.stdout.write({results});"
    done = subprocess.run([NODE, "-"], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def run_in_browser(cases: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """What a page of a browser makes of cases."""
    text, results = program(cases)
    page = folder / "page.html"
    filled = f"document.getElementById('found').textContent = {results};"
    page.write_text(f"<pre id=found></pre><script>{text}\n{filled}</script>", encoding="utf-8")
    text = dumped(page.as_uri(), folder, "document.getElementById('found').textContent !== ''")
    shown = re.search(r'<pre id="found">(.*?)</pre>', text, re.DOTALL)
    assert shown is not None
    found: list[dict[str, Any]] = json.loads(unescape(shown[1]))
    return found


def shaped(arrays: Sequence[Sequence[Any]], like: Model) -> list[Array]:
    """Arrays in the shapes of others; words for NaN and infinities are numbers."""
    return [
        np.asarray([float(x) for x in flat]).reshape(one.shape)
        for flat, one in zip(arrays, like, strict=True)
    ]
