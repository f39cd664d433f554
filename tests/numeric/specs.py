"""Spec files as plain tables, in the order in which a step runs them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from textwrap import dedent, indent
from types import MappingProxyType
from typing import Any

from tests.numeric.ingredients import bringing, ingredients
from tests.numeric.lists import written_out

Table = dict[str, Any]

SPECS = Path(__file__).parents[2] / "specs"
_EVERY = {path.stem: path for path in sorted((SPECS / "optimizers").rglob("*.toml"))}
#: What a rule leaves to the compiler.
END: Table = {"slot": "direct", "update": {"rule": "param = param - change"}}


def read(path: Path) -> Table:
    return tomllib.loads(path.read_text(encoding="utf-8"))


_FUNCTIONS = {path.stem: read(path) for path in (SPECS / "functions").glob("*.toml")}
#: A part of a rule: its indentation, its name, and its lines.
_PART = re.compile(r"^( *)part (\w+):\n((?:\1 +.*\n)+)", re.MULTILINE)
_PRODUCT = re.compile(r"@|\b(?:gram|transpose|orthonormal|eigenvectors|inverse_root)\(")


def multiplies(text: str) -> bool:
    """Whether lines of a rule multiply matrices, or call a function that does."""
    called = [one for name, one in _FUNCTIONS.items() if re.search(rf"\b{name}\(", text)]
    return bool(_PRODUCT.search(text)) or any(multiplies(one["function"]["rule"]) for one in called)


def bases_of(own: Table) -> list[str]:
    """The names of the files of the specs that a spec extends."""
    names = own.get("extends", [])
    return [name.lower() for name in ([names] if isinstance(names, str) else names)]


def _is_of_matrices(path: Path) -> bool:
    """Whether a rule multiplies matrices, or leaves all else to a fallback."""
    own = read(path)
    table = own if "update" in own else read(_EVERY[bases_of(own)[0]])
    return "fallback" in own or multiplies(table["update"]["rule"])


def _words(table: Table) -> set[str]:
    """What a rule is told apart by."""
    text = table.get("update", {}).get("rule", "")
    return {word for word in ("if matrix:", "global_sum(") if word in text}


#: Rules with products of matrices or a fallback, which `test_matrix_rules.py` has.
PRODUCTS = {name: path for name, path in _EVERY.items() if _is_of_matrices(path)}
#: Rules that are run beside other code in `tests/zoo` only: those with queues, and those with sums
#: over all variables beside lines for matrices, which the reference runs apart.
ELSEWHERE = {
    name
    for name, table in {name: read(path) for name, path in _EVERY.items()}.items()
    if "queues" in table or {"if matrix:", "global_sum("} <= _words(table)
}
#: Rules for elements and vectors, which are run here without the compiler.
OPTIMIZERS = {name: path for name, path in _EVERY.items() if name not in {*PRODUCTS, *ELSEWHERE}}
FEATURES = {table["name"]: table for table in map(read, (SPECS / "features").glob("*.toml"))}
#: Those that Keras has too, with all features that it has; a test compares this with Keras.
KERAS_S = ["adadelta", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "rmsprop", "sgd"]
KERAS = {name: OPTIMIZERS[name] for name in KERAS_S}
#: Rules that are torch's, by its formulas.
TORCH = {name: path for name, path in OPTIMIZERS.items() if "torch" in read(path)}
NOT_KERAS = ("l2_penalty", "maximize")

_TABLES = {
    name: table
    for name, table in {name: read(path) for name, path in OPTIMIZERS.items()}.items()
    if "inputs" not in table
}
_PEERS = {**KERAS, **TORCH}
_SEEN = set().union(*(ingredients(_TABLES[name]) for name in _PEERS))
#: Those whose kernels tests compile: that must be another library's to the last digit, and that
#: have what those haven't. `tests/zoo` runs every rule, by Python itself.
COMPILED = {name: OPTIMIZERS[name] for name in sorted([*_PEERS, *bringing(_TABLES, _SEEN)])}
_BRINGING = bringing(_TABLES)
#: Few rules that have together what any has, and some that multiply matrices, for checks that take
#: seconds for each.
FEW = {*_BRINGING, "dion", "muon", "soap"}
#: Rules that have together what any has, those of Keras, and what is compiled besides: tests that
#: cross rules with much else try these with all of it, and others with some.
COVER = {*KERAS, *_BRINGING, *COMPILED} - {*TORCH}


def is_of_few(name: str) -> bool:
    """Whether the rule of a class is one of few."""
    return name.lower() in FEW


def rule_of(path: Path) -> tuple[Table, Table]:
    """The table with an optimizer's rule, its own or the one it extends; and its defaults."""
    own = read(path)
    if "extends" not in own:
        return _in_full(own), own.get("defaults", {})
    bases = {name: read(_EVERY[name]) for name in bases_of(own)}
    defaults = [one.get("defaults", {}) for one in (*reversed([*bases.values()]), own)]
    last = {name: value for one in defaults for name, value in one.items()}
    has_lines = "update" in own or "parts" in own
    return (_merged(bases, own) if has_lines else _in_full(*bases.values())), last


