"""How specs are found by what a user types."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from optgen.compiler.library import find_specs, optimizer_files, optional_feature_files


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("adamm", "adam"),
        ("admaw", "adamw"),
        ("RMSprp", "rmsprop"),
        ("cosinedecy", "cosinedecay"),
        ("specs/gradiet.toml", "specs/Gradient.toml"),
        ("specs/gradient", "specs/Gradient.toml"),
        ("spec/Gradient.toml", "specs"),
        ("specz", "specs"),
    ],
)
def test_the_nearest_name_or_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "Gradient.toml").touch()
    (tmp_path / "specs" / "gradient.txt").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as raised:
        find_specs([typed])
    assert str(raised.value).endswith(f"did you mean {meant!r}?")


def test_what_resembles_nothing_is_sent_to_the_list(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    for name in ("zzz.toml", "nope.toml"):
        with pytest.raises(FileNotFoundError, match="optgen list"):
            find_specs([str(tmp_path / name)])


def test_no_rule_has_a_name_of_an_optional_feature() -> None:
    """Each optional feature may be built into each rule."""

    def declared(file: Path) -> set[str]:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        return {*table.get("state", {}), *table.get("hyperparameters", {})}

    features = {file.stem: declared(file) for file in optional_feature_files()}
    for rule in optimizer_files():
        found = {name: declared(rule) & own for name, own in features.items()}
        assert not any(found.values()), (rule.stem, found)
