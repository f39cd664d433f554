"""The playground: a page that runs rules on functions and a small network, without a server."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from optgen.cli.worker_processes import Lost, in_parallel
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.library import optimizer_files, read_templates
from optgen.compiler.pipeline import load_file
from optgen.data import data_folder
from optgen.site import scripts
from optgen.site.digits import digits

#: The folder of the page, in that of a site and in that of templates.
_FOLDER = "playground"
_TEMPLATES = f"site/{_FOLDER}"
_STYLE, _PAGE = "style.css", "index.html"
#: The scripts of the page, in the order in which it loads them.
_TASKS, _NETWORK, _REST = "tasks.js", "network.js", ("runs.js", "plots.js", "cards.js", "page.js")
#: More than any rule takes.
_SECONDS = 300.0


def write(out: Path, files: Sequence[Path] = ()) -> dict[str, str]:
    """Write the page and the scripts of rules, by default of all, into a folder of ``out``.

    Returns what is wrong with rules that were left out, by their names. Raises OSError if the
    folder can't be written.
    """
    folder, wanted = out / _FOLDER, [*files] or [*optimizer_files()]
    rules = folder / "rules"
    if rules.is_dir():
        shutil.rmtree(rules)
    rules.mkdir(parents=True)
    found = dict(zip(wanted, in_parallel(_script, wanted, _SECONDS, lambda _: None), strict=True))
    wrong = {file.stem: said for file, said in _wrong(found.items())}
    written = [file for file in wanted if file.stem not in wrong]
    for file in written:
        _, text = _result(found[file])
        (rules / f"{file.stem}.js").write_text(text, encoding="utf-8")
    features = scripts.features(scripts.with_optional_features())
    (folder / "features.js").write_text(features, encoding="utf-8")
    (folder / "catalogue.js").write_text(_catalogue(written), encoding="utf-8")
    _write_page(folder, [file.stem for file in written])
    return wrong


def _script(file: Path) -> tuple[str, str]:
    """What is wrong with a rule, and its script; one of them is empty."""
    try:
        return "", scripts.with_possible_features(load_file(file))
    except SpecError as error:
        return str(error), ""


def _result(found: tuple[str, str] | Lost) -> tuple[str, str]:
    return (found.reason, "") if isinstance(found, Lost) else found


def _wrong(found: Iterable[tuple[Path, tuple[str, str] | Lost]]) -> Iterator[tuple[Path, str]]:
    for file, one in found:
        if said := _result(one)[0]:
            yield file, said


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
