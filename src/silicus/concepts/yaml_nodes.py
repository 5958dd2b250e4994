"""YAML text -> values that remember where they stand.

Plain words are read by the core schema of YAML 1.2: ``no``, ``on`` and ``12:30`` are words, ``012`` is 12. Names before
a colon are always words. Aliases, tags, directives and several documents in one file are refused: a study file needs
none of them, and each would hide where a value comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from silicus.concepts.errors import Problem

__all__ = ["Entry", "Node", "parse_yaml", "plain_value"]

MAX_DEPTH = 40
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile(r"^\ufeff?%", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")

# What the parser says -> what it means to somebody who writes a study. The first that occurs in its words is taken.
_SYNTAX = (
    ("found character '\\t'", "a tab stands where spaces belong", "Indent with spaces."),
    ("mapping values are not allowed", "': ' stands where no field can begin",
     "Put a text that contains ': ' in quotes, and begin each field on a line of its own."),
    ("could not find expected ':'", "this line is neither 'field: value' nor the continuation of a text",
     "Add the colon, or indent the line under the text it continues."),
    ("found unexpected end of stream", "a quotation mark is opened here and not closed", "Close it."),
    ("found unexpected document indicator", "a quotation mark is opened here and not closed", "Close it."),
    ("expected ',' or ']'", "a bracket '[' is opened here and not closed, or a comma is missing in it",
     "Write [one, two]."),
    ("expected ',' or '}'", "a brace '{' is opened here and not closed, or a comma is missing in it",
     "Write {one: 1, two: 2}."),
    ("but found '<scalar>'", "text goes on after a closing quotation mark",
     "Put the whole text in one pair of quotes; inside single quotes, write a quote twice."),
    ("expected the node content", "a bracket, brace or comma stands where a value belongs",
     "Close every '[' and '{' that is opened; put a text that begins with one in quotes."),
    ("expected <block end>", "this line does not line up with the lines above it",
     "Give the fields of one part the same indentation."),
    ("unknown escape character", "a backslash in double quotes is followed by a letter that means nothing there",
     "Write the backslash twice, or use single quotes."),
    ("cannot start any token", "a word begins with a character that has a meaning of its own here",
     "Put the text in quotes."),
    ("expected alphabetic or numeric character", "a word begins with '&' or '*', which have a meaning of their own",
     "Put the text in quotes."),
)  # fmt: skip
# In these, the place where the trouble begins says more than the place where the parser gave up.
_BEGINS_EARLIER = (
    "unexpected end of stream", "unexpected document indicator", "expected ',' or", "could not find expected ':'",
)  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One ``name: value`` of a mapping: where the name begins, and the value."""

    line: int
    column: int
    start: int
    node: Node


@dataclass(slots=True)
class Node:
    """A value, the line it begins on (from 1), and the characters ``start`` to ``end`` that it is written in.

    ``flow`` is true where it stands in brackets or braces. A mapping has ``entries``, a list ``items``.
    """

    data: Any
    line: int
    start: int
    end: int
    kind: Literal["mapping", "list", "scalar"] = "scalar"
    flow: bool = False
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """The node and all below it, each with its path."""
        yield path, self
        for name, entry in self.entries.items():
            yield from entry.node.walk((*path, name))
        for index, item in enumerate(self.items):
            yield from item.walk((*path, str(index)))


def plain_value(text: str) -> Any:
    """What an unquoted word stands for: a number, true, false, nothing (None), or itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        base = 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10
        return int(text, base) if len(text) < 1000 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.lower().replace(".", "", 1))
    return text


def parse_yaml(text: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read one YAML document.

    Returns
    -------
    tuple
        The root, None where the text is empty or cannot be read; and everything wrong with the text as text.
    """
    strange = _NOT_TEXT.search(text)
    if strange is not None:
        line = text.count("\n", 0, strange.start()) + 1
        message = f"the character U+{ord(strange.group()):04X} does not belong in a text"
        return None, (Problem("not_text", message, "Save the file as plain text in UTF-8.", line=line),)
    directive = _DIRECTIVE.search(text)
    if directive is not None:
        line = text.count("\n", 0, directive.start()) + 1
        return None, (Problem("yaml_feature", "a line begins with '%'", "Take it out, or indent the text.", line=line),)
    tree = _Tree(text)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            tree.take(event)
    except MarkedYAMLError as error:
        return None, (_syntax_problem(error),)
    except _UnreadableError as error:
        return None, (error.problem,)
    except (ValueError, OverflowError):  # an escape such as "\UFFFFFFFF" that the parser takes at its word
        return None, (_no_such_sign(tree.line),)
    return tree.root, tuple(tree.problems)


class _UnreadableError(Exception):
    """Stops the reading of a text that uses what a study file may not."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been reached, and the name that waits for its value."""

    node: Node
    key: ScalarEvent | None = None


