"""The built-in studies, and which of them a sentence means.

The studies are ``library/<name>.yaml``, in the format of any study. ``library/meanings.yaml`` holds the phrases by
which a sentence is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from silicus.concepts.errors import ScenarioError
from silicus.concepts.study import Study, nearest
from silicus.concepts.study_yaml import study_from_yaml
from silicus.designs.plan import plan_sessions

__all__ = [
    "LibraryEntry",
    "Match",
    "library_entries",
    "library_names",
    "library_study",
    "library_text",
    "match_scenario",
]

_NAMES = ("mug", "bail", "interview", "auction")
_MOST_WORDS = 60
_MOST_SHOWN = 5

_TOKEN = re.compile(r"(?:(?<!\w)[-−])?[$€£]?\d+(?:[.,]\d+)*k?|[^\W\d_]+(?:'[^\W\d_]+)*|\S")
_PUNCTUATION = frozenset(".,;:!?…'\"()“”«»–—-")
_CURRENCIES = {"$": "dollars", "€": "euros", "£": "pounds"}
_COUNTED = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: number for number, word in enumerate(_COUNTED, start=2)} | {"fifty": 50}
_SIGNS = {"&": "and"}


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """A built-in study as a list shows it."""

    name: str
    title: str
    scenario: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Match:
    """What a sentence means.

    Attributes
    ----------
    name
        The built-in study that it means; None where it means none.
    nearest
        Where it means none: the studies that it has words in common with, nearest first.
    why
        The reason, as a clause.
    not_understood
        The words of the sentence that are no part of the nearest study.
    """

    name: str | None
    nearest: tuple[str, ...]
    why: str
    not_understood: tuple[str, ...] = ()


def library_names() -> tuple[str, ...]:
    """Names of the built-in studies."""
    return _NAMES


@cache
def library_text(name: str) -> str:
    """The file of a built-in study, comments included.

    Raises
    ------
    ScenarioError
        Where there is no such study; the suggestion names the nearest.
    """
    if name not in _NAMES:
        raise ScenarioError(
            f"there is no built-in study '{name}'", suggestion=nearest(name, _NAMES), code="unknown_library_study"
        )
    return files("silicus.studies").joinpath("library", f"{name}.yaml").read_text(encoding="utf-8")


@cache
def library_study(name: str) -> Study:
    """A built-in study.

    Raises
    ------
    ScenarioError
        Where there is no such study; the suggestion names the nearest.
    """
    return study_from_yaml(library_text(name), source=f"the built-in study '{name}'")


def library_entries() -> tuple[LibraryEntry, ...]:
    """The built-in studies, each with its scenario and number of sessions."""
    return tuple(
        LibraryEntry(name, study.title, study.scenario.text, plan_sessions(study).n_sessions)
        for name, study in ((name, library_study(name)) for name in _NAMES)
    )


def match_scenario(sentence: str) -> Match:
    """Find the built-in study that a sentence means, if it means one.

    The rule is strict, for conducting another study than the one meant is worse than conducting none. The sentence
    must read from its first word to its last as a row of phrases that ``meanings.yaml`` lists for the study, in any
    order, with every required idea once (the bargaining, the mug) and every optional one at most once (two people, or
    a buyer and a seller). Articles, punctuation and capitals do not count. Everything else does: a word that is in
    no phrase (*car*, *three*, *not*, *siblings*) makes it another scenario.

    Parameters
    ----------
    sentence
        A scenario in words.

    Returns
    -------
    Match
        The study's name, or the nearest studies and what keeps the sentence from meaning them.
    """
    words = _words(sentence)
    if not words:
        return Match(None, (), "it has no words")
    if len(words) > _MOST_WORDS:
        return Match(None, (), f"it has more than {_MOST_WORDS} words")
    normal = [word.normal for word in words]
    meanings = _meanings()
    for meaning in meanings:
        if meaning.reads(normal):
            return Match(meaning.name, (), f"every part of it belongs to '{meaning.name}'")
    ranked = sorted(meanings, key=lambda meaning: -meaning.resemblance(normal))
    near = [meaning for meaning in ranked if meaning.resemblance(normal)]
    if not near:
        return Match(None, (), "it has nothing in common with any of them")
    unknown = tuple(dict.fromkeys(word.shown for word in words if word.normal not in near[0].vocabulary))
    return Match(None, tuple(meaning.name for meaning in near), _reason(near[0], normal, unknown), unknown)


def _reason(meaning: _Meaning, normal: Sequence[str], unknown: tuple[str, ...]) -> str:
    parts = []
    if unknown:
        shown = ", ".join(f"'{word}'" for word in unknown[:_MOST_SHOWN]) + (", …" if len(unknown) > _MOST_SHOWN else "")
        parts.append(f"{shown} {'is' if len(unknown) == 1 else 'are'} no part of it")
    missing = meaning.missing(normal)
    if missing:
        parts.append(f"nothing names {' or '.join(missing)}")
    return f"nearest is '{meaning.name}', but {' and '.join(parts) or 'the words are put together otherwise'}"


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as it was written, and as phrases write it."""

    shown: str
    normal: str


