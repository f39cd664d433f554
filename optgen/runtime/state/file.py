"""State files: safetensors with counters, configuration and checksums."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from optgen.runtime.state.encoding import Form, decoded, encoded
from optgen.runtime.state.snapshot import Array, Key, Snapshot, StateError

#: The format that is written; the first one has no records, and is written where there are none.
FORMAT = 2
_HEAD, _SUM = "optgen", "sha256"
_NO_FILE = "a state is written to regular files only"


def write(snapshot: Snapshot, path: str | os.PathLike[str]) -> None:
    """Write a state file whole or not at all, however the process ends.

    A file that is there already keeps its permissions, and a link its target. Raises OSError
    where it can't be written, or is no regular file; what was there stays then.
    """
    with whole_file(path) as temporary:
        names = {key: str(number) for number, key in enumerate(snapshot.arrays)}
        plain = {names[key]: _plain(array) for key, array in snapshot.arrays.items()}
        arrays = {name: array for name, (array, _) in plain.items()}
        forms = {name: form for name, (_, form) in plain.items() if form is not None}
        head = _head(snapshot, names, arrays, forms)
        _fill(temporary, arrays, {_HEAD: head, _SUM: _digest(head.encode())})
        _check_written(temporary, head)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A context with a temporary file that takes the place of another one at its end.

    After an exception what was there stays. A file that is there already keeps its permissions, and
    a link its target. Raises OSError where it can't be written, or is no regular file.
    """
    target = _target(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        _sync(temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        _sync(target.parent)


def _target(path: str | os.PathLike[str]) -> Path:
    """The file to write, behind all links. Raises OSError for what is no regular file."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r}")
    # What realpath leaves a link leads nowhere but to itself.
    if target.is_symlink():
        raise OSError(errno.ELOOP, "a loop of links is no place for a state", os.fspath(path))
    if target.exists() and not target.is_file():
        kind = IsADirectoryError if target.is_dir() else OSError
        raise kind(errno.EISDIR if target.is_dir() else errno.EINVAL, _NO_FILE, os.fspath(path))
    return target


def _fill(path: Path, arrays: Mapping[str, Array], metadata: dict[str, str]) -> None:
    try:
        save_file(dict(arrays), path, metadata)
    except SafetensorError as error:
        # Its text ends with the system's number, as in "No space left on device (os error 28)".
        found = re.search(r"os error (\d+)", str(error))
        raise OSError(int(found[1]) if found else errno.EIO, str(error), str(path)) from error


def _check_written(path: Path, head: str) -> None:
    """Raise OSError where a file holds other arrays than were to be written."""
    with safe_open(path, framework="numpy") as file:
        for name, of, state, digest, *_ in json.loads(head)["arrays"]:
            if _digest(file.get_tensor(name).tobytes()) != digest:
                message = f"the state {state!r} of {of!r} changed while it was written"
                raise OSError(errno.EIO, message, str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    """Wait until what was written stands on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(array: Array) -> tuple[Array, Form]:
    """A contiguous array, and what its elements are where safetensors has no such dtype."""
    dense = np.ascontiguousarray(array).reshape(array.shape)
    return encoded(dense) if dense.dtype.names else (dense, None)


def _head(
    snapshot: Snapshot,
    names: Mapping[Key, str],
    arrays: Mapping[str, Array],
    forms: Mapping[str, Form],
) -> str:
    """All but the arrays; keys of the arrays say variable path and state name."""
    return json.dumps(
        {
            "format": FORMAT if forms else 1,
            "library": version("optgen"),
            "optimizer": snapshot.optimizer,
            "spec": snapshot.spec,
            "config": snapshot.config,
            "counters": snapshot.counters,
            "variables": snapshot.variables,
            "arrays": [
                [name, path, state, _digest(arrays[name].tobytes()), *_of(name, forms)]
                for (path, state), name in names.items()
            ],
        },
        allow_nan=False,
    )


def _of(name: str, forms: Mapping[str, Form]) -> list[Form]:
    return [forms[name]] if name in forms else []


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(path: str | os.PathLike[str]) -> Snapshot:
    """What a state file holds, every byte of it checked.

    Raises FileNotFoundError where there is none, and StateError for one that isn't whole, was
    changed, or has a format that this version doesn't read.
    """
    source = os.fspath(path)
    if not Path(source).is_file():
        raise FileNotFoundError(f"there is no state file {source!r}")
    try:
        with safe_open(source, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise StateError(f"{source!r} is not a whole safetensors file: {error}") from error
    if set(metadata) != {_HEAD, _SUM}:
        raise StateError(f"{source!r} is no state file of optgen")
    if _digest(metadata[_HEAD].encode()) != metadata[_SUM]:
        raise StateError(f"{source!r} is damaged: its description doesn't fit its checksum")
    try:
        head: dict[str, Any] = json.loads(metadata[_HEAD])
        return _reader(head, source)(head, arrays, source)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise StateError(f"{source!r} has an odd description: {error!r}") from error


Reader = Callable[[dict[str, Any], Mapping[str, Array], str], Snapshot]


def _reader(head: dict[str, Any], source: str) -> Reader:
    found = head.get("format")
    if isinstance(found, int) and found in _READERS:
        return _READERS[found]
    by = head.get("library", "another version")
    what = "is newer than" if isinstance(found, int) and found > FORMAT else "was never"
    raise StateError(
        f"{source!r} has format {found!r}, written by optgen {by}, which {what} "
        f"those that are read here: {', '.join(map(str, _READERS))}"
    )


def _read(head: dict[str, Any], arrays: Mapping[str, Array], source: str) -> Snapshot:
    listed = {name: (path, state, digest) for name, path, state, digest, *_ in head["arrays"]}
    forms = {name: form[0] for name, _, _, _, *form in head["arrays"] if form}
    if set(listed) != set(arrays):
        raise StateError(f"{source!r} is damaged: arrays are missing, or too many")
    for name, (path, state, digest) in listed.items():
        if _digest(arrays[name].tobytes()) != digest:
            message = f"the state {state!r} of {path!r} doesn't fit its checksum"
            raise StateError(f"{source!r} is damaged: {message}")
    return Snapshot(
        optimizer=head["optimizer"],
        spec=head["spec"],
        config=head["config"],
        counters=head["counters"],
        variables={path: (tuple(shape), kind) for path, (shape, kind) in head["variables"].items()},
        arrays={
            (path, state): decoded(arrays[name], forms.get(name))
            for name, (path, state, _) in listed.items()
        },
    )


_READERS: Mapping[int, Reader] = {1: _read, 2: _read}
