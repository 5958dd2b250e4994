"""Fields set in a text in place: comments, order, quotes and blank lines of the rest stay as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silicus.concepts.errors import Problem, StudyError
from silicus.concepts.study_schema import model_at
from silicus.concepts.yaml_nodes import Entry, Node, parse_yaml
from silicus.concepts.yaml_writing import Layout, flow_text, key_text, mapping_lines

__all__ = ["IN_BRACES", "edited_text"]

IN_BRACES = ("values", "levels", "law", "only")
"""Fields whose names and numbers stand in braces on one line: ``{no: 0, yes: 1}``."""

_LAYOUT = Layout(in_braces=lambda path: path[-1] in IN_BRACES, folded=False)
# Where a file may write one word for a group of fields, the field that the word stands for.
_SHORT_FORMS = {("scenario",): "text", ("seats", "*"): "llm", ("seats", "roles", "*"): "value",
                ("roles", "*", "attributes", "*"): "value"}  # fmt: skip


def edited_text(text: str, changes: Mapping[str, Any], *, source: str) -> str:
    """The text with each dotted path set to its value; ``None`` takes a field out. See ``edit_yaml``."""
    for dotted, value in changes.items():
        root, problems = parse_yaml(text)
        if problems:
            raise StudyError(problems, source=source)
        path = tuple(dotted.split("."))
        text = _removed(text, root, path) if value is None else _set(text, root, path, value, source)
    return text


def _set(text: str, root: Node | None, path: tuple[str, ...], value: Any, source: str) -> str:
    if root is None:
        return _joined(text, _entry_text(path[0], _nested(path[1:], value), 0, path[:1]), _line_end(text))
    node, depth, entry = root, 0, None
    while depth < len(path):
        below = _child(node, path[depth])
        if below is None:
            break
        node, entry = below if isinstance(below, tuple) else (below, entry)
        depth += 1
    if depth == len(path):
        return _replaced(text, root, path, node, value)
    rest = _nested(path[depth + 1 :], value)
    if node.kind == "mapping":
        return _inserted(text, node, path[: depth + 1], rest)
    short = _short_form(path[:depth])
    if depth and (node.data is None or (short is not None and node.kind == "scalar")):
        whole = {} if node.data is None or short is None else {short: node.data}
        return _replaced(text, root, path[:depth], node, {**whole, path[depth]: rest})
    reached = ".".join(path[:depth])
    problem = Problem("unknown_path", f"'{reached}' has no field '{path[depth]}'", "Set a field that exists.",
                      ".".join(path), node.line)  # fmt: skip
    raise StudyError((problem,), source=source)


def _child(node: Node, part: str) -> tuple[Node, Entry | None] | None:
    if node.kind == "mapping" and part in node.entries:
        entry = node.entries[part]
        return entry.node, entry
    if node.kind == "list" and part.isdecimal() and int(part) < len(node.items):
        return node.items[int(part)], None
    return None


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for part in reversed(path):
        value = {part: value}
    return value


def _short_form(path: tuple[str, ...]) -> str | None:
    for pattern, field in _SHORT_FORMS.items():
        if len(pattern) == len(path) and all(p in ("*", part) for p, part in zip(pattern, path, strict=True)):
            return None if path == ("seats", "roles") else field
    return None


def _entry_text(name: str, value: Any, indent: int, path: tuple[str, ...]) -> str:
    return "\n".join(mapping_lines({name: value}, _LAYOUT, indent=indent, path=path[:-1]))


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _joined(above: str, added: str, line_end: str) -> str:
    gap = "" if not above or above.endswith(("\n", "\r")) else line_end
    return above + gap + added.replace("\n", line_end) + line_end


def _replaced(text: str, root: Node, path: tuple[str, ...], node: Node, value: Any) -> str:
    """The text with the value at a path written anew; a comment behind it stays."""
    parent, entry = _parent(root, path)
    on_one_line = entry is not None and "\n" not in text[entry.start : node.end]
    if entry is None or parent.flow or (on_one_line and not _needs_lines(value, path)):
        gap = " " if node.start == node.end and text[node.start - 1 : node.start] in (":", "-") else ""
        return text[: node.start] + gap + flow_text_of(value, in_block=not parent.flow) + text[node.end :]
    lines = _entry_text(path[-1], value, entry.column, path).lstrip(" ").replace("\n", _line_end(text))
    return text[: entry.start] + lines + text[node.end :]


def _needs_lines(value: Any, path: tuple[str, ...]) -> bool:
    return "\n" in _entry_text(path[-1], value, 0, path)


def flow_text_of(value: Any, *, in_block: bool) -> str:
    """A value on one line; a text that stands alone on its line needs fewer quotes than one within brackets."""
    if in_block and isinstance(value, str):
        return _entry_text("x", value, 0, ("x",)).removeprefix("x: ")
    return flow_text(value)


def _parent(root: Node, path: tuple[str, ...]) -> tuple[Node, Entry | None]:
    node = root
    for part in path[:-1]:
        below = _child(node, part)
        assert below is not None
        node = below[0]
    return node, node.entries.get(path[-1])


def _inserted(text: str, node: Node, path: tuple[str, ...], value: Any) -> str:
    """The text with a new field, after the last of those that come before it in the format's order."""
    entries = node.entries
    if node.flow or not entries:
        return _inserted_in_braces(text, node, path[-1], value)
    model = model_at(path[:-1])
    order = list(model.model_fields) if model is not None else []
    ahead = order[: order.index(path[-1])] if path[-1] in order else list(entries)
    previous = [entry for name, entry in entries.items() if name in ahead] or list(entries.values())
    last = max(previous, key=lambda entry: entry.start)
    line_end = _line_end(text)
    stop = text.find("\n", last.node.end)
    cut = len(text) if stop < 0 else stop + 1
    added = _entry_text(path[-1], value, last.column, path)
    blank = line_end if len(path) == 1 and isinstance(value, Mapping) else ""
    above = text[:cut] if text[:cut].endswith("\n") else text[:cut] + line_end
    return _joined(above + blank, added, line_end) + text[cut:]


