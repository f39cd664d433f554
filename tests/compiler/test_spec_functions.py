"""Functions as specs: inlined where rules call them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.analysis.compare import compare
from optgen.cli.stage_pages import plan_page
from optgen.compiler.build import Silent, build, prepare
from optgen.compiler.ir.problem import Problem, SpecError
from optgen.compiler.library import SpecFiles, find_specs, function_files, optimizer_files
from optgen.compiler.pipeline import checked_function, checked_rule, load_all, plan_of, surroundings
from optgen.compiler.project import read_project
from tests.compiler.project_results import results

RULE = '''
name = "Caller"
[hyperparameters]
learning_rate = {{ default = 0.5 }}
beta = {{ default = 0.75 }}
[state]
average = {{}}
[update]
rule = """
average = beta*average + (1 - beta)*grad
{lines}
"""
'''
FUNCTION = '''
name = "{name}"
summary = "a function of these tests."
[function]
arguments = [{arguments}]
result = "y"
rule = """
{lines}
"""
'''


def function(name: str, arguments: str, lines: str) -> tuple[str, str]:
    listed = ", ".join(f'"{one}"' for one in arguments.split())
    return name, FUNCTION.format(name=name, arguments=listed, lines=lines)


SQUEEZED = function("squeezed", "x limit", "t = x/limit\nt = t/(1 + abs(t))\ny = limit*t")
TWICE = function("twice", "x", "y = squeezed(squeezed(x, 2), 1)")


def written(folder: Path, lines: str, *functions: tuple[str, str]) -> Path:
    for name, text in functions:
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    path = folder / "caller.toml"
    path.write_text(RULE.format(lines=lines), encoding="utf-8")
    return path


def plan(path: Path) -> str:
    (spec,) = load_all([path])
    return plan_page(plan_of(spec, surroundings()))


@pytest.mark.parametrize(
    ("called", "inlined"),
    [
        (
            "change = learning_rate*corrected(average, beta)",
            "change = learning_rate*(average/(1 - beta**step))",
        ),
        (
            # Steps of a function get names that the rule doesn't have.
            "squeezed_t = 2*average\nchange = squeezed(squeezed_t, 3)",
            "squeezed_t = 2*average\nsqueezed_t_2 = squeezed_t/3\n"
            "squeezed_t_3 = squeezed_t_2/(1 + abs(squeezed_t_2))\nchange = 3*squeezed_t_3",
        ),
        (
            # What an argument is used for twice is computed once.
            "change = squeezed(grad, learning_rate + 1)",
            "squeezed_limit = learning_rate + 1\nsqueezed_t = grad/squeezed_limit\n"
            "squeezed_t_2 = squeezed_t/(1 + abs(squeezed_t))\n"
            "change = squeezed_limit*squeezed_t_2",
        ),
        (
            "if beta > 0.5:\n    change = twice(grad)\nelse:\n    change = grad",
            "if beta > 0.5:\n    squeezed_t = grad/2\n"
            "    squeezed_t_2 = squeezed_t/(1 + abs(squeezed_t))\n"
            "    squeezed_t_3 = 2*squeezed_t_2/1\n"
            "    squeezed_t_4 = squeezed_t_3/(1 + abs(squeezed_t_3))\n"
            "    change = 1*squeezed_t_4\nelse:\n    change = grad",
        ),
    ],
    ids=["built in", "names", "argument used twice", "nested, in a branch"],
)
def test_a_call_is_the_lines_of_the_function(called: str, inlined: str, tmp_path: Path) -> None:
    (one, other) = (tmp_path / "one", tmp_path / "other")
    one.mkdir()
    other.mkdir()
    assert plan(written(one, called, SQUEEZED, TWICE)) == plan(written(other, inlined))


def test_a_built_rule_calls_a_function_beside_it(tmp_path: Path) -> None:
    path = written(tmp_path, "change = learning_rate*squeezed(average, 0.5)", SQUEEZED)
    build(prepare(find_specs([str(tmp_path)])), tmp_path / "built", Silent())
    text = (tmp_path / "built" / "caller.py").read_text()
    assert "# squeezed(x, limit): a function of these tests." in text
    assert path.is_file()
    # A change of the function makes what was built stale.
    changed = SQUEEZED[1].replace("1 + abs", "2 + abs")
    (tmp_path / "squeezed.toml").write_text(changed)
    build(prepare(SpecFiles((path,), False)), tmp_path / "built", Silent())
    assert (tmp_path / "built" / "caller.py").read_text() != text


def test_optgen_compile_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTGEN_CACHE_DIR", str(tmp_path / "cache"))
    path = written(tmp_path, "change = learning_rate*squeezed(grad, 0.5)", SQUEEZED)

    def moved() -> Any:
        weights = np.zeros(2)
        optgen.compile(path)().apply([np.array([1.0, -3.0])], [weights])
        return weights

    t = np.array([1.0, -3.0]) / 0.5
    np.testing.assert_allclose(moved(), -0.5 * 0.5 * t / (1 + abs(t)), rtol=1e-14)
    changed = SQUEEZED[1].replace("1 + abs", "2 + abs")
    (tmp_path / "squeezed.toml").write_text(changed)
    np.testing.assert_allclose(moved(), -0.5 * 0.5 * t / (2 + abs(t)), rtol=1e-14)


def test_a_called_function_is_compared_by_what_it_computes(tmp_path: Path) -> None:
    # Torch's Adam, with its corrections called.
    (path,) = (path for path in optimizer_files() if path.stem == "torchadam")
    text = path.read_text(encoding="utf-8").replace("TorchAdam", "Called")
    for old, new in (
        ("learning_rate/(1 - beta_1**step)", "corrected(learning_rate, beta_1)"),
        ("root/sqrt(1 - beta_2**step)", "root/sqrt(1/corrected(1, beta_2))"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "called.toml").write_text(text, encoding="utf-8")
    called, original = map(checked_rule, load_all([tmp_path / "called.toml", path]))
    assert compare(called, original, {}, {}).equal


@pytest.mark.parametrize("path", function_files(), ids=lambda path: path.stem)
def test_built_in_functions_are_sound(path: Path) -> None:
    (spec,) = load_all([path])
    assert spec.name.value == path.stem
    assert spec.summary
    assert checked_function(spec).steps


def doubling(count: int) -> list[tuple[str, str]]:
    """Functions each of which calls the one before it twice."""
    first = function("f0", "x", "y = tanh(x)")
    return [
        first,
        *(
            function(f"f{number}", "x", f"t = f{number - 1}(x)\ny = f{number - 1}(t)")
            for number in range(1, count)
        ),
    ]


def nested(count: int) -> list[tuple[str, str]]:
    """Functions whose bodies are as deep as the language allows, each inside of the next."""
    deep = "y = " + "tanh(" * 60 + "x" + ")" * 60
    first = function("g0", "x", deep)
    return [
        first,
        *(function(f"g{number}", "x", f"y = g{number - 1}(tanh(x))") for number in range(1, count)),
    ]


def woven(count: int) -> list[tuple[str, str]]:
    """Functions each of which calls the two before it."""
    first = [function("h0", "x", "y = tanh(x)"), function("h1", "x", "y = 2*h0(x)")]
    return [
        *first,
        *(
            function(f"h{number}", "x", f"y = h{number - 2}(x) + h{number - 1}(x)")
            for number in range(2, count)
        ),
    ]


USES = "change = squeezed(grad, 2)"
MISTAKES: dict[str, tuple[str, list[tuple[str, str]], str, str]] = {
    "unknown": ("change = squezed(grad, 2)", [], "unknown function 'squezed'", "squezed"),
    "arity": (
        "change = squeezed(grad)",
        [SQUEEZED],
        "squeezed takes 2 arguments, not 1",
        "squeezed(grad)",
    ),
    "in a static condition": (
        "if squeezed(beta, 2) > 0:\n    change = grad\nelse:\n    change = 2*grad",
        [SQUEEZED],
        "squeezed has no place in a static condition",
        "squeezed(beta, 2)",
    ),
    "itself": (
        USES,
        [function("squeezed", "x limit", "y = limit*squeezed(x, limit)")],
        "a function can't call itself: squeezed calls squeezed",
        "squeezed",
    ),
    "each other": (
        USES,
        [
            function("squeezed", "x limit", "y = limit*other(x)"),
            function("other", "x", "y = squeezed(x, 1)"),
        ],
        "a function can't call itself: squeezed calls other calls squeezed",
        "squeezed",
    ),
    "a name of the rule": (
        USES,
        [function("squeezed", "x limit", "y = x*limit*beta")],
        "'beta' is not defined in the function 'squeezed'",
        "beta",
    ),
    "an unused argument": (
        USES,
        [function("squeezed", "x limit", "y = x")],
        "the argument 'limit' is never used",
        "limit",
    ),
    "no result": (
        USES,
        [function("squeezed", "x limit", "z = x*limit")],
        "the rule doesn't end with the result 'y'",
        "y",
    ),
    "an if": (
        USES,
        [function("squeezed", "x limit", "if x > 0:\n    y = limit")],
        "a function has no if",
        "if x > 0:",
    ),
    "given": (
        USES,
        [function("squeezed", "x limit", "y = where(given(x), x, limit)")],
        "given(…) asks for a hyperparameter",
        "given(x)",
    ),
    "an assigned argument": (
        USES,
        [function("squeezed", "x limit", "x = 2*x\ny = x*limit")],
        "'x' can't be assigned",
        "x",
    ),
    "two of a name": (
        USES,
        [function("squeezed", "x x", "y = x")],
        "there are two arguments 'x'",
        "x",
    ),
    "a condition for a number": (
        "change = squeezed(grad > 0, 2)",
        [SQUEEZED],
        "a number is needed here, and this is a condition",
        "grad > 0",
    ),
    "a division by zero": (
        "change = squeezed(grad, 0)",
        [SQUEEZED],
        "a division by zero",
        "x/limit",
    ),
    "too large": (
        "change = f14(grad)",
        doubling(15),
        "too large, or nested too deeply",
        "f14(grad)",
    ),
    "too many calls": ("change = h39(grad)", woven(40), "too large, or nested", "h39(grad)"),
    "too deep": ("change = g70(grad)", nested(71), "too large, or nested too deeply", "g70(grad)"),
}


@pytest.mark.parametrize(
    ("lines", "functions", "message", "under"), MISTAKES.values(), ids=MISTAKES
)
def test_misuse_is_told(
    lines: str, functions: list[tuple[str, str]], message: str, under: str, tmp_path: Path
) -> None:
    found = problems(written(tmp_path, lines, *functions))
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    location = told[0].location
    start = location.column - 1
    assert location.text[start : start + location.length] == under


def problems(*paths: Path) -> tuple[Problem, ...]:
    return results(read_project(paths), plan_of).problems


def test_a_function_is_checked_where_nothing_calls_it(tmp_path: Path) -> None:
    name, text = function("idle", "x", "y = 2*z")
    (tmp_path / f"{name}.toml").write_text(text)
    (found,) = (p for p in problems(tmp_path / "idle.toml") if "'z'" in p.message)
    assert found.location.line == text[: text.index("2*z")].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('result = "y"\n', "", "there is no result"),
        ("[function]", "[functions]", "unknown key 'functions'"),
        ("summary =", "slot = ", "unknown key 'slot'"),
        ('name = "idle"', 'name = "sqrt"', "'sqrt' is a function of the language"),
        ('name = "idle"', 'name = "Idle"', "'Idle' must be in lower case"),
        ('["x"]', '["step"]', "'step' is given by the language"),
        ('["x"]', "3", "arguments must be a string or a list of strings"),
    ],
)
def test_a_file_of_a_function_is_checked(old: str, new: str, message: str, tmp_path: Path) -> None:
    name, text = function("idle", "x", "y = 2*x")
    assert old in text
    (tmp_path / f"{name}.toml").write_text(text.replace(old, new))
    found = problems(tmp_path / "idle.toml")
    assert any(message in one.message for one in found), [str(one) for one in found]


def test_a_function_is_no_rule() -> None:
    (spec,) = load_all([path for path in function_files() if path.stem == "corrected"])
    with pytest.raises(SpecError, match="'corrected' is a function"):
        checked_rule(spec)
