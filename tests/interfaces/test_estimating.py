"""``tabulate``, ``estimate`` and ``report`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import done, files_in, query, refused, silicus
from stand_in_providers import watched
from stand_ins import bargaining_content, bargaining_study

from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml

ROWS = "y,x1,x2,x3\n0,6,25,3\n0,7,25,5\n0,8,20,2\n0,13,10,5\n1,20,10,2\n"
LAVAAN = {
    # lavaan 0.6: cfa("y ~ x1 + x2 + x3 + 1"), every digit that it printed
    "x1": ("0.1242315", "0.0029145"), "x2": ("0.0507950", "0.0021549"), "x3": ("-0.0446258", "0.0050701"),
    "(intercept)": ("-1.9042824", "0.0773977"),
}  # fmt: skip


@pytest.fixture
def mine(here: Path) -> Path:
    """A study folder with nine sessions held."""
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    done("draft", "small.yaml", "--folder", "mine")
    done("run", "mine")
    return here / "mine"


def paths_in(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["treatment"]: row for row in data["estimates"] if row["quantity"] == "path"}


def test_a_table_with_a_formula_gives_the_numbers_of_lavaan_to_every_printed_digit(here: Path) -> None:
    (here / "rows.csv").write_text(ROWS)
    data = done("estimate", "rows.csv", "--formula", "y ~ x1 + x2 + x3", "--json").answer["data"]
    assert set(data) >= {"format", "study", "rehearsed", "estimates"}
    assert (data["format"], data["study"], data["rehearsed"], data["name"]) == (1, None, False, "rows.csv")
    found = paths_in(data)
    for name, (value, error) in LAVAAN.items():
        assert (f"{found[name]['value']:.7f}", f"{found[name]['std_error']:.7f}") == (value, error)
        assert found[name]["outcome"] == "y"
    (residual,) = [row for row in data["estimates"] if row["quantity"] == "residual_variance"]
    assert (f"{residual['value']:.6e}", f"{residual['std_error']:.6e}") == ("1.907992e-04", "1.206720e-04")
    for row in data["estimates"]:
        assert row["n_units"] == 5
        assert row["interval"] is None, "five rows are no ground for an interval"
        assert row["p_value"] is None
        assert row["reason"]
        assert set(row) >= {"standardized", "cluster", "method", "exploratory"}


def test_the_same_in_words(here: Path) -> None:
    (here / "rows.csv").write_text(ROWS)
    ended = done("estimate", "rows.csv", "--formula", "y ~ x1 + x2 + x3")
    for said in ("x1", "0.1242", "0.0029", "−0.0446", "Constant", "no interval or p-value"):
        assert said in ended.said


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_any_table_can_be_estimated(here: Path, suffix: str) -> None:
    import pandas as pd

    frame = pd.DataFrame({"y": range(12), "a": [0, 1] * 6, "group": list("aabbccddeeff")})
    if suffix == "csv":
        frame.to_csv("t.csv", index=False)
    else:
        frame.to_parquet("t.parquet")
    data = done("estimate", f"t.{suffix}", "--formula", "y ~ a", "--cluster", "group", "--json").answer["data"]
    row = paths_in(data)["a"]
    assert (row["value"], row["cluster"], row["n_clusters"]) == (pytest.approx(1.0), "group", 6)
    assert list(files_in(here)) == [f"t.{suffix}"]


@pytest.mark.parametrize(
    ("formula", "said"),
    [("y ~ x9", "x9"), ("y", "'y ~ x1 + x2'"), ("y ~ ", "empty"), ("y ~ x1:", "'x1:'"), ("x1 ~ y; y ~ x1", "circle")],
)
def test_a_formula_that_cannot_be_estimated_is_refused(here: Path, formula: str, said: str) -> None:
    (here / "rows.csv").write_text(ROWS)
    assert said in refused("estimate", "rows.csv", "--formula", formula).err
    refused("estimate", "rows.csv", "--formula", formula, "--json")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b"PAR1 and nothing else"])
def test_a_damaged_table_is_refused(here: Path, content: bytes) -> None:
    for name in ("t.csv", "t.parquet"):
        (here / name).write_bytes(content)
        refused("estimate", name, "--formula", "y ~ x")
        refused("estimate", name, "--formula", "y ~ x", "--json")


def test_a_table_without_rows_is_a_result_with_its_reason(here: Path) -> None:
    (here / "t.csv").write_text("y,x\n")
    assert "the table has no rows" in done("estimate", "t.csv", "--formula", "y ~ x").said


def test_another_formula_on_a_study_is_exploratory_and_is_not_written_down(mine: Path) -> None:
    done("estimate", "mine")
    written = (mine / "estimates.json").read_bytes()
    assert not any(row["exploratory"] for row in json.loads(written)["estimates"])
    data = done("estimate", "mine", "--formula", "deal ~ budget * minimum", "--json").answer["data"]
    assert set(paths_in(data)) == {"(intercept)", "budget", "minimum", "budget:minimum"}
    assert all(row["exploratory"] for row in data["estimates"])
    assert all(
        row["exploratory"] for row in done("estimate", "mine", "--errors", "hc3", "--json").answer["data"]["estimates"]
    )
    assert (mine / "estimates.json").read_bytes() == written
    assert "Did you mean 'budget'?" in refused("estimate", "mine", "--formula", "deal ~ budgt").err
    assert "no session of the study" in refused_before_a_run(mine.parent)


@pytest.mark.usefixtures("mine")
def test_a_study_folder_may_be_named_by_the_file_in_it() -> None:
    by_folder = done("estimate", "mine", "--json").answer
    assert done("estimate", "mine/study.yaml", "--json").answer == by_folder
    done("tabulate", "mine/study.yaml")
    done("show", "mine/study.yaml")


def refused_before_a_run(here: Path) -> str:
    done("draft", "mug", "--folder", here / "new")
    return refused("estimate", "new").err


def test_the_dataset_is_one_row_a_session_and_leads_to_its_transcript(mine: Path) -> None:
    import pandas as pd

    assert "9 rows, 11 columns: mine/dataset.parquet" in done("tabulate", "mine").out
    frame = pd.read_parquet(mine / "dataset.parquet")
    assert frame["session_id"].is_unique
    for row in frame.to_dict("records"):
        assert row["session_id"] == f"budget={row['budget']:g},minimum={row['minimum']:g},replicate=1"
        data = done("show", "mine", row["session_id"], "--json").answer["data"]
        assert data["condition"] == {"budget": row["budget"], "minimum": row["minimum"]}
        assert data["responses"][0]["value"] == row["deal"]


def test_the_report_and_the_tables_for_latex_can_be_written_again(mine: Path) -> None:
    done("report", "mine")
    names = ("report.html", "paths.tex", "graph.tex")
    before = {name: (mine / name).read_text() for name in names[1:]}
    for name in names:
        (mine / name).unlink()
    done("report", "mine")
    assert {name: (mine / name).read_text() for name in names[1:]} == before
    html = (mine / "report.html").read_text()
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "Rehearsed" in html


def conducted(content: dict[str, Any], *words: str) -> dict[str, Any]:
    """Conduct a study that is to end well, report included; the JSON that it printed."""
    Path("study-of-this-test.yaml").write_text(study_to_yaml(Study.model_validate(content)))
    data: dict[str, Any] = done("conduct", "study-of-this-test.yaml", *words, "--json").answer["data"]
    assert Path(data["report"]).stat().st_size > 1000
    return data


@pytest.mark.usefixtures("here")
def test_censored_sessions_are_counted_and_left_out_or_kept() -> None:
    content = bargaining_content()
    content["procedure"]["max_turns"] = 4
    data = conducted(content, "--folder", "left-out")
    assert (data["complete"] + data["censored"], data["failed"]) == (9, 0)
    assert 0 < data["censored"] < 9
    table = json.loads(Path("left-out/estimates.json").read_text())
    assert table["samples"][0]["used"] == data["complete"]
    assert table["samples"][0]["excluded"] == {"censored: ended by the cap": data["censored"]}
    conducted({**content, "analysis": {"censored": "keep"}}, "--folder", "kept")
    assert json.loads(Path("kept/estimates.json").read_text())["samples"][0]["used"] == 9
    assert (
        "ended by the cap: counted as censored" in done("conduct", "study-of-this-test.yaml", "--folder", "again").said
    )


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("always", ["0", "1"])
def test_an_outcome_without_variance_is_a_result_with_its_reason(always: str) -> None:
    data = conducted(
        bargaining_content(), "--effect", "budget=0", "--effect", "minimum=0", "--law", f"deal ~ (intercept)={always}"
    )
    assert data["complete"] == 9
    rows = paths_in(data)
    assert all(row["reason"] for name, row in rows.items() if name != "(intercept)")
    assert all(row["p_value"] is None for row in rows.values())


@pytest.mark.usefixtures("here")
def test_an_outcome_that_is_never_realised_is_a_result_with_its_reason() -> None:
    content = bargaining_content()
    content["causal_model"]["variables"] |= {
        "price": {
            "label": "the price",
            "kind": "continuous",
            "unit": "dollars",
            "measure": {"question": "Which price?"},
        }
    }
    content["causal_model"]["paths"] += ["price ~ budget + minimum"]
    content["design"] = {"only": {"budget": [5], "minimum": [11, 19]}, "replicates": 6}
    data = conducted(content)
    assert data["complete"] == 12
    price = [row for row in data["estimates"] if row["outcome"] == "price"]
    assert price
    assert all(row["value"] is None and row["reason"] for row in price)
    codebook = json.loads(Path(data["folder"], "codebook.json").read_text())
    (column,) = [column for column in codebook["columns"] if column["name"] == "price"]
    assert column["n_missing"] == sum(column["missing"].values()) == 12


@pytest.mark.usefixtures("here")
def test_one_condition_is_conducted_and_cannot_be_estimated() -> None:
    data = conducted({**bargaining_content(), "design": {"only": {"budget": [20], "minimum": [4]}, "replicates": 5}})
    assert (data["planned"], data["complete"]) == (5, 5)
    assert all(
        row["value"] is None and row["reason"] for row in paths_in(data).values() if row["treatment"] != "(intercept)"
    )


@pytest.mark.usefixtures("here")
def test_a_study_without_treatments_is_conducted() -> None:
    content = bargaining_content(seats={"participant": "rehearsal:linear"}, design={"replicates": 12})
    content["causal_model"]["variables"] = {"deal": content["causal_model"]["variables"]["deal"]}
    content["causal_model"]["paths"] = ["deal ~ 1"]
    data = conducted(content)
    assert (data["planned"], data["complete"]) == (12, 12)
    sessions = query(Path(data["folder"]) / "archive.sqlite", "SELECT session_id FROM session")
    assert sessions[0] == ("replicate=1",)
    assert set(paths_in(data)) == {"(intercept)"}
    assert done("show", data["folder"], "replicate=12").out.startswith("replicate=12\n")


@pytest.mark.usefixtures("here")
def test_failed_sessions_are_counted_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("study.yaml").write_text(study_to_yaml(bargaining_study(design={"replicates": 3})))
    watched(monkeypatch, fails=lambda session_id: session_id.endswith("replicate=2"))
    ended = silicus("conduct", "study.yaml", "--folder", "mine")
    assert ended.code == 1
    table = json.loads(Path("mine/estimates.json").read_text())
    assert (table["samples"][0]["used"], table["samples"][0]["excluded"]) == (18, {"failed session": 9})
    assert "deal: 9 missing (session_failed)" in done("tabulate", "mine").out
