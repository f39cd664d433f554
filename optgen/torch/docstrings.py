"""Docstrings of torch's classes: those of rules, with torch's names of arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill

from optgen.runtime.optimizer import Optimizer
from optgen.torch.arguments import BACKEND, IMPLEMENTATIONS, RULES, Argument

_WIDTH = 92
_ENTRY = re.compile(r"    (\w[\w, ]*): (.*)")
#: What all classes have beside hyperparameters.
_OWN = {
    "params": "Parameters, pairs of a name and a parameter, or groups of either.",
    RULES: 'Patterns for names, such as "*norm*|*bias", each with options. The first that fits '
    "a name gives options to the parameter.",
    ", ".join(IMPLEMENTATIONS): "Torch's choices of an implementation. ``capturable`` lets a "
    "device count the steps; ``differentiable`` lets autograd record them.",
    BACKEND: '"kernels", or "torch" for operations on tensors; None chooses kernels where there '
    "are any.",
}


def docstring(rule: type[Optimizer], listed: Iterable[Argument], more: Iterable[str]) -> str:
    """The docstring of a rule's class; ``more`` are arguments that aren't hyperparameters."""
    text = inspect.cleandoc(rule.__doc__ or "")
    before, has_arguments, rest = text.partition("\nArgs:\n")
    if not has_arguments:
        return text
    _, _, after = rest.partition("\n\n")
    known = _documented(rule)
    entries = dict(_OWN)
    first = entries.pop("params")
    told = {"params": first, **{a.name: _told(a, known) for a in listed}}
    told |= {name: known[name] for name in more if name in known} | entries
    lines = [_entry(name, own) for name, own in told.items()]
    return "\n".join([before, "Args:", *lines, *([f"\n{after}"] if after else [])])


def _told(argument: Argument, known: Mapping[str, str]) -> str:
    """What is said of the hyperparameters that an argument sets."""
    names = [part.name for part in argument.parts]
    texts = [known.get(name, "") for name in names]
    if not names:
        return f"{argument.fixed}, and nothing else."
    if argument.words:
        return f"{' or '.join(map(repr, argument.words))}: {names[0]} is off or on. {texts[0]}"
    if names == [argument.name]:
        return texts[0]
    own = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return " ".join([f"{own} of the formulas.", *texts])


def _documented(rule: type[Optimizer]) -> dict[str, str]:
    """What the docstrings of a rule and of its bases say of each argument."""
    found: dict[str, str] = {}
    for kind in reversed(rule.__mro__):
        _, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("\nArgs:\n")
        found |= {name: text for names, text in _entries(rest) for name in names if len(names) == 1}
    return found


def _entries(section: str) -> Iterator[tuple[list[str], str]]:
    """The names and texts of a section with arguments."""
    block, _, _ = section.partition("\n\n")
    joined = re.sub(r"\n {5,}", " ", block)
    for line in joined.splitlines():
        if found := _ENTRY.fullmatch(line):
            yield found[1].split(", "), found[2]


def _entry(name: str, text: str) -> str:
    indent = {"initial_indent": "    ", "subsequent_indent": "        "}
    return fill(f"{name}: {text}".strip(), _WIDTH, break_long_words=False, **indent)  # type: ignore[arg-type]
