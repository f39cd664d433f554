"""The text of a spec for a rule that was found."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optgen.compiler.ir.language import UPDATES
from optgen.compiler.ir.rule import LEARNING_RATE
from optgen.compiler.ir.spec import Spec
from optgen.tracing.arguments import Argument
from optgen.tracing.assembly import FoundRule, FoundState
from optgen.tracing.graph import NAME, names_of
from optgen.tracing.lines import Writer
from optgen.tracing.runs import GRAD, PARAM, STEP, Subject
from optgen.tracing.together import SIZE


@dataclass(frozen=True)
class Vocabulary:
    """Names that a spec can't give to values of its own."""

    taken: frozenset[str]
    #: The feature that an argument of this name replaces.
    replaced: Mapping[str, str]


def vocabulary(features: tuple[Spec, ...], functions: tuple[str, ...]) -> Vocabulary:
    """What the language, features and functions name."""
    replaced = {
        feature.hyperparameters[0].name.value: str(feature.name.value)
        for feature in features
        if len(feature.hyperparameters) == 1 and not feature.states
    }
    declared = {entry.name.value for feature in features for entry in feature.hyperparameters}
    declared |= {entry.name.value for feature in features for entry in feature.states}
    words = {*UPDATES.names, *UPDATES.functions, *UPDATES.attributes, *functions, "kwargs", "name"}
    return Vocabulary(frozenset((words | declared) - replaced.keys()), replaced)


def spec_text(
    subject: Subject, rule: FoundRule, ranges: Mapping[str, str], words: Vocabulary, name: str
) -> str:
    """The spec, in the language of specs."""
    return "\n".join(_Sheet(subject, rule, ranges, words, name).sections())


class _Sheet:
    """The parts of the text."""

    def __init__(
        self,
        subject: Subject,
        rule: FoundRule,
        ranges: Mapping[str, str],
        words: Vocabulary,
        name: str,
    ) -> None:
        self.subject, self.rule, self.ranges, self.name = subject, rule, ranges, name
        self.words = words
        read = names_of(*rule.nodes)
        numbers = subject.arguments.numbers
        self.numbers = [one for one in numbers if one.name in read or one.name == LEARNING_RATE]
        self.spelled = {f"{PARAM}0": "param", f"{GRAD}0": "grad", STEP: "step", f"{SIZE}0": "size"}
        self.spelled |= {one.name: one.name for one in self.numbers}
        self.spelled |= dict(self._state_names())

    def _state_names(self) -> Iterator[tuple[str, str]]:
        used = {*self.words.taken, *self.words.replaced, *(one.name for one in self.numbers)}
        for state in self.rule.states:
            stem = re.split("[:@]", state.symbol.removeprefix("state."))[0]
            name = re.sub(r"\W+", "_", stem).strip("_").lower() or "kept"
            name = name if name[0].isalpha() else f"kept_{name}"
            while name in used:
                name += "_kept"
            used.add(name)
            yield state.symbol, name

    def sections(self) -> Iterator[str]:
        owner = self.subject.owner
        yield f"name = {json.dumps(self.name)}"
        yield f"summary = {json.dumps(_summary(owner))}"
        yield f"reference = {json.dumps(f'{owner.__module__}.{owner.__qualname__}, traced')}"
        if self.numbers:
            yield "\n[hyperparameters]"
            yield from map(self._hyperparameter, self.numbers)
        if self.rule.states:
            yield "\n[state]"
            yield from map(self._state, self.rule.states)
        taken = self.words.taken | self.words.replaced.keys()
        lines = Writer(self.rule, self.spelled, self.subject.local_names, taken).lines()
        yield "\n[update]"
        yield "\n".join(['rule = """', *lines, '"""'])
        if self.numbers:
            yield "\n[torch]"
            yield from self._torch()
        yield ""

    def _hyperparameter(self, one: Argument) -> str:
        parts = [f"default = {_number(one.default)}"]
        if isinstance(one.default, int):
            parts.append("integer = true")
        if one.name in self.words.replaced:
            parts.append(f"replaces = {json.dumps(self.words.replaced[one.name])}")
        if one.name in self.ranges and one.name != LEARNING_RATE:
            parts.append(f'range = "{self.ranges[one.name]}"')
        if one.doc:
            parts.append(f"doc = {json.dumps(one.doc)}")
        return f"{one.name} = {{ {', '.join(parts)} }}"

    def _state(self, state: FoundState) -> str:
        parts = []
        if state.shape != "element":
            parts.append(f'shape = "{state.shape}"')
        initial = state.initial
        if initial.operator == NAME:
            parts.append(f'initial = "{self.spelled[str(initial.value)]}"')
        elif initial.value != 0:
            parts.append(f"initial = {initial.value!r}")
        return f"{self.spelled[state.symbol]} = {{ {', '.join(parts)} }}".replace("{  }", "{}")

    def _torch(self) -> Iterator[str]:
        keywords = dict.fromkeys(one.keyword for one in self.numbers)
        for keyword in keywords:
            items = [one for one in self.numbers if one.keyword == keyword]
            if len(items) < sum(one.keyword == keyword for one in self.subject.arguments.numbers):
                continue
            if items[0].item is None:
                yield f"{keyword} = {json.dumps(items[0].name)}"
            else:
                yield f"{keyword} = {json.dumps([one.name for one in items])}"


def _number(value: float | int) -> str:
    return repr(value)


def _summary(owner: type) -> str:
    """The first sentence of the docstring; a name where there is none."""
    own = owner.__doc__
    doc = inspect.cleandoc(own).strip() if own else ""
    first = re.sub(r"[`*]", "", doc.split("\n\n")[0].replace("\n", " ")).split(". ")[0].strip(". ")
    return f"{first or owner.__name__}."
