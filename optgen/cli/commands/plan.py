"""``optgen plan``: what each process of a cluster needs for a step, and exchanges in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import optgen
from optgen.analysis.explain import cost_in
from optgen.cli.choices import ReportFormat
from optgen.cli.cluster_report import as_json, in_text
from optgen.cli.console import FINE, USAGE, complain, ends_well, out, print_problems
from optgen.cli.spec_names import one_optimizer
from optgen.cli.values import named_values
from optgen.cluster import Kind, Parameters, Sharding, decoder, model_named, of_shapes
from optgen.cluster import plan as planned
from optgen.compiler.ir.formats import FLOAT32
from optgen.compiler.ir.problem import SpecError, UsageError
from optgen.compiler.ir.storage import Stored, stored_as
from optgen.compiler.pipeline import plan_of, surroundings


@ends_well("optgen plan")
def plan(
    name: str,
    models: tuple[float | None, str, str],
    machines: tuple[str, int, int],
    step: int,
    stored: str,
    together: Sequence[str],
    style: ReportFormat,
) -> int:
    """Print the plan of an optimizer; returns the exit status.

    One of ``models`` is given: a number of parameters, a name, or shapes. ``machines`` are the kind
    of sharding, the number of processes, and the number of sets with the same parts.
    """
    try:
        parameters = _parameters(*models)
        sharding = Sharding(Kind(machines[0]), *machines[1:])
        storage = stored_as(stored) if stored else Stored()
        spec = one_optimizer(name)
        of_rule = plan_of(spec, surroundings())
        options = {**named_values(together), **_options(storage)}
        optimizer: Any = optgen.compile(name)(**options)
        found = planned(
            optimizer,
            parameters,
            sharding,
            storage.param.name,
            step,
            lambda on: cost_in(of_rule, on).moved_bytes_in(storage),
        )
    except SpecError as error:
        return print_problems(error.problems)
    except (FileNotFoundError, UsageError, TypeError, ValueError) as error:
        complain(str(error))
        return USAGE
    if style is ReportFormat.JSON:
        print(json.dumps(as_json(found), indent=2))
    else:
        out.print(in_text(found, f"{type(optimizer).__name__}, {storage}"), markup=False)
    return FINE


def _parameters(count: float | None, name: str, shapes: str) -> Parameters:
    given = [one for one in (count, name, shapes) if one]
    if len(given) != 1:
        raise UsageError("give one of --parameters, --model and --shapes")
    if count:
        return decoder(count)
    return model_named(name) if name else of_shapes(shapes)


def _options(stored: Stored) -> dict[str, Any]:
    """The arguments of an optimizer that store it so. Raises UsageError where there are none."""
    if stored.grad != stored.param:
        raise UsageError("torch's gradients have the format of their parameters")
    wide = {} if stored.states == FLOAT32.name else {"state_dtype": stored.states}
    return {"rounding": stored.rounding.value, **wide}
