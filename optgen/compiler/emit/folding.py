"""Line breaks in long statements of generated code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

WIDTH = 100
_STEP = "    "
#: The prefix of a statement before its value; empty for a bare call.
_HEAD = re.compile(r"return |[^()=]+ = |(?=\w+\()")
#: An entry of a dictionary, which is broken inside its own brackets.
_ENTRY = re.compile(r'(\w+)\[("\w+")\]')
#: A value that is one call.
_CALL = re.compile(r"[\w.]+\(")
#: Lists that are filled line by line: arguments, imports, targets.
_LISTS = (
    re.compile(r"(?P<head>def \w+\()(?P<listed>.*)(?P<tail>\) -> [\w.]+:)"),
    re.compile(r"(?P<head>from [\w.]+ import )(?P<listed>[\w, ]+)(?P<tail>)"),
    re.compile(r"(?P<head>)(?P<listed>\w+, [\w, ]+)(?P<tail> = .*)"),
    re.compile(r"(?P<head>\w+ ?= ?\()(?P<listed>(?:\"\w+\", )+\"\w+\")(?P<tail>\))"),
)


def fold(text: str) -> str:
    """Text whose long statements are broken inside brackets; comments and prose stay."""
    return "\n".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    is_prose = False
    for line in text.split("\n"):
        is_long = len(line) > WIDTH and not is_prose and not line.lstrip().startswith("#")
        rows = _folded(line) if is_long else [line]
        yield from (part for row in rows for part in (_broken(row) if is_long else [row]))
        is_prose ^= line.count('"""') % 2 == 1


def _broken(line: str) -> list[str]:
    """A line that is still too long, broken inside its longest brackets."""
    depths = _depths(line)
    openings = [i for i, one in enumerate(line) if one == "(" and depths[i] == 1]
    groups = [(i, next((j for j in range(i, len(line)) if depths[j] == 0), 0)) for i in openings]
    begin, end = max(groups, key=lambda group: group[1] - group[0], default=(0, 0))
    prefix = line[: len(line) - len(line.lstrip())]
    if len(line) > WIDTH and _is_lambda(line.strip()):
        return _argument(prefix, line.strip())
    if len(line) > WIDTH and end - begin < len(_STEP) and line.lstrip().startswith(("+ ", "- ")):
        # A term of a sum that is broken already: before its factors.
        first, *rest = _parts(line.strip()[2:])
        return [f"{prefix}{line.strip()[:2]}{first}", *(prefix + _STEP + one for one in rest)]
    if len(line) <= WIDTH or end - begin < len(_STEP):
        return [line]
    inner, tail = prefix + _STEP, line[end:]
    listed = list(_arguments(line[begin + 1 : end].rstrip(",")))
    is_list = len(listed) > 1 or line[begin + 1 : end].endswith(",")
    rows = [f"{one}," for one in listed] if is_list else _parts(listed[0])
    rows = _joined(rows, WIDTH - len(inner))
    return [line[: begin + 1], *(p for r in rows for p in _broken(inner + r)), prefix + tail]


def _parts(value: str) -> list[str]:
    """An expression, cut before its weakest operators."""
    bounds = [-1, *_cuts(value), len(value)]
    return [value[a + 1 : b] for a, b in pairwise(bounds)]


def _folded(line: str, width: int = WIDTH) -> list[str]:
    """A long line, broken into several."""
    if len(line) <= width:
        return [line]
    statement = line.lstrip()
    if statement.endswith(","):
        *rows, last = _folded(line[:-1], WIDTH - 1)
        return [*rows, f"{last},"]
    prefix = line[: len(line) - len(statement)]
    for pattern in _LISTS:
        found = pattern.fullmatch(statement)
        if found:
            return _filled(prefix, found["head"], found["listed"], found["tail"])
    return _wrapped(prefix, statement)


def _filled(prefix: str, head: str, listed: str, tail: str) -> list[str]:
    """A list over as few lines as it takes."""
    opening, closing = (head, tail) if head.endswith("(") else (f"{head}(", f"){tail}")
    rows = [""]
    for item in _arguments(listed.rstrip(",")):
        if rows[-1] and len(prefix) + len(_STEP) + len(rows[-1]) + len(item) + 2 > WIDTH:
            rows.append("")
        rows[-1] += f"{' ' if rows[-1] else ''}{item},"
    inner = [part for row in rows for part in _argument(prefix + _STEP, row)]
    return [f"{prefix}{opening}", *inner, f"{prefix}{closing}"]


