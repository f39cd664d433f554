"""Templates: a placeholder alone on its line is replaced by a block of lines."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import jinja2

from optgen.compiler.emit.folding import fold
from optgen.compiler.emit.syntax import module, same
from optgen.compiler.ir.source import MARK

_BLOCK = re.compile(r"^([ ]*)\{\{ ([\w.]+) \}\}\n", re.MULTILINE)


@dataclass(frozen=True)
class Templates:
    """The texts of the templates by path, and the version of the compiler."""

    texts: Mapping[str, str]
    version: str

    def render(self, template: str, context: Mapping[str, object]) -> str:
        """A module: a template with its holes filled, and long lines folded.

        Raises AssertionError where folding would change what the code says.
        """
        text = self.fill(template, context)
        folded = fold(text)
        if not same(module(folded), module(text)):
            raise AssertionError(f"{template}: folded lines say something else")
        return folded

    def fill(self, template: str, context: Mapping[str, object]) -> str:
        """A template with its holes filled: a part of a module."""
        return self._environment.get_template(template).render(context)

    def header(self, files: Sequence[str], digest: str, more: Sequence[str] = ()) -> str:
        """The comment on top of a generated file."""
        specs = (
            f" from {', '.join(files)}; edit {'that' if len(files) == 1 else 'these'}"
            if files
            else "; edit its specs"
        )
        lines = [
            f"{MARK} {self.version}{specs}, and run `optgen build`.",
            f"# Inputs: sha256 {digest}",
            *more,
        ]
        return "\n".join(
            row for line in lines for row in textwrap.wrap(line, 96, subsequent_indent="# ")
        )

    def digest(self, names: Sequence[str], inputs: Sequence[str]) -> str:
        """One digest of the templates and other inputs that decide the text of a file."""
        every = [*(f"{name}\0{self.texts[name]}" for name in sorted(names)), *inputs, self.version]
        return hashlib.sha256("\0".join(every).encode()).hexdigest()[:32]

    def folder(self, name: str) -> list[str]:
        """The templates in a folder."""
        return [path for path in self.texts if path.startswith(f"{name}/")]

    def __reduce__(self) -> tuple[object, ...]:
        """What another process gets: without the environment, which can't be pickled."""
        return type(self), (self.texts, self.version)

    @cached_property
    def _environment(self) -> jinja2.Environment:
        """What compiles each template once, and keeps it for all specs."""
        environment = jinja2.Environment(
            loader=jinja2.DictLoader(
                {name: _with_blocks(text) for name, text in self.texts.items()}
            ),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters["as_block"] = _as_block
        return environment


def _with_blocks(template: str) -> str:
    return _BLOCK.sub(lambda hole: f"{{{{ {hole[2]} | as_block({len(hole[1])}) }}}}", template)


def _as_block(text: str, depth: int) -> str:
    """Lines as deep as their hole. No line is left where there are none."""
    return textwrap.indent(f"{text}\n", " " * depth) if text else ""
