"""Reading which of several options an answer chooses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from silicus.llm.reading.phrases import NOT_APPLICABLE, REFUSED, UNKNOWN, UNKNOWN_TO_ME, code_of
from silicus.llm.reading.quantities import quantities_in
from silicus.llm.reading.reply import read_answers_of
from silicus.llm.reading.result import Reading, found, missing
from silicus.llm.reading.spelling import bare, fold, listed
from silicus.llm.reading.yes_no import read_yes_no

__all__ = ["read_choice", "read_code"]

Options = tuple[tuple[str, float], ...]

_PIECE = re.compile(r"-?\d+(?:[.,]\d+)*|[^\W_]+|[.,;:!?\n()\"/-]")
_BREAK = "|"
_PUNCTUATION = frozenset('.,;:!?\n()"/-')

# "3", "3.", "(3)", "3 - moderate", "option b: agree", "b)"; never the first of several numbers ("3-4", "3 or 4").
_START = r"^[^\w-]{0,4}(?:- )?"
_NUMBER_FIRST = re.compile(
    rf"{_START}(?:(?:option|choice|code|number|answer|no\.?|#) ?)?[(\[]?(-?\d+(?:\.\d+)?)(?![\w]|[.,]\d)"
    r"(?! ?[-/,&] ?\d)(?= *[)\].:=,;!\"\n-]| +(?:because|since|as)\b| *$)"
)
_LETTER_FIRST = re.compile(
    rf"{_START}(?:(?:(?:option|choice|answer) [(\[]?([a-z])\b)|[(\[]([a-z])[)\]]|([a-z])(?:[).:\]]| - |[^\w]{{0,4}}$))"
)
_IN_BRACKETS = re.compile(r"\((-?\d+(?:\.\d+)?|[a-z])\)")
_NUMBER_CHOSEN = re.compile(
    r"\b(?:a|is|be|as|at|to|say|says|choose|chose|pick|picked|select|selected|rate|it|this|give|answer|answered|rating|"
    r"score|option|code|number|with)(?: (?:a|it|this|is|option|number)){0,4} (-?\d+(?:\.\d+)?)(?=\W*$|[.,;!] )"
)

_YES_OR_NO = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_NEGATORS = frozenset(
    listed(
        "not no never neither nor cannot without hardly barely nobody none "
        "doubt doubtful unlikely fail fails failed lack lacks"
    )
)
_REJECTING = frozenset(
    (("rather", "than"), ("instead", "of"), ("less", "than"), ("more", "than"), ("other", "than"), ("far", "from"))
)
_TURNS = frozenset(("but", "however", "although", "though", "yet"))
_QUALIFIERS = frozenset(
    listed(
        "very extremely somewhat slightly fairly quite rather moderately strongly mildly highly partly "
        "partially mostly too less more bit little most least almost nearly"
    )
)
_EMPTY_WORDS = frozenset(
    listed(
        "a an the of to in on and or not no yes i it is am are be at all with for very extremely strongly "
        "somewhat slightly quite rather more less most least"
    )
)


@dataclass(frozen=True, slots=True)
class _Named:
    """The options that a sentence names: affirmed, denied ("not high") or qualified ("very high")."""

    affirmed: frozenset[float]
    denied: frozenset[float]
    qualified: frozenset[float]
    rest: str


def read_choice(text: str, options: Sequence[tuple[str, float]]) -> Reading:
    """Read which option an answer chooses, as the code of that option.

    In this order: an answer that is an option's words, without regard to case and punctuation; an option's number, its
    letter by position (``b`` is the second) and its words inside a sentence, which must not contradict one another; the
    first words of one option alone ("moderate" for "moderate emotional attachment"). A number is always a code, never a
    position: of options coded 0, 1, 2 the answer "1" is the second, and "3" is ``out_of_range``.

    In a sentence the longest option wins ("extremely high", not "high"); two options are ambiguous; a denied one ("not
    satisfied") is not chosen, and one that is qualified by a word that is not part of it ("very satisfied") is
    unparseable. "yes" and "no" as options are read as in ``yes_no``.

    Parameters
    ----------
    text
        The answer. What a language model thinks aloud between ``<think>`` tags is left out; where a line begins with
        ``Answer:``, only that line counts.
    options
        Words and code of each option, in the order shown.

    Returns
    -------
    Reading
        The code of the option, or a missing code with its reason.

    Raises
    ------
    ValueError
        Where there are no options.
    """
    if not options:
        raise ValueError("a choice needs at least one option")
    known = tuple((words, float(code)) for words, code in options)
    return read_answers_of(text, lambda part: _read_part(part, text, known))


def read_code(number: float, options: Sequence[tuple[str, float]]) -> Reading:
    """Read a choice that was given as a number: it must be the code of an option."""
    if any(code == number for _, code in options):
        return found(number)
    codes = ", ".join(f"{code:g}" for _, code in options[:12])
    return missing("out_of_range", f"it is none of the codes {codes}", f"{number:g}")


def _read_part(part: str, text: str, options: Options) -> Reading:
    if part.endswith("?") and not any(words.rstrip().endswith("?") for words, _ in options):
        return missing("ambiguous", "it is a question", text)
    exact = {code for words, code in options if bare(fold(words)) == bare(part)}
    exact = exact or {code for words, code in options if _spoken(words) == _spoken(part)}
    if exact:
        return _one(exact, text)
    named = _named(part, options)
    numbers, letters, rest = _markers(part, options)
    codes = {code for _, code in options}
    chosen = named.affirmed | (numbers & codes) | letters | _yes_or_no(rest, options)
    contradicted = (numbers - codes and chosen) or chosen & named.denied or (chosen and named.qualified - chosen)
    if contradicted or len(chosen) > 1:
        return missing("ambiguous", "it points to more than one option", text)
    if chosen:
        if code_of(named.rest, (REFUSED, UNKNOWN_TO_ME)) is not None:
            return missing("ambiguous", "it names an option and yet says that it cannot answer", text)
        return _one(chosen, text)
    return _unnamed(part, text, options, named, numbers)


def _unnamed(part: str, text: str, options: Options, named: _Named, numbers: frozenset[float]) -> Reading:
    """Read an answer that names no option in full."""
    if (said := code_of(part, (REFUSED, NOT_APPLICABLE, UNKNOWN))) is not None:
        return missing(*said, text)
    if named.denied:
        return missing("unparseable", "it says only which option it is not", text)
    if named.qualified:
        return missing("unparseable", "it qualifies an option in a way that none of the options does", text)
    if numbers:
        return read_code(min(numbers), options)
    if len(beginning := _beginning_with(part, options)) > 0:
        return _one(beginning, text)
    quantities = quantities_in(part, money=False)
    last = _NUMBER_CHOSEN.search(part)
    if last is not None and len({quantity.value for quantity in quantities}) == 1 and not quantities[0].doubt:
        return read_code(float(last[1]), options)
    if len({quantity.value for quantity in quantities}) > 1:
        return missing("ambiguous", "it names several numbers and no option", text)
    return missing("unparseable", "it names none of the options", text)


def _one(codes: set[float] | frozenset[float], text: str) -> Reading:
    return found(min(codes)) if len(codes) == 1 else missing("ambiguous", "it fits more than one option", text)


def _pieces(folded: str) -> list[str]:
    """Take the words of a folded text, with a bar for each punctuation mark."""
    return [_BREAK if piece in _PUNCTUATION else piece for piece in _PIECE.findall(folded)]


@lru_cache(maxsize=1024)
def _spoken_once(words: str) -> tuple[str, ...]:
    return tuple(piece for piece in _pieces(fold(words)) if piece != _BREAK)


def _spoken(words: str) -> tuple[str, ...]:
    """Take the words of a text, without case and punctuation."""
    return _spoken_once(words) if len(words) < 200 else tuple(p for p in _pieces(fold(words)) if p != _BREAK)


@lru_cache(maxsize=256)
def _any_option(options: Options) -> re.Pattern[str] | None:
    """Find any option's words in a text of pieces, the longest first.

    Single letters are left to the markers, and yes and no to their own reader.
    """
    spoken = {_spoken(words) for words, _ in options}
    named = sorted((each for each in spoken if _can_be_named(" ".join(each))), key=_length)
    patterns = [r"(?: \|){0,2} ".join(map(re.escape, words)) for words in reversed(named)]
    return re.compile(rf"(?<!\S)(?:{'|'.join(patterns)})(?!\S)") if patterns else None


def _can_be_named(words: str) -> bool:
    return words not in _YES_OR_NO and (len(words) > 1 or words.isdigit())


def _length(words: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return len(" ".join(words)), words


def _named(part: str, options: Options) -> _Named:
    pieces = " ".join(_pieces(part))
    pattern = _any_option(options)
    groups: dict[str, set[float]] = {"affirmed": set(), "denied": set(), "qualified": set()}
    rest = pieces
    for match in pattern.finditer(pieces) if pattern is not None else ():
        words = tuple(piece for piece in match[0].split() if piece != _BREAK)
        codes = {code for option, code in options if _spoken(option) == words}
        before = rest[max(0, match.start() - 300) : match.start()]
        groups[_stance(before.rpartition(_BREAK)[2].split())] |= codes
        # An option's own words ("no attachment") say nothing about the next one.
        rest = f"{rest[: match.start()]}{' ' * len(match[0])}{rest[match.end() :]}"
    return _Named(frozenset(groups["affirmed"]), frozenset(groups["denied"]), frozenset(groups["qualified"]), rest)


def _stance(before: list[str]) -> str:
    """Tell what the words before an option, in its own clause, do to it."""
    turns = [place for place, word in enumerate(before) if word in _TURNS]
    clause = before[turns[-1] + 1 :] if turns else before
    if _NEGATORS.intersection(clause) or tuple(clause[-2:]) in _REJECTING:
        return "denied"
    return "qualified" if clause and clause[-1] in _QUALIFIERS else "affirmed"


def _markers(part: str, options: Options) -> tuple[frozenset[float], frozenset[float], str]:
    """Find the numbers and the codes of the letters by which an answer marks its option, and what follows the mark."""
    numbers, letters, rest = set(), set(), part
    if (number := _NUMBER_FIRST.match(part)) is not None:
        numbers.add(_code_of(number[1], options))
        rest = part[number.end() :]
    marked = [mark[1] for mark in _IN_BRACKETS.finditer(part)]
    if (letter := _LETTER_FIRST.match(part)) is not None:
        marked.append(letter[1] or letter[2] or letter[3])
        rest = part[letter.end() :]
    codes = {code for _, code in options}
    for mark in marked:
        if not mark.isalpha():
            numbers |= {_code_of(mark, options)} & codes
        elif (position := ord(mark) - ord("a")) < len(options):
            letters.add(options[position][1])
    return frozenset(numbers), frozenset(letters), rest


def _code_of(numeral: str, options: Options) -> float:
    """Take a number as the option that is this number in words, or else as a code."""
    return next((code for words, code in options if _spoken(words) == (numeral,)), float(numeral))


def _yes_or_no(part: str, options: Options) -> set[float]:
    """Find the options that are yes or no, where an answer says that."""
    polar = {_YES_OR_NO[words]: code for option, code in options if (words := bare(fold(option))) in _YES_OR_NO}
    if not polar or bare(part)[:1].isdigit():
        return set()
    reading = read_yes_no(part)
    return {code for meaning, code in polar.items() if meaning == reading.value}


def _beginning_with(part: str, options: Options) -> set[float]:
    """Find the options that begin with the words of a short answer, of which one at least must say something."""
    words = _spoken(part)
    if not set(words) - _EMPTY_WORDS:
        return set()
    return {code for option, code in options if _spoken(option)[: len(words)] == words}
