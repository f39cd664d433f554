"""Variables of which each of several optimizers has a part end as whole ones do."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pytest

import optgen
from optgen.runtime.chunks import Chunks, segments_of
from optgen.runtime.core import Core, core_of
from optgen.runtime.gradient_reader import GivenGradients
from optgen.runtime.model import Model
from optgen.runtime.parts import Parts
from optgen.runtime.shards import Host, Part, Vector
from optgen.runtime.view import axes_of, view_of_part
from tests.extents.formulas import SHAPES, Array, drawn, expected
from tests.extents.own import NAMES, rule

pytestmark = [
    pytest.mark.filterwarnings("ignore:no gradient for"),
    pytest.mark.usefixtures("python_kernels"),
]
STEPS, RANKS = 4, 3
_COMBINED: dict[int, Callable[..., Any]] = {0: np.sum, 1: np.max, -1: np.min}


#: Rules that draw in the only pass, and in passes for sums of variables and of rows.
DRAWN = '''
name = "Drawn"
[hyperparameters]
learning_rate = { default = 1.0 }
[state]
even = {}
bell = {}
sides = {}
[update]
rule = """
even = uniform()
sides = random_sign()
bell = 0.5*bell + normal()*norm(grad + even)
change = learning_rate*(bell + sides)
"""
'''
BY_ROWS = '''
name = "DrawnByRows"
[hyperparameters]
learning_rate = { default = 1.0 }
[matrix]
view = "%s"
[state]
even = {}
bell = {}
sides = {}
row_size = { shape = "rows", when = "matrix" }
[update]
rule = """
even = uniform()
sides = random_sign()
bell = grad + even
if matrix:
    row_size = 0.5*row_size + row_sum((grad + normal())**2)
    bell = bell*row_size
change = learning_rate*(bell + sides)
"""
'''


class Exchange:
    """Combines arrays of threads that meet."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(RANKS, timeout=60)
        self._held: list[Any] = [None] * RANKS

    def together(self, rank: int, array: Host, order: int) -> Host:
        self._held[rank] = array.copy()
        self._barrier.wait()
        found: Host = _COMBINED[order](np.stack(self._held), axis=0)
        self._barrier.wait()
        return found


class Shards:
    """The parts that one thread has."""

    owned: Mapping[int, bool] = MappingProxyType({})
    irregular: Collection[int] = ()

    def __init__(self, exchange: Exchange, rank: int, parts: Sequence[Part | None]) -> None:
        self._exchange, self._rank, self._parts = exchange, rank, parts
        shapes = [
            part[0] if part else shape for part, shape in zip(parts, SHAPES.values(), strict=True)
        ]
        self.sizes = np.array([np.prod(shape) for shape in shapes], np.int64)

    def part(self, index: int) -> Part | None:
        return self._parts[index]

    def complete(self, results: Host, orders: Sequence[int]) -> None:
        spread = [k for k, part in enumerate(self._parts) if part is not None]
        for column, order in enumerate(orders):
            own = self._exchange.together(self._rank, results[spread, column], order)
            results[spread, column] = own

    def complete_vectors(self, vectors: Sequence[Vector]) -> None:
        for _, array, order in vectors:
            array[...] = self._exchange.together(self._rank, array, order)


