"""The item of a list that a loop is at: what names in its lines stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from optgen.compiler.ir.expression import Expression, Number, rename, substitute
from optgen.compiler.read.parse.lists import Lists
from optgen.compiler.read.parse.names import free_name


def list_of(node: ast.For) -> ast.Name | None:
    """The list that a loop goes through, in its order or reversed."""
    match node.iter:
        case ast.Name() as listed:
            return listed
        case ast.Call(func=ast.Name("reversed"), args=[ast.Name() as listed], keywords=[]):
            return listed
    return None


class Items:
    """The names of one item, its states and its values; empty outside of loops."""

    def __init__(self, lists: Lists, taken: set[str]) -> None:
        self._lists, self._taken = lists, taken
        self.names: dict[str, str] = {}
        #: The age of the values of a queue, by the loop's name for it.
        self._age: dict[str, Expression] = {}
        #: The names of the values that loops have assigned, of each item of each list.
        self._values: dict[tuple[str, int], dict[str, str]] = {}

    def each(self, node: ast.For, listed: str, item: str, own: Iterable[str]) -> Iterator[None]:
        """Be at each item of a list; ``own`` are the names that the loop assigns."""
        items = [*enumerate(self._lists.items[listed], start=1)]
        for number, found in items if isinstance(node.iter, ast.Name) else reversed(items):
            values = self._values.setdefault((listed, number), {})
            for one in own:
                if one not in values:
                    values[one] = free_name(f"{one}_{number}", self._taken)
            self.names = {**values, **self._lists.inside(listed, number)}
            if isinstance(found, Number):
                self._age = {item: found}
            else:
                self.names[item] = found.id
            yield
        self.names, self._age = {}, {}

    def meant(self, expression: Expression) -> Expression:
        """An expression of a line, with what its names stand for."""
        return substitute(rename(self._lists.resolved(expression), self.names), self._age)

    def target(self, name: str) -> str:
        """What an assignment to a name assigns."""
        return self.names.get(name, name)
