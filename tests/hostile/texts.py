"""Texts of specs, each made of a seed: mutations of real ones, and planted code everywhere."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from optgen.compiler.ir.language import UPDATES

ROOT = Path(__file__).parents[2]
REAL = [path.read_bytes() for path in sorted((ROOT / "specs").glob("*/*.toml"))]

#: The name that planted code calls; the harness makes a function of it that notes the call.
CANARY = "optgen_canary"
CALL = f"__import__('builtins').{CANARY}()"
#: What a text may be taken for, with code in it that would be run.
PLANTED = [
    CALL,
    f"{{{{ {CALL} }}}}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    f'\\"\\"\\"\\n{CALL}\\n\\"\\"\\"',
    f"'''\\n{CALL}\\n'''",
    f'\\\\\\"\\"\\"\\n{CALL}\\n',
    f"x\\n    {CALL}\\n",
    f"x\\r{CALL}",
    f"x\\u2028{CALL}",
    f"# \\f{CALL}",
    f"lambda: {CALL}",
    f"grad if {CALL} else grad",
    f"f'{{{CALL}}}'",
    f"[x for x in [{CALL}]]",
    f"<script>{CANARY}()</script>",
    f"<img src=x onerror={CANARY}()>",
    "]]> --> </math></mtext><b onclick=x>",
    f"\\\\input{{/etc/passwd}}\\\\write18{{{CANARY}}}",
    "$$ \\\\end{equation} $$",
    "%s%n{0}{}%(x)s",
    "\\\\N{BULLET}\\\\x41\\\\",
    "ﬁ𝓍ₓＡ\\u0000\\ufeff\\u202e",
    "super __class__ tensors self",
    "a" * 300,
]
NAMES = [
    "__class__",
    "__import__",
    CANARY,
    "super",
    "self",
    "row",
    "tensors",
    "E",
    "I",
    "lambda",
    "beta",
    "np",
    "ﬁ",
    "x\u0301",
    "exec",
    "grad",
    "param",
    "step",
    "a.b",
    '"a b"',
    "x" * 65,
    "X",
]
NUMBERS = [
    "1e308",
    "5e-324",
    "9007199254740993",
    "1e400",
    "-0.0",
    "nan",
    "inf",
    "0x1p9",
    "1_0",
    "9" * 400,
]
FUNCTIONS = sorted(name for name, arity in UPDATES.functions.items() if arity == 1)
OPERATORS = ["+", "-", "*", "/", "%", "**", "<", "==", " and ", " or "]

Draw = random.Random


def text(seed: int) -> bytes:
    """The text of a seed."""
    draw = random.Random(seed)
    made = draw.choices(list(KINDS), list(KINDS.values()))[0](draw)
    return made[: 1 << 18]


def _bytes(draw: Draw) -> bytes:
    """A real spec with bytes changed, taken out, repeated or put in."""
    found = bytearray(draw.choice(REAL))
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(len(found))
        match draw.randrange(5):
            case 0:
                found[place] = draw.randrange(256)
            case 1:
                del found[place : place + draw.randint(1, 40)]
            case 2:
                found[place:place] = found[place : place + draw.randint(1, 200)]
            case 3:
                found[place:place] = draw.choice(
                    [b"\0", b"\r\n", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff", b"\\", b'"""']
                )
            case _:
                found[place:place] = bytes(draw.randrange(32, 127) for _ in range(3))
        found = found or bytearray(b"x")
    return bytes(found)


def _tokens(draw: Draw) -> bytes:
    """A real spec with words exchanged for others, and for expressions."""
    parts = re.split(r"(\W+)", draw.choice(REAL).decode())
    for _ in range(draw.randint(1, 5)):
        place = draw.randrange(len(parts))
        parts[place] = draw.choice(
            [*NAMES, *NUMBERS, *OPERATORS, expression(draw, 3), draw.choice(parts)]
        )
    return "".join(parts).encode(errors="surrogatepass")


def _lines(draw: Draw) -> bytes:
    """A real spec with lines of it, and of others, taken out, repeated and exchanged."""
    lines, others = (draw.choice(REAL).split(b"\n") for _ in range(2))
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(lines))
        choice = draw.randrange(3)
        lines[place : place + (choice != 2)] = [[], [draw.choice(others)], [lines[place]] * 3][
            choice
        ]
        lines = lines or [b""]
    return draw.choice([b"\n", b"\r\n", b"\n", b"\r"]).join(lines)


def _planted(draw: Draw) -> bytes:
    """A real spec in which some of what is quoted says something else."""
    found = draw.choice(REAL).decode()
    places = list(re.finditer(r'"([^"\n]*)"', found))
    for place in sorted(draw.sample(places, min(len(places), draw.randint(1, 3))), key=_start):
        planted = draw.choice(PLANTED)
        kept = place[1] if draw.random() < 0.5 else ""
        found = found.replace(f'"{place[1]}"', f'"{kept}{planted}"', 1)
    return found.encode(errors="surrogatepass")


