"""State dictionaries, copies and hooks, as torch's device-generic tests check them."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

import optgen.torch as fused
from tests.chosen import first_of
from tests.torch.renewed import (
    INFOS,
    Line,
    Options,
    Tensor,
    cases,
    close,
    every,
    flags,
    kind_of,
    named,
    same,
)

#: Whether the first and the second class have names of parameters.
pairs = pytest.mark.parametrize(
    ("one", "other"), first_of([(True, False), (False, True), (False, False), (True, True)], 2)
)


def _stepped(name: str, options: Options, *, with_names: bool = False) -> tuple[Any, Line]:
    line = Line.of(name)
    optimizer = kind_of(name)(named(line.params, with_names), **options)
    for _ in range(3):
        line.backward()
        optimizer.step()
    return optimizer, line


def _without_names(state: Options) -> Options:
    state = copy.deepcopy(state)
    for group in state["param_groups"]:
        group.pop("param_names", None)
    return state


@every
@pairs
def test_a_state_continues_a_run(name: str, one: bool, other: bool) -> None:
    for options in cases(name):
        optimizer, line = _stepped(name, options, with_names=one)
        twin = copy.deepcopy(line)
        again = kind_of(name)(named(twin.params, other), **options)
        again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        if one or other:
            (group,) = again.state_dict()["param_groups"]
            assert group["param_names"] == [n for n, _ in named(line.params, True)]
        for _ in range(3):
            for made, own in ((optimizer, line), (again, twin)):
                own.backward()
                made.step()
        close(line.params, twin.params)
        same(*(_without_names(made.state_dict()) for made in (optimizer, again)))
        # Groups that are there twice are shown alike.
        again.param_groups.extend(again.param_groups)
        last = [_without_names(o.state_dict())["param_groups"][-1] for o in (optimizer, again)]
        same(*last)


@every
def test_states_without_newer_options_and_with_ages_as_numbers(name: str) -> None:
    for options in cases(name):
        optimizer, line = _stepped(name, options)
        older = copy.deepcopy(optimizer.state_dict())
        for group in older["param_groups"]:
            for flag in INFOS[name].not_og_supported_flags:
                group.pop(flag, None)
        for own in older["state"].values():
            if isinstance(own.get("step"), Tensor):
                own["step"] = own["step"].item()
        optimizer.load_state_dict(older)
        before = copy.deepcopy(optimizer.param_groups[0])
        line.backward()
        optimizer.step()
        assert {k: v for k, v in before.items() if k != "params"}.items() >= options.items()


@every
@pytest.mark.parametrize("with_names", flags)
def test_files_hold_the_state(name: str, with_names: bool) -> None:
    for options in cases(name):
        optimizer, _ = _stepped(name, options, with_names=with_names)
        assert all(optimizer.state.values())
        file = io.BytesIO()
        torch.save(state := optimizer.state_dict(), file)
        for weights_only in flags:
            file.seek(0)
            same(torch.load(file, weights_only=weights_only), state)


@every
def test_copies_have_all_attributes_and_print(name: str) -> None:
    for options in cases(name):
        optimizer, _ = _stepped(name, options)
        twin = copy.deepcopy(optimizer)
        assert {k for k in vars(twin) if k[0] != "_"} == {k for k in vars(optimizer) if k[0] != "_"}
        assert repr(twin) == repr(optimizer)


@every
def test_hooks_of_state_dictionaries(name: str) -> None:
    """They may add an entry to the state that is no parameter's."""
    for options in cases(name):
        optimizer, line = _stepped(name, options)

        def after(_: Any, state: Options) -> Options:
            return {**state, "found": state["state"].pop("test", None)}

        handle = optimizer.register_state_dict_post_hook(after)
        assert optimizer.state_dict()["found"] is None
        optimizer.register_state_dict_pre_hook(lambda made: made.state.update(test=1))
        assert optimizer.state_dict()["found"] == 1
        handle.remove()
        assert optimizer.state_dict()["state"]["test"] == 1
        line.backward()
        optimizer.step()


@every
def test_hooks_of_loading(name: str) -> None:
    for options in cases(name):
        optimizer, _ = _stepped(name, options)
        state = optimizer.state_dict()

        def change(_: Any, state: Options) -> None:
            state["param_groups"][0]["lr"] = 0.002

        def replace(_: Any, state: Options) -> Options:
            new = copy.deepcopy(state)
            new["param_groups"][0]["lr"] = 0.003
            return new

        optimizer.register_load_state_dict_post_hook(
            lambda made: made.state.update(rate=made.param_groups[0]["lr"])
        )
        handle = optimizer.register_load_state_dict_pre_hook(replace)
        optimizer.load_state_dict(copy.deepcopy(state))
        assert optimizer.state["rate"] == optimizer.param_groups[0]["lr"] == 0.003
        handle.remove()
        optimizer.register_load_state_dict_pre_hook(change)
        optimizer.register_load_state_dict_pre_hook(replace, prepend=True)
        optimizer.load_state_dict(optimizer.state_dict())
        assert optimizer.state["rate"] == optimizer.param_groups[0]["lr"] == 0.002


@every
def test_hooks_of_steps_in_order(name: str) -> None:
    params: list[Tensor] = [torch.ones(1, 2)]
    seen: list[str] = []
    one, other = kind_of(name)(params), fused.SGD(params)

    def note(word: str) -> Any:
        return lambda *_: seen.append(word)

    handles = [
        register_optimizer_step_pre_hook(note("all before")),
        register_optimizer_step_post_hook(note("all after")),
    ]
    for optimizer in (one, other):
        handles.append(optimizer.register_step_pre_hook(note("before")))
        handles.append(optimizer.register_step_post_hook(note("after")))
    try:
        for count, optimizer in enumerate((one, other, one), 1):
            optimizer.step()
            assert seen == ["all before", "before", "after", "all after"] * count
    finally:
        for handle in handles:
            handle.remove()
    one.step()
    assert len(seen) == 12