def _words(sentence: str) -> list[_Word]:
    """The words that count; whatever is neither a word nor punctuation counts as a word."""
    visible = "".join(sign for sign in unicodedata.normalize("NFKC", sentence) if unicodedata.category(sign) != "Cf")
    skipped = _skipped()
    found = []
    for token in _TOKEN.findall(visible.replace("’", "'").replace("‘", "'")):
        found += [_Word(token, normal) for normal in _normal(token) if normal not in skipped]
    return found


def _normal(token: str) -> tuple[str, ...]:
    """``Mug's`` as mug, ``three`` as 3, ``$50,000`` as 50000 dollars; nothing for punctuation."""
    if token in _PUNCTUATION:
        return ()
    word = token.casefold().removesuffix("'s")
    number = re.fullmatch(r"([$€£]?)(\d+(?:[.,]\d+)*)(k?)", word)
    if number is None:
        return (str(_NUMBERS.get(word, _SIGNS.get(word, word))),)
    symbol, digits, thousands = number.groups()
    if re.fullmatch(r"\d{1,3}(,\d{3})+", digits):
        digits = digits.replace(",", "")
    digits += "000" if thousands else ""
    return (digits, _CURRENCIES[symbol]) if symbol else (digits,)


_Phrase = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class _Idea:
    label: str
    required: bool
    phrases: tuple[_Phrase, ...]

    def lengths_at(self, place: int, words: Sequence[str]) -> Iterator[int]:
        """How many words from a place on name this idea; several where phrases of several lengths do."""
        for phrase in self.phrases:
            here = words[place : place + len(phrase)]
            if len(here) == len(phrase) and all(word in allowed for word, allowed in zip(here, phrase, strict=True)):
                yield len(phrase)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The ideas of one study, and the words that its phrases are made of."""

    name: str
    ideas: tuple[_Idea, ...]
    resembles: frozenset[str]
    vocabulary: frozenset[str]

    def reads(self, words: Sequence[str]) -> bool:
        """Whether the words are a row of phrases with every required idea once and no idea twice."""
        named: list[set[frozenset[int]]] = [set() for _ in range(len(words) + 1)]
        named[0].add(frozenset())
        for place in range(len(words)):
            for number, idea in enumerate(self.ideas):
                before = [ideas for ideas in named[place] if number not in ideas]
                for length in idea.lengths_at(place, words) if before else ():
                    named[place + length].update(ideas | {number} for ideas in before)
        required = {number for number, idea in enumerate(self.ideas) if idea.required}
        return any(required <= ideas for ideas in named[-1])

    def missing(self, words: Sequence[str]) -> list[str]:
        """The required ideas that the words nowhere name."""
        return [
            idea.label
            for idea in self.ideas
            if idea.required and not any(True for place in range(len(words)) for _ in idea.lengths_at(place, words))
        ]

    def resemblance(self, words: Sequence[str]) -> int:
        """How many different words speak for this study."""
        return len(self.resembles & set(words))


@cache
def _file() -> dict[str, Any]:
    from ruamel.yaml import YAML

    text = files("silicus.studies").joinpath("library", "meanings.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return content


@cache
def _skipped() -> frozenset[str]:
    return frozenset(_file()["skipped"])


@cache
def _meanings() -> tuple[_Meaning, ...]:
    return tuple(_meaning(name, _file()[name]) for name in _NAMES)


def _meaning(name: str, content: dict[str, Any]) -> _Meaning:
    ideas = tuple(
        _Idea(label, group == "required", tuple(phrase for text in texts for phrase in _phrases(text)))
        for group in ("required", "optional")
        for label, texts in content[group].items()
    )
    vocabulary = frozenset(word for idea in ideas for phrase in idea.phrases for words in phrase for word in words)
    resembles = frozenset(form for word in content["resembles"] for form in _forms(word))
    return _Meaning(name, ideas, resembles, vocabulary)


def _phrases(text: str) -> Iterator[_Phrase]:
    """Every phrase that a line of the file stands for: with and without the words that may be absent."""
    choices = []
    for part in text.split():
        words = frozenset(form for word in part.removesuffix("?").split("|") for form in _forms(word))
        choices.append(((words,), ()) if part.endswith("?") else ((words,),))
    for chosen in product(*choices):
        yield tuple(words for kept in chosen for words in kept)


def _forms(word: str) -> tuple[str, ...]:
    """A word itself; for ``haggle~`` haggle, haggles, haggled, haggling."""
    if not word.endswith("~"):
        return (word,)
    verb = word[:-1]
    if verb.endswith("e"):
        return (verb, f"{verb}s", f"{verb}d", f"{verb[:-1]}ing")
    return (verb, f"{verb}s", f"{verb}ed", f"{verb}ing")
