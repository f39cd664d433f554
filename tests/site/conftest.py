"""A site of a few rules, of which one is hostile, and features; each takes a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from optgen.compiler.library import find_specs, optional_feature_files
from optgen.compiler.pipeline import Surroundings, load_all, surroundings
from optgen.site import gallery, scripts
from optgen.site.cache import Cache
from optgen.site.facts.features import feature_items
from optgen.site.gallery import write_gallery

HOSTILE = '''
name = "Hostile"
summary = "<script>alert('a')</script> & {{ 7*7 }} more"
reference = "<img src='x'>, 1999, arXiv:1234.56789, example.org/\\"onclick=x"

[hyperparameters]
learning_rate = { default = 0.1, doc = "<b>bold</b>" }

[update]
rule = """
change = learning_rate*sign(grad)*sqrt(abs(grad))
"""
'''
RULES = ("lion", "sgd", "torchsgd")
#: Of all slots, with states, without formulas, and with a second gradient.
FEATURES = ("average", "cautious", "clipnorm", "sam", "weight_decay")


@dataclass(frozen=True)
class Site:
    """Its folder, and the cache that it was built with."""

    out: Path
    cache: Cache
    files: tuple[Path, ...]

    def pages(self) -> list[Path]:
        """All pages but those that run rules."""
        found = sorted(self.out.rglob("*.html"))
        return [path for path in found if path.parent.name != "playground"]


def few_features() -> list[tuple[Path, ...]]:
    return [item for item in feature_items() if item[0].stem in FEATURES]


@cache
def few_in_scripts() -> Surroundings:
    few = [file for file in optional_feature_files() if file.stem in FEATURES]
    return surroundings(load_all(few))


def leave_out(patch: pytest.MonkeyPatch) -> None:
    """Most features: those of a page each take half a second, those in a script three for all."""
    patch.setattr(gallery, "feature_items", few_features)
    patch.setattr(scripts, "with_optional_features", few_in_scripts)


@pytest.fixture
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test builds of a site has few features."""
    leave_out(monkeypatch)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    strange = folder / "strange_ones"
    strange.mkdir()
    (strange / "hostile.toml").write_text(HOSTILE, encoding="utf-8")
    files = (*find_specs(RULES).files, strange / "hostile.toml")
    kept = Cache(folder / "cache")
    with pytest.MonkeyPatch.context() as patch:
        leave_out(patch)
        assert write_gallery(folder / "out", files, kept, processes=1) == {}
    return Site(folder / "out", kept, files)
