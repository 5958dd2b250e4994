"""Pictures small enough to be made here, and a study that shows them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

from stand_ins import bargaining_content

from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml

__all__ = ["GIF", "JPEG", "WEBP", "pictured_content", "pictured_study", "png", "put_pictures", "write_pictured"]

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(20)
GIF = b"GIF89a\x01\x00\x01\x00" + bytes(20)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L" + bytes(20)


def png(shade: int) -> bytes:
    """A picture of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


FILES = {"pictures/plain.png": png(1), "pictures/chipped.png": png(2), "pictures/face.jpg": JPEG}
"""The pictures of the study below."""


def pictured_content(**changes: Any) -> dict[str, Any]:
    """A small bargaining study in which the seller's mug is a picture that both see, and the buyer's face one that
    only the seller's side does not."""
    content = bargaining_content()
    content["roles"]["buyer"]["attributes"] = {
        "face": {"value": "a woman of forty", "public": True, "image": "pictures/face.jpg"},
        "shoes": "brown",
    }
    content["causal_model"]["variables"]["mug"] = {
        "label": "the state of the mug",
        "kind": "binary",
        "treatment": {
            "tell": "seller",
            "phrase": "your mug",
            "public": "the mug on the table",
            "values": [
                {"words": "whole", "code": 0, "image": "pictures/plain.png"},
                {"words": "chipped", "code": 1, "image": "pictures/chipped.png"},
            ],
        },
    }
    content["causal_model"]["paths"] = ["deal ~ budget + minimum + mug"]
    content["design"] = {"only": {"budget": [12], "minimum": [4]}}
    return content | changes


def pictured_study(**changes: Any) -> Study:
    """The same as a study whose pictures were not read yet."""
    return Study.model_validate(pictured_content(**changes))


def put_pictures(folder: Path) -> None:
    """Write the study's pictures below a folder."""
    for file, data in FILES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)


def write_pictured(folder: Path, name: str = "shop.yaml", **changes: Any) -> Path:
    """Write the study's file and its pictures into a folder; returns the file."""
    put_pictures(folder)
    file = folder / name
    file.write_text(study_to_yaml(pictured_study(**changes)), encoding="utf-8")
    return file
