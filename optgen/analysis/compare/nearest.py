"""The nearest known rule, and the difference from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

from optgen.analysis.compare.canonical_form import NAME, Node
from optgen.analysis.compare.difference import Differences, Edits, joined, single
from optgen.analysis.compare.drawn import Draws
from optgen.analysis.compare.outline import Outline, new, without_decay, without_zeros
from optgen.compiler.ir.rule import LEARNING_RATE, PARAM
from optgen.compiler.ir.spec import Scalar

#: The number of most similar rules that are compared with a rule.
CANDIDATES = 4
#: The least similarity of rules that are compared.
LEAST = 0.2
#: The number of these rules that are also compared in an equivalent form, unless the rule is one of
#: them.
_FEW = 2
#: The limit on states up to which all matchings are tried.
_MOST_STATES = 5
#: The cost of a state that only one rule has.
_OWN_STATE = 2.0


@dataclass(frozen=True)
class Nearest:
    """A known rule, in the names of the compared rule, and the differences."""

    known: Outline
    names: Mapping[str, str]
    edits: Edits
    cost: float
    #: Whether both have the same structure; otherwise they may still be equal by algebra.
    is_written_alike: bool
    #: Whether they were compared regardless of what they reduce over.
    is_of_tensors: bool = False


def nearest(outline: Outline, library: Sequence[Outline]) -> Nearest | None:
    """The rule of a library with the least edit cost."""
    whole = _nearest(outline, library)
    bare = without_decay(outline)
    if bare is None or (whole is not None and not whole.cost):
        return whole
    # An additional decay doesn't count as a difference of the rules.
    ways = [found for found in (whole, _nearest(bare, library)) if found is not None]
    return min(ways, key=lambda one: one.cost, default=None)


def _nearest(outline: Outline, library: Sequence[Outline]) -> Nearest | None:
    alike = _likeliest(outline, library, 2 * CANDIDATES)
    found = _compared(outline, alike[:CANDIDATES])
    if all(one.cost for one in found):
        found += _compared(outline, list(filter(None, map(without_zeros, alike[:_FEW]))))
    if all(one.cost for one in found):
        # Different forms of quotients may hide that the difference is small.
        whole = outline.cleared
        found += _compared(whole, _likeliest(whole, [known.cleared for known in alike], _FEW))
    if all(one.cost for one in found) and outline.of_tensors.trees != outline.trees:
        # What the language reduces over rows or all tensors, others write as for one tensor.
        whole, tensors = outline.of_tensors, [known.of_tensors for known in library]
        closest = _compared(whole, _likeliest(whole, tensors, CANDIDATES))
        found += [replace(one, is_of_tensors=True) for one in closest]
    return min(found, key=lambda one: one.cost, default=None)


def _likeliest(outline: Outline, library: Sequence[Outline], count: int) -> list[Outline]:
    def alikeness(known: Outline) -> tuple[float, bool]:
        return outline.likeness(known), known.is_whole

    alike = sorted(library, key=alikeness, reverse=True)[:count]
    return [known for known in alike if outline.likeness(known) > LEAST]


def _compared(outline: Outline, library: Sequence[Outline]) -> list[Nearest]:
    """The nearest of the candidate rules; empty if there are none."""
    draws, ways = Draws(outline), []
    for known in library:
        differences = Differences(draws)
        for states in _states(outline, known):
            names = {**states, **_numbers(outline, known, states)}
            ways.append((_improved(outline, known, names, differences), known))
    if not ways:
        return []
    best, known = min(ways, key=lambda way: way[0].cost)
    # Memoized results refer to other names, so compare again.
    return [_measured(outline, known, best.names, Differences(draws))]


def _states(outline: Outline, known: Outline) -> Iterator[dict[str, str]]:
    """The most likely matchings of a known rule's states with the rule's."""
    ours, theirs = list(outline.states), list(known.states)
    scores = {(a, b): _alike(outline, known, a, b) for a in ours for b in theirs}
    few, many = (theirs, ours) if len(theirs) <= len(ours) else (ours, theirs)
    if len(many) > _MOST_STATES:
        many = sorted(
            many, key=lambda m: -max(scores.get((f, m), scores.get((m, f), 0)) for f in few)
        )
        orders = [tuple(_greedy(few, many, scores))]
    else:
        orders = list(permutations(many, len(few)))

    def pairs(order: Sequence[str]) -> dict[str, str]:
        both = zip(few, order, strict=True)
        return dict(both) if few is theirs else {there: here for here, there in both}

    def score(way: Mapping[str, str]) -> float:
        return sum(scores[here, there] for there, here in way.items())

    yield from sorted(map(pairs, orders), key=score, reverse=True)[:2]


def _greedy(
    few: Sequence[str], many: Sequence[str], scores: Mapping[tuple[str, str], float]
) -> Iterator[str]:
    left = list(many)
    for one in few:
        best = max(left, key=lambda m: scores.get((one, m), scores.get((m, one), 0.0)))
        left.remove(best)
        yield best


def _alike(outline: Outline, known: Outline, ours: str, theirs: str) -> float:
    """The similarity of two states: by update, uses, names and initial values."""
    one, other = (_uses(side, name) for side, name in ((outline, ours), (known, theirs)))
    score = (one & other).total() / max(1, (one | other).total())
    begins_alike = _begins_alike(outline.states[ours], known.states[theirs])
    return score + 0.3 * (ours == theirs) + 0.2 * begins_alike


def _begins_alike(one: Scalar | str, other: Scalar | str) -> bool:
    """Whether initial values agree: they are equal, or neither is 0 or the parameter."""
    if one == other or PARAM in (one, other):
        return one == other
    return all(isinstance(first, str) or first != 0 for first in (one, other))


def _uses(outline: Outline, name: str) -> Counter[str]:
    """The contexts of a name in all trees, and its own tree."""
    found: Counter[str] = Counter()
    for target, tree in outline.trees.items():
        kind = target if target == PARAM else "own" if target == name else "state"
        for one in (name, new(name)):
            found.update(f"{kind} {path}" for path in _paths(tree, one, ()))
        if target == name:
            found.update(part.operator for part in tree.walk())
            found.update(str(part.leaf) for part in tree.walk() if part.operator != NAME)
    return found


def _paths(node: Node, name: str, above: tuple[str, ...]) -> Iterator[str]:
    if node.operator == NAME:
        if node.leaf == name:
            yield " ".join(above[-3:])
        return
    for child in node.children:
        yield from _paths(child, name, (*above, node.operator))


def _numbers(outline: Outline, known: Outline, states: Mapping[str, str]) -> dict[str, str]:
    """A matching of hyperparameters by their positions in the known rule."""
    ours = [name for name in outline.numbers if name != LEARNING_RATE]
    theirs = [name for name in known.numbers if name != LEARNING_RATE]
    scores = sorted(
        (
            (-_as_number(outline, known, here, there, states), place, here, there)
            for here in ours
            for place, there in enumerate(theirs)
        ),
    )
    found: dict[str, str] = {}
    for _, _, here, there in scores:
        if there not in found and here not in found.values():
            found[there] = here
    return found


def _as_number(
    outline: Outline, known: Outline, here: str, there: str, states: Mapping[str, str]
) -> float:
    one = _places(outline, here, {name: name for name in outline.states})
    other = _places(known, there, states)
    score = (one & other).total() / max(1, (one | other).total())
    same = outline.numbers[here] == known.numbers[there]
    return score + 0.3 * (here == there) + 0.1 * same


def _places(outline: Outline, name: str, states: Mapping[str, str]) -> Counter[str]:
    return Counter(
        f"{states.get(target, target)} {path}"
        for target, tree in outline.trees.items()
        for path in _paths(tree, name, ())
    )


def _improved(
    outline: Outline, known: Outline, names: dict[str, str], differences: Differences
) -> Nearest:
    """The differences after each exchange of two hyperparameters that reduces the cost."""
    best = _measured(outline, known, names, differences)
    theirs = [name for name in known.numbers if name in names]
    for one, other in combinations(theirs, 2):
        if not {names[one], names[other]} <= _mentioned(best):
            continue
        swapped = {**best.names, one: best.names[other], other: best.names[one]}
        found = _measured(outline, known, swapped, differences)
        best = min(best, found, key=lambda result: result.cost)
    return best


def _mentioned(found: Nearest) -> set[str]:
    """The names in the subtrees that differ."""
    sides = (side for edit in found.edits.every for side in (edit.here, edit.there) if side)
    return {str(part.leaf) for side in sides for part in side.walk() if part.operator == NAME}


def _opposite(outline: Outline, known: Outline, names: Mapping[str, str]) -> set[str]:
    """The known rule's hyperparameters whose defaults are the negatives of the matched ones."""
    ours, theirs = outline.numbers, known.numbers
    pairs = [(ours.get(here), theirs.get(there), there) for there, here in names.items()]
    return {name for one, other, name in pairs if one and other and one == -other}


def _measured(
    outline: Outline, known: Outline, names: Mapping[str, str], differences: Differences
) -> Nearest:
    # A prime distinguishes names of the known rule from the rule's own.
    every = {n: f"{n}'" for n in (*known.states, *known.numbers) if n not in names}
    every.pop(LEARNING_RATE, None)
    other = known.with_negated(_opposite(outline, known, names)).renamed({**every, **names})
    parts = []
    for target in dict.fromkeys((*outline.trees, *other.trees)):
        here, there = outline.trees.get(target), other.trees.get(target)
        if here is not None and there is not None:
            parts.append(differences.of(here, there))
        else:
            tree = here or there
            assert tree is not None
            parts.append(single(here, there, (tree, tree)))
    edits = joined(parts).distinct()
    both = other.states.keys() & outline.states.keys()
    starts = sum(not _begins_alike(outline.states[name], other.states[name]) for name in both)
    own = len(outline.trees.keys() ^ other.trees.keys())
    is_written_alike = outline.trees == other.trees
    return Nearest(other, names, edits, edits.cost + _OWN_STATE * own + starts, is_written_alike)
