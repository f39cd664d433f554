"""Optimizers by name, and as JSON-compatible dictionaries."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from importlib import import_module
from typing import Any

from optgen.runtime.loss_scaling import LossScaleOptimizer
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import nearest

AnyOptimizer = Optimizer | LossScaleOptimizer


class Registry:
    """The optimizers of one package, by case-insensitive name; imported on first use."""

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        """``modules`` are those of the package, by the class in each."""
        self._package, self._modules = package, modules
        self._names = {name.lower(): name for name in (*modules, LossScaleOptimizer.__name__)}

    def attribute(self, name: str) -> type[Optimizer]:
        """A class, as an attribute of the package. Raises AttributeError for another name."""
        if name not in self._modules:
            raise AttributeError(f"module {self._package!r} has no attribute {name!r}")
        module = import_module(f"{self._package}.{self._modules[name]}")
        found: type[Optimizer] = getattr(module, name)
        setattr(sys.modules[self._package], name, found)
        return found

    def list(self, pattern: str = "*") -> list[str]:
        """The names that match a pattern such as ``"ada*"``, case-insensitively."""
        names = sorted(self._names.values())
        return [name for name in names if fnmatch(name.lower(), pattern.lower())]

    def get(self, identifier: object) -> AnyOptimizer | None:
        """An optimizer from its name, or from what ``serialize`` returned; an instance; or None.

        Raises ValueError for a name that isn't known, TypeError for anything else.
        """
        if identifier is None or isinstance(identifier, AnyOptimizer):
            return identifier
        if isinstance(identifier, str):
            return self._class(identifier)()  # type: ignore[call-arg]
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

    def _class(self, name: object) -> type[AnyOptimizer]:
        found = self._names.get(str(name).lower())
        if found is None:
            raise ValueError(f"there is no optimizer {name!r}{nearest(str(name), self.list())}")
        return self.attribute(found) if found in self._modules else LossScaleOptimizer


def _refuse_functions(config: Mapping[str, Any], where: str = "") -> None:
    for name, value in config.items():
        if isinstance(value, Mapping):
            _refuse_functions(value, f"{where}{name}: ")
        elif callable(value):
            raise TypeError(f"{where}{name} is a function, which can't be serialized")
