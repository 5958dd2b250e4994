"""The canary: a few fixed calls at the start and the end of a run, which show whether the served model changed.

The answers are drawn at temperature zero where the model takes it. A model that answers differently, or reports another
name or fingerprint, may have been replaced under the same name; one that answers alike may still have changed where the
canary does not look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from silicus.concepts.seats import Seat
from silicus.llm.calls import Call, Caller
from silicus.llm.faults import CallError
from silicus.llm.prompt import Message, Prompt, Sampling

__all__ = ["CANARY", "Drift", "drifts", "sing"]

CANARY = "(canary)"
"""The session id that canary calls are archived under."""

SONGS = (
    "Write the first ten prime numbers, separated by commas, and nothing else.",
    "Finish this sentence with exactly five words: The old fisherman went down to",
    "Translate into French, one line: Nobody knew who had left the door open.",
)


MAX_TOKENS = 600
"""Room for a model that reasons before it answers; the answers themselves are short."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What the canary shows for one language model.

    Attributes
    ----------
    llm
        As asked for, ``provider:model``.
    taken
        How often the canary was taken.
    same_answers
        How many of the fixed calls were answered alike every time.
    calls
        How many fixed calls there are.
    served
        Names and fingerprints that the provider reported, in order of appearance.
    """

    llm: str
    taken: int
    same_answers: int
    calls: int
    served: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """True where the provider reported another model; differing answers alone are only a hint."""
        return len(self.served) > 1

    def __str__(self) -> str:
        if self.taken < 2:
            return f"{self.llm}: the canary was taken once; nothing to compare"
        served = " then ".join(self.served) or "no name reported"
        return (
            f"{self.llm}: {self.same_answers} of {self.calls} fixed calls answered alike over {self.taken} takings; "
            f"served by {served}"
        )


async def sing(caller: Caller, seats: Iterable[Seat]) -> None:
    """Make the fixed calls, once for each language model among the seats.

    Raises
    ------
    CallError
        Where a model does not answer at all; an answer that is empty is no reason.
    """
    for llm in dict.fromkeys(seat.llm for seat in seats):
        for song in SONGS:
            error = await _fault_of(caller, llm, song, Sampling(0.0, MAX_TOKENS))
            if error is not None and error.kind == "bad_request":  # it takes no temperature, as many that reason
                error = await _fault_of(caller, llm, song, Sampling(None, MAX_TOKENS))
            if error is not None and error.kind != "empty":
                raise error


async def _fault_of(caller: Caller, llm: str, song: str, sampling: Sampling) -> CallError | None:
    """Make a fixed call; what went wrong with it, if anything."""
    try:
        await caller.complete(Prompt((Message("user", song),), "coder", None, sampling), Seat(llm=llm))
    except CallError as error:
        return error
    return None


def drifts(calls: Sequence[Call]) -> tuple[Drift, ...]:
    """What the archived canary calls show, for each language model."""
    by_model: dict[str, dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in calls:
        by_model[call.completion.llm][call.request].append(call)
    return tuple(_drift(llm, songs) for llm, songs in by_model.items())


def _drift(llm: str, songs: dict[str, list[Call]]) -> Drift:
    completions = [[call.completion for call in sung] for sung in songs.values()]
    same = sum(len({completion.text for completion in sung}) == 1 for sung in completions)
    reported = (f"{c.served} {c.fingerprint}".strip() for sung in completions for c in sung)
    served = tuple(dict.fromkeys(name for name in reported if name))
    return Drift(llm, min(map(len, completions)), same, len(completions), served)
