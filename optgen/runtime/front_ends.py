"""What every front end says of a name that it doesn't have, and of what is no optimizer."""

from __future__ import annotations

from collections.abc import Iterable

from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import nearest


def absent(module: str, name: str, known: Iterable[str], adapter: str) -> str:
    """What to say where a front end has no such name; its ``adapter`` takes a compiled class."""
    # Not a misspelling: what is meant is a spec's own class.
    hint = "" if name == "compile" else nearest(name, known, f"dir({module})")
    if "did you mean" not in hint:
        hint += f"; a spec of your own is {module}.{adapter}(optgen.compile(...))"
    return f"module {module!r} has no {name!r}{hint}"


def refuse_others(adapter: str, rule: object) -> None:
    """Raise TypeError for what isn't the class of a generated optimizer."""
    if not (isinstance(rule, type) and issubclass(rule, Optimizer)):
        raise TypeError(
            f"{adapter} takes a class of optgen.optimizers or of optgen.compile, not {rule!r}"
        )
