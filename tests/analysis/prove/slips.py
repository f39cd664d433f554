"""Slips of the pen in published rules: made by patterns, and written by hand.

A third of either is set aside: nothing in the checker was made with a view to those.
"""

# ruff: noqa: E501 (a slip is one line)

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "specs" / "published"
TEXT = re.compile(r'(rule = """\n)(.*?)(""")', re.DOTALL)
#: What takes the place of a match, each time in one place alone.
PATTERNS = {
    "plus": (r" - ", " + "),
    "minus": (r" \+ (?!epsilon)", " - "),
    "minus epsilon": (r" \+ epsilon", " - epsilon"),
    "no epsilon": (r"\((sqrt\(\w+\)) \+ epsilon\)", r"\1"),
    "no root": (r"sqrt\(", "("),
    "no magnitude": (r"abs\(", "("),
    "no square": (r"\*\*2", ""),
    "bracket": (r"\((1 - \w+)\)\*(\w+(?:\*\*2)?)", r"(\1*\2)"),
    "largest": (r"\bmin\(", "max("),
    "smallest": (r"\bmax\(", "min("),
    "other decay": (r"\bbeta_1\b", "beta_2"),
    "one decay": (r"\bbeta_2\b", "beta_1"),
    "no correction": (r"(\w+) = \w+/\(1 - \w+\*\*step\)", None),
    "step - 1": (r"\*\*step\b", "**(step - 1)"),
    "turned": (r" > 0", " < 0"),
    "upside down": (r"\b(size|length|trust\*size|\w+)/(length|\(slope [^)]*\)|\w+)\b", r"\2/\1"),
    "no sign": (r"sign\((\w+)\)", r"\1"),
    "other state": (r"\bm\b(?!\w| =)", "grad"),
}


@dataclass(frozen=True)
class Slip:
    """A rule with one slip in it."""

    rule: str
    kind: str
    text: str
    line: str

    @property
    def is_aside(self) -> bool:
        """Whether it is one of those that are set aside."""
        return zlib.crc32(f"{self.rule} {self.line}".encode()) % 3 == 0


