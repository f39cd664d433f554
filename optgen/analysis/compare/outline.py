"""A rule as canonical trees: the new value of each state and of the parameter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice, product

from optgen.analysis.compare.canonical_form import (
    NAME,
    NUMBER,
    Node,
    again,
    canonical,
    is_negative,
    multiply,
    negated,
    renamed,
    substituted,
)
from optgen.analysis.compare.linear import cleared, collected
from optgen.analysis.exact.branches import branches
from optgen.analysis.exact.reductions import over_elements
from optgen.analysis.exact.specialization import asked, decided
from optgen.compiler.ir.expression import (
    REDUCTIONS,
    Expression,
    Name,
    Number,
    substitute,
    walk,
)
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS, REDUCERS
from optgen.compiler.ir.reserved import (
    COLUMN_COUNT,
    COLUMNS,
    MATRIX,
    ROW_COUNT,
    ROWS,
    TENSOR_SIZE,
)
from optgen.compiler.ir.rule import GRAD, LEARNING_RATE, PARAM, Rule, State
from optgen.compiler.ir.spec import Scalar

#: The limit on settings of the switches.
MOST_SETTINGS = 8
#: The size limit of an expression without temporaries; larger rules have no outline.
LARGEST = 1000


#: How many numbers a row, a column or the tensor has.
_COUNTS = frozenset({ROWS, COLUMNS, ROW_COUNT, COLUMN_COUNT})


def new(state: str) -> str:
    """The name of a state's new value; its blank excludes clashes with names in specs."""
    return f"new {state}"


@dataclass(frozen=True)
class Outline:
    """The update of each state and of the parameter, in terms of old and new states."""

    name: str
    trees: Mapping[str, Node]
    #: The initial value of each state.
    states: Mapping[str, Scalar | str]
    #: The default of each hyperparameter.
    numbers: Mapping[str, Scalar | None]
    setting: str = ""
    #: The extents of states other than element.
    extents: Mapping[str, Extent] = field(default_factory=dict)

    @cached_property
    def parts(self) -> Counter[str]:
        """All subtrees, with each name replaced by its kind."""
        kinds = self.kinds
        return Counter(
            part.key for tree in self.trees.values() for part in renamed(tree, kinds).walk()
        )

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kind of each name that a rule may choose freely."""
        found = {name: "number" for name in self.numbers if name != LEARNING_RATE}
        found |= dict.fromkeys(self.states, "state")
        return found | {new(name): "new" for name in self.states}

    @cached_property
    def scalars(self) -> frozenset[str]:
        """The states with a single value for all elements."""
        found = {name for name, first in self.states.items() if first != PARAM}
        while True:
            tensors = {GRAD, PARAM, *(self.states.keys() - found)}
            tensors |= {new(name) for name in tensors}
            kept = {name for name in found if not _varies(self.trees.get(name), tensors)}
            if kept == found:
                return frozenset(found)
            found = kept

    @cached_property
    def cleared(self) -> Outline:
        """The outline without quotients in denominators."""
        moving = _moving(self.states)
        trees = {name: cleared(tree, moving) for name, tree in self.trees.items()}
        return replace(self, trees=trees)

    @cached_property
    def of_tensors(self) -> Outline:
        """The outline with all reductions over a tensor: of rows, of columns and of all tensors."""
        trees = {name: _of_tensors(tree) for name, tree in self.trees.items()}
        return replace(self, trees=trees)

    @property
    def is_whole(self) -> bool:
        """Whether the rule has no other update for variables with rows and columns."""
        return MATRIX not in re.split("[ ,]+", self.setting)

    @property
    def size(self) -> int:
        """The number of nodes of all trees."""
        return sum(tree.size for tree in self.trees.values())

    def likeness(self, other: Outline) -> float:
        """The fraction of subtrees that both outlines have."""
        return _likeness(self.parts, other.parts)

    def with_negated(self, names: Collection[str]) -> Outline:
        """The outline with the negatives of some hyperparameters, as in a power's other form."""
        trees = dict(self.trees)
        for name in names:
            other = negated(Node(NAME, (), name, Name(name)))
            trees = {key: substituted(tree, name, other) for key, tree in trees.items()}
        return replace(self, trees=trees)

    def renamed(self, names: Mapping[str, str]) -> Outline:
        """The outline after renaming of freely chosen names."""
        every = {**names, **{new(old): new(now) for old, now in names.items()}}
        trees = {names.get(k, k): renamed(tree, every) for k, tree in self.trees.items()}
        states = {names.get(k, k): first for k, first in self.states.items()}
        numbers = {names.get(k, k): value for k, value in self.numbers.items()}
        extents = {names.get(k, k): extent for k, extent in self.extents.items()}
        return Outline(self.name, trees, states, numbers, self.setting, extents)


def _moving(states: Iterable[str]) -> frozenset[str]:
    own = list(states)
    return frozenset([GRAD, PARAM, *own, *map(new, own)])


