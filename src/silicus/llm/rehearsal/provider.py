"""The rehearsal provider: answers from the cue by a stated law, at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.errors import Problem, ProviderError
from silicus.concepts.seats import REHEARSAL, Seat
from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.llm.cue import Cue
from silicus.llm.prompt import Completion, Prompt
from silicus.llm.rehearsal.auction import Auction
from silicus.llm.rehearsal.bargaining import Bargaining
from silicus.llm.rehearsal.hearing import Hearing
from silicus.llm.rehearsal.interview import Interview
from silicus.llm.rehearsal.law import Law, Said, last_with
from silicus.llm.rehearsal.linear import Linear, truncations
from silicus.llm.rehearsal.record import ON_RECORD, answer_from

__all__ = ["DEFAULT_LAW", "LAWS", "RehearsalProvider", "law_of", "laws_in", "numbers_of", "rehearsal_problems"]

LAWS: Mapping[str, Law] = {law.name: law for law in (Bargaining(), Auction(), Hearing(), Interview(), Linear())}
DEFAULT_LAW = "linear"


def law_of(model_name: str) -> Law:
    """The law of that name; the general one where none is named.

    Raises
    ------
    ProviderError
        Where there is no such law.
    """
    law = LAWS.get(model_name or DEFAULT_LAW)
    if law is None:
        close = get_close_matches(model_name, LAWS, n=1)
        hint = f"Did you mean 'rehearsal:{close[0]}'?" if close else f"The laws: {', '.join(LAWS)}."
        raise ProviderError(f"there is no rehearsal law '{model_name}'", suggestion=hint, code="unknown_law")
    return law


def numbers_of(law: Law, given: Mapping[str, float], causal_model: CausalModel) -> dict[str, float]:
    """The law's numbers for a study: those given, and its defaults for the rest."""
    return {name: given.get(name, parameter.default) for name, parameter in law.parameters(causal_model, given).items()}


def laws_in(study: Study) -> tuple[tuple[str, Law, dict[str, float]], ...]:
    """Whose law is known: for each participant seat that is rehearsed, who sits there, the law, its numbers."""
    seats = {"participants": study.seats.participant} | {own.name: own.seat for own in study.seats.roles}
    if all(role in seats for role in study.role_names):
        del seats["participants"]
    found = []
    for who, seat in seats.items():
        if seat.provider == REHEARSAL:
            law = law_of(seat.model_name)
            found.append((who, law, numbers_of(law, seat.law, study.causal_model)))
    return tuple(found)


def rehearsal_problems(study: Study) -> tuple[Problem, ...]:
    """What the embedded provider cannot do for a study: unknown laws or parameters, laws that do not fit."""
    problems: list[Problem] = []
    seats = study.seats.by_place
    if {own.name for own in study.seats.roles}.issuperset(study.role_names):
        del seats["seats.participant"]  # nobody sits there
    for where, seat in seats.items():
        if seat.provider != REHEARSAL:
            continue
        try:
            law = law_of(seat.model_name)
        except ProviderError as error:
            problems.append(Problem(error.code, error.message, error.suggestion, where))
            continue
        if where == "seats.coder":  # reads off what was said and done, whatever the law
            continue
        unsound = _unsound_numbers(law, seat.law, study.causal_model, f"{where}.law")
        problems += unsound
        problems += law.misfits(study)
        problems += _indistinct_outcomes(study, law)
        if isinstance(law, Linear) and not unsound:
            problems += truncations(study, numbers_of(law, seat.law, study.causal_model), f"{where}.law")
    return tuple(dict.fromkeys(problems))


def _unsound_numbers(law: Law, given: Mapping[str, float], model: CausalModel, where: str) -> list[Problem]:
    """Numbers that the law does not know, or cannot mean."""
    known = law.parameters(model)
    problems = []
    for name, number in given.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else f"Its parameters: {', '.join(known)}."
            message = f"the {law.name} law has no parameter '{name}'"
            problems.append(Problem("unknown_law_parameter", message, hint, where))
        elif expected := known[name].expected_instead_of(number):
            message = f"expected {expected}, got {number:g} ({known[name].meaning})"
            hint = f"By default it is {known[name].default:g}."
            problems.append(Problem("wrong_law_parameter", message, hint, f"{where}.{name}"))
    return problems


def _indistinct_outcomes(study: Study, law: Law) -> list[Problem]:
    """Behavioural laws bring about one outcome of a kind; a second could only be made up."""
    if law.name == DEFAULT_LAW:
        return []
    answers = [variable.answer for variable in study.causal_model.measured]
    return [
        Problem(
            "law_misfit",
            f"the {law.name} law brings about one outcome answered by {variable.answer}; '{variable.name}' is another",
            "Play the study with 'rehearsal:linear', which has an equation for every outcome.",
            f"causal_model.variables.{variable.name}",
        )
        for position, variable in enumerate(study.causal_model.measured)
        if variable.answer in answers[:position]
    ]


class RehearsalProvider:
    """Participants, coder and coordinator that read the cue and follow a stated law.

    Tokens are counted as characters over four, the usual rule of thumb.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], dict[str, float]] = {}

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Answer at once, from the cue."""
        cue = prompt.cue
        if cue is None:
            raise ProviderError(
                "the rehearsal provider was asked something outside a session",
                suggestion="Rehearsal models play sessions only; name another model for this seat.",
            )
        if cue.task == "speak":
            text = self._speak(cue)
        elif cue.task in ("answer", "code"):
            text = self._answer(cue)
        else:
            text = json.dumps(_coordinate(cue), ensure_ascii=False)
        tokens_in = sum(len(message.content) for message in prompt.messages) // 4
        law = model_name or (DEFAULT_LAW if cue.task == "speak" else "")  # coder and coordinator follow none
        llm = f"{REHEARSAL}:{law}" if law else REHEARSAL
        return Completion(text, llm, tokens_in, len(text) // 4, cost=0.0, served=llm)

    async def close(self) -> None:
        """Nothing is open."""

    def _speak(self, cue: Cue) -> str:
        seat = cue.session.seats.of_role(cue.role)
        said = law_of(seat.model_name).speak(cue, self._numbers_for(cue.session, cue.role, seat))
        return _as_text(said, bool(cue.session.procedure.actions_of(cue.role)))

    def _answer(self, cue: Cue) -> str:
        if cue.variable is None:
            raise ProviderError("an item without a variable cannot be rehearsed")
        return answer_from(cue.turns, cue.variable, cue.session.procedure)

    def _numbers_for(self, session: Session, role: str, seat: Seat) -> dict[str, float]:
        key = (session.study, role)
        if key not in self._numbers:
            self._numbers[key] = numbers_of(law_of(seat.model_name), seat.law, session.causal_model)
        return self._numbers[key]


def _as_text(said: Said, acts: bool) -> str:
    if not acts:
        return said.words
    return json.dumps({"say": said.words, "action": said.action, "value": said.value}, ensure_ascii=False)


def _coordinate(cue: Cue) -> dict[str, str | bool]:
    """The coordinator: whoever has spoken least is next; it is over once it was settled or everybody spoke twice."""
    spoken = [turn.speaker for turn in cue.turns]
    if cue.task == "judge_end":
        procedure = cue.session.procedure
        settled = any(ON_RECORD in turn.words for turn in cue.turns) or any(
            last_with(cue.turns, procedure, effect) is not None for effect in ("agree", "end")
        )
        return {"over": settled or all(spoken.count(role) >= 2 for role in procedure.everyone)}
    return {"speaker": min(cue.candidates, key=spoken.count)}
