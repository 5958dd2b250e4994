"""Finding JSON objects in a reply: fenced, curly-quoted, among prose, with trailing commas, broken off.

What is valid JSON is decoded as it stands. The rest is repaired by json-repair, which drops words that it cannot place
(``{"answer": 2 million}`` becomes 2, ``{"answer": 10 or 12}`` becomes 10). Unquoted values are therefore quoted whole
before the repair, and a repair that lost or gained a word is not accepted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from silicus.llm.reading.reply import said_in

__all__ = ["FoundObject", "breaks_off_early", "objects_in", "read_object"]

MOST_OBJECTS = 50
DEEPEST = 40
MOST_STRAYS = 100
"""Brackets and backslashes outside of strings: json-repair needs time in proportion to their square."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """A JSON object found in a reply.

    Attributes
    ----------
    fields
        The fields that are there in full. A key that stands twice with different values carries a list of both.
    cut
        The field inside which the reply broke off, where it did: its value cannot be relied on.
    """

    fields: dict[str, Any]
    cut: dict[str, Any] = field(default_factory=dict)


_OPENING = re.compile(
    r"\{\s{0,40}(?:\}|(?:[\"“”„][^\"“”„\n]{1,80}[\"“”]|['‘’][^'‘’\n]{1,80}['‘’]|[A-Za-z_][\w-]{0,60})\s{0,5}:)"
)
_FIRST_KEY = re.compile(r"(?:```\w{0,20})?[\s\[]*\{[^:{}]*\Z")
_STRUCTURE = re.compile(r"\\.|[{}\[\]\"“”„]", re.DOTALL)

# Strings are passed over; what follows a colon outside of one, up to the next field or the end, is an unquoted value.
_UNQUOTED = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?|[“„][^“”„]*”|(?<=[{,:\[\s])'(?:[^'\\\n]|\\.|'(?=\w)){0,2000}')"""
    r"""|(?P<colon>:\s{0,20})(?P<value>[^\s"“„'‘{\[,}][^"“”{}\[\]\n]{0,120}?)"""
    r"""(?=\s{0,40}(?:,\s{0,40}(?:["“„'‘]|\w{1,60}\s{0,5}:)|,?\s{0,40}\}|,?\s{0,40}\Z|\n))""",
    re.DOTALL,
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?P<closing>")?', re.DOTALL)
_STRAY = re.compile(r"[(\\]")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|none|nan", re.IGNORECASE)
_SINGLE_OPENS = re.compile(r"([{,:\[]\s{0,40})[‘’]")
_SINGLE_CLOSES = re.compile(r"[‘’](?=\s{0,40}[,:}\]])")
_LOW_OPENS = re.compile(r"([{,:\[]\s{0,40})„")
_LOW_CLOSES = re.compile(r"[“”](?=\s{0,40}[,:}\]])")
_HALF_A_KEY = re.compile(r",\s{0,40}[\"“'‘][^\"“”'‘’\n]{0,80}[\"”'’]?\s{0,5}:?\s*\Z")
_FENCE_AT_END = re.compile(r"`{3,}\s{0,20}\Z")

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrtbf])|(.))", re.DOTALL)
_WORD = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[^\W\d_]+")


def read_object(text: str) -> dict[str, Any] | None:
    """Read the JSON object in a reply, however it is dressed: fenced, curly-quoted, among prose, slightly broken.

    Parameters
    ----------
    text
        The reply. What a language model thinks aloud between ``<think>`` tags is left out.

    Returns
    -------
    dict[str, Any] | None
        The object; of a reply that breaks off, without the field inside which it does. None where there is no object,
        or several that differ. Plain prose is never made into an object.
    """
    objects = objects_in(said_in(text))
    if not objects or any(other != objects[0] for other in objects[1:]):
        return None
    return objects[0].fields if objects[0].fields or not objects[0].cut else None


def breaks_off_early(text: str) -> bool:
    """Whether a text ends inside the first key of an object that it begins with."""
    return _FIRST_KEY.match(text.lstrip()) is not None


def objects_in(text: str) -> tuple[FoundObject, ...]:
    """Find the outermost JSON objects of a text, in order; no more than 50 are looked at."""
    found: list[FoundObject] = []
    at = 0
    for _ in range(MOST_OBJECTS):
        if (opening := _OPENING.search(text, at)) is None:
            break
        start = opening.start()
        end, open_levels, deepest = _extent(text, start)
        if deepest <= DEEPEST and (parsed := _parsed(text[start:end], open_levels)) is not None:
            found.append(parsed)
        at = end
    return tuple(found)


