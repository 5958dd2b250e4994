"""What variables, units and effects are called in a sentence, a table and a drawing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate, EstimateTable
from silicus.concepts.study import Study
from silicus.concepts.variables import CURRENCIES, Level, Variable
from silicus.reporting import formats

__all__ = [
    "Factor",
    "amount",
    "capitalised",
    "cause_label",
    "exclusion",
    "factors_of",
    "find_variable",
    "heading",
    "is_numeric",
    "is_of_the_flow",
    "is_zero_one",
    "joined",
    "label_of",
    "level_words",
    "levels_of",
    "reference_level",
    "singular",
    "spaced",
    "with_unit",
    "without_article",
]

_SYMBOLS = {"$": "dollars", "usd": "US dollars", "€": "euros", "eur": "euros", "£": "pounds", "gbp": "pounds"}
_UNCHANGED = {"series", "species", "percentage points", "celsius"}
_LEVEL = re.compile(r"(?P<name>[^\[\]]+)\[(?P<level>.*)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Factor:
    """One variable on the right of an equation, or one level of a nominal one."""

    name: str
    level: str | None = None


def factors_of(treatment: str) -> tuple[Factor, ...]:
    """Read an estimate's treatment: ``a`` is one factor, ``a:b`` two, ``party[Left]`` a level."""
    parts: list[str] = []
    depth, start = 0, 0
    for position, letter in enumerate(treatment):
        depth += (letter == "[") - (letter == "]")
        if letter == ":" and depth == 0:
            parts.append(treatment[start:position])
            start = position + 1
    parts.append(treatment[start:])
    found = (_LEVEL.fullmatch(part) for part in parts)
    return tuple(
        Factor(match["name"], match["level"]) if match else Factor(part)
        for match, part in zip(found, parts, strict=True)
    )


def find_variable(study: Study | None, name: str) -> Variable | None:
    """The study's variable of that name, if there is one."""
    variables = study.causal_model.variables if study is not None else ()
    return next((variable for variable in variables if variable.name == name), None)


def label_of(study: Study | None, name: str) -> str:
    """What a sentence calls a variable: ``the buyer's budget``."""
    variable = find_variable(study, name)
    return variable.label if variable is not None else name


def without_article(label: str) -> str:
    """The label without a leading *the*."""
    return re.sub(r"^the\s+", "", label.strip(), flags=re.IGNORECASE) or label


def capitalised(text: str) -> str:
    """The text with its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def heading(label: str) -> str:
    """What a table or drawing calls it: ``Buyer's budget``."""
    return capitalised(without_article(label))


def cause_label(study: Study | None, treatment: str, table: EstimateTable | None = None) -> str:
    """What a table calls an estimate's cause, unit included: ``Buyer's budget (dollars)``, ``A × B``.

    Parameters
    ----------
    study
        Gives the labels; None leaves the names as they are.
    treatment
        As in the estimate.
    table
        Where given, a nominal level is shown with the one that it is compared with.
    """
    if treatment in (INTERCEPT, RESIDUAL):
        return "Constant" if treatment == INTERCEPT else "Residual variance"
    factors = factors_of(treatment)
    if study is None:
        return " × ".join(factor.name + (f": {factor.level}" if factor.level is not None else "") for factor in factors)
    labels = [_factor_label(study, factor, table, is_alone=len(factors) == 1) for factor in factors]
    return " × ".join([heading(labels[0]), *(without_article(label) for label in labels[1:])])


def _factor_label(study: Study, factor: Factor, table: EstimateTable | None, *, is_alone: bool) -> str:
    variable = find_variable(study, factor.name)
    label = variable.label if variable is not None else factor.name
    if factor.level is not None:
        reference = reference_level(study, factor.name, table) if table is not None and is_alone else None
        return f"{label}: {factor.level}" + (f" rather than {reference}" if reference else "")
    if variable is None or not is_alone:
        return label
    if variable.kind == "binary":
        levels = levels_of(variable)
        return f"{label}: {levels[-1].words} rather than {levels[0].words}" if len(levels) == 2 else label
    return with_unit(label, variable.unit)


