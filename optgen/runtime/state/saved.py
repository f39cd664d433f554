"""The public methods that save and load states."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

from optgen.runtime.core import HasCore
from optgen.runtime.state import file
from optgen.runtime.state.snapshot import Snapshot
from optgen.runtime.state.store import Store, get, put
from optgen.runtime.transaction import Call


class Saved(HasCore):
    """Saves and loads snapshots under the lock of the optimizer."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, atomically.

        With it a run goes on as if it had not ended. Steps of other threads wait meanwhile.
        Raises ValueError before ``build``, OSError where the file can't be written, and
        RuntimeError in a function that a step calls.
        """
        with self._core.turn.lock:
            file.write(self._snapshot(), path)

    def load(self, path: str | PathLike[str], *, convert: bool = False) -> None:
        """Restore state, counters and hyperparameters from a file of ``save``.

        The optimizer is built with variables of the same paths, shapes and dtypes before, and
        states have the same storage; otherwise ``convert`` takes them over, with a warning that
        says which were rounded. Raises StateError, a ValueError, that names all that doesn't fit,
        and FileNotFoundError; nothing has changed then.
        """
        self._resume(file.read(path), repr(fspath(path)), convert=convert)

    def save_own_variables(self, store: Store) -> None:
        """Write the state into a dictionary or an HDF5 group, for Keras."""
        with self._core.turn.lock:
            put(self._snapshot(), store)

    def load_own_variables(self, store: Store, *, convert: bool = False) -> None:
        """``load`` from what ``save_own_variables`` wrote."""
        self._resume(get(store), "this state", convert=convert)

    def _snapshot(self) -> Snapshot:
        """A snapshot of the state; each front end implements it."""
        raise NotImplementedError

    def _resume(
        self, snapshot: Snapshot, source: str, also: Sequence[Call] = (), *, convert: bool = False
    ) -> None:
        """Restore a snapshot; each front end implements it.

        ``also`` are calls of compiled code that belong to it; ``convert`` allows another storage.
        """
        raise NotImplementedError
