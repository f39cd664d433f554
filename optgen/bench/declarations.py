"""``specs/bench.toml``: which optimizers are timed, and their peers in other libraries."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from optgen.bench.peers.equality import TOLERANCE
from optgen.bench.peers.interface import Rule
from optgen.bench.peers.libraries import LIBRARIES
from optgen.data import data_folder

_FILE = "bench.toml"


@dataclass(frozen=True)
class Declaration:
    """Arguments of an optimizer, and the same rule in libraries by their names."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    peers: Mapping[str, Rule] = field(default_factory=dict)
    #: Whether only the matrices of a model are its parameters.
    matrices: bool = False
    #: How far peers may be from it, as a part of their way.
    tolerance: float = TOLERANCE
    #: Whether the parameters are torch's.
    in_torch: bool = False


@dataclass(frozen=True)
class StoragePeer:
    """A rule of torch's kind with parameters of a dtype, which a storage is compared with."""

    title: str
    rule: str
    dtype: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Declarations:
    """The file; ``usual`` names the cases that are timed by default."""

    threads: int
    rate: float
    everything: Mapping[str, Any]
    usual: tuple[str, ...]
    #: What the demo trains with by default.
    demo: tuple[str, ...]
    cases: Mapping[str, Declaration]
    #: What storages are compared with, by the optimizer.
    storage_peers: Mapping[str, tuple[StoragePeer, ...]] = field(default_factory=dict)


@cache
def declarations() -> Declarations:
    """The declarations of this installation."""
    return parse((data_folder("specs") / _FILE).read_text(encoding="utf-8"))


def parse(text: str) -> Declarations:
    """Declarations as text. Raises ValueError if a case or a peer is not well declared."""
    data = tomllib.loads(text)
    cases = {case["optimizer"]: _declaration(case) for case in data["cases"]}
    usual = tuple(data["usual"])
    for name in usual:
        if name not in cases:
            raise ValueError(f"{_FILE}: {name} is timed as usual, but is no case")
    rate = float(data["learning_rate"])
    peers = {
        name: tuple(StoragePeer(**peer) for peer in found)
        for name, found in data.get("storage_peers", {}).items()
    }
    names = usual, tuple(data.get("demo", ()))
    return Declarations(data["threads"], rate, data["everything"], *names, cases, peers)


def _declaration(case: Mapping[str, Any]) -> Declaration:
    peers = {}
    for library, rules in case.get("peers", {}).items():
        where = f"{_FILE}: {case['optimizer']}: peers.{library}"
        if library not in LIBRARIES:
            raise ValueError(f"{where} is no library; there are {', '.join(LIBRARIES)}")
        if len(rules) != 1:
            raise ValueError(f"{where} has {len(rules)} rules; declare one")
        ((name, arguments),) = rules.items()
        peers[library] = Rule(name, arguments)
    limits = case.get("matrices", False), case.get("tolerance", TOLERANCE)
    return Declaration(case.get("arguments", {}), peers, *limits, case.get("in_torch", False))
