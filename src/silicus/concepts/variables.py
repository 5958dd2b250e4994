"""What a study varies and what it measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema, model_validator

from silicus.concepts.keyed import Identifier, OneOrMore
from silicus.concepts.noun import Noun
from silicus.concepts.picture import PICTURE_SCHEMA, Picture

__all__ = ["CODER", "EVERYONE", "Answer", "Item", "Kind", "Level", "Measure", "Treatment", "Variable", "number_words"]

CODER = "coder"
"""Asks the coder, who sees the whole transcript and nothing else, instead of a role."""
EVERYONE = "everyone"
"""Tells a treatment to every role."""

Kind = Literal["binary", "ordinal", "nominal", "count", "continuous"]
Answer = Literal["yes_no", "money", "number", "choice", "text"]

CURRENCIES = ("dollars", "dollar", "usd", "us dollars", "euros", "euro", "eur", "pounds", "gbp", "$", "€", "£")


def number_words(number: float) -> str:
    """A number as a person would write it: 6, not 6.0."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))


class Level(Noun):
    """One value of a variable: the words that are told or chosen, and the number they stand for."""

    words: str
    """What is told or chosen."""
    code: float
    """What stands in the dataset."""
    public: str | None = None
    """The words that others hear, where they differ from what the role itself is told."""
    image: Picture | None = None
    """A picture that is shown in place of the words, which then only name the value."""

    @classmethod
    def example(cls) -> Self:
        """The middle of a five-point scale."""
        return cls(words="moderate emotional attachment", code=3)


def _levels_from_file(value: Any) -> Any:
    """``[3, 6]``, ``[low, high]`` (coded 1, 2), ``{low: 1, high: 2}`` or the long form."""
    if isinstance(value, Mapping):
        return tuple({"words": str(words), "code": code} for words, code in value.items())
    if not isinstance(value, list | tuple):
        return value
    if any(isinstance(entry, bool) for entry in value):
        raise ValueError("expected numbers or words, got true or false; write {no: 0, yes: 1}")
    if all(isinstance(entry, int | float) for entry in value):
        return tuple({"words": number_words(entry), "code": float(entry)} for entry in value)
    if all(isinstance(entry, str) for entry in value):
        return tuple({"words": words, "code": float(rank)} for rank, words in enumerate(value, start=1))
    if any(isinstance(entry, str | int | float) for entry in value):
        raise ValueError("numbers and words are mixed; write each word with its code: {none: 0, some: 1}")
    return value


def _levels_to_file(levels: tuple[Level, ...]) -> Any:
    if any(level.public is not None or level.image is not None for level in levels):
        return [level.model_dump(mode="json", exclude_none=True) for level in levels]
    if all(level.words == number_words(level.code) for level in levels):
        return [_tidy(level.code) for level in levels]
    return {level.words: _tidy(level.code) for level in levels}


def _tidy(code: float) -> int | float:
    return int(code) if float(code).is_integer() else code


Levels = Annotated[
    tuple[Level, ...],
    BeforeValidator(_levels_from_file),
    PlainSerializer(_levels_to_file),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "number"}},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "number"}},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "words": {"type": "string"}, "code": {"type": "number"}, "public": {"type": "string"},
                            "image": PICTURE_SCHEMA,
                        },
                        "required": ["words", "code"],
                        "additionalProperties": False,
                    },
                },
            ]
        }
    ),
]  # fmt: skip
"""Numbers (``[3, 6]``), ordered words (``[low, high]``, coded 1, 2, …) or words with codes (``{no: 0, yes: 1}``)."""


def _require_distinct(levels: tuple[Level, ...]) -> None:
    """Refuse levels of which two share their words or their code."""
    for what, seen in (("word", [x.words for x in levels]), ("code", [number_words(x.code) for x in levels])):
        twice = sorted({entry for entry in seen if seen.count(entry) > 1})
        if twice:
            raise ValueError(f"the {what} {', '.join(twice)} stands more than once among the values")


class Treatment(Noun):
    """How a cause is set: what is told, to whom, with which values."""

    tell: OneOrMore[str]
    """The role that is told; several roles; or ``everyone``."""
    phrase: str
    """What the value is called when it is told to that role, such as ``your budget for the mug``."""
    values: Levels
    """The values the experiment assigns: numbers, or words with the code that each stands for."""
    public: str | None = None
    """What the others hear the value called, such as ``the defendant's prior convictions``; absent: private."""
    limit: Literal["at_most", "at_least"] | None = None
    """The value bounds the amounts this role may offer, bid or accept. Breaking it is recorded as non-compliance."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if not self.values:
            raise ValueError("a treatment needs at least one value")
        _require_distinct(self.values)
        if not self.tell:
            raise ValueError("a treatment is told to at least one role, or to everyone")
        return self

    @classmethod
    def example(cls) -> Self:
        """The buyer's budget."""
        return cls(tell=("buyer",), phrase="your budget for the mug", values=(3, 6, 25), limit="at_most")


