"""``optgen import``: the spec of a torch optimizer that is written in Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optgen
from optgen.analysis.reports import comparison
from optgen.cli.console import (
    FINE,
    USAGE,
    WRONG,
    complain,
    ends_well,
    out,
    print_problems,
    warn,
)
from optgen.compiler.ir.problem import Location, SpecError, UsageError
from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import load_all, surroundings
from optgen.compiler.read.parse.names import class_name_fault
from optgen.tracing.finding import find_class
from optgen.tracing.importer import Imported, imported
from optgen.tracing.verification import Verification, verified


@ends_well("optgen import")
def import_class(given: str, path: Path | None, name: str, known: str) -> int:
    """Write the spec of a class, and compare both; returns the exit status."""
    try:
        owner, values = find_class(given)
        name = name or owner.__name__
        if fault := class_name_fault(name):
            raise UsageError(f"{fault}; give another one with --name")
        path = path or Path(f"{name.lower()}.toml")
        if path.exists():
            raise UsageError(f"{path} exists; it isn't overwritten")
        found = imported(owner, values, name)
        path.write_text(found.text, encoding="utf-8")
        out.print(f"wrote {path}", markup=False)
        _print_assumptions(found)
        verification = verified(found.subject, optgen.compile(path))
        status = _print_verification(verification, found.subject.narrow)
        return max(status, _print_proof(path, known)) if known else status
    except SpecError as error:
        return print_problems(error.problems)
    except (FileNotFoundError, UsageError) as error:
        complain(str(error))
        return USAGE
    except OSError as error:
        complain(f"{path}: {error.strerror}")
        return USAGE


def _print_assumptions(found: Imported) -> None:
    """Print what the spec leaves out: other ways that hyperparameters could lead."""
    for one in found.assumptions():
        out.print(f"    as long as {one}", markup=False)
    for what, place in found.subject.lost.values():
        warn(f"{place}: {what} is where the trace ends; the value here became a constant")


def _print_verification(found: Verification, narrow: Sequence[Location]) -> int:
    tried = f"over {found.steps} steps, with {found.settings} sets of hyperparameters"
    if narrow:
        out.print(f"    the original rounds to fewer digits ({narrow[0]})", markup=False)
    if found.is_equal:
        told = f"equal to {found.tolerance:.1g} {tried}: the difference is {found.difference:.1e}"
        out.print(told, markup=False)
        return FINE
    complain(f"both differ by up to {found.difference:.1e} {tried}; the spec is a draft")
    return WRONG


def _print_proof(path: Path, known: str) -> int:
    """Compare the spec with a known one, as mathematics."""
    one, other = (load_all(find_specs([str(spec)]).files) for spec in (path, known))
    if len(other) != 1:
        raise UsageError(f"{known} holds {len(other)} specs; name one of them")
    found = comparison(one[0], other[0], {}, {}, surroundings())
    words = {True: "proved: it is", None: "undecided: whether it is", False: "different: it isn't"}
    out.print(f"{words[found.equal]} {known}, for every gradient (optgen diff)", markup=False)
    return FINE if found.equal else WRONG