def _of_tensors(node: Node) -> Node:
    if node.leaf in _COUNTS:
        return replace(node, leaf=TENSOR_SIZE)
    if not node.children:
        return node
    found = again(node, [_of_tensors(child) for child in node.children])
    if found.operator not in REDUCERS:
        return found
    (child,) = found.children
    found = replace(found, operator=found.operator.rpartition("_")[2])
    is_count = found.operator == "sum" and child.operator == NUMBER
    return multiply(child, Node(NAME, (), TENSOR_SIZE, found.origin)) if is_count else found


def _varies(tree: Node | None, tensors: set[str]) -> bool:
    """Whether a tree has one value per element."""
    if tree is None or tree.operator in REDUCTIONS - AXIS_REDUCTIONS:
        return False
    return tree.leaf in tensors or any(_varies(child, tensors) for child in tree.children)


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    both = sum(min(count, other[part]) for part, count in one.items() if part in other)
    return both / max(1, one.total() + other.total() - both)


def outlines(rule: Rule) -> Iterator[Outline]:
    """The outline of a rule in each setting of its static conditions, up to a limit.

    A fallback is another rule, which isn't outlined.
    """
    own, given = next(branches(rule))
    (block,) = own.blocks
    atoms = [atom for atom in asked(own, block.steps) if atom not in given]
    for setting in islice(product((False, True), repeat=len(atoms)), MOST_SETTINGS):
        on = {**dict.fromkeys(rule.atoms, False), **given, **dict(zip(atoms, setting, strict=True))}
        found = _outline(own, on)
        if found is not None:
            yield found


def without_decay(outline: Outline) -> Outline | None:
    """The outline without hyperparameters that scale the parameter; None if there are none."""
    products = (p for tree in outline.trees.values() for p in tree.walk() if p.operator == "*")
    own = [
        {str(child.leaf) for child in part.children if child.operator == NAME} for part in products
    ]
    decays = {name for names in own if PARAM in names for name in names & outline.numbers.keys()}
    return _without(outline, decays - {LEARNING_RATE})


def without_zeros(outline: Outline) -> Outline | None:
    """The outline without hyperparameters with the default 0; None if there are none."""
    return _without(outline, {name for name, default in outline.numbers.items() if default == 0})


def _without(outline: Outline, names: set[str]) -> Outline | None:
    trees = dict(outline.trees)
    for name in sorted(names):
        trees = {k: substituted(tree, name, canonical(Number(0))) for k, tree in trees.items()}
    if not names or PARAM not in trees:
        return None
    numbers = {name: value for name, value in outline.numbers.items() if name not in names}
    return replace(outline, trees=trees, numbers=numbers)


def _outline(rule: Rule, on: dict[str, bool]) -> Outline | None:
    (block,) = rule.blocks
    states = [s for s in rule.states if s.when.holds({**dict.fromkeys(s.when.atoms, False), **on})]
    own = {state.name for state in states}
    values: dict[str, Expression] = {}
    trees: dict[str, Node] = {}
    sizes: dict[str, int] = {}
    taken = [step for step in block.steps if step.guard.holds(on)]
    for step in over_elements(taken, Extents(rule.states, block.steps)):
        written = decided(step.expression, on)
        parts = walk(written)
        size = sum(sizes.get(one.id, 1) if isinstance(one, Name) else 1 for one in parts)
        if size > LARGEST:
            return None
        sizes[step.target] = 1 if step.target in own else size
        values[step.target] = substitute(written, values)
        if step.target in own:
            trees[step.target] = canonical(values[step.target])
            values[step.target] = Name(new(step.target))
    if PARAM not in values:
        return None
    trees[PARAM] = canonical(values[PARAM])
    trees = _upright(trees, states)
    trees = {name: collected(tree, _moving(own)) for name, tree in trees.items()}
    numbers = {h.name: h.default for h in rule.hyperparameters if not h.is_switch}
    used = {str(p.leaf) for tree in trees.values() for p in tree.walk() if p.operator == NAME}
    kept = {name: default for name, default in numbers.items() if name in used}
    firsts = {state.name: state.initial for state in states if state.name in used | trees.keys()}
    shown = ", ".join(atom if on[atom] else f"not {atom}" for atom in rule.atoms)
    extents = {state.name: state.extent for state in states if state.extent is not Extent.ELEMENT}
    return Outline(rule.name, trees, firsts, kept, shown, extents)


def _upright(trees: dict[str, Node], states: list[State]) -> dict[str, Node]:
    """The trees with the sign flipped of each state that accumulates only negative terms."""
    for state in states:
        tree = trees.get(state.name)
        if tree is None or state.initial != 0 or tree.operator != "+":
            continue
        added = [term for term in tree.children if not _speaks_of(term, state.name)]
        if added and all(is_negative(term) for term in added):
            for name in (state.name, new(state.name)):
                other = negated(Node(NAME, (), name, Name(name)))
                trees = {k: substituted(v, name, other) for k, v in trees.items()}
            trees[state.name] = negated(trees[state.name])
    return trees


def _speaks_of(node: Node, name: str) -> bool:
    return any(part.operator == NAME and part.leaf == name for part in node.walk())
