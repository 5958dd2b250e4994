"""What is wrong with a study file, in plain words: the findings of validation, each with its line and a remedy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from silicus.concepts.errors import Problem
from silicus.concepts.picture import Picture
from silicus.concepts.scenario import Scenario
from silicus.concepts.seats import Seat
from silicus.concepts.study import STUDY_FORMAT, InconsistentStudyError, Study, nearest
from silicus.concepts.study_schema import NAME, choices_of, field_at, is_keyed, model_at, sections_with, simple_types_of
from silicus.concepts.yaml_nodes import Node

__all__ = ["format_problem", "problems_in", "reading_problems"]

_UNION_BRANCHES = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false"}

# The beginning of pydantic's name for a finding, or a type -> what was expected.
_EXPECTED = {
    "string": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "dict": "names with values such as {name: 1}",
}  # fmt: skip
_SHORT_FORMS: dict[type[BaseModel] | None, str] = {
    Scenario: "a sentence", Seat: "a name such as provider:model", Picture: "a file such as pictures/ad.png",
}  # fmt: skip
_BOUNDS = {"greater_than": ("gt", "above"), "greater_than_equal": ("ge", "of at least"),
           "less_than": ("lt", "below"), "less_than_equal": ("le", "of at most")}  # fmt: skip
# Parts that other parts name: they cannot be thought away to see whether the rest fits together.
_NAMED_ELSEWHERE = re.compile(
    r"(name|scenario|roles|causal_model|procedure|roles\.[^.]*|causal_model\.(paths|variables(\.[^.]*)?))"
)
_ATTEMPTS = 4
_CLOSE = 0.6


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a finding stands: the path as the file writes it, the line, and the value there (None: no such)."""

    path: tuple[str, ...]
    line: int | None
    node: Node | None = field(compare=False)

    @property
    def where(self) -> str:
        return ".".join(self.path)


def format_problem(content: Mapping[str, Any], root: Node) -> Problem | None:
    """The finding about the file's format version: missing, newer than this silicus, or none at all."""
    if "format" not in content:
        return Problem("missing_format", f"the file does not say 'format: {STUDY_FORMAT}'",
                       f"Write 'format: {STUDY_FORMAT}' as its first line.", "format", root.line)  # fmt: skip
    given = content["format"]
    line = root.entries["format"].line
    if isinstance(given, int) and not isinstance(given, bool) and given > STUDY_FORMAT:
        return Problem("newer_format", f"the file has format {given}; this silicus reads format {STUDY_FORMAT}",
                       "Install a newer silicus (pip install --upgrade silicus).", "format", line)  # fmt: skip
    if type(given) is not int or given != STUDY_FORMAT:
        return Problem("unknown_format", f"expected the number {STUDY_FORMAT}, got {_told(given)}",
                       f"Write 'format: {STUDY_FORMAT}'.", "format", line)  # fmt: skip
    return None


def reading_problems(root: Node) -> Iterator[Problem]:
    """What validation would let pass though the file hardly means it: true for 1, infinity, a name given twice."""
    for path, node in root.walk():
        field = field_at(path)
        if isinstance(node.data, bool) and (field is None or field.annotation is not bool) and path != ("format",):
            wanted = _field_wants(path)
            suggestion = "If it is a word, put it in quotes." if "text" in wanted or "word" in wanted else ""
            yield Problem("wrong_type", f"expected {wanted}, got {_told(node.data)}", suggestion,
                          ".".join(path), node.line)  # fmt: skip
        elif isinstance(node.data, float) and not math.isfinite(node.data):
            yield Problem("wrong_number", f"expected a finite number, got {_told(node.data)}",
                          "Write the number out.", ".".join(path), node.line)  # fmt: skip
        if field is not None and is_keyed(field):
            yield from _name_problems(path, node)


