"""Functions that make transformations of gradients, one for each rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, Signature, signature
from typing import Any

import optax

from optgen.jax.exclusions import Excluded
from optgen.jax.hyperparameters import Hyperparameters
from optgen.jax.states import storage_of
from optgen.jax.transformation import Transformation
from optgen.runtime.front_ends import refuse_others
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import refuse_unknown

_OWN = ("options", "state_dtype")
_DOC = """{summary}

    Takes the hyperparameters of {name}: numbers, schedules of the number of calls, or arrays.
    ``mask`` is a tree of booleans, or a function of the parameters that makes one: where it is
    false, weights don't decay. ``exclude`` maps names, such as "matrix", to patterns that are
    looked for in paths, ``options`` patterns for paths to other values, and ``state_dtype`` is that
    of states.

    Raises TypeError or ValueError for arguments that aren't allowed.
    """


class GradientTransformation(optax.GradientTransformationExtraArgs):  # type: ignore[misc]
    """Optax's ``init`` and ``update``, with what else an optimizer does.

    ``evaluation(params, state)`` is what evaluation uses in place of the parameters;
    ``perturb(grads, state, params)`` moves them to a second point, and ``update`` comes back.
    """

    evaluation: Callable[[Any, Any], Any]
    perturb: Callable[[Any, Any, Any], tuple[Any, Any]]

    @classmethod
    def of(cls, functions: Transformation) -> GradientTransformation:
        """What a transformation's functions make."""
        found: GradientTransformation = cls(functions.init, functions.update)
        found.evaluation, found.perturb = functions.evaluation, functions.perturb
        return found


def factory(rule: type[Optimizer]) -> Callable[..., GradientTransformation]:
    """The function that makes transformations of a generated optimizer's rule."""
    refuse_others("factory", rule)
    named: Any = rule
    return _factory(named)


@cache
def _factory(rule: Any) -> Callable[..., GradientTransformation]:
    name = rule.__name__.lower()
    accepted = Signature(_parameters(rule))

    def make(*arguments: Any, **keywords: Any) -> GradientTransformation:
        unknown = {key: one for key, one in keywords.items() if key not in accepted.parameters}
        refuse_unknown(name, unknown, accepted.parameters)
        bound = accepted.bind(*arguments, **keywords)
        bound.apply_defaults()
        given = bound.arguments
        values = {h.name: given[h.name] for h in rule.hyperparameters}
        hyperparameters = Hyperparameters(name, rule, values, given["options"])
        excluded = Excluded(name, rule, given["mask"], given["exclude"])
        storage = storage_of(name, rule, given["state_dtype"])
        return GradientTransformation.of(
            Transformation(name, rule, hyperparameters, storage, excluded)
        )

    summary = (rule.__doc__ or rule.__name__).partition("\n\n")[0].strip()
    make.__name__ = make.__qualname__ = name
    make.__module__ = "optgen.optax"
    make.__doc__ = _DOC.format(summary=summary, name=rule.__name__)
    make.__signature__ = accepted  # type: ignore[attr-defined]
    return make


def _parameters(rule: type[Optimizer]) -> list[Parameter]:
    """The hyperparameters, and what says how parameters are treated."""
    wanted = {*_OWN, *(h.name for h in rule.hyperparameters)}
    every = signature(rule.__init__).parameters.values()
    found = [one for one in every if one.name in wanted]
    more = [Parameter(n, Parameter.KEYWORD_ONLY, default=None) for n in ("mask", "exclude")]
    return [*found, *more]
