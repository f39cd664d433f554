"""Load: a file becomes a Spec. The only stage that reads spec files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from optgen.compiler.ir.problem import Location, Problem, Problems, SpecError
from optgen.compiler.ir.spec import Spec, Text
from optgen.compiler.read.load.blocks import with_block_length
from optgen.compiler.read.load.document import Document, read
from optgen.compiler.read.load.entries import read_queues
from optgen.compiler.read.load.extends import base_of, extended
from optgen.compiler.read.load.fallback import with_fallback
from optgen.compiler.read.load.fields import Fields
from optgen.compiler.read.load.functions import with_functions
from optgen.compiler.read.load.inheritance import Base, with_lines_of, with_parts_of
from optgen.compiler.read.load.kinds import HEADER, OPTIMIZER, function, header, schedule, whole

#: Formats the name of a file in messages.
Shown = Callable[[Path], str]


def load(path: Path, bases: tuple[Path, ...] = (), shown: Shown = Path.as_posix) -> Spec:
    """Read one spec file.

    ``bases`` are the folders that are searched, after the file's own, for a spec that it extends.

    Raises SpecError with all problems of the file.
    """
    return _Files(bases, shown).load(path)


class _Files:
    """The files that a spec is made of: its own, and those of what it extends and calls."""

    def __init__(self, bases: tuple[Path, ...], shown: Shown) -> None:
        self._bases, self._shown = bases, shown
        self._functions: dict[Path, Spec | None] = {}
        #: The files that are being loaded, each because the one before it needs it.
        self._open: list[Path] = []

    def load(self, path: Path, within: tuple[str, ...] = ()) -> Spec:
        """Read a spec file; ``within`` are the functions that call it."""
        if path in self._open:
            problem = Problem(f"{path.stem!r:.80} needs itself", Location(self._shown(path), 1))
            raise SpecError([problem])
        self._open.append(path)
        try:
            return self._load(path, within)
        finally:
            self._open.pop()

    def _load(self, path: Path, within: tuple[str, ...]) -> Spec:
        document = read(path, self._shown(path))
        problems = Problems()
        top = Fields(document, problems, document.data)
        extends = top.texts("extends")
        if "schedule" in top:
            spec = schedule(document, top)
        elif "function" in top:
            spec = function(document, top)
        elif not extends:
            spec = whole(document, top, problems)
        else:
            spec = self._extending(path, document, top, extends, problems)
        folders = (path.parent, *self._bases)
        if not (spec.is_schedule or spec.is_function):
            spec = with_block_length(spec)
            spec = with_fallback(spec, top, partial(self._fallback, path, problems), problems)
        if not spec.is_schedule:
            spec = with_functions(spec, folders, self._function, problems, within)
        if problems:
            raise SpecError(sorted(problems, key=lambda p: (p.location.line, p.location.column)))
        return spec

    def _function(self, path: Path, within: tuple[str, ...]) -> Spec | None:
        """The function of a file; None if the file states something else."""
        if path not in self._functions:
            is_one = "function" in read(path, self._shown(path)).data
            self._functions[path] = self.load(path, within) if is_one else None
        return self._functions[path]

    def _fallback(self, path: Path, problems: Problems, extends: Text) -> Spec | None:
        """The optimizer that a spec falls back to."""
        folders = (path.parent, *self._bases)
        return base_of(path, extends, folders, self._shown, self.load, problems, may_extend=True)

    def _extending(
        self,
        path: Path,
        document: Document,
        top: Fields,
        extends: Sequence[Text],
        problems: Problems,
    ) -> Spec:
        """A spec that extends others, with a rule of its own, with parts, or with neither."""
        folders = (path.parent, *self._bases)
        found = [base_of(path, one, folders, self._shown, self.load, problems) for one in extends]
        bases = [Base(one, base) for one, base in zip(extends, found, strict=True) if base]
        if "update" in top:
            own = whole(document, top, problems)
            return with_lines_of(bases, own, problems) if len(bases) == len(extends) else own
        if len(extends) > 1:
            message = "a spec without a rule of its own extends one other"
            problems.add(message, extends[1].location, "add [update] with a rule")
        if "parts" in top:
            own = whole(document, top, problems)
            return with_parts_of(bases[0], own, problems) if bases else own
        top.only(HEADER | OPTIMIZER | {"extends", "queues"})
        queues = read_queues(top.table("queues", "[queues] history = 5"))
        own = replace(header(document, top), queues=queues)
        return extended(bases[0].spec, own, problems) if bases else own
