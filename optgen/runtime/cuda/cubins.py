"""The disk cache of compiled CUDA kernels."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from cuda.core import Linker, LinkerOptions, ObjectCode
from numba.core.caching import FunctionCache

from optgen.runtime import codes
from optgen.runtime.cpu import half_precision
from optgen.runtime.cuda.jit import Kernel
from optgen.runtime.disk_cache import Kept

#: Modules of the host that generate code of kernels here.
_OF_HOST = ("split.py", "stochastic.py", "dither.py", "half_precision.py", "storage.py")
_ENTRY = re.compile(r"\.entry\s+(\w+)")


class Cubin(NamedTuple):
    """A cubin, and the name of its kernel."""

    entry: str
    code: bytes


def compiled(kernel: Kernel, key: object, capability: tuple[int, int]) -> Cubin:
    """The cubin of a kernel for a compute capability.

    ``key`` identifies the kernel within its file and the values of its constants.
    """
    kept = _kept(kernel)
    full_key = (key, capability)
    found = kept.load(full_key) if kept else None
    if found is not None:
        entry, _, code = found.partition(b"\0")
        return Cubin(entry.decode(), code)
    (text,) = kernel.ptx(capability)
    cubin = linked(text, capability)[0]
    if kept:
        kept.save(full_key, cubin.entry.encode() + b"\0" + cubin.code)
    return cubin


def linked(ptx: str, capability: tuple[int, int]) -> tuple[Cubin, str]:
    """The cubin linked from PTX, and the assembler's report on registers and memory."""
    found = _ENTRY.search(ptx)
    assert found is not None, "PTX without a kernel"
    major, minor = capability
    options = LinkerOptions(arch=f"sm_{major}{minor}", ptxas_options=["-v"], verbose=True)
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    code = linker.link("cubin").code
    assert isinstance(code, bytes)
    return Cubin(found[1], code), linker.get_info_log()


def _kept(kernel: Kernel) -> Kept | None:
    """The cache of a kernel's cubins; None if no folder is writable."""
    try:
        cache_of = FunctionCache(kernel.function)
    except RuntimeError:
        return None
    stamp = (_surroundings(), cache_of._impl.locator.get_source_stamp())
    base = cache_of._impl.filename_base
    return Kept(Path(cache_of._cache_path), base, "cubin", repr(stamp))


@cache
def _surroundings() -> str:
    """A digest of all inputs of the compilation other than the kernel's own file."""
    own, shared = files(__package__), files(half_precision.__package__)
    common = (files(codes.__package__) / name for name in ("codes.py", "philox.py"))
    every = [*own.iterdir(), *(shared / name for name in _OF_HOST), *common]
    sources = sorted((file.name, file.read_bytes()) for file in every if file.name.endswith(".py"))
    names = ("numba", "numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink")
    versions = [(name, metadata.version(name)) for name in names]
    return hashlib.sha256(repr((sources, versions)).encode()).hexdigest()
