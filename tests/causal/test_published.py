"""Causal-model files of the 2024 code: read with their quirks, nothing dropped unsaid, damage told in words."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.causal.published import study_from_published
from silicus.concepts.errors import ImportFileError
from silicus.concepts.seats import Seat
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_from_yaml, study_to_yaml
from silicus.concepts.variables import EVERYONE, Item, Measure, Treatment, Variable

PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "published_scm"
SCENARIO = "two neighbours agreeing on a fence"
AGENTS = ["owner", "Neighbour"]
MODEL = {
    "class": "LanguageModel",
    "args": {"model": "gpt-4", "family": "openai", "temperature": 0.3, "max_tokens": None, "system_prompt": ""},
}
AGREED, SPENDING, MOOD = "whether or not they agree", "owner's spending", "the neighbour's mood"


def outcome(name: str = AGREED, **changes: Any) -> dict[str, Any]:
    args = {
        "template_dir": "prompt_templates",
        "name": name,
        "scenario_description": SCENARIO,
        "agents_in_scenario": AGENTS,
        "operationalization_dict": {
            "operationalization": "1 if they agree",
            "method_to_obtain_quantity": "read the end.",
        },
        "variable_type": "binary",
        "units": "binary",
        "levels": ["0", "1"],
        "agent_measure_question_dict": {"oracle": ["did they agree on a fence?"]},
        "measurement_aggregation": "the oracle's answer is the value.",
        "lat_or_obs": [],
        "observed_proxies": [],
        "explanations_dict": {"units": "it is binary"},
        "descendant_outcomes": [],
        "possible_covariates": [],
        "causes": [],
        "LLM": MODEL,
    }
    return {"class": "EndogenousVariable", "args": {**args, **changes}}


def cause(name: str = SPENDING, **changes: Any) -> dict[str, Any]:
    args = {
        **outcome(name)["args"],
        "operationalization_dict": {"operationalization": "the most to spend", "method_to_vary": "tell the owner"},
        "variable_type": "continuous",
        "units": "dollars",
        "levels": ["0-500", "501-1,000", "above 1,000"],
        "agent_measure_question_dict": {},
        "measurement_aggregation": [],
        "scenario_or_agent_var": {"variable_scope": "individual", "relevant_entity": "owner"},
        "attribute_variation": {
            "attribute_name": "your budget for the fence",
            "attribute_values": ["$500", "1,000", "$1,500", "$ 2,000.50"],
            "varied_agent": "owner",
        },
        "public_or_private_var": {"choice": "private", "public_name": "private", "public_values": []},
        "variation_mapping": {},
    }
    return {"class": "ExogenousVariable", "args": {**args, **changes}}


def varied(values: list[Any], agent: Any = "owner", phrase: str = "your state") -> dict[str, Any]:
    return {"attribute_name": phrase, "attribute_values": values, "varied_agent": agent}


def builder(described: dict[str, Any] | None = None, edges: Any = None, **changes: Any) -> dict[str, Any]:
    described = {AGREED: outcome(), SPENDING: cause()} if described is None else described
    args = {
        "template_dir": "prompt_templates",
        "scenario_description": SCENARIO,
        "agents_in_scenario": AGENTS,
        "variables": list(described),
        "edge_dict": {SPENDING: {"__set__": [AGREED]}} if edges is None else edges,
        "variable_dict": described,
        "LLM": MODEL,
    }
    return {"class": "StructuralCausalModelBuilder", "args": {**args, **changes}}


def text_of(content: Any) -> str:
    return json.dumps(json.dumps(content))


def imported(variables: dict[str, Any] | None = None, edges: Any = None, **changes: Any) -> tuple[Study, str]:
    study, notes = study_from_published(text_of(builder(variables, edges, **changes)), name="fence")
    assert study.source is not None
    assert study.source.notes == notes
    assert study_from_yaml(study_to_yaml(study)) == study
    return study, "\n".join(notes)


def imported_cause(**changes: Any) -> tuple[Variable, Treatment, str]:
    study, notes = imported({AGREED: outcome(), SPENDING: cause(**changes)})
    variable = study.causal_model.treatments[0]
    assert variable.treatment is not None
    return variable, variable.treatment, notes


def imported_outcome(**changes: Any) -> tuple[Variable, Measure, str]:
    study, notes = imported({AGREED: outcome(**changes), SPENDING: cause()})
    variable = study.causal_model.measured[0]
    assert variable.measure is not None
    return variable, variable.measure, notes


def values_of(treatment: Treatment) -> list[tuple[str, float]]:
    return [(level.words, level.code) for level in treatment.values]


def refused(content: Any) -> ImportFileError:
    with pytest.raises(ImportFileError) as caught:
        study_from_published(content if isinstance(content, str) else text_of(content), name="fence")
    assert caught.value.suggestion
    return caught.value


# What is carried over


def test_a_file_becomes_a_study() -> None:
    study, notes = imported()
    assert study.name == "fence"
    assert study.scenario.text == SCENARIO
    assert study.role_names == ("owner", "Neighbour")
    assert [str(path) for path in study.causal_model.paths] == ["agree ~ owner_spending"]
    assert study.procedure.turn_order == "ordered"
    assert study.procedure.speakers == ("owner", "Neighbour")
    assert study.procedure.center is None
    assert study.procedure.max_turns == 20
    assert study.procedure.stop == ("coordinator",)
    assert study.seats.participant == Seat(llm="rehearsal:linear")
    assert study.source is not None
    assert "Manning" in study.source.citation
    assert "no goals" in notes
    assert "no speaking order" in notes
    assert "gpt-4 (openai) with temperature 0.3" in notes


@pytest.mark.parametrize("wrap", [json.dumps, text_of, lambda content: text_of(content).join(["\ufeff", "\n"])])
def test_the_text_may_be_json_or_json_in_a_json_string(wrap: Any) -> None:
    study, _ = study_from_published(wrap(builder()), name="fence")
    assert study == imported()[0]


def test_the_simple_form_is_read() -> None:
    variables = {"Variable1": outcome(causes=[SPENDING]), "Variable2": cause()}
    simple = {key: {"__class__": each["class"], **each["args"]} for key, each in variables.items()}
    study, notes = study_from_published(json.dumps(simple), name="fence")
    assert study.causal_model == imported()[0].causal_model
    assert any("no list of edges" in note for note in notes)


def test_amounts_are_read_as_numbers_and_a_budget_is_a_bound() -> None:
    variable, treatment, notes = imported_cause()
    assert values_of(treatment) == [("500", 500), ("1000", 1000), ("1500", 1500), ("2000.5", 2000.5)]
    assert (variable.kind, variable.unit, treatment.tell, treatment.public) == (
        "continuous",
        "dollars",
        ("owner",),
        None,
    )
    assert treatment.phrase == "your budget for the fence"
    assert treatment.limit == "at_most"
    assert "owner_spending is at_most ('your budget for the fence')" in notes
    assert "3 levels, 4 values" in notes
    assert variable.operationalisation == (
        "the most to spend. tell the owner. Levels in the file: 0-500, 501-1,000, above 1,000."
    )


@pytest.mark.parametrize(
    ("phrase", "unit", "limit"),
    [
        ("your minimum acceptable price", "dollars", "at_least"),
        ("your maximum bid", "US dollars", "at_most"),
        ("the price you expect", "dollars", None),
        ("your minimum and maximum price", "dollars", None),
        ("your maximum number of days", "days", None),
    ],
)
def test_a_bound_is_set_only_where_the_phrase_leaves_no_doubt(phrase: str, unit: str, limit: str | None) -> None:
    _, treatment, notes = imported_cause(units=unit, attribute_variation=varied(["5", "7"], phrase=phrase))
    assert treatment.limit == limit
    assert ("Taken for bounds" in notes) == (limit is not None)


@pytest.mark.parametrize(
    ("values", "levels", "expected"),
    [
        (["calm", "cross"], ["low", "high"], [("calm", 1), ("cross", 2)]),
        (["not passed", "passed"], ["0", "1"], [("not passed", 0), ("passed", 1)]),
        (["none", "2", "5"], [], [("none", 1), ("2", 2), ("5", 3)]),
        (["0-5", "6-10"], [], [("0-5", 1), ("6-10", 2)]),
        (["160 cm", "165 cm"], [], [("160", 160), ("165", 165)]),
        (["$50k", "$1.5k"], [], [("50000", 50000), ("1500", 1500)]),
        ([3, 4.5, "3"], [], [("3", 3), ("4.5", 4.5)]),
    ],
)
def test_values_are_numbers_where_they_can_be_else_coded_in_order(
    values: list[Any], levels: list[str], expected: list[tuple[str, float]]
) -> None:
    changes = {"variable_type": "ordinal", "units": "level of mood", "levels": levels}
    _, treatment, notes = imported_cause(**changes, attribute_variation=varied(values))
    assert values_of(treatment) == expected
    assert "'level of mood' of owner_spending" in notes
    if expected[0][0] == "calm":
        assert "calm = 1, cross = 2" in notes


def test_public_values_are_told_to_the_others() -> None:
    public = {
        "choice": "public",
        "public_name": "the owner's budget",
        "public_values": ["low", "middle", "high", "top"],
    }
    _, treatment, _ = imported_cause(public_or_private_var=public)
    assert treatment.public == "the owner's budget"
    assert [level.public for level in treatment.values] == ["low", "middle", "high", "top"]
    same = {**public, "public_values": ["$500", "1,000", "$1,500", "$ 2,000.50"]}
    assert [level.public for level in imported_cause(public_or_private_var=same)[1].values] == [None] * 4
    _, treatment, notes = imported_cause(public_or_private_var={**public, "public_values": ["low"]})
    assert [level.public for level in treatment.values] == [None] * 4
    assert "another number of public values" in notes


def test_private_is_private_and_what_is_left_out_is_named() -> None:
    _, treatment, notes = imported_cause(
        public_or_private_var={"choice": "private", "public_name": "his purse", "public_values": ["7"]}
    )
    assert treatment.public is None
    assert "owner_spending (his purse, 7)" in notes


@pytest.mark.parametrize(
    "changes",
    [
        {"scenario_or_agent_var": {"variable_scope": "scenario", "relevant_entity": "scenario"}},
        {"attribute_variation": varied(["5", "6"], "scenario")},
    ],
)
def test_a_variable_of_the_scenario_is_told_to_everyone(changes: dict[str, Any]) -> None:
    _, treatment, _ = imported_cause(**changes, public_or_private_var={})
    assert treatment.tell == (EVERYONE,)
    assert treatment.limit is None


def test_agents_are_known_in_any_case_and_several_may_be_told() -> None:
    _, treatment, _ = imported_cause(attribute_variation=varied(["5", "6"], ["neighbour", "OWNER"]))
    assert treatment.tell == ("Neighbour", "owner")


def test_roles_get_names_that_a_study_can_hold() -> None:
    agents = ["coder", "3rd café owner", "owner"]
    study, notes = imported(
        {AGREED: outcome(agent_measure_question_dict={"3rd café owner": ["agreed?"]}), SPENDING: cause()},
        agents_in_scenario=agents,
    )
    assert study.role_names == ("the coder", "role 3rd cafe owner", "owner")
    measure = study.causal_model.measured[0].measure
    assert measure is not None
    assert measure.ask == "role 3rd cafe owner"
    assert "'coder' is 'the coder'" in notes


# Outcomes


def test_the_oracle_is_the_coder_and_a_role_that_is_asked_answers() -> None:
    variable, measure, _ = imported_outcome()
    assert (variable.answer, measure.ask, measure.question) == ("yes_no", "coder", "did they agree on a fence?")
    _, measure, _ = imported_outcome(agent_measure_question_dict={"neighbour": "did you agree?"})
    assert (measure.ask, measure.question) == ("Neighbour", "did you agree?")


@pytest.mark.parametrize(
    ("prose", "combine"),
    [
        ("the average of both answers is taken.", "mean"),
        ("the answers are summed.", "sum"),
        ("take the highest answer", "max"),
        ("take the smallest answer", "min"),
        ("no sum or average is needed: the answers are the same.", "first"),
        ("the answers are summed, or averaged", "first"),
        ("a total of two questions is asked", "first"),
        ("", "first"),
    ],
)
def test_answers_are_combined_as_the_prose_says_beyond_doubt(prose: str, combine: str) -> None:
    asked = {"oracle": ["how high?", "how wide?"], "owner": ["how dear?"]}
    _, measure, notes = imported_outcome(
        variable_type="count", agent_measure_question_dict=asked, measurement_aggregation=prose or []
    )
    assert measure.items == (
        Item(ask="coder", question="how high?"),
        Item(ask="coder", question="how wide?"),
        Item(ask="owner", question="how dear?"),
    )
    assert measure.combine == combine
    assert prose.rstrip(".") in notes
    assert ("does not say plainly" in notes) == (combine == "first")


def test_an_oracle_that_is_cited_and_never_asked_is_named() -> None:
    _, _, notes = imported_outcome(
        agent_measure_question_dict={"owner": ["did you?"]},
        measurement_aggregation="if the owner is silent, the oracle answers.",
    )
    assert "whom it asks nothing" in notes
    assert "whom it asks nothing" not in imported_outcome()[2]


@pytest.mark.parametrize(
    ("kind", "levels", "expected"),
    [
        ("ordinal", ["fail", "pass", "merit"], [("fail", 1), ("pass", 2), ("merit", 3)]),
        ("ordinal", ["0 - none", "2 - some", "9 - all"], [("0 - none", 0), ("2 - some", 2), ("9 - all", 9)]),
        ("ordinal", ["1", "3", "5"], [("1", 1), ("3", 3), ("5", 5)]),
        ("categorical", ["red", "blue"], [("red", 1), ("blue", 2)]),
        ("binary", ["no deal", "deal"], [("no deal", 0), ("deal", 1)]),
        ("binary", ["No", "Yes"], []),
        ("binary", [], []),
        ("continuous", ["0-5", "above 5"], []),
    ],
)
def test_the_options_of_an_outcome_have_codes(kind: str, levels: list[str], expected: list[tuple[str, float]]) -> None:
    variable, _, notes = imported_outcome(variable_type=kind, levels=levels)
    assert [(level.words, level.code) for level in variable.levels] == expected
    if not expected and levels:
        assert f"Levels in the file: {', '.join(levels)}." in variable.operationalisation
    if kind == "continuous":
        assert "Bands of numbers" in notes


def test_units_of_counts_are_shortened_and_named() -> None:
    variable, _, notes = imported_outcome(variable_type="count", units="count of boards")
    assert variable.unit == "boards"
    assert "'count of boards' of agree is 'boards'" in notes


# Paths


def test_chains_and_several_outcomes_become_equations() -> None:
    height = "the height of the fence"
    variables = {
        AGREED: outcome(),
        height: outcome(height, variable_type="count"),
        SPENDING: cause(),
        MOOD: cause(MOOD),
    }
    edges = {SPENDING: [height, AGREED], MOOD: {"__set__": [height]}, height: {"__set__": [AGREED]}}
    study, _ = imported(variables, edges)
    assert [str(path) for path in study.causal_model.paths] == [
        "agree ~ height_fence + owner_spending",
        "height_fence ~ owner_spending + neighbour_mood",
    ]


def test_what_leads_nowhere_is_named() -> None:
    variables = {AGREED: outcome(causes=[SPENDING, MOOD]), SPENDING: cause(), MOOD: cause(MOOD)}
    study, notes = imported(variables, {SPENDING: [AGREED]})
    assert [str(path) for path in study.causal_model.paths] == ["agree ~ owner_spending"]
    assert f"no path: '{MOOD}' of agree" in notes
    assert "no path from it: neighbour_mood" in notes
    _, notes = imported({AGREED: outcome()}, {})
    assert "no causes of it" in notes
    assert "no cause that is set" in notes


def test_names_are_short_readable_and_unique() -> None:
    long = "the extraordinarily long description of the quality of the wood that was used for the posts"
    labels = ["'Quoted name'", long, f"{long} again", "the a of", "3 boards", "condition", "汉字", "status missing"]
    study, _ = imported({label: outcome(label) for label in labels}, {})
    names = [variable.name for variable in study.causal_model.variables]
    assert names[0] == "quoted_name"
    assert names[1] == "extraordinarily_long_description_quality"
    assert names[2] == f"{names[1]}_2"
    assert names[3:] == ["the_a_of", "v_3_boards", "condition_variable", "variable", "status_missing_variable"]
    assert study.causal_model.variables[0].label == "Quoted name"


# Nothing is dropped unsaid


def test_fields_without_a_place_are_named_once() -> None:
    extra: dict[str, Any] = {
        "lat_or_obs": "latent",
        "observed_proxies": ["smiles"],
        "variation_mapping": {"a": "b"},
        "mood": "x",
    }
    variables = {AGREED: outcome(possible_covariates=[MOOD], name="another"), SPENDING: cause(**extra)}
    _, notes = imported(variables, colour="red")
    (line,) = [line for line in notes.split("\n") if line.startswith("Fields of the file")]
    named = {"colour", "explanations_dict", "lat_or_obs", "mood", "name", "observed_proxies", "possible_covariates",
             "template_dir", "variation_mapping"}  # fmt: skip
    assert set(line.rstrip(".").partition(": ")[2].split("; ")) == named


def test_what_does_not_fit_is_named() -> None:
    _, _, notes = imported_cause(
        variable_type="binary",
        agent_measure_question_dict={"owner": ["how much?"]},
        scenario_or_agent_var={"variable_scope": "individual", "relevant_entity": "neighbour"},
        public_or_private_var={},
        operationalization_dict={},
    )
    for said in (
        "continuous here, binary there",
        "how much?",
        "another entity",
        "Neither public nor private",
        "made observable",
    ):
        assert said in notes


# Damage


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON at line 1"),
        ("format: 1\n", "not JSON at line 1"),
        ("\x00\x01\ufffd", "not JSON"),
        (text_of(builder())[:400], "breaks off after 400 characters"),
        (json.dumps(json.dumps(builder())[:400]), "the JSON inside the file's JSON string breaks off"),
        (json.dumps(builder()).replace('"binary"', "NaN", 1), "NaN is not a number"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[1, 2]", "not a causal model of the 2024 code"),
        ('"only a text"', "the JSON inside"),
        ('{"exp_role": {}, "variations": {}}', "the fields exp_role, variations"),
        ('{"class": "AgentBuilder", "args": {}}', "an object of class 'AgentBuilder'"),
        (json.dumps(builder(scenario_description="\ud800")), "halves of signs"),
    ],
)
def test_a_text_that_is_no_such_file_is_refused(text: str, said: str) -> None:
    assert said in refused(text).message


def without(content: dict[str, Any], *path: Any) -> dict[str, Any]:
    content = copy.deepcopy(content)
    inner = content
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return content


def of(**changes: Any) -> dict[str, Any]:
    """A file with nothing but an outcome, changed."""
    return builder({AGREED: outcome(**changes)}, {})


def setting(variation: dict[str, Any]) -> dict[str, Any]:
    """A file whose cause is set in this way."""
    return builder({AGREED: outcome(), SPENDING: cause(attribute_variation=variation)})


DAMAGE = [
    (without(builder(), "args"), "at args: expected a group of named fields, got nothing"),
    (without(builder(), "args", "scenario_description"), "at scenario_description: expected a text, got nothing"),
    (without(builder(), "args", "agents_in_scenario"), "0 of the at least 2 agents"),
    (without(builder(), "args", "variable_dict"), "at variable_dict"),
    (without(builder(), "args", "edge_dict"), "at edge_dict"),
    (builder({}), "at least one variable"),
    (builder(agents_in_scenario=["owner"]), "1 of the at least 2 agents"),
    (builder(edges={"the weather": [AGREED]}), "at edge_dict: expected variables that 'variable_dict' describes"),
    (builder(edges={SPENDING: [[AGREED]]}), f"at edge_dict['{SPENDING}'][0]: expected a text or a number, got a list"),
    (builder(edges=["x"]), "at edge_dict: expected a group of named fields, got a list"),
    (builder(variables=[AGREED, "rain"]), "at variables: expected variables that 'variable_dict' describes"),
    ({**builder(), "class": "Other"}, "an object of class 'Other'"),
    (builder({AGREED: {**outcome(), "class": "LatentVariable"}}, {}), "expected 'EndogenousVariable' or"),
    (builder({AGREED: [1]}, {}), f"variable_dict['{AGREED}']: expected a group of named fields, got a list"),
    (builder({AGREED: without(outcome(), "args")}, {}), "args: expected a group of named fields, got nothing"),
    (builder({AGREED: outcome(), f"'{AGREED}'": outcome()}, {}), "differ in quotation marks alone"),
    (of(agent_measure_question_dict={}), "expected at least one question"),
    (of(agent_measure_question_dict={"mayor": ["q"]}), "got questions to 'mayor'"),
    (of(variable_type=[]), "expected a variable_type"),
    (of(variable_type="fuzzy"), "got 'fuzzy'"),
    (of(variable_type="ordinal", levels=[]), "levels of a variable that is ordinal, got none"),
    (of(levels=["a", "b", "c"]), "two levels of a binary outcome"),
    (setting({}), "expected attribute_values"),
    (setting(varied(["1"], phrase="")), "an attribute_name"),
    (setting(varied(["1"], "mayor")), "got mayor"),
    (setting(varied([{"a": 1}])), "attribute_values[0]"),
    (builder(edges={SPENDING: [AGREED], AGREED: [SPENDING]}), f"got the cause '{AGREED}'"),
    (builder({AGREED: outcome(), "b": outcome("b")}, {AGREED: ["b"], "b": [AGREED]}), "run in a circle"),
]


@pytest.mark.parametrize(("content", "said"), DAMAGE, ids=[said[:40] for _, said in DAMAGE])
def test_damage_is_told_with_its_place(content: dict[str, Any], said: str) -> None:
    assert said in refused(content).message


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here for key, inner in inside for here in ((*path, key), *paths_in(inner, (*path, key)))]


def never_a_crash(text: str) -> None:
    try:
        study, notes = study_from_published(text, name="fence")
    except ImportFileError as error:
        message, suggestion = error.message, error.suggestion
    else:
        assert notes
        assert study_from_yaml(study_to_yaml(study)) == study
        return
    assert message
    assert suggestion


FULL = builder(
    {AGREED: outcome(causes=[SPENDING]), SPENDING: cause(), MOOD: cause(MOOD)}, {SPENDING: [AGREED], MOOD: [AGREED]}
)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, [], {}, "", 0, -1.5, 1e300, 10**30, True, "x", ["no", "no"], {"__set__": ["a"]}, [[]], {"a": 1}, "oracle",
     "scenario", ["coordinator", "coder"], "汉字", "\x00", ["a" * 80, "3rd bidder"], "private", ["1", "1"]]
)  # fmt: skip


@given(st.data())
def test_a_file_with_fields_taken_out_or_spoilt_is_read_or_refused(data: st.DataObject) -> None:
    content = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        paths = paths_in(content)
        if not paths:
            break
        path = data.draw(st.sampled_from(paths))
        inner: Any = content
        for part in path[:-1]:
            inner = inner[part]
        if data.draw(st.booleans()):
            del inner[path[-1]]
        else:
            inner[path[-1]] = copy.deepcopy(data.draw(JUNK))
    never_a_crash(text_of(content))


@given(st.data())
def test_a_file_that_is_cut_off_or_garbled_is_refused(data: st.DataObject) -> None:
    text = text_of(FULL)
    end = data.draw(st.integers(0, len(text) - 1))
    refused(text[:end])
    never_a_crash(text[:end] + data.draw(st.text(max_size=3)) + text[end + 1 :])


@given(st.text(max_size=60))
def test_any_text_is_refused_in_words(text: str) -> None:
    never_a_crash(text)


# The authors' own files


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not beside this project")
@pytest.mark.parametrize(
    ("name", "roles", "path", "n_values", "answers"),
    [
        ("mug", ("buyer", "seller"),
         "deal_occurs_mug ~ buyer_budget + seller_minimum_acceptable_price_mug + seller_feelings_love_mug", [9, 9, 5],
         ("coder", "yes_no")),
        ("bail", ("judge", "defendant", "defense attorney", "prosecutor"),
         "bail_amount_set_judge ~ defendant_criminal_history + number_cases_judge_heard_day + defendant_level_remorse",
         [7, 7, 5], ("judge", "money")),
    ],
)  # fmt: skip
def test_the_published_files_are_imported_whole(
    name: str, roles: tuple[str, ...], path: str, n_values: list[int], answers: tuple[str, str]
) -> None:
    study, notes = study_from_published((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"), name=name)
    assert study_from_yaml(study_to_yaml(study)) == study
    assert study.role_names == roles
    assert [str(equation) for equation in study.causal_model.paths] == [path]
    treatments = [variable.treatment for variable in study.causal_model.treatments]
    assert [len(treatment.values) for treatment in treatments if treatment is not None] == n_values
    (measured,) = study.causal_model.measured
    assert measured.measure is not None
    assert (measured.measure.ask, measured.answer) == answers
    assert any("(5 levels, " in note for note in notes)
    assert any("whom it asks nothing" in note for note in notes) == (name == "bail")
    limits = [treatment.limit for treatment in treatments if treatment is not None]
    assert limits == (["at_most", "at_least", None] if name == "mug" else [None] * 3)
    public = [treatment.public for treatment in treatments if treatment is not None]
    heard = ["defendant's prior convictions", None, "the defendant's level of expressed remorse"]
    assert public == (heard if name == "bail" else [None] * 3)
