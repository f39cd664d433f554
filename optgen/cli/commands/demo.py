"""``optgen demo``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.text import Text

from optgen.bench.declarations import declarations
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems, warn
from optgen.cli.parallel_build import in_processes
from optgen.cli.progress import BuildProgress, TrainingProgress
from optgen.cli.worker_processes import in_parallel
from optgen.compiler import build as building
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import find_specs
from optgen.data import generated_folder
from optgen.demo import chart, contestants, digits
from optgen.demo.kernels import first_step
from optgen.demo.optional_packages import MissingExtraError, require_all
from optgen.demo.table import Pair, table
from optgen.demo.training import Run, train

#: A rule's kernels are not waited for any longer.
_SECONDS = 120.0


@ends_well("optgen demo")
def demo(epochs: int, path: Path, *, everything: bool = False) -> int:
    """Train on the digits, with all optimizers or some of each family; returns the exit status."""
    try:
        require_all()
        chart.check(path)
    except (MissingExtraError, ValueError) as error:
        complain(str(error))
        return USAGE
    try:
        chosen = contestants.pairs(_rebuild(everything))
        _compile([ours.name for ours, _ in chosen])
        pairs = _train(chosen, epochs)
    except SpecError as error:
        print_problems(error.problems)
        return WRONG
    except contestants.NotBuiltError as error:
        complain(str(error))
        return WRONG
    out.print(table(pairs), soft_wrap=False)
    try:
        chart.draw(pairs, path)
    except OSError as error:
        complain(f"the picture could not be written: {error}")
        return WRONG
    out.print(Text(f"The curves are in {path}"))
    return FINE


def _rebuild(everything: bool) -> tuple[Spec, ...]:
    """Compile built-in specs in memory, and warn if the generated files are stale."""
    names = [] if everything else [name.lower() for name in declarations().demo]
    job = building.prepare(find_specs(names), making=in_processes)
    print_problems(job.project.warnings)
    out.print("Compiling the specs")
    with BuildProgress(len(job.kinds.compiled)) as progress:
        stale = building.stale(job, generated_folder(), progress)
    if stale:
        folder = generated_folder()
        warn(f"{folder} is not what the specs say, and is used as it is; run optgen build")
    return job.kinds.optimizers


def _compile(names: list[str]) -> None:
    """Compile kernels for this network in all cores; what fails here does so again in training."""
    out.print("Compiling the kernels, unless they are on disk")
    with BuildProgress(len(names)) as progress:
        in_parallel(first_step, names, _SECONDS, progress.compiled)


def _train(chosen: contestants.Pairs, epochs: int) -> list[Pair]:
    train_images, test_images = digits.load()
    out.print(f"Training on {len(train_images)} digits, testing on {len(test_images)} others")
    with TrainingProgress(epochs) as progress:

        def run(contestant: contestants.Contestant) -> Run:
            report = partial(progress.report, contestant)
            return train(contestant, train_images, test_images, epochs, report)

        return [(run(ours), run(theirs) if theirs else None) for ours, theirs in chosen]
