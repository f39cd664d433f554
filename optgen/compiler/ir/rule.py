"""The second noun: an update rule as typed steps, alone or with the features woven in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import Expression, Name, Operation, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.spec import Scalar, Text, TorchArgument

#: Names that every rule can use without a declaration.
PARAM, GRAD, LEARNING_RATE, CALL, STEP = "param", "grad", "learning_rate", "call", "step"
COUNTERS = (CALL, STEP)
GIVEN_NAMES = (PARAM, GRAD, LEARNING_RATE, CALL, STEP)
#: What features that observe an update may read: the parameter and the gradient before it, and the
#: parameter after it, as it is stored.
OLD_PARAM, OLD_GRAD, NEW_PARAM = "old_param", "old_grad", "new_param"
OBSERVED = (OLD_PARAM, OLD_GRAD, NEW_PARAM)
#: What a rule takes off the parameter.
CHANGE = "change"
CHANGED = Operation("-", (Name(PARAM), Name(CHANGE)))
#: The last line of a rule, which it may leave out.
ENDING = f"{PARAM} = {text(CHANGED)}"


@dataclass(frozen=True)
class Hyperparameter:
    """A number or switch that users set."""

    name: str
    default: Scalar | None
    location: Location
    range: Expression | None = None
    doc: str = ""
    optional: bool = False
    integer: bool = False
    required: bool = False
    is_list: bool = False
    #: Whether it follows the argument ``name`` in the signature.
    after_name: bool = False
    excluded: Scalar | None = None
    #: Whether it is a static loss scale.
    scales_loss: bool = False
    #: What it bounds the sides of: of matrices that have a "rank", or of a "block" of each matrix.
    bounds: str = ""
    #: The feature that isn't woven into this rule, whose argument it is instead.
    replaces: Text | None = None
    #: For which variables that is so.
    replaced_where: Condition = ALWAYS
    #: Whether groups of variables may have different values.
    grouped: bool = False
    #: The locations of the numbers.
    default_at: Location | None = None
    excluded_at: Location | None = None

    @property
    def is_switch(self) -> bool:
        """Whether it is a switch, which selects code."""
        return isinstance(self.default, bool)


@dataclass(frozen=True)
class State:
    """An array that persists between steps: of the parameter's shape, or of an ``extent``."""

    name: str
    location: Location
    when: Condition = ALWAYS
    initial: Scalar | str = 0
    invariant: Expression | None = None
    doc: str = ""
    #: Whether it may replace the parameter for evaluation.
    stands_in: bool = False
    extent: Extent = Extent.ELEMENT
    #: Whether it depends on hyperparameters and counters only.
    is_of_calls: bool = False
    #: Whether it holds a value of the last update for users, and no step reads it.
    is_probe: bool = False
    #: The reduction that a probe is the result of, if it's one.
    reduction: str = ""
    #: What it is computed from, if that is other probes.
    formula: Expression | None = None
    initial_at: Location | None = None


@dataclass(frozen=True)
class Input:
    """A value beside the gradient that a call is given: an array, or a number."""

    name: str
    location: Location
    extent: Extent = Extent.ELEMENT
    #: Whether a call may leave it out.
    optional: bool = False
    doc: str = ""


@dataclass(frozen=True)
class Step:
    """``target = expression``, executed if the guard holds."""

    target: str
    expression: Expression
    guard: Condition
    location: Location


@dataclass(frozen=True)
class Branch:
    """A condition of an ``if`` or a ``when``, and the enclosing conditions."""

    around: Condition
    condition: Condition
    location: Location
    has_else: bool = False


@dataclass(frozen=True)
class Block:
    """The steps of one spec: the optimizer's own, or those of a feature in its slot.

    ``proceed`` is a host condition: if it is false, the call ends after ``otherwise``.
    """

    name: str
    summary: str
    steps: tuple[Step, ...]
    slot: Text | None = None
    when: Condition = ALWAYS
    proceed: Expression | None = None
    otherwise: tuple[Step, ...] = ()
    #: What moves the parameter to where the next gradient is taken.
    perturb: tuple[Step, ...] = ()
    exclusive: str = ""
    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()
    every_variable: bool = False
    #: Whether it sees a whole update, for users.
    observes: bool = False
    branches: tuple[Branch, ...] = ()

    @property
    def every_step(self) -> tuple[Step, ...]:
        """The steps of all its programs."""
        return (*self.steps, *self.otherwise, *self.perturb)


@dataclass(frozen=True)
class Rule:
    """Blocks in the execution order of a step, and the names that they use.

    ``atoms`` gives each static condition of the guards as an expression, by its text.
    """

    name: str
    module: str
    path: str
    location: Location
    hyperparameters: tuple[Hyperparameter, ...]
    states: tuple[State, ...]
    blocks: tuple[Block, ...]
    atoms: Mapping[str, Expression]
    summary: str = ""
    reference: str = ""
    label: str = ""
    notation: str = ""
    position: int | None = None
    defaults: tuple[tuple[Text, Scalar], ...] = ()
    torch: tuple[TorchArgument, ...] = ()
    digests: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    is_schedule: bool = False
    inputs: tuple[Input, ...] = ()
    #: What evaluation uses in place of the parameter.
    evaluation: Expression | None = None
    #: How its variables are viewed as matrices; empty if they are not.
    view: str = ""
    view_at: Location | None = None
    #: The type of the arithmetic of products of matrices; empty if it is the variables' own.
    compute: str = ""
    compute_at: Location | None = None
    #: The rule for variables that aren't matrices, and their learning rate; empty if it's its own.
    fallback: str = ""
    fallback_rate: str = ""

    @property
    def own(self) -> Block:
        """The optimizer's own update, whole: features may stand before its last step."""
        first, *rest = (block for block in self.blocks if block.slot is None)
        return replace(first, steps=(*first.steps, *(step for b in rest for step in b.steps)))

    @property
    def uncoded(self) -> frozenset[str]:
        """The states that have no codes: stand-ins for parameters, and sums between updates."""
        sums = {step.target for block in self.blocks for step in block.otherwise}
        return frozenset(s.name for s in self.states if s.stands_in or s.name in sums)

    def hyperparameter(self, name: str) -> Hyperparameter | None:
        """The hyperparameter of that name."""
        return next((h for h in self.hyperparameters if h.name == name), None)
