"""``optgen.create``: an optimizer of torch by its name, with groups made of a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch

import optgen
import optgen.optimizers as generated
from optgen.names.aliases import Named, aliases, named, needed_features, plain
from optgen.names.specs import rule_families
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import nearest
from optgen.torch import CLASSES
from optgen.torch.arguments import Argument, refuse_unknown, signature
from optgen.torch.classes import optimizer_class
from optgen.torch.model_groups import model_groups
from optgen.torch.optimizer import FusedOptimizer

_RATE = "lr"


def create(
    name: str,
    model_or_params: Any,
    lr: float | torch.Tensor | None,
    no_decay: bool | Collection[str],
    layer_decay: float | None,
    given: Mapping[str, Any],
) -> FusedOptimizer:
    """What ``optgen.create`` does."""
    one = named(name)
    if one is None:
        known = [*rule_families(), *aliases()]
        hint = nearest(name.lower(), known, "optgen.optimizers.list(aliases=True)")
        raise ValueError(f"there is no optimizer {name!r}{hint}")
    kind = _class(one, given)
    chosen: dict[str, Any] = {**_in_torch_s_names(kind.arguments, one.arguments), **given}
    chosen |= {} if lr is None else {_RATE: lr}
    refuse_unknown(kind.__name__, kind.arguments, chosen)
    if not isinstance(model_or_params, torch.nn.Module):
        if layer_decay is not None:
            raise ValueError("layer_decay needs the model, whose layers its parameters don't show")
        return kind(model_or_params, **chosen)
    values = {argument.name: argument.default for argument in kind.arguments} | chosen
    without = {} if no_decay is False else _without_decay(kind.rule, values)
    patterns = () if isinstance(no_decay, bool) else no_decay
    return kind(
        model_groups(model_or_params, values[_RATE], without, patterns, layer_decay), **chosen
    )


def _without_decay(rule: type[Optimizer], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a group that is excluded from what parameters can be excluded from.

    An argument of torch's that has the name of such a hyperparameter, and hides it, is one too.
    """
    found = {one.name: one.excluded for one in rule.hyperparameters if one.excluded is not None}
    return {name: value for name, value in found.items() if values.get(name)}


def _class(one: Named, given: Mapping[str, Any]) -> type[FusedOptimizer]:
    """The class of a name, woven with the optional features that arguments need.

    Torch's names mean torch's formulas, as in ``optgen.torch``.
    """
    by_name = {plain(rule): name for name, rule in CLASSES.items()}
    by_name |= {plain(name): name for name in CLASSES}
    rules = {plain(rule): rule for rule in generated.list()}
    name = by_name.get(plain(one.rule), "")
    rule = CLASSES.get(name) or rules[plain(one.rule)]
    kind = optimizer_class(getattr(generated, rule), name)
    known = {*signature(kind.arguments).parameters, *(h.name for h in kind.rule.hyperparameters)}
    features = needed_features(known, {**one.arguments, **given})
    return optimizer_class(optgen.compile(rule.lower(), *features), name) if features else kind


def _in_torch_s_names(listed: Iterable[Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of hyperparameters as values of torch's arguments."""
    found: dict[str, Any] = dict(given)
    for argument in listed:
        parts = [part.name for part in argument.parts]
        if not given.keys() & {*parts}:
            continue
        usual: Sequence[Any] = argument.default if len(parts) > 1 else [argument.default]
        values = [found.pop(part, old) for part, old in zip(parts, usual, strict=True)]
        found[argument.name] = tuple(values) if len(values) > 1 else values[0]
    return found
