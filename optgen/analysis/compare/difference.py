"""The edit distance of two canonical trees, with the edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from optgen.analysis.compare.canonical_form import NAME, NUMBER, Node
from optgen.analysis.compare.drawn import Draws
from optgen.compiler.ir.expression import COMMUTATIVE

#: Longer lists of children aren't matched in all orders.
_MOST_ORDERED = 4
#: The cost of each node after the first that only one side has.
_REST = 0.5
ORDERED = frozenset({"<", "<="})
#: The limit on the difference in size for the wrapping of a node by an operation.
_MOST_AROUND = 6
#: The size limit up to which the context of a changed name or number is shown in full.
_SHORT = 16


@dataclass(frozen=True)
class Edit:
    """A difference between two trees: the nodes on both sides; None for an absent node.

    ``around`` are the smallest nodes around the difference that both sides have.
    """

    here: Node | None
    there: Node | None
    around: tuple[Node, Node]
    #: An explicit cost; a reversal costs less than new nodes.
    price: float | None = None

    @property
    def cost(self) -> float:
        """1 for the replacement of one node, and more for larger subtrees."""
        if self.price is not None:
            return self.price
        sizes = [node.size for node in (self.here, self.there) if node is not None]
        return 1 + _REST * (max(sizes) - 1)


@dataclass(frozen=True)
class Edits:
    """A list of edits, with their total cost."""

    every: tuple[Edit, ...]
    cost: float

    def distinct(self) -> Edits:
        """The edits without duplicates from different positions."""
        once = {(edit.here, edit.there): edit for edit in self.every}
        return joined([Edits((edit,), edit.cost) for edit in once.values()])


NONE = Edits((), 0.0)


def joined(parts: Iterable[Edits]) -> Edits:
    """The concatenation of edits."""
    listed = list(parts)
    every = tuple(edit for part in listed for edit in part.every)
    return Edits(every, sum(part.cost for part in listed))


def single(here: Node | None, there: Node | None, around: tuple[Node, Node]) -> Edits:
    """A list of one edit."""
    edit = Edit(here, there, around)
    return Edits((edit,), edit.cost)


class Differences:
    """Computes the differences of trees, with memoization."""

    def __init__(self, draws: Draws) -> None:
        self._known: dict[tuple[str, str], Edits] = {}
        self._draws = draws

    def of(self, here: Node, there: Node) -> Edits:
        """The edits that transform one tree into the other."""
        if here.key == there.key:
            return NONE
        key = here.key, there.key
        if key not in self._known:
            is_same = self._draws.alike(here, there)
            ways = [NONE] if is_same else self._ways(here, there)
            self._known[key] = min(ways, key=lambda way: way.cost)
        return self._known[key]

    def _ways(self, here: Node, there: Node) -> Iterator[Edits]:
        yield single(here, there, (here, there))
        is_leaf = here.operator in (NAME, NUMBER) or there.operator in (NAME, NUMBER)
        if here.operator == there.operator and not is_leaf:
            if here.operator in COMMUTATIVE:
                yield self._matched(here, there)
            elif len(here.children) == len(there.children):
                pairs = zip(here.children, there.children, strict=True)
                yield joined(self._child(pair, (here, there)) for pair in pairs)
        if here.operator in ORDERED and there.operator in ORDERED:
            yield from self._turned(here, there)
        elif here.operator != there.operator and not is_leaf:
            yield from self._exchanged(here, there)
        yield from self._wrapped(here, there)

    def _turned(self, here: Node, there: Node) -> Iterator[Edits]:
        """Candidates: a reversed comparison, or a strict one for a nonstrict one."""
        a, b = here.children
        for children in (there.children, there.children[::-1]):
            rest = joined([self.of(a, children[0]), self.of(b, children[1])])
            edit = Edit(here, there, (here, there), 1 + rest.cost)
            yield Edits((edit,), 1 + rest.cost)

    def _exchanged(self, here: Node, there: Node) -> Iterator[Edits]:
        """Candidates: another operation on the same operands, such as a minimum for a maximum."""
        if len(here.children) != len(there.children):
            return
        if here.operator in COMMUTATIVE and there.operator in COMMUTATIVE:
            rest = self._matched(here, there)
        elif len(here.children) == 1:
            rest = self.of(here.children[0], there.children[0])
        else:
            return
        edit = Edit(here, there, (here, there), 1 + rest.cost)
        yield Edits((edit,), 1 + rest.cost)

    def _child(self, pair: tuple[Node, Node], around: tuple[Node, Node]) -> Edits:
        """The edits of two children; leaves are shown with their context."""
        found = self.of(*pair)
        if len(found.every) == 1 and found.every[0].around == pair and _is_short(around):
            return single(found.every[0].here, found.every[0].there, around)
        return found

    def _matched(self, here: Node, there: Node) -> Edits:
        """An unordered matching of children; common children cost nothing."""
        common = Counter(here.children) & Counter(there.children)
        left, right = _rest(here.children, common), _rest(there.children, common)
        if len(left) > len(right):
            return self._assigned(right, left, (here, there), turned=True)
        return self._assigned(left, right, (here, there), turned=False)

    def _assigned(
        self, few: list[Node], many: list[Node], around: tuple[Node, Node], *, turned: bool
    ) -> Edits:
        def edits(order: Sequence[Node]) -> Edits:
            pairs = ((b, a) if turned else (a, b) for a, b in zip(few, order, strict=False))
            extra = order[len(few) :]
            rest = (single(n, None, around) if turned else single(None, n, around) for n in extra)
            return joined([*(self._child(pair, around) for pair in pairs), *rest])

        if len(many) <= _MOST_ORDERED:
            return min(map(edits, permutations(many)), key=lambda way: way.cost)
        return edits(_by_operator(few, many))

    def _wrapped(self, here: Node, there: Node) -> Iterator[Edits]:
        """Candidates: one side is an operand of an operation on the other side."""
        for outer, inner, turned in ((here, there, True), (there, here, False)):
            for place, child in enumerate(outer.children):
                is_alike = child.operator == inner.operator
                if not is_alike or abs(child.size - inner.size) > _MOST_AROUND:
                    continue
                others = outer.children[:place] + outer.children[place + 1 :]
                extra = Node(outer.operator, others, "", outer.origin)
                pair = (child, inner) if turned else (inner, child)
                around = here, there
                edit = single(extra, None, around) if turned else single(None, extra, around)
                yield joined([self.of(*pair), edit])


def _by_operator(few: list[Node], many: list[Node]) -> list[Node]:
    """The longer list, permuted so that equal operators have equal positions."""
    left, order = list(many), []
    for node in few:
        best = min(left, key=lambda m: (m.operator != node.operator, abs(m.size - node.size)))
        left.remove(best)
        order.append(best)
    return order + left


def _is_short(around: tuple[Node, Node]) -> bool:
    return max(node.size for node in around) <= _SHORT


def _rest(children: Sequence[Node], common: Counter[Node]) -> list[Node]:
    left = Counter(common)
    rest = []
    for child in children:
        if left[child] > 0:
            left[child] -= 1
        else:
            rest.append(child)
    return rest
