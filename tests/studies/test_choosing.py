"""What a user names becomes a study, with the settings given, in the folder meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stand_ins import bargaining_study

from silicus.concepts.errors import FolderError, ScenarioError, SilicusError, StudyError
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_from_yaml, study_to_yaml
from silicus.execution.folder import create_folder
from silicus.studies.choosing import Settings, choose
from silicus.studies.library_studies import library_names, library_study, library_text

NONE = Settings()
SMALL = bargaining_study()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Which study


@pytest.mark.parametrize("name", library_names())
def test_a_name_means_the_built_in_study_with_its_comments(here: Path, name: str) -> None:
    choice = choose(name, NONE)
    assert choice.text == library_text(name)
    assert choice.study == library_study(name)
    assert choice.folder_for(None, here) == here / name


def test_a_sentence_means_the_built_in_study_that_it_tells_of() -> None:
    assert choose("Two people bargaining over a mug.", NONE).study == library_study("mug")


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("two people bargaining over a car", "'car'"),
        ("a family arguing whether or not to get a dog", "no built-in study"),
        ("a judge and/or a jury", "no built-in study"),
        (" ".join(["very"] * 100), "more than 60 words"),
    ],
)
def test_a_sentence_that_means_none_is_never_forced_onto_one(here: Path, sentence: str, said: str) -> None:
    with pytest.raises(ScenarioError, match="no built-in study") as refused:
        choose(sentence, NONE)
    assert said in refused.value.message
    assert "silicus draft" in refused.value.suggestion
    assert not list(here.iterdir())


def test_a_folder_or_the_file_in_it_means_the_study_there(here: Path) -> None:
    create_folder(Path("mine"), "# mine\n" + study_to_yaml(SMALL))
    for named in ("mine", "mine/", "mine/study.yaml", str(here / "mine")):
        choice = choose(named, NONE)
        assert choice.study == SMALL
        assert choice.text.startswith("# mine\n")
        assert choice.folder_for(None, here).resolve() == here / "mine"
        assert choice.folder_for(Path("other"), here) == Path("other")


def test_a_study_file_of_another_name_gets_a_folder_named_after_the_study(here: Path) -> None:
    Path("wording-2.yaml").write_text(study_to_yaml(SMALL))
    assert choose("wording-2.yaml", NONE).folder_for(None, here) == here / "small_mug"


@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n", "# a comment\r\n"])
def test_a_file_is_read_whatever_its_editor_put_before_it(here: Path, start: str) -> None:
    Path("mine.yaml").write_bytes((start + study_to_yaml(SMALL)).encode())
    choice = choose("mine.yaml", Settings(seed=9))
    assert choice.study.design.seed == 9
    assert study_from_yaml(choice.text) == choice.study
    assert here.joinpath("mine.yaml").read_bytes().startswith(start.encode())


def test_a_study_is_taken_as_it_is() -> None:
    assert choose(SMALL, NONE).study == SMALL
    assert choose(SMALL, Settings(seed=4)).study.design.seed == 4


def test_what_is_here_comes_before_what_is_built_in(here: Path) -> None:
    create_folder(Path("mug"), study_to_yaml(SMALL))
    assert choose("mug", NONE).study == SMALL
    Path("bail").mkdir()  # no study in it: somebody else's folder
    choice = choose("bail", NONE)
    assert choice.study == library_study("bail")
    assert choice.folder_for(None, here) == here / "bail-2"


@pytest.mark.parametrize(
    ("named", "error", "code"),
    [
        ("nothing/here.yaml", FolderError, "no_such_file"),
        ("here.yml", FolderError, "no_such_file"),
        ("no/where", FolderError, "no_such_file"),
        (".", FolderError, "not_a_study_folder"),
        ("mugg", ScenarioError, "unknown_library_study"),
        ("", ScenarioError, "no_study_for_scenario"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_is_not_there_is_said_to_be_not_there(named: str, error: type[SilicusError], code: str) -> None:
    with pytest.raises(error) as refused:
        choose(named, NONE)
    assert refused.value.code == code
    assert refused.value.suggestion


# The settings


@pytest.mark.parametrize(
    ("settings", "content"),
    [
        (Settings(sessions=60), {"design": {"assignment": "random_subset", "sessions": 60}}),
        (Settings(seed=7), {"design": {"seed": 7}}),
        (Settings(replicates=3), {"design": {"replicates": 3}}),
        (Settings(participant="rehearsal:linear"), {"seats": {"participant": "rehearsal:linear"}}),
        (Settings(coder="rehearsal:x"), {"seats": {"coder": "rehearsal:x"}}),
        (Settings(law={"noise": 2}), {"seats": {"participant": {"llm": "rehearsal:bargaining", "law": {"noise": 2}}}}),
        (
            Settings(effects={"buyer_budget": 0.04, "deal ~ seller_minimum": 0.0}),
            {
                "seats": {
                    "participant": {
                        "llm": "rehearsal:linear",
                        "law": {"deal ~ buyer_budget": 0.04, "deal ~ seller_minimum": 0.0},
                    }
                }
            },
        ),
    ],
)
def test_settings_change_the_study_and_keep_the_comments(settings: Settings, content: dict[str, Any]) -> None:
    choice = choose("mug", settings)
    mug = library_study("mug").model_dump(mode="json", exclude_defaults=True)
    for part, changes in content.items():
        mug[part] = {**mug.get(part, {}), **changes}
    assert choice.study == Study.model_validate(mug)
    assert study_from_yaml(choice.text) == choice.study
    comments = [line for line in library_text("mug").splitlines() if line.lstrip().startswith("#")]
    assert [line for line in choice.text.splitlines() if line.lstrip().startswith("#")] == comments


def test_the_numbers_of_a_law_go_with_the_law() -> None:
    kept = choose("bail", Settings(law={"noise": 0})).study.seats.participant
    assert (kept.law["noise"], kept.law["convictions"]) == (0, 521.53)
    other = choose("bail", Settings(participant="rehearsal:linear", law={"bail ~ (noise)": 5})).study.seats.participant
    assert (other.llm, other.law) == ("rehearsal:linear", {"bail ~ (noise)": 5})


def test_an_effect_on_several_outcomes_has_to_name_its_path() -> None:
    content = SMALL.model_dump(mode="json", exclude_defaults=True)
    content["causal_model"]["variables"]["price"] = {
        "label": "the price", "kind": "continuous", "measure": {"question": "Which price?"},
    }  # fmt: skip
    content["causal_model"]["paths"] = ["deal ~ budget + minimum", "price ~ budget"]
    study = Study.model_validate(content)
    with pytest.raises(SilicusError, match="acts on deal, price") as refused:
        choose(study, Settings(effects={"budget": 1}))
    assert "--effect 'deal ~ budget=" in refused.value.suggestion
    law = choose(study, Settings(effects={"price ~ budget": 1, "minimum": 0})).study.seats.participant.law
    assert law == {"price ~ budget": 1, "deal ~ minimum": 0}


def test_a_setting_that_makes_no_sense_is_refused_with_its_place() -> None:
    with pytest.raises(StudyError, match=r"design\.seed") as refused:
        choose("mug", Settings(seed=-1))
    assert "with the options given" in refused.value.message


# The folder


def test_a_name_with_other_settings_means_a_new_folder_and_with_the_same_the_old_one(here: Path) -> None:
    first = choose("mug", Settings(seed=5))
    assert first.folder_for(None, here) == here / "mug"
    create_folder(here / "mug", first.text)
    assert choose("mug", Settings(seed=5)).folder_for(None, here).resolve() == here / "mug"
    other = choose("mug", Settings(seed=6))
    assert other.folder_for(None, here) == here / "mug-2"
    create_folder(here / "mug-2", other.text)
    assert choose("two people bargaining over a mug", Settings(seed=6)).folder_for(None, here) == here / "mug-2"


def test_a_folder_with_other_settings_is_still_that_folder_which_will_refuse_them(here: Path) -> None:
    create_folder(here / "mine", study_to_yaml(SMALL))
    choice = choose("mine", Settings(seed=5))
    assert choice.folder_for(None, here) == Path("mine")
    with pytest.raises(FolderError, match=r"design\.seed: 1 -> 5"):
        create_folder(choice.folder_for(None, here), choice.text)
