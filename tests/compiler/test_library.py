"""How specs are found by what a user types."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiler.library import find_specs


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("adamm", "adam"),
        ("RMSprp", "rmsprop"),
        ("cosinedecy", "cosinedecay"),
        ("specs/gradiet.toml", "specs/Gradient.toml"),
        ("specs/gradient", "specs/Gradient.toml"),
        ("spec/Gradient.toml", "specs"),
        ("speccs", "specs"),
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
    with pytest.raises(FileNotFoundError, match="optgen list"):
        find_specs([str(tmp_path / "zzz.toml")])
