"""Understanding digits: 1,500, 1.500,00, 1'500, 12,34,567, 3.5e4."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["SHAPELESS", "number_of"]

SHAPELESS = "its digits are grouped in a way that could mean several numbers"
"""What is doubtful about digits that are written in none of the known ways, or in one that two countries share."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """One way of writing digits: which marks group them, which mark begins the decimals, and when that is doubtful."""

    pattern: re.Pattern[str]
    grouping: str = ""
    decimal: str = "."
    doubted: Literal["", "money", "number", "always"] = ""


_SHAPES = (
    _Shape(re.compile(r"\d+")),
    _Shape(re.compile(r"[1-9]\d{0,2}\.\d{3}"), doubted="money"),  # 1.500 euros: one and a half, or fifteen hundred
    _Shape(re.compile(r"\d*\.\d+")),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"), ","),
    _Shape(re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?"), ","),  # 12,34,567 as written in India
    _Shape(re.compile(r"[1-9]\d{0,2}(?:['_]\d{3})+(?:\.\d+)?"), "'_"),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:['_]\d{3})+,\d+"), "'_", ","),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+"), ".", ","),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}"), ".", ","),
    _Shape(re.compile(r"\d+,\d{2}"), "", ",", doubted="number"),  # 12,50: a decimal comma, or two numbers
    _Shape(re.compile(r"\d+,\d"), "", ",", doubted="always"),
)


def number_of(digits: str, *, money: bool) -> tuple[float | None, str]:
    """Understand digits by the ways of writing that are known: the number, or None, and what is doubtful."""
    mantissa, _, exponent = digits.partition("e")
    for shape in _SHAPES:
        if shape.pattern.fullmatch(mantissa):
            for mark in shape.grouping:
                mantissa = mantissa.replace(mark, "")
            mantissa = mantissa.replace(shape.decimal, ".")
            number = float(f"{mantissa}e{exponent}" if exponent else mantissa)
            doubtful = shape.doubted in ("always", "money" if money else "number")
            return number, SHAPELESS if doubtful else ""
    return None, SHAPELESS