def in_order(shape: Sequence[int], order: Literal["C", "F"] = "C") -> list[int]:
    """The strides of an array, in elements."""
    return [stride // 8 for stride in np.empty(shape, order=order).strides]


def parts_of(rank: int, order: Literal["C", "F"] = "C") -> list[Part | None]:
    """Stretches of some dimension of each variable; the last rank may have no element."""
    found: list[Part | None] = []
    for number, shape in enumerate(SHAPES.values()):
        if not shape or number == 4:
            found.append(None)
            continue
        axis = number % len(shape)
        size = -(-shape[axis] // RANKS)
        first = min(shape[axis], size * rank)
        stretches = [(0, count) for count in shape]
        stretches[axis] = first, min(size, shape[axis] - first)
        found.append(Part(shape, stretches, in_order(shape, order)))
    return found


def here(array: Array, part: Part | None) -> Array:
    if part is None:
        return array.copy()
    return array[tuple(slice(a, a + n) for a, n in part[1])].copy()


def built(kind: Any, held: Sequence[Array], parts: Parts, **given: Any) -> tuple[Core, Any]:
    """A core with variables."""
    made = kind(**given)
    if hasattr(made, "exclude_from_matrix"):
        made.exclude_from_matrix(var_names=["plain"])
    core, own = core_of(made), dict(zip(SHAPES, held, strict=True))
    core.model = Model(own, kind.states, core.settings, core.treatment, kind, parts)
    return core, GivenGradients(core.model)


#: Compiled is the one with a number of each variable, which are combined between passes.
COMPILED = pytest.param("Trust", marks=pytest.mark.compiled)


@pytest.mark.parametrize("name", [*(name for name in NAMES if name != "Trust"), COMPILED])
def test_parts_end_where_whole_variables_do(name: str) -> None:
    held, rows = drawn(STEPS)
    exchange = Exchange()
    # Python 3.11 counts the depth of a syntax tree for all threads: build before they start.
    rule(name).kernels_of("cpu")

    def run(rank: int) -> tuple[list[Array], Core]:
        parts = parts_of(rank)
        own = [here(array, part) for array, part in zip(held, parts, strict=True)]
        core, reader = built(rule(name), own, Parts(whole=Shards(exchange, rank, parts)))
        for row in rows:
            pairs = zip(row, parts, strict=True)
            grads = [None if g is None else here(g, part) for g, part in pairs]
            core.take(reader.read(dict(zip(SHAPES, grads, strict=True)), None))
        return own, core

    with ThreadPoolExecutor(RANKS) as threads:
        found = [*threads.map(run, range(RANKS))]
    wanted, states = expected(name, held, rows)
    for rank, (own, core) in enumerate(found):
        for k, part in enumerate(parts_of(rank)):
            np.testing.assert_allclose(own[k], here(wanted[k], part), rtol=1e-5, atol=2e-6)
        assert core.model is not None
        for key, named in states.items():
            for state, value in named.items():
                have = core.model.shared if key is None else core.model.state_of(key)
                array = have[state]
                if array.dtype == np.float64:
                    # Numbers and vectors are those of the whole, with the same bits everywhere.
                    np.testing.assert_allclose(array.ravel(), np.ravel(value), rtol=1e-5)
                    first = found[0][1].model
                    assert first is not None
                    other = (first.shared if key is None else first.state_of(key))[state]
                    assert np.array_equal(array, other)


@pytest.mark.parametrize("view", ["none", "first by rest", "last two", "two largest"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_part_draws_the_numbers_of_the_whole(view: str, order: Literal["C", "F"]) -> None:
    """The same bits, in passes over elements, for sums and over rows."""
    held, rows = drawn(STEPS)
    held = [array.copy(order) for array in held]
    exchange, kind = Exchange(), optgen.compile(DRAWN if view == "none" else BY_ROWS % view)

    def run(rank: int | None) -> list[dict[str, Array]]:
        parts = [None] * len(held) if rank is None else parts_of(rank, order)
        own = [here(array, part).copy(order) for array, part in zip(held, parts, strict=True)]
        shards = None if rank is None else Shards(exchange, rank, parts)
        core, reader = built(kind, own, Parts(whole=shards))
        for row in rows:
            pairs = zip(row, parts, strict=True)
            grads = [None if g is None else here(g, part).copy(order) for g, part in pairs]
            core.take(reader.read(dict(zip(SHAPES, grads, strict=True)), None))
        assert core.model is not None
        return [core.model.state_of(k) for k in range(len(own))]

    wanted = run(None)
    assert any(len(np.unique(state["even"])) > 1 for state in wanted)
    with ThreadPoolExecutor(RANKS) as threads:
        found = [*threads.map(run, range(RANKS))]
    for rank, states in enumerate(found):
        for state, whole, part in zip(states, wanted, parts_of(rank), strict=True):
            for name in ("even", "sides"):
                assert np.array_equal(state[name], here(whole[name], part))
            np.testing.assert_allclose(state["bell"], here(whole["bell"], part), rtol=1e-6)


@pytest.mark.compiled
def test_a_signal_in_the_middle_finds_the_step_made() -> None:
    """The functions of shards are in Python, where handlers of signals may raise."""

    class Interrupting(Shards):
        def __init__(self) -> None:
            super().__init__(Exchange(), 0, [None] * len(SHAPES))

        def complete(self, results: Host, orders: Sequence[int]) -> None:
            if is_raising:
                signal.raise_signal(signal.SIGINT)

    held, rows = drawn(2)
    plain, own = [a.copy() for a in held], [a.copy() for a in held]
    core, reader = built(rule("Trust"), own, Parts(whole=Interrupting()))
    other, other_reader = built(rule("Trust"), plain, Parts())
    is_raising = False
    for row in rows:
        given = dict(zip(SHAPES, row, strict=True))
        other.take(other_reader.read(given, None))
        if row is rows[-1]:
            is_raising = True
            with pytest.raises(KeyboardInterrupt):
                core.take(reader.read(given, None))
        else:
            core.take(reader.read(given, None))
    assert core.counters == other.counters
    for one, two in zip(own, plain, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("view", ["first by rest", "last two", "two largest"])
def test_places_of_a_part_are_those_of_its_elements(view: str) -> None:
    draw = np.random.default_rng(2)
    for _ in range(40):
        shape = tuple(int(n) for n in draw.integers(1, 6, size=int(draw.integers(2, 5))))
        firsts = [int(draw.integers(0, n + 1)) for n in shape]
        part = [(a, int(draw.integers(0, n - a + 1))) for a, n in zip(firsts, shape, strict=True)]
        whole = np.arange(np.prod(shape)).reshape(shape)
        own = whole[tuple(slice(a, a + n) for a, n in part)]
        own = own.copy(order="F" if draw.integers(2) else "C")
        strides = [stride // own.itemsize for stride in own.strides]
        seen = view_of_part(view, shape, part, in_order(shape), strides)
        batch, rows, columns = axes_of(view, shape)
        matrices = whole.transpose([*batch, *rows, *columns]).reshape(-1, seen.columns)
        flat = own.ravel(order="K")
        assert seen.lines is not None
        assert seen.across is not None
        found = {}
        for (line, count), (left, width) in product(seen.lines, seen.across):
            for i, j in product(range(line, line + count), range(left, left + width)):
                assert seen.row_places is not None
                assert seen.column_places is not None
                found[i, j] = flat[seen.row_places[i] + seen.column_places[j]]
        assert len(found) == own.size
        assert all(matrices[i, j] == value for (i, j), value in found.items())


def test_chunks_have_the_places_of_their_elements() -> None:
    """Also of one part in an order of axes of its own."""
    draw = np.random.default_rng(3)
    for _ in range(200):
        shape = tuple(int(n) for n in draw.integers(1, 6, size=int(draw.integers(1, 5))))
        axes = draw.permutation(len(shape))
        # In memory, the axes follow each other in any order.
        whole = np.arange(np.prod(shape)).reshape([shape[axis] for axis in axes])
        whole = whole.transpose(np.argsort(axes))
        firsts = [int(draw.integers(0, n)) for n in shape]
        part = [(a, int(draw.integers(1, n - a + 1))) for a, n in zip(firsts, shape, strict=True)]
        own = whole[tuple(slice(a, a + n) for a, n in part)].copy(order="K")
        strides = [[stride // 8 for stride in array.strides] for array in (whole, own)]
        segments = segments_of(Part(shape, part, strides[0]), strides[1])
        sizes, most = np.array([7, own.size, 5]), int(draw.integers(1, 9))
        chunks = Chunks(np.array([1, 4, 6]), sizes, most, [None] * 4 + [segments, None, None])
        places = {
            (tensor, first + k): place + k
            for tensor, first, count, place in chunks.table().tolist()
            for k in range(count)
        }
        assert chunks.lengths.max() <= most
        assert len(places) == chunks.lengths.sum() == sizes.sum()
        assert [places[4, k] for k in range(own.size)] == own.ravel(order="K").tolist()
        assert all(places[tensor, k] == k for tensor, n in ((1, 7), (6, 5)) for k in range(n))
