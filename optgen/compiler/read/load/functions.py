"""The functions that a rule calls: each is a spec, beside the rule or built in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from optgen.compiler.ir.language import UPDATES
from optgen.compiler.ir.problem import Location, Problems, SpecError
from optgen.compiler.ir.spec import Spec, Text

_CALL = re.compile(r"(?<![\w.])([A-Za-z]\w*)[ \t]*\(")

#: Loads the spec of a function that is called inside of others; None if the file states another.
Loader = Callable[[Path, tuple[str, ...]], Spec | None]


def with_functions(
    spec: Spec,
    folders: Sequence[Path],
    load: Loader,
    problems: Problems,
    within: tuple[str, ...],
) -> Spec:
    """The spec with the functions that it calls; ``within`` are the functions that call it."""
    found = {one.name.value: one for one in spec.functions}
    inside = (*within, spec.name.value) if spec.is_function else within
    texts = (spec.rule, spec.otherwise, *(text for _, text in spec.parts))
    for name, location in _calls(texts):
        if name in found:
            continue
        if name in inside:
            chain = " calls ".join([*inside[inside.index(name) :], name])
            problems.add(f"a function can't call itself: {chain}", location, "write it out")
            return spec
        files = (folder / f"{name}.toml" for folder in folders)
        file = next((one for one in files if one.is_file()), None)
        try:
            function = load(file, inside) if file is not None else None
        except SpecError as error:
            problems += error.problems
            return spec
        if function is not None:
            found |= {one.name.value: one for one in (*function.functions, function)}
    digests = dict.fromkeys((*spec.digests, *(d for one in found.values() for d in one.digests)))
    return replace(spec, functions=tuple(found.values()), digests=tuple(digests))


def _calls(texts: Iterable[Text | None]) -> Iterator[tuple[str, Location]]:
    """The first call of each function that isn't one of the language, with its location."""
    seen = {*UPDATES.functions}
    for text in texts:
        start = 0
        for line in text.value.split("\n") if text is not None else ():
            for match in _CALL.finditer(line.split("#")[0]):
                if text is not None and match[1] not in seen:
                    seen.add(match[1])
                    yield match[1], text.at(start + match.start(1), len(match[1]))
            start += len(line) + 1
