"""A picture that participants are shown."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import Any, Self

from pydantic import (
    GetJsonSchemaHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from silicus.concepts.noun import Noun

__all__ = ["PICTURE_ENDINGS", "PICTURE_SCHEMA", "Picture", "picture_type"]

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")

PICTURE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"file": {"type": "string"}, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
            "required": ["file"],
            "additionalProperties": False,
        },
    ]
}
"""JSON Schema of a picture as a file may write it."""

_EXAMPLE = "pictures/ad.png"
_FORBIDDEN = re.compile(r'[\\:*?"<>|\x00-\x1f\x7f]')
# How a file begins, by which its type is told, whatever it is called.
_BEGINNINGS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
)


def picture_type(data: bytes) -> str | None:
    """The media type that a file's first bytes show, such as ``image/png``; None where it is no picture known here."""
    return next((media_type for beginning, media_type in _BEGINNINGS if beginning.match(data)), None)


class Picture(Noun):
    """A picture to show; a file may write just its path."""

    file: str
    """Its path below the study file: a PNG, JPEG, WebP or GIF file."""
    sha256: str | None = None
    """Checksum of the file's bytes. Where it is given, no other picture is taken; it is part of what is frozen."""

    _data: bytes = PrivateAttr(b"")

    @classmethod
    def of(cls, file: str, data: bytes) -> Self:
        """A picture with its bytes, which no file or fingerprint holds: its checksum stands for them."""
        picture = cls(file=file, sha256=hashlib.sha256(data).hexdigest())
        picture._data = data
        return picture

    @property
    def data(self) -> bytes:
        """The file's bytes; empty where it was not read."""
        return self._data

    @property
    def media_type(self) -> str:
        """Such as ``image/png``; empty where it was not read."""
        return picture_type(self._data) or ""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @field_validator("file")
    @classmethod
    def _stays_with_the_study(cls, file: str) -> str:
        parts = PurePosixPath(file).parts
        if _FORBIDDEN.search(file) or file != "/".join(parts) or any(part.startswith((".", "/")) for part in parts):
            raise ValueError(
                f"'{file}' cannot be a picture's path: write it from the study file's folder downwards, with '/', "
                f"such as {_EXAMPLE}"
            )
        if not file.lower().endswith(PICTURE_ENDINGS):
            raise ValueError(f"'{file}' is no picture's name: it ends with one of {', '.join(PICTURE_ENDINGS)}")
        return file

    @field_validator("sha256")
    @classmethod
    def _is_a_checksum(cls, sha256: str | None) -> str | None:
        if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError(f"'{sha256}' is no SHA-256 checksum: it has 64 digits from 0 to f, in small letters")
        return sha256

    @model_serializer(mode="wrap")
    def _to_path(self, handler: SerializerFunctionWrapHandler) -> Any:
        return handler(self) if self.sha256 is not None else self.file

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [fields["properties"]["file"], fields]}

    @classmethod
    def example(cls) -> Self:
        """An advertisement."""
        return cls(file=_EXAMPLE)
