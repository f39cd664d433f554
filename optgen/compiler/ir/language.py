"""The languages of optimizers and schedules: predefined names, functions, required results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.compiler.ir.expression import FUNCTION_NAMES, GIVEN
from optgen.compiler.ir.functions import FUNCTIONS, OF_SCHEDULES
from optgen.compiler.ir.reserved import ATTRIBUTES, SCHEDULE_ATTRIBUTES, SCHEDULE_WORDS
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP, Rule
from optgen.compiler.ir.spec import Spec

#: The number of calls before this one, and the ratio of a circle's circumference to its diameter.
CALLS, PI = "calls", "pi"
#: What a schedule's rule computes.
VALUE = "value"
#: ``piecewise(x, bounds, levels)``: the level of the stretch between two bounds that x lies in.
PIECEWISE = "piecewise"


@dataclass(frozen=True)
class Language:
    """What the rules of one kind of spec are made of.

    ``given`` are names that a rule may read and change, ``fixed`` those that it may only read,
    ``functions`` tells how many arguments each function takes, ``attributes`` and ``words`` are
    what generated code needs for itself, ``ending`` is how a rule ends.
    """

    noun: str
    result: str
    ending: str
    given: tuple[str, ...]
    fixed: tuple[str, ...]
    functions: Mapping[str, int]
    attributes: frozenset[str]
    words: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that needs no declaration."""
        return (*self.given, *self.fixed)


UPDATES = Language(
    noun="optimizer",
    result=PARAM,
    ending="end with param = param - …",
    given=(PARAM, GRAD),
    fixed=(LEARNING_RATE, CALL, STEP),
    functions={**dict.fromkeys(FUNCTION_NAMES, 1), **FUNCTIONS},
    attributes=ATTRIBUTES,
)
SCHEDULES = Language(
    noun="schedule",
    result=VALUE,
    ending="end with value = …",
    given=(),
    fixed=(CALLS, PI),
    functions={**FUNCTIONS, **OF_SCHEDULES, PIECEWISE: 3, GIVEN: 1},
    attributes=SCHEDULE_ATTRIBUTES,
    words=SCHEDULE_WORDS,
)


def language_of(noun: Spec | Rule) -> Language:
    """The language that a spec, or the rule of one, is written in."""
    return SCHEDULES if noun.is_schedule else UPDATES


def foreign_name(name: str, language: Language) -> bool:
    """Whether a name is given to, or a function of, the other language only."""
    other = UPDATES if language is SCHEDULES else SCHEDULES
    known = {*language.names, *language.functions}
    return name in {*other.names, *other.functions} - known
