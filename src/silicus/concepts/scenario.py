"""The social situation that a study is about."""

from __future__ import annotations

from typing import Any, Self

from pydantic import GetJsonSchemaHandler, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import CoreSchema

from silicus.concepts.noun import Noun

__all__ = ["Scenario"]


class Scenario(Noun):
    """A situation in one sentence; a file may write just the sentence."""

    text: str
    """The sentence: ``two people bargaining over a mug``."""
    language: str = "en"
    """Language the sessions are held in, as an IETF tag."""
    population: str | None = None
    """The people the claims are about, where the language model stands in for people."""

    @model_validator(mode="before")
    @classmethod
    def _from_sentence(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _to_sentence(self, handler: SerializerFunctionWrapHandler) -> Any:
        content = handler(self)
        return content["text"] if content.keys() == {"text"} else content

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [fields["properties"]["text"], fields]}

    @classmethod
    def example(cls) -> Self:
        """The published bargaining scenario."""
        return cls(text="two people bargaining over a mug")
