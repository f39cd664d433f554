"""What parameters are excluded from: by a mask, as in Optax, or by patterns for paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optgen.jax.leaves import Tree
from optgen.runtime.hyperparameters.exclusions import Exclusions
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.suggestions import nearest


class Excluded:
    """Parameters that a hyperparameter doesn't count for, or that aren't matrices."""

    def __init__(
        self,
        owner: str,
        rule: type[Optimizer],
        mask: Any,
        patterns: Mapping[str, Sequence[str] | str] | None,
    ) -> None:
        """``mask`` is false for parameters that are excluded from all that excludes any.

        Raises TypeError or ValueError for what is no name or pattern.
        """
        self._mask = mask
        self._masked = frozenset(h.name for h in rule.hyperparameters if h.excluded is not None)
        known = [*sorted(self._masked), *([MATRIX] if rule.view else [])]
        self._patterns = Exclusions()
        if not isinstance(patterns, Mapping | None):
            raise TypeError(f"{owner}: exclude must map names to patterns for paths")
        for name, some in (patterns or {}).items():
            if name not in known:
                message = f"{owner}: nothing is excluded from {name!r}{nearest(str(name), known)}"
                raise ValueError(f"{message}; exclude takes {', '.join(known)}")
            self._patterns.add(name, (), some)

    def of(self, tree: Tree, params: Any) -> list[frozenset[str]]:
        """What each parameter is excluded from."""
        found = [self._patterns.of(path, path) for path in tree.paths]
        # A placeholder for parameters has none, and not the structure of a mask.
        if self._mask is None or not tree.paths:
            return found
        chosen = tree.chosen(self._mask, params)
        nothing: frozenset[str] = frozenset()
        pairs = zip(found, chosen, strict=True)
        return [own | (nothing if holds else self._masked) for own, holds in pairs]
