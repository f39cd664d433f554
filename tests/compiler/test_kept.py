"""Results that processes keep for later ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiled.user_folder import VARIABLE
from optgen.compiler import kept as module
from optgen.compiler.kept import kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path / "kept"


@pytest.fixture
def made() -> list[int]:
    """A number for each time that a result was made."""
    return []


def call(made: list[int]) -> tuple[int, ...]:
    def make() -> tuple[int, ...]:
        made.append(len(made))
        return (*made, 7)

    return kept("result", make)


def test_a_result_is_made_once(folder: Path, made: list[int]) -> None:
    assert call(made) == call(made) == (0, 7)
    assert made == [0]
    assert len([*folder.iterdir()]) == 1


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05"])
def test_what_cannot_be_read_is_made_again(folder: Path, made: list[int], content: bytes) -> None:
    call(made)
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert call(made) == (0, 1, 7)
    assert call(made) == (0, 1, 7)


def test_other_code_has_its_own_result(
    folder: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in range(10):
        monkeypatch.setattr(module, "of_compiler", lambda version=version: str(version))
        call(made)
        call(made)
    assert made == [*range(10)]
    assert len([*folder.iterdir()]) == 8


def test_a_folder_that_cannot_be_written_keeps_nothing(folder: Path, made: list[int]) -> None:
    folder.write_text("a file")
    assert call(made) == (0, 7)
    assert call(made) == (0, 1, 7)
