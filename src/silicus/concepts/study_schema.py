"""What a study file may hold: its fields by path, and the JSON Schema that editors complete it by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from silicus.concepts.study import Study

__all__ = [
    "NAME",
    "choices_of",
    "field_at",
    "is_keyed",
    "model_at",
    "sections_with",
    "simple_types_of",
    "study_json_schema",
]

NAME = "name"
"""The field that stands before the colon."""


def _types_in(annotation: Any) -> Iterator[Any]:
    """The annotation and everything it is made of, outermost first."""
    yield annotation
    for part in get_args(annotation):
        if get_origin(annotation) is not Literal:
            yield from _types_in(part)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    found = (part for part in _types_in(annotation) if isinstance(part, type) and issubclass(part, BaseModel))
    return next(found, None)


def is_keyed(field: FieldInfo) -> bool:
    """True for a collection that a file writes as a mapping from name to the rest, such as ``roles``."""
    model = _model_in(field.annotation)
    return model is not None and NAME in model.model_fields and get_origin(field.annotation) is tuple


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """The words of a fixed list that the field takes; empty where it takes others."""
    lists = [get_args(part) for part in _types_in(field.annotation) if get_origin(part) is Literal]
    return tuple(str(word) for word in lists[0]) if lists else ()


def simple_types_of(field: FieldInfo) -> tuple[str, ...]:
    """Which of ``str``, ``int``, ``float`` and ``bool`` the field takes."""
    simple = (str, int, float, bool)
    return tuple(dict.fromkeys(part.__name__ for part in _types_in(field.annotation) if part in simple))


def _walk(path: Iterable[str | int]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    model: type[BaseModel] | None = Study
    field: FieldInfo | None = None
    name_next = False
    for part in path:
        if name_next:
            name_next, field = False, None
        elif isinstance(part, str) and not part.isdecimal():
            field = model.model_fields.get(part) if model is not None else None
            model = _model_in(field.annotation) if field is not None else None
            name_next = field is not None and is_keyed(field)
    return model, field


def field_at(path: Iterable[str | int]) -> FieldInfo | None:
    """The field at a path such as ``("roles", "buyer", "goal")``; None where the format has none there."""
    return _walk(path)[1]


def model_at(path: Iterable[str | int]) -> type[BaseModel] | None:
    """The noun whose fields stand below a path; None where no fields of the format do."""
    return _walk(path)[0]


def sections_with(field: str) -> tuple[str, ...]:
    """Where else a field of that name exists, as dotted paths with ``*`` for a name: ``procedure.max_turns``."""
    return tuple(path for path in _all_paths() if path.rpartition(".")[2] == field)


@lru_cache(maxsize=1)
def _all_paths() -> tuple[str, ...]:
    return tuple(_paths_below(Study, ""))


def _paths_below(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        inner = _model_in(field.annotation)
        if inner is not None:
            yield from _paths_below(inner, f"{prefix}{name}.*." if is_keyed(field) else f"{prefix}{name}.")


def study_json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``study.yaml``, by which editors check and complete the file.

    Returns
    -------
    dict
        The schema, ready for ``json.dumps``. It knows the short forms that a file may use: a scenario as
        a sentence, a seat as ``provider:model``, named things as a mapping. What holds between two parts
        of a study (a treatment told to a role that exists) is beyond a schema; reading the study checks it.
    """
    schema = Study.model_json_schema(mode="validation")
    tidy: dict[str, Any] = _tidied(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A silicus study",
        **tidy,
        "examples": [Study.example().model_dump(mode="json", exclude_defaults=True)],
    }


def _tidied(schema: Any) -> Any:
    """Without the titles that only repeat a field's name; the default of a mapping is a mapping."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    tidy: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            tidy[key] = {name: _tidied(part) for name, part in value.items()}
        elif key == "description":
            tidy[key] = value.replace("``", "`")
        elif key == "default":
            tidy[key] = {} if value == [] and schema.get("type") == "object" else value
        elif key not in ("title", "examples"):
            tidy[key] = _tidied(value)
        elif key == "examples":
            tidy[key] = value
    return tidy
