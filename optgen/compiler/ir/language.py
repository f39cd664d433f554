"""Languages of optimizers, features and schedules: predefined names, functions, results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optgen.compiler.ir.expression import FUNCTION_NAMES, GIVEN
from optgen.compiler.ir.functions import FUNCTIONS, OF_SCHEDULES
from optgen.compiler.ir.reserved import ATTRIBUTES, SCHEDULE_ATTRIBUTES, SCHEDULE_WORDS
from optgen.compiler.ir.rule import CALL, CHANGE, GRAD, LEARNING_RATE, PARAM, STEP, Rule
from optgen.compiler.ir.spec import Spec

#: The number of calls before this one, and the ratio of a circle's circumference to its diameter.
CALLS, PI = "calls", "pi"
#: The result of a schedule's rule.
VALUE = "value"
#: ``piecewise(x, bounds, levels)``: the level of the interval between two bounds that contains x.
PIECEWISE = "piecewise"


@dataclass(frozen=True)
class Language:
    """The vocabulary of the rules of one kind of spec.

    A rule can read and assign the names in ``given``, and only read those in ``fixed``.
    ``functions`` maps each function to its number of arguments. ``attributes`` and ``words`` are
    reserved for generated code. ``ending`` is the required last part of a rule.
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
        """Every predeclared name."""
        return (*self.given, *self.fixed)


UPDATES = Language(
    noun="optimizer",
    result=PARAM,
    ending=f"end with {CHANGE} = …, what is taken off param",
    given=(PARAM, GRAD),
    fixed=(LEARNING_RATE, CALL, STEP),
    functions={**dict.fromkeys(FUNCTION_NAMES, 1), **FUNCTIONS},
    attributes=ATTRIBUTES,
)
#: Features run around a rule, and one of their slots alters its change.
FEATURES = replace(UPDATES, given=(*UPDATES.given, CHANGE))
#: A function is called by these rules; its arguments are all that it gets besides counters.
FUNCTIONS_OF_RULES = replace(UPDATES, noun="function")
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
    """The language of a spec, or of its rule."""
    if noun.is_schedule:
        return SCHEDULES
    if isinstance(noun, Spec) and noun.is_function:
        return FUNCTIONS_OF_RULES
    slot = noun.blocks[0].slot if isinstance(noun, Rule) else noun.slot
    return UPDATES if slot is None else FEATURES


def foreign_name(name: str, language: Language) -> bool:
    """Whether a name is predeclared, or a function, in the other language only."""
    other = UPDATES if language.noun == SCHEDULES.noun else SCHEDULES
    known = {*language.names, *language.functions}
    return name in {*other.names, *other.functions} - known