def _wrapped(prefix: str, text: str) -> list[str]:
    begins = _HEAD.match(text)
    if begins is None:
        return [prefix + text]
    target, value = begins[0], text[begins.end() :]
    entry = _ENTRY.fullmatch(value)
    if entry:
        return [f"{prefix}{target}{entry[1]}[", f"{prefix}{_STEP}{entry[2]}", f"{prefix}]"]
    inner, cuts = prefix + _STEP, _cuts(value)
    opening = _last_bracket(value)
    if opening and len(cuts) <= 1:
        head, arguments = f"{prefix}{target}{value[:opening]}", value[opening:-1]
        if len(head) <= WIDTH and len(inner) + len(arguments) <= WIDTH:
            return [head, inner + arguments, f"{prefix})"]
        if not cuts and _is_call(value):
            return _filled(prefix, target + value[:opening], arguments, ")")
    parts = [value]
    if len(inner) + len(value) > WIDTH:
        bounds = [-1, *cuts, len(value)]
        parts = [value[a + 1 : b] for a, b in pairwise(bounds)]
        if parts[-1].startswith("| "):
            parts = _joined(parts, WIDTH - len(inner))
    return [f"{prefix}{target}(", *(inner + part for part in parts), f"{prefix})"]


def _joined(parts: Sequence[str], width: int) -> list[str]:
    """Parts over as few lines as they take."""
    rows = [""]
    for part in parts:
        if rows[-1] and len(rows[-1]) + 1 + len(part) > width:
            rows.append("")
        rows[-1] += f"{' ' if rows[-1] else ''}{part}"
    return rows


def _argument(prefix: str, row: str) -> list[str]:
    """A row of arguments; one that is too long is broken where its brackets allow it."""
    if len(prefix) + len(row) <= WIDTH:
        return [prefix + row]
    text = row.removesuffix(",")
    if _is_lambda(text):
        head, _, body = text.partition(": ")
        word = "or" if " or " in body else "and"
        parts = body.replace(f" {word} ", f"\n{word} ").split("\n")
        return [f"{prefix}{head}: (", *(f"{prefix}{_STEP}{part}" for part in parts), f"{prefix}),"]
    cuts = _cuts(text)
    bounds = [-1, *cuts, len(text)]
    rows = [prefix + text[a + 1 : b] for a, b in pairwise(bounds)]
    if not cuts and _is_call(text):
        opening = _last_bracket(text)
        rows = _filled(prefix, text[:opening], text[opening:-1], ")")
    return [*rows[:-1], f"{rows[-1]},"]


def _is_lambda(argument: str) -> bool:
    return re.match(r"\w+=lambda ", argument) is not None


def _depths(value: str) -> list[int]:
    depths, depth = [], 0
    for letter in value:
        depth += (letter in "([{") - (letter in ")]}")
        depths.append(depth)
    return depths


def _cuts(value: str) -> list[int]:
    """Where an expression may be cut: before its outermost operators of the weakest kind."""
    depths = _depths(value)
    for operators in (r" (?=if |else )", r" (?=\| )", r" (?=[+-] )", r" (?=[*/] )"):
        cuts = [cut.start() for cut in re.finditer(operators, value) if depths[cut.start()] == 0]
        if cuts:
            return cuts
    return []


def _arguments(listed: str) -> Iterator[str]:
    """The arguments of a call, without the commas between them."""
    depths = _depths(listed)
    commas = [i for i, letter in enumerate(listed) if letter == "," and depths[i] == 0]
    bounds = [-1, *commas, len(listed)]
    yield from (listed[a + 1 : b].strip() for a, b in pairwise(bounds))


def _is_call(value: str) -> bool:
    """Whether a value is one call and nothing else."""
    begins = _CALL.match(value)
    return begins is not None and begins.end() == _last_bracket(value)


def _last_bracket(value: str) -> int:
    """Where the inside begins of a bracket that ends an expression; 0 if none does."""
    if not value.endswith(")"):
        return 0
    depths = _depths(value)
    opening = max((i for i, depth in enumerate(depths[:-1]) if depth == 0), default=-1) + 1
    return opening + 1 if opening > 0 else 0
