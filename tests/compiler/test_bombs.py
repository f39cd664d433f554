"""Hostile specs: each ends in a SpecError, soon, and nothing of their text is ever run."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.pipeline import checked_rule, compile_spec, surroundings
from optgen.compiler.read.load import load

ROOT = Path(__file__).parents[2]
AROUND = surroundings()
REAL = [path.read_text() for path in sorted((ROOT / "specs").glob("*/*.toml"))]


def spec(rule: str, top: str = "") -> str:
    return f'name = "Hostile"\n{top}\n[update]\nrule = """\n{rule}\n"""\n'


def step(expression: str) -> str:
    return spec(f"param = param - learning_rate*({expression})")


MARKER = "optgen_was_here"
INJECTED = f"__import__('os').system('touch {MARKER}')"

REFUSED: dict[str, str] = {
    "call": step(INJECTED),
    "dunder": step("().__class__.__bases__"),
    "lambda": step("(lambda: grad)()"),
    "comprehension": step("[x for x in range(9)]"),
    "f-string": step("f'{grad}'"),
    "walrus": step("(x := grad)"),
    "string": step("'grad'"),
    "complex": step("1j*grad"),
    "import": spec("import os\nparam = grad"),
    "while": spec("while 1:\n    param = grad"),
    "def": spec("def f():\n    pass\nparam = grad"),
    "semicolons": spec("param = grad; import os"),
    "tuple": spec("param, grad = grad, param"),
    "tower": step("9**9**9"),
    "powers": step("((9**16)**16)**16"),
    "large exponent": step("grad**1000"),
    "huge integer": step("1" + "0" * 5000),
    "infinite": step("1e999"),
    "nul": spec("param = grad\\u0000"),
    "lookalike": step("gr\N{CYRILLIC SMALL LETTER A}d"),
    "ligature": step("\N{LATIN SMALL LIGATURE FI}x"),
    "brackets": step("(" * 5000 + "grad" + ")" * 5000),
    "deep sum": step("-" * 3000 + "grad"),
    "long sum": step("+".join(["grad"] * 9000)),
    "nested ifs": spec(
        "\n".join("  " * k + "if learning_rate > 0:" for k in range(200))
        + "\n"
        + " " * 400
        + "param = grad"
    ),
    "name": spec("param = grad").replace("Hostile", INJECTED),
    "template name": spec("param = grad").replace("Hostile", "{{ 7*7 }}"),
    "lower-case name": spec("param = grad").replace("Hostile", "os"),
    "keyword": spec("param = class", "[hyperparameters]\nclass = { default = 1.0 }"),
    "dunder state": spec("param = grad", "[state]\n__class__ = {}"),
    "range": spec(
        "param = grad*x", f'[hyperparameters]\nx = {{ default = 1.0, range = "{INJECTED}" }}'
    ),
    "nan default": spec("param = grad*x", "[hyperparameters]\nx = { default = nan }"),
    "date": spec("param = grad*x", "[hyperparameters]\nx = { default = 1979-05-27 }"),
    "list": spec("param = grad*x", "[hyperparameters]\nx = { default = [1] }"),
    "rule that is a list": 'name = "Hostile"\n[update]\nrule = ["param = grad"]',
    "table for a name": "[name]\nx = 1",
    "empty": "",
    "not TOML": "param = grad - learning_rate",
    "deep TOML": "x = " + "[" * 5000 + "]" * 5000,
    "dots": "a" + ".a" * 20_000 + " = 1",
    "huge": "# " + "x" * 10_000_000,
    "binary": "\x00\x01\x02",
    "many conditions": spec(
        "\n".join(
            f"if learning_rate > {k}.5 and learning_rate > {k}.25 or not learning_rate > {k}:\n"
            f"    param = grad"
            for k in range(40)
        )
        + "\nif "
        + " and ".join(f"(learning_rate > {k} or learning_rate > {k}.5)" for k in range(40))
        + ":\n    param = grad"
    ),
}


def check(path: Path) -> None:
    compile_spec(load(path), AROUND)


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.toml"
    path.write_text(REFUSED[case], encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        check(path)
    assert all(str(path) in str(problem) for problem in caught.value.problems)
    assert len(str(caught.value)) < 100_000
    assert not (tmp_path / MARKER).exists()


#: Odd, but legal: text for people is text, whatever it says.
PROSE = [INJECTED, "{{ 7*7 }}{% raw %}", '\\"\\"\\"', "\\\\", "\\u202e\\u0007", "'''", "#{}%s"]


@pytest.mark.parametrize("prose", PROSE)
def test_prose_stays_prose(prose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "odd.toml"
    text = spec(f"param = param - learning_rate*x*grad  # {prose}", "")
    text = text.replace('name = "Hostile"', f'name = "Odd"\nsummary = "{prose}"\nlabel = "{prose}"')
    text = text.replace(
        "[update]", f'[hyperparameters]\nx = {{ default = 1.0, doc = "{prose}" }}\n[update]'
    )
    path.write_text(text, encoding="utf-8")
    try:
        sources = compile_spec(load(path), AROUND)
    except SpecError:
        return  # Refusing is fine too.
    for source in sources:
        assert compile(source.text, source.path, "exec")
        assert "\x07" not in source.text
        assert "\u202e" not in source.text
    assert not (tmp_path / MARKER).exists()


LARGE = ("tower", "brackets", "dots", "huge", "many conditions", "deep TOML")
#: Checks one file after the other, each as a command does.
CHECKS = """
import sys
from optgen.cli import app
for path in sys.argv[1:]:
    try:
        app(["check", path])
    except SystemExit as end:
        assert end.code == 1, path
"""


def test_within_ten_seconds_each_and_a_gibibyte(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.toml" for number in range(len(LARGE))]
    for path, case in zip(paths, LARGE, strict=True):
        path.write_text(REFUSED[case], encoding="utf-8")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))

    result = subprocess.run(
        [sys.executable, "-c", CHECKS, *map(str, paths)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10 * len(LARGE),
        check=False,
        preexec_fn=limit,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    for path in paths:
        assert f"{path.name}:" in result.stderr
    assert result.stderr.count("error") >= len(LARGE)


PIECES = ["(", ")", "**", "if ", "\n", '"""', "=", "grad", "9" * 30, "[", "{"]


def refuses_or_accepts(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(SpecError):
        assert checked_rule(load(path)).blocks


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_mutated_specs_are_refused_or_accepted(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(REAL))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        piece = data.draw(
            st.one_of(
                st.text(max_size=6),
                st.sampled_from(
                    ["(", ")", "**", "if ", "\n", '"""', "=", "grad", "9" * 30, "[", "{"]
                ),
            )
        )
        text = text[:start] + piece + text[end:]
    refuses_or_accepts(tmp_path_factory.getbasetemp() / "mutated.toml", text)


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet="gradpm =+-*/()<>,.\n019_if:whereand", max_size=120))
def test_random_rules_are_refused_or_accepted(
    tmp_path_factory: pytest.TempPathFactory, rule: str
) -> None:
    refuses_or_accepts(tmp_path_factory.getbasetemp() / "random.toml", spec(rule))
