"""How collections of named things stand in a file: as a mapping from name to the rest.

``roles: {buyer: {goal: …}}`` in a file is ``(Role(name="buyer", goal=…),)`` in Python. Order is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PlainSerializer, SerializationInfo
from pydantic_core import core_schema

__all__ = ["Identifier", "Keyed", "OneOrMore"]

T = TypeVar("T")

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""A name that is also a column of the dataset: small letters, digits and underscores."""


def _from_mapping(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return tuple(_with_name(name, body) for name, body in value.items())


def _with_name(name: Any, body: Any) -> Any:
    if body is None:
        return {"name": name}
    if isinstance(body, Mapping):
        return {"name": name, **body}
    return {"name": name, "value": body}


def _to_mapping(items: tuple[Any, ...], info: SerializationInfo) -> dict[str, Any]:
    dumped = [item.model_dump(mode="json", exclude_defaults=info.exclude_defaults) for item in items]
    return {entry.pop("name"): entry["value"] if entry.keys() == {"value"} else entry for entry in dumped}


class _MappingSchema:
    """Describes a keyed collection in JSON Schema as the mapping that a file holds."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        array = handler(schema)
        item = dict(handler.resolve_ref_schema(array["items"]))
        name = item["properties"]["name"]
        item["properties"] = {key: value for key, value in item["properties"].items() if key != "name"}
        item["required"] = [key for key in item.get("required", ()) if key != "name"]
        body: dict[str, Any] = item
        if item["required"] == ["value"]:
            body = {"anyOf": [item, item["properties"]["value"]]}
        elif not item["required"]:
            body = {"anyOf": [item, {"type": "null"}]}
        return {"type": "object", "propertyNames": name, "additionalProperties": body}


Keyed = Annotated[
    tuple[T, ...],
    BeforeValidator(_from_mapping),
    PlainSerializer(_to_mapping),
    _MappingSchema(),
]
"""A tuple of nouns with a ``name``, written in a file as a mapping from name to the other fields."""


def _one_as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _tuple_as_one(items: tuple[Any, ...]) -> Any:
    return items[0] if len(items) == 1 else list(items)


class _OneOrMoreSchema:
    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        array = handler(schema)
        return {"anyOf": [array["items"], array]}


OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_one_as_tuple), PlainSerializer(_tuple_as_one), _OneOrMoreSchema()]
"""A tuple of words that a file may write as a single word."""
