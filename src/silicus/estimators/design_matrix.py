"""From a table to the columns that equations use: listwise deletion, dummy and product columns, scaling.

Every column is centred and divided by its own standard deviation before anything is computed from it, and one QR
decomposition of all columns stands in for the rows afterwards: money in billions beside shares in millionths
loses no digits, and the cost of everything later does not depend on the number of rows.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from silicus.concepts.causal_model import Equation
from silicus.concepts.errors import DataError

__all__ = [
    "DesignMatrix",
    "FloatArray",
    "IntArray",
    "Levels",
    "Rows",
    "build_design",
    "cluster_codes",
    "column_of",
    "read_numbers",
    "select_rows",
    "term_labels",
    "upper_triangle",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Levels = Mapping[str, Mapping[float, str]]

_ROUNDING = float(np.finfo(np.float64).eps)
_SMALLEST, _LARGEST = 1e-290, 1e300
"""Columns of larger or smaller values than these lose digits or overflow."""
_CONSTANT = 32 * _ROUNDING
"""A column whose standard deviation is less than this share of its size is constant to rounding."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of the table are used, and why the others are not."""

    kept: BoolArray
    """Shape (rows of the table,): True where every column of the model has a finite value."""
    excluded: dict[str, int]
    """Number of rows left out, by reason; a row counts once, under the first column that it lacks."""
    empty: frozenset[str]
    """Columns without any finite value; they do not take part in listwise deletion."""
    infinite: int
    """Number of rows left out because a value is infinite."""


@dataclass(frozen=True, slots=True)
class DesignMatrix:
    """All columns of the model over the rows used: outcomes, causes, dummies and products.

    ``n`` is the number of rows used, ``C`` the number of columns, ``m`` the number of equations.
    """

    labels: tuple[str, ...]
    """Length C: ``x``, ``name[words]`` for a dummy, ``a:b`` for a product."""
    variables: tuple[tuple[str, ...], ...]
    """Length C: the variables that each column is made of."""
    outcomes: tuple[int, ...]
    """Length m: the column of each equation's outcome."""
    regressors: tuple[tuple[int, ...], ...]
    """Length m: the columns on the right of each equation, in the order written."""
    main_columns: dict[str, tuple[int, ...]]
    """For each cause, the columns that it enters by itself."""
    references: dict[str, str]
    """For each nominal variable, the level that its dummies are compared with."""
    values: FloatArray
    """Shape (n, C): the columns centred and divided by ``scales``."""
    means: FloatArray
    """Shape (C,): means over the rows used."""
    scales: FloatArray
    """Shape (C,): standard deviations, n in the denominator; 1 for a constant column."""
    noise: FloatArray
    """Shape (C,): rounding error of each column after centring, in its standard deviations."""
    constant: BoolArray
    """Shape (C,): True where the column has no variance."""
    factor: FloatArray
    """Shape (min(n, C), C): ``factor.T @ factor`` is the correlation matrix of the columns."""

    @property
    def n(self) -> int:
        """Number of rows used."""
        return int(self.values.shape[0])

    def unit(self, outcome: int, column: int | None) -> float:
        """What a slope in standard deviations is multiplied by to be in the units of the data.

        ``column`` is None for the constant, whose unit is that of the outcome.
        """
        return float(self.scales[outcome]) / (1.0 if column is None else float(self.scales[column]))


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column of that name.

    Raises
    ------
    DataError
        Where there is no such column (the nearest spelling is suggested), or more than one.
    """
    if name not in frame.columns:
        names = [str(column) for column in frame.columns]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        spelled_alike = [column for column in names if column.lower() == name.lower()]
        guess = (spelled_alike or near)[:1]
        listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        advice = f"Did you mean {guess[0]!r}? " if guess else ""
        raise DataError(
            f"the table has no column {name!r}",
            suggestion=f"{advice}Columns: {listed or 'none'}.",
            code="unknown_column",
        )
    count = 1 if frame.columns.is_unique else int((frame.columns == name).sum())
    if count > 1:
        raise DataError(
            f"the table has {count} columns called {name!r}",
            suggestion="Rename them so that each name stands once.",
            code="duplicate_column",
        )
    return frame[name]


def read_numbers(frame: pd.DataFrame, name: str) -> FloatArray:
    """One column as floating-point numbers, True as 1, missing as NaN; shape (rows,).

    Raises
    ------
    DataError
        Where the column does not hold numbers.
    """
    column = column_of(frame, name)
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else ""
    if kind in "fiub" and kind:
        return column.to_numpy().astype(np.float64)
    if kind in ("", "O") and not isinstance(column.dtype, (pd.CategoricalDtype, pd.StringDtype)):
        try:
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            pass
    raise DataError(
        f"column {name!r} does not hold numbers (it is of type {column.dtype})",
        suggestion="Code it as numbers, or name its levels as a nominal cause.",
        code="not_numeric",
    )


def cluster_codes(frame: pd.DataFrame, name: str) -> IntArray:
    """Number each row's cluster from 0; -1 where the cluster is missing. Shape (rows,)."""
    codes, _ = pd.factorize(column_of(frame, name))
    return np.asarray(codes, dtype=np.int64)


