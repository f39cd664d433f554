"""The names that a fallback has in the rule that it stands beside."""

from __future__ import annotations

import re
from collections.abc import Mapping

from optgen.compiler.ir.problem import Location, Problems
from optgen.compiler.ir.randomness import SEED
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import CHANGE, GIVEN_NAMES, Rule
from optgen.compiler.ir.spec import Fallback
from optgen.compiler.read.parse.names import argument_fault, fault, free_name

_PREFIX = re.compile(r"[a-z][a-z0-9_]*")


def names_for(own: Rule, other: Rule, fallback: Fallback, problems: Problems) -> Mapping[str, str]:
    """New names of the rule ``other`` beside the rule ``own``: all its arguments, and clashes.

    Arguments that replace those of a feature keep their names, and so does the seed.
    """
    prefix, at = fallback.prefix, fallback.prefix_at
    declared = _declared(own)
    if MATRIX in declared:
        message = f"{MATRIX!r} means variables that the rule itself updates, and not the fallback"
        problems.add(message, declared[MATRIX], "give it another name")
    if not _PREFIX.fullmatch(prefix):
        message = f"{prefix!r:.80} can't begin a name"
        problems.add(message, at, "use small letters, digits and _, with a letter first")
        prefix = "fallback_"
    names: dict[str, str] = {}
    for h in other.hyperparameters:
        if h.name != SEED and h.replaces is None:
            names[h.name] = new = f"{prefix}{h.name}"
            message = fault(new) or argument_fault(new)
            if message:
                problems.add(message, at, "set another prefix")
                return names
            _refuse_clash(new, declared, fallback, problems)
    taken = {*declared, *names.values(), *GIVEN_NAMES, CHANGE}
    taken |= {h.name for h in other.hyperparameters if h.name not in names}
    states = [state.name for state in other.states]
    for state in states:
        if state in taken:
            names[state] = new = f"{prefix}{state}"
            _refuse_clash(new, declared, fallback, problems)
    taken |= {names.get(state, state) for state in states}
    for step in other.blocks[0].steps:
        name = step.target
        if name in taken and name not in {*states, *names, *GIVEN_NAMES, CHANGE}:
            names[name] = free_name(f"{prefix}{name}", taken)
    return names


def _declared(rule: Rule) -> dict[str, Location]:
    """The names that a rule has, each with a place where it is declared or assigned."""
    found = {step.target: step.location for step in rule.blocks[0].steps}
    found |= {state.name: state.location for state in rule.states}
    found |= {given.name: given.location for given in rule.inputs}
    found |= {h.name: h.location for h in rule.hyperparameters}
    return {name: at for name, at in found.items() if name not in {*GIVEN_NAMES, CHANGE}}


def _refuse_clash(
    name: str, declared: Mapping[str, Location], fallback: Fallback, problems: Problems
) -> None:
    if name in declared:
        message = f"{name!r} is the name of a value of the fallback {fallback.extends.value!r:.80}"
        problems.add(message, declared[name], "give this another name, or set another prefix")
