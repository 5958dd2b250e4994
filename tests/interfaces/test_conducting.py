"""What a newcomer does: from one sentence to a report, and the same command again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import SUPPORT, done, files_in, in_process_of_its_own, query, refused, silicus
from stand_in_providers import watched
from stand_ins import bargaining_study

from silicus.concepts.study_yaml import study_to_yaml

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_scm"
FILES = [
    *("archive.sqlite", "codebook.json", "dataset.parquet", "estimates.json", "graph.tex", "paths.tex", "report.html"),
    *("study.schema.json", "study.yaml"),
]


def estimates_in(folder: Path) -> dict[str, dict[str, float]]:
    table = json.loads((folder / "estimates.json").read_text())
    return {estimate["treatment"]: estimate for estimate in table["estimates"] if estimate["quantity"] == "path"}


def test_one_sentence_becomes_a_report(here: Path) -> None:
    ended = done("conduct", "two people bargaining over a mug")
    assert sorted(files_in(here / "mug")) == FILES
    found = estimates_in(here / "mug")
    signs = {name: estimate["value"] > 0 for name, estimate in found.items()}
    assert signs == {
        "buyer_budget": True, "seller_minimum": False, "seller_attachment": False, "(intercept)": signs["(intercept)"],
    }  # fmt: skip
    assert all(found[name]["p_value"] < 0.05 for name in ("buyer_budget", "seller_minimum", "seller_attachment"))
    assert query(here / "mug" / "archive.sqlite", "SELECT status, COUNT(*) FROM session") == [("complete", 405)]
    for said in ("405 sessions held", "Buyer's budget", f"{found['buyer_budget']['value']:.4f}", "Rehearsed"):
        assert said in ended.said
    assert ended.out.splitlines()[-1] == "Report: mug/report.html"


def test_with_sessions_a_seed_and_a_folder_of_ones_own(here: Path) -> None:
    done("conduct", "mug", "--sessions", "60", "--seed", "3", "--folder", "my-mug")
    assert sorted(files_in(here / "my-mug")) == FILES
    text = (here / "my-mug" / "study.yaml").read_text()
    assert "# Two people bargain over a mug." in text, "the comments of the built-in file are lost"
    design = text.partition("\ndesign:\n")[2].partition("\n\n")[0].split()
    assert " ".join(design) == "assignment: random_subset sessions: 60 replicates: 1 seed: 3"
    assert query(here / "my-mug" / "archive.sqlite", "SELECT COUNT(*) FROM session") == [(60,)]
    assert "60 sessions held before; none was repeated" in done("conduct", "my-mug").said
    assert query(here / "my-mug" / "archive.sqlite", "SELECT COUNT(*) FROM session_attempt") == [(60,)]


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the authors' files are not part of the project")
@pytest.mark.parametrize("name", ["mug", "bail"])
def test_an_imported_published_study_conducts(here: Path, name: str) -> None:
    folder = f"published-{name}"
    imported = done("import", PUBLISHED / f"{name}.json", "--folder", folder)
    assert "note" in imported.out
    assert f"silicus conduct {folder}" in imported.out
    # A part of it, to save time: the whole is a full factorial as that of the built-in study.
    ended = done("conduct", f"{folder}/study.yaml", "--sessions", "40", "--folder", "part")
    assert "40 sessions held" in ended.said
    assert sorted(files_in(here / "part")) == FILES
    assert all(estimate["value"] is not None for estimate in estimates_in(here / "part").values())


def test_a_sentence_that_means_no_built_in_study_says_what_to_do(here: Path) -> None:
    ended = refused("conduct", "a family arguing whether or not to get a dog")
    for said in ("a family arguing", "no built-in study", "mug, bail, interview, auction", "silicus draft"):
        assert said in ended.err
    assert files_in(here) == {}
    json_error = refused("conduct", "a family arguing whether or not to get a dog", "--json").error
    assert json_error["code"] == "no_study_for_scenario"


def test_what_is_drafted_can_be_edited_checked_and_conducted(here: Path) -> None:
    drafted = done("draft", "two people bargaining over a mug", "--folder", "mine")
    assert "silicus check mine and silicus conduct mine" in drafted.out
    file = here / "mine" / "study.yaml"
    file.write_text(file.read_text().replace("  assignment: full_factorial", "  only: {seller_attachment: [3]}"))
    assert "81 conditions" in done("check", "mine").said
    assert "81 sessions held" in done("conduct", "mine").said


def test_the_same_study_is_taken_up_again_and_another_gets_a_folder_of_its_own(here: Path) -> None:
    done("draft", "mug")
    # The name means that folder, and with other settings a new one; so does the sentence.
    done("conduct", "mug", "--sessions", "2")
    assert [path.name for path in sorted(here.iterdir())] == ["mug", "mug-2"]
    again = done("conduct", "two people bargaining over a mug", "--sessions", "2")
    assert "2 sessions held before" in again.said
    assert "Report: mug-2/report.html" in again.out
    assert [path.name for path in sorted(here.iterdir())] == ["mug", "mug-2"]
    done("draft", "two people bargaining over a mug")
    assert [path.name for path in sorted(here.iterdir())] == ["mug", "mug-2"], "the same study was drafted twice"
    assert sorted(files_in(here / "mug")) == ["study.schema.json", "study.yaml"]


def test_a_folder_of_the_name_that_holds_no_study_is_left_alone(here: Path) -> None:
    (here / "mug").mkdir()
    (here / "mug" / "photo.jpg").write_bytes(b"\xff\xd8")
    done("draft", "mug")
    assert list(files_in(here / "mug")) == ["photo.jpg"]
    assert (here / "mug-2" / "study.yaml").is_file()


def test_a_path_may_have_spaces_and_any_letters_and_is_quoted_where_it_is_to_be_typed(here: Path) -> None:
    folder = "über die Tasse/茶碗 1"
    drafted = done("draft", "mug", "--folder", folder)
    assert f"silicus conduct '{folder}'" in drafted.out
    done("conduct", f"{folder}/study.yaml", "--sessions", "3", "--folder", "l'autre tasse")
    assert sorted(files_in(here / "l'autre tasse")) == FILES
    ended = done("run", "l'autre tasse")
    assert "3 sessions held before" in ended.said
    assert """silicus report 'l'"'"'autre tasse'""" in ended.out


def test_a_current_folder_that_cannot_be_written_is_no_hindrance(here: Path, tmp_path: Path) -> None:
    here.chmod(0o555)
    try:
        done("conduct", "mug", "--sessions", "2", "--folder", tmp_path / "elsewhere")
    finally:
        here.chmod(0o755)
    assert sorted(files_in(tmp_path / "elsewhere")) == FILES
    assert files_in(here) == {}


def test_replicates_are_sessions_of_their_own(here: Path) -> None:
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    data = done("conduct", "small.yaml", "--replicates", "3", "--law", "step=0.0001", "--json").answer["data"]
    assert (data["planned"], data["complete"]) == (27, 27)
    per_condition = query(
        here / "small_mug" / "archive.sqlite",
        "SELECT COUNT(*), COUNT(DISTINCT replicate) FROM session GROUP BY condition",
    )
    assert per_condition == [(3, 3)] * 9
    # Replicates are independent draws: the private parts of the limits differ, and so does what is said first.
    offered = query(here / "small_mug" / "archive.sqlite", "SELECT DISTINCT action_value FROM turn WHERE number = 1")
    assert len(offered) == 27


def test_an_effect_given_on_the_command_line_is_the_one_found(here: Path) -> None:
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    law = ("--replicates", "25", "--law", "deal ~ (intercept)=0", "--effect", "minimum=0")
    data = done("conduct", "small.yaml", "--effect", "deal ~ budget=0.05", *law, "--json").answer["data"]
    assert data["rehearsed"] is True
    assert "rehearsal:linear" in (here / "small_mug" / "study.yaml").read_text()
    found = estimates_in(here / "small_mug")
    for name, truth in (("budget", 0.05), ("minimum", 0.0)):
        # Four standard errors: a miss by chance once in sixteen thousand seeds, and the seed is fixed.
        assert abs(found[name]["value"] - truth) < 4 * found[name]["std_error"]
    assert found["budget"]["std_error"] < 0.007


def test_an_effect_too_large_for_a_probability_is_warned_of(here: Path) -> None:
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    ended = done("conduct", "small.yaml", "--effect", "budget=0.2", "--folder", "steep")
    assert "warnings: silicus check steep" in ended.out
    assert "the probability of 'deal' would run from -1 to 2" in done("check", "steep").said


def test_a_number_of_the_law_given_on_the_command_line_is_obeyed(here: Path) -> None:
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    done("conduct", "small.yaml", "--law", "noise=0", "--law", "opening=1", "--folder", "frank")
    opened = query(here / "frank" / "archive.sqlite", "SELECT DISTINCT action_value FROM turn WHERE number = 1")
    assert sorted(opened) == [(5.0,), (12.0,), (20.0,)]


def test_a_failing_provider_costs_only_its_own_sessions_and_they_are_tried_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    provider = watched(monkeypatch, fails=lambda session_id: session_id.startswith("budget=12,"))
    ended = silicus("conduct", "small.yaml")
    assert ended.code == 1
    assert "6 sessions held" in ended.said
    assert "budget=12,minimum=4,replicate=1: the line is dead" in ended.said
    assert "3 sessions failed. Try again: silicus conduct small_mug" in ended.said
    assert sorted(files_in(here / "small_mug")) == FILES, "what was held is not analysed"
    assert silicus("run", "small_mug", "--json").answer["status"] == "partial"
    provider.fails, provider.calls = staticmethod(lambda _: False), 0
    data = done("conduct", "small_mug", "--json").answer["data"]
    assert {key: data[key] for key in ("planned", "held_before", "complete", "failed")} == {
        "planned": 9, "held_before": 6, "complete": 3, "failed": 0,
    }  # fmt: skip
    archive = here / "small_mug" / "archive.sqlite"
    assert query(archive, "SELECT status, COUNT(*) FROM session GROUP BY status") == [("complete", 9)]
    assert query(archive, "SELECT COUNT(*) FROM session_attempt") == [(9 + 3 + 3,)], "an attempt was overwritten"
    retried = "session_id LIKE 'budget=12,%'"
    assert query(archive, f"SELECT COUNT(*) FROM completion WHERE {retried}") == [(provider.calls,)]


def test_a_study_whose_sessions_all_fail_is_reported_as_such(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    watched(monkeypatch, fails=lambda _: True)
    ended = silicus("conduct", "small.yaml", "--json")
    assert (ended.code, ended.answer["status"]) == (1, "partial")
    assert ended.answer["data"]["failed"] == 9
    assert all(estimate["value"] is None for estimate in ended.answer["data"]["estimates"])
    assert (here / "small_mug" / "report.html").is_file()


def test_another_package_brings_a_provider_by_an_entry_point(here: Path) -> None:
    made = here / "acme-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text("[silicus.providers]\nacme = stand_in_providers:Watched\n")
    words = ("draft", "mug", "--folder", "mine")
    assert done(*words).code == 0
    study = here / "mine" / "study.yaml"
    study.write_text(study.read_text().replace("participant: rehearsal:", "participant: acme:"))
    assert "'acme'" in refused("run", "mine").err
    paths = f"{here}:{SUPPORT}"
    ended = in_process_of_its_own("check", "mine", "--json", where=here, env={"PYTHONPATH": paths})
    assert (ended.code, ended.answer["data"]["problems"]) == (0, [])
