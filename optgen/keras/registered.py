"""The packages under which Keras knows generated classes."""

from __future__ import annotations

import optgen.optimizers as generated

#: The prefixes of registered names: of rules that belong to optgen, and of all others.
PACKAGE, OWN = "optgen", "optgen.own"


def package_of(rule: type) -> str:
    """The prefix of the registered name of a generated class."""
    return PACKAGE if rule.__module__.startswith(f"{generated.__name__}.") else OWN
