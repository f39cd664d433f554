"""Names that a spec may declare: they become Python identifiers in generated code."""

from __future__ import annotations

import keyword
import re

from optgen.compiler.ir.language import HIDEABLE, UPDATES, Language, language_of
from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.reserved import (
    ARGUMENTS,
    CLASSES,
    DEVICES,
    METHOD,
    MODULES,
    OWN_NAMES,
)
from optgen.compiler.ir.rule import GIVEN_NAMES, LEARNING_RATE
from optgen.compiler.ir.spec import HyperparameterEntry, Spec, StateEntry

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_TITLE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}\Z")
_PLAIN = "letters, digits and single underscores between them, at most 64"


def fault(name: str, language: Language = UPDATES) -> str:
    """Why a name can't be declared; empty if it can."""
    if not _IDENTIFIER.match(name) or "__" in name or name.endswith("_"):
        return f"{name!r:.80} is not a plain name: {_PLAIN}"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return f"{name!r} is a word of Python"
    if name in language.functions and name not in HIDEABLE:
        return f"{name!r} is a function of the language"
    if name in OWN_NAMES or name in language.words:
        return f"{name!r} is a name that generated code needs for itself"
    return ""


def class_name_fault(name: str) -> str:
    """Why a name is invalid for an optimizer or a schedule; empty if it is valid."""
    if not _TITLE.match(name):
        return f"{name!r:.80} is not a class name, like MyOptimizer"
    if keyword.iskeyword(name) or keyword.iskeyword(name.lower()):
        return f"{name!r} is a word of Python"
    if name in CLASSES or name.lower() in MODULES:
        return f"{name!r} is a name that generated code needs for itself"
    if name.lower() in DEVICES:
        return f"{name!r} can't be the name of a file on Windows"
    return ""


def check_names(spec: Spec, problems: Problems) -> None:
    """Collect a problem for each declared name that is invalid or declared twice."""
    _check_title(spec, problems)
    language = language_of(spec)
    for entry in spec.hyperparameters:
        message = fault(entry.name.value, language) or _argument_fault(entry, language)
        if entry.name.value == LEARNING_RATE and spec.slot is not None:
            message = f"{LEARNING_RATE!r} belongs to the optimizer, and every feature may use it"
        if message:
            problems.add(message, entry.name.location)
    arguments = {entry.name.value for entry in (*spec.hyperparameters, *spec.inputs)}
    for given in spec.inputs:
        message = fault(given.name.value, language) or _argument_fault_of(given.name.value)
        if message:
            problems.add(message, given.name.location)
    for state in spec.states:
        message = fault(state.name.value) or _state_fault(state, arguments)
        if message:
            problems.add(message, state.name.location)


def _check_title(spec: Spec, problems: Problems) -> None:
    title, language, hint = spec.name.value, language_of(spec), ""
    if spec.slot is None:
        message = class_name_fault(title)
        if message and _TITLE.match(title):
            hint = f"choose another name, such as {title + language.noun.title()!r:.80}"
    else:
        message = fault(title) or ("" if title.islower() else f"{title!r} must be in lower case")
    if message:
        problems.add(message, spec.name.location, hint)


def _argument_fault(entry: HyperparameterEntry, language: Language) -> str:
    name, is_switch = entry.name.value, isinstance(entry.default, bool)
    if name in language.names and name != LEARNING_RATE:
        return f"{name!r} is given by the language"
    if name in ARGUMENTS:
        return f"{name!r} is an argument that every {language.noun} has"
    if name == language.result:
        return f"{name!r} is what a {language.noun} computes"
    if name in language.attributes or METHOD.match(name):
        return f"{name!r} is an attribute that every {language.noun} has"
    if language is not UPDATES:
        return ""
    if is_switch and name == LEARNING_RATE:
        return f"{name!r} is a number"
    return ""


def _argument_fault_of(name: str) -> str:
    """Why an input can't have a name: it is an argument of ``apply``."""
    if name in {*GIVEN_NAMES, "grads", "trainable_variables", "closure", "self"}:
        return f"{name!r} is given by the language"
    return ""


def _state_fault(entry: StateEntry, arguments: set[str]) -> str:
    name = entry.name.value
    if name in arguments:
        return f"{name!r} is declared above already"
    if name in GIVEN_NAMES:
        return f"{name!r} is given by the language"
    return ""