def with_unit(label: str, unit: str | None) -> str:
    """A label with its unit in brackets, where the label does not name it: ``the judge's cases`` are cases."""
    return label if not unit or singular(unit).lower() in label.lower() else f"{label} ({unit})"


def levels_of(variable: Variable) -> tuple[Level, ...]:
    """The values that a variable can take, by code: a treatment's values, or the levels of a measured one."""
    levels = variable.treatment.values if variable.treatment is not None else variable.levels
    return tuple(sorted(levels, key=lambda level: level.code))


def is_zero_one(variable: Variable | None) -> bool:
    """True for a binary variable coded 0 and 1, whose mean is a share."""
    if variable is None or variable.kind != "binary":
        return False
    return [level.code for level in levels_of(variable)] in ([], [0.0, 1.0])


def is_numeric(variable: Variable) -> bool:
    """True where the values are plain numbers rather than words with codes."""
    return all(_as_number(level.words) == level.code for level in levels_of(variable))


def _as_number(words: str) -> float | None:
    try:
        return float(words)
    except ValueError:
        return None


def level_words(variable: Variable, code: float) -> str:
    """A value as a reader meets it: the level's words, or the number with its unit."""
    for level in levels_of(variable):
        if level.code == code and _as_number(level.words) != code:
            return level.words
    if variable.kind == "binary" and variable.measure is not None and not variable.levels and code in (0, 1):
        return "yes" if code else "no"
    return amount(code, variable.unit)


def amount(value: float, unit: str | None, text: str = "") -> str:
    """A number with its unit: ``12 dollars``, ``1 dollar``; ``text`` replaces the number's own digits."""
    is_money = (unit or "").strip().lower() in CURRENCIES
    text = text or (formats.number(value, 2) if is_money and not float(value).is_integer() else formats.plain(value))
    if not unit:
        return text
    if unit.strip() in ("$", "€", "£"):
        return f"−{unit.strip()}{text[1:]}" if text.startswith("−") else f"{unit.strip()}{text}"
    return f"{text} {singular(unit) if text in ('1', '−1') else unit}"


def singular(unit: str | None) -> str:
    """One of the unit, for *an increase of one …*: dollars -> dollar, cases per day -> case per day."""
    unit = _SYMBOLS.get((unit or "unit").strip().lower(), (unit or "unit").strip())
    first, per, rest = unit.partition(" per ")
    lower = first.lower()
    if lower in _UNCHANGED or lower.endswith(("ss", "us", "is")) or not lower.endswith("s") or len(first) < 4:
        single = first
    elif lower.endswith("ies"):
        single = first[:-3] + "y"
    elif lower.endswith(("ches", "shes", "xes", "sses")):
        single = first[:-2]
    else:
        single = first[:-1]
    return single + per + rest


def reference_level(study: Study, name: str, table: EstimateTable) -> str | None:
    """The level of a nominal cause that the estimated ones are compared with, where exactly one is left."""
    variable = find_variable(study, name)
    if variable is None:
        return None
    estimated = {
        factor.level for estimate in _paths(table) for factor in factors_of(estimate.treatment) if factor.name == name
    }
    left = [level.words for level in levels_of(variable) if level.words not in estimated]
    return left[0] if len(left) == 1 else None


def _paths(table: EstimateTable) -> Iterable[Estimate]:
    return (estimate for estimate in table.estimates if estimate.quantity == "path")


def joined(words: Iterable[str], last: str = "and") -> str:
    """A list in a sentence: ``a, b and c``."""
    parts = list(words)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""


def is_of_the_flow(reason: str) -> bool:
    """True for a reason to leave out a row that the participant flow already tells: cut off, failed, not held."""
    return reason.startswith(("censored", "failed", "not held", "not_held"))


def exclusion(study: Study, reason: str) -> str:
    """Why rows were left out, with a variable's label in place of its name: ``no value for the bail set``."""
    name = reason.removesuffix(" missing")
    variable = find_variable(study, name)
    return f"no value for {variable.label}" if variable is not None and name != reason else spaced(reason)


def spaced(code: str) -> str:
    """A code such as ``all_retired`` in words."""
    return code.replace("_", " ").strip()
