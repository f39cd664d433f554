"""Sources that every declared version of Python accepts, those included that aren't here."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from optgen.compiler.library import optimizer_files
from optgen.doctor.python import NEWEST, OLDEST
from tests.chosen import first_of
from tests.numeric.specs import FEW
from tests.pythons import ROOT, declared, interpreters

FOLDERS = ("optgen", "generated")
#: Modules that 3.12 and 3.13 removed, by "What's New in Python".
GONE = {
    *("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils"),
    *("imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes"),
    *("smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
}
#: Attributes of modules that 3.12 to 3.14 removed.
ATTRIBUTES = {
    "ast": {"Bytes", "Ellipsis", "NameConstant", "Num", "Str"},
    "importlib": {"find_loader"},
    "importlib.abc": {"ResourceReader", "Traversable", "TraversableResources"},
    "locale": {"resetlocale"},
    "pkgutil": {"ImpImporter", "ImpLoader", "find_loader", "get_loader"},
    "typing": {"ByteString"},
    "unittest": {"findTestCases", "getTestCaseNames", "makeSuite"},
}
REMOVED = frozenset().union(*ATTRIBUTES.values())


def sources(*, are_all: bool) -> list[Path]:
    """All files, or of the generated those of few rules: others come from the same templates."""
    every = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    left_out: set[str] = set() if are_all else {path.stem for path in optimizer_files()} - FEW
    return [path for path in every if path.stem not in left_out]


ALL = pytest.mark.parametrize("are_all", first_of([False, True], 1))


def faults(tree: ast.AST) -> Iterator[str]:
    """What a version after 3.11 refuses or warns of."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name.partition(".")[0] in GONE)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                gone = module.partition(".")[0] in GONE
                removed = ATTRIBUTES.get(module, set())
                yield from (f"{module}.{one.name}" for one in names if gone or one.name in removed)
            case ast.Attribute(value=value, attr=name) if name in REMOVED:
                if name in ATTRIBUTES.get(ast.unparse(value), set()):
                    yield ast.unparse(node)
            case ast.Subscript(slice=ast.Constant(value="__annotations__")):
                # In 3.14, the namespace of a class has none.
                yield ast.unparse(node)
            case ast.Try(finalbody=[_, *_] as last) | ast.TryStar(finalbody=[_, *_] as last):
                yield from map(ast.unparse, _leaving(last))


def _leaving(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that leave a ``finally``, of which 3.14 warns; loops in it may be left."""
    for node in body:
        match node:
            case ast.Return() | ast.Break() | ast.Continue():
                yield node
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case ast.For() | ast.While():
                inner = [*_leaving(node.body), *_leaving(node.orelse)]
                yield from (one for one in inner if isinstance(one, ast.Return))
            case _:
                inside = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)]
                yield from _leaving(inside)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import imp, cgi.x, json", 2),
        ("from distutils.core import setup", 1),
        ("import ast\nast.Num(1); ast.Constant(1)", 1),
        ("from importlib.abc import Traversable, Loader", 1),
        ("namespace['__annotations__']", 1),
        ("def f():\n try: pass\n finally:\n  if x: return 1", 1),
        ("while 1:\n try: pass\n finally: break", 1),
        ("try: pass\nfinally:\n for x in y:\n  break", 0),
        ("try: pass\nfinally:\n def f(): return 1", 0),
    ],
)
def test_faults_are_found(source: str, count: int) -> None:
    assert len(list(faults(ast.parse(source)))) == count


@ALL
def test_sources_use_nothing_that_a_later_version_lacks(are_all: bool) -> None:
    for path in sources(are_all=are_all):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST)
        assert not list(faults(tree)), path


@ALL
@pytest.mark.parametrize("version", interpreters())
def test_sources_compile_without_a_warning(version: str, are_all: bool) -> None:
    program = """
import pathlib, sys
for path in sys.stdin.read().splitlines():
    compile(pathlib.Path(path).read_text(encoding="utf-8"), path, "exec", dont_inherit=True)
"""
    listed = "\n".join(map(str, sources(are_all=are_all)))
    command = [str(interpreters()[version]), "-W", "error", "-c", program]
    subprocess.run(command, cwd=ROOT, check=True, input=listed, text=True)


@cache
def project() -> dict[str, str]:
    found: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def test_classifiers_are_the_versions_that_are_supported() -> None:
    versions = [tuple(map(int, one.split("."))) for one in declared()]
    assert versions == [(3, minor) for minor in range(OLDEST[1], NEWEST[1] + 1)]
    assert project()["requires-python"] == f">={'.'.join(map(str, OLDEST))}"
