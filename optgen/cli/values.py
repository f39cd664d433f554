"""Values of hyperparameters on the command line, as ``name=value``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from optgen.compiler.ir.problem import UsageError
from optgen.compiler.ir.spec import Scalar

_WORDS: dict[str, Scalar | None] = {"true": True, "false": False, "none": None}


def named_values(texts: Iterable[str]) -> dict[str, Scalar | None]:
    """The values of texts such as ``name=value``. Raises UsageError."""
    values: dict[str, Scalar | None] = {}
    for text in texts:
        name, value = _pair(text)
        if name in values:
            raise UsageError(f"{name} is given twice")
        values[name] = value
    return values


def _pair(text: str) -> tuple[str, Scalar | None]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise UsageError(f"{text!r} must be a name, =, and a value")
    if value.lower() in _WORDS:
        return name, _WORDS[value.lower()]
    try:
        return name, int(value) if re.fullmatch("-?[0-9]{1,40}", value) else float(value)
    except ValueError:
        raise UsageError(f"{name} must be a number, true, false or none, not {value!r}") from None