def _name_problems(path: tuple[str, ...], node: Node) -> Iterator[Problem]:
    for name, entry in node.entries.items():
        own = entry.node.entries.get(NAME)
        if own is not None:
            yield Problem("unknown_field", f"there is no field 'name' here: '{name}' before the colon is the name",
                          "Take 'name' out.", ".".join((*path, name, NAME)), own.line)  # fmt: skip
    seen: dict[str, int] = {}
    for item in node.items:
        named = item.data.get(NAME) if item.kind == "mapping" else None
        if isinstance(named, str) and named in seen:
            yield Problem("duplicate_field", f"'{named}' stands twice, first on line {seen[named]}",
                          "Keep one of them.", ".".join((*path, named)), item.line)  # fmt: skip
        elif isinstance(named, str):
            seen[named] = item.line


def problems_in(error: ValidationError, root: Node, content: Any) -> list[Problem]:
    """Every finding of a validation of the content, with those that only a mended study would show."""
    problems = _inconsistencies(error, root)
    if problems:
        return problems
    grouped = _grouped(error, root)
    misspelt = {place.path for place, findings in grouped.items() if findings[0]["type"] == "extra_forbidden"}
    for place, findings in grouped.items():
        if findings[0]["type"] == "missing" and _is_misspelt(place.path, misspelt):
            continue
        problems.append(_problem(place, findings))
    return problems + _problems_once_mended(error, root, content)


def _grouped(error: ValidationError, root: Node) -> dict[_Place, list[ErrorDetails]]:
    grouped: dict[_Place, list[ErrorDetails]] = {}
    for finding in error.errors(include_url=False):
        grouped.setdefault(_place(_without_branches(finding["loc"], root), root), []).append(finding)
    return grouped


def _inconsistencies(error: ValidationError, root: Node) -> list[Problem]:
    found: list[Problem] = []
    for finding in error.errors(include_url=False):
        cause = finding.get("ctx", {}).get("error")
        for problem in cause.problems if isinstance(cause, InconsistentStudyError) else ():
            place = _place(tuple(problem.where.split(".")), root)
            found.append(Problem(problem.code, problem.message, problem.suggestion, problem.where, place.line))
    return found


def _problems_once_mended(error: ValidationError, root: Node, content: Any) -> list[Problem]:
    """The parts that would not fit together even if each finding were mended in the nearest way."""
    content = _copied(content)
    for _ in range(_ATTEMPTS):
        mended = [_mend(content, place, findings[0]) for place, findings in _grouped(error, root).items()]
        if not all(mended):
            return []
        try:
            Study.model_validate(content)
        except ValidationError as next_error:
            error = next_error
        else:
            return []
        found = _inconsistencies(error, root)
        if found:
            return found
    return []


def _mend(content: Any, place: _Place, finding: ErrorDetails) -> bool:
    """Put the nearest word in place of a wrong one, or take the wrong part out; False where neither can be."""
    if not place.path or _NAMED_ELSEWHERE.fullmatch(place.where):
        return False
    parent, name = content, place.path[-1]
    for part in place.path[:-1]:
        parent = _child(parent, part)
    choices = _choices(finding)
    if choices and _child(parent, name) is not None:
        nearest_choice = (get_close_matches(str(_child(parent, name)), choices, 1) or choices)[0]
        parent[int(name) if isinstance(parent, list) else name] = nearest_choice
        return True
    if not isinstance(parent, dict) or (finding["type"] == "missing" and name not in parent):
        return isinstance(parent, dict) and _has_misspelling(parent, name)
    value = parent.pop(name, None)
    meant = get_close_matches(name, _known_fields(place.path), n=1, cutoff=_CLOSE)
    if finding["type"] == "extra_forbidden" and meant:
        parent.setdefault(meant[0], value)
    return True


def _has_misspelling(fields: dict[str, Any], name: str) -> bool:
    """True where an unknown field looks like the missing one, and will be taken for it."""
    return bool(get_close_matches(name, list(fields), n=1, cutoff=_CLOSE))


