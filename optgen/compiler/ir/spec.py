"""The first noun: the contents of a spec file, as strings and numbers with their locations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from optgen.compiler.ir.problem import Location, Page

Scalar = bool | int | float


@dataclass(frozen=True)
class Text:
    """A string from a spec with its location."""

    value: str
    location: Location
    page: Page | None = field(default=None, compare=False, repr=False)
    #: The position in the page of each character; an escape sequence is longer than its character.
    offsets: Sequence[int] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return self.value

    def at(self, start: int, length: int = 1) -> Location:
        """The location of a range of the string, up to the end of its line."""
        if self.page is None or not self.offsets:
            return self.location
        last = min(start + max(length, 1), len(self.offsets)) - 1
        first = self.offsets[start] if start < len(self.offsets) else self.offsets[-1] + 1
        return self.page.at(first, max(1, self.offsets[last] + 1 - first))


@dataclass(frozen=True)
class HyperparameterEntry:
    """One line of ``[hyperparameters]``; ``default`` is None if it is missing."""

    name: Text
    default: Scalar | None = None
    range: Text | None = None
    doc: str = ""
    optional: bool = False
    integer: bool = False
    required: bool = False
    is_list: bool = False
    after_name: bool = False
    excluded: Scalar | None = None
    scales_loss: bool = False
    #: The feature whose argument it is instead.
    replaces: Text | None = None
    #: The list that it is an item of.
    of_list: str = ""
    #: The locations of the numbers.
    default_at: Location | None = None
    excluded_at: Location | None = None


@dataclass(frozen=True)
class StateEntry:
    """One line of ``[state]``: an array per parameter, or what its shape says."""

    name: Text
    when: Text | None = None
    initial: Text | Scalar = 0
    invariant: Text | None = None
    doc: str = ""
    stands_in: bool = False
    shape: Text | None = None
    #: The list for one item of which it is, and its name inside of loops.
    of_list: str = ""
    inside: str = ""


@dataclass(frozen=True)
class QueueEntry:
    """One line of ``[queues]``: how many values its states keep."""

    name: Text
    length: int


@dataclass(frozen=True)
class InputEntry:
    """One line of ``[inputs]``: what a call is given beside the gradient."""

    name: Text
    shape: Text | None = None
    optional: bool = False
    doc: str = ""


@dataclass(frozen=True)
class Fallback:
    """``[fallback]``: the optimizer that updates variables that aren't matrices."""

    spec: Spec
    #: The name that it is called by.
    extends: Text
    #: Begins the names of its hyperparameters.
    prefix: str
    prefix_at: Location
    #: Other defaults of its hyperparameters.
    defaults: tuple[tuple[Text, Scalar], ...] = ()


@dataclass(frozen=True)
class TorchArgument:
    """An argument in torch: the hyperparameters that it sets, or a number that it must be."""

    name: Text
    sets: tuple[Text, ...] = ()
    #: What torch calls a switch that is off, and one that is on.
    words: tuple[Text, ...] = ()
    #: Its only value.
    fixed: float | None = None


@dataclass(frozen=True)
class Spec:
    """One spec file. A feature has a slot, and a function a result; others have neither."""

    path: str
    name: Text
    hyperparameters: tuple[HyperparameterEntry, ...]
    states: tuple[StateEntry, ...]
    rule: Text
    summary: str = ""
    reference: str = ""
    label: str = ""
    demo_learning_rate: float | None = None
    #: Waived groups of properties, each with the reason.
    waived: tuple[tuple[str, str], ...] = ()
    defaults: tuple[tuple[Text, Scalar], ...] = ()
    torch: tuple[TorchArgument, ...] = ()
    # Fields of features only:
    slot: Text | None = None
    when: Text | None = None
    proceed: Text | None = None
    otherwise: Text | None = None
    exclusive: str = ""
    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()
    every_variable: bool = False
    position: int | None = None
    #: The source files (a spec can extend another), each with the digest of its text.
    digests: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    is_schedule: bool = False
    #: How variables are viewed as matrices.
    view: Text | None = None
    #: The hyperparameter that bounds the sides of matrices that have a rank.
    rank: Text | None = None
    #: The hyperparameter that bounds the sides of blocks, which matrices are batches of.
    block: Text | None = None
    #: The type of the arithmetic of products of matrices.
    compute: Text | None = None
    fallback: Fallback | None = None
    inputs: tuple[InputEntry, ...] = ()
    queues: tuple[QueueEntry, ...] = ()
    #: What evaluation uses in place of the parameter.
    evaluate: Text | None = None
    #: The rule that moves the parameter to where the next gradient is taken.
    perturb: Text | None = None
    #: Named lines of the rule, which its own lines take in; also those of extended specs, and
    #: their whole rules. Of one name, the last counts.
    parts: tuple[tuple[Text, Text], ...] = ()
    #: The functions that the rule calls, and those that they call.
    functions: tuple[Spec, ...] = ()
    # Fields of functions only:
    arguments: tuple[Text, ...] = ()
    results: tuple[Text, ...] = ()

    @property
    def is_function(self) -> bool:
        """Whether rules can call it."""
        return bool(self.results)

    @property
    def module(self) -> str:
        """The name of the generated modules."""
        return self.name.value.lower()
