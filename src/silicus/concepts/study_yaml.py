"""The text form of a study: ``study.yaml`` as a person writes it, to the noun and back. No file is touched here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from silicus.concepts.errors import Problem, StudyError
from silicus.concepts.noun import Noun
from silicus.concepts.seats import Seat
from silicus.concepts.study import Study
from silicus.concepts.study_differences import differences
from silicus.concepts.study_problems import format_problem, problems_in, reading_problems
from silicus.concepts.study_schema import NAME, choices_of, field_at, is_keyed, study_json_schema
from silicus.concepts.yaml_editing import IN_BRACES, edited_text
from silicus.concepts.yaml_nodes import Node, parse_yaml
from silicus.concepts.yaml_writing import Layout, mapping_lines

__all__ = ["SCHEMA_FILE", "differences", "edit_yaml", "study_from_yaml", "study_json_schema", "study_to_yaml"]

SCHEMA_FILE = "study.schema.json"
"""The name under which a study's text looks for its JSON Schema."""

# Written even where they have their default, for whoever edits the file by hand.
_SHOWN = {
    "design": ("assignment", "replicates", "seed"),
    "procedure": ("turn_order", "max_turns"),
    "analysis": ("errors", "confidence_level"),
}
# Fields below the top that are explained where they first stand; '*' is any name.
_EXPLAINED = frozenset(
    {
        "roles.*.constraint", "roles.*.attributes",
        "causal_model.variables.*.operationalisation",
        "causal_model.variables.*.treatment", "causal_model.variables.*.measure",
        "causal_model.variables.*.treatment.public", "causal_model.variables.*.treatment.limit",
        "causal_model.variables.*.measure.combine", "causal_model.paths",
        "design.assignment", "design.replicates", "design.only", "design.seed",
        "procedure.turn_order", "procedure.center", "procedure.max_turns", "procedure.stop", "procedure.actions",
        "analysis.errors", "analysis.confidence_level", "analysis.censored",
    }
)  # fmt: skip
_UNEXPLAINED_SECTIONS = ("name", "title")


def study_from_yaml(text: str | bytes, *, source: str = "study.yaml") -> Study:
    """Read a study from the text of its file.

    Parameters
    ----------
    text : str or bytes
        The file's content; bytes are read as UTF-8.
    source : str
        What the errors call the file.

    Raises
    ------
    StudyError
        Where the text is not a study; ``problems`` holds everything found, each with its line, the field as the
        file writes it, what was expected and what was got, and the nearest valid spelling.
    """
    return _study_in(_decoded(text, source), source)


@lru_cache(maxsize=16)  # one command reads the same file several times; a study never changes
def _study_in(text: str, source: str) -> Study:
    root, problems = parse_yaml(text)
    if root is None or not isinstance(root.data, dict):
        raise StudyError(problems or (_no_fields(root),), source=source)
    found = list(problems)
    format_finding = format_problem(root.data, root)
    if format_finding is not None:
        if format_finding.code == "newer_format":
            raise StudyError((format_finding,), source=source)
        found.append(format_finding)
    study, invalid = _validated(root)
    told = {problem.where for problem in invalid}
    odd = [problem for problem in reading_problems(root) if told.isdisjoint(_self_and_above(problem.where))]
    found += [*invalid, *odd]
    if study is None or found:
        raise StudyError(tuple(sorted(found, key=lambda p: (p.line or 0, p.where))), source=source)
    return study


def _self_and_above(where: str) -> tuple[str, str]:
    return where, where.rpartition(".")[0]


