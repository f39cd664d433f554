"""The arguments of a generated class: declaration, signature and documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optgen.compiler.emit.docstring import wrapped
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.rule import Hyperparameter


def declaration(h: Hyperparameter) -> str:
    """An entry of the tuple ``hyperparameters`` of a schedule."""
    arguments = [f'"{h.name}"', repr(h.default)]
    if h.range is not None:
        bounds = text(h.range)
        arguments += [f'range="{bounds}"', f"allows=lambda {h.name}: {bounds}"]
    flags = ("optional", "integer", "is_list", "grouped", "scales_loss")
    arguments += [f"{flag}=True" for flag in flags if getattr(h, flag)]
    if h.excluded is not None:
        arguments.append(f"excluded={h.excluded!r}")
    return f"Hyperparameter({', '.join(arguments)}),"


def argument(h: Hyperparameter, number: str = "") -> str:
    """An argument of the signature; ``number`` is what numbers are annotated with."""
    default = "" if h.required else f" = {h.default!r}"
    return f"{h.name}: {_kind(h, 'Sequence[{}]', number)}{default}"


def attribute(h: Hyperparameter) -> str:
    """The annotation of an attribute that holds the value."""
    return f"{h.name}: {_kind(h, 'tuple[{}, ...]')}"


def _kind(h: Hyperparameter, lists: str, number: str = "") -> str:
    kind = "bool" if h.is_switch else number or ("int" if h.integer else "Number")
    kind = lists.format(kind) if h.is_list else kind
    return f"{kind} | None" if h.optional else kind


def argument_docs(hyperparameters: Iterable[Hyperparameter]) -> str:
    """What a docstring says of each argument."""
    return "\n".join(line for h in hyperparameters for line in _docs(h))


def _docs(h: Hyperparameter) -> Iterator[str]:
    words = h.doc or "See the rule above."
    if not words.endswith("."):
        words += "."
    if h.range is not None:
        words += f" Range: {text(h.range)}."
    yield from (f"        {line}" for line in wrapped(f"{h.name}: {words}", "    "))