def _extent(text: str, start: int) -> tuple[int, int, int]:
    """Find where an object ends: the position, how many levels are open there, and how deep it went.

    Braces inside of strings do not count, unless the quotes do not pair up.
    """
    extent = _extent_by(text, start, minding_strings=True)
    if extent[1]:
        without_strings = _extent_by(text, start, minding_strings=False)
        return without_strings if without_strings[1] == 0 else extent
    return extent


def _extent_by(text: str, start: int, *, minding_strings: bool) -> tuple[int, int, int]:
    level = deepest = 0
    closing = ""
    for match in _STRUCTURE.finditer(text, start):
        mark = match[0]
        if closing:
            closing = "" if mark in closing else closing
        elif mark in "{[":
            level += 1
            deepest = max(deepest, level)
        elif mark in "}]":
            level -= 1
            if level == 0:
                return match.end(), 0, deepest
        elif minding_strings and len(mark) == 1:
            closing = '"' if mark == '"' else "“”„"
    return len(text), level, deepest


def _parsed(source: str, open_levels: int) -> FoundObject | None:
    try:
        value = json.loads(source, object_pairs_hook=_object_from)
    except ValueError:
        return _repaired(source, open_levels)
    return FoundObject(value) if isinstance(value, dict) else None


def _object_from(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of JSON's pairs; a key that stands twice keeps both values where they differ."""
    fields: dict[str, Any] = {}
    for key, value in pairs:
        fields[key] = [fields[key], value] if key in fields and fields[key] != value else value
    return fields


def _repaired(source: str, open_levels: int) -> FoundObject | None:
    from json_repair import repair_json

    whole = _FENCE_AT_END.sub("", source) if open_levels else source
    if open_levels == 1:
        whole = _HALF_A_KEY.sub(", ", whole)
    prepared = _UNQUOTED.sub(_with_quotes, _with_plain_quotes(whole))
    if len(_STRAY.findall(_QUOTED.sub(_unless_closed, prepared))) > MOST_STRAYS:
        return None
    try:
        value = repair_json(prepared, return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value or _words_of(_unescaped(whole)) != _words_of(_written(value)):
        return None
    if open_levels == 0 or _last_is_complete(whole, list(value.values())[-1], open_levels):
        return FoundObject(value)
    last = list(value)[-1]
    return FoundObject({key: value[key] for key in value if key != last}, {last: value[last]})


def _with_plain_quotes(source: str) -> str:
    """Write straight quotes around strings for the curly ones that json-repair does not know."""
    source = _SINGLE_CLOSES.sub("'", _SINGLE_OPENS.sub(r"\1'", source))
    return _LOW_CLOSES.sub('"', _LOW_OPENS.sub(r'\1"', source)) if "„" in source else source


def _with_quotes(match: re.Match[str]) -> str:
    value = match["value"]
    if value is None or _LITERAL.fullmatch(value):
        return match[0]
    return f"{match['colon']}{json.dumps(value, ensure_ascii=False)}"


def _unless_closed(string: re.Match[str]) -> str:
    return "" if string["closing"] else string[0]


def _last_is_complete(source: str, value: Any, open_levels: int) -> bool:
    """Whether a broken-off reply had come to the end of its last value.

    A number is complete only where something follows it: ``{"answer": 1`` may have become 1500.
    """
    if open_levels > 1:
        return False
    if value is None or isinstance(value, bool | list | dict):
        return True
    if isinstance(value, int | float):
        return source[-1].isspace()
    return source.rstrip().rstrip(",").rstrip()[-1] in "\"”'’" and value != ""


def _unescaped(source: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else (" " if match[2] else match[3]), source)


def _written(value: Any) -> str:
    """Write the words of a decoded value, in order."""
    if isinstance(value, dict):
        return " ".join(f"{key} {_written(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return " ".join(_written(entry) for entry in value)
    return "null" if value is None else str(value)


def _words_of(text: str) -> list[str]:
    """Take the words and numbers of a text, so that two ways of writing the same compare equal."""
    words = []
    for match in _WORD.finditer(text.casefold()):
        word = match[0]
        if word == "none":
            word = "null"
        words.append(repr(float(word)) if word[-1].isdecimal() else word)
    return words
