"""What states take: the dtype and the bytes of each."""

from __future__ import annotations

from dataclasses import dataclass

from optgen.runtime.codes import CODES, KINDS, storage_of
from optgen.runtime.model import Model
from optgen.runtime.text_table import aligned


@dataclass(frozen=True)
class StoredState:
    """A state of one variable; ``dtype`` is one of those that ``state_dtype`` takes."""

    path: str
    state: str
    dtype: str
    nbytes: int


class Stored(tuple[StoredState, ...]):
    """The states of all variables; as text, a table with their sum."""

    __slots__ = ()

    @property
    def nbytes(self) -> int:
        """The bytes of all states."""
        return sum(one.nbytes for one in self)

    def __str__(self) -> str:
        rows = [("variable", "state", "dtype", "bytes")]
        rows += [(one.path, one.state, one.dtype, str(one.nbytes)) for one in self]
        rows.append(("", "", "", str(self.nbytes)))
        return aligned(rows)


def stored_by(model: Model) -> Stored:
    """The states of a model, without those that all variables share."""
    return Stored(
        StoredState(path, name, _shown(storage_of(array.dtype)), int(array.nbytes))
        for index, path in enumerate(model.paths)
        for name, array in model.state_of(index).items()
    )


def _shown(storage: str) -> str:
    """The dtype that users name for a storage."""
    if storage not in CODES:
        return storage
    return next(kind for kind, codes in KINDS.items() if CODES[storage] in codes)
