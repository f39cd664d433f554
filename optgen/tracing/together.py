"""Sums over all parameters: what a loop adds up is the same for each of the two."""

from __future__ import annotations

from optgen.tracing.graph import NAME, Graph, Node, names_of, walk

#: The variable whose update becomes the rule; that of the other one must be the same.
RULE, OTHER = "0", "1"
GLOBAL_SUM = "global_sum"
SIZE = "size@"


def mark(symbol: str) -> str:
    """The variable that a symbol belongs to; empty for what all share."""
    end = max(symbol.rfind(":"), symbol.rfind("@"))
    return symbol[end + 1 :] if end >= 0 else ""


def free_names(node: Node) -> set[str]:
    """The names that a node is computed from, besides those in sums over all parameters."""
    waiting, seen, found = [node], set[int](), set[str]()
    while waiting:
        part = waiting.pop()
        if part.number in seen or part.operator == GLOBAL_SUM:
            continue
        seen.add(part.number)
        if part.operator == NAME:
            found.add(str(part.value))
        waiting += part.operands
    return found


def renamed(graph: Graph, node: Node) -> Node:
    """The node with the names of the rule's variable in place of the other's."""
    names = {name: graph.name(name[:-1] + RULE) for name in names_of(node) if mark(name) == OTHER}
    return graph.substitute(node, names) if names else node


def with_global_sums(graph: Graph, node: Node) -> Node:
    """The node with sums of what is alike for both variables as sums over all."""
    done: dict[int, Node] = {}
    for part in sorted(walk(node), key=lambda one: one.number):
        operands = tuple(done[one.number] for one in part.operands)
        if any(a is not b for a, b in zip(operands, part.operands, strict=True)):
            part_now = graph.combine(part.operator, *operands)
        else:
            part_now = part
        done[part.number] = _summed(graph, part_now) or part_now
    return done[node.number]


def _summed(graph: Graph, node: Node) -> Node | None:
    if node.operator != "+" or node.has_elements:
        return None
    before, last = node.operands
    if OTHER not in set(map(mark, free_names(last))):
        return None
    same = renamed(graph, last)
    if before is same:
        return _global(graph, same)
    if before.operator == "+" and before.operands[1] is same:
        return graph.add(before.operands[0], _global(graph, same))
    return None


def _global(graph: Graph, node: Node) -> Node:
    """The sum of a number over all variables, in which each counts once."""
    if node.operator == "sum" and node.operands[0].has_elements:
        return graph.apply(GLOBAL_SUM, node.operands[0])
    # A number counts once for each element.
    return graph.apply(GLOBAL_SUM, graph.divide(node, graph.name(f"{SIZE}{RULE}")))
