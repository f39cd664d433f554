"""``optgen plot``: schedules as curves over the calls."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.text import Text

from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems
from optgen.cli.schedule_arguments import Request, TypedError, read_requests, read_values
from optgen.compiler.ir.language import language_of
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import find_specs, schedule_files, shown
from optgen.compiler.pipeline import compile_spec, load_all, surroundings
from optgen.demo import chart, curves
from optgen.demo.optional_packages import MissingExtraError, optional

#: The maximum number of points; a picture has fewer columns.
MOST_POINTS = 4000


@ends_well("optgen plot")
def plot(words: Sequence[str], calls: int, path: Path) -> int:
    """Draw schedules, each a name or a file with its arguments; returns the exit status."""
    try:
        chart.check(path)
        drawn = [_curve(request, calls) for request in read_requests(words)]
        curves.draw(drawn, path)
    except SpecError as error:
        return print_problems(error.problems)
    except MissingExtraError:
        complain("a plot needs matplotlib: python -m pip install 'optgen[demo]'")
        return USAGE
    except (FileNotFoundError, TypeError, ValueError) as error:
        complain(str(error))
        return USAGE
    except OSError as error:
        complain(f"the picture could not be written: {error}")
        return WRONG
    out.print(Text(f"The curves are in {path}"))
    return FINE


def _curve(request: Request, calls: int) -> curves.Curve:
    """The values of a schedule, from the first call on."""
    spec = _spec(request.name)
    schedule = _class(spec)(**read_values(spec, request))
    steps = range(0, calls, -(-calls // MOST_POINTS))
    label = " ".join([spec.name.value, *(f"{k}={v}" for k, v in request.arguments)])
    return curves.Curve(label, list(steps), [schedule(step) for step in steps])


def _spec(name: str) -> Spec:
    found = load_all(find_specs([name]).files)
    if len(found) != 1:
        raise TypedError(f"{name} holds {len(found)} specs; name one of them")
    (spec,) = found
    if not spec.is_schedule:
        kind = "feature" if spec.slot else language_of(spec).noun
        raise TypedError(f"{spec.name} is {'a' if spec.slot else 'an'} {kind}, not a schedule")
    return spec


def _class(spec: Spec) -> Any:
    """The generated class of a built-in schedule, otherwise a class compiled in memory."""
    name = spec.name.value
    if spec.path in map(shown, schedule_files()):
        found = getattr(optional("optgen.optimizers.schedules"), name, None)
        if found is not None:
            return found
    (source,) = compile_spec(spec, surroundings())
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{spec.module}.py"
        file.write_text(source.text, encoding="utf-8")
        return runpy.run_path(str(file))[name]
