"""Bringing a text to one spelling.

Readers see lower-case text with plain quotes, dashes, spaces and digits (of any script), without markup, with
contractions written out: ``“Don’t”`` becomes ``"do not"``. Values that are kept as text never pass through here.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["bare", "fold", "listed"]

_FENCE = re.compile(r"```[\w-]{0,20}")
_GROUPING_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MARKUP = re.compile(r"[*`\\\x00-\x09\x0b-\x1f\x7f]|(?<!\d)_|_(?!\d)")

# Character -> how it is written here. Spaces, digits, invisible and full-width characters go by their category.
_PLAIN = {
    **dict.fromkeys("‘’\u201a\u201b\u02b9\u02bc\u00b4\u2032", "'"),  # low and reversed quotes, primes, accents
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("–−\u2010\u2011\u2012\ufe63", "-"),  # and the hyphens
    **dict.fromkeys("—―", " - "),  # a dash between clauses is never a minus sign
    **dict.fromkeys("\u0085\u2028\u2029", "\n"),
    "\u2044": "/",
    "﹩": "$",
    "﹪": "%",
    "…": " ... ",
}

# Pattern -> what it is written out as, in this order.
_CONTRACTIONS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\bu\.s\.(?=\s|$)", "us"),
        (r"\b(?:can'?t|can not)\b", "cannot"),
        (r"\bwon'?t\b(?!-)", "will not"),
        (r"\b(do|did|does|is|was|are|were|has|have|had|would|could|should)n'?t\b", r"\1 not"),
        (r"\bi'?m\b", "i am"),
        (r"\b(i|you|we|they|he|she|it)'d\b", r"\1 would"),
        (r"\b(i|you|we|they|he|she|it)'ll\b", r"\1 will"),
        (r"\b(you|we|they)'re\b", r"\1 are"),
        (r"\b(i|you|we|they)'ve\b", r"\1 have"),
        (r"\bthere's\b", "there is"),
    )
)


def listed(words: str) -> tuple[str, ...]:
    """Split the words of a table that is written as one text."""
    return tuple(words.split())


def fold(text: str) -> str:
    """Bring a text to the one spelling that all readers expect; line breaks stay."""
    text = _GROUPING_SPACE.sub("_", _FENCE.sub(" ", text))
    text = _NOT_ASCII.sub(lambda match: _plain(match[0]), text).casefold()
    text = _MARKUP.sub(" ", text)
    for pattern, words in _CONTRACTIONS:
        text = pattern.sub(words, text)
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()


def bare(folded: str) -> str:
    """Strip the punctuation around a folded text."""
    return folded.strip(" \n.,;:!\"'()[]{}")


def _plain(character: str) -> str:
    """Write one character that is not ASCII as the readers expect it."""
    if (plain := _PLAIN.get(character)) is not None:
        return plain
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in ("Cf", "Cc"):
        return ""
    if unicodedata.east_asian_width(character) == "F":
        return unicodedata.normalize("NFKC", character)
    return character
