"""Conflicts between names and defaults of several specs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optgen.compiler.ir.problem import Problem, nearest
from optgen.compiler.ir.randomness import SEED
from optgen.compiler.ir.rule import LEARNING_RATE, Rule
from optgen.compiler.ir.spec import Spec


def clashes(parts: Iterable[Rule]) -> Iterator[Problem]:
    """Names that two specs declare."""
    owners: dict[str, Rule] = {}
    for part in parts:
        # All random numbers depend on one seed.
        declared = [(h.name, h.location) for h in part.hyperparameters if h.name != SEED]
        declared += [(state.name, state.location) for state in part.states]
        declared += [(given.name, given.location) for given in part.inputs]
        if part.blocks[0].slot is not None:
            other = owners.setdefault(f"feature {part.name}", part)
            if other is not part:
                message = f"the feature {part.name!r} is declared by {other.path} too"
                yield Problem(message, part.location, "give one of them another name")
                # All of its names clash in this case, so they are not reported one by one.
                continue
        for name, location in declared:
            other = owners.setdefault(name, part)
            if other is not part:
                message = f"{name!r} is declared by {other.path} too"
                yield Problem(message, location, "give one of them another name")


def bad_defaults(rule: Rule, features: Iterable[Rule]) -> Iterator[Problem]:
    """Defaults, and words in torch, whose kind doesn't match the argument."""
    declared = {h.name: h for part in (rule, *features) for h in part.hyperparameters}
    for name, value in rule.defaults:
        found = declared.get(name.value)
        if found is not None and isinstance(value, bool) != found.is_switch:
            kind = "true or false" if found.is_switch else "a number"
            yield Problem(f"the default of {name.value!r} must be {kind}", name.location)
    for argument in rule.torch:
        for name in argument.sets:
            found = declared.get(name.value)
            if argument.words and found is not None and not found.is_switch:
                message = f"{name.value!r} is no switch, whose values have two words"
                yield Problem(message, name.location)


def unknown_defaults(spec: Spec, features: Iterable[Rule]) -> tuple[Problem, ...]:
    """Warnings for defaults, and names in torch, of arguments that no spec or feature declares."""
    known = {LEARNING_RATE, *(entry.name.value for entry in spec.hyperparameters)}
    known |= {h.name for feature in features for h in feature.hyperparameters}
    if (other := spec.fallback) is not None:
        own = {LEARNING_RATE, *(entry.name.value for entry in other.spec.hyperparameters)}
        known |= {f"{other.prefix}{name}" for name in own}
    named = [
        (f"the default of {name.value!r} is for an argument", name) for name, _ in spec.defaults
    ]
    for one in spec.torch:
        named += [(f"torch's {one.name.value!r} is for an argument", name) for name in one.sets]
    return tuple(
        Problem(
            f"{what} for an argument that doesn't exist",
            name.location,
            nearest(name.value, known) or "no feature declares it",
            "warning",
        )
        for what, name in named
        if name.value not in known
    )
