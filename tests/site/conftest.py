"""A site of a few rules, of which one is hostile; each takes a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from optgen.compiler.library import find_specs
from optgen.site.cache import Cache
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


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    strange = folder / "strange_ones"
    strange.mkdir()
    (strange / "hostile.toml").write_text(HOSTILE, encoding="utf-8")
    files = (*find_specs(RULES).files, strange / "hostile.toml")
    cache = Cache(folder / "cache")
    assert write_gallery(folder / "out", files, cache, processes=1) == {}
    return Site(folder / "out", cache, files)
