"""The arguments of a class of torch: torch's names where a rule has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from optgen.compiler.ir.rule import LEARNING_RATE, Hyperparameter, Rule
from optgen.compiler.ir.spec import Scalar

#: What every class of torch calls the learning rate, which schedulers change.
RATE = "lr"


@dataclass(frozen=True)
class Argument:
    """An argument and the hyperparameters that it sets.

    ``words`` are those for a switch that is off, and for one that is on. A ``fixed`` argument sets
    nothing.
    """

    name: str
    parts: tuple[Hyperparameter, ...]
    words: tuple[str, ...] = ()
    fixed: float | None = None

    @property
    def is_named(self) -> bool:
        """Whether its one hyperparameter has another name, which torch gives it."""
        one = len(self.parts) == 1 and not self.words
        return one and self.name != self.parts[0].name

    @property
    def is_zero(self) -> bool:
        """Whether 0 stands for what isn't given."""
        (part, *others) = self.parts or (None,)
        return (
            part is not None
            and not others
            and self.is_named
            and part.optional
            and part.default is None
        )

    @property
    def default(self) -> str:
        """The default, as Python text."""
        if self.words:
            return "None"
        if not self.parts:
            return repr(_whole(self.fixed))
        if self.is_zero:
            return "0.0"
        values = [repr(part.default) for part in self.parts]
        return values[0] if len(values) == 1 else f"({', '.join(values)})"

    @property
    def annotation(self) -> str:
        """The type."""
        if self.words:
            return "str | None"
        if not self.parts:
            return "int" if isinstance(_whole(self.fixed), int) else "float"
        kinds = [_kind(part, is_zero=self.is_zero) for part in self.parts]
        return kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"

    @property
    def doc(self) -> str:
        """What it is for."""
        if self.fixed is not None and not self.parts:
            return f"Fixed to {_whole(self.fixed)}."
        found = [part.doc.rstrip(".") or part.name for part in self.parts]
        words = f" By name: {' or '.join(map(repr, self.words))}." if self.words else ""
        return f"{'; '.join(found)}.{words}"


def arguments_of(rule: Rule) -> tuple[Sequence[Argument], Sequence[Argument]]:
    """The arguments by position, and those by name only."""
    declared = {h.name: h for h in rule.hyperparameters}
    named = [one for one in _named(rule, declared) if one.parts or one.fixed is not None]
    taken = {part.name for one in named for part in one.parts} | {one.name for one in named}
    if not any(part.name == LEARNING_RATE for one in named for part in one.parts):
        named.insert(0, Argument(RATE, (declared[LEARNING_RATE],)))
    taken.add(LEARNING_RATE)
    rest = [Argument(h.name, (h,)) for name, h in declared.items() if name not in taken]
    return named, rest


def _named(rule: Rule, declared: Mapping[str, Hyperparameter]) -> Iterator[Argument]:
    """The arguments that a rule gives torch's names, as far as their hyperparameters are there."""
    for one in rule.torch:
        sets = [name.value for name in one.sets]
        if all(name in declared for name in sets):
            words = tuple(word.value for word in one.words)
            yield Argument(one.name.value, tuple(declared[name] for name in sets), words, one.fixed)


def _kind(h: Hyperparameter, *, is_zero: bool) -> str:
    kind = "bool" if h.is_switch else "int" if h.integer else "float"
    return f"{kind} | None" if h.optional and not is_zero else kind


def _whole(value: Scalar | None) -> Scalar | None:
    return int(value) if value is not None and value == int(value) else value
