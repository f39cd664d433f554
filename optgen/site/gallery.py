"""The gallery as a folder of pages: analyses first, then what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import Surroundings, gather, surroundings
from optgen.site.cache import Cache
from optgen.site.facts.comparisons import compared
from optgen.site.facts.features import feature_facts, feature_items
from optgen.site.facts.records import Fault, FeatureFacts, PairFacts, RuleFacts
from optgen.site.facts.rules import facts_of
from optgen.site.pages import write_pages
from optgen.site.pairs import Pair, chosen_pairs
from optgen.site.survey import Files, Survey, survey

#: Names a folder as one that a build may change.
MARK = ".optgen-site"
#: The module that writes a page on which rules run in the browser, and the path of that page.
_PLAYGROUND, _ITS_PAGE = "optgen.site.playground", "playground/index.html"


class NotASiteError(ValueError):
    """A folder with files that no build of a site wrote."""


def write_gallery(
    out: Path, files: Sequence[Path], cache: Cache, processes: int = 0
) -> dict[str, str]:
    """Write the pages of some rules, by default of all; returns faults by the names of specs.

    Raises NotASiteError, SpecError, and OSError if the folder can't be written.
    """
    _open(out)
    around = surroundings()
    items = [(file,) for file in files or optimizer_files()]
    rules = survey("rules", partial(_rule, around=around), items, cache, processes)
    found = {item[0]: facts for item, facts in rules.facts.items()}
    pairs = _pairs(found, around, cache, processes)
    features = survey("features", _feature, feature_items(), cache, processes)
    playground, without = _playground(out, [item[0] for item in items], cache, processes)
    written = write_pages(
        out, found, [*features.facts.values()], _by_module(pairs), playground=playground
    )
    _remove_others(out, written)
    cache.forget_old()
    lost = {**rules.lost, **pairs.lost}
    faults = {" and ".join(path.stem for path in item): lost[item] for item in lost}
    return without | faults | {item[0].stem: said for item, said in features.lost.items()}


def _rule(item: Files, around: Surroundings) -> RuleFacts | Fault:
    """The facts of a rule, or what is wrong with it."""
    made, problems = gather(item, lambda path: facts_of(path, around))
    return made[0][1] if made else {"fault": "\n".join(map(str, problems))}


def _pair(item: Files, around: Surroundings) -> PairFacts | Fault:
    """The comparison of two rules, or why there is none."""
    made, problems = gather([item], lambda both: compared(both, around))
    return made[0][1] if made else {"fault": "\n".join(map(str, problems))}


def _feature(item: Files) -> FeatureFacts | Fault:
    """The facts of a feature, or what is wrong with it."""
    made, problems = gather([item], feature_facts)
    return made[0][1] if made else {"fault": "\n".join(map(str, problems))}


def _pairs(
    found: dict[Path, RuleFacts], around: Surroundings, cache: Cache, processes: int
) -> Survey:
    paths = {path.stem: path for path in found}
    items = [(paths[one], paths[other]) for one, other in chosen_pairs([*found.values()])]
    return survey("comparisons", partial(_pair, around=around), items, cache, processes)


def _by_module(pairs: Survey) -> dict[Pair, PairFacts]:
    return {(one.stem, other.stem): facts for (one, other), facts in pairs.facts.items()}


def _open(out: Path) -> None:
    """Mark a folder as a site, if it is empty or one already."""
    if out.exists() and not out.is_dir():
        raise NotASiteError(f"{out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise NotASiteError(f"{out} holds files that aren't of a site; name an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text("Written by `optgen site`, which replaces all pages.\n")


def _playground(
    out: Path, files: Sequence[Path], cache: Cache, processes: int
) -> tuple[str, dict[str, str]]:
    """Write the playground, where it is installed; the path of its page, and faults of rules."""
    if find_spec(_PLAYGROUND) is None:
        return "", {}
    faults: dict[str, str] = import_module(_PLAYGROUND).write(out, files, cache, processes)
    return _ITS_PAGE, faults


def _remove_others(out: Path, written: set[Path]) -> None:
    """Remove pages of rules and comparisons that no longer exist."""
    for folder in {path.parent for path in written} - {out}:
        for path in folder.glob("*.html"):
            if path not in written:
                path.unlink()
