"""Just enough understanding of PTX to say what its loops do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

_LABEL = re.compile(r"(\$\w+):")
_BRANCH = re.compile(r"(@!?%p\d+ )?bra(?:\.uni)?\s+(\$\w+);")
_END = re.compile(r"(ret|exit|trap);")
#: What reads the tables that say where a chunk is: no part of an element loop.
_TABLE = re.compile(r"ld\.global\.[bus]64\b")


def instructions(text: str) -> list[str]:
    """The lines of a kernel's body."""
    body = text[text.index("{", text.index(".entry")) :]
    return [line.strip() for line in body.splitlines() if line.strip()]


def blocks(text: str) -> tuple[list[list[str]], list[tuple[int, int]]]:
    """Basic blocks, and the pairs of them where one may follow the other."""
    found: list[list[str]] = [[]]
    names: dict[str, int] = {}
    for line in instructions(text):
        label = _LABEL.match(line)
        if label:
            found.append([])
            names[label[1]] = len(found) - 1
            continue
        found[-1].append(line)
        if _BRANCH.match(line) or _END.match(line):
            found.append([])
    arrows = []
    for number, block in enumerate(found):
        last = block[-1] if block else ""
        branch = _BRANCH.match(last)
        if branch:
            arrows.append((number, names[branch[2]]))
        falls = not _END.match(last) and (branch is None or branch[1])
        if falls and number + 1 < len(found):
            arrows.append((number, number + 1))
    return found, arrows


def element_loops(text: str) -> Iterator[list[str]]:
    """The instructions of each innermost stretch of loops that moves elements as vectors."""
    found, arrows = blocks(text)
    reads_table = [any(_TABLE.search(line) for line in block) for block in found]
    inner = [(a, b) for a, b in arrows if not reads_table[a] and not reads_table[b]]
    heads, tails = np.array(inner or [(0, 0)]).T
    shape = (len(found), len(found))
    graph = csr_array((np.ones(len(heads)), (heads, tails)), shape=shape)
    _, parts = connected_components(graph, directed=True, connection="strong")
    cyclic = {parts[a] for a, b in inner if parts[a] == parts[b]}
    for part in sorted(cyclic):
        lines = [line for number in np.flatnonzero(parts == part) for line in found[number]]
        if any(re.search(r"\.global\.v[24]\.", line) for line in lines):
            yield lines


def count(pattern: str, text: str) -> int:
    return len(re.findall(pattern, text))
