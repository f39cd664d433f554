"""Metadata of generated optimizers: columns, features and programs, as class attributes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from optgen.runtime.hyperparameters.declarations import Hyperparameter, Input, State, Switch
from optgen.runtime.kernels import (
    EVALUATE,
    RANDOM,
    Kernels,
    MixedBuildError,
    Program,
    UnsupportedTargetError,
    kernels_in,
)

Declared = TypeVar("Declared", bound="Hyperparameter | Switch")


class Kernelled:
    """A class attribute: the kernels of one target, imported on first use."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __get__(self, _: object, owner: type[Generated]) -> Kernels:
        return owner.kernels_of(self._target)


@dataclass(frozen=True)
class Layout:
    """The columns of the tables that kernels read, and what runs over them."""

    #: Scalars of a call, arrays of a variable, scalars of a variable.
    columns: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    programs: tuple[Program, ...] = ()
    #: Those of the buffers that are vectors and no states, each with what it has numbers for.
    vectors: tuple[tuple[str, str], ...] = ()
    #: Those that are scratch matrices, each with its shape and its slot.
    matrices: tuple[tuple[str, str, int], ...] = ()

    def after(self, shared: Layout) -> Layout:
        """These columns behind those that are shared; programs of its own, if it has any."""
        return Layout(
            (*shared.columns, *self.columns),
            (*shared.buffers, *self.buffers),
            (*shared.factors, *self.factors),
            self.programs or shared.programs,
            (*shared.vectors, *self.vectors),
            (*shared.matrices, *self.matrices),
        )


@dataclass(frozen=True)
class Features:
    """What features declare for all optimizers of a package, and a digest of their specs."""

    fingerprint: str = ""
    hyperparameters: tuple[Hyperparameter, ...] = ()
    switches: tuple[Switch, ...] = ()
    #: States of features that come before a rule, and of those that come after it.
    states_before: tuple[State, ...] = ()
    states_after: tuple[State, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    layout: Layout = Layout()


class Generated:
    """The base of optimizers: declarations, and where the kernels of each target are.

    A class declares what is its own; ``features`` is what all optimizers of a package have.
    Hyperparameters stand in the order of the signature, whose defaults are theirs.
    """

    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    switches: ClassVar[tuple[Switch, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    #: What a call is given beside the gradient.
    inputs: ClassVar[tuple[Input, ...]] = ()
    #: Names of torch's arguments, each with the hyperparameters that it sets.
    torch_names: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()
    #: What torch calls a switch that is off, and one that is on, by the name of its argument.
    torch_words: ClassVar[tuple[tuple[str, tuple[str, str]], ...]] = ()
    #: Arguments of torch's that have one value here.
    torch_fixed: ClassVar[tuple[tuple[str, float], ...]] = ()
    layout: ClassVar[Layout] = Layout()
    #: How variables are viewed as matrices; empty if they are not.
    view: ClassVar[str] = ""
    #: The type of the arithmetic of their products; empty if it is the variables' own.
    compute: ClassVar[str] = ""
    #: The rule that updates variables that aren't matrices; empty if it's the same.
    fallback: ClassVar[str] = ""
    #: Whether it reads no gradient; then the variables may stand for their gradients.
    is_gradient_free: ClassVar[bool] = False
    #: A digest of what the rule and its features compute, without names of files or comments.
    spec: ClassVar[str] = ""
    #: Digests of what the class and its kernels were made of, and the features around them.
    fingerprint: ClassVar[str] = ""
    made_for: ClassVar[str] = ""
    features: ClassVar[Features] = Features()
    kernels: ClassVar[Kernelled] = Kernelled("cpu")

    def __init_subclass__(cls) -> None:
        """Join the declarations of a rule and of the features.

        Raises MixedBuildError where these were made for other features.
        """
        super().__init_subclass__()
        if "spec" not in vars(cls):
            return
        shared, own = cls.features, vars(cls)
        if cls.made_for != shared.fingerprint:
            raise mixed(f"{cls.__module__}.{cls.__name__}")
        declared = _joined(own.get("hyperparameters", ()), shared.hyperparameters)
        cls.hyperparameters = _in_order(cls, declared)
        cls.switches = _joined(own.get("switches", ()), shared.switches)
        cls.states = (*shared.states_before, *own.get("states", ()), *shared.states_after)
        cls.layout = own.get("layout", Layout()).after(shared.layout)
        cls.exclusive = own.get("exclusive", shared.exclusive)

    @classmethod
    def kernels_of(cls, target: str) -> Kernels:
        """The kernels of a target; imports their modules.

        Raises MixedBuildError where they come from another build than the class, and
        UnsupportedTargetError where the target lacks something that the rule needs.
        """
        rule = cls.rule_class()
        named: Any = rule
        return _kernels_of(named, target, rule.fingerprint)

    @classmethod
    def has_average(cls) -> bool:
        """Whether the rule computes what evaluation uses."""
        return any(program.name == EVALUATE for program in cls.layout.programs)

    @classmethod
    def has_draws(cls) -> bool:
        """Whether the rule or any of its features draws random numbers."""
        return RANDOM[0] in cls.layout.columns

    @classmethod
    def rule_class(cls) -> type[Generated]:
        """The generated class: itself, or the base of a user's subclass."""
        return next(one for one in cls.__mro__ if "spec" in vars(one))


@cache
def _kernels_of(rule: Any, target: str, fingerprint: str) -> Kernels:
    package, _, module = rule.__module__.rpartition(".")
    path = f"{package}.{target}.{module}"
    try:
        own = import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        message = f"{rule.__name__} needs something that the target {target!r} lacks"
        raise UnsupportedTargetError(message) from None
    shared = import_module(f"{package}.{target}.features")
    if (rule.fingerprint, rule.features.fingerprint) != (own.FINGERPRINT, shared.FINGERPRINT):
        raise mixed(own.__name__)
    layout: Layout = rule.layout
    decided = tuple(switch for switch in rule.switches if switch.of_calls)
    tables = layout.buffers, layout.columns, layout.factors
    scratch = layout.vectors, layout.matrices
    return kernels_in(own, shared, *tables, layout.programs, *scratch, decided)


def mixed(where: str) -> MixedBuildError:
    """The error for a class and others that don't come from one build."""
    message = "a class and its kernels come from different builds; run optgen build again"
    return MixedBuildError(f"{where}: {message}")


def _joined(own: Sequence[Declared], shared: Sequence[Declared]) -> tuple[Declared, ...]:
    """The declarations of a class, joined with those of features."""
    names = {one.name for one in own}
    return (*own, *(one for one in shared if one.name not in names))


def _in_order(
    cls: type[Generated], declared: Iterable[Hyperparameter]
) -> tuple[Hyperparameter, ...]:
    """Hyperparameters in the order of the signature, with its defaults."""
    function: Any = cls.__init__
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    given = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    given |= function.__kwdefaults__ or {}
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    by_name = {one.name: one for one in declared}
    return tuple(
        replace(by_name[name], default=given.get(name)) for name in named if name in by_name
    )
