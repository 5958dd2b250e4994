"""What changed between two studies, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from silicus.concepts.study import Study
from silicus.concepts.yaml_writing import flow_text

__all__ = ["differences"]

CLIP = 70
_ABSENT = object()
# Words with codes are one value, not a group of fields.
_WHOLE = ("values", "levels")
# In these the order means nothing.
_UNORDERED = ("law", "only")


def differences(before: Study, after: Study) -> tuple[str, ...]:
    """What changed between two studies, a line each, in the order of the file.

    Returns
    -------
    tuple of str
        Lines such as ``design.seed: 1 -> 3`` and ``roles.seller: added``; empty exactly where the two are equal.
    """
    return tuple(_changes(before.model_dump(mode="json"), after.model_dump(mode="json"), ""))


def _changes(before: Any, after: Any, where: str) -> Iterator[str]:
    if _is_group(before, where) and _is_group(after, where):
        yield from _group_changes(before, after, where)
    elif _are_items(before) and _are_items(after):
        yield from _group_changes(_numbered(before), _numbered(after), where)
    elif before in (_ABSENT, None) and _is_group(after, where):
        yield f"{where}: added"
    elif after in (_ABSENT, None) and _is_group(before, where):
        yield f"{where}: removed"
    elif before != after or (isinstance(before, dict) and list(before) != list(after)):
        yield f"{where}: {_shown(before, after)} -> {_shown(after, before)}"


def _group_changes(before: dict[str, Any], after: dict[str, Any], where: str) -> Iterator[str]:
    for name in [*before, *(name for name in after if name not in before)]:
        yield from _changes(before.get(name, _ABSENT), after.get(name, _ABSENT), f"{where}.{name}" if where else name)
    kept = [name for name in before if name in after]
    moved = [name for name in after if name in before]
    if kept != moved and _last(where) not in _UNORDERED:
        yield f"{where}: order {flow_text(kept)} -> {flow_text(moved)}"


def _last(where: str) -> str:
    return where.rpartition(".")[2]


def _is_group(value: Any, where: str) -> bool:
    return isinstance(value, dict) and _last(where) not in _WHOLE


def _are_items(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)


def _numbered(items: list[Any]) -> dict[str, Any]:
    return {str(number): item for number, item in enumerate(items)}


def _shown(value: Any, other: Any) -> str:
    """The value on one line; of a long one, the part around its first difference from the other."""
    if value is _ABSENT or value is None:
        return "not set"
    text = flow_text(value)
    if len(text) <= CLIP:
        return text
    beside = "" if other is _ABSENT or other is None else flow_text(other)
    differs = next(
        (i for i, (one, two) in enumerate(zip(text, beside, strict=False)) if one != two), min(len(text), len(beside))
    )
    start = max(0, min(differs - CLIP // 3, len(text) - CLIP))
    return ("…" if start else "") + text[start : start + CLIP] + ("…" if start + CLIP < len(text) else "")
