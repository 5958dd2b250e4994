"""Values -> YAML text that a person would have written: short things on one line, long texts folded."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from silicus.concepts.yaml_nodes import plain_value

__all__ = ["WIDTH", "Layout", "flow_text", "key_text", "mapping_lines"]

WIDTH = 110
INDENT = 2
Path = tuple[str, ...]

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNSAFE_IN_BLOCK = re.compile(r": | #|:$")
_UNSAFE_IN_FLOW = re.compile(r"[:#,\[\]{}]")


def _nothing(_path: Path) -> str | None:
    return None


def _never(_path: Path) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Layout:
    """How a mapping is set out: what is said above a field, where a blank line goes, what may share a line.

    Each function gets the path of a field. A group of fields for which ``in_braces`` is true is written on one
    line where it fits; a list always is, save where ``in_lines`` is true. With ``folded`` long texts are broken.
    """

    comment: Callable[[Path], str | None] = _nothing
    blank_before: Callable[[Path], bool] = _never
    in_braces: Callable[[Path], bool] = _never
    in_lines: Callable[[Path], bool] = _never
    folded: bool = True


def _is_plain(text: str, unsafe: re.Pattern[str]) -> bool:
    """True where the text without quotes reads back as itself."""
    return (
        text[:1].isalpha()
        and text.isprintable()
        and not text.endswith(" ")
        and unsafe.search(text) is None
        and plain_value(text) == text
    )


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(sign) or _escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return sign
    point = ord(sign)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def key_text(name: str) -> str:
    """A name as it stands before a colon."""
    return name if _is_plain(name, _UNSAFE_IN_FLOW) else _quoted(name)


def _scalar_text(value: Any, unsafe: re.Pattern[str]) -> str:
    if isinstance(value, str):
        return value if _is_plain(value, unsafe) else _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def flow_text(value: Any) -> str:
    """Any value on one line: ``[3, 6]``, ``{no: 0, yes: 1}``, ``word``."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key_text(str(key))}: {flow_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow_text(inner) for inner in value) + "]"
    return _scalar_text(value, _UNSAFE_IN_FLOW)


def mapping_lines(content: Mapping[str, Any], layout: Layout, *, indent: int = 0, path: Path = ()) -> Iterator[str]:
    """The lines of a group of fields, without line ends."""
    for number, (name, value) in enumerate(content.items()):
        here = (*path, str(name))
        if number and layout.blank_before(here):
            yield ""
        comment = layout.comment(here)
        if comment is not None:
            said = textwrap.wrap(comment, WIDTH - indent, break_on_hyphens=False)
            yield from (f"{' ' * indent}# {line}" for line in said)
        yield from _value_lines(f"{' ' * indent}{key_text(str(name))}:", value, layout, indent, here)


def _value_lines(head: str, value: Any, layout: Layout, indent: int, path: Path) -> Iterator[str]:
    """The lines of a value after its head, which is ``name:`` or the dash of a list."""
    if isinstance(value, Mapping | list | tuple):
        if not value or _fits_one_line(head, value, layout, path):
            yield f"{head} {flow_text(value)}"
        elif isinstance(value, Mapping):
            yield head
            yield from mapping_lines(value, layout, indent=indent + INDENT, path=path)
        else:
            yield head
            for item in value:
                yield from _item_lines(item, layout, indent + INDENT, path)
    elif isinstance(value, str):
        yield from _text_lines(head, value, indent + INDENT, folded=layout.folded)
    else:
        yield f"{head} {_scalar_text(value, _UNSAFE_IN_BLOCK)}"


def _item_lines(item: Any, layout: Layout, indent: int, path: Path) -> Iterator[str]:
    dash = " " * indent + "-"
    if not isinstance(item, Mapping) or not item or _fits_one_line(dash, item, layout, path):
        yield from _value_lines(dash, item, layout, indent, path)
        return
    first, *others = mapping_lines(item, Layout(folded=layout.folded), indent=indent + INDENT, path=path)
    yield dash + first[indent + 1 :]
    yield from others


def _fits_one_line(head: str, value: Any, layout: Layout, path: Path) -> bool:
    inside = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping):
        short = layout.in_braces(path) and not any(isinstance(part, Mapping) for part in inside)
    else:
        short = not layout.in_lines(path) and not any(_needs_lines(part) for part in inside)
    if not short:
        return False
    return len(head) + 1 + len(flow_text(value)) <= WIDTH


def _needs_lines(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) or (isinstance(value, str) and "\n" in value)


def _text_lines(head: str, text: str, indent: int, *, folded: bool) -> Iterator[str]:
    """A text: on the head's line where it fits, else folded or, where it has lines of its own, as they are."""
    short = _scalar_text(text, _UNSAFE_IN_BLOCK)
    if "\n" in text and folded and _is_literal(text):
        yield f"{head} {'|' if text.endswith(chr(10)) else '|-'}"
        yield from (" " * indent + line if line else "" for line in text.removesuffix("\n").split("\n"))
        return
    if len(head) + 1 + len(short) > WIDTH and folded and text.isprintable():
        lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
        if len(lines) > 1 and " ".join(lines) == text:
            yield f"{head} >-"
            yield from (" " * indent + line for line in lines)
            return
    yield f"{head} {short}"


def _is_literal(text: str) -> bool:
    """True where the lines can stand as they are: no blanks at their ends, none before the first, no odd signs."""
    lines = text.removesuffix("\n").split("\n")
    return (
        bool(lines[0]) and bool(lines[-1]) and not lines[0].startswith(" ")
        and all(line.isprintable() and line == line.rstrip(" ") for line in lines)
    )  # fmt: skip
