"""``optgen eject``: an optimizer of torch as one file that needs torch only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from optgen.cli.console import FINE, USAGE, complain, ends_well, print_problems
from optgen.compiler.emit.targets.torch.ejected import Ejected
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.problem import SpecError, nearest
from optgen.compiler.ir.randomness import draws_of, redrawn
from optgen.compiler.ir.rule import Block, Rule
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import find_specs, is_feature
from optgen.compiler.pipeline import (
    Surroundings,
    checked_rule,
    composed,
    load_all,
    optional_features,
    surroundings,
)
from optgen.compiler.plan import make_plan
from optgen.compiler.weave import without_neighbours


@ends_well("optgen eject")
def eject(name: str, chosen: Sequence[str], out: Path | None) -> int:
    """Print a class, or write it to a file; returns the exit status.

    ``chosen`` are names of features besides those that torch's classes have; "none" is without
    these.
    """
    try:
        found = find_specs([name])
        if len(found.files) != 1:
            complain(f"{name} holds {len(found.files)} specs; name one of them")
            return USAGE
        (spec,) = load_all(found.files)
        if is_feature(spec) or spec.is_schedule:
            complain(f"{spec.name} is no optimizer")
            return USAGE
        fault, text = ejected(spec, name, chosen)
    except SpecError as error:
        return print_problems(error.problems)
    except FileNotFoundError as error:
        complain(str(error))
        return USAGE
    if fault:
        complain(fault)
        return USAGE
    if out is None:
        sys.stdout.write(text)
        return FINE
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"{out}: {error.strerror}")
        return USAGE
    return FINE


def ejected(spec: Spec, name: str, chosen: Sequence[str]) -> tuple[str, str]:
    """What is wrong with the wish, and the file; one of them is empty."""
    around, rule = surroundings(), checked_rule(spec)
    wanted = [part for one in chosen for part in one.split(",") if part]
    features = [] if _NONE in wanted else [*_usual(rule, around)]
    if wanted:
        known = {one.name: one for one in (*around.features, *optional_features())}
        unknown = [one for one in wanted if one not in (*known, _NONE)]
        if unknown:
            hint = nearest(unknown[0], known) or f"there are {', '.join(sorted(known))}"
            return f"{unknown[0]!r} is no feature; {hint}", ""
        there = {feature.name for feature in features}
        features += [feature for name, feature in known.items() if name in {*wanted} - there]
    if fault := next(_faults((rule, *features), around.slots.observe), ""):
        return fault, ""
    woven = without_neighbours(features, lambda _: True)
    chosen_rule = composed(spec, replace(around, features=woven))
    if any(map(_draws, chosen_rule.blocks)):
        every = {feature.name: feature for feature in (*around.features, *features)}
        listed = without_neighbours(every.values(), lambda _: True)
        full_rule = composed(spec, replace(around, features=listed))
        chosen_rule = _drawing_like(chosen_rule, full_rule)
    plan = make_plan(chosen_rule)
    options = "".join(f" --features {one}" for one in chosen)
    command = f"optgen eject {Path(name).name}{options}"
    return "", Ejected(plan, around.templates).text(command)


def _drawing_like(rule: Rule, other: Rule) -> Rule:
    """A rule with the random numbers that it has among all features."""
    firsts = {block.name: min(_draws(block), default=0) for block in other.blocks}

    def shifted(block: Block) -> Block:
        offset = firsts[block.name] - min(_draws(block), default=0)
        steps = (replace(s, expression=redrawn(s.expression, offset)) for s in block.steps)
        return replace(block, steps=tuple(steps))

    return replace(rule, blocks=tuple(map(shifted, rule.blocks)))


def _draws(block: Block) -> list[int]:
    return [number for step in block.steps for number in draws_of(step.expression)]


#: What stands for none of the features that a file has by itself.
_NONE = "none"


def _usual(rule: Rule, around: Surroundings) -> Iterator[Rule]:
    """The features that groups of parameters have; of those, what torch's class has, if any."""
    listed = {name.value for one in rule.torch for name in one.sets}
    for feature in around.features:
        slot = feature.blocks[0].slot
        is_grouped = slot is not None and slot.value in around.slots.grouped
        own = {h.name for h in feature.hyperparameters}
        if is_grouped and (not listed or own & listed):
            yield feature


def _faults(parts: Iterable[Rule], observe: str) -> Iterator[str]:
    """Why a file with these parts would need more than ``step``.

    ``observe`` is the slot of what users read.
    """
    for part in parts:
        block = part.blocks[0]
        if block.proceed is not None:
            yield f"{part.name} decides in each call whether to update, which one file doesn't"
        if block.perturb:
            yield f"{part.name} has a second point, which one file doesn't"
        if block.slot is not None and block.slot.value == observe:
            yield f"{part.name} keeps values for users, which one file doesn't"
        if block.every_variable:
            yield f"{part.name} acts on parameters without a gradient, which one file doesn't"
        if block.slot is not None and any(state.stands_in for state in part.states):
            yield f"{part.name} keeps averages; torch.optim.swa_utils has them, too"
        shared = any(state.extent is Extent.OPTIMIZER for state in part.states)
        if shared and block.slot is not None:
            yield f"{part.name} has numbers of the whole optimizer"
