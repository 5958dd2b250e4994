"""Reading tables from files, and refusing what is none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from silicus.concepts.errors import DataError
from silicus.estimators.formula import estimate_table
from silicus.estimators.tables import read_table


def test_text_and_parquet_read_alike(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [1.5, 2.0, None], "arm": ["none", "None", "a, b"]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.TSV", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.TSV", "a.parquet"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), frame, check_dtype=False)


def test_missing_cells_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("y,x\n1,.\nNA,2\n,3\n4,None\n", encoding="utf-8-sig")
    frame = read_table(file)
    assert list(frame.columns) == ["y", "x"]
    assert frame["y"].isna().tolist() == [False, True, True, False]
    assert frame["x"].isna().tolist() == [True, False, False, False]


def test_repeated_names_stay_repeated(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("y, x ,x\n" + "".join(f"{i % 7},{i},{i * i}\n" for i in range(20)))
    frame = read_table(file)
    assert list(frame.columns) == ["y", "x", "x"]
    with pytest.raises(DataError, match="2 columns called 'x'"):
        estimate_table(frame, "y ~ x")


def test_a_table_with_names_only_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("y,x\n")
    found = estimate_table(read_table(tmp_path / "a.csv"), "y ~ x")
    assert {estimate.reason for estimate in found.estimates} == {"the table has no rows"}


@pytest.mark.parametrize(
    ("name", "content", "message", "suggestion"),
    [
        ("absent.csv", None, "there is no such file", "spelling"),
        ("folder.csv", "folder", "this is a folder", "Name a file in it"),
        ("a.xlsx", b"PK", "ending in '.xlsx' is not read", ".csv"),
        ("table", b"y,x\n1,2\n", "ending in 'nothing' is not read", ".parquet"),
        ("a.csv", b"", "the file is empty", "names of columns first"),
        ("a.csv", b"\n\n", "its rows do not fit", "same number of cells"),
        ("a.csv", b"y;x\n1,5;2,0\n", "separated by semicolons, not commas", "decimal points"),
        ("a.csv", b"y\tx\n1\t2\n", "separated by tabs, not commas", ".tsv"),
        ("a.tsv", b"y,x\n1,2\n", "separated by commas, not tabs", ".csv"),
        ("a.csv", b"y,x\n1,2\n1,2,3\n", "its rows do not fit its first line", "same number of cells"),
        ("a.csv", b"y,x\n1,2,3\n1,2,3\n", "its rows do not fit its first line", "same number of cells"),
        ("a.csv", b"y,x\n1,\xff\xfe\x00\n", "not text in UTF-8", "CSV UTF-8"),
        ("a.parquet", b"PAR1 and then nothing", "not a parquet file", "again"),
        ("a.pq", b"y,x\n1,2\n", "not a parquet file", "again"),
    ],
)
def test_what_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes | str | None, message: str, suggestion: str
) -> None:
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    with pytest.raises(DataError) as caught:
        read_table(file)
    assert message in caught.value.message
    assert str(file) in caught.value.message
    assert suggestion in caught.value.suggestion


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pd.DataFrame({"y": [1.0]}).to_parquet(tmp_path / name)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(pd, "read_parquet", refused)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        read_table(tmp_path / name)