@dataclass(slots=True)
class _Tree:
    """Builds the nodes from the parser's events, without recursion."""

    text: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    documents: int = 0
    line: int = 1

    def take(self, event: Event) -> None:
        self.line = event.end_mark.line + 1
        if isinstance(event, DocumentStartEvent):
            self._open_document(event)
        elif isinstance(event, AliasEvent):
            raise _refusal(event, f"'*{event.anchor}' repeats another part of the file", "Write the value out.")
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._open(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._close(event)
        elif isinstance(event, ScalarEvent):
            if _SURROGATE.search(event.value):
                raise _UnreadableError(_no_such_sign(event.start_mark.line + 1))
            self._scalar(event)

    def _open_document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _refusal(event, "a second document begins here", "A study file holds one study; take '---' out.")

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        _refuse_tag(event)
        if len(self.stack) >= MAX_DEPTH:
            raise _refusal(event, "brackets or fields are nested too deeply", "A study is never this deep.")
        start, end = event.start_mark, event.end_mark
        is_mapping = isinstance(event, MappingStartEvent)
        node = Node({} if is_mapping else [], start.line + 1, start.index, end.index)
        node.kind, node.flow = "mapping" if is_mapping else "list", bool(event.flow_style)
        self.stack.append(_Open(node))

    def _close(self, event: MappingEndEvent | SequenceEndEvent) -> None:
        node = self.stack.pop().node
        if node.flow:
            node.end = event.end_mark.index
        else:
            inside = [entry.node for entry in node.entries.values()] + node.items
            node.end = max((child.end for child in inside), default=node.end)
        self._place(node)

    def _scalar(self, event: ScalarEvent) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and top.node.kind == "mapping" and top.key is None:
            top.key = event
            return
        _refuse_tag(event)
        start, end, line = event.start_mark.index, event.end_mark.index, event.start_mark.line + 1
        if start == end and top is not None:
            start = end = self._before_nothing(top, start)
            line = self.text.count("\n", 0, start) + 1
        end = start + len(self.text[start:end].rstrip())
        quoted = event.style is not None or event.tag is not None
        value = event.value if quoted else plain_value(event.value)
        self._place(Node(value, line, start, end))

    def _before_nothing(self, top: _Open, start: int) -> int:
        """Where a missing value would begin: after the colon of its name, or the dash of its list."""
        if top.key is not None:
            after_name = top.key.end_mark.index
            colon = self.text.find(":", after_name)
            return after_name if colon < 0 else colon + 1
        return self.text.rfind("-", 0, start) + 1 or start

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.node.kind == "list":
            top.node.items.append(node)
            top.node.data.append(node.data)
            return
        key, top.key = top.key, None
        if key is None:
            raise _UnreadableError(
                Problem("yaml_syntax", "a list or group of fields stands where a name belongs",
                        "Write 'name: value'.", line=node.line)
            )  # fmt: skip
        _refuse_tag(key)
        name, mark = str(key.value), key.start_mark
        if name in top.node.entries:
            first = top.node.entries[name].line
            self.problems.append(
                Problem("duplicate_field", f"'{name}' stands twice, first on line {first}",
                        "Keep one of them.", ".".join((*self._path(), name)), mark.line + 1)
            )  # fmt: skip
            return
        top.node.entries[name] = Entry(mark.line + 1, mark.column, mark.index, node)
        top.node.data[name] = node.data

    def _path(self) -> list[str]:
        above = self.stack[:-1]
        return [str(opened.key.value) if opened.key is not None else str(len(opened.node.items)) for opened in above]


def _no_such_sign(line: int) -> Problem:
    return Problem("not_text", "a backslash in double quotes names a sign that does not exist",
                   "Write the backslash twice, or use single quotes.", line=line)  # fmt: skip


def _refusal(event: Event, message: str, suggestion: str) -> _UnreadableError:
    return _UnreadableError(Problem("yaml_feature", message, suggestion, line=event.start_mark.line + 1))


def _refuse_tag(event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
    if event.tag is not None and str(event.tag) not in ("!", "tag:yaml.org,2002:str"):
        raise _refusal(event, f"the tag '{event.tag}' is not part of a study file", "Take it out.")


def _syntax_problem(error: MarkedYAMLError) -> Problem:
    said = f"{error.problem or ''} {error.context or ''}"
    earlier = any(words in said for words in _BEGINS_EARLIER) and error.context_mark is not None
    mark = error.context_mark if earlier else error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else None
    for words, message, suggestion in _SYNTAX:
        if words in said:
            return Problem("yaml_syntax", message, suggestion, line=line)
    return Problem("yaml_syntax", f"this is not YAML: {error.problem or error.context}", "Mend the line.", line=line)
