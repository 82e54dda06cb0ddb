"""``python -m tests.types_page``: write the tables of `docs/types.md` anew, from what happens to each example."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

from rpc.service.msgspec_converter import MsgspecConverter
from rpc.wire.payload import decode, encode
from tests.traveling import KINDS, Kind, same

PAGE = Path(__file__).parent.parent / "docs" / "types.md"

_BEGIN = "<!-- Made by python -m tests.types_page, from the values in tests/traveling.py. -->\n"
_END = "<!-- Until here. -->\n"


def main() -> None:
    """Rewrite the page in its place."""
    PAGE.write_text(written_anew(PAGE.read_text()))


def written_anew(text: str) -> str:
    """The page with its tables as they should be."""
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}{tables()}\n{_END}{after}"


def tables() -> str:
    groups = dict.fromkeys(kind.group for kind in KINDS)
    return "".join(_table(group, [kind for kind in KINDS if kind.group == group]) for group in groups)


def _table(group: str, kinds: list[Kind]) -> str:
    lines = [f"\n### {group}\n\n| annotation | value | on the wire | arrives as |\n|---|---|---|---|\n"]
    for kind in kinds:
        wire = encode(kind.example)
        arrived = MsgspecConverter().reader(kind.annotation)(decode(wire))
        assert same(arrived, kind.example), kind.name
        cells = [_code_of_name(kind.name), _code(_spelled(kind.example)), _code(diagnostic(wire)), _class_of(arrived)]
        row = " | ".join(cell.replace("|", r"\|") for cell in cells)
        lines.append(f"| {row} |\n")
    return "".join(lines)


def _code_of_name(name: str) -> str:
    """An annotation as code, and what is said of it in brackets as text."""
    annotation, bracket, remark = name.partition(" (")
    return f"{', '.join(map(_code, annotation.split(', ')))}{bracket}{remark}" if bracket else _code(name)


def _class_of(value: Any) -> str:
    return _code("None" if value is None else type(value).__name__)


def _code(text: str) -> str:
    return f"`{text}`"


def _spelled(value: Any) -> str:
    if isinstance(value, memoryview):
        return f"memoryview({value.tobytes()!r})"
    text = repr(value).replace("datetime.", "").replace("timezone(timedelta(seconds=7200))", "ABOUT_TWO")
    return re.sub(r"<(\w+\.\w+): [^>]+>", r"\1", text)


def diagnostic(data: bytes) -> str:
    """A CBOR item as people read it (RFC 8949, section 8)."""
    text, end = _item(data, 0)
    assert end == len(data)
    return text


def _item(data: bytes, offset: int) -> tuple[str, int]:
    major, low = data[offset] >> 5, data[offset] & 31
    size = 1 << (low - 24) if low >= 24 else 0
    argument = int.from_bytes(data[offset + 1 : offset + 1 + size], "big") if size else low
    offset += 1 + size
    if major == 7:
        simple = {20: "false", 21: "true", 22: "null"}
        return (
            (simple[low], offset)
            if low in simple
            else (repr(struct.unpack(">d", data[offset - 8 : offset])[0]), offset)
        )
    if major in (2, 3):
        held = data[offset : offset + argument]
        return (json.dumps(held.decode(), ensure_ascii=False) if major == 3 else f"h'{held.hex()}'"), offset + argument
    if major < 2:
        return str(argument if major == 0 else ~argument), offset
    parts: list[str] = []
    for _ in range({4: argument, 5: 2 * argument, 6: 1}[major]):
        part, offset = _item(data, offset)
        parts.append(part)
    if major == 6:
        return f"{argument}({parts[0]})", offset
    if major == 5:
        parts = [f"{key}: {item}" for key, item in zip(parts[::2], parts[1::2], strict=True)]
    return f"{'[{'[major - 4]}{', '.join(parts)}{']}'[major - 4]}", offset


if __name__ == "__main__":
    main()
