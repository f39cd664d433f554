"""The arguments of an optimizer: which are hyperparameters, and what a spec calls them."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optgen.compiler.ir.problem import UsageError
from optgen.compiler.ir.rule import LEARNING_RATE

#: What torch's classes call the learning rate.
_RATES = ("lr", LEARNING_RATE)
#: What stands for an infinite default: numbers of specs are finite.
BOUNDLESS = 1e15
#: Arguments that choose another implementation of the same rule: one tensor after the other.
_PLAIN = {"foreach": False, "fused": None, "capturable": False, "differentiable": False}


@dataclass(frozen=True)
class Argument:
    """A number that the class is given, alone or as an item of a tuple."""

    #: The argument, and the place in it if it is a tuple.
    keyword: str
    item: int | None
    name: str
    default: float | int
    doc: str = ""


@dataclass(frozen=True)
class Arguments:
    """How an optimizer is built."""

    numbers: tuple[Argument, ...]
    #: All arguments, with plain values.
    given: Mapping[str, Any]

    def with_numbers(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, with other values for hyperparameters, by their names in the spec."""
        given = dict(self.given)
        for one in self.numbers:
            if one.item is None:
                given[one.keyword] = values[one.name]
            else:
                items = list(given[one.keyword])
                items[one.item] = values[one.name]
                given[one.keyword] = tuple(items)
        return given

    @property
    def defaults(self) -> dict[str, float | int]:
        """The value of each hyperparameter."""
        return {one.name: one.default for one in self.numbers}


def arguments_of(owner: type, values: Mapping[str, Any], taken: frozenset[str]) -> Arguments:
    """The arguments of a class, where ``values`` replace defaults; names avoid those ``taken``."""
    parameters = _parameters(owner)
    unknown = [name for name in values if name not in parameters and not _has_rest(owner)]
    if unknown:
        raise UsageError(f"{owner.__name__} has no argument {unknown[0]}")
    given: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in values:
            given[name] = values[name]
        elif parameter.default == math.inf:
            given[name] = BOUNDLESS
        elif parameter.default is not inspect.Parameter.empty:
            given[name] = _PLAIN.get(name, parameter.default)
        else:
            raise UsageError(
                f"{owner.__name__} needs a value of {name}: {owner.__name__}({name}=…)"
            )
    given |= {name: value for name, value in values.items() if name not in given}
    docs = _docs(owner)
    return Arguments(tuple(_numbers(given, parameters, docs, taken)), given)


def _parameters(owner: type) -> dict[str, inspect.Parameter]:
    found = list(inspect.signature(owner).parameters.values())[1:]
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {one.name: one for one in found if one.kind not in kinds}


def _has_rest(owner: type) -> bool:
    kinds = [one.kind for one in inspect.signature(owner).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _numbers(
    given: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter],
    docs: Mapping[str, str],
    taken: frozenset[str],
) -> Iterator[Argument]:
    for keyword, value in given.items():
        annotation = str(parameters[keyword].annotation) if keyword in parameters else ""
        doc = docs.get(keyword, "")
        if isinstance(value, tuple | list):
            stem = keyword.removesuffix("s") if keyword.endswith("as") else keyword
            whole = all(isinstance(item, int) for item in value)
            for place, item in enumerate(value):
                if _is_number(item):
                    name = _free(f"{stem}_{place + 1}", taken)
                    yield Argument(keyword, place, name, item if whole else float(item), doc)
        elif _is_number(value):
            name = LEARNING_RATE if keyword in _RATES else _free(keyword, taken)
            # A whole number may stand for another one, as in lr=1.
            whole = isinstance(value, int) and "float" not in annotation and name != LEARNING_RATE
            yield Argument(keyword, None, name, value if whole else float(value), doc)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _free(name: str, taken: frozenset[str]) -> str:
    return f"{name}_value" if name in taken else name


#: ``name (type): text``, with the lines that are indented further.
_ENTRY = re.compile(
    r"^([ \t]*)(?::param\s+)?(\w+)[ \t]*(?:\([^\n]*?\))?:[ \t]+(\S[^\n]*(?:\n\1[ \t]+\S[^\n]*)*)",
    re.MULTILINE,
)


def _docs(owner: type) -> dict[str, str]:
    """The first sentence on each argument in the docstring."""
    init = inspect.getdoc(owner.__init__) or ""  # type: ignore[misc]
    found = _ENTRY.findall(f"{init}\n{inspect.getdoc(owner) or ''}\n")
    return {name: _sentence(" ".join(doc.split())) for _, name, doc in found}


def _sentence(text: str) -> str:
    plain = re.sub(r"[`*\\]|:\w+:|\s*\(default:[^)]*\)", "", text)
    first = re.split(r"(?<=\w)[.;]\s", plain.strip())[0].strip(" .;,:")
    return first[:1].upper() + first[1:] + "." if first else ""
