"""Features that a rule replaces: it has their arguments, with a meaning of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import GIVEN, Operation, walk
from optgen.compiler.ir.problem import Problem, nearest
from optgen.compiler.ir.rule import Hyperparameter, Rule
from optgen.compiler.ir.spec import Spec


def not_replaced(features: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """The features that are woven into a rule, each where the rule doesn't replace it."""
    woven = []
    for feature in features:
        own = [h for h in rule.hyperparameters if h.replaces and h.replaces.value == feature.name]
        where = own[0].replaced_where if own else NEVER
        if where == NEVER:
            woven.append(feature)
        elif where != ALWAYS:
            woven.append(_only(feature, ~where, own))
    return tuple(woven)


def _only(feature: Rule, where: Condition, own: Sequence[Hyperparameter]) -> Rule:
    """A feature that runs where a condition holds, with arguments that a rule has."""
    (block,) = feature.blocks
    given = tuple((f"{GIVEN}({h.name})", True) for h in own if not h.optional)
    names = {h.name for h in own}
    steps = tuple(replace(s, guard=where & s.guard.given(given)) for s in block.steps)
    return replace(
        feature,
        hyperparameters=tuple(h for h in feature.hyperparameters if h.name not in names),
        atoms={text: a for text, a in feature.atoms.items() if (text, True) not in given},
        blocks=(replace(block, when=block.when.given(given), steps=steps),),
    )


def check_replaced(rule: Rule, features: Sequence[Rule]) -> Iterator[Problem]:
    """Arguments that can't take the place of a feature's, and features that can't be replaced."""
    by_name = {feature.name: feature for feature in features}
    own = {h.name: h for h in rule.hyperparameters}
    for h in rule.hyperparameters:
        feature = by_name.get(h.replaces.value) if h.replaces else None
        if h.replaces is None or feature is None:
            continue
        at, names = h.replaces.location, [other.name for other in feature.hyperparameters]
        (block,) = feature.blocks
        if feature.states or block.proceed is not None:
            message = f"the feature {feature.name!r} keeps states or skips updates"
            yield Problem(f"{message}, and can't be replaced", at, "give the argument another name")
        elif h.name not in names:
            message = f"the feature {feature.name!r} has no argument {h.name!r:.80}"
            hint = nearest(h.name, names) or f"call it {names[0]!r}" if names else ""
            yield Problem(message, h.location, hint)
        elif missing := [name for name in names if name not in own]:
            message = f"the feature {feature.name!r} has the argument {missing[0]!r} too"
            yield Problem(message, at, "declare it with replaces as well")
        else:
            yield from _check_kind(h, feature)
            yield from _check_part(h, feature)


def _check_kind(h: Hyperparameter, feature: Rule) -> Iterator[Problem]:
    other = feature.hyperparameter(h.name)
    if other is not None and h.is_switch != other.is_switch:
        kind = "a switch" if other.is_switch else "a number"
        message = f"{h.name!r} of the feature {feature.name!r} is {kind}"
        yield Problem(message, h.location, "declare it as that, or give it another name")


def _check_part(h: Hyperparameter, feature: Rule) -> Iterator[Problem]:
    """A problem if an argument is another one where only one of two rules replaces the feature."""
    other = feature.hyperparameter(h.name)
    if h.replaced_where == ALWAYS or other is None:
        return
    if h.optional and not other.optional:
        message = f"{h.name!r} of the feature {feature.name!r} isn't optional"
        yield Problem(message, h.location, "drop optional, as only one of the rules replaces it")
    elif any(part.operator == GIVEN for part in _operations(feature)):
        message = f"the feature {feature.name!r} can't be replaced for some variables only"
        hint = "replace it in the rule and in its fallback, or in none of them"
        yield Problem(message, h.location, hint)


def _operations(feature: Rule) -> Iterator[Operation]:
    (block,) = feature.blocks
    parts = (part for step in block.every_step for part in walk(step.expression))
    return (part for part in parts if isinstance(part, Operation))


def unknown_replaced(spec: Spec, known: Collection[str]) -> Iterator[Problem]:
    """Warnings for features that don't exist."""
    for feature in filter(None, (entry.replaces for entry in spec.hyperparameters)):
        if feature.value not in known:
            message = f"there is no feature {feature.value!r:.80} to replace"
            yield Problem(message, feature.location, nearest(feature.value, known), "warning")
