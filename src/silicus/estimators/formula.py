"""Any table and a formula to estimates: ``y ~ x1 + x2``, several equations separated by semicolons or lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from silicus.concepts.causal_model import Equation, parse_equation
from silicus.concepts.errors import DataError
from silicus.concepts.estimate import EstimateTable
from silicus.estimators.design_matrix import FloatArray, column_of, read_numbers
from silicus.estimators.fitted_model import Errors
from silicus.estimators.path_model import fit_path_model, in_causal_order

__all__ = ["MOST_LEVELS", "estimate_table", "read_formula"]

MOST_LEVELS = 50
"""A column of text with more different values than this is not taken for a nominal cause."""

_TRUE_WORDS = frozenset({"yes", "true"})
_FALSE_WORDS = frozenset({"no", "false"})
_SHOWN = 3


def read_formula(text: str) -> tuple[Equation, ...]:
    """Read equations such as ``m ~ x; y ~ m + x + m:x``, one a line or separated by semicolons.

    Parameters
    ----------
    text
        ``a:b`` is the product of two causes, ``a*b`` means ``a + b + a:b``. Every equation has a constant.

    Returns
    -------
    tuple of Equation
        In causal order: each after those that explain its causes.

    Raises
    ------
    DataError
        Where an equation cannot be read, two explain the same outcome, or they run in a circle.
    """
    equations: list[Equation] = []
    for part in text.replace(";", "\n").splitlines():
        if not part.strip():
            continue
        try:
            equations.append(parse_equation(part))
        except ValueError as error:
            raise DataError(str(error), suggestion=_advice(part), code="formula") from error
    if not equations:
        raise DataError("the formula is empty", suggestion="Give one such as 'y ~ x1 + x2'.", code="formula")
    return in_causal_order(equations)


def estimate_table(
    frame: pd.DataFrame,
    formula: str,
    *,
    name: str | None = None,
    errors: Errors = "standard",
    cluster: str | None = None,
    confidence_level: float = 0.95,
) -> EstimateTable:
    """Estimate a formula on any table, as ``silicus estimate rows.csv --formula "y ~ x1 + x2"`` does.

    True and false, or yes and no, count as 1 and 0. A cause in other words becomes nominal: one 0/1 column a
    level, compared with the first in alphabetical order (in the order of the categories, where it has one).
    Because no study file fixed the formula before there were data, every estimate is marked exploratory.

    Parameters
    ----------
    frame
        One row a unit.
    formula
        As for `read_formula`.
    name
        Name of the table, for the result.
    errors, cluster, confidence_level
        As for `fit_path_model`.

    Returns
    -------
    EstimateTable
        Without a study; ``rehearsed`` is False because nothing is known of where the table came from.

    Raises
    ------
    DataError
        Where the formula or the table cannot be used: an unknown or repeated column, an outcome in words,
        numbers mixed with words, text with too many values to be levels.
    """
    equations = read_formula(formula)
    outcomes = {equation.outcome for equation in equations}
    names = dict.fromkeys(column for equation in equations for column in (equation.outcome, *equation.causes))
    read = {column: _read(frame, column, outcome=column in outcomes) for column in names}
    numbers = pd.DataFrame({column: found.values for column, found in read.items()}, index=frame.index)
    if cluster is not None and cluster not in names:
        numbers[cluster] = column_of(frame, cluster)
    fit = fit_path_model(
        numbers,
        equations,
        errors=errors,
        cluster=cluster,
        nominal={column: found.levels for column, found in read.items() if found.levels},
        confidence_level=confidence_level,
        exploratory=True,
    )
    return EstimateTable(
        study=None,
        name=name,
        rehearsed=False,
        estimates=fit.estimates,
        samples=fit.samples,
        notes=(*(found.note for found in read.values() if found.note), *fit.notes),
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """One column as numbers, with the words of its codes where it is nominal."""

    values: FloatArray
    levels: Mapping[float, str] | None = None
    note: str | None = None


def _advice(part: str) -> str:
    if any(sign in part for sign in ("~~", "=~", ":=")):
        return (
            "Write only equations: residual covariances of final outcomes and indirect effects are estimated "
            "without being asked for, and latent variables are not."
        )
    if "~" not in part:
        return "Write the outcome, '~', and its causes: 'y ~ x1 + x2'."
    if any(sign in part for sign in "()^"):
        return "Add a transformed variable to the table as a column of its own, and name that."
    if "-" in part or any(term.strip() == "0" for term in part.partition("~")[2].split("+")):
        return "Join causes with '+'; every equation has a constant, and names hold letters, digits, '_' and '.'."
    return "Join causes with '+', as in 'y ~ x1 + x2'; names hold letters, digits, '_' and '.'."


def _read(frame: pd.DataFrame, name: str, *, outcome: bool) -> _Column:
    column = column_of(frame, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = [str(category) for category in column.cat.categories]
        return _from_words(name, column.astype(object), outcome=outcome, order=order)
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return _Column(read_numbers(frame, name))
    if pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype):
        return _from_words(name, column.astype(object), outcome=outcome, order=None)
    raise DataError(
        f"column {name!r} holds neither numbers nor words (it is of type {column.dtype})",
        suggestion="Turn it into a number first, such as days since the first date.",
        code="not_numeric",
    )


def _from_words(name: str, column: pd.Series, *, outcome: bool, order: list[str] | None) -> _Column:
    """Numbers written as text, yes and no, or levels of a nominal cause, in this order of preference."""
    words = [
        None if missing else str(cell).strip() or None for cell, missing in zip(column, column.isna(), strict=True)
    ]
    different = dict.fromkeys(word for word in words if word is not None)
    numeric = {word: number for word in different if (number := _number(word)) is not None}
    if len(numeric) == len(different):
        return _Column(_coded(words, numeric))
    lowered = {word: word.lower() for word in different}
    if set(lowered.values()) <= _TRUE_WORDS | _FALSE_WORDS:
        coded = {word: float(low in _TRUE_WORDS) for word, low in lowered.items()}
        return _Column(
            _coded(words, coded), note=f"{name!r}: {' and '.join(map(repr, coded))} count as 1 for yes, 0 for no"
        )
    if sum(word in numeric for word in words) > sum(word is not None for word in words) / 2:
        raise _mixed(name, words, numeric)
    if outcome:
        shown = ", ".join(repr(word) for word in list(different)[:_SHOWN]) + (", …" if len(different) > _SHOWN else "")
        raise DataError(
            f"the outcome {name!r} is in words ({shown}); a linear path needs numbers",
            suggestion="Code it as numbers, or as yes and no.",
            code="not_numeric",
        )
    if len(different) > MOST_LEVELS:
        raise DataError(
            f"column {name!r} holds {len(different)} different texts, too many for the levels of a cause",
            suggestion="Group them into fewer levels, or name a column of numbers.",
            code="too_many_levels",
        )
    levels = [word for word in order if word in different] if order is not None else sorted(different)
    coded = {word: float(code) for code, word in enumerate(levels)}
    note = f"{name!r} is in words: one 0/1 column for each level but {levels[0]!r}"
    return _Column(_coded(words, coded), levels={code: word for word, code in coded.items()}, note=note)


def _coded(words: list[str | None], codes: Mapping[str, float]) -> FloatArray:
    return np.array([np.nan if word is None else codes[word] for word in words], dtype=np.float64)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _mixed(name: str, words: list[str | None], numeric: Mapping[str, float]) -> DataError:
    row, word = next((row, word) for row, word in enumerate(words, start=1) if word is not None and word not in numeric)
    return DataError(
        f"column {name!r} mixes numbers with text: {word!r} in row {row}",
        suggestion="Write plain numbers such as 1500 or 2.5, and leave the cell empty where the value is missing.",
        code="not_numeric",
    )
