"""Batches in a study folder: answers in the archive, tickets beside it, and nothing asked or paid for twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from loopback import Fault
from loopback_batches import BatchServer, Trouble
from loopback_endpoints import SCHEMA, asked
from loopback_player import said_to
from picture_files import FILES, pictured_study
from stand_ins import bargaining_study

from silicus.concepts.errors import ArchiveError, FolderError, ProviderError, SilicusError
from silicus.concepts.study_yaml import study_to_yaml
from silicus.execution.archive import Archive
from silicus.execution.batches import TicketFile, ask_in_batches, cancel_batches, prompt_of_call
from silicus.execution.folder import StudyFolder, create_folder, open_archive, read_study
from silicus.llm.batch import BatchNews, BatchPart, BatchTicket, Pace
from silicus.llm.faults import BudgetReachedError, CallError
from silicus.llm.prompt import Completion, Prompt, Sampling, request_of
from silicus.studies.one_path import opened_archive, run_study

QUICK = Pace(poll_s=0.001, patience_s=0.2)
LLM = "openai:gpt-5-mini"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A study of which sessions were held."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    made = create_folder(tmp_path / "mug", study_to_yaml(bargaining_study()))
    run_study(made)
    return made


@pytest.fixture
def server() -> BatchServer:
    return BatchServer(about)


def about(body: dict[str, object]) -> str:
    return f"Of {said_to(body).rpartition(' of ')[2].partition('?')[0]}: yes."


def questions(*words: str) -> dict[str, Prompt]:
    return {word: asked(f"What do you think of {word}?", max_tokens=20) for word in words}


def ask(folder: StudyFolder, prompts: Mapping[str, Prompt], name: str = "survey", **options: object) -> dict[str, str]:
    answers = ask_in_batches(folder, name, prompts, LLM, pace=QUICK, **options)  # type: ignore[arg-type]
    return {key: each.text if isinstance(each, Completion) else each.kind for key, each in answers.items()}


@contextmanager
def at(server: BatchServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    with server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        yield server


def archived(folder: StudyFolder) -> Archive:
    return open_archive(folder, read_study(folder), write=False)


def tickets(folder: StudyFolder) -> tuple[BatchTicket, ...]:
    return TicketFile(folder).load()


def test_answers_come_back_and_are_kept_with_their_requests(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    news: list[BatchNews] = []
    with at(server, monkeypatch):
        answers = ask(folder, questions("red", "green"), on_news=news.append)
    assert answers == {"red": "Of red: yes.", "green": "Of green: yes."}
    assert news[-1] == BatchNews(2, 2, ended=True)
    assert not TicketFile(folder).path.exists()
    with archived(folder) as archive:
        (call,) = archive.calls("(batch survey) red")
        (row,) = [row for row in archive.ledger().rows if row.llm == LLM]
    assert call.request == request_of(questions("red")["red"], LLM)
    assert call.completion.text == "Of red: yes."
    assert json.loads(call.completion.raw)["model"] == "gpt-5-mini"
    assert row.calls == 2
    fresh = row.tokens_in - row.tokens_cached
    assert row.cost == pytest.approx((fresh * 0.25 + row.tokens_cached * 0.025 + row.tokens_out * 2) / 1e6 / 2)


def test_what_was_answered_is_not_asked_again(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at(server, monkeypatch):
        ask(folder, questions("red", "green"))
        count = server.count
        assert ask(folder, questions("green", "red")) == {"green": "Of green: yes.", "red": "Of red: yes."}
        assert server.count == count
        ask(folder, questions("red", "green", "blue"))
        assert [len(batch.requests) for batch in server.batches] == [2, 1]
        ask(folder, questions("red"), name="another draw")
        edited = {"red": asked("What do you think of red indeed?")}
        assert ask(folder, edited) == {"red": "Of red indeed: yes."}
        assert len(server.batches) == 4


def test_it_can_be_stopped_while_it_waits_and_goes_on(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: BatchNews) -> None:
        raise KeyboardInterrupt

    with at(server, monkeypatch):
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                ask(folder, questions("red", "green"), on_news=stop)
        assert [ticket.llm for ticket in tickets(folder)] == [LLM]
        assert ask(folder, questions("red", "green")) == {"red": "Of red: yes.", "green": "Of green: yes."}
        assert len(server.batches) == 1
    assert tickets(folder) == ()


def test_a_ticket_that_holds_more_than_is_asked_for_now_is_kept_for_the_rest(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: BatchNews) -> None:
        raise KeyboardInterrupt

    with at(server, monkeypatch):
        with pytest.raises(KeyboardInterrupt):
            ask(folder, questions("red", "green"), on_news=stop)
        assert ask(folder, questions("green", "blue")) == {"green": "Of green: yes.", "blue": "Of blue: yes."}
        assert len(tickets(folder)) == 1
        assert ask(folder, questions("red", "green")) == {"red": "Of red: yes.", "green": "Of green: yes."}
        assert [len(batch.requests) for batch in server.batches] == [2, 1]
    assert tickets(folder) == ()


def test_what_failed_is_recorded_as_a_fault_and_asked_anew_the_next_time(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = [True]

    def moody(body: dict[str, object]) -> str | Fault:
        return Fault("server_error") if down[0] and "red" in said_to(body) else about(body)

    with at(BatchServer(moody), monkeypatch) as server:
        assert ask(folder, questions("red", "green")) == {"red": "server_error", "green": "Of green: yes."}
        down[0] = False
        assert ask(folder, questions("red", "green")) == {"red": "Of red: yes.", "green": "Of green: yes."}
        assert [len(batch.requests) for batch in server.batches] == [2, 1]


def test_what_is_under_way_can_be_cancelled_and_what_was_answered_is_kept(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: BatchNews) -> None:
        raise KeyboardInterrupt

    with at(BatchServer(about, looks=5, answered=1), monkeypatch) as server:
        assert cancel_batches(folder, pace=QUICK) == 0
        with pytest.raises(KeyboardInterrupt):
            ask(folder, questions("red", "green"), on_news=stop)
        assert cancel_batches(folder, pace=QUICK) == 1
        assert ask(folder, questions("red", "green")) == {"red": "Of red: yes.", "green": "disconnected"}
        assert len(server.batches) == 1


def test_a_crash_between_handing_in_and_writing_it_down_costs_nothing(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saves = TicketFile.save, []

    def crash_at_the_third(self: TicketFile, ticket: BatchTicket) -> None:
        saves.append(ticket)
        if len(saves) == 3:
            raise KeyboardInterrupt
        save(self, ticket)

    with at(server, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(TicketFile, "save", crash_at_the_third)
            with pytest.raises(KeyboardInterrupt):
                ask(folder, questions("red", "green"))
        assert not tickets(folder)[0].parts[0].batch_id
        assert len(server.batches) == 1
        assert ask(folder, questions("red", "green")) == {"red": "Of red: yes.", "green": "Of green: yes."}
        assert len(server.batches) == 1


def test_a_batch_that_is_gone_is_told_with_what_to_do(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: BatchNews) -> None:
        raise KeyboardInterrupt

    with at(server, monkeypatch):
        with pytest.raises(KeyboardInterrupt):
            ask(folder, questions("red"), on_news=stop)
        server.batches.clear()
        with pytest.raises(ProviderError) as told:
            ask(folder, questions("red"))
        assert told.value.code == "batch_gone"
        assert "batches.json" in told.value.suggestion
        TicketFile(folder).path.unlink()
        assert ask(folder, questions("red")) == {"red": "Of red: yes."}


# Money


def test_a_budget_is_checked_before_anything_is_sent(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 1000 * 20 * 2 / 1e6 / 2  # answers of 20 tokens at 2 dollars a million, at half the price
    many = questions(*(f"thing {number}" for number in range(1000)))
    with at(server, monkeypatch):
        with pytest.raises(BudgetReachedError):
            ask(folder, many, budget=most)
        assert server.count == 0
        assert len(ask(folder, many, budget=most * 1.5)) == 1000
        with pytest.raises(BudgetReachedError):
            ask(folder, questions("red"), budget=0.0001)
        assert len(ask(folder, many, budget=most)) == 1000  # nothing more is to be paid


def test_a_budget_needs_a_price(folder: StudyFolder) -> None:
    with pytest.raises(ProviderError) as refused:
        ask_in_batches(folder, "survey", questions("red"), "openai:home-made", budget=1.0)
    assert refused.value.code == "unknown_price"


# What is refused


def test_a_folder_in_which_nothing_was_run_is_not_frozen_by_asking(tmp_path: Path) -> None:
    folder = create_folder(tmp_path / "mug", study_to_yaml(bargaining_study()))
    with pytest.raises(FolderError) as refused:
        ask_in_batches(folder, "survey", questions("red"), LLM)
    assert refused.value.code == "nothing_run"
    assert not folder.archive.exists()


def test_nobody_else_conducts_meanwhile(folder: StudyFolder) -> None:
    with open_archive(folder, read_study(folder), write=True), pytest.raises(ArchiveError):
        ask_in_batches(folder, "survey", questions("red"), LLM)


def test_an_endpoint_that_takes_no_batches_or_is_not_known_is_told(folder: StudyFolder) -> None:
    with pytest.raises(ProviderError):
        ask_in_batches(folder, "survey", questions("red"), "opnai:small")
    Path("silicus.toml").write_text('[endpoints.lab]\nbase_url = "http://localhost:1/v1"\nformat = "pigeon"\n')
    with pytest.raises(ProviderError) as refused:
        ask_in_batches(folder, "survey", questions("red"), "lab:small")
    assert refused.value.code == "no_batches"


def test_a_desk_that_refuses_is_told_and_the_next_time_goes_on(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at(BatchServer(about, trouble=[Trouble("POST", "/batches", 403)]), monkeypatch) as server:
        with pytest.raises(CallError) as told:
            ask(folder, questions("red"))
        assert told.value.kind == "auth"
        assert ask(folder, questions("red")) == {"red": "Of red: yes."}
        assert len(server.batches) == 1


# The file of tickets


def test_tickets_are_kept_by_name_and_forgotten(folder: StudyFolder) -> None:
    file = TicketFile(folder)
    part = BatchPart("t-1", ("a", "b"), 12.5, "batch_1")
    one, two = BatchTicket("one", LLM, (part,)), BatchTicket("two", LLM, ())
    assert file.load() == ()
    for ticket in (one, two, BatchTicket("one", LLM, (part, part)), one):
        file.save(ticket)
    assert file.load() == (one, two)
    assert json.loads(file.path.read_text())["tickets"][0]["parts"][0]["batch_id"] == "batch_1"
    file.remove(one)
    assert file.load() == (two,)
    file.remove(two)
    assert not file.path.exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tickets": 3}', '{"tickets": [{"name": "x"}]}', '{"tickets": [3]}'])
def test_a_file_that_holds_no_tickets_is_told_and_not_written_over(folder: StudyFolder, text: str) -> None:
    file = TicketFile(folder)
    file.path.write_text(text)
    for attempt in (file.load, lambda: file.save(BatchTicket("one", LLM, ()))):
        with pytest.raises(FolderError) as refused:
            attempt()
        assert refused.value.code == "not_a_ticket_file"
    assert file.path.read_text() == text


# Archived calls, asked again


def test_the_coders_questions_can_be_put_to_another_coder(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened_archive(folder) as archive:
        calls = [call for name in archive.finished() for call in archive.calls(name) if call.seat == "coder"]
    assert len(calls) == 9
    prompts = {call.draw.session_id: prompt_of_call(call) for call in calls}
    with at(BatchServer('{"answer": "yes"}'), monkeypatch) as server:
        answers = ask(folder, prompts, "second coder")
    assert answers == dict.fromkeys(prompts, '{"answer": "yes"}')
    (sent, *_) = server.batches[0].requests
    assert "Did they agree?" in json.dumps(sent[2])
    assert sent[2]["response_format"]["type"] == "json_schema"


def test_a_prompt_comes_back_from_the_archive_as_it_was(
    folder: StudyFolder, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = asked("Which?", "That.", "Of what?", schema=SCHEMA, temperature=0.25, max_tokens=9)
    with at(server, monkeypatch):
        ask(folder, {"k": prompt})
    with archived(folder) as archive:
        (call,) = archive.calls("(batch survey) k")
    assert prompt_of_call(call) == prompt
    assert prompt_of_call(call).sampling == Sampling(0.25, 9)


def test_a_call_that_showed_a_picture_cannot_be_asked_again(tmp_path: Path) -> None:
    folder = create_folder(tmp_path / "shop", study_to_yaml(pictured_study()), FILES)
    run_study(folder)
    with opened_archive(folder) as archive:
        calls = [call for name in archive.finished() for call in archive.calls(name)]
    coded = [call for call in calls if call.seat == "coder"]
    assert all(prompt_of_call(call).messages for call in coded)
    with pytest.raises(SilicusError, match="pictures"):
        prompt_of_call(next(call for call in calls if call.seat == "participant"))
