"""What all nouns share: frozen, closed, fingerprinted."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Noun", "fingerprint_of"]


def fingerprint_of(content: Any) -> str:
    """Hash of JSON-able content: 16 hexadecimal digits, the same on every machine and Python."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Noun(BaseModel):
    """A frozen value with no unknown fields; every concrete noun has an ``.example()``.

    Fields left at their default do not enter the fingerprint, so that a new optional field leaves the
    fingerprints of existing studies as they were. A default is therefore never changed within a format.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        ignored_types=(cached_property,),
    )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the content: identity, cache key and preregistration in one."""
        return fingerprint_of([type(self).__name__, self.model_dump(mode="json", exclude_defaults=True)])
