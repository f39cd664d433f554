"""Parsing of schedule arguments from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from optgen.compiler.ir.problem import nearest
from optgen.compiler.ir.spec import HyperparameterEntry, Spec

_ARGUMENT = re.compile(r"([A-Za-z]\w*)=(.*)", re.DOTALL)
_SWITCH = {"true": True, "false": False}


class TypedError(ValueError):
    """An error in typed arguments; the message includes the correct form."""


@dataclass(frozen=True)
class Request:
    """A schedule, given by name or file, and its arguments as text."""

    name: str
    arguments: tuple[tuple[str, str], ...] = ()


def read_requests(words: Sequence[str]) -> list[Request]:
    """Parse ``NAME key=value … NAME key=value …``: an argument belongs to the preceding name.

    Raises TypedError if an argument precedes all names, or is given twice.
    """
    requests: list[Request] = []
    for word in words:
        found = _ARGUMENT.fullmatch(word)
        if found is None:
            requests.append(Request(word))
            continue
        if not requests:
            raise TypedError(f"{word} belongs to no schedule; name one before it")
        last = requests.pop()
        if found[1] in dict(last.arguments):
            raise TypedError(f"{last.name}: {found[1]} is given twice")
        requests.append(Request(last.name, (*last.arguments, (found[1], found[2]))))
    return requests


def read_values(spec: Spec, request: Request) -> dict[str, object]:
    """The values of the arguments that a spec declares.

    Raises TypedError if an argument is missing, unknown, or of the wrong kind.
    """
    entries = {entry.name.value: entry for entry in spec.hyperparameters}
    given = dict(request.arguments)
    for name in given:
        if name not in entries:
            hint = nearest(name, entries) or f"it has {', '.join(entries)}"
            raise TypedError(f"{spec.name} has no argument {name!r}; {hint}")
    missing = [name for name, entry in entries.items() if entry.required and name not in given]
    if missing:
        example = " ".join(f"{name}=…" for name in missing)
        raise TypedError(f"{spec.name} needs {', '.join(missing)}; add {example}")
    return {name: _value(entries[name], text) for name, text in given.items()}


def _value(entry: HyperparameterEntry, text: str) -> object:
    if entry.is_list:
        return [_number(entry, part) for part in text.split(",") if part.strip()]
    if isinstance(entry.default, bool):
        if text.lower() not in _SWITCH:
            raise TypedError(f"{entry.name}={text}: write true or false")
        return _SWITCH[text.lower()]
    if entry.optional and text.lower() == "none":
        return None
    return _number(entry, text)


def _number(entry: HyperparameterEntry, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        wanted = "numbers with commas between them" if entry.is_list else "a number"
        raise TypedError(f"{entry.name}={text}: write {wanted}") from None
