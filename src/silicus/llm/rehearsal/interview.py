"""An interviewer who asks a few questions and then hires or does not."""

from __future__ import annotations

from collections.abc import Mapping

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.errors import Problem
from silicus.concepts.study import Study
from silicus.llm.cue import Cue
from silicus.llm.rehearsal.deciding import decision_of, decision_problems, heard_everybody, weighed, weights
from silicus.llm.rehearsal.law import NOTHING, Parameter, Said, own_told, own_turns, rng_of, small_talk

__all__ = ["Interview"]

QUESTIONS = ("Please tell me about yourself.", "What else should I know?", "Why do you want this position?")
FRIENDLY = ("Well done.", "I agree.", "That is good to hear.", "You are very welcome here.")


class Interview:
    """The decider asks ``questions`` questions and then takes the first option of its action with a probability.

    P(first option) = base + sum of weight times code over the treatments it knows, kept between 0 and 1. Where the
    decider was told, privately, a number of phrases to use (a count whose phrase speaks of phrases), it uses exactly as
    many, spread over its questions.
    """

    name = "interview"
    statement = (
        "The decider asks a few questions and then chooses the first option of its decision with a probability: a base "
        "plus a weight times the value of each treatment it knows, kept between 0 and 1."
    )

    def parameters(self, causal_model: CausalModel, given: Mapping[str, float] = NOTHING) -> Mapping[str, Parameter]:
        """Base, number of questions, and one weight a cause."""
        return {
            "base": Parameter(0.5, "the probability where every treatment is zero"),
            "questions": Parameter(3, "questions asked before the decision", lowest=0),
            **weights(causal_model),
        }

    def misfits(self, study: Study) -> tuple[Problem, ...]:
        """It needs a role that ends the session with a choice."""
        return decision_problems(study, self.name, ("choice", "yes_no"))

    def speak(self, cue: Cue, law: Mapping[str, float]) -> Said:
        """Ask, answer, or decide."""
        decision = decision_of(cue)
        if decision is None or decision.value not in ("choice", "yes_no"):
            return small_talk(cue)
        asked = len(own_turns(cue))
        if asked < law["questions"] or not heard_everybody(cue):
            friendly = _friendly_phrases(cue, asked, max(int(law["questions"]), 1))
            return Said(" ".join((*friendly, QUESTIONS[min(asked, len(QUESTIONS) - 1)])))
        probability = min(max(weighed(cue.session, cue.role, law), 0.0), 1.0)
        chosen = rng_of(cue.session, "decision").random() < probability
        options = decision.options or ("yes", "no")
        option = options[0] if chosen else options[1]
        return Said(f"Thank you. My decision is: {option}.", decision.name, option)


def _friendly_phrases(cue: Cue, asked: int, questions: int) -> list[str]:
    """The friendly phrases that go with question number ``asked`` (from 0): all together, as many as told."""
    told = [
        value
        for value in own_told(cue)
        if "phrases" in value.phrase and cue.session.causal_model.variable(value.variable).kind == "count"
    ]
    total = int(sum(value.code for value in told))
    start, end = (total * number // questions for number in (min(asked, questions), min(asked + 1, questions)))
    return [FRIENDLY[number % len(FRIENDLY)] for number in range(start, end)]
