"""Pages from templates, in which every text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from optgen.data import data_folder

_ARXIV = r"\barXiv:(?P<arxiv>\d{4}\.\d{4,5})"
_ADDRESS = r"\b(?P<address>[\w-]+(?:\.[\w-]+)*\.(?:com|io|net|org)/[\w./-]*\w)"
_LINK = re.compile(f"{_ARXIV}|{_ADDRESS}")


class Pages:
    """A folder of pages; each path has at most one folder."""

    def __init__(self, out: Path, **common: object) -> None:
        """``common`` are the names that all templates may use."""
        self.written: set[Path] = set()
        self._out, self._common = out, common
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(data_folder("templates") / "site"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"linked": linked, "coloured": coloured, "amounts": amounts}

    def write(self, path: str, template: str, **names: object) -> None:
        """Write one page, whose links begin with ``root``."""
        root = "../" * path.count("/")
        page = self._environment.get_template(template)
        text = page.render(**self._common, **names, root=root)
        self.put(path, text)

    def put(self, path: str, text: str) -> None:
        """Write a file as it is."""
        target = self._out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.written.add(target)


def linked(text: str) -> Markup:
    """A reference with links to the papers that it names."""
    parts, end = [], 0
    for hit in _LINK.finditer(text):
        where = f"arxiv.org/abs/{hit['arxiv']}" if hit["arxiv"] else hit["address"]
        parts += [escape(text[end : hit.start()]), _link(f"https://{where}", hit[0])]
        end = hit.end()
    return Markup("").join([*parts, escape(text[end:])])


def amounts(numbers: Iterable[float]) -> str:
    """Different numbers, each once."""
    return " or ".join(dict.fromkeys(f"{number:.3g}" for number in numbers))


def _link(address: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, text)


def coloured(text: str, language: str) -> Markup:
    """Code with an element for each word that has a colour."""
    found = highlight(text, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    return Markup(found)  # Pygments escapes.
