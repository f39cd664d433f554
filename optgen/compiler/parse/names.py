"""Which names a spec may declare: they become Python identifiers in generated code."""

from __future__ import annotations

import keyword
import re

from optgen.compiler.nouns.expression import FUNCTION_NAMES
from optgen.compiler.nouns.problem import Problem
from optgen.compiler.nouns.rule import GIVEN_NAMES, LEARNING_RATE
from optgen.compiler.nouns.spec import Spec, Text

#: Arguments that every optimizer class has besides its hyperparameters.
ARGUMENTS = frozenset({"self", "name", "kwargs"})

#: Names that generated modules import or hold.
_TAKEN_CLASSES = frozenset({"Any", "Array", "Hyperparameter", "Number", "Optimizer", "Sequence"})
_TAKEN_CLASSES |= {"State", "Switch"}
_TAKEN_MODULES = frozenset({"cpu", "cuda", "schedules"})

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_TITLE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}\Z")


def fault(name: str) -> str:
    """Why a name can't be declared; empty when it can."""
    if not _IDENTIFIER.match(name) or "__" in name or name.endswith("_"):
        return f"{name!r:.80} is not a plain name: letters, digits and single underscores"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in ("None", "True", "False"):
        return f"{name!r} is a word of Python"
    if name in FUNCTION_NAMES:
        return f"{name!r} is a function of the language"
    return ""


def class_name_fault(name: str) -> str:
    """Why an optimizer can't have a name; empty when it can."""
    if not _TITLE.match(name):
        return f"{name!r:.80} is not a class name, like MyOptimizer"
    if keyword.iskeyword(name) or keyword.iskeyword(name.lower()):
        return f"{name!r} is a word of Python"
    if name in _TAKEN_CLASSES or name.lower() in _TAKEN_MODULES:
        return f"{name!r} is a name that generated code needs for itself"
    return ""


def check_names(spec: Spec, problems: list[Problem]) -> None:
    """Collect a problem for each declared name that can't be one, or is declared twice."""
    title = spec.name.value
    if spec.slot is not None:
        message = fault(title) or ("" if title.islower() else f"{title!r} must be in lower case")
    else:
        message = class_name_fault(title)
    if message:
        problems.append(Problem(message, spec.name.location))
    seen: set[str] = set()
    hyperparameters = [entry.name for entry in spec.hyperparameters]
    for name in (*hyperparameters, *(entry.name for entry in spec.states)):
        message = fault(name.value) or _taken(name, seen, is_argument=name in hyperparameters)
        if message:
            problems.append(Problem(message, name.location))
        seen.add(name.value)


def _taken(name: Text, seen: set[str], is_argument: bool) -> str:
    if name.value in seen:
        return f"{name.value!r} is both a hyperparameter and a state"
    given = set(GIVEN_NAMES) - ({LEARNING_RATE} if is_argument else set())
    if name.value in given:
        return f"{name.value!r} is given by the language"
    if is_argument and name.value in ARGUMENTS:
        return f"{name.value!r} is an argument that every optimizer has"
    return ""