def by_pattern() -> Iterator[Slip]:
    """Slips by pattern: of each kind one in each rule, at a place that its name decides."""
    for path in sorted(PUBLISHED.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        match = TEXT.search(text)
        assert match is not None
        rule = match[2]
        for kind, (pattern, instead) in PATTERNS.items():
            found = list(re.finditer(pattern, rule))
            if not found or zlib.crc32(f"{path.stem} {kind}".encode()) % 5:
                continue
            place = found[zlib.crc32(f"{kind} {path.stem}".encode()) % len(found)]
            new = place.expand(instead) if instead is not None else _uncorrected(place[0])
            changed = rule[: place.start()] + new + rule[place.end() :]
            if changed != rule:
                yield _slip(path.stem, kind, text, match, changed)
        yield from _swapped(path.stem, text, match)


def _uncorrected(line: str) -> str:
    target, _, value = line.partition(" = ")
    return f"{target} = {value.partition('/')[0]}"


def _swapped(name: str, text: str, match: re.Match[str]) -> Iterator[Slip]:
    """Two lines in turn, of which one uses what the other makes: a value before it is new."""
    lines = match[2].rstrip("\n").split("\n")
    pairs = [
        place
        for place in range(len(lines) - 1)
        if re.search(rf"\b{lines[place].split(' = ')[0]}\b", lines[place + 1].partition(" = ")[2])
        and re.search(rf"^{lines[place].split(' = ')[0]} = ", text, re.MULTILINE)
    ]
    if pairs and zlib.crc32(name.encode()) % 3 == 0:
        place = pairs[zlib.crc32(name.encode()) % len(pairs)]
        lines[place : place + 2] = lines[place + 1], lines[place]
        yield _slip(name, "lines swapped", text, match, "\n".join(lines) + "\n")


def _slip(name: str, kind: str, text: str, match: re.Match[str], rule: str) -> Slip:
    before = match[2].split("\n")
    line = next((one for one, old in zip(rule.split("\n"), before, strict=False) if one != old), "")
    return Slip(name, kind, text[: match.start(2)] + rule + text[match.end(2) :], line.strip())


#: By hand: the rule, what stands there, and the slip that someone might make.
BY_HAND = (
    ("adan", "grad - before, 0", "grad + before, 0"),
    ("adan", "(1 - beta_3)*(grad + beta_2*difference)**2", "(1 - beta_3)*(grad + beta_2*difference)"),
    ("adan", "beta_2*v/(1 - beta_2**step)", "beta_2*v/(1 - beta_1**step)"),
    ("adan", "/(1 + learning_rate*decay)", "*(1 + learning_rate*decay)"),
    ("lamb", "size/length, 1", "length/size, 1"),
    ("lamb", "norm(r)", "norm(grad)"),
    ("lars", "trust*size/(slope + decay*size)", "trust*slope/(size + decay*slope)"),
    ("lars", "param - m", "param + m"),
    ("lars", "where(size > 0 and slope > 0, trust*size/(slope + decay*size), 1)", "trust*size/slope"),
    ("amsgrad", "max(largest, v)", "min(largest, v)"),
    ("amsgrad", "sqrt(largest)", "sqrt(v - largest)"),
    ("adamw", "sqrt(v_hat) + epsilon", "sqrt(v_hat) - epsilon"),
    ("adamw", "v/(1 - beta_2**step)", "v/(1 - beta_1**step)"),
    ("adamw", "decay*param", "decay*m"),
    ("adamw", "+ decay*param", "- decay*param"),
    ("nadamw", "(1 - beta_1)*grad)/(1", "(1 - beta_2)*grad)/(1"),
    ("radam", "length > 5", "length < 5"),
    ("radam", "2*step*beta_2**step/(1 - beta_2**step)", "2*step*beta_2**step*(1 - beta_2**step)"),
    ("radam", "(longest - 4)*(longest - 2)*length", "(longest - 4)*(longest - 2)*longest"),
    ("adabelief", "(grad - m)**2", "(grad + m)**2"),
    ("adabelief", "sqrt(s_hat)", "s_hat"),
    ("yogi", "v - (1 - beta_2)*sign", "v + (1 - beta_2)*sign"),
    ("yogi", "sign(v - grad**2)", "sign(grad**2 - v)"),
    ("nag", "grad + momentum*m)", "grad - momentum*m)"),
    ("aggmo", "second = beta_2*second - grad", "second = beta_2*second + grad"),
    ("lion", "update = sign(beta_1*m", "update = sign(beta_1*m - m"),
    ("tiger", "sign(m) + decay*param", "sign(m) - decay*param"),
    ("cautiousadamw", "update*grad > 0", "update*grad < 0"),
    ("cautiouslion", "where(update*grad > 0, 1, 0)", "where(update*grad > 0, 0, 1)"),
    ("grams", "sign(grad)*abs(update)", "sign(grad)*update"),
    ("adafactor", "max(1, sqrt(mean(u**2))/threshold)", "min(1, sqrt(mean(u**2))/threshold)"),
    ("adafactor", "max(small_size, sqrt(mean(param**2)))", "1/max(small_size, sqrt(mean(param**2)))"),
    ("adafactor", "step**(-power)", "step**power"),
    ("adopt", "beta_2*v + (1 - beta_2)*grad**2, grad**2", "beta_2*v + (1 - beta_2)*grad**2, grad"),
    ("adopt", "grad/max(sqrt(v), epsilon)", "grad/min(sqrt(v), epsilon)"),
    ("ademamix", "slow = beta_3*slow + (1 - beta_3)*grad", "slow = beta_3*slow + (1 - beta_3)*fast"),
    ("ademamix", "fast_hat + alpha*slow", "fast_hat - alpha*slow"),
    ("schedulefreesgd", "(1 - c)*x + c*z", "(1 + c)*x - c*z"),
    ("schedulefreesgd", "(1 - beta)*z + beta*x", "beta*z + (1 + beta)*x"),
    ("madgrad", "start - s/", "start + s/"),
    ("madgrad", "squares + rate*grad**2", "squares + rate*grad"),
    ("novograd", "grad/(sqrt(v) + epsilon)", "grad*(sqrt(v) + epsilon)"),
    ("prodigy", "sum(grad*(start - param))", "sum(grad*(param - start))"),
    ("ftrl", "z + grad - sigma*param", "z + grad + sigma*param"),
    ("diffgrad", "exp(-abs(before - grad))", "exp(before - grad)"),
    ("adabound", "clip(size/(sqrt(v) + epsilon), lower, upper)", "clip(size/(sqrt(v) + epsilon), upper, lower)"),
    ("rprop", "where(agree < 0, max(size*down, smallest), size)", "where(agree < 0, max(size*up, smallest), size)"),
    ("laprop", "grad/(sqrt(v/(1 - beta_2**step)) + epsilon)", "grad/(sqrt(v/(1 - beta_1**step)) + epsilon)"),
    ("stableadamw", "learning_rate/max(1, rms)", "learning_rate*max(1, rms)"),
    ("qhadam", "(1 - nu_1)*grad + nu_1*m_hat", "(1 + nu_1)*grad - nu_1*m_hat"),
    ("adamax", "max(beta_2*u, abs(grad))", "max(beta_2*u, grad)"),
    ("pid", "(1 - momentum)*(grad - before)", "(1 - momentum)*(grad + before)"),
    ("mars", "grad + gamma*beta_1/(1 - beta_1)*(grad - before)", "grad + gamma*beta_1/(1 - beta_1)*(grad + before)"),
    ("dog", "sqrt(squares + epsilon)", "(squares + epsilon)"),
)  # fmt: skip


def by_hand() -> Iterator[Slip]:
    """The slips that were written by hand."""
    for name, old, new in BY_HAND:
        text = (PUBLISHED / f"{name}.toml").read_text(encoding="utf-8")
        match = TEXT.search(text)
        assert match is not None
        assert old in match[2], (name, old)
        yield _slip(name, "by hand", text, match, match[2].replace(old, new, 1))
