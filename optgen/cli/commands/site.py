"""``optgen site``: the gallery of the rules as a folder of pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.library import find_specs, optimizer_files
from optgen.site.cache import Cache
from optgen.site.gallery import NotASiteError, write_gallery


@ends_well("optgen site")
def site(folder: Path, names: Sequence[str], processes: int) -> int:
    """Write the pages of some rules, by default of all; returns the exit status."""
    try:
        files = find_specs(names).files if names else optimizer_files()
        faults = write_gallery(folder, files, Cache(), processes)
    except SpecError as error:
        return print_problems(error.problems)
    except (FileNotFoundError, NotASiteError) as error:
        complain(str(error))
        return USAGE
    except OSError as error:
        complain(f"the site could not be written: {error}")
        return WRONG
    for name, reason in faults.items():
        complain(f"{name} isn't in the site: {reason}")
    out.print(f"{folder / 'index.html'}", markup=False)
    return WRONG if faults else FINE
