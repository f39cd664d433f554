"""``optgen build``."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from optgen.archive import holds_archives
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems
from optgen.cli.known_builds import Recorded, known
from optgen.cli.parallel_build import in_processes
from optgen.cli.progress import BuildProgress
from optgen.compiler import build as building
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.library import find_specs
from optgen.data import generated_folder

DEFAULT_OUT = Path("generated")


@ends_well("optgen build")
def build(paths: list[str], folder: Path | None, *, check_only: bool, force: bool = False) -> int:
    """Generate the optimizers and schedules of some specs; returns the exit status."""
    target = folder or (DEFAULT_OUT if paths else generated_folder())
    is_built_in = not paths and folder is None
    is_installed = holds_archives(target)
    if is_built_in and not force and (names := known()):
        with BuildProgress(len(names)) as progress:
            for name in names:
                progress.done(name, "current" if check_only else "unchanged")
        return FINE
    try:
        job = building.prepare(find_specs(paths), making=in_processes)
        if not job.kinds.compiled and not job.project.problems:
            complain(
                "there is no optimizer and no schedule among these specs; "
                "features alone make no package"
            )
            return USAGE
        print_problems(job.project.warnings)
        with BuildProgress(len(job.kinds.compiled)) as progress:
            report = Recorded(progress)
            if check_only or is_installed:
                stale = building.stale(job, target, report)
            else:
                building.build(job, target, report, force=force)
                stale = ""
        if is_built_in and not stale and not job.project.warnings:
            report.remember()
    except SpecError as error:
        return print_problems(error.problems)
    except FileNotFoundError as error:
        complain(str(error))
        return USAGE
    except OSError as error:
        complain(str(error))
        return WRONG
    if stale:
        out.print(Text(stale.rstrip("\n")))
        mend = "pass --out with another folder" if is_installed else "run optgen build"
        complain(f"{target} is stale; {mend}")
        return WRONG
    return FINE