def lines_of(rule: str) -> tuple[str, dict[str, str]]:
    """A rule with its parts written out, and the parts."""
    parts: dict[str, str] = {}
    while found := _PART.search(rule):
        space, name, body = found.groups()
        parts[name], inner = lines_of(dedent(body))
        parts |= inner
        rule = rule.replace(found[0], indent(parts[name], space))
    return rule, parts


def _in_full(table: Table, lines: Mapping[str, str] = MappingProxyType({})) -> Table:
    """A table whose rule has these lines, its own parts and its lists written out."""
    rule, _ = lines_of(table["update"]["rule"])
    for name, text in lines.items():
        rule = _replaced(rf"^( *){name}\n", text, rule)
    return written_out({**table, "update": {**table["update"], "rule": rule}})


def _replaced(pattern: str, lines: str, rule: str) -> str:
    """A rule with lines in place of what a pattern finds, as far indented."""
    return re.sub(pattern, lambda found: indent(lines, found[1]), rule, flags=re.MULTILINE)


def _merged(bases: Mapping[str, Table], own: Table) -> Table:
    """A rule with lines of others, or with lines in place of theirs, and what it declares."""
    lines: dict[str, str] = {}
    for name, base in reversed([*bases.items()]):
        rule, parts = lines_of(base["update"]["rule"])
        lines |= {name: rule, **parts}
    tables = [*reversed([*bases.values()]), own]
    both = {key: value for table in tables for key, value in table.items()}
    if "parts" in own:
        (base,) = bases.values()
        rule = base["update"]["rule"]
        for name, text in own["parts"].items():
            rule = _replaced(_PART.pattern.replace(r"(\w+)", name), text, rule)
        both["update"] = {"rule": rule}
    both = _in_full(both, lines)
    words = {*re.findall(r"\w+", both["update"]["rule"]), "learning_rate"}
    for key in ("hyperparameters", "state"):
        every = {name: one for table in tables for name, one in table.get(key, {}).items()}
        both[key] = {name: entry for name, entry in every.items() if name in words}
    return both


def in_order(rule: Table, optional: Sequence[str] = ()) -> list[Table]:
    """An optimizer's rule with every feature around it; its change is taken off after some.

    ``optional`` names features besides those that every rule has.
    """
    slots = read(SPECS / "slots.toml")
    sorter: TopologicalSorter[str] = TopologicalSorter()
    declared = rule.get("hyperparameters", {}).values()
    replaced = {entry["replaces"] for entry in declared if "replaces" in entry}
    more = {name: read(SPECS / "features" / "optional" / f"{name}.toml") for name in optional}
    every = {**FEATURES, **more}
    features = {name: table for name, table in every.items() if name not in replaced}
    for name, feature in features.items():
        sorter.add(name, *feature.get("after", ()))
        for other in feature.get("before", ()):
            sorter.add(other, name)
    ordered = [features[name] for name in sorter.static_order() if name in features]
    # Sorting is stable: the rule comes before the features of its own slot, the end of it last.
    ends = [END] if re.search(r"^ *change =", rule["update"]["rule"], re.MULTILINE) else []
    return sorted(
        [rule, *ordered, *ends],
        key=lambda part: slots["order"].index(part.get("slot", slots["own"])),
    )
