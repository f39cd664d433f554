"""The lines of a rule: which values get a name, and in which order they are assigned."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from optgen.compiler.ir.expression import Expression, Name, Number, Operation, text
from optgen.tracing.assembly import FoundRule
from optgen.tracing.graph import NAME, Node, walk
from optgen.tracing.runs import PARAM

#: Longer expressions are divided; those that have a name in the source, or are read twice, get a
#: line unless they are shorter.
_LONGEST, _NAMED, _SHORT = 90, 40, 10


class Writer:
    """Writes the values of a rule as lines; ``spelled`` are the spec's names of symbols."""

    def __init__(
        self,
        rule: FoundRule,
        spelled: Mapping[str, str],
        local_names: Mapping[Node, str],
        taken: Iterable[str],
    ) -> None:
        self.rule, self.spelled, self.local_names = rule, dict(spelled), local_names
        self.taken = {*taken, *spelled.values()}
        #: The outputs, each with the symbol of its old value.
        self.outputs = {state.symbol: state.after for state in rule.states}
        self.outputs[f"{PARAM}0"] = rule.param
        self.named: dict[Node, str] = {}
        self.roots: frozenset[Node] = frozenset()

    def lines(self) -> list[str]:
        """The rule."""
        changed = {s: node for s, node in self.outputs.items() if not _is_name(node, s)}
        roots = self._roots(changed)
        self.roots = frozenset(roots)
        targets: dict[Node, list[str]] = {}
        for symbol, node in changed.items():
            targets.setdefault(node, []).append(symbol)
        written: list[str] = []
        late: list[str] = []
        for place, root in enumerate(roots):
            value = text(self._expression(root, top=True))
            at_once, later = self._assigned(root, targets.get(root, []), roots[place + 1 :])
            if at_once:
                first, *others = at_once
                written.append(f"{self.spelled[first]} = {value}")
                self.named[root] = self.spelled[first]
                late += [f"{self.spelled[one]} = {self.spelled[first]}" for one in others]
            else:
                self.named[root] = self._name(root, later)
                written.append(f"{self.named[root]} = {value}")
            late += [f"{self.spelled[one]} = {self.named[root]}" for one in later]
        param = self.spelled[f"{PARAM}0"]
        # A state may become the old value of another one.
        ordered = [*written, *self._copies(changed, roots), *late]
        # A rule ends with what it does to the parameter, where nothing reads it any more.
        return sorted(ordered, key=lambda line: self._is_last(line, param, ordered))

    def _is_last(self, line: str, param: str, ordered: list[str]) -> bool:
        if not line.startswith(f"{param} = "):
            return False
        behind = ordered[ordered.index(line) + 1 :]
        own = set(re.findall(r"\w+", line.split(" = ", 1)[1]))
        assigned = {one.split(" = ", 1)[0] for one in behind}
        read = any(re.search(rf"\b{param}\b", one.split(" = ", 1)[1]) for one in behind)
        return not read and not own & assigned

    def _copies(self, changed: Mapping[str, Node], roots: list[Node]) -> list[str]:
        """States that become a value which has a name already, as the gradient has."""
        inside = set(roots)
        return [
            f"{self.spelled[symbol]} = {text(self._expression(node, top=True))}"
            for symbol, node in changed.items()
            if node not in inside
        ]

    def _roots(self, changed: Mapping[str, Node]) -> list[Node]:
        """The values that get a line, operands first."""
        uses: Counter[Node] = Counter(changed.values())
        for node in walk(*changed.values()):
            uses.update(node.operands)
        final = set(changed.values())
        final, roots = set(changed.values()), set[Node]()
        lengths: dict[Node, int] = {}
        for node in sorted(walk(*changed.values()), key=lambda one: one.number):
            if not node.operands:
                lengths[node] = len(self.spelled.get(str(node.value), str(node.value)))
                continue
            if _length(node, lengths) > _LONGEST:
                self._divide(node, roots, lengths)
            lengths[node] = _length(node, lengths)
            is_shared = uses[node] > 1 and lengths[node] > _SHORT and not node.is_condition
            has_name = lengths[node] > _NAMED and self._has_name(node)
            if node in final or is_shared or has_name:
                roots.add(node)
                lengths[node] = _SHORT
        return sorted(roots, key=lambda one: one.number)

    def _divide(self, node: Node, roots: set[Node], lengths: dict[Node, int]) -> None:
        """Give lines to the longest operands of a node, until it is short."""
        for part in sorted(node.operands, key=lambda one: -lengths[one]):
            if _length(node, lengths) <= _LONGEST or lengths[part] <= _SHORT:
                return
            if not part.is_condition:
                roots.add(part)
                lengths[part] = _SHORT

    def _has_name(self, node: Node) -> bool:
        return self.local_names.get(node, "") not in {"", *self.spelled.values()}

    def _assigned(
        self, root: Node, symbols: list[str], behind: list[Node]
    ) -> tuple[list[str], list[str]]:
        """The states that a line may assign at once, as nothing behind it reads their old value."""
        read = {name for node in behind for name in self._read(node)}
        read |= {name for node in self.outputs.values() for name in self._bare(node)}
        at_once = [one for one in symbols if one not in read]
        return at_once[:1], [*at_once[1:], *(one for one in symbols if one in read)]

    def _bare(self, node: Node) -> set[str]:
        return {str(node.value)} if node.operator == NAME else set()

    def _read(self, node: Node) -> set[str]:
        """The names that a line reads itself, not by lines before it."""
        waiting, found = list(node.operands), set[str]()
        while waiting:
            part = waiting.pop()
            if part.operator == NAME:
                found.add(str(part.value))
            elif part not in self.roots:
                waiting += part.operands
        return found

    def _expression(self, node: Node, *, top: bool = False) -> Expression:
        names = {**self.named}
        if top:
            names.pop(node, None)
        return expression_of(node, self.spelled, names)

    def _name(self, node: Node, states: list[str]) -> str:
        wished = f"new_{self.spelled[states[0]]}" if states else self.local_names.get(node, "")
        wished = re.sub(r"\W", "_", wished).strip("_").lower() or "value"
        name, number = wished, 2
        while name in self.taken or keyword.iskeyword(name):
            name, number = f"{wished}_{number}", number + 1
        self.taken.add(name)
        return name


def expression_of(
    node: Node, spelled: Mapping[str, str], named: Mapping[Node, str] | None = None
) -> Expression:
    """A node in the language of rules; ``spelled`` are names of symbols, ``named`` of lines."""
    if named and node in named:
        return Name(named[node])
    if node.operator == NAME:
        return Name(spelled.get(str(node.value), str(node.value)))
    if node.is_number:
        assert not isinstance(node.value, str)
        return Number(node.value)
    operands = tuple(expression_of(one, spelled, named) for one in node.operands)
    return Operation(node.operator, operands)


def _length(node: Node, lengths: Mapping[Node, int]) -> int:
    return 3 + sum(lengths[one] for one in node.operands)


def _is_name(node: Node, symbol: str) -> bool:
    return node.operator == NAME and node.value == symbol
