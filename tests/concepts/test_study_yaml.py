"""The text form of a study: what is written is read again, and what is wrong is told with its line."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_strategies import studies, words

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.design import Design
from silicus.concepts.errors import Problem, StudyError
from silicus.concepts.procedure import Conversation
from silicus.concepts.roles import Attribute, Role
from silicus.concepts.scenario import Scenario
from silicus.concepts.seats import Seat, Seats
from silicus.concepts.study import Source, Study
from silicus.concepts.study_yaml import differences, edit_yaml, study_from_yaml, study_json_schema, study_to_yaml
from silicus.concepts.variables import Level, Measure, Treatment, Variable
from silicus.concepts.yaml_nodes import parse_yaml

HAND_WRITTEN = """\
# My first study.
format: 1
name: mug
scenario: two people bargaining over a mug
roles:
  buyer:
    goal: to buy the mug     # cheaply
    attributes: {age: 34, married: no, born at: 12:30, bowling league: {value: on, public: true}}
  seller:
causal_model:
  variables:
    budget:
      label: the buyer's budget
      kind: continuous
      unit: dollars
      treatment: {tell: buyer, phrase: your budget, values: [3, 012, 25], limit: at_most}
    exam:
      label: the exam
      kind: binary
      treatment:
        tell: [buyer, seller]
        phrase: the exam
        values: {no: 0, yes: 1}
    mood:
      label: mood
      kind: ordinal
      treatment: {tell: everyone, phrase: the mood, values: [off, on, yes]}
    deal:
      label: a deal
      kind: binary
      measure:
        question: Did they agree?
  paths:
    - deal ~ budget*exam + mood
procedure:
  speakers: [buyer, seller]
seats:
  participant: rehearsal:bargaining
  roles: {seller: "ollama:qwen3:8b"}
