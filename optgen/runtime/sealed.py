"""Classes that refuse unknown attributes, since a misspelt one would have no effect."""

from __future__ import annotations

import difflib
from inspect import get_annotations

from optgen.runtime.suggestions import nearest

#: How near to a name another must be to be taken for a misspelling of it.
_NEAR = 0.8


class Sealed:
    """Takes private attributes, and those that its class has or declares.

    An instance of a user's subclass takes others too, unless they look like a misspelling.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not self._takes(name):
            hint = nearest(name, self._names())
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}")
        super().__setattr__(name, value)

    def _takes(self, name: str) -> bool:
        kind = type(self)
        if name.startswith("_") or name in self.__dict__ or hasattr(kind, name):
            return True
        if any(name in get_annotations(cls) for cls in kind.__mro__):
            return True
        near = difflib.get_close_matches(name, self._names(), n=1, cutoff=_NEAR)
        return self._is_extended() and not near

    def _names(self) -> list[str]:
        """The public names, those that are most likely to be meant first."""
        return [name for name in dir(type(self)) if not name.startswith("_")]

    def _is_extended(self) -> bool:
        """Whether the class is a user's own, whose methods may set other attributes."""
        return True
