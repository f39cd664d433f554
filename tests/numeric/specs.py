"""Spec files as plain tables, in the order in which a step runs them."""

from __future__ import annotations

import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from tests.numeric.ingredients import bringing, ingredients

Table = dict[str, Any]

SPECS = Path(__file__).parents[2] / "specs"
OPTIMIZERS = {path.stem: path for path in sorted((SPECS / "optimizers").glob("*.toml"))}
#: What a rule leaves to the compiler.
END: Table = {"slot": "direct", "update": {"rule": "param = param - change"}}


def read(path: Path) -> Table:
    return tomllib.loads(path.read_text(encoding="utf-8"))


FEATURES = {table["name"]: table for table in map(read, (SPECS / "features").glob("*.toml"))}
#: Those that Keras has too, with all features that it has; a test compares this with Keras.
KERAS_S = ["adadelta", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "rmsprop", "sgd"]
KERAS = {name: OPTIMIZERS[name] for name in KERAS_S}
#: Rules that are torch's, by its formulas.
TORCH = {name: path for name, path in OPTIMIZERS.items() if "torch" in read(path)}
NOT_KERAS = ("l2_penalty", "maximize")

_TABLES = {name: read(path) for name, path in OPTIMIZERS.items()}
_PEERS = {**KERAS, **TORCH}
_SEEN = set().union(*(ingredients(_TABLES[name]) for name in _PEERS))
#: Those whose kernels tests compile: that must be another library's to the last digit, and that
#: have what those haven't. `tests/zoo` runs every rule, by Python itself.
COMPILED = {name: OPTIMIZERS[name] for name in sorted([*_PEERS, *bringing(_TABLES, _SEEN)])}


def rule_of(path: Path) -> tuple[Table, Table]:
    """The table with an optimizer's rule, its own or the one it extends; and its defaults."""
    own = read(path)
    if "extends" not in own:
        return own, own.get("defaults", {})
    base = read(OPTIMIZERS[own["extends"].lower()])
    return base, {**base.get("defaults", {}), **own.get("defaults", {})}


def in_order(rule: Table) -> list[Table]:
    """An optimizer's rule with every feature around it; its change is taken off after some."""
    slots = read(SPECS / "slots.toml")
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, feature in FEATURES.items():
        sorter.add(name, *feature.get("after", ()))
        for other in feature.get("before", ()):
            sorter.add(other, name)
    features = [FEATURES[name] for name in sorter.static_order()]
    # Sorting is stable: the rule comes before the features of its own slot, the end of it last.
    ends = [] if re.search(r"^ *param =", rule["update"]["rule"], re.MULTILINE) else [END]
    return sorted(
        [rule, *features, *ends],
        key=lambda part: slots["order"].index(part.get("slot", slots["own"])),
    )
