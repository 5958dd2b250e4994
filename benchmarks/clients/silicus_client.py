"""Silicus: the real path, from the study to the archive on the disk.

    python silicus_client.py W1|W2 CONCURRENCY    in an empty folder, with OPENAI_BASE_URL and OPENAI_API_KEY

W1 is ``silicus run`` on a study: plan, canary, conversations with all their prompts, line, wire, archive. W2 has no
procedure yet, so this file does what one would: for each planned respondent ten prompts of the participants' own,
one after another through the caller; answers read by the instruments' reader; calls and session into the archive.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from stopwatch import Stopwatch

from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_from_yaml
from silicus.concepts.transcript import Response, Transcript, Usage
from silicus.concepts.variables import Variable
from silicus.designs.plan import plan_sessions
from silicus.execution.archive import Archive
from silicus.execution.folder import create_folder
from silicus.instruments.measurement import answer_form, answer_schema
from silicus.llm import wire  # noqa: F401  (imported before the clock runs, as every client's libraries are)
from silicus.llm.adapters import in_flight, providers_for
from silicus.llm.calls import NOTHING, Caller
from silicus.llm.cue import Cue
from silicus.llm.prompt import Provider
from silicus.llm.reading import read_answer
from silicus.participants.participant import Participant, cast_participants
from silicus.studies.one_path import run_study

STUDIES = Path(__file__).parents[1] / "studies"


def main() -> None:
    """Run one workload."""
    import aiohttp  # noqa: F401

    workload, concurrency = sys.argv[1], sys.argv[2]
    Path("silicus.toml").write_text(f"[endpoints.openai]\nconcurrency = {concurrency}\n", encoding="utf-8")
    calls = {"W1": conversations, "W2": survey}[workload]
    text = (STUDIES / {"W1": "conversations.yaml", "W2": "survey.yaml"}[workload]).read_text(encoding="utf-8")
    watch = Stopwatch()
    watch.stop(calls(text))


def conversations(text: str) -> int:
    """W1: returns the number of calls archived."""
    folder = create_folder(Path("study"), text)
    tally = run_study(folder)
    assert tally.whole, tally
    with Archive.open(folder.archive, readonly=True) as archive:
        return archive.ledger().total.calls


def survey(text: str) -> int:
    """W2: returns the number of calls archived."""
    study = study_from_yaml(text)
    with Archive.create(Path("archive.sqlite"), study) as archive:
        asyncio.run(_ask_everybody(study, archive))
        return archive.ledger().total.calls


async def _ask_everybody(study: Study, archive: Archive) -> None:
    seats = tuple(study.seats.by_place.values())
    providers = providers_for(seats)
    remaining = iter(plan_sessions(study))
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight(seats, 64)):
            group.create_task(_work(remaining, providers, archive))
    for provider in providers.values():
        await provider.close()


async def _work(remaining: Iterator[Session], providers: dict[str, Provider], archive: Archive) -> None:
    for session in remaining:
        started_at = time.time()
        caller = Caller(session.session_id, providers, NOTHING, archive.record_call, archive.record_fault)
        respondent = cast_participants(session)["respondent"]
        variables = session.causal_model.measured
        responses = [await _ask(session, respondent, variable, caller) for variable in variables]
        transcript = Transcript.model_construct(
            session_id=session.session_id,
            condition=session.condition,
            replicate=session.replicate,
            status="complete",
            ended_by="answered",
            turns=(),
            responses=tuple(responses),
            error="",
            usage=Usage(calls=caller.calls, tokens_in=caller.tokens_in, tokens_out=caller.tokens_out),
        )
        archive.record_session(transcript, started_at)


async def _ask(session: Session, respondent: Participant, variable: Variable, caller: Caller) -> Response:
    assert variable.measure is not None
    item = variable.measure.questions[0]
    cue = Cue("answer", session, (), item.ask, variable, item)
    prompt = respondent.item_prompt(item.question, answer_form(variable), answer_schema(variable), cue)
    completion, ordinal = await caller.complete(prompt, respondent.seat, item.ask)
    options = [(level.words, level.code) for level in variable.levels]
    reading = read_answer(completion.text, variable.answer, options)
    assert reading.missing is None, reading
    return Response.model_construct(
        variable=variable.name,
        item=1,
        respondent=item.ask,
        question=item.question,
        raw=completion.text,
        value=reading.value,
        missing=reading.missing,
        reason=reading.reason,
        ordinal=ordinal,
    )


if __name__ == "__main__":
    main()
