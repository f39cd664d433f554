"""PTX as Python: a thread of a kernel is a generator, which yields what it exchanges.

It has the instructions of loops over elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

#: Threads per block: two warps.
THREADS, WARP = 64, 32

_LINE = re.compile(r"(?:@(!?)(%p\d+) )?([a-z][\w.]*)\s*(.*);$")
_SPECIAL = {"%tid.x": "tid", "%ctaid.x": "0", "%ntid.x": str(THREADS), "%nctaid.x": "1"}
_SPECIAL["%laneid"] = f"tid % {WARP}"
_COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_COMPARED |= {"lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
_HELD = {8: "B", 16: "H", 32: "I", 64: "Q"}


def _width(kind: str) -> int:
    return 1 if kind == "pred" else int(kind[1:])


def _signed(value: str, bits: int) -> str:
    return f"(({value}) ^ {1 << bits - 1}) - {1 << bits - 1}"


def _operand(text: str, kind: str) -> str:
    """A register or a constant, as a Python expression."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text.startswith("%"):
        return text[1:]
    if text.startswith("0f"):
        return f"real32({int(text[2:], 16)})"
    if text.startswith("0d"):
        return f"real64({int(text[2:], 16)})"
    return str(int(text) % (1 << max(_width(kind), 2)))


def _is_float(kind: str) -> bool:
    return kind.startswith("f") and kind != "f16"


def _compared(how: str, kind: str, one: str, other: str) -> str:
    if _is_float(kind):
        if how == "nan":
            return f"({one} != {one} or {other} != {other})"
        if how == "num":
            return f"({one} == {one} and {other} == {other})"
        if how.endswith("u") and how != "u":
            return f"not ({one} {_COMPARED[_OPPOSITE[how[:-1]]]} {other})"
        return f"{one} {_COMPARED[how]} {other}"
    if kind.startswith("s"):
        one, other = (_signed(x, _width(kind)) for x in (one, other))
    return f"({one}) {_COMPARED[how]} ({other})"


_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


def _converted(to: str, source: str, value: str) -> str:
    if source == "f16":
        return f"np.float32(np.uint16({value}).view(np.float16))"
    if to == "f16":
        return f"int(np.float16({value}).view(np.uint16))"
    if _is_float(source) and _is_float(to):
        return f"np.float{to[1:]}({value})"
    if _is_float(source):
        return f"int({value}) & {(1 << _width(to)) - 1}"
    # A wider register may hold it.
    value = f"{value} & {(1 << _width(source)) - 1}"
    value = _signed(value, _width(source)) if source.startswith("s") else value
    return f"np.float{to[1:]}({value})" if _is_float(to) else f"({value}) & {(1 << _width(to)) - 1}"


def _bits(register: str) -> tuple[int, str]:
    """The bits of a register and what its bits are."""
    name = register[1:]
    for prefix, bits, how in (
        ("fd", 64, "bits64"),
        ("f", 32, "bits32"),
        ("rs", 16, ""),
        ("rd", 64, ""),
    ):
        if name.startswith(prefix):
            return bits, f"{how}({name})" if how else name
    return 32, name


def _moved(target: str, source: str, kind: str) -> str:
    if target.startswith("{"):
        low, high = (one.strip()[1:] for one in target[1:-1].split(","))
        half = _width(kind) // 2
        mask, value = (1 << half) - 1, _bits(source)[1]
        return f"{low}, {high} = {value} & {mask}, {value} >> {half}"
    if source.startswith("{"):
        low, high = (one.strip()[1:] for one in source[1:-1].split(","))
        return f"{target[1:]} = {low} | {high} << {_width(kind) // 2}"
    value = _operand(source, kind)
    is_held_as_bits = not target.startswith("%f")
    if source.startswith("%f") and is_held_as_bits:
        value = _bits(source)[1]
    elif source.startswith("%r") and not is_held_as_bits:
        value = f"real{_width(kind)}({value})"
    return f"{target[1:]} = {value}"


def _statement(opcode: str, given: list[str]) -> str:
    """The Python statement for an instruction."""
    name, *parts = opcode.split(".")
    kind = parts[-1]
    if name in ("mov", "cvta"):
        return _moved(given[0], given[1], kind)
    return f"{given[0].removeprefix('%')} = {_value(name, parts, given, kind)}"


def _value(name: str, parts: list[str], given: list[str], kind: str) -> str:
    """What an instruction computes."""
    values = [_operand(one, kind) for one in given[1:]]
    if name == "cvt":
        return _converted(parts[-2], parts[-1], values[0])
    if name == "setp":
        return _compared(parts[0], kind, values[0], values[1])
    if name == "selp":
        return f"{values[0]} if {values[2]} else {values[1]}"
    if kind == "pred":
        return f"not {values[0]}" if name == "not" else _WHOLE[name].format(*values)
    if _is_float(kind):
        return _of_floats(name, values, kind)
    bits = 64 if "wide" in parts else _width(kind)
    return f"({_of_integers(name, values, kind)}) & {(1 << bits) - 1}"


