"""Optimizers by name, and as JSON-compatible dictionaries."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, overload

import optgen
from optgen.archive import extend
from optgen.names.aliases import Named, aliases, named, needed_features
from optgen.names.specs import rule_families
from optgen.runtime.catalogue import fits, states_per_parameter, summary
from optgen.runtime.hyperparameters.storage import ARGUMENTS
from optgen.runtime.loss_scaling import LossScaleOptimizer
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import nearest

AnyOptimizer = Optimizer | LossScaleOptimizer
Names = list[str]
Described = list[tuple[str, str]]
#: The package of the built-in optimizers, whose rules have aliases.
_BUILT_IN = "optgen.optimizers"


class Registry:
    """The optimizers of one package, by case-insensitive name; imported on first use."""

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        """``modules`` are those of the package, by the class in each."""
        self._package, self._modules = package, modules
        if package == _BUILT_IN:
            extend(sys.modules[package].__path__)
        self._names = {name.lower(): name for name in (*modules, LossScaleOptimizer.__name__)}

    def attribute(self, name: str) -> type[Optimizer]:
        """A class, as an attribute of the package. Raises AttributeError for another name."""
        if name not in self._modules:
            hint = nearest(name, self._modules, f"{self._package}.list()")
            raise AttributeError(f"module {self._package!r} has no attribute {name!r}{hint}")
        module = import_module(f"{self._package}.{self._modules[name]}")
        found: type[Optimizer] = getattr(module, name)
        setattr(sys.modules[self._package], name, found)
        return found

    @overload
    def list(
        self,
        filter: str | Sequence[str] = "*",
        with_description: Literal[False] = False,
        *,
        family: str | None = None,
        memory: int | None = None,
        aliases: bool = False,
    ) -> Names: ...
    @overload
    def list(
        self,
        filter: str | Sequence[str] = "*",
        *,
        with_description: Literal[True],
        family: str | None = None,
        memory: int | None = None,
        aliases: bool = False,
    ) -> Described: ...
    def list(
        self,
        filter: str | Sequence[str] = "*",  # noqa: A002
        with_description: bool = False,
        *,
        family: str | None = None,
        memory: int | None = None,
        aliases: bool = False,
    ) -> Names | Described:
        """The names that match a pattern such as ``"ada*"``, or one of several, in any case.

        ``with_description`` makes pairs of a name and what it stands for. ``family`` and
        ``memory``, the most numbers of states that each parameter may have, narrow the list, and
        ``aliases`` adds the names of other libraries to that of the built-in optimizers. Raises
        ValueError for a family that there isn't.
        """
        families = set(rule_families().values())
        if family is not None and family not in families:
            raise ValueError(f"there is no family {family!r}{nearest(family, sorted(families))}")
        is_narrowed = family is not None or memory is not None
        found = {
            name: module
            for name, module in self._every(aliases)
            if fits(name, filter)
            and not (is_narrowed and not module)
            and (family is None or rule_families().get(module) == family)
            and (memory is None or states_per_parameter(self._of_module(module)) <= memory)
        }
        listed = sorted(found)
        return [(name, self._said(name)) for name in listed] if with_description else listed

    def _every(self, with_aliases: bool) -> Iterator[tuple[str, str]]:
        """All names, each with the module of its rule; the wrapper has none."""
        yield LossScaleOptimizer.__name__, ""
        yield from self._modules.items()
        if with_aliases and self._package == _BUILT_IN:
            for name, one in aliases().items():
                yield name, one.rule

    def _of_module(self, module: str) -> type[Optimizer]:
        return self.attribute(next(name for name, own in self._modules.items() if own == module))

    def _said(self, name: str) -> str:
        """What a class does, or what an alias stands for."""
        if name.lower() in self._names:
            return summary(self._class(name))
        return str(aliases()[name])

    def get(self, identifier: object) -> AnyOptimizer | None:
        """An optimizer from its name, or from what ``serialize`` returned; an instance; or None.

        Among the built-in optimizers, a name may be an alias, such as one of another library. Its
        optional features are woven by ``optgen.compile``, which may raise ImportError. Raises
        ValueError for a name that isn't known, TypeError for anything else.
        """
        if identifier is None or isinstance(identifier, AnyOptimizer):
            return identifier
        if isinstance(identifier, str):
            return self._made(identifier)
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        raise TypeError(
            f"an optimizer is got by a name, a configuration or an instance, not {identifier!r}"
        )

    def serialize(self, optimizer: AnyOptimizer) -> dict[str, Any]:
        """Class name and configuration.

        Raises TypeError for what is no optimizer, and for one that holds a function.
        """
        if not isinstance(optimizer, AnyOptimizer):
            raise TypeError(f"an optimizer is needed, not {optimizer!r}")
        config = optimizer.get_config()
        if isinstance(optimizer, LossScaleOptimizer):
            config["inner_optimizer"] = self.serialize(optimizer.unwrapped())
        _refuse_functions(config)
        return {"class_name": type(optimizer).__name__, "config": config}

    def deserialize(self, mapping: Mapping[str, Any]) -> AnyOptimizer:
        """An optimizer from what ``serialize`` returned; the mapping isn't changed.

        Takes Keras's dictionaries of optimizers of the same name, too. Raises ValueError for an
        unknown name or argument.
        """
        if not isinstance(mapping, Mapping) or not {"class_name", "config"} <= {*mapping}:
            raise ValueError("a serialized optimizer has 'class_name' and 'config'")
        config = dict(mapping["config"])
        if isinstance(config.get("inner_optimizer"), Mapping):
            config["inner_optimizer"] = self.deserialize(config["inner_optimizer"])
        return self._class(mapping["class_name"]).from_config(config)

    def _made(self, name: str) -> AnyOptimizer:
        """An optimizer by its name, or by an alias with arguments."""
        known = name.lower() in self._names or self._package != _BUILT_IN
        one = None if known else named(name)
        if one is None:
            return self._class(name)()  # type: ignore[call-arg]
        made: AnyOptimizer = self._aliased(one)(**one.arguments)
        return made

    def _aliased(self, one: Named) -> type[Optimizer]:
        """The class of an alias, compiled with the optional features that it needs."""
        kind = self._of_module(one.rule)
        known = {*(h.name for h in kind.hyperparameters), *ARGUMENTS}
        features = needed_features(known, one.arguments)
        return optgen.compile(one.rule, *features) if features else kind

    def _class(self, name: object) -> type[AnyOptimizer]:
        found = self._names.get(str(name).lower())
        if found is None:
            known = [name for name, _ in self._every(with_aliases=True)]
            hint = nearest(str(name), known, f"{self._package}.list()")
            raise ValueError(f"there is no optimizer {name!r}{hint}")
        return self.attribute(found) if found in self._modules else LossScaleOptimizer


def _refuse_functions(config: Mapping[str, Any], where: str = "") -> None:
    for name, value in config.items():
        if isinstance(value, Mapping):
            _refuse_functions(value, f"{where}{name}: ")
        elif callable(value):
            raise TypeError(f"{where}{name} is a function, which can't be serialized")
