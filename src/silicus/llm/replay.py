"""Replaying an archive: every call is answered from it, and nothing is ever sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silicus.llm.faults import MissingCallError
from silicus.llm.prompt import Completion, Prompt

__all__ = ["ReplayProvider"]


class ReplayProvider:
    """Stands in for every provider in a replay: a call that reaches it was not in the archive, which is an error."""

    def __init__(self, extra: Mapping[str, Any] | None = None) -> None:
        self.extra = extra or {}

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Refuse.

        Raises
        ------
        MissingCallError
            Always.
        """
        asked = prompt.messages[-1].content[-120:] if prompt.messages else ""
        raise MissingCallError(
            f"the archive that is replayed holds no answer of {model_name or 'the model'} to this request: …{asked!r}",
            suggestion="The study, its prompts or this version of silicus differ from those of the archive. Conduct it "
            "without --replay to make the calls.",
        )

    async def close(self) -> None:
        """Nothing is open."""