_WHOLE = {
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "~{0}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "mad": "{0} * {1} + {2}",
    "neg": "-{0}",
    "shl": "{0} << min({1}, 64)",
    "shr": "{0} >> min({1}, 64)",
    "div": "div({0}, {1})",
    "rem": "rem({0}, {1})",
    "min": "min({0}, {1})",
    "max": "max({0}, {1})",
    "abs": "abs({0})",
    "bfi": "inserted({0}, {1}, {2}, {3})",
    "prmt": "permuted({0}, {1}, {2})",
}


def _of_integers(name: str, values: Sequence[str], kind: str) -> str:
    if kind.startswith("s"):
        # What a shift is by has no sign.
        last = 1 if name in ("shl", "shr") else len(values)
        signed = [f"({_signed(one, _width(kind))})" for one in values[:last]]
        values = [*signed, *values[last:]]
    return _WHOLE[name].format(*values)


def _of_floats(name: str, values: Sequence[str], kind: str) -> str:
    real = f"np.float{kind[1:]}"
    how = {
        "add": "{0} + {1}",
        "sub": "{0} - {1}",
        "mul": "{0} * {1}",
        "div": "{0} / {1}",
        "fma": "np.float64({0}) * np.float64({1}) + np.float64({2})",
        "neg": "-{0}",
        "abs": "abs({0})",
        "rcp": "{1}(1) / {0}",
        "sqrt": "np.sqrt({0})",
        "max": "max({0}, {1})",
        "min": "min({0}, {1})",
    }[name]
    return f"{real}({how.format(*values, real)})"


def _access(opcode: str, given: list[str], parameters: Sequence[str]) -> Iterator[str]:
    """The statements of a load or a store."""
    name, space, *_, kind = opcode.split(".")
    address, elements = (given[1], given[0]) if name == "ld" else (given[0], given[1])
    place = address[1:-1]
    if space == "param":
        yield f"{elements[1:]} = parameters[{parameters.index(place)}]"
        return
    base, _, offset = place.partition("+")
    at = f"{base[1:]} + {offset or 0}"
    each = [one.strip() for one in elements.strip("{}").split(",")]
    letter, bits = _HELD[_width(kind)], _width(kind)
    yield f"words = memory('{letter}', {at}, {len(each)})"
    for k, one in enumerate(each):
        if name == "ld":
            found = f"real{bits}(words[{k}])" if one.startswith("%f") else f"words[{k}]"
            if kind.startswith("s"):
                found = f"({_signed(found, bits)}) & {(1 << _bits(one)[0]) - 1}"
            yield f"{one[1:]} = {found}"
        else:
            value = _bits(one)[1] if one.startswith("%") else _operand(one, kind)
            yield f"words[{k}] = ({value}) & {(1 << bits) - 1}"


def translated(text: str) -> str:
    """The Python of a kernel: a generator for each thread, which yields what it exchanges."""
    head, body = text[text.index(".entry") :].split("{", 1)
    parameters = re.findall(r"\.param \.\w+ (\w+)", head)
    blocks: list[list[str]] = [[]]
    names: dict[str, int] = {}
    for number, raw in enumerate(body.splitlines()):
        line = raw.strip()
        if label := re.match(r"(\$\w+):", line):
            names[label[1]] = len(blocks)
            blocks[-1].append(f"label = {len(blocks)}; continue")
            blocks.append([])
        found = _LINE.match(line)
        if not found or line.startswith("."):
            continue
        negated, guard, opcode, rest = found.groups()
        given = [one.strip() for one in re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s][^,]*", rest)]
        blocks[-1] += _instruction(opcode, given, (guard, negated), parameters, number)
    lines = ["def thread(tid, parameters):", "    label = 0", "    if tid < 0: yield"]
    lines.append("    while True:")
    for number, block in enumerate(blocks):
        lines.append(f"        if label == {number}:")
        lines += [f"            {one}" for one in block or ["return"]]
    return re.sub(r"@(\$\w+)", lambda one: str(names[one[1]]), "\n".join(lines))


def _instruction(
    opcode: str, given: list[str], guard: tuple[str | None, str], parameters: Sequence[str], at: int
) -> Iterator[str]:
    condition = ""
    if guard[0]:
        condition = f"if {'not ' if guard[1] else ''}{guard[0][1:]}: "
    if opcode.startswith("bra"):
        yield f"{condition}label = @{given[0]}; continue"
    elif opcode == "ret":
        yield f"{condition}return"
    elif opcode.startswith(("ld.", "st.")):
        assert not condition
        yield from _access(opcode, given, parameters)
    elif opcode.startswith("shfl"):
        found, is_there = (one.strip()[1:] for one in given[0].split("|"))
        rest = ", ".join(_operand(one, "b32") for one in given[1:])
        yield f"{found}, {is_there} = yield ({at}, '{opcode.split('.')[2]}', {rest})"
    else:
        yield condition + _statement(opcode, given)