"""


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(StudyError) as caught:
        study_from_yaml(text)
    return caught.value.problems


def edited(*replacements: tuple[str, str]) -> str:
    text = HAND_WRITTEN
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if words in line)


# Reading


def test_a_file_written_by_hand_is_read_with_its_short_forms() -> None:
    study = study_from_yaml(HAND_WRITTEN)
    assert study.scenario == Scenario(text="two people bargaining over a mug")
    assert study.roles == (
        Role(
            name="buyer",
            goal="to buy the mug",
            attributes=(
                Attribute(name="age", value=34),
                Attribute(name="married", value="no"),
                Attribute(name="born at", value="12:30"),
                Attribute(name="bowling league", value="on", public=True),
            ),
        ),
        Role(name="seller"),
    )
    assert str(study.causal_model.paths[0]) == "deal ~ budget + exam + budget:exam + mood"
    assert study.seats.of_role("seller") == Seat(llm="ollama:qwen3:8b")
    assert study.seats.of_role("buyer") == Seat(llm="rehearsal:bargaining")


def test_words_and_numbers_are_those_of_yaml_1_2() -> None:
    model = study_from_yaml(HAND_WRITTEN).causal_model

    def values(name: str) -> list[tuple[str, float]]:
        treatment = model.variable(name).treatment
        assert treatment is not None
        return [(level.words, level.code) for level in treatment.values]

    assert values("budget") == [("3", 3), ("12", 12), ("25", 25)]
    assert values("exam") == [("no", 0), ("yes", 1)]
    assert values("mood") == [("off", 1), ("on", 2), ("yes", 3)]


@pytest.mark.parametrize(
    "text", [HAND_WRITTEN.encode(), b"\xef\xbb\xbf" + HAND_WRITTEN.encode(), "\ufeff" + HAND_WRITTEN]
)
def test_bytes_and_byte_order_marks_are_read(text: str | bytes) -> None:
    assert study_from_yaml(text) == study_from_yaml(HAND_WRITTEN)


def test_windows_line_ends_change_nothing() -> None:
    assert study_from_yaml(HAND_WRITTEN.replace("\n", "\r\n")) == study_from_yaml(HAND_WRITTEN)


# What is wrong with the text


@pytest.mark.parametrize(
    ("text", "code", "line", "said"),
    [
        ("", "empty_file", 1, "empty"),
        ("# only a comment\n", "empty_file", 1, "empty"),
        ("- format: 1\n", "not_fields", 1, "got a list"),
        ("a mug\n", "not_fields", 1, "got a single value"),
        ("format: 1\nroles:\n\tbuyer:\n", "yaml_syntax", 3, "a tab"),
        ("format: 1\nscenario: two people: a mug\n", "yaml_syntax", 2, "in quotes"),
        ("format: 1\nscenario 'x'\nname: y\n", "yaml_syntax", 2, "neither 'field: value'"),
        ("format: 1\nscenario: 'it\nname: x\n", "yaml_syntax", 2, "not closed"),
        ("format: 1\nscenario: 'it's\nname: x\n", "yaml_syntax", 2, "after a closing quotation mark"),
        ("format: 1\nroles: [buyer\nname: x\n", "yaml_syntax", 2, "'[' is opened"),
        ("format: 1\nroles: {buyer: 1\nname: x\n", "yaml_syntax", 2, "'{' is opened"),
        ("roles:\n  buyer: 1\n seller: 2\n", "yaml_syntax", 3, "does not line up"),
        ("format: 1\nname: @x\n", "yaml_syntax", 2, "a meaning of its own"),
        ('format: 1\nname: "\\q"\n', "yaml_syntax", 2, "backslash"),
        ('format: 1\nname: "\\UFFFFFFFF"\n', "not_text", 2, "does not exist"),
        ('format: 1\nname: "\\ud800"\n', "not_text", 2, "does not exist"),
        ("format: 1\nname: ]\n", "yaml_syntax", 2, "stands where a value belongs"),
        ("format: 1\n? [a]\n: b\n", "yaml_syntax", 2, "where a name belongs"),
        ("a: &x 1\nb: *x\n", "yaml_feature", 2, "'*x' repeats"),
        ("a: !!python/object:os.system ls\n", "yaml_feature", 1, "the tag"),
        ("---\na: 1\n---\nb: 1\n", "yaml_feature", 3, "second document"),
        ("%YAML 1.3\n---\na: 1\n", "yaml_feature", 1, "begins with '%'"),
        ("[" * 100, "yaml_feature", 1, "too deeply"),
        ("format: 1\nname: \x00\n", "not_text", 2, "U+0000"),
        (b"format: 1\nname: \xff\n", "not_text", 2, "0xFF"),
    ],
)
def test_a_text_that_is_no_yaml_is_refused_with_its_line(text: str | bytes, code: str, line: int, said: str) -> None:
    (problem,) = problems_of(text)
    assert (problem.code, problem.line) == (code, line)
    assert said in f"{problem.message} {problem.suggestion}"


def test_every_field_that_stands_twice_is_told() -> None:
    text = edited(("kind: continuous", "kind: continuous\n      kind: count"), ("seats:", "name: cup\nseats:"))
    twice = [problem for problem in problems_of(text) if problem.code == "duplicate_field"]
    assert [(p.where, p.line) for p in twice] == [
        ("causal_model.variables.budget.kind", line_of(text, "kind: count\n".strip())),
        ("name", line_of(text, "name: cup")),
    ]
    assert "first on line 3" in twice[1].message


def test_a_missing_and_a_newer_format_are_told_apart() -> None:
    (missing,) = problems_of(edited(("format: 1\n", "")))
    assert (missing.code, missing.where) == ("missing_format", "format")
    assert "format: 1" in missing.suggestion
    (newer,) = problems_of(edited(("format: 1", "format: 2"), ("goal:", "aim_of_format_2:")))
    assert newer.code == "newer_format"
    assert "format 2" in newer.message
    assert "newer silicus" in newer.suggestion
    for other in ("one", "0", "true", "1.5"):
        (wrong,) = problems_of(edited(("format: 1", f"format: {other}")))
        assert (wrong.code, wrong.line) == ("unknown_format", 2)


# What is wrong with the study

WRONG = [
    # what is written, instead of what; code; where; what is said
    ("goal:", "gaol:", "unknown_field", "roles.buyer.gaol", "Did you mean 'goal'?"),
    ("public: true", "pulbic: true", "unknown_field", "roles.buyer.attributes.bowling league.pulbic", "'public'"),
    ("  buyer:\n", "  buyer:\n    name: bob\n", "unknown_field", "roles.buyer.name", "Take 'name' out."),
    ("seats:", "max_turns: 9\nseats:", "unknown_field", "max_turns", "It belongs in 'procedure.max_turns'."),
    ("participant: r", "participants: r", "unknown_field", "seats.participants", "Did you mean 'participant'?"),
    ("phrase: your budget", "phrse: your budget", "unknown_field", "causal_model.variables.budget.treatment.phrse",
     "Did you mean 'phrase'?"),
    ("        question: Did", "        frage: Did", "unknown_field", "causal_model.variables.deal.measure.frage",
     "Known: ask, question, items"),
    ("      unit: dollars\n", "      unit:\n", None, "", ""),
    ("      label: a deal\n", "", "missing_field", "causal_model.variables.deal.label", "What a reader calls it."),
    ("name: mug\n", "", "missing_field", "name", "Short name"),
    ("kind: continuous", "kind: continous", "unknown_word", "causal_model.variables.budget.kind", "'continuous'"),
    ("limit: at_most", "limit: at most", "unknown_word", "causal_model.variables.budget.treatment.limit", "'at_most'"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  turn_order: round robin", "unknown_word",
     "procedure.turn_order", "one of ordered, random, central_ordered"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  kind: survey", "unknown_word", "procedure.kind",
     "expected 'conversation', got 'survey'"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  stop: coordinator", "wrong_type", "procedure.stop",
     "expected a list such as [agreement], got 'coordinator'"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  max_turns: twenty", "wrong_type",
     "procedure.max_turns", "expected a whole number, got 'twenty'"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  max_turns: 2.5", "wrong_type",
     "procedure.max_turns", "expected a whole number, got the number 2.5"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  max_turns: 0", "wrong_number",
     "procedure.max_turns", "expected a number above 0, got the number 0"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  max_turns: true", "wrong_type",
     "procedure.max_turns", "expected a whole number, got true"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seller]\n  actions: {say: hello}", "wrong_type",
     "procedure.actions.say", "expected fields such as by, meaning, value, got 'hello'"),
    ("speakers: [buyer, seller]", "speakers: [buyer, seler]", "unknown_role", "procedure.speakers", "'seller'?"),
    ("age: 34", "age: true", "wrong_type", "roles.buyer.attributes.age", "a number or a word, got true"),
    ("age: 34", "age: [34]", "wrong_type", "roles.buyer.attributes.age", "expected text or a number, got a list"),
    ("goal: to buy the mug ", "goal: 12 ", "wrong_type", "roles.buyer.goal", "put it in quotes"),
    ("goal: to buy the mug ", "goal: ", "wrong_type", "roles.buyer.goal", "expected text, got nothing"),
    ("  seller:\n", "  seller: mean\n", "wrong_type", "roles.seller", "goal, constraint, attributes, got 'mean'"),
    ("scenario: two people bargaining over a mug", "scenario: 7", "wrong_type", "scenario", "expected a sentence"),
    ("participant: rehearsal:bargaining", "participant: [x]", "wrong_type", "seats.participant", "provider:model"),
    ("seller: \"ollama:qwen3:8b\"", "seller: 8", "wrong_type", "seats.roles.seller", "expected text, got the number 8"),
    ("seats:", "seats:\n  coder: {temperature: 9}", "wrong_number", "seats.coder.temperature", "of at most 5"),
    ("values: [3, 012, 25]", "values: [3, low]", "wrong_value", "causal_model.variables.budget.treatment.values",
     "numbers and words are mixed"),
    ("values: [3, 012, 25]", "values: {a: x}", "wrong_type", "causal_model.variables.budget.treatment.values.a",
     "expected a number, got 'x'"),
    ("values: [3, 012, 25]", "values: [3, .inf]", "wrong_number", "causal_model.variables.budget.treatment.values.1",
     "finite"),
    ("values: [3, 012, 25]", "values: 3", "wrong_type", "causal_model.variables.budget.treatment.values", "[3, 6]"),
    ("values: [3, 012, 25]", "values: [{words: a, kode: 1}]", "unknown_field",
     "causal_model.variables.budget.treatment.values.0.kode", "Did you mean 'code'?"),
    ("{no: 0, yes: 1}", "{no: 0, yes: true}", "wrong_type", "causal_model.variables.exam.treatment.values.yes", "true"),
    ("    - deal ~ budget*exam + mood", "    - deal ~ a ~ b", "wrong_value", "causal_model.paths.0", "y ~ x1 + x2"),
    ("    - deal ~ budget*exam + mood", "    - 5", "wrong_type", "causal_model.paths.0", "an equation such as"),
    ("\n    - deal ~ budget*exam + mood", " deal ~ mood", "wrong_type", "causal_model.paths", "one equation a line"),
    ("    - deal ~ budget*exam + mood", "    - deal ~ budgt", "unknown_variable", "causal_model.paths.0", "'budget'?"),
    ("name: mug", "name: My Mug", "bad_name", "name", "Write 'my_mug', say."),
    ("    budget:", "    The Budget:", "bad_name", "causal_model.variables.The Budget", "Write 'the_budget', say."),
    ("  seller:\n", "  seller/1:\n", "bad_name", "roles.seller/1", "beginning with a letter"),
    ("name: mug", f"name: {'m' * 61}", "bad_name", "name", "at most 60"),
    ("seats:", "design: {only: {budget: 3}}\nseats:", "wrong_type", "design.only.budget", "expected a list"),
    ("seats:", "design: {only: {budget: [4]}}\nseats:", "unknown_level", "design.only.budget", "Known: 3, 12, 25"),
    ("seats:", "design: {assignment: random_subset}\nseats:", "wrong_value", "design", "needs 'sessions'"),
    ("seats:", "analysis: {errors: cluster, cluster: town}\nseats:", "unknown_cluster", "analysis.cluster",
     "condition"),
    ("roles:\n  buyer:", "roles:\n  coder: {}\n  buyer:", "reserved_role", "roles.coder", "another name"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "said"), WRONG, ids=[f"{w[0][:20]}->{w[1][:30]}" for w in WRONG]
)
def test_a_mistake_is_told_with_field_and_remedy(old: str, new: str, code: str | None, where: str, said: str) -> None:
    text = edited((old, new))
    if code is None:
        study_from_yaml(text)
        return
    found = [problem for problem in problems_of(text) if problem.code == code]
    assert [problem.where for problem in found] == [where]
    assert said in f"{found[0].message} {found[0].suggestion}"
    assert "pydantic" not in str(found[0])
    assert "Input should" not in str(found[0])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("goal:", "gaol:", "gaol"),
        ("bowling league: {value: on, public", "bowling league: {value: on, pulbic", "bowling"),
        ("kind: continuous", "kind: continous", "continous"),
        ("      label: a deal\n", "", "    deal:"),
        ("  seller:\n", "  seller/1:\n", "seller/1"),
        ("    - deal ~ budget*exam + mood", "    - deal ~ exam\n    - mood ~ deal ~ 1", "- mood ~"),
        ("        phrase: the exam", "        phrase:\n          - the exam", "        phrase:"),
        ("values: {no: 0, yes: 1}", "values:\n          no: 0\n          yes: maybe", "yes: maybe"),
        ("seats:", "design:\n  only:\n    budget: [3]\n    bugdet: [3]\nseats:", "bugdet"),
    ],
)
def test_the_line_is_that_of_the_field(old: str, new: str, words: str) -> None:
    text = edited((old, new))
    assert [problem.line for problem in problems_of(text)] == [line_of(text, words)]


def test_a_misspelt_required_field_is_one_problem() -> None:
    assert len(problems_of(edited(("scenario: two", "scenerio: two")))) == 1


def test_all_problems_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = edited(
        ("goal:", "gaol:"), ("kind: continuous", "kind: continous"), ("{tell: buyer", "{tell: byer"),
        ("- deal ~ budget*exam + mood", "- deal ~ budget*exam + moood"),
        ("    budget:", "    budget:\n      public: x"),
        ("speakers: [buyer, seller]", "speakers: [buyer, seler]\n  max_turns: many"), ("age: 34", "age: 34, age: 35"),
        ("measure:\n        question", "measure:\n        qestion"),
    )  # fmt: skip
    problems = problems_of(text)
    assert [problem.where for problem in problems] == [
        "roles.buyer.gaol",
        "roles.buyer.attributes.age",
        "causal_model.variables.budget.public",
        "causal_model.variables.budget.kind",
        "causal_model.variables.budget.treatment.tell",
        "causal_model.variables.deal.measure.qestion",
        "causal_model.paths.0",
        "procedure.speakers",
        "procedure.max_turns",
    ]
    assert [problem.line for problem in problems] == sorted(problem.line or 0 for problem in problems)


def test_a_part_that_is_wrong_itself_raises_no_false_alarm_elsewhere() -> None:
    assert [p.code for p in problems_of(edited(("    budget:", "    Budget:")))] == ["bad_name"]
    assert [p.code for p in problems_of(edited(("  seller:\n", "  seller: 5\n")))] == ["wrong_type"]


def test_a_list_of_named_things_may_not_name_one_twice() -> None:
    text = edited(("scenario: two people bargaining over a mug", "scenario: x"))
    listed = text.replace("  seller:\n", "").replace(
        "roles:\n  buyer:", "roles:\n- name: buyer\n- name: seller\n- name: buyer", 1
    )
    start, end = listed.index("    goal"), listed.index("causal_model")
    (problem,) = problems_of(listed[:start] + listed[end:])
    assert (problem.code, problem.line) == ("duplicate_field", line_of(listed, "roles:"))


def test_the_error_names_the_file_and_counts() -> None:
    with pytest.raises(StudyError, match=r"(?s)my\.yaml has 1 problem:.*line 7: roles\.buyer\.gaol") as caught:
        study_from_yaml(edited(("goal:", "gaol:")), source="my.yaml")
    assert caught.value.suggestion


@given(st.data())
def test_a_spoilt_file_is_refused_with_lines_or_read_never_a_crash(data: st.DataObject) -> None:
    text = HAND_WRITTEN
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        signs = st.sampled_from([*"{}[]:,#-?&*!|>'\"%@`\t\n ~", "\n  ", "- ", ": ", "null", "1", "\u2028"])
        text = text[:start] + "".join(data.draw(st.lists(signs, max_size=3))) + text[end:]
    try:
        study_from_yaml(text)
    except StudyError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.line is not None for problem in problems)


# Writing


@settings(max_examples=40)
@given(studies())
def test_what_is_written_is_read_again(study: Study) -> None:
    text = study_to_yaml(study)
    again = study_from_yaml(text)
    assert again == study
    assert again.fingerprint == study.fingerprint
    assert study_to_yaml(again) == text


def full_study() -> Study:
    """A study in which nearly every field is filled."""
    deal = Variable(
        name="deal",
        label="a deal",
        kind="ordinal",
        levels=(Level(words="no", code=0), Level(words="yes", code=1)),
        measure=Measure(ask="buyer", question="Did you agree?"),
    )
    hints = tuple(Level(words=f"hint {n}" + " of a long kind" * 6, code=n, public=f"hint {n}") for n in (1, 2))
    hint = Variable(
        name="hint",
        label="the hint",
        kind="binary",
        treatment=Treatment(tell=("buyer", "seller"), phrase="the hint", values=hints, public="a hint"),
    )
    example = Study.example()
    variables = (*example.causal_model.variables[:1], hint, deal)
    return example.model_copy(
        update={
            "title": "no",
            "scenario": Scenario(text="a mug", population="adults"),
            "causal_model": CausalModel(variables=variables, paths=("deal ~ buyer_budget*hint",)),
            "design": Design(only={"buyer_budget": (3, "6")}, seed=4),
            "seats": Seats(participant=Seat(llm="x:y", temperature=1, law={"pull": 2.0})),
            "source": Source(citation="word " * 40 + "end", notes=("short", "two\nlines\n")),
        }
    )


def test_the_file_is_pleasant_to_read() -> None:
    text = study_to_yaml(full_study())
    lines = text.split("\n")
    assert lines[0] == "# yaml-language-server: $schema=study.schema.json"
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert max(map(len, lines)) <= 120
    sections = [line.partition(":")[0] for line in lines if line[:1].isalpha()]
    assert sections == [name for name in Study.model_fields if name in sections]
    for section in ("scenario", "roles", "causal_model", "design", "procedure", "seats", "analysis", "source"):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{section}:"))
        assert lines[at - 1].startswith("# "), section
        assert "" in lines[at - 3 : at - 1], section
    for written in (
        "        values: [3, 6, 25]", "      levels: {no: 0, yes: 1}", "          - words: hint 1 of a long kind",
        "            public: hint 1", "    - deal ~ buyer_budget + hint + buyer_budget:hint", "    law: {pull: 2}",
        '  only: {buyer_budget: [3, "6"]}', "  citation: >-", "    - short", "    - |", "      two", "title: no",
        "  scientist: rehearsal", "      age: 34",
    ):  # fmt: skip
        assert written in text, written
    assert text.count("# The value bounds") == 1


def test_defaults_are_left_out_save_those_worth_seeing() -> None:
    text = study_to_yaml(Study.example())
    for shown in (
        "  assignment: full_factorial", "  replicates: 1", "  seed: 1", "  turn_order: ordered", "  max_turns: 20",
        "  scientist: rehearsal", "  coder: rehearsal", "  errors: standard", "  confidence_level: 0.95",
        "mode: human_proxy",
    ):  # fmt: skip
        assert f"\n{shown}\n" in text
    for hidden in (
        "title:",
        "source:",
        "censored:",
        "sessions:",
        "combine:",
        "language:",
        "null",
        "constraint:",
        "law:",
    ):
        assert hidden not in text


def test_a_comment_stands_once_however_many_variables_there_are() -> None:
    comments = [line.strip() for line in study_to_yaml(full_study()).split("\n") if line.strip().startswith("# ")]
    assert len(comments) == len(set(comments))


# Editing


def test_an_edit_leaves_every_other_character_alone() -> None:
    text = edit_yaml(HAND_WRITTEN, {"roles.buyer.goal": "to win", "procedure.speakers": ["seller", "buyer"]})
    assert text == edited(("to buy the mug ", "to win "), ("[buyer, seller]\nseats", "[seller, buyer]\nseats"))


def test_a_missing_field_is_added_where_it_belongs() -> None:
    text = edit_yaml(study_to_yaml(Study.example()), {"design.assignment": "random_subset", "design.sessions": 60})
    assert (
        "  assignment: random_subset\n  sessions: 60\n  # How often each condition is run.\n  replicates: 1\n" in text
    )
    assert study_from_yaml(text).design == Design(assignment="random_subset", sessions=60)


def test_a_missing_section_is_added_between_its_neighbours() -> None:
    text = edit_yaml(HAND_WRITTEN, {"design.seed": 7})
    assert text == HAND_WRITTEN.replace("procedure:\n", "\ndesign:\n  seed: 7\nprocedure:\n").replace(
        "mood\n\n", "mood\n\n"
    )
    assert study_from_yaml(text).design.seed == 7


def test_a_short_form_grows_when_a_field_below_it_is_set() -> None:
    changes = {"scenario.language": "de", "seats.participant.law.pull": 0.5, "seats.roles.seller.temperature": 1,
               "roles.buyer.attributes.age.public": True, "roles.seller.goal": "to sell: dear"}  # fmt: skip
    study = study_from_yaml(edit_yaml(HAND_WRITTEN, changes))
    assert study.scenario == Scenario(text="two people bargaining over a mug", language="de")
    assert study.seats.participant == Seat(llm="rehearsal:bargaining", law={"pull": 0.5})
    assert study.seats.of_role("seller") == Seat(llm="ollama:qwen3:8b", temperature=1)
    assert study.roles[0].attributes[0] == Attribute(name="age", value=34, public=True)
    assert study.roles[1] == Role(name="seller", goal="to sell: dear")


def test_none_takes_a_field_out_and_nothing_else() -> None:
    text = edit_yaml(
        HAND_WRITTEN, {"causal_model.variables.budget.unit": None, "seats.roles": None, "design.seed": None}
    )
    assert text == edited(("      unit: dollars\n", ""), ('  roles: {seller: "ollama:qwen3:8b"}\n', ""))
    emptied = edit_yaml("roles:\n  buyer:\n    goal: x\n  seller:\n", {"roles.buyer.goal": None})
    assert emptied == "roles:\n  buyer: {}\n  seller:\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "after"),
    [
        ("a: 1 # one\n", "a", 2, "a: 2 # one\n"),
        ("a: 1", "b", 2, "a: 1\nb: 2\n"),
        ("a: 1\r\nb: 2\r\n", "c", 3, "a: 1\r\nb: 2\r\nc: 3\r\n"),
        ("", "a.b", 1, "a:\n  b: 1\n"),
        ("a:\nb: 1\n", "a", "x", "a: x\nb: 1\n"),
        ("a:   # what\nb: 1\n", "a.c", 1, "a:\n  c: 1   # what\nb: 1\n"),
        ("a: {}\n", "a.b", [1, 2], "a: {b: [1, 2]}\n"),
        ("a: {b: 1,  d: 2}\n", "a.b", None, "a: {d: 2}\n"),
        ("a: {b: 1,  d: 2}\n", "a.d", None, "a: {b: 1}\n"),
        ("a: {b: 1,  d: 2}\n", "a.c", "x: y", 'a: {b: 1,  d: 2, c: "x: y"}\n'),
        ("a: [x, y]\n", "a.1", "z", "a: [x, z]\n"),
        ("a: [x, y]\n", "a.0", None, "a: [y]\n"),
        ("a:\n  - x\n  - y # why\n", "a.0", None, "a:\n  - y # why\n"),
        ("a:\n  - q: 1\n  - q: 2\n", "a.1.r", 3, "a:\n  - q: 1\n  - q: 2\n    r: 3\n"),
        ("a:\n  b: 1\n# next\nc: 1\n", "a.d", 2, "a:\n  b: 1\n  d: 2\n# next\nc: 1\n"),
        ("a: |\n  long\n  text\n\nb: 1\n", "a", "short", "a: short\n\nb: 1\n"),
        ("a: 1\nb: 2\n", "a", {"c": {"d": 1}}, "a:\n  c:\n    d: 1\nb: 2\n"),
        ("a:\n  b: 1\n", "a.x.y", "two\nlines", 'a:\n  b: 1\n  x:\n    y: "two\\nlines"\n'),
    ],
)
def test_an_edit_keeps_the_layout(text: str, path: str, value: Any, after: str) -> None:
    assert edit_yaml(text, {path: value}) == after


@pytest.mark.parametrize("path", ["name.first", "procedure.speakers.7", "procedure.speakers.first"])
def test_a_path_through_what_has_no_fields_is_refused(path: str) -> None:
    with pytest.raises(StudyError, match="has no field"):
        edit_yaml(HAND_WRITTEN, {path: 1})


def test_a_text_that_cannot_be_read_is_not_edited() -> None:
    with pytest.raises(StudyError, match="not closed"):
        edit_yaml("a: [1\n", {"a": 2})


json_values = st.recursive(
    words | st.integers(-99, 99) | st.booleans() | st.floats(-10, 10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=40)
@given(st.data(), studies())
def test_an_edit_changes_what_it_says_and_keeps_the_rest(data: st.DataObject, study: Study) -> None:
    text = study_to_yaml(study)
    root, _ = parse_yaml(text)
    assert root is not None
    paths = [path for path, _ in root.walk() if path and not any("." in part or not part for part in path)]
    path = data.draw(st.sampled_from(paths))
    value = data.draw(st.none() | json_values)
    after, problems = parse_yaml(edit_yaml(text, {".".join(path): value}))
    assert problems == ()
    assert after is not None
    parent = root.data
    for part in path[:-1]:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    last: Any = int(path[-1]) if isinstance(parent, list) else path[-1]
    if value is None:
        del parent[last]
    else:
        parent[last] = value
    assert after.data == root.data


# Differences


def test_differences_are_told_a_line_each() -> None:
    before = study_from_yaml(HAND_WRITTEN)
    after = study_from_yaml(
        edit_yaml(
            HAND_WRITTEN,
            {
                "design.seed": 3,
                "design.only": {"budget": [3]},
                "causal_model.variables.budget.treatment.values": [3, 6, 25],
                "causal_model.variables.exam.treatment.values": {"no": 0, "yes": 2},
                "causal_model.variables.budget.unit": None,
                "roles.umpire": {"goal": "to watch"},
                "roles.buyer.attributes.age": 35,
                "source.citation": "me",
                "seats.participant.law.pull": 1,
                "procedure.speakers": ["seller", "buyer"],
            },
        )
    )
    assert differences(before, after) == (
        "roles.buyer.attributes.age.value: 34 -> 35",
        "roles.umpire: added",
        "causal_model.variables.budget.unit: dollars -> not set",
        "causal_model.variables.budget.treatment.values: [3, 12, 25] -> [3, 6, 25]",
        "causal_model.variables.exam.treatment.values: {no: 0, yes: 1} -> {no: 0, yes: 2}",
        "design.only.budget: not set -> [3.0]",
        "design.seed: 1 -> 3",
        "procedure.speakers: [buyer, seller] -> [seller, buyer]",
        "seats.participant.law.pull: not set -> 1.0",
        "source: added",
    )
    assert "roles.umpire: removed" in differences(after, before)


def test_a_changed_order_is_a_difference() -> None:
    study = Study.example()
    turned = study.model_copy(update={"roles": study.roles[::-1]})
    assert differences(study, turned) == ("roles: order [buyer, seller] -> [seller, buyer]",)


def test_a_long_text_is_shown_where_it_differs() -> None:
    study = Study.example()
    one, two = (study.model_copy(update={"title": "so " * 90 + end}) for end in ("early", "late"))
    (line,) = differences(one, two)
    assert "early" in line
    assert "late" in line
    assert len(line) < 200


@settings(max_examples=25)
@given(studies(), studies())
def test_there_are_differences_exactly_between_unequal_studies(one: Study, two: Study) -> None:
    mixed = one.model_copy(update={"roles": two.roles, "design": two.design, "source": two.source})
    for other in (two, mixed):
        assert (differences(one, other) == ()) == (one == other)
    assert differences(one, study_from_yaml(study_to_yaml(one))) == ()


# The schema

SCHEMA = study_json_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one_and_says_what_fields_mean() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"]
    assert "$id" not in json.dumps(SCHEMA)
    assert all("description" in field for field in SCHEMA["properties"].values())
    assert all(CHECK.is_valid(example) for example in SCHEMA["examples"])


@settings(max_examples=25)
@given(studies())
def test_the_schema_takes_what_is_written(study: Study) -> None:
    root, _ = parse_yaml(study_to_yaml(study))
    assert root is not None
    assert list(CHECK.iter_errors(root.data)) == []
    dumped = json.loads(json.dumps(study.model_dump(mode="json", exclude_defaults=True)))
    assert list(CHECK.iter_errors(dumped)) == []


def test_the_schema_takes_the_short_forms() -> None:
    root, _ = parse_yaml(HAND_WRITTEN)
    assert root is not None
    assert list(CHECK.iter_errors(root.data)) == []


# What a schema cannot know, or this one does not: that parts fit together, that numbers are finite.
UNSEEN = ("unknown_role", "unknown_variable", "unknown_level", "unknown_cluster", "reserved_role", "wrong_value")
UNSEEN_THOUGH_WRONG = "values: [3, .inf]"
SEEN_THOUGH_IN_A_CHECK = "values: [3, low]"


@pytest.mark.parametrize(
    ("old", "new", "code"), [w[:3] for w in WRONG], ids=[f"{w[0][:20]}->{w[1][:30]}" for w in WRONG]
)
def test_the_schema_refuses_the_mistakes_it_can_see(old: str, new: str, code: str | None) -> None:
    root, _ = parse_yaml(edited((old, new)))
    assert root is not None
    unseen = code is None or code in UNSEEN or new == UNSEEN_THOUGH_WRONG
    assert CHECK.is_valid(root.data) == (unseen and new != SEEN_THOUGH_IN_A_CHECK)


def test_an_order_of_turns_that_speaks_of_an_unknown_role_is_told() -> None:
    procedure = Conversation(speakers=("buyer", "seller"))
    text = study_to_yaml(Study.example().model_copy(update={"procedure": procedure}))
    (problem,) = problems_of(text.replace("speakers: [buyer, seller]", "speakers: [buyer, selller]"))
    assert problem.suggestion == "Did you mean 'seller'?"
