"""Which instructions of x86-64 assembly, as AT&T writes it, make up its innermost loops."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Arrow = tuple[int, int]

_LABEL = re.compile(r"([\w.$]+):")
_BRANCH = re.compile(r"j\w+\s+([\w.$]+)$")
_END = re.compile(r"(jmp|ret|ud2)")


def innermost_loops(text: str) -> Iterator[tuple[str, ...]]:
    """The instructions of each, in all functions."""
    found, arrows = blocks(text)
    for members in _innermost(range(len(found)), arrows, arrows):
        yield tuple(line for number in sorted(members) for line in found[number])


def outermost_loops(text: str) -> Iterator[tuple[str, ...]]:
    """The instructions of each loop that is in no other, in all functions."""
    found, arrows = blocks(text)
    for members in _cycles(range(len(found)), arrows):
        yield tuple(line for number in sorted(members) for line in found[number])


def blocks(text: str) -> tuple[list[list[str]], list[Arrow]]:
    """Basic blocks, and the pairs of them where one may follow the other."""
    found: list[list[str]] = [[]]
    names: dict[str, int] = {}
    for line in map(str.strip, text.splitlines()):
        label = _LABEL.match(line)
        if label:
            # What follows a jump is empty until its label comes, and no block of its own.
            found += [[]] if found[-1] or len(found) - 1 in names.values() else []
            names[label[1]] = len(found) - 1
        elif line and not line.startswith((".", "#")):
            found[-1].append(line)
            if _BRANCH.match(line) or _END.match(line):
                found.append([])
    arrows = []
    for number, block in enumerate(found):
        last = block[-1] if block else ""
        branch = _BRANCH.match(last)
        if branch and branch[1] in names:
            arrows.append((number, names[branch[1]]))
        if not _END.match(last) and number + 1 < len(found):
            arrows.append((number, number + 1))
    return found, arrows


def _innermost(
    members: Iterable[int], arrows: list[Arrow], every: list[Arrow]
) -> Iterator[set[int]]:
    """The blocks of each loop that holds no other, of the loops among some blocks."""
    for part in _cycles(members, arrows):
        # Without the ways back to where a loop is entered, what is still a cycle is a loop in it.
        heads = {b for a, b in every if b in part and a not in part} or {min(part)}
        inside = [(a, b) for a, b in arrows if a in part and b in part and b not in heads]
        inner = list(_innermost(part, inside, every))
        yield from inner or [part]


def _cycles(members: Iterable[int], arrows: list[Arrow]) -> list[set[int]]:
    """The largest sets of blocks in which each leads to each."""
    if not arrows:
        return []
    size = 1 + max(map(max, arrows))
    heads, tails = np.array(arrows).T
    graph = csr_array((np.ones(len(arrows)), (heads, tails)), shape=(size, size))
    _, labels = connected_components(graph, directed=True, connection="strong")
    cyclic = sorted({int(labels[a]) for a, b in arrows if labels[a] == labels[b]})
    return [{n for n in members if n < size and labels[n] == one} for one in cyclic]
