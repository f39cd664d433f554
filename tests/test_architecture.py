"""The arrows of the design: who may import whom. Walks the syntax trees, imports nothing."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IR = "optgen.compiler.ir"
#: The stages of the compiler, and what is known about their nouns.
STAGES = ("read.load", "read.parse", "read.check", "weave", "plan", "emit", "write")
ANALYSES = ("exact", "prove", "measure", "explain", "compare")
#: Modules that put stages and analyses together, and keep what these return.
CONDUCTORS = ("pipeline", "library", "project", "build", "class_cache", "kept")


def modules() -> dict[str, Path]:
    """Those of the package, and of a few rules: the compiler reviews each that it prints."""
    rules = sorted(path.stem for path in (ROOT / "specs" / "optimizers").rglob("*.toml"))
    left_out = {*rules} - {*rules[::40]}
    found = {}
    for folder, package in (("optgen", "optgen"), ("generated", "optgen.optimizers")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if folder == "optgen" or path.stem not in left_out:
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                name = ".".join((package, *parts)).removesuffix(".__init__")
                found[name] = path
    return found


MODULES = modules()


@cache
def nodes(name: str) -> list[ast.AST]:
    """All nodes of a module, read when a test needs them: every process collects the tests."""
    return list(ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))))


@pytest.fixture(scope="module", autouse=True)
def forget() -> Iterator[None]:
    """Half a million nodes would slow every collection of garbage, which finds none of them."""
    gc.disable()
    yield
    nodes.cache_clear()
    gc.enable()


@cache
def imports(name: str) -> frozenset[str]:
    """Every module that a module imports, from anywhere in it."""
    return frozenset(_imports(name))


def _imports(name: str) -> Iterator[str]:
    is_package = MODULES[name].name == "__init__.py"
    for node in nodes(name):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = name.split(".")[: len(name.split(".")) - node.level + is_package]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def project_imports(name: str) -> set[str]:
    return {found for found in imports(name) if found in MODULES and found != name}


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def members(package: str) -> list[str]:
    """The modules of a package, of which there are some."""
    found = [name for name in MODULES if inside(name, package)]
    assert found
    return found


def imports_only(package: str, *allowed: str) -> None:
    for name in members(package):
        for found in project_imports(name):
            assert any(inside(found, other) for other in (package, *allowed)), (name, found)


def test_the_nouns_import_each_other_only() -> None:
    imports_only(IR)


@pytest.mark.parametrize("stage", STAGES)
def test_stages_import_the_nouns_and_themselves(stage: str) -> None:
    # What is installed may be in archives.
    imports_only(f"optgen.compiler.{stage}", IR, *(["optgen.archive"] if stage == "write" else []))


@pytest.mark.parametrize("analysis", ANALYSES)
def test_analyses_import_the_nouns_exact_arithmetic_and_themselves(analysis: str) -> None:
    imports_only(f"optgen.analysis.{analysis}", IR, "optgen.analysis.exact")


def test_every_module_of_the_compiler_has_a_place() -> None:
    def below(package: str, depth: int) -> set[str]:
        return {name.split(".")[depth] for name in MODULES if name.startswith(f"{package}.")}

    stages = {stage.split(".")[0] for stage in STAGES}
    assert below("optgen.compiler", 2) == {"ir", *stages, *CONDUCTORS}
    assert below("optgen.compiler.read", 3) == {"load", "parse", "check"}
    assert below("optgen.analysis", 2) == {"reports", *ANALYSES}


def test_the_runtime_knows_no_compiler() -> None:
    for name in members("optgen.runtime"):
        # Whether there is a GPU can be asked without importing the runtime.
        known = project_imports(name) - {"optgen", "optgen.cuda"}
        there = ("optgen.runtime", "optgen.names", "optgen.archive")
        assert all(any(inside(found, one) for one in there) for found in known), name
        outside = {found.split(".")[0] for found in imports(name)} - {"optgen"}
        assert not outside & {"sympy", "jinja2", "typer", "rich", "torch", "keras", "jax"}, name


def test_only_commands_compare_rules() -> None:
    for name in MODULES:
        if not inside(name, "optgen.comparison") and not inside(name, "optgen.cli"):
            found = {one for one in project_imports(name) if inside(one, "optgen.comparison")}
            assert not found, name


def test_names_are_read_from_specs_alone() -> None:
    imports_only("optgen.names", "optgen.data")
    imports_only("optgen.archive", "optgen.data")
    for name in members("optgen.names"):
        tops = {found.split(".")[0] for found in imports(name)} - {"optgen", "__future__"}
        assert tops <= sys.stdlib_module_names, name


def test_generated_code_stands_on_the_runtime() -> None:
    for name in members("optgen.optimizers"):
        own = {"numba", "numpy"}
        for library in ("jax", "keras", "torch"):
            own = {library} if inside(name, f"optgen.optimizers.{library}") else own
        for found in imports(name):
            top = found.split(".")[0]
            assert top in {"__future__", "collections", "math", "optgen", "typing", *own}, name
            if top == "optgen":
                there = inside(found, "optgen.runtime") or inside(found, "optgen.optimizers")
                assert there, (name, found)


def test_sympy_and_jinja_stay_where_specs_are_read() -> None:
    for name in MODULES:
        tops = {found.split(".")[0] for found in imports(name)}
        if tops & {"sympy", "jinja2"}:
            there = ("optgen.compiler", "optgen.analysis", "optgen.site.rendering")
            assert any(inside(name, place) for place in there), name


def test_there_is_no_cycle() -> None:
    graph = {name: project_imports(name) for name in MODULES}
    # A package that re-exports its own modules is not a cycle with them.
    for name, targets in graph.items():
        targets -= {target for target in targets if name.startswith(f"{target}.")}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


#: Private names of other projects, for each module that can't do without.
OF_OTHERS = {
    "optgen.analysis.exact.images": {"_mpf_"},
    "optgen.compiler.emit.syntax": {"_fields"},
    "optgen.keras.inplace": {"_value"},
    "optgen.keras.synchronized": {"_version"},
    "optgen.runtime.cpu.blocks": {"_getvalue"},
    "optgen.runtime.cpu.jit": {"_cache"},
    "optgen.runtime.cuda.cubins": {"_cache_path", "_impl"},
    "optgen.runtime.cuda.jit": {"_compile_pyfunc_with_fixup"},
    "optgen.torch.compiled_step": {"_disable_dynamo"},
    "optgen.torch.dense_copies": {"_foreach_copy_"},
    "optgen.torch.handles": {"_C"},
    "optgen.torch.object_layout": {"_cdata"},
    "optgen.torch.host_copies": {"_version"},
    "optgen.torch.offloading": {"_disable_dynamo"},
    "optgen.torch.operations.compiled": {"_dynamo"},
    "optgen.torch.optimizer": {"_disable_dynamo"},
    "optgen.torch.spread_layout": {"_cdata", "_local_tensor", "_spec"},
    "optgen.torch.version_counters": {"_C", "_increment_version"},
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_own(node: ast.expr) -> bool:
    """Whether an expression is the instance, the class, or what they inherit."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def private_names_of(module: str) -> set[str]:
    """The private methods and attributes that the classes of a module define."""
    found = set()
    for kind in (node for node in nodes(module) if isinstance(node, ast.ClassDef)):
        for node in ast.walk(kind):
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and is_own(node.value):
                found |= {node.attr} if isinstance(node.ctx, ast.Store) else set()
    return found


