"""Classes of ``optgen.compile``, in packages named by a digest of their inputs.

They are stored in the user's cache directory. As submodules of this package, they can be imported
by other processes that load pickles.
"""

from __future__ import annotations

from pathlib import Path

from optgen.compiled.user_folder import user_folder

__path__ = [*__path__, str(user_folder())]


def look_in(folder: Path) -> None:
    """Let packages of another folder be found too."""
    if str(folder) not in __path__:
        __path__.append(str(folder))
