"""The arguments of a rule with a fallback: its own, and those of the fallback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.problem import Problems, nearest
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import Hyperparameter, Rule
from optgen.compiler.ir.spec import Fallback, Scalar, Text
from optgen.compiler.read.parse.renaming import Renaming

_WHOSE = "for variables that aren't matrices"


def arguments_of(
    own: Rule, other: Rule, fallback: Fallback, names: Mapping[str, str], problems: Problems
) -> tuple[Hyperparameter, ...]:
    """The arguments of the rule ``own``, then those of the rule ``other``, under new names."""
    defaults = _defaults(other, fallback, names, problems)
    renaming = Renaming(names, {})
    known = {h.name: h for h in own.hyperparameters}
    theirs = {h.name: h for h in other.hyperparameters}
    arguments = [_own(h, theirs.get(h.name), problems) for h in own.hyperparameters]
    for h in other.hyperparameters:
        if h.name in names:
            arguments.append(_documented(renaming.hyperparameter(_with(h, defaults))))
        elif h.name not in known:
            where = ALWAYS if h.replaces is None else Condition.of(MATRIX, False)
            arguments.append(replace(h, replaced_where=where))
        elif h.replaces is not None and known[h.name].replaces is None:
            message = f"{h.name!r} of the fallback replaces a feature's argument, and this doesn't"
            problems.add(message, known[h.name].location, "declare it with replaces as well")
    return tuple(sorted(arguments, key=lambda h: h.after_name))


def _own(h: Hyperparameter, other: Hyperparameter | None, problems: Problems) -> Hyperparameter:
    """An argument of the rule; one in place of a feature's may be that of both rules."""
    if h.replaces is None:
        return h
    if other is None or other.replaces is None:
        return replace(h, replaced_where=Condition.of(MATRIX))
    kinds = [(one.is_switch, one.optional, one.integer) for one in (h, other)]
    if kinds[0] != kinds[1] or h.replaces.value != other.replaces.value:
        message = f"{h.name!r} is of another kind in the fallback"
        problems.add(message, h.location, "declare it alike, or name another optimizer")
    return h


def _defaults(
    other: Rule, fallback: Fallback, names: Mapping[str, str], problems: Problems
) -> dict[str, tuple[Text, Scalar]]:
    """The defaults of a fallback's own arguments that specs set."""
    known = {h.name: h for h in other.hyperparameters if h.name in names}
    found = {name.value: (name, value) for name, value in other.defaults if name.value in known}
    for name, value in fallback.defaults:
        h = known.get(name.value)
        if h is None:
            message = f"the fallback {fallback.extends.value!r:.80} has no {name.value!r:.80}"
            hint = nearest(name.value, known) or "arguments of features are the rule's own"
            problems.add(message, name.location, hint)
        elif isinstance(value, bool) != h.is_switch:
            kind = "true or false" if h.is_switch else "a number"
            problems.add(f"the default of {name.value!r} must be {kind}", name.location)
        else:
            found[name.value] = name, value
    return found


def _with(h: Hyperparameter, defaults: Mapping[str, tuple[Text, Scalar]]) -> Hyperparameter:
    if h.name not in defaults:
        return h
    name, value = defaults[h.name]
    return replace(h, default=value, default_at=name.location)


def _documented(h: Hyperparameter) -> Hyperparameter:
    said = f"{h.doc.rstrip('.')}, {_WHOSE}." if h.doc else f"{_WHOSE.capitalize()}."
    return replace(h, doc=said)
