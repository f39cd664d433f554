"""The playground: a page that runs rules on functions and a small network, without a server."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.library import optimizer_files, read_templates
from optgen.compiler.pipeline import load_file
from optgen.data import data_folder
from optgen.site import scripts
from optgen.site.cache import Cache
from optgen.site.digits import digits
from optgen.site.facts.records import Fault
from optgen.site.survey import Files, survey

#: The folder of the page, in that of a site and in that of templates.
_FOLDER = "playground"
_TEMPLATES = f"site/{_FOLDER}"
_STYLE, _PAGE = "style.css", "index.html"
#: The scripts of the page, in the order in which it loads them.
_TASKS, _NETWORK, _REST = "tasks.js", "network.js", ("runs.js", "plots.js", "cards.js", "page.js")


class Printed(TypedDict):
    """The script of a rule, which is kept between builds."""

    script: str


def write(
    out: Path, files: Sequence[Path] = (), cache: Cache | None = None, processes: int = 0
) -> dict[str, str]:
    """Write the page and the scripts of rules, by default of all, into a folder of ``out``.

    Scripts come from a ``cache``, by default the user's, where it has them; at most so many
    ``processes`` print the others. Returns what is wrong with rules that were left out, by their
    names. Raises OSError if the folder can't be written.
    """
    folder, wanted = out / _FOLDER, [*files] or [*optimizer_files()]
    rules = folder / "rules"
    if rules.is_dir():
        shutil.rmtree(rules)
    rules.mkdir(parents=True)
    found = survey("scripts", _script, [(file,) for file in wanted], cache or Cache(), processes)
    written = [file for (file,) in found.facts]
    for (file,), printed in found.facts.items():
        (rules / f"{file.stem}.js").write_text(printed["script"], encoding="utf-8")
    features = scripts.features(scripts.with_optional_features())
    (folder / "features.js").write_text(features, encoding="utf-8")
    (folder / "catalogue.js").write_text(_catalogue(written), encoding="utf-8")
    _write_page(folder, [file.stem for file in written])
    return {file.stem: said for (file,), said in found.lost.items()}


def _script(item: Files) -> Printed | Fault:
    """The script of a rule, or what is wrong with it."""
    try:
        return {"script": scripts.with_possible_features(load_file(item[0]))}
    except SpecError as error:
        return {"fault": str(error)}


def _catalogue(files: Sequence[Path]) -> str:
    """The rules that can be chosen, and those that the page begins with."""
    entries = [
        {"module": file.stem, "name": load_file(file).name.value, "family": file.parent.name}
        for file in sorted(files, key=lambda file: (file.parent.name, file.stem))
    ]
    lines = ",\n".join(json.dumps(one).replace("<", "\\u003c") for one in entries)
    first = json.dumps(_first([file.stem for file in files]))
    return f'"use strict";\noptgen.catalogue = [\n{lines}\n];\noptgen.firstRules = {first};\n'


def _first(modules: Sequence[str]) -> list[str]:
    """The rules that the page begins with: of those that are there, or the first one."""
    text = (data_folder("specs") / f"{_FOLDER}.toml").read_text(encoding="utf-8")
    return [one for one in tomllib.loads(text)["first"] if one in modules] or [*modules[:1]]


def _write_page(folder: Path, modules: Sequence[str]) -> None:
    """The page itself, with what it needs for the first picture."""
    templates = data_folder("templates") / _TEMPLATES
    images = digits()
    page_scripts = [_TASKS, *([_NETWORK] if images else []), *_REST]
    library = [*scripts.library_files()]
    for path in (*library, *(templates / name for name in (*page_scripts, _STYLE))):
        shutil.copyfile(path, folder / path.name)
    if images:
        (folder / "digits.js").write_text(images, encoding="utf-8")
    first = [f"rules/{one}.js" for one in _first(modules)]
    loaded = [*(p.name for p in library), "features.js", *first, "catalogue.js", *page_scripts]
    text = read_templates().fill(f"{_TEMPLATES}/{_PAGE}.j2", {"scripts": loaded})
    (folder / _PAGE).write_text(text, encoding="utf-8")
