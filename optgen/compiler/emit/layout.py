"""Guarded lines as nested ``if`` blocks, indented and wrapped like hand-written code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optgen.compiler.ir.condition import ALWAYS, Case, Condition, Literal

WIDTH = 100
_STEP = "    "
#: What stands before the value of a statement; nothing before a bare call.
_HEAD = re.compile(r"return |[^()=]+ = |(?=\w+\()")
#: An entry of a dictionary, which is broken inside its own brackets.
_ENTRY = re.compile(r'(\w+)\[("\w+")\]')
#: Arguments of a function fit on the line of its def up to here.
_SHORT = 48


@dataclass(frozen=True)
class Line:
    """One statement, when it is run, and the comment under which it stands."""

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


def lay_out(lines: Sequence[Line], depth: int, spelling: Spelling = spell) -> str:
    """Statements as indented text: a comment where a section begins, guards as ifs."""
    result: list[str] = []
    position = 0
    while position < len(lines):
        section = lines[position].section
        end = position
        while end < len(lines) and lines[end].section == section:
            end += 1
        if section:
            result.append(f"{_STEP * depth}# {section}")
        result += _nest(lines[position:end], depth, (), spelling)
        position = end
    return "\n".join(result)


def indent(lines: Iterable[str], depth: int) -> str:
    """Lines as text, so many levels deep."""
    return "\n".join(f"{_STEP * depth}{line}" for line in lines)


def signature(positional: Sequence[str], switches: Sequence[str]) -> str:
    """The arguments of a function that compiles a kernel, one a line where they are many."""
    arguments = [*positional, *(["*"] if switches else [])]
    arguments += [f"{switch}: bool" for switch in switches]
    line = ", ".join(arguments)
    if len(line) <= _SHORT:
        return line
    return "\n" + indent([f"{argument}," for argument in arguments], 1) + "\n"


def _nest(lines: Sequence[Line], depth: int, known: Case, spelling: Spelling) -> list[str]:
    result: list[str] = []
    position = 0
    while position < len(lines):
        guard = lines[position].guard.given(known)
        if guard == ALWAYS:
            result += wrap(lines[position].text, depth)
            position += 1
            continue
        literal = _shared(guard)
        if literal is None:
            result.append(f"{_STEP * depth}if {spelling(guard)}:")
            result += wrap(lines[position].text, depth + 1)
            position += 1
            continue
        end = _run(lines, position, literal, known)
        result.append(f"{_STEP * depth}if {spelling(Condition(((literal,),)))}:")
        result += _nest(lines[position:end], depth + 1, (*known, literal), spelling)
        opposite = (literal[0], not literal[1])
        position, end = end, _run(lines, end, opposite, known)
        if end > position:
            result.append(f"{_STEP * depth}else:")
            result += _nest(lines[position:end], depth + 1, (*known, opposite), spelling)
            position = end
    return result


def _shared(guard: Condition) -> Literal | None:
    """A literal that every case of a guard asks for."""
    first, *others = guard.cases or ((),)
    return next((literal for literal in first if all(literal in case for case in others)), None)


def _run(lines: Sequence[Line], start: int, literal: Literal, known: Case) -> int:
    """The end of the run of lines that all ask for a literal."""
    end = start
    while end < len(lines):
        cases = lines[end].guard.given(known).cases
        if not cases or not all(literal in case for case in cases):
            break
        end += 1
    return end


def call(function: str, arguments: Sequence[str], depth: int) -> str:
    """A call with a comma behind it, one argument a line where one line is too short."""
    prefix = _STEP * depth
    line = f"{prefix}{function}({', '.join(arguments)}),"
    if len(line) <= WIDTH:
        return line
    inner = indent([f"{argument}," for argument in arguments], depth + 1)
    return f"{prefix}{function}(\n{inner}\n{prefix}),"


def asks(condition: Condition) -> str:
    """A condition over switches as an expression over a mapping ``on`` of them."""
    cases = tuple(
        tuple((f'on["{atom}"]', holds) for atom, holds in case) for case in condition.cases
    )
    return spell(Condition(cases))


def asking(condition: Condition, depth: int) -> str:
    """An argument ``when`` that asks for a condition, broken at its ors where it is long."""
    prefix, text = _STEP * depth, asks(condition)
    line = f"{prefix}when=lambda on: {text},"
    if len(line) <= WIDTH:
        return line
    whole = f"{prefix}{_STEP}{text}"
    parts = text.replace(" or ", "\nor ").split("\n")
    rows = [whole] if len(whole) <= WIDTH else [f"{prefix}{_STEP}{part}" for part in parts]
    return "\n".join([f"{prefix}when=lambda on: (", *rows, f"{prefix}),"])


def wrap(text: str, depth: int) -> list[str]:
    """A statement, broken inside brackets where its value makes it too long for a line."""
    prefix, begins = _STEP * depth, _HEAD.match(text)
    if len(prefix) + len(text) <= WIDTH or begins is None:
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
        if not target:
            return [head, *(f"{inner}{part}," for part in _arguments(arguments)), f"{prefix})"]
    parts = [value]
    if len(inner) + len(value) > WIDTH:
        bounds = [-1, *cuts, len(value)]
        parts = [value[a + 1 : b] for a, b in pairwise(bounds)]
    return [f"{prefix}{target}(", *(inner + part for part in parts), f"{prefix})"]


def _depths(value: str) -> list[int]:
    depths, depth = [], 0
    for letter in value:
        depth += (letter == "(") - (letter == ")")
        depths.append(depth)
    return depths


def _cuts(value: str) -> list[int]:
    """Where an expression may be cut: before its outermost operators of the weakest kind."""
    depths = _depths(value)
    for operators in (r" (?=if |else )", r" (?=[+-] )", r" (?=[*/] )"):
        cuts = [cut.start() for cut in re.finditer(operators, value) if depths[cut.start()] == 0]
        if cuts:
            return cuts
    return []


def _arguments(listed: str) -> list[str]:
    """The arguments of a call, without the commas between them."""
    depths = _depths(listed)
    commas = [i for i, letter in enumerate(listed) if letter == "," and depths[i] == 0]
    bounds = [-1, *commas, len(listed)]
    return [listed[a + 1 : b].strip() for a, b in pairwise(bounds)]


def _last_bracket(value: str) -> int:
    """Where the inside begins of a bracket that ends an expression; 0 if none does."""
    if not value.endswith(")"):
        return 0
    depths = _depths(value)
    opening = max((i for i, depth in enumerate(depths[:-1]) if depth == 0), default=-1) + 1
    return opening + 1 if opening > 0 else 0
