"""Reading a table from a file: CSV, tab-separated values or parquet."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError, ParserWarning
from pyarrow import ArrowException

from silicus.concepts.errors import DataError

__all__ = ["MISSING_CELLS", "read_table"]

MISSING_CELLS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", ".")
"""What a cell of a text file may hold for a missing value; words such as 'None' stay words."""

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = frozenset({".parquet", ".pq"})
_SEPARATOR_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table with one row a unit and the names of its columns in the first line.

    Parameters
    ----------
    path
        A file ending in ``.csv`` (commas), ``.tsv`` (tabs), ``.parquet`` or ``.pq``; text in UTF-8.

    Returns
    -------
    pandas.DataFrame
        Column names as written, repeated ones included; `MISSING_CELLS` of text files as missing.

    Raises
    ------
    DataError
        Where the file is absent, a folder, unreadable, empty, of another kind, or not such a table.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if not file.exists():
        raise _problem(file, "there is no such file", "Check the spelling and the folder.")
    if file.is_dir():
        raise _problem(file, "this is a folder, not a table", "Name a file in it, such as dataset.parquet.")
    if suffix not in _SEPARATORS and suffix not in _PARQUET:
        known = ", ".join([*_SEPARATORS, *sorted(_PARQUET)])
        raise _problem(file, f"a file ending in {suffix or 'nothing'!r} is not read", f"Save it as one of {known}.")
    try:
        if not file.stat().st_size:
            raise _problem(file, "the file is empty", "Save the table again: names of columns first, then the rows.")
        return _read_parquet(file) if suffix in _PARQUET else _read_text(file, _SEPARATORS[suffix])
    except OSError as error:
        raise _problem(
            file, f"it cannot be read ({error.strerror or error})", "Check the file's permissions."
        ) from error


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (ArrowException, ValueError) as error:
        raise _problem(file, "it is not a parquet file, or a damaged one", "Write the file again.") from error


def _read_text(file: Path, separator: str) -> pd.DataFrame:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines, delimiter=separator), [])
        _check_separator(file, header, separator)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)
            frame = pd.read_csv(
                file,
                sep=separator,
                encoding="utf-8-sig",
                index_col=False,
                low_memory=False,
                keep_default_na=False,
                na_values=list(MISSING_CELLS),
            )
    except UnicodeDecodeError as error:
        raise _problem(file, "it is not text in UTF-8", "Save it as 'CSV UTF-8', or as parquet.") from error
    except (ParserError, ParserWarning, EmptyDataError, csv.Error) as error:
        told = str(error).replace("Error tokenizing data. C error: ", "").strip()
        raise _problem(
            file, f"its rows do not fit its first line ({told})", "Give every line the same number of cells."
        ) from error
    if len(header) == len(frame.columns):
        frame.columns = pd.Index(
            [name.strip() or str(given) for name, given in zip(header, frame.columns, strict=True)]
        )
    return frame


def _check_separator(file: Path, header: list[str], separator: str) -> None:
    """A single column whose name holds another separator was written with that one."""
    if len(header) != 1:
        return
    other = next((sign for sign in _SEPARATOR_WORDS if sign != separator and sign in header[0]), None)
    if other is not None:
        raise _problem(
            file,
            f"its cells are separated by {_SEPARATOR_WORDS[other]}, not {_SEPARATOR_WORDS[separator]}",
            "Save it with commas (and decimal points) as .csv, with tabs as .tsv, or as parquet.",
        )


def _problem(file: Path, what: str, advice: str) -> DataError:
    return DataError(f"{file}: {what}", suggestion=advice, code="table_file")