def _inserted_in_braces(text: str, node: Node, name: str, value: Any) -> str:
    inside = text[node.start + 1 : node.end - 1].rstrip()
    comma = "" if not node.entries else " " if inside.endswith(",") else ", "
    cut = node.start + 1 + len(inside)
    return text[:cut] + comma + f"{key_text(name)}: {flow_text(value)}" + text[cut:]


def _removed(text: str, root: Node | None, path: tuple[str, ...]) -> str:
    """The text without a field or an item; what it was the last of stays, empty."""
    if root is None or not _exists(root, path):
        return text
    parent, entry = _parent(root, path)
    if len(path) > 1 and len(parent.data) == 1:
        return _replaced(text, root, path[:-1], parent, {} if entry is not None else [])
    starts = [each.start for each in parent.entries.values()] or [item.start for item in parent.items]
    ends = [each.node.end for each in parent.entries.values()] or [item.end for item in parent.items]
    index = int(path[-1]) if entry is None else list(parent.entries).index(path[-1])
    if parent.flow:
        return _cut_from_list(text, starts, ends, index)
    start = starts[index] if entry is not None else text.rfind("-", 0, starts[index])
    return _lines_cut(text, start, ends[index])


def _exists(root: Node, path: tuple[str, ...]) -> bool:
    node = root
    for part in path:
        below = _child(node, part)
        if below is None:
            return False
        node = below[0]
    return True


def _cut_from_list(text: str, starts: list[int], ends: list[int], index: int) -> str:
    if index + 1 < len(starts):
        return text[: starts[index]] + text[starts[index + 1] :]
    begin = ends[index - 1] if index else starts[index]
    return text[:begin] + text[ends[index] :]


def _lines_cut(text: str, start: int, end: int) -> str:
    first = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    return text[:first] + ("" if stop < 0 else text[stop + 1 :])
