"""torch's arguments, from the declarations of a generated class."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from optgen.runtime.hyperparameters.declarations import Hyperparameter, Value
from optgen.runtime.hyperparameters.storage import ARGUMENTS as STORAGE
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import UnknownArgumentError, nearest

#: The default name of the learning rate.
_USUAL = (("lr", ("learning_rate",)),)
#: The argument with patterns for names of parameters, each with options.
RULES = "rules"
#: The argument that chooses between kernels and operations of torch.
BACKEND = "backend"
#: torch's arguments that select an implementation.
IMPLEMENTATIONS = ("foreach", "fused", "capturable", "differentiable")


@dataclass(frozen=True)
class Argument:
    """One argument: a hyperparameter, several of them as a tuple, or a number that is fixed."""

    name: str
    parts: tuple[Hyperparameter, ...]
    #: torch's default, if it is a tuple with None, which stands for the default of a part.
    partial: tuple[Any, ...] = ()
    #: torch's words for a switch that is off, and for one that is on; None is the default.
    words: tuple[str, ...] = ()
    #: The only value of an argument without hyperparameters.
    fixed: float | None = None

    @property
    def default(self) -> Any:
        """The default; torch has 0 for a disabled decay."""
        if self.words or not self.parts:
            return self.fixed
        if self.partial:
            return self.partial
        values = tuple(0 if self._is_zero(part) else part.default for part in self.parts)
        return values if len(values) > 1 else values[0]

    def _is_zero(self, part: Hyperparameter) -> bool:
        """Whether 0 stands for None: torch's names have no range of their own."""
        return _is_off(part) and (self.name != part.name or part.allows is None or part.allows(0))

    @property
    def is_grouped(self) -> bool:
        """Whether groups of parameters may have different values."""
        return all(part.grouped for part in self.parts)

    def values(self, given: Any, owner: str) -> Iterator[tuple[str, Value]]:
        """The hyperparameters that it sets. Raises TypeError or ValueError."""
        if self.words:
            yield self.parts[0].name, self._named(given, owner)
            return
        if not self.parts:
            if given != self.fixed:
                raise ValueError(f"{owner}: {self.name} must be {self.fixed}, not {given!r}")
            return
        several = len(self.parts) > 1
        if several and (not isinstance(given, tuple | list) or len(given) != len(self.parts)):
            names = ", ".join(part.name for part in self.parts)
            raise ValueError(f"{owner}: {self.name} must be ({names}), not {given!r}")
        unset = [one is None for one in self.partial] or [False] * len(self.parts)
        values = given if several else (given,)
        for index, (part, value) in enumerate(zip(self.parts, values, strict=True)):
            chosen = part.default if unset[index] and value is None else value
            number = _number(chosen, owner, self.name)
            off = _is_off(part) and self.name != part.name and number == 0
            try:
                checked = None if off else part.check(number, f"{owner}: {self.name}")
            except ValueError as error:
                raise ValueError(f"{self._invalid(index, number)}: {error}") from None
            yield part.name, checked

    def _invalid(self, index: int, value: object) -> str:
        """Torch's words for a value that isn't allowed, which programs may search for."""
        if len(self.parts) == 1:
            return f"Invalid {self.name} value: {value}"
        one = self.name.removesuffix("s")
        is_plural = self.parts[index].name.startswith(f"{one}_")
        return f"Invalid {one if is_plural else self.name} parameter at index {index}: {value}"

    def _named(self, given: Any, owner: str) -> Value:
        """The value of a switch by its word."""
        if given is None:
            return self.parts[0].default
        if given not in self.words:
            raise ValueError(
                f"{owner}: {self.name} must be {' or '.join(map(repr, self.words))}, not {given!r}"
            )
        return bool(given == self.words[1])


def _is_off(part: Hyperparameter) -> bool:
    return part.optional and part.default is None and part.grouped


def _number(value: Any, owner: str, name: str) -> Any:
    """The element of a tensor; other values unchanged. Raises ValueError for several elements."""
    if not hasattr(value, "numel"):
        return value
    if value.numel() != 1:
        raise ValueError(f"{owner}: Tensor {name} must be 1-element, not {value.numel()}-element")
    return value.item()


def arguments(rule: type[Optimizer]) -> tuple[Argument, ...]:
    """All arguments except the parameters: torch's first, then optgen's."""
    declared = {h.name: h for h in rule.hyperparameters}
    named = dict(rule.torch_names or _USUAL)
    taken = {name for names in named.values() for name in names}
    words, fixed = dict(rule.torch_words), dict(rule.torch_fixed)
    found = [
        Argument(
            name,
            tuple(declared[part] for part in parts),
            words=words.get(name, ()),
            fixed=fixed.get(name),
        )
        for name, parts in named.items()
    ]
    # An argument of torch's hides a hyperparameter of the same name.
    rest = (h for h in rule.hyperparameters if h.name not in taken and h.name not in named)
    return (*found, *(Argument(h.name, (h,)) for h in rest))


def defaulting(listed: Iterable[Argument], peer: Any) -> tuple[Argument, ...]:
    """The arguments with the defaults of torch's class that have parts which are None."""
    known = {} if peer is None else inspect.signature(peer).parameters
    defaults = {name: one.default for name, one in known.items()}
    partial = {n: one for n, one in defaults.items() if isinstance(one, tuple) and None in one}
    return tuple(replace(one, partial=partial.get(one.name, ())) for one in listed)


def refuse_unknown(
    owner: str,
    listed: tuple[Argument, ...],
    names: Iterable[str],
    said: str = "has no argument",
) -> None:
    """Raise UnknownArgumentError, with the right name, for what is no argument of a class."""
    known = [*signature(listed).parameters][1:]
    ours = {part.name: argument.name for argument in listed for part in argument.parts}
    for name in names:
        if name not in known:
            hint = f"; here it is {ours[name]!r}" if name in ours else nearest(name, known[1:])
            raise UnknownArgumentError(f"{owner} {said} {name!r}{hint}")


def signature(
    listed: tuple[Argument, ...], types: Mapping[str, Any] = MappingProxyType({})
) -> inspect.Signature:
    """The signature of a class with these arguments, of which some have ``types``."""
    kind = inspect.Parameter
    own = [kind("self", kind.POSITIONAL_ONLY), kind("params", kind.POSITIONAL_OR_KEYWORD)]
    grouped = [a for a in listed if a.is_grouped]
    whole = [a for a in listed if not a.is_grouped]
    own += [kind(a.name, kind.POSITIONAL_OR_KEYWORD, default=a.default) for a in grouped]
    own += [kind(a.name, kind.KEYWORD_ONLY, default=a.default) for a in whole]
    own += [kind(name, kind.KEYWORD_ONLY, default=one) for name, one in STORAGE.items()]
    names = (RULES, *IMPLEMENTATIONS, BACKEND)
    own += [kind(name, kind.KEYWORD_ONLY, default=None) for name in names]
    return inspect.Signature(
        [one.replace(annotation=types.get(one.name, kind.empty)) for one in own],
        return_annotation=None if types else inspect.Signature.empty,
    )
