"""Files of states: those that ``optgen convert`` reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from optgen.missing_packages import require
from optgen.runtime.state.file import whole_file

#: Endings of files that torch writes, of arrays by name, and of states of optimizers of arrays.
OF_TORCH = (".pt", ".pth", ".bin", ".ckpt")
OF_ARRAYS, OF_OWN = ".npz", ".safetensors"


def read(path: Path, key: str = "") -> Any:
    """What a file holds, as ``optgen.convert`` takes it; ``key`` leads to the state in it.

    The parts of a key are separated by dots. No code of a file is run. Raises OSError, ValueError
    for what can't be read or found, and ImportError where torch is missing.
    """
    ending = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file")
    if ending in OF_TORCH:
        return _inside(_read_torch(path), key, path)
    if key:
        raise ValueError(f"{path} has no keys; they are for files of torch")
    if ending == OF_ARRAYS:
        return _read_arrays(path)
    if ending == OF_OWN:
        return path
    raise ValueError(f"{path}: states are in {_endings()}, not {ending or 'a file without ending'}")


def _read_torch(path: Path) -> Any:
    require("a file of torch", "torch")
    try:
        return import_module("torch").load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} isn't a file of tensors and numbers: {error}") from error


def _read_arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
    except Exception as error:
        raise ValueError(f"{path} isn't a file of arrays: {error}") from error
    if not all(isinstance(one, np.ndarray) for one in arrays.values()):
        raise ValueError(f"{path} isn't a file of arrays, but has others in it")
    return arrays


def _inside(found: Any, key: str, path: Path) -> Any:
    for part in filter(None, key.split(".")):
        listed = list(enumerate(found)) if isinstance(found, list) else found
        there = {str(name): one for name, one in dict(listed).items()} if _has_keys(found) else {}
        if part not in there:
            known = f"; there are {', '.join(there)}" if there else ""
            raise ValueError(f"{path} has no {key!r}{known}")
        found = there[part]
    return found


def _has_keys(found: Any) -> bool:
    return isinstance(found, Mapping | list)


def ending_of(layout: str) -> str:
    """The ending of a file for a library's layout. Raises ValueError for one without files."""
    known = {"state dictionary": OF_TORCH[0], "own": OF_TORCH[0], "variables": OF_ARRAYS}
    if layout not in known:
        raise ValueError("its states are filled in where they are: call optgen.convert with like")
    return known[layout]


def write(state: Any, path: Path, layout: str) -> None:
    """Write a converted state, whole or not at all. Raises OSError, and ValueError for an ending.

    Dictionaries of torch's layout are written by torch, dictionaries of arrays by NumPy.
    """
    is_torch = ending_of(layout) in OF_TORCH
    allowed = OF_TORCH if is_torch else (OF_ARRAYS,)
    if path.suffix.lower() not in allowed:
        raise ValueError(f"{path}: such a state goes into a file with {' or '.join(allowed)}")
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        if is_torch:
            import_module("torch").save(state, stream)
        else:
            np.savez(stream, **state)


def _endings() -> str:
    listed = (*OF_TORCH, OF_ARRAYS, OF_OWN)
    return f"{', '.join(listed[:-1])} and {listed[-1]}"
