"""``optgen new``."""

from __future__ import annotations

from pathlib import Path

from optgen.cli.console import FINE, USAGE, complain, ends_well, out
from optgen.compiler.library import read_templates
from optgen.compiler.read.parse.names import class_name_fault

TEMPLATE = "new_spec.toml.j2"


@ends_well("optgen new")
def new(name: str, folder: Path) -> int:
    """Write a spec that builds unchanged, without overwriting a file; returns the exit status."""
    fault = class_name_fault(name)
    if fault:
        complain(fault)
        return USAGE
    path = folder / f"{name.lower()}.toml"
    text = read_templates().fill(TEMPLATE, {"name": name, "path": path.as_posix()})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        complain(f"{path} exists; it isn't overwritten")
        return USAGE
    except OSError as error:
        complain(f"{path}: {error.strerror}")
        return USAGE
    out.print(f"wrote {path}; next: optgen build {path} --out my_optimizers", markup=False)
    return FINE
