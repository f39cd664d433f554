"""Languages of optimizers, features and schedules: predefined names, functions, results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from optgen.compiler.ir.expression import FUNCTION_NAMES, GIVEN
from optgen.compiler.ir.extent import OF_RANK, Extent
from optgen.compiler.ir.functions import FUNCTIONS, OF_SCHEDULES
from optgen.compiler.ir.matrix import MATRIX_FUNCTIONS
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reserved import (
    ATTRIBUTES,
    COLUMNS,
    DIMS,
    ROWS,
    SCHEDULE_ATTRIBUTES,
    SCHEDULE_WORDS,
    TENSOR_SIZE,
)
from optgen.compiler.ir.rule import (
    CALL,
    CHANGE,
    GRAD,
    LEARNING_RATE,
    OBSERVED,
    PARAM,
    STEP,
    Rule,
)
from optgen.compiler.ir.spec import Spec

#: The number of calls before this one, and the ratio of a circle's circumference to its diameter.
CALLS, PI = "calls", "pi"
#: The result of a schedule's rule.
VALUE = "value"
#: ``piecewise(x, bounds, levels)``: the level of the interval between two bounds that contains x.
PIECEWISE = "piecewise"


#: The shape of states that depend on hyperparameters and counters only.
OF_CALLS = "call"
#: The shapes of states, and their extents.
STATE_SHAPES: Mapping[str, Extent] = {
    OF_CALLS: Extent.TENSOR,
    "optimizer": Extent.OPTIMIZER,
    "tensor": Extent.TENSOR,
    "rows": Extent.ROWS,
    "columns": Extent.COLUMNS,
    "element": Extent.ELEMENT,
    "rows by rows": Extent.ROWS_BY_ROWS,
    "columns by columns": Extent.COLUMNS_BY_COLUMNS,
    "short by short": Extent.SHORT_BY_SHORT,
    **{extent.name.lower().replace("_", " "): extent for extent in OF_RANK},
}
#: The extents of matrices as the shapes of states.
SPELLED_SHAPES = {extent: name for name, extent in STATE_SHAPES.items() if name != OF_CALLS}
#: The shapes of inputs, and their extents.
INPUT_SHAPES: Mapping[str, Extent] = {
    "optimizer": Extent.OPTIMIZER,
    "element": Extent.ELEMENT,
}
#: The types of the arithmetic of products that a rule may choose.
COMPUTED = ("bfloat16",)
#: The views of variables as matrices.
VIEWS = ("first by rest", "last two", "two largest")


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
    #: Predeclared names that a spec may take for its own values, and what they stand for.
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Every predeclared name."""
        return (*self.given, *self.fixed)


#: The numbers of a variable's shape: elements, rows, columns, dimensions.
ALIASES = {"size": TENSOR_SIZE, "rows": ROWS, "columns": COLUMNS, "dims": DIMS}
#: The names of these numbers in specs.
SPELLED = {internal: name for name, internal in ALIASES.items()}
#: The sum of products over all variables, which the parser writes out as sums.
GLOBAL_DOT = "global_dot"
#: Functions whose names a spec may take for its own values.
HIDEABLE = frozenset({"largest", "smallest", "sum"})
UPDATES = Language(
    noun="optimizer",
    result=PARAM,
    ending=f"end with {CHANGE} = …, what is taken off param",
    given=(PARAM, GRAD),
    fixed=(LEARNING_RATE, CALL, STEP, *ALIASES.values()),
    functions={
        **dict.fromkeys(FUNCTION_NAMES, 1),
        **FUNCTIONS,
        **MATRIX_FUNCTIONS,
        **dict.fromkeys(DRAWS, 0),
        GLOBAL_DOT: 2,
    },
    attributes=ATTRIBUTES,
    aliases=ALIASES,
)
#: Features run around a rule, and one of their slots alters its change.
FEATURES = replace(UPDATES, given=(*UPDATES.given, CHANGE), fixed=(*UPDATES.fixed, *OBSERVED))
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
