"""Names that a spec may declare: they become Python identifiers in generated code."""

from __future__ import annotations

import keyword
import re

from optgen.compiler.ir.language import HIDEABLE, SCHEDULES, UPDATES, Language, language_of
from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.reserved import (
    ARGUMENTS,
    CLASSES,
    DEVICES,
    METHOD,
    MODULES,
    OWN_NAMES,
)
from optgen.compiler.ir.rule import CHANGE, GIVEN_NAMES, LEARNING_RATE
from optgen.compiler.ir.spec import HyperparameterEntry, Spec, StateEntry

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_TITLE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}\Z")
_NO_CHANGE = f"{CHANGE!r} is what a rule takes off the parameter"
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


def words_of(spec: Spec) -> set[str]:
    """Every word that may be a name in a spec."""
    parts = spec.rule, spec.otherwise, spec.perturb
    texts = [text.value for text in parts if text is not None]
    texts += [text.value for _, text in spec.parts]
    declared = [one.name.value for one in spec.hyperparameters]
    declared += [one.name.value for one in spec.states]
    declared += [one.name.value for one in spec.inputs]
    return {*declared, *re.findall(r"[A-Za-z_]\w*", "\n".join(texts))}


def assigned_in(spec: Spec) -> set[str]:
    """The names that lines of a spec assign."""
    texts = [spec.rule, spec.otherwise, spec.perturb, *(text for _, text in spec.parts)]
    lines = "\n".join(text.value for text in texts if text is not None)
    targets = re.findall(r"^\s*([A-Za-z_][\w, ]*?)\s*=(?!=)", lines, re.MULTILINE)
    return {name for target in targets for name in re.findall(r"\w+", target)}


def free_name(wish: str, taken: set[str]) -> str:
    """The wished name, or one with a number behind it; it is taken from now on."""
    name, count = wish, 1
    while name in taken:
        count += 1
        name = f"{wish}_{count}"
    taken.add(name)
    return name


def check_names(spec: Spec, problems: Problems) -> None:
    """Collect a problem for each declared name that is invalid or declared twice."""
    _check_title(spec, problems)
    language = language_of(spec)
    _check_parts(spec, problems)
    for entry in spec.hyperparameters:
        message = fault(entry.name.value, language) or _argument_fault(entry, language)
        if entry.name.value == LEARNING_RATE and spec.slot is not None:
            message = f"{LEARNING_RATE!r} belongs to the optimizer, and every feature may use it"
        if message:
            problems.add(message, entry.name.location)
    _check_twice(spec, problems)
    arguments = {entry.name.value for entry in spec.hyperparameters}
    arguments |= {entry.name.value for entry in spec.inputs}
    _check_queues(spec, arguments, language, problems)
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


def _check_parts(spec: Spec, problems: Problems) -> None:
    for name, _ in spec.parts:
        message = fault(name.value)
        if message:
            problems.add(message, name.location)


def _check_queues(spec: Spec, arguments: set[str], language: Language, problems: Problems) -> None:
    taken = arguments | {state.inside or state.name.value for state in spec.states}
    for queue in spec.queues:
        message = fault(queue.name.value, language)
        if not message and queue.name.value in taken:
            message = f"{queue.name.value!r} is declared twice"
        if message:
            problems.add(message, queue.name.location)


def _check_twice(spec: Spec, problems: Problems) -> None:
    """Names that an item of a list has too, or the spec that is extended."""
    for entries in (spec.hyperparameters, spec.states):
        seen: set[str] = set()
        for entry in entries:
            if entry.name.value in seen:
                message = f"{entry.name.value!r} is declared twice"
                problems.add(message, entry.name.location, "choose another name")
            seen.add(entry.name.value)


def _argument_fault(entry: HyperparameterEntry, language: Language) -> str:
    return argument_fault(entry.name.value, language, is_switch=isinstance(entry.default, bool))


def argument_fault(name: str, language: Language = UPDATES, *, is_switch: bool = False) -> str:
    """Why a name that isn't at fault can't be that of an argument; empty if it can."""
    if name in language.names and name != LEARNING_RATE:
        return f"{name!r} is given by the language"
    if name in ARGUMENTS:
        return f"{name!r} is an argument that every {language.noun} has"
    if name == language.result:
        return f"{name!r} is what a {language.noun} computes"
    if name in language.attributes or METHOD.match(name):
        return f"{name!r} is an attribute that every {language.noun} has"
    if language is SCHEDULES:
        return ""
    if name == CHANGE:
        return _NO_CHANGE
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
    if name == CHANGE:
        return _NO_CHANGE
    if name in GIVEN_NAMES:
        return f"{name!r} is given by the language"
    return ""
