"""Classes that ``optgen.compile`` made, in packages named for the content of what made them.

They are in the user's folder for caches. As modules of this package, other processes find them
when they read pickles.
"""

from __future__ import annotations

from pathlib import Path

from optgen.compiled.user_folder import user_folder

__path__ = [*__path__, str(user_folder())]


def look_in(folder: Path) -> None:
    """Let packages of another folder be found too."""
    if str(folder) not in __path__:
        __path__.append(str(folder))