def _known_fields(path: tuple[str, ...]) -> list[str]:
    """The fields that may stand beside the last of a path, as a file writes them."""
    model = model_at(path[:-1])
    return [field for field in model.model_fields if field != NAME or len(path) == 1] if model else []


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _child(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    return None


def _without_branches(loc: tuple[str | int, ...], root: Node) -> tuple[str | int, ...]:
    """The location without the names that pydantic gives to the members of a union."""
    if loc and loc[-1] in _UNION_BRANCHES and str(loc[-1]) not in _place(loc, root).path:
        return loc[:-1]
    return loc


def _place(loc: tuple[str | int, ...], root: Node) -> _Place:
    """Translate a location of pydantic's (positions in tuples, filled-in fields) to one of the file's."""
    node, line, path, named = root, root.line, list[str](), False
    for part in loc:
        if node.kind == "mapping":
            name = list(node.entries)[part] if isinstance(part, int) and part < len(node.entries) else str(part)
            if name in node.entries:
                path.append(name)
                node, line, named = node.entries[name].node, node.entries[name].line, True
            elif not (part == NAME and named and _holds_names(tuple(path[:-1]))):
                return _Place((*path, name), line, None)
        elif node.kind == "list" and str(part).isdecimal() and int(part) < len(node.items):
            path.append(str(part))
            node, line, named = node.items[int(part)], node.items[int(part)].line, False
    return _Place(tuple(path), line, node)


def _holds_names(path: tuple[str, ...]) -> bool:
    field = field_at(path)
    return field is not None and is_keyed(field)


def _is_misspelt(path: tuple[str, ...], misspelt: set[tuple[str, ...]]) -> bool:
    """True where an unknown field beside it looks like the missing one."""
    beside = [other[-1] for other in misspelt if other[:-1] == path[:-1]]
    return bool(get_close_matches(path[-1], beside, n=1, cutoff=_CLOSE))


def _problem(place: _Place, findings: list[ErrorDetails]) -> Problem:
    finding = findings[0]
    kind = finding["type"]
    if kind == "extra_forbidden" and place.path[-1:] == finding["loc"][-1:]:
        return _unknown_field(place)
    if kind == "missing" and place.node is None:
        return _missing_field(place)
    if kind == "literal_error":
        return _unknown_word(place, finding)
    if kind in ("string_pattern_mismatch", "string_too_long"):
        return _bad_name(place, finding)
    if kind == "value_error":
        message = str(finding.get("ctx", {}).get("error", finding["msg"]))
        return Problem("wrong_value", message, "", place.where, place.line)
    if kind in _BOUNDS:
        return _out_of_bounds(place, finding)
    return _wrong_type(place, findings)


def _unknown_field(place: _Place) -> Problem:
    name = place.path[-1]
    known = _known_fields(place.path)
    elsewhere = [path for path in sections_with(name) if "." in path]
    if elsewhere and not get_close_matches(name, known, n=1, cutoff=_CLOSE):
        suggestion = f"It belongs in '{elsewhere[0]}'."
    else:
        suggestion = nearest(name, known)
    return Problem("unknown_field", f"there is no field '{name}' here", suggestion, place.where, place.line)


def _missing_field(place: _Place) -> Problem:
    field = field_at(place.path)
    meaning = " ".join((field.description or "").replace("``", "'").split()) if field is not None else ""
    choices = f" One of: {', '.join(choices_of(field))}." if field is not None and choices_of(field) else ""
    message = f"the field '{place.path[-1]}' is missing"
    return Problem("missing_field", message, f"{meaning}{choices}".strip(), place.where, place.line)


def _choices(finding: ErrorDetails) -> list[str]:
    return (
        re.findall(r"'([^']*)'", finding.get("ctx", {}).get("expected", ""))
        if finding["type"] == "literal_error"
        else []
    )


def _unknown_word(place: _Place, finding: ErrorDetails) -> Problem:
    choices = _choices(finding)
    given = place.node.data if place.node is not None else finding["input"]
    wanted = f"one of {', '.join(choices)};" if len(choices) > 1 else f"'{choices[0]}',"
    message = f"expected {wanted} got {_told(given)}"
    close = get_close_matches(str(given), choices, n=1, cutoff=0.5)
    suggestion = f"Did you mean '{close[0]}'?" if close else "Write one of these words."
    return Problem("unknown_word", message, suggestion, place.where, place.line)


def _bad_name(place: _Place, finding: ErrorDetails) -> Problem:
    given = str(finding["input"])
    context = finding.get("ctx", {})
    if finding["type"] == "string_too_long":
        message = f"'{_clipped(given)}' is too long for a name: {len(given)} signs, at most {context['max_length']}"
        return Problem("bad_name", message, "Shorten it.", place.where, place.line)
    column = str(context["pattern"]).startswith("^[a-z]")
    allowed = "small letters, digits and '_'" if column else "letters without accents, digits, spaces, ' _ and -"
    fixed = re.sub(r"[^a-z0-9]+", "_", given.lower()).strip("_") if column else re.sub(r"[^A-Za-z0-9_' -]+", " ", given)
    fixed = fixed.strip().lstrip("0123456789_ '-")
    suggestion = f"Write '{fixed}', say." if fixed else ""
    message = f"'{_clipped(given)}' cannot be a name here: {allowed}, beginning with a letter"
    return Problem("bad_name", message, suggestion, place.where, place.line)


def _out_of_bounds(place: _Place, finding: ErrorDetails) -> Problem:
    key, words = _BOUNDS[finding["type"]]
    bound = finding.get("ctx", {})[key]
    bound = int(bound) if float(bound).is_integer() else bound
    message = f"expected a number {words} {bound}, got {_told(finding['input'])}"
    return Problem("wrong_number", message, "", place.where, place.line)


def _wrong_type(place: _Place, findings: list[ErrorDetails]) -> Problem:
    telling = findings[:1] if findings[0]["type"] == "missing" else findings
    wanted = list(dict.fromkeys(_wants(place, finding) for finding in telling))
    given = place.node.data if place.node is not None else findings[0]["input"]
    message = f"expected {' or '.join(wanted)}, got {_told(given)}"
    if given is None:
        suggestion = "Write it after the colon, or take the line out."
    elif "text" in wanted and isinstance(given, int | float):
        suggestion = "If it is a word, put it in quotes."
    else:
        suggestion = ""
    return Problem("wrong_type", message, suggestion, place.where, place.line)


def _wants(place: _Place, finding: ErrorDetails) -> str:
    kind, branch = finding["type"], finding["loc"][-1] if finding["loc"] else ""
    if branch in _UNION_BRANCHES:
        return _UNION_BRANCHES[str(branch)]
    if kind in ("model_type", "tuple_type", "missing", "extra_forbidden"):
        return _structure_wanted(place)
    return _EXPECTED.get(kind.partition("_")[0], finding["msg"].removeprefix("Input should be ").lower())


def _structure_wanted(place: _Place) -> str:
    field = field_at(place.path)
    model = model_at(place.path)
    if field is not None and is_keyed(field):
        return "names, each with its fields: 'name: {…}'"
    choices = choices_of(field) if field is not None and model is None else ()
    if choices:
        return f"a list such as [{choices[0]}]"
    if model in _SHORT_FORMS:
        return _SHORT_FORMS[model]
    if model is not None and "terms" in model.model_fields:
        return (
            "an equation such as 'y ~ x1 + x2'"
            if place.path[-1].isdecimal()
            else "a list, one equation a line: '- y ~ x1 + x2'"
        )
    if model is not None and "words" in model.model_fields:
        return "a list such as [3, 6] or words with codes such as {no: 0, yes: 1}"
    if model is not None and place.path[-1:] != ("items",):
        return f"fields such as {', '.join(name for name in list(model.model_fields)[:4] if name != NAME)}"
    return "a list such as [one, two]"


def _field_wants(path: tuple[str, ...]) -> str:
    field = field_at(path)
    types = simple_types_of(field) if field is not None else ()
    return (
        " or ".join(dict.fromkeys(_EXPECTED[{"str": "string"}.get(kind, kind)] for kind in types))
        or "a number or a word"
    )


def _told(value: Any) -> str:
    """What the file has there, as a person would say it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"'{_clipped(value)}'"
        case list() | tuple():
            return "a list"
        case _:
            return "a group of fields"


def _clipped(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:59] + "…"
