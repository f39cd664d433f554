"""Builds of a site: kept facts, faults, folders that aren't sites, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from optgen.cli import app
from optgen.cli.commands import site as site_command
from optgen.compiler.library import find_specs
from optgen.site import gallery
from optgen.site.cache import Cache, key_of
from optgen.site.gallery import NotASiteError, write_gallery
from tests.site.conftest import HOSTILE, Site

pytestmark = pytest.mark.usefixtures("fewer")


def test_facts_are_kept_between_builds(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def analyse(*_: object) -> None:
        raise AssertionError("an analysis was made again")

    monkeypatch.setattr(gallery, "facts_of", analyse)
    assert write_gallery(tmp_path / "again", site.files, site.cache, processes=1) == {}
    for path in site.pages():
        again = tmp_path / "again" / path.relative_to(site.out)
        assert again.read_bytes() == path.read_bytes()


def test_pages_of_rules_that_are_gone_are_removed(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_gallery(out, site.files, site.cache, processes=1)
    (out / "own.txt").write_text("kept")
    write_gallery(out, site.files[:2], site.cache, processes=1)
    assert (out / "rules" / f"{site.files[0].stem}.html").is_file()
    assert not (out / "rules" / "hostile.html").exists()
    assert (out / "own.txt").is_file()


def test_a_wrong_rule_leaves_the_others_alone(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(HOSTILE.replace("sign(grad)", "sign(gradd)"), encoding="utf-8")
    faults = write_gallery(tmp_path / "out", [site.files[0], wrong], site.cache, processes=1)
    assert [*faults] == ["wrong"]
    assert "gradd" in faults["wrong"]
    assert (tmp_path / "out" / "rules" / f"{site.files[0].stem}.html").is_file()
    assert not (tmp_path / "out" / "rules" / "wrong.html").exists()


def test_other_folders_are_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(NotASiteError, match="aren't of a site"):
        write_gallery(tmp_path, site.files, site.cache)
    with pytest.raises(NotASiteError, match="is a file"):
        write_gallery(tmp_path / "index.html", site.files, site.cache)
    assert [*tmp_path.iterdir()] == [tmp_path / "index.html"]


def test_a_cache_returns_what_can_be_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "kept")
    assert cache.get("key") is None
    cache.put("key", {"a": [1, "b"]})
    assert cache.get("key") == {"a": [1, "b"]}
    (tmp_path / "kept" / "key.json").write_text('{"a": [1')
    assert cache.get("key") is None
    # A folder that can't be made keeps nothing.
    unwritable = Cache(tmp_path / "kept" / "key.json" / "below")
    unwritable.put("key", {})
    assert unwritable.get("key") is None


def test_keys_follow_the_specs(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(HOSTILE, encoding="utf-8")
    first, lion = key_of("rules", [path]), key_of("rules", find_specs(["lion"]).files)
    assert first != key_of("comparisons", [path])
    path.write_text(HOSTILE + "\n# changed\n", encoding="utf-8")
    assert key_of("rules", [path]) != first
    assert key_of("rules", find_specs(["lion"]).files) == lion


def test_the_command_writes_a_site(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_command, "Cache", lambda: site.cache)
    out = tmp_path / "pages"
    result = CliRunner().invoke(app, ["site", str(out), "--only", "lion", "--processes", "1"])
    assert result.exit_code == 0, result.output
    assert str(out / "index.html") in result.output.replace("\n", "")
    rules = json.loads((out / "rules.json").read_text(encoding="utf-8"))
    assert [rule["name"] for rule in rules] == ["Lion"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["site", "{folder}", "--only", "liom"], "did you mean 'lion'"),
        (["site", "{folder}/file"], "is a file"),
    ],
)
def test_usage_errors_say_what_to_do(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    given = [part.format(folder=tmp_path) for part in arguments]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 2
    assert said in result.output.replace("\n", "")
