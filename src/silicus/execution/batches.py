"""Single questions asked in batches for a study folder, at half the price.

The answers are in the folder's archive like those of any call. What was handed in and is not collected yet stands in
``batches.json`` beside it: a file and not a table of the archive, because the archive is append-only and a ticket
changes with each step until it is gone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping

from silicus.concepts.errors import FolderError, ProviderError, SilicusError
from silicus.execution.archive import Archive
from silicus.execution.atomic_file import write_atomic
from silicus.execution.disk_faults import refused_by_disk
from silicus.execution.event_loop import run_to_end
from silicus.execution.folder import StudyFolder, open_archive, read_study
from silicus.llm import batch
from silicus.llm.batch import BatchNews, BatchTicket, Pace, batch_price
from silicus.llm.batch_desk import USUAL_PACE
from silicus.llm.budget import Budget, Spent
from silicus.llm.calls import Call
from silicus.llm.endpoints import Endpoint, endpoint
from silicus.llm.faults import CallError
from silicus.llm.line import tokens_at_most
from silicus.llm.prompt import Completion, Draw, Message, Prompt, Sampling, key_of, request_of

__all__ = ["TicketFile", "ask_in_batches", "cancel_batches", "prompt_of_call"]

BATCHES_FILE = "batches.json"


class TicketFile:
    """The tickets of a study folder, in ``batches.json``; no file where there is none."""

    def __init__(self, folder: StudyFolder) -> None:
        self.path = folder.path / BATCHES_FILE

    def load(self) -> tuple[BatchTicket, ...]:
        """The tickets that are not collected yet; FolderError where the file cannot be read."""
        try:
            listed = json.loads(self.path.read_text(encoding="utf-8"))["tickets"]
            return tuple(BatchTicket.from_content(content) for content in listed)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise refused_by_disk(error, self.path, "read") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FolderError(
                f"{self.path} is no list of batches",
                suggestion="Restore it from a copy; without it, batches that are under way would be paid for again.",
                code="not_a_ticket_file",
            ) from None

    def save(self, ticket: BatchTicket) -> None:
        """Keep a ticket in place of what was known of it."""
        self._write({**self._by_name(), ticket.name: ticket}.values())

    def remove(self, ticket: BatchTicket) -> None:
        """Forget a ticket that is collected."""
        self._write(each for name, each in self._by_name().items() if name != ticket.name)

    def _by_name(self) -> dict[str, BatchTicket]:
        return {ticket.name: ticket for ticket in self.load()}

    def _write(self, tickets: Iterable[BatchTicket]) -> None:
        contents = [ticket.content() for ticket in tickets]
        if contents:
            write_atomic(self.path, json.dumps({"tickets": contents}, indent=1, ensure_ascii=False) + "\n")
        else:
            self.path.unlink(missing_ok=True)


def ask_in_batches(
    folder: StudyFolder,
    name: str,
    prompts: Mapping[str, Prompt],
    llm: str,
    *,
    budget: float | None = None,
    on_news: Callable[[BatchNews], None] = lambda _: None,
    pace: Pace = USUAL_PACE,
) -> dict[str, Completion | CallError]:
    """Ask many single questions at half the price, and wait for the answers: minutes as a rule, a day at most.

    It may be stopped at any moment. Asked again, it goes on: what was answered comes from the archive, what was handed
    in is waited for, and only what failed is asked anew.

    Parameters
    ----------
    folder
        A study folder in which sessions were held.
    name
        Name of the undertaking, such as ``second coder``. The same question under another name is another draw.
    prompts
        The questions, each under a key of its own.
    llm
        Who is asked, as ``endpoint:model``.
    budget
        What the study may cost in US dollars, all that was spent in the folder included.
    on_news
        Receives how far it is, at every look.
    pace
        How often it looks, and how patiently.

    Returns
    -------
    dict
        For each key the completion, with half the price as its cost, or the fault that came instead.

    Raises
    ------
    FolderError
        Where no session was held, or the study was edited since.
    ArchiveError
        Where another process conducts the study at the moment.
    ProviderError
        Where the endpoint is not known or takes no batches, the budget cannot be kept, or a batch is gone.
    CallError
        Where the provider cannot be had.
    """
    provider, _, model_name = llm.partition(":")
    found = endpoint(provider)
    study = read_study(folder)
    open_archive(folder, study, write=False).close()
    with open_archive(folder, study, write=True) as archive:
        asking = _Asking(archive, TicketFile(folder), found, model_name, name, prompts)
        if budget is not None:
            asking.require_within(budget)
        return run_to_end(asking.answers(on_news, pace))


def cancel_batches(folder: StudyFolder, *, pace: Pace = USUAL_PACE) -> int:
    """Let providers answer no more of what a folder has under way; returns how many tickets that were.

    What was answered comes with the next :func:`ask_in_batches`, and is paid for.
    """
    tickets = TicketFile(folder).load()

    async def cancel() -> None:
        for ticket in tickets:
            await batch.cancel(ticket, endpoint(ticket.llm.partition(":")[0]), pace=pace)

    run_to_end(cancel())
    return len(tickets)


def prompt_of_call(call: Call) -> Prompt:
    """The prompt of an archived call, to be put to another language model.

    Raises
    ------
    SilicusError
        Where it showed pictures: the archive holds their checksums only.
    """
    request = json.loads(call.request)
    if any("images" in message for message in request["messages"]):
        raise SilicusError("a call that showed pictures cannot be asked again from the archive", code="pictures")
    messages = tuple(Message(message["role"], message["content"]) for message in request["messages"])
    sampling = Sampling(request.get("temperature"), request.get("max_tokens"))
    return Prompt(messages, call.seat, request.get("schema"), sampling)


class _Asking:
    """One call of :func:`ask_in_batches`."""

    def __init__(
        self,
        archive: Archive,
        file: TicketFile,
        found: Endpoint,
        model_name: str,
        name: str,
        prompts: Mapping[str, Prompt],
    ) -> None:
        self._archive = archive
        self._file = file
        self._endpoint = found
        self._model_name = model_name
        self._llm = f"{found.name}:{model_name}"
        self._prompts = prompts
        self._draws = {key: Draw(f"(batch {name}) {key}", 1) for key in prompts}
        self._requests = {key: request_of(prompt, self._llm) for key, prompt in prompts.items()}
        self._ids = {key_of(self._requests[key], self._draws[key]): key for key in prompts}
        self._answers: dict[str, Completion | CallError] = {}
        for call_id, key in self._ids.items():
            known = {call.key: call.completion for call in archive.calls(self._draws[key].session_id)}
            if call_id in known:
                self._answers[key] = known[call_id]

    def require_within(self, dollars: float) -> None:
        """Refuse what could cost more.

        Raises
        ------
        ProviderError
            Where it could (``budget_reached``), or the price is not known (``unknown_price``).
        """
        price = batch_price(self._endpoint, self._model_name)
        if price is None:
            raise ProviderError(
                f"a budget of money cannot be kept: the price of {self._llm} is not known",
                suggestion="Give the price in silicus.toml ([endpoints.NAME.prices]).",
                code="unknown_price",
            )
        tokens = [tokens_at_most(prompt) for key, prompt in self._prompts.items() if key not in self._answers]
        sent, received = (sum(each) for each in zip(*tokens, strict=True)) if tokens else (0, 0)
        most = (sent * price.tokens_in + received * price.tokens_out) / 1e6
        spent = self._archive.ledger().total.cost or 0.0
        Budget(money=dollars, spent=Spent(spent)).reserve(Spent(most))

    async def answers(self, on_news: Callable[[BatchNews], None], pace: Pace) -> dict[str, Completion | CallError]:
        """Everything that was asked, answered or with the reason why not."""
        open_ids = {call_id for call_id, key in self._ids.items() if key not in self._answers}
        tickets = [each for each in self._file.load() if each.llm == self._llm and open_ids & set(each.keys)]
        new = open_ids - {call_id for ticket in tickets for call_id in ticket.keys}
        tickets = [await self._submitted(ticket, set(ticket.keys), pace) for ticket in tickets]
        if new:
            tickets.append(await self._submitted(None, new, pace))
        for ticket in tickets:
            self._record(ticket, await self._fetched(ticket, on_news, pace))
        return {key: self._answers[key] for key in self._prompts}

    async def _fetched(
        self, ticket: BatchTicket, on_news: Callable[[BatchNews], None], pace: Pace
    ) -> dict[str, Completion | CallError]:
        try:
            await batch.wait(ticket, self._endpoint, pace=pace, on_news=on_news)
            return await batch.collect(ticket, self._endpoint, pace=pace)
        except CallError as error:
            if error.kind != "not_found":
                raise
            raise ProviderError(
                f"a batch that was handed in is not there any more: {error.message}",
                suggestion=f"Providers keep results for about a month. To ask and pay again, delete {self._file.path}.",
                code="batch_gone",
            ) from None

    async def _submitted(self, ticket: BatchTicket | None, ids: set[str], pace: Pace) -> BatchTicket:
        prompts = [(call_id, self._prompts[key]) for call_id, key in self._ids.items() if call_id in ids]
        return await batch.submit(
            prompts, self._endpoint, self._model_name, ticket=ticket, save=self._file.save, pace=pace
        )

    def _record(self, ticket: BatchTicket, collected: Mapping[str, Completion | CallError]) -> None:
        """Put what was asked here into the archive; forget the ticket once nothing in it is somebody else's."""
        for call_id, answer in collected.items():
            key = self._ids.get(call_id)
            if key is None or key in self._answers:
                continue
            self._answers[key] = answer
            draw = self._draws[key]
            if isinstance(answer, CallError):
                self._archive.record_fault(draw, 1, self._llm, answer)
            else:
                seat, request = self._prompts[key].seat, self._requests[key]
                self._archive.record_call(Call(call_id, draw, seat, "", request, answer, time.time()))
        self._archive.flush()
        if set(ticket.keys) <= self._ids.keys():
            self._file.remove(ticket)