def select_rows(columns: Mapping[str, FloatArray], n_rows: int, clusters: tuple[str, IntArray] | None) -> Rows:
    """Listwise deletion over the whole model: keep the rows in which every column has a finite value.

    A column without any finite value would remove every row; it is set aside instead, so that the equations
    without it are still estimated.
    """
    kept = np.ones(n_rows, dtype=np.bool_)
    excluded: dict[str, int] = {}
    empty: set[str] = set()
    infinite = 0
    for name, values in columns.items():
        finite = np.isfinite(values)
        if finite.all():
            continue
        if not finite.any():
            empty.add(name)
            continue
        lost = kept & ~finite
        unbounded = int((lost & np.isinf(values)).sum())
        missing = int(lost.sum()) - unbounded
        infinite += unbounded
        excluded |= {f"{name} missing": missing} if missing else {}
        excluded |= {f"{name} infinite": unbounded} if unbounded else {}
        kept &= finite
    if clusters is not None:
        name, codes = clusters
        lost_count = int((kept & (codes < 0)).sum())
        excluded |= {f"{name} (cluster) missing": lost_count} if lost_count else {}
        kept &= codes >= 0
    return Rows(kept=kept, excluded=excluded, empty=frozenset(empty), infinite=infinite)


def term_labels(term: Sequence[str], dummies: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Names of the columns of one term: ``a:b``, or one for each combination of dummies, ``a[words]:b``."""
    parts = [[f"{name}[{words}]" for words in dummies[name]] if name in dummies else [name] for name in term]
    return tuple(":".join(labels) for labels in product(*parts))


def build_design(
    columns: Mapping[str, FloatArray], rows: Rows, equations: Sequence[Equation], nominal: Levels
) -> DesignMatrix:
    """Lay out the columns of all equations over the rows used.

    A nominal cause becomes one 0/1 column for each of its levels but the reference: the first level that
    occurs. Products are formed from the values as they are, before centring, as R and lavaan do.
    """
    used = columns if rows.kept.all() else {name: values[rows.kept] for name, values in columns.items()}
    references = {name: _reference(used[name], levels) for name, levels in nominal.items() if name in used}
    dummies = {name: [w for w in nominal[name].values() if w != reference] for name, reference in references.items()}
    raw: dict[str, FloatArray] = {}
    variables: dict[str, tuple[str, ...]] = {}

    def add(term: Sequence[str]) -> tuple[str, ...]:
        labels = term_labels(term, dummies)
        for label, parts in zip(
            labels, product(*(_parts(used, name, nominal, references) for name in term)), strict=True
        ):
            if label not in raw:
                with np.errstate(over="ignore", invalid="ignore"):
                    raw[label] = np.multiply.reduce(parts) if len(parts) > 1 else parts[0]
                variables[label] = tuple(term)
        return labels

    regressors = [tuple(label for term in equation.terms for label in add(term)) for equation in equations]
    mains = {name: add((name,)) for equation in equations for name in equation.causes}
    for equation in equations:
        raw.setdefault(equation.outcome, used[equation.outcome])
        variables.setdefault(equation.outcome, (equation.outcome,))
    position = {label: index for index, label in enumerate(raw)}
    means, scales, noise, constant, values = _standardized(list(raw.values()), int(rows.kept.sum()))
    return DesignMatrix(
        labels=tuple(raw),
        variables=tuple(variables.values()),
        outcomes=tuple(position[equation.outcome] for equation in equations),
        regressors=tuple(tuple(position[label] for label in labels) for labels in regressors),
        main_columns={name: tuple(position[label] for label in labels) for name, labels in mains.items()},
        references=references,
        values=values,
        means=means,
        scales=scales,
        noise=noise,
        constant=constant,
        factor=_factor(values),
    )


def upper_triangle(matrix: FloatArray) -> FloatArray:
    """The triangular factor of a QR decomposition: ``R.T @ R`` equals ``matrix.T @ matrix``."""
    return np.asarray(np.linalg.qr(matrix, mode="r"), dtype=np.float64)


def _reference(codes: FloatArray, levels: Mapping[float, str]) -> str:
    realised = (words for code, words in levels.items() if (codes == code).any())
    return next(realised, next(iter(levels.values())))


def _parts(
    used: Mapping[str, FloatArray], name: str, nominal: Levels, references: Mapping[str, str]
) -> Iterable[FloatArray]:
    if name not in nominal:
        return [used[name]]
    levels = nominal[name].items()
    return [(used[name] == code).astype(np.float64) for code, words in levels if words != references[name]]


def _standardized(
    columns: Sequence[FloatArray], n: int
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray, FloatArray]:
    """Means, standard deviations, rounding noise, constancy and the centred and scaled columns."""
    count = len(columns)
    means, scales, noise = np.zeros(count), np.ones(count), np.zeros(count)
    constant = np.ones(count, dtype=np.bool_)
    values = np.zeros((n, count), order="F")
    for index, column in enumerate(columns if n else ()):
        lowest, highest = float(column.min()), float(column.max())
        size = max(abs(lowest), abs(highest))
        means[index] = lowest
        if highest == lowest and np.isfinite(size):
            continue
        if not _SMALLEST < size < _LARGEST:
            means[index] = scales[index] = np.nan
            continue
        size = 2.0 ** math.frexp(size)[1]  # a power of two divides without rounding
        relative = column / size
        middle = relative.mean()
        relative -= middle
        rest = relative.mean()
        relative -= rest
        spread = float(np.sqrt(relative @ relative / n))
        if spread < _CONSTANT:
            continue
        np.divide(relative, spread, out=values[:, index])
        means[index], scales[index] = size * (middle + rest), size * spread
        noise[index], constant[index] = _ROUNDING / spread, False
    return means, scales, noise, constant, values


def _factor(values: FloatArray) -> FloatArray:
    n = values.shape[0]
    if not n:
        return np.zeros((0, values.shape[1]))
    return np.asarray(upper_triangle(values) / np.sqrt(n), dtype=np.float64)
