"""Measuring: typed answers, missing codes with their reason, raw text kept."""

from __future__ import annotations

from typing import Any

import pytest
from stand_ins import Scripted, first_session, held, scripted, talk_content

from silicus.concepts.study import Study
from silicus.concepts.transcript import Response, Transcript
from silicus.llm.prompt import Prompt


def measured(answers: list[str], variable: dict[str, Any]) -> tuple[Transcript, Scripted]:
    """One talk, measured as ``variable`` says, the answers given in order."""
    content = talk_content(("ann", "bob"), {"max_turns": 2})
    content["causal_model"]["variables"]["mood"] = {"label": "mood", **variable}
    left = list(answers)

    def answer(prompt: Prompt) -> str:
        return left.pop(0) if prompt.cue is not None and prompt.cue.task in ("answer", "code") else "Hello."

    model = Scripted(answer)
    return held(first_session(scripted(Study.model_validate(content))), model)[0], model


def only(transcript: Transcript) -> Response:
    (response,) = transcript.responses
    return response


MONEY = {"kind": "continuous", "unit": "dollars", "measure": {"question": "How much?"}}
COUNT = {"kind": "count", "measure": {"question": "How many?"}}
YES_NO = {"kind": "binary", "measure": {"question": "Did they?"}}
SCALE = {"kind": "ordinal", "levels": ["low", "middle", "high"], "measure": {"question": "How much?", "ask": "bob"}}


@pytest.mark.parametrize(
    ("variable", "raw", "value"),
    [
        (MONEY, '{"answer": "$1,500"}', 1500.0),
        (MONEY, "1.5k", 1500.0),
        (MONEY, "twelve dollars", 12.0),
        (COUNT, "```json\n{“answer”: 3}\n```", 3.0),
        (YES_NO, "No deal.", 0.0),
        (YES_NO, '{"answer": "yes"}', 1.0),
        (SCALE, "High", 3.0),
    ],
)
def test_answers_are_read(variable: dict[str, Any], raw: str, value: float) -> None:
    response = only(measured([raw], variable)[0])
    assert (response.value, response.missing, response.raw) == (value, None, raw)


def test_an_unreadable_answer_is_asked_for_once_more() -> None:
    transcript, model = measured(["around ten or twenty", "ten"], MONEY)
    assert only(transcript).value == 10.0
    again = model.prompts[-1].messages
    assert again[-2].content == "around ten or twenty"
    assert "could not be taken as an answer" in again[-1].content


def test_what_stays_unreadable_is_missing_with_code_reason_and_raw_text() -> None:
    transcript, model = measured(["hm", "well, you see"], MONEY)
    response = only(transcript)
    assert transcript.status == "complete"
    assert (response.value, response.missing, response.raw) == (None, "unparseable", "well, you see")
    assert response.reason
    assert sum(p.cue is not None and p.cue.task == "code" for p in model.prompts) == 2


def test_none_is_an_answer_and_not_asked_again() -> None:
    response = only(measured(["no deal"], MONEY)[0])
    assert (response.value, response.missing) == (None, "not_applicable")


def test_the_second_question_is_asked_where_the_first_has_no_answer() -> None:
    items = [{"ask": "bob", "question": "How much?"}, {"question": "How much did bob say?"}]
    variable = {**MONEY, "measure": {"items": items}}
    transcript, _ = measured(['{"answer": null}', '{"answer": 7}'], variable)
    assert [(r.respondent, r.value) for r in transcript.responses] == [("bob", None), ("coder", 7.0)]
    transcript, _ = measured(['{"answer": 5}'], variable)
    assert [(r.respondent, r.value) for r in transcript.responses] == [("bob", 5.0)]


def test_the_coder_sees_the_transcript_and_the_question() -> None:
    _, model = measured(["3"], COUNT)
    text = model.prompts[-1].messages[-1].content
    assert "ann: Hello." in text
    assert "bob: Hello." in text
    assert "The question: How many?" in text
    assert "7001" not in text