def _decoded(text: str | bytes, source: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the byte 0x{text[error.start]:02X} does not belong in a text in UTF-8"
        line = text.count(b"\n", 0, error.start) + 1
        problem = Problem("not_text", message, "Save the file as plain text in UTF-8.", line=line)
        raise StudyError((problem,), source=source) from error


def _no_fields(root: Node | None) -> Problem:
    if root is None:
        return Problem(
            "empty_file", "the file is empty", "Draft a study, or start from one in 'silicus library'.", line=1
        )
    got = "a list" if isinstance(root.data, list) else "a single value"
    return Problem("not_fields", f"expected fields such as 'format: 1' and 'name: …', got {got}",
                   "Write each part of the study as 'field: value'.", line=root.line)  # fmt: skip


def _validated(root: Node) -> tuple[Study | None, list[Problem]]:
    content = {**_without_inner_names(root, ()), "format": 1}  # the version has its own findings
    try:
        return Study.model_validate(content), []
    except ValidationError as error:
        return None, problems_in(error, root, content)


def _without_inner_names(node: Node, path: tuple[str, ...], *, named: bool = False) -> Any:
    """The content, save a ``name`` inside something that has its name before the colon."""
    if node.kind == "list":
        return [_without_inner_names(item, (*path, str(index))) for index, item in enumerate(node.items)]
    if node.kind == "scalar":
        return node.data
    field = field_at(path)
    keyed = field is not None and is_keyed(field)
    return {
        name: _without_inner_names(entry.node, (*path, name), named=keyed)
        for name, entry in node.entries.items() if not (named and name == NAME)
    }  # fmt: skip


def study_to_yaml(study: Study) -> str:
    """Write a study as text that is pleasant to read and to edit by hand.

    Fields at their default are left out, apart from a few that are useful to see; a comment tells what each part
    does. ``study_from_yaml`` of the text gives an equal study.
    """
    explained: set[str] = set()

    def comment(path: tuple[str, ...]) -> str | None:
        pattern = _pattern(path)
        wanted = path[0] not in _UNEXPLAINED_SECTIONS if len(path) == 1 else pattern in _EXPLAINED
        if not wanted or pattern in explained:
            return None
        explained.add(pattern)
        return _explanation(path)

    layout = Layout(comment=comment, blank_before=_blank_before, in_braces=_in_braces, in_lines=_in_lines)
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}", "", *mapping_lines(_content(study), layout)]
    return "\n".join(lines) + "\n"


def _pattern(path: tuple[str, ...]) -> str:
    parts = list(path)
    if path[0] == "roles" and len(parts) > 1:
        parts[1] = "*"
    elif path[:2] == ("causal_model", "variables") and len(parts) > 2:
        parts[2] = "*"
    return ".".join(parts)


def _explanation(path: tuple[str, ...]) -> str | None:
    field = field_at(path)
    if field is None or not field.description:
        return None
    meaning = " ".join(field.description.replace("``", "'").split())
    choices = choices_of(field)
    return f"{meaning} One of: {', '.join(choices)}." if len(choices) > 1 and choices[0] not in meaning else meaning


def _blank_before(path: tuple[str, ...]) -> bool:
    if len(path) == 1:
        return path[0] not in _UNEXPLAINED_SECTIONS
    return (path[:2] == ("causal_model", "variables") and len(path) == 3) or path == ("causal_model", "paths")


def _in_braces(path: tuple[str, ...]) -> bool:
    return path[-1] in IN_BRACES or (len(path) == 4 and path[2] == "attributes")


def _in_lines(path: tuple[str, ...]) -> bool:
    return path in (("causal_model", "paths"), ("source", "notes"))


def _content(study: Study) -> dict[str, Any]:
    """What the file says, in its order: everything that is not at its default, and what is shown anyway."""
    content = study.model_dump(mode="json", exclude_defaults=True)
    for section, shown in _SHOWN.items():
        content[section] = _with_shown(getattr(study, section), shown)
    content["mode"] = study.mode
    content["seats"] = {
        **{seat: _seat_content(getattr(study.seats, seat)) for seat in ("scientist", "participant", "coder")},
        **({"roles": content["seats"]["roles"]} if study.seats.roles else {}),
    }
    return {
        section: content[section] if section == "roles" else _tidy(content[section])
        for section in Study.model_fields if section in content
    }  # fmt: skip


def _with_shown(part: Noun, shown: tuple[str, ...]) -> dict[str, Any]:
    full, lean = part.model_dump(mode="json"), part.model_dump(mode="json", exclude_defaults=True)
    return {field: lean.get(field, full[field]) for field in full if field in lean or field in shown}


def _seat_content(seat: Seat) -> Any:
    lean = seat.model_dump(mode="json", exclude_defaults=True)
    if isinstance(lean, str) or not lean:
        return seat.llm
    return {"llm": seat.llm, **lean}


def _tidy(value: Any) -> Any:
    """Whole numbers without '.0'. An attribute keeps its own: to a reader 34 and 34.0 differ."""
    if isinstance(value, dict):
        return {name: _tidy(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_tidy(inner) for inner in value]
    whole = isinstance(value, float) and value.is_integer() and not (value == 0 and math.copysign(1, value) < 0)
    return int(value) if whole else value


def edit_yaml(text: str, changes: Mapping[str, Any], *, source: str = "study.yaml") -> str:
    """Set fields in the text of a study, leaving every other character of it alone.

    Parameters
    ----------
    text : str
        The file's content, comments and all.
    changes : mapping
        From dotted path (``"design.sessions"``, ``"seats.participant"``, ``"causal_model.paths.0"``) to the new
        value: text, number, list or mapping. ``None`` takes the field out. Fields that are missing are added.

    Raises
    ------
    StudyError
        Where the text cannot be read, or a path leads through something that has no fields.
    """
    return edited_text(text, changes, source=source)
