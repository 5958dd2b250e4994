"""A transcript on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.markup import escape

from silicus.interfaces.cli.output import console, say

if TYPE_CHECKING:
    from silicus.concepts.transcript import Transcript
    from silicus.llm.calls import Call

__all__ = ["print_call", "print_transcript"]


def print_transcript(transcript: Transcript) -> None:
    """Statements, actions, what was irregular, and the answers afterwards."""
    from silicus.participants.templates import action_words

    say(f"[bold]{escape(transcript.session_id)}[/]", whole=True)
    for turn in transcript.turns:
        done = f" [cyan]\\[{escape(action_words(turn.action))}][/]" if turn.action is not None else ""
        say(f"{turn.number:>3} [bold]{escape(turn.speaker)}[/]: {escape(turn.words)}{done}")
        for problem in turn.irregular:
            say(f"      [yellow]irregular[/]: {escape(problem)}")
    say(f"[dim]{transcript.status}, ended by {escape(transcript.ended_by or 'nothing')}[/]")
    if transcript.error:
        say(f"[red]{escape(transcript.error)}[/]")
    for response in transcript.responses:
        value = response.value if response.missing is None else f"missing ({response.missing}: {response.reason})"
        say(
            f"[bold]{escape(response.variable)}[/], asked of {escape(response.respondent)}: {escape(response.question)}"
        )
        say(f"      {escape(response.raw)} [dim]read as[/] {escape(str(value))}")


def print_call(call: Call) -> None:
    """One request as it was sent, and what came back."""
    who = f"{call.seat} ({call.role})" if call.role else call.seat
    console.rule(f"call {call.draw.ordinal}, {who}")
    for message in json.loads(call.request)["messages"]:
        say(f"[bold]{message['role']}[/]")
        say(escape(message["content"]))
        for image in message.get("images", ()):
            say(f"[dim]picture, {image['media_type']}, SHA-256 {image['sha256']}[/]")
    say("[bold]answer[/]")
    say(escape(call.completion.text))