def _start(found: re.Match[str]) -> int:
    return -found.start()


def _whole(draw: Draw) -> bytes:
    """A spec of its own with code in every place where text may go; it is legal elsewhere."""
    fields = ["summary", "reference", "label"]
    quoted = "\n".join(f'{field} = "{draw.choice(PLANTED)}"' for field in fields)
    name = draw.choice(["Hostile", "Hostile", draw.choice(NAMES)])
    own = draw.choice(["rate", "rate", draw.choice(NAMES)])
    state = draw.choice(["m", "m", draw.choice(NAMES)])
    number = draw.choice(["0.9", "0.5", *NUMBERS])
    return f'''name = "{name}"
{quoted}

[hyperparameters]
{own} = {{ default = {number}, range = "0 <= {own} < 1", doc = "{draw.choice(PLANTED)}" }}
on = {{ default = false, doc = "{draw.choice(PLANTED)}" }}

[state]
{state} = {{ doc = "{draw.choice(PLANTED)}" }}

[update]
rule = """
# {draw.choice(PLANTED)}
{state} = {own}*{state} + (1 - {own})*grad
if on:
    {state} = {state}/2
param = param - learning_rate*{state}
"""

[waive]
degree = "{draw.choice(PLANTED)}"
'''.encode(errors="surrogatepass")


def expression(draw: Draw, depth: int) -> str:
    """An expression of the language, most of the time."""
    if depth == 0 or draw.random() < 0.2:
        return draw.choice(["grad", "param", "m", "rate", "step", "2", "0.5", "1e-8", *NUMBERS[:2]])
    inner = [expression(draw, depth - 1) for _ in range(3)]
    match draw.randrange(5):
        case 0:
            return f"{draw.choice(FUNCTIONS)}({inner[0]})"
        case 1:
            return f"where({inner[0]} < {inner[1]}, {inner[1]}, {inner[2]})"
        case 2:
            return f"({inner[0]})**{draw.randint(-3, 64)}"
        case _:
            return f"({inner[0]}{draw.choice(OPERATORS)}{inner[1]})"


def _grammar(draw: Draw) -> bytes:
    """A rule that is drawn from the grammar: most are legal, and few make sense."""
    lines = [f"m = {expression(draw, draw.randint(1, 5))}" for _ in range(draw.randint(1, 4))]
    if draw.random() < 0.3:
        lines += ["if on:", f"    m = {expression(draw, 2)}"]
    lines += [f"param = param - learning_rate*({expression(draw, 2)} + m + 0*rate)"]
    rule = "\n".join(lines)
    return f'''name = "Drawn"
summary = "Drawn at random."

[hyperparameters]
rate = {{ default = 0.9, range = "0 <= rate < 1" }}
on = {{ default = false }}

[state]
m = {{ invariant = "{draw.choice(["m >= 0", "m <= 1", "m >= -m", expression(draw, 2)])}" }}

[update]
rule = """
{rule}
"""
'''.encode()


def _large(draw: Draw) -> bytes:
    """Much of something: brackets, terms, lines, tables, keys, letters, digits."""
    size: int = 10 ** draw.randint(1, 4)
    top = 'name = "Large"\nsummary = "s"\n'
    rules = [
        "(" * size + "grad" + ")" * size,
        "sqrt(" * min(size, 100) + "abs(grad)" + ")" * min(size, 100),
        "+".join(f"grad/(grad**2 + {k})" for k in range(min(size, 60))),
        " < ".join(["grad"] * min(size, 100)),
        "-" * size + "grad",
        "grad" + "**2" * min(size, 90),
        "exp(" * min(size, 90) + "grad" + ")" * min(size, 90),
        "9" * size,
        "grad" + " # " + "x" * size,
        "x" * size,
    ]
    match draw.randrange(7):
        case 0:
            return (top + "".join(f"[a{k}]\n" for k in range(size))).encode()
        case 1:
            return (
                top
                + "[hyperparameters]\n"
                + "".join(f"h{k} = {{ default = 1.0 }}\n" for k in range(size))
            ).encode()
        case 2:
            return (top + "x = " + "[" * size + "]" * size).encode()
        case 3:
            return (top + 'label = "' + draw.choice("a\u0301ﷺ😀") * size + '"\n').encode()
        case 4:
            return (".".join(["a"] * size) + " = 1\n" + top).encode()
    rule = draw.choice(rules)
    more = "".join("m = m*m + m\n" for _ in range(draw.choice([0, 0, 12, 300])))
    state = "\n[state]\nm = {}\n" if more else ""
    update = f"{more}param = param - learning_rate*({rule})"
    return f'{top}{state}[update]\nrule = """\n{update}\n"""\n'.encode()


#: How texts are made, and how often.
KINDS: dict[Callable[[Draw], bytes], int] = {
    _bytes: 30,
    _tokens: 25,
    _lines: 15,
    _planted: 12,
    _whole: 8,
    _grammar: 8,
    _large: 2,
}
