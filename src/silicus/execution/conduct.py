"""One session from plan to transcript."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from silicus.concepts.errors import ProviderError
from silicus.concepts.session import Session
from silicus.concepts.transcript import Response, Status, Transcript, Usage
from silicus.instruments.measurement import measure
from silicus.llm.calls import Call, Caller, Earlier
from silicus.llm.faults import HALTING, BudgetReachedError, CallError, MissingCallError
from silicus.llm.prompt import Draw, Provider
from silicus.participants.participant import cast_participants
from silicus.procedures.conversation import Held, hold_conversation

__all__ = ["conduct_session"]


async def conduct_session(
    session: Session,
    providers: Mapping[str, Provider],
    earlier: Earlier,
    record: Callable[[Call], None],
    record_fault: Callable[[Draw, int, str, CallError], None] = lambda *_: None,
) -> Transcript:
    """Hold a session and measure it.

    A language model that cannot be had, a participant that refuses or says nothing, and a coordinator that gives no
    verdict fail the session with its reason; a session whose measurement cannot be read, is refused or is withheld is
    complete, with missing values.

    Parameters
    ----------
    session
        The planned session.
    providers
        Adapter by provider name.
    earlier
        What is known of this session's calls from before; those that were answered are not made again.
    record
        Receives each newly answered call.
    record_fault
        Receives each request that brought no answer.

    Raises
    ------
    BudgetReachedError, MissingCallError, CallError
        A budget that is reached, a replay without the call, a key refused, an account exhausted or a model that is not
        there concern the whole run: the session is not held and can be taken up again.
    """
    caller = Caller(session.session_id, providers, earlier, record, record_fault)
    held: Held | None = None
    try:
        participants = cast_participants(session)
        held = await hold_conversation(session, participants, caller)
        responses = await measure(session, held.turns, participants, caller)
    except (BudgetReachedError, MissingCallError):
        raise
    except ProviderError as error:
        if isinstance(error, CallError) and error.kind in HALTING:
            raise
        return _transcript(session, caller, held, (), error.message)
    return _transcript(session, caller, held, responses, "")


def _transcript(
    session: Session, caller: Caller, held: Held | None, responses: tuple[Response, ...], error: str
) -> Transcript:
    status: Status = "censored" if held is not None and held.censored else "complete"
    if error:
        status = "failed"
    return Transcript.model_construct(
        session_id=session.session_id,
        condition=session.condition,
        replicate=session.replicate,
        status=status,
        ended_by=held.ended_by if held is not None else "",
        turns=held.turns if held is not None else (),
        responses=responses,
        error=error,
        usage=Usage(calls=caller.calls, tokens_in=caller.tokens_in, tokens_out=caller.tokens_out),
    )