class Item(Noun):
    """One question to one respondent."""

    ask: str = CODER
    """The role that answers after the session, or ``coder``."""
    question: str
    """The question, which must not tell the respondent the hypothesis."""

    @classmethod
    def example(cls) -> Self:
        """What the coder is asked of a bargaining session."""
        return cls(question="Did the buyer and seller explicitly agree on the price of the mug?")


class Measure(Noun):
    """How an outcome or mediator is measured after a session."""

    ask: str = CODER
    """Who answers ``question``: a role, or ``coder``."""
    question: str | None = None
    """The question, where one is enough."""
    items: tuple[Item, ...] = ()
    """The questions, where there are several."""
    answer: Answer | None = None
    """What counts as an answer; by default what the variable's kind and unit call for."""
    combine: Literal["first", "mean", "sum", "min", "max"] = "first"
    """How several answers become one value; ``first`` takes the first that is not missing."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if (self.question is None) == (not self.items):
            raise ValueError("a measure has either a question or items")
        if self.items and self.ask != CODER:
            raise ValueError("with items, each item says whom it asks; leave 'ask' out")
        return self

    @property
    def questions(self) -> tuple[Item, ...]:
        """All questions, in the order asked."""
        return self.items or (Item(ask=self.ask, question=self.question or ""),)

    @classmethod
    def example(cls) -> Self:
        """Asked of the coder."""
        return cls(question=Item.example().question)


class Variable(Noun):
    """A cause (with a treatment) or an outcome or mediator (with a measure)."""

    name: Identifier
    """Column of the dataset."""
    label: str
    """What a reader calls it."""
    kind: Kind
    """Level of measurement."""
    unit: str | None = None
    """Unit of the values, such as dollars."""
    levels: Levels = ()
    """The values that can occur, where they are limited: needed for an ordinal or nominal outcome."""
    operationalisation: str = ""
    """How the concept is made observable."""
    treatment: Treatment | None = None
    """For a cause: how it is set."""
    measure: Measure | None = None
    """For an outcome or mediator: how it is measured."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _require_distinct(self.levels)
        if any(level.image is not None for level in self.levels):
            raise ValueError("a picture is shown with a value of a treatment; 'levels' have words and codes only")
        if (self.treatment is None) == (self.measure is None):
            raise ValueError("a variable has either a treatment (a cause) or a measure (an outcome or mediator)")
        if self.measure is not None and self.answer == "choice" and len(self.levels) < 2:
            raise ValueError(f"the options of a measured {self.kind} variable are missing: give 'levels'")
        if self.treatment is not None and self.levels:
            known = {level.words for level in self.levels}
            strange = [level.words for level in self.treatment.values if level.words not in known]
            if strange:
                raise ValueError(
                    f"the treatment values {', '.join(map(repr, strange))} are not among the levels {sorted(known)}"
                )
        if self.kind == "binary" and self.treatment is not None and len(self.treatment.values) > 2:
            raise ValueError(f"a binary cause has two values, got {len(self.treatment.values)}")
        return self

    @property
    def is_money(self) -> bool:
        """True where the unit is a currency."""
        return (self.unit or "").strip().lower() in CURRENCIES

    @property
    def answer(self) -> Answer:
        """What counts as an answer to the measure's questions."""
        if self.measure is not None and self.measure.answer is not None:
            return self.measure.answer
        if self.kind == "binary" and not self.levels:
            return "yes_no"
        if self.kind in ("binary", "ordinal", "nominal"):
            return "choice"
        return "money" if self.is_money else "number"

    @classmethod
    def example(cls) -> Self:
        """The buyer's budget, a cause."""
        return cls(
            name="buyer_budget", label="the buyer's budget", kind="continuous", unit="dollars",
            treatment=Treatment.example(),
        )  # fmt: skip

    @classmethod
    def example_outcome(cls) -> Self:
        """Whether there is a deal, an outcome."""
        return cls(name="deal", label="whether a deal occurs", kind="binary", measure=Measure.example())
