"""Answers that must follow a JSON schema, by llguidance where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from silicus.llm.faults import CallError
from silicus.llm.providers.local.checkpoint import Checkpoint, extra

__all__ = ["Grammars"]


class Grammars:
    """The schemas that one checkpoint was asked to follow, each compiled once.

    Without llguidance answers are free; the prompt asks for the form in words anyway.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._tokens: Any = None
        self._compiled: dict[str, Any] = {}

    @property
    def available(self) -> bool:
        """Whether answers can be held to a schema: llguidance is there and can read the tokenizer."""
        fast = extra("transformers").PreTrainedTokenizerFast
        return find_spec("llguidance") is not None and isinstance(self._checkpoint.tokenizer, fast)

    def matcher(self, schema: Mapping[str, Any]) -> Any:
        """A matcher at its beginning, to be copied for each answer; white space between the JSON's parts is not free.

        Raises
        ------
        CallError
            Where llguidance cannot follow the schema.
        """
        text = json.dumps(schema)
        if text not in self._compiled:
            self._compiled[text] = self._compile(text)
        return self._compiled[text]

    def _compile(self, schema: str) -> Any:
        library = extra("llguidance")
        if self._tokens is None:
            self._tokens = extra("llguidance.hf").from_tokenizer(
                self._checkpoint.tokenizer, n_vocab=self._checkpoint.vocabulary, eos_token=sorted(self._checkpoint.ends)
            )
        grammar = library.LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
        matcher = library.LLMatcher(self._tokens, grammar, log_level=0)
        if matcher.is_error():
            raise CallError("bad_request", f"the schema cannot be followed: {matcher.get_error()}")
        return matcher
