"""Guarded lines as nested ``if`` blocks, like hand-written code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optgen.compiler.ir.condition import ALWAYS, Case, Condition, Literal

INDENT = "    "


@dataclass(frozen=True)
class Line:
    """A statement, of several lines if it is a loop, with its guard and its section's comment."""

    text: str
    guard: Condition
    section: str = ""


def spell(condition: Condition) -> str:
    """A condition over switches as a Python expression."""
    if not condition.cases:
        return "False"
    parts = [
        " and ".join(atom if holds else f"not {atom}" for atom, holds in case) or "True"
        for case in condition.cases
    ]
    if len(parts) == 1:
        return parts[0]
    return " or ".join(f"({part})" if " and " in part else part for part in parts)


#: How a guard is written.
Spelling = Callable[[Condition], str]


def lay_out(
    lines: Sequence[Line], depth: int = 0, spelling: Spelling = spell, *, joined: bool = False
) -> str:
    """Statements as indented text: a comment where a section begins, guards as ifs.

    Ifs with nothing between them are ``joined`` to one where that is wanted.
    """
    nesting = _Nesting(spelling, joined)
    result: list[str] = []
    position = 0
    while position < len(lines):
        section = lines[position].section
        end = position
        while end < len(lines) and lines[end].section == section:
            end += 1
        rows = nesting.nested(lines[position:end], depth, ())
        # A section that begins with an if needs no comment.
        if section and not (joined and rows[0].lstrip().startswith("if ")):
            result.append(f"{INDENT * depth}# {section}")
        result += rows
        position = end
    return "\n".join(result)


@dataclass(frozen=True)
class _Nesting:
    spelling: Spelling
    joined: bool

    def nested(self, lines: Sequence[Line], depth: int, known: Case) -> list[str]:
        """Lines under as few ifs as their order allows, where some literals are known."""
        result: list[str] = []
        position = 0
        while position < len(lines):
            guard = lines[position].guard.given(known)
            if guard == ALWAYS:
                result += _indented(lines[position].text, depth)
                position += 1
                continue
            literal = _shared(guard)
            if literal is None:
                result.append(f"{INDENT * depth}if {self.spelling(guard)}:")
                result += _indented(lines[position].text, depth + 1)
                position += 1
                continue
            end = _run(lines, position, literal, known)
            opposite = (literal[0], not literal[1])
            after = _run(lines, end, opposite, known)
            shared: Case = (literal,)
            if self.joined and after == end:
                shared += _also_shared(lines[position:end], (*known, literal))
            result.append(f"{INDENT * depth}if {self.spelling(Condition((shared,)))}:")
            result += self.nested(lines[position:end], depth + 1, (*known, *shared))
            if after > end:
                result += _otherwise(
                    self.nested(lines[end:after], depth + 1, (*known, opposite)), depth
                )
            position = after
        return result


def _otherwise(lines: Sequence[str], depth: int) -> list[str]:
    """The branch for the opposite of a condition, given its lines: elif if they are one if."""
    inner = INDENT * (depth + 1)
    heads = [line for line in lines if line.startswith(inner) and line[len(inner)] != " "]
    words = [line.split(maxsplit=1)[0] for line in heads]
    if words[0] != "if" or not {*words[1:]} <= {"elif", "else:", ")"}:
        return [f"{INDENT * depth}else:", *lines]
    first, *others = (line.removeprefix(INDENT) for line in lines)
    return [first.replace("if ", "elif ", 1), *others]


def _indented(text: str, depth: int) -> list[str]:
    return [f"{INDENT * depth}{line}" for line in text.split("\n")]


def _shared(guard: Condition) -> Literal | None:
    """A literal that all cases of a guard share."""
    first, *others = guard.cases or ((),)
    return next((literal for literal in first if all(literal in case for case in others)), None)


def _also_shared(lines: Sequence[Line], known: Case) -> Case:
    """The literals that all lines share, except known ones."""
    found: list[Literal] = []
    while True:
        guards = [line.guard.given((*known, *found)) for line in lines]
        literal = _shared(guards[0])
        if literal is None or not all(
            guard.cases and all(literal in case for case in guard.cases) for guard in guards
        ):
            return tuple(found)
        found.append(literal)


def _run(lines: Sequence[Line], start: int, literal: Literal, known: Case) -> int:
    """The end of the run of lines that share a literal."""
    end = start
    while end < len(lines):
        cases = lines[end].guard.given(known).cases
        if not cases or not all(literal in case for case in cases):
            break
        end += 1
    return end


def asks(condition: Condition) -> str:
    """A condition over switches as an expression over a mapping ``on`` of them."""
    cases = tuple(
        tuple((f'on["{atom}"]', holds) for atom, holds in case) for case in condition.cases
    )
    return spell(Condition(cases))
