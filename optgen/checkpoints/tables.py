"""The tables of ``specs/exchange``: which class of a library has which rule, and by what names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import optgen.optimizers as generated
from optgen.compiler.ir.expression import Expression
from optgen.compiler.ir.problem import Location, Problems
from optgen.compiler.ir.spec import Text
from optgen.compiler.read.parse.grammar import Grammar
from optgen.data import data_folder
from optgen.runtime.optimizer import Optimizer

#: The library of rules here, whose entries lead from one to another.
OURS = "optgen"
#: Keys of an entry that it holds as they are.
_PLAIN = ("fixed", "given", "differs", "age", "has_dimensions")
#: Where a library has a variable's number of updates.
IN_STATE, IN_GROUP = "state", "group"


@dataclass(frozen=True)
class Counterpart:
    """What a state of a library is: a state of the rule, or a number that follows from others.

    It is that state multiplied by ``times``. One that ``is_shared`` belongs to all variables.
    """

    state: str = ""
    times: Expression | None = None
    value: Expression | None = None
    is_shared: bool = False
    #: The formula as it is written.
    text: str = ""


@dataclass(frozen=True)
class Entry:
    """A class of a library, and the rule that it has."""

    library: str
    name: str
    rule: type[Optimizer]
    options: Mapping[str, tuple[str, ...]]
    states: Mapping[str, Counterpart]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)
    age: str = IN_STATE
    #: Whether vectors of rows and columns have as many dimensions as their variable.
    has_dimensions: bool = False


@dataclass(frozen=True)
class Library:
    """The classes of a library, and how it saves them."""

    name: str
    entries: tuple[Entry, ...]
    layout: str
    #: Where its classes are.
    package: str = ""
    #: The key of a dictionary around states, if there is one.
    wrapper: str = ""
    #: Whether numbers of updates are tensors.
    has_tensors: bool = False
    #: The dtype of states, where it isn't the variable's.
    dtype: str = ""
    #: The hyperparameter that says how many calls an update has.
    calls_by: str = ""
    #: Hyperparameters of rules here that no class has.
    lacks: tuple[str, ...] = ()
    #: Classes whose states aren't exchanged.
    others: tuple[str, ...] = ()


def libraries() -> list[str]:
    """The names of all libraries."""
    return sorted(path.stem for path in (data_folder("specs") / "exchange").glob("*.toml"))


@cache
def library(name: str) -> Library:
    """A library by its name. Raises ValueError for one that isn't known."""
    if name not in libraries():
        raise ValueError(f"{name!r} is no library; there are {', '.join(libraries())}")
    path = data_folder("specs") / "exchange" / f"{name}.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    own = {key: value for key, value in data.items() if not isinstance(value, dict)}
    tables = [(key, value) for key, value in data.items() if isinstance(value, dict)]
    lacks = own["lacks"] = tuple(own.get("lacks", ()))
    own["others"] = tuple(own.get("others", ()))
    return Library(name, tuple(_entry(name, key, value, lacks) for key, value in tables), **own)


def rule_of(name: str) -> type[Optimizer]:
    """A built-in rule. Raises ValueError for one that isn't known."""
    found = getattr(generated, name) if name in generated.__all__ else None
    if not (isinstance(found, type) and issubclass(found, Optimizer)):
        raise ValueError(f"{name!r} is no built-in rule")
    return found


def _entry(of: str, name: str, data: Mapping[str, Any], lacks: Sequence[str]) -> Entry:
    rule = rule_of(data["rule"])
    options = _options(of, name, rule, data, lacks)
    states = data.get("states", {state.name: state.name for state in rule.states})
    rest = {key: data[key] for key in _PLAIN if key in data}
    return Entry(
        of,
        name,
        rule,
        options,
        {key: _counterpart(one) for key, one in states.items()},
        **rest,
    )


def _options(
    of: str, name: str, rule: type[Optimizer], data: Mapping[str, Any], lacks: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The hyperparameters that each option stands for."""
    listed: Mapping[str, Any] = data.get("options", {})
    given: dict[str, tuple[str, ...]] = {
        key: (one,) if isinstance(one, str) else tuple(one) for key, one in listed.items()
    }
    own: dict[str, tuple[str, ...]] = {h.name: (h.name,) for h in rule.hyperparameters}
    if of == OURS:
        there = {h.name for h in rule_of(name).hyperparameters}
        # An option of another name takes the place of the one with the hyperparameter's.
        taken = {*given.values()}
        kept = {key: one for key, one in own.items() if key in there and one not in taken}
        return kept | given
    named = {key: tuple(parts) for key, parts in rule.torch_names if parts}
    hidden = {*lacks, *data.get("lacks", ()), *data.get("given", ())}
    return given or named or {key: one for key, one in own.items() if key not in hidden}


def _counterpart(data: Any) -> Counterpart:
    if isinstance(data, str):
        return Counterpart(data)
    text = data.get("times", data.get("value", ""))
    formulas = {key: _formula(data[key]) for key in ("times", "value") if key in data}
    shared = data.get("is_shared", False)
    return Counterpart(data.get("state", ""), **formulas, is_shared=shared, text=text)


def _formula(text: str) -> Expression:
    """A formula. Raises ValueError for a text that is none."""
    problems = Problems()
    found = Grammar(Text(text, Location("", 1)), "eval", problems).expression()
    if found is None:
        raise ValueError(f"{text!r} is no formula: {problems}")
    return found
