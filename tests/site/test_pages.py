"""Every page: well-formed, whole, safe, and with links that lead somewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from optgen.compiler.library import feature_files, optional_feature_files
from optgen.site.facts.features import feature_items
from tests.site.conftest import FEATURES, RULES, Site

#: Elements that are never closed.
VOID = {"input", "link", "meta"}


class Page(HTMLParser):
    """The elements of a page; each must be closed where it should."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open, path

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def test_pages_are_well_formed_and_named(site: Site) -> None:
    for path in site.pages():
        page = Page(path)
        tags = [tag for tag, _ in page.elements]
        assert tags.count("h1") == tags.count("title") == tags.count("main") == 1, path
        assert len(set(page.values("id"))) == len(page.values("id")), path


def test_formulas_are_well_formed(site: Site) -> None:
    for path in site.pages():
        for formula in re.findall("<math.*?</math>", path.read_text(encoding="utf-8")):
            ET.fromstring(formula)


def test_links_lead_to_pages_and_places(site: Site) -> None:
    known = {path: set(Page(path).values("id")) for path in site.pages()}
    for path in known:
        for link in Page(path).values("href"):
            if link.startswith("https://"):
                continue
            name, _, place = unquote(link).partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), (path, link)
            assert not place or place in known[target], (path, link)


def test_pages_load_nothing_from_elsewhere(site: Site) -> None:
    for path in site.pages():
        for tag, attributes in Page(path).elements:
            assert tag not in {"img", "iframe", "object"}, path
            loaded = attributes.get("src", attributes.get("href", "")) if tag != "a" else ""
            assert "//" not in loaded, (path, loaded)
            assert not any(name.startswith("on") for name in attributes if tag != "form"), path
    style = (site.out / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_texts_of_specs_stay_texts(site: Site) -> None:
    for path in (site.out / "index.html", site.out / "rules" / "hostile.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<b>bold" not in text
        assert "<script>alert('a')</script> & {{ 7*7 }} more" in Page(path).text
    links = Page(site.out / "rules" / "hostile.html").values("href")
    assert "https://arxiv.org/abs/1234.56789" in links
    assert not any('"' in link or "onclick" in link for link in links)


def test_there_is_a_page_for_each_rule_and_feature(site: Site) -> None:
    links = Page(site.out / "index.html").values("href")
    for name in (*RULES, "hostile"):
        assert f"rules/{name}.html" in links
        assert (site.out / "rules" / f"{name}-code.html").is_file()
    assert {path.stem for path in (site.out / "features").iterdir()} == {*FEATURES}
    features = {file.stem for file in (*feature_files(), *optional_feature_files())}
    assert {item[0].stem for item in feature_items()} == features


def test_counterparts_are_compared(site: Site) -> None:
    page = Page(site.out / "compare" / "sgd-torchsgd.html")
    assert "SGD and TorchSGD: equal" in page.text
    assert "as long as learning_rate stays the same" in page.text


def test_fields_have_labels(site: Site) -> None:
    text = (site.out / "index.html").read_text(encoding="utf-8")
    inside = "".join(re.findall("<label.*?</label>", text, re.DOTALL))
    for tag in ("input", "select"):
        assert text.count(f"<{tag}") == inside.count(f"<{tag}") > 0


def test_programs_can_read_the_table(site: Site) -> None:
    rules = json.loads((site.out / "rules.json").read_text(encoding="utf-8"))
    found = {rule["module"]: rule for rule in rules}
    assert [*found] == ["hostile", *RULES]
    assert found["hostile"]["family"] == "strange_ones"
    assert found["hostile"]["year"] == 1999
    assert found["lion"]["sizes"][0]["state"] == 4
