"""From messages to the text that a checkpoint goes on from: its chat template, or a plain transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from silicus.llm.faults import CallError
from silicus.llm.prompt import Message
from silicus.llm.providers.local.checkpoint import Checkpoint
from silicus.llm.providers.text_completion import as_transcript

__all__ = ["Rendered", "render", "tokens_of"]

STOPS = ("\nUser:", "\nAssistant:")
"""Where a transcript would go on with the next one's words."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the answer is to follow.

    Attributes
    ----------
    text
        The prompt.
    joint
        What stands between it and the answer.
    bare
        Whether the tokenizer still has to add its own beginning; a chat template brings its own.
    stops
        Texts after which another would speak.
    """

    text: str
    joint: str = ""
    bare: bool = False
    stops: tuple[str, ...] = ()


def render(checkpoint: Checkpoint, messages: Sequence[Message], *, reasoning: bool = True) -> Rendered:
    """The prompt as the checkpoint expects it.

    ``reasoning`` is told to templates that can switch it.

    Raises
    ------
    CallError
        Where the chat template refuses the messages.
    """
    if not checkpoint.chats:
        return Rendered(as_transcript(tuple(messages)), joint=" ", bare=True, stops=STOPS)
    from jinja2 import TemplateError

    options = {} if reasoning else {"enable_thinking": False}
    reason: Exception | None = None
    for shape in (list(messages), _folded(messages)):
        chat = [{"role": message.role, "content": message.content} for message in shape]
        try:
            text = checkpoint.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True, **options)
        except (TemplateError, ValueError) as refusal:
            reason = refusal
        else:
            return Rendered(text)
    raise CallError("bad_request", f"the chat template of {checkpoint.name} refuses the messages: {reason}")


def tokens_of(checkpoint: Checkpoint, text: str, *, bare: bool) -> tuple[int, ...]:
    """The text's tokens; with ``bare``, after what the tokenizer puts at a text's beginning."""
    ids: list[int] = checkpoint.tokenizer(text, add_special_tokens=bare)["input_ids"]
    if bare and ids and ids[-1] in checkpoint.ends:  # some tokenizers close the text too
        del ids[-1]
    return tuple(ids)


def _folded(messages: Sequence[Message]) -> list[Message]:
    """For templates without a system message or that insist on turns: user and assistant alternate, user first."""
    folded: list[Message] = []
    for message in messages:
        role = "user" if message.role == "system" else message.role
        if folded and folded[-1].role == role:
            folded[-1] = Message(role, f"{folded[-1].content}\n\n{message.content}")
        else:
            folded.append(Message(role, message.content))
    return folded