def test_private_attributes_are_touched_where_their_classes_are() -> None:
    for name in MODULES:
        allowed = private_names_of(name) | OF_OTHERS.get(name, set())
        for node in nodes(name):
            if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node.value):
                assert node.attr in allowed, f"{name}:{node.lineno}: {ast.unparse(node)}"


def test_models_are_made_of_parts_and_have_no_subclasses() -> None:
    for name in MODULES:
        for node in nodes(name):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                assert not bases & {"Model", "Settings", "Options"}, f"{name}:{node.lineno}"


#: Each command imports what it runs, so that help and completion take no time.
_LAZY = (
    *("benchmarking", "catalogue", "comparing", "completion", "conversion"),
    *("planning", "python_files"),
)
LAZY = {"optgen.cli", *(f"optgen.cli.{name}" for name in _LAZY)}


def test_no_import_hides_in_a_function() -> None:
    for name in MODULES.keys() - LAZY:
        for node in nodes(name):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                hidden = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not hidden, f"{name}:{node.lineno}"


def test_files_stay_readable() -> None:
    for path in (ROOT / "optgen").rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def test_a_rule_is_short() -> None:
    for path in (ROOT / "specs" / "optimizers").rglob("*.toml"):
        lines = map(str.strip, path.read_text(encoding="utf-8").splitlines())
        count = sum(bool(line) and not line.startswith("#") for line in lines)
        assert count <= 40, path
