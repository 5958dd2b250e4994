"""One session after something of it failed: what was answered is kept, what could not be used is drawn afresh."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from stand_ins import first_session, scripted, talk_study

from silicus.concepts.session import Session
from silicus.concepts.transcript import Transcript
from silicus.execution.conduct import conduct_session
from silicus.llm.calls import NOTHING, Call, Earlier
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Draw, Finish, Prompt

ROLES = ("ann", "bob", "cleo")
DRAFTED = {"turn_order": "coordinator_after", "max_turns": 2}

Answer = Callable[[Prompt], "str | Finish | CallError"]


@dataclass
class Model:
    """Answers, ends in some way, or fails; an answer takes longer the later its role stands."""

    answer: Answer
    asked: list[str] = field(default_factory=list)

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        assert prompt.cue is not None
        self.asked.append(prompt.cue.role or prompt.cue.task)
        for _ in range(2 + 3 * (ROLES.index(prompt.cue.role) if prompt.cue.role else 0)):
            await asyncio.sleep(0)
        answer = self.answer(prompt)
        if isinstance(answer, CallError):
            raise answer
        if answer in ("refusal", "content_filter"):
            finish: Finish = "refusal" if answer == "refusal" else "content_filter"
            return Completion("", f"scripted:{model_name}", 1, 1, finish=finish)
        return Completion(answer, f"scripted:{model_name}", 1, 1)

    async def close(self) -> None:
        """Nothing is open."""


def talk(prompt: Prompt) -> str:
    assert prompt.cue is not None
    if prompt.cue.task == "choose_draft":
        return json.dumps({"speaker": prompt.cue.candidates[0]})
    return f"I am {prompt.cue.role}." if prompt.cue.task == "speak" else "4"


def but(role: str, instead: str | CallError) -> Answer:
    """All talk, and one role does something else."""
    return lambda prompt: instead if prompt.cue is not None and prompt.cue.role == role else talk(prompt)


@dataclass
class Record:
    calls: list[Call] = field(default_factory=list)
    faults: list[tuple[Draw, str]] = field(default_factory=list)

    def conduct(self, session: Session, model: Model, earlier: Earlier = NOTHING) -> Transcript:
        def note(draw: Draw, _: int, __: str, error: CallError) -> None:
            self.faults.append((draw, error.kind))

        return asyncio.run(conduct_session(session, {"scripted": model}, earlier, self.calls.append, note))

    @property
    def earlier(self) -> Earlier:
        redrawn = tuple(sorted(draw.ordinal for draw, kind in self.faults if kind == "unusable"))
        return Earlier({call.key: call.completion for call in self.calls}, redrawn)


def session() -> Session:
    return first_session(scripted(talk_study(ROLES, DRAFTED)))


def test_drafts_that_were_asked_for_are_awaited_and_kept_where_another_fails() -> None:
    record, model = Record(), Model(but("ann", CallError("timeout", "no answer in time")))
    transcript = record.conduct(session(), model)
    assert (transcript.status, transcript.error) == ("failed", "no answer in time")
    assert [call.role for call in record.calls] == ["bob", "cleo"]
    again = Model(talk)
    assert record.conduct(session(), again, record.earlier).status == "complete"
    assert again.asked[:2] == ["ann", "choose_draft"], "an answered draft was asked for again"


def test_an_answer_that_cannot_be_used_is_drawn_afresh_with_all_that_follows_it() -> None:
    record = Record()
    transcript = record.conduct(session(), Model(but("bob", "refusal")))
    assert (transcript.status, transcript.error) == ("failed", "no statement of the bob: it was refused")
    assert record.faults == [(Draw(session().session_id, 2), "unusable")]
    again = Model(talk)
    assert record.conduct(session(), again, record.earlier).status == "complete"
    # Ann's draft came before the refusal; Cleo's was of the same moment, and is drawn with what follows.
    assert again.asked[:3] == ["bob", "cleo", "choose_draft"]
    assert {(call.draw.ordinal, call.draw.attempt) for call in record.calls} >= {(1, 1), (2, 1), (2, 2), (3, 1), (3, 2)}


def test_two_refusals_of_one_moment_are_both_drawn_afresh() -> None:
    record = Record()
    refusing = Model(lambda prompt: "refusal" if prompt.cue is not None and prompt.cue.role else talk(prompt))
    assert record.conduct(session(), refusing).status == "failed"
    assert record.earlier.redrawn_from == (1, 2, 3)
    again = Model(talk)
    assert record.conduct(session(), again, record.earlier).status == "complete"
    # Read once more from what is known: nothing is asked, and the same comes out.
    silent = Model(talk)
    assert record.conduct(session(), silent, record.earlier).status == "complete"
    assert silent.asked == []


def test_what_a_filter_withheld_is_answered_once_and_for_all() -> None:
    record = Record()
    withheld = CallError("content_filter", "the provider withheld the answer")
    model = Model(lambda prompt: withheld if prompt.cue is not None and prompt.cue.task == "code" else talk(prompt))
    transcript = record.conduct(session(), model)
    assert transcript.status == "complete"
    assert [(response.missing, response.raw) for response in transcript.responses] == [("withheld", "")]
    assert record.calls[-1].completion.finish == "content_filter"
    assert record.faults[-1][1] == "content_filter"
    silent = Model(talk)
    assert record.conduct(session(), silent, record.earlier) == transcript
    assert silent.asked == []


def test_a_failure_that_is_replayed_is_the_same_failure() -> None:
    record = Record()
    transcript = record.conduct(session(), Model(but("cleo", CallError("context_length", "the prompt is too long"))))
    silent = Model(talk)
    earlier = Earlier(record.earlier.answers, failure=transcript.error)
    replayed = record.conduct(session(), silent, earlier)
    assert (replayed.status, replayed.error, replayed.turns) == ("failed", "the prompt is too long", ())
    assert silent.asked == []
