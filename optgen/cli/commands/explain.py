"""``optgen explain``: a rule's formulas, properties, stability and cost."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from rich.text import Text

from optgen.analysis.exact.composition import TooLargeError
from optgen.analysis.prove import observed
from optgen.cli.choices import Format
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, err, print_problems
from optgen.cli.explained_json import as_json
from optgen.cli.optimizer_report import Explained, Scale, explained
from optgen.cli.report_formats import in_latex, in_markdown, to_console
from optgen.cli.spec_names import one_optimizer
from optgen.cli.stability_data import panels
from optgen.cli.webpage import in_html
from optgen.compiler.ir.problem import SpecError, UsageError
from optgen.compiler.ir.storage import stored_as
from optgen.compiler.pipeline import each
from optgen.demo import chart, stability, trajectories
from optgen.demo.optional_packages import MissingExtraError


@ends_well("optgen explain")
def explain(
    name: str,
    style: Format,
    parameters: int,
    together: Sequence[str],
    path: Path | None,
    runs: Path | None = None,
    storages: Sequence[str] | None = None,
) -> int:
    """Print the report on one optimizer; returns the exit status.

    The table of costs has a separate row with the features ``together`` on. The ``storages`` are
    those to report on besides the usual ones; None leaves storage out. The paths are the
    output files for the plots of its steps on a quadratic and of its runs.
    """
    pictures = [one for one in (path, runs) if one is not None]
    try:
        for one in pictures:
            chart.check(one)
        stored = None if storages is None else [stored_as(one) for one in storages]
        (found,) = each([one_optimizer(name)], lambda spec: explained(spec, together, stored))
        if path is not None:
            stability.draw(panels(found.rule, found.stable), path)
        if runs is not None:
            trajectories.draw(observed(found.rule), runs)
    except TooLargeError:
        complain(f"{name} has too many settings, or values too large, for a picture of runs")
        return USAGE
    except SpecError as error:
        return print_problems(error.problems)
    except MissingExtraError:
        complain("a picture needs matplotlib: python -m pip install 'optgen[demo]'")
        return USAGE
    except (FileNotFoundError, UsageError, chart.WrongPathError) as error:
        complain(str(error))
        return USAGE
    except OSError as error:
        complain(f"the picture could not be written: {error}")
        return WRONG
    _tell(found, style, parameters)
    for one in pictures:
        err.print(Text(f"The picture is in {one}"))
    return FINE


def _tell(found: Explained, style: Format, parameters: int) -> None:
    if style is Format.LATEX:
        print("\n\n".join(in_latex(found)))
        return
    scale = Scale(parameters, _bandwidth())
    if style is Format.TEXT:
        to_console(found, scale)
    elif style is Format.MARKDOWN:
        print("\n".join(in_markdown(found, scale)))
    elif style is Format.JSON:
        print(json.dumps(as_json(found, scale), indent=2))
    else:
        print(in_html(found, scale))


def _bandwidth() -> float:
    """The in-place bandwidth of this machine's memory, in bytes per second.

    The result is at least the share of one thread.
    """
    array = np.ones(2**24, np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.multiply(array, np.float32(1.0), out=array)
        times.append(time.perf_counter() - start)
    return 2 * array.nbytes / median(times)
