"""The built-in studies hold the published designs, and only sentences that mean them find them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.concepts.errors import ScenarioError
from silicus.concepts.study_yaml import study_from_yaml, study_to_yaml
from silicus.designs.check import check_study
from silicus.designs.plan import plan_sessions
from silicus.studies.library_studies import (
    library_entries,
    library_names,
    library_study,
    library_text,
    match_scenario,
)

ATTACHMENT = tuple(f"{word} emotional attachment" for word in ("no", "slight", "moderate", "high", "extreme"))
REMORSE = tuple(f"{word} expressed remorse" for word in ("no", "low", "moderate", "high", "extreme"))
MAXIMA = (50, 100, 150, 200, 250, 300, 350)

# The published designs: sessions, equation, and for each cause its values as told, the role told, and whether public.
PUBLISHED: dict[str, tuple[int, str, dict[str, tuple[tuple[str | int, ...], str, bool]]]] = {
    "mug": (
        405,
        "deal ~ buyer_budget + seller_minimum + seller_attachment",
        {
            "buyer_budget": ((3, 6, 7, 8, 10, 13, 18, 20, 25), "buyer", False),
            "seller_minimum": ((3, 5, 7, 8, 10, 13, 18, 20, 25), "seller", False),
            "seller_attachment": (ATTACHMENT, "seller", False),
        },
    ),
    "bail": (
        245,
        "bail ~ convictions + cases_heard + remorse",
        {
            "convictions": ((0, 1, 2, 3, 6, 9, 12), "defendant", True),
            "cases_heard": ((0, 2, 5, 9, 12, 18, 23), "judge", False),
            "remorse": (REMORSE, "defendant", True),
        },
    ),
    "interview": (
        80,
        "hired ~ passed_bar + friendly_phrases + height",
        {
            "passed_bar": (("no", "yes"), "applicant", True),
            "friendly_phrases": ((2, 7, 12, 17, 22), "interviewer", False),
            "height": ((160, 165, 170, 175, 180, 185, 190, 195), "applicant", True),
        },
    ),
    "auction": (
        343,
        "price ~ bidder_1_maximum + bidder_2_maximum + bidder_3_maximum",
        {f"bidder_{number}_maximum": (MAXIMA, f"bidder {number}", False) for number in (1, 2, 3)},
    ),
}

# Turn order, centre, speakers, who is asked for the outcome, and the rehearsal law.
PROCEDURES = {
    "mug": ("ordered", None, ("buyer", "seller"), "coder", "bargaining"),
    "bail": ("central_ordered", "judge", ("prosecutor", "defence attorney", "defendant"), "judge", "hearing"),
    "interview": ("ordered", None, ("interviewer", "applicant"), "interviewer", "interview"),
    "auction": ("central_ordered", "auctioneer", ("bidder 1", "bidder 2", "bidder 3"), "auctioneer", "auction"),
}

# Action -> who may take it, what it carries, what it changes.
ACTIONS = {
    "mug": {
        "offer": (("buyer", "seller"), "money", ("propose",)),
        "accept": (("buyer", "seller"), "none", ("agree",)),
        "walk_away": (("buyer", "seller"), "none", ("end",)),
    },
    "bail": {"set_bail": (("judge",), "money", ("end",))},
    "interview": {"decide": (("interviewer",), "choice", ("end",))},
    "auction": {
        "bid": (("bidder 1", "bidder 2", "bidder 3"), "money", ("propose",)),
        "final_bid": (("bidder 1", "bidder 2", "bidder 3"), "money", ("propose", "retire")),
        "drop_out": (("bidder 1", "bidder 2", "bidder 3"), "none", ("retire",)),
        "sell": (("auctioneer",), "money", ("end",)),
    },
}

every_study = pytest.mark.parametrize("name", PUBLISHED)


def test_the_library_holds_the_four_published_studies_and_nothing_else() -> None:
    stored = {entry.name.removesuffix(".yaml") for entry in files("silicus.studies").joinpath("library").iterdir()}
    assert stored == {*library_names(), "meanings"}
    assert set(library_names()) == set(PUBLISHED)


@every_study
def test_a_study_has_the_published_design(name: str) -> None:
    sessions, equation, causes = PUBLISHED[name]
    study = library_study(name)
    assert study.name == name
    assert len(plan_sessions(study)) == sessions
    assert [str(path) for path in study.causal_model.paths] == [equation]
    assert [variable.name for variable in study.causal_model.treatments] == list(causes)
    for variable in study.causal_model.treatments:
        assert variable.treatment is not None
        values, told, public = causes[variable.name]
        levels = variable.treatment.values
        as_told = (
            tuple(level.words for level in levels) if isinstance(values[0], str) else tuple(x.code for x in levels)
        )
        assert as_told == values
        assert variable.treatment.tell == (told,)
        assert (variable.treatment.public is not None) is public


def test_words_stand_for_ranks_and_yes_for_one() -> None:
    codes = {
        level.words: level.code
        for name, cause in (("mug", "seller_attachment"), ("bail", "remorse"), ("interview", "passed_bar"))
        for variable in [library_study(name).causal_model.variable(cause)]
        if variable.treatment is not None
        for level in variable.treatment.values
    }
    assert [codes[words] for words in ATTACHMENT] == [1, 2, 3, 4, 5]
    assert [codes[words] for words in REMORSE] == [1, 2, 3, 4, 5]
    assert (codes["no"], codes["yes"]) == (0, 1)


@every_study
def test_a_study_has_the_published_procedure(name: str) -> None:
    order, center, speakers, asked, law = PROCEDURES[name]
    study = library_study(name)
    procedure = study.procedure
    assert (procedure.turn_order, procedure.center, procedure.speakers) == (order, center, speakers)
    assert procedure.max_turns == 20
    assert procedure.stop == (("agreement",) if name == "mug" else ())
    (outcome,) = study.causal_model.measured
    assert outcome.measure is not None
    assert [item.ask for item in outcome.measure.questions] == [asked]
    found = {action.name: (action.by, action.value, action.effect) for action in procedure.actions}
    assert found == ACTIONS[name]
    assert study.seats.participant.llm == f"rehearsal:{law}"
    assert study.seats.coder.llm == study.seats.scientist.llm == "rehearsal"


def test_limits_bind_the_amounts_that_they_should() -> None:
    limits = {
        variable.name: variable.treatment.limit
        for name in PUBLISHED
        for variable in library_study(name).causal_model.treatments
        if variable.treatment is not None and variable.treatment.limit is not None
    }
    assert limits == {
        "buyer_budget": "at_most",
        "seller_minimum": "at_least",
        "bidder_1_maximum": "at_most",
        "bidder_2_maximum": "at_most",
        "bidder_3_maximum": "at_most",
    }


@every_study
def test_a_check_finds_nothing_to_remark_on(name: str) -> None:
    assert [str(problem) for problem in check_study(library_study(name)).problems] == []


@every_study
def test_a_study_cites_its_source_and_survives_being_written(name: str) -> None:
    study = library_study(name)
    assert study.source is not None
    assert "NBER Working Paper 32381" in study.source.citation
    assert study_from_yaml(study_to_yaml(study)) == study
    assert library_text(name).startswith("# ")


@every_study
def test_a_role_is_told_its_goal_in_words_that_follow_the_templates(name: str) -> None:
    for role in library_study(name).roles:
        assert role.goal.startswith("to ")  # "Your goal is to …"
        assert not role.goal.endswith(".")
        assert not role.constraint.endswith(".")
        assert role.constraint


def test_the_list_shows_every_study_once() -> None:
    entries = library_entries()
    assert [entry.name for entry in entries] == list(library_names())
    assert {entry.name: entry.sessions for entry in entries} == {name: PUBLISHED[name][0] for name in PUBLISHED}
    for entry in entries:
        assert entry.title
        assert match_scenario(entry.scenario).name == entry.name


@pytest.mark.parametrize("load", [library_study, library_text])
def test_an_unknown_name_is_refused_with_the_nearest(load: Callable[[str], object]) -> None:
    with pytest.raises(ScenarioError) as refused:
        load("intervew")
    assert refused.value.suggestion == "Did you mean 'interview'?"
    with pytest.raises(ScenarioError) as refused:
        load("../mug")
    assert refused.value.code == "unknown_library_study"


MEANT = {
    "mug": [
        "two people bargaining over a mug",
        "Two people are bargaining over a mug.",
        "2 people haggling about the price of a mug",
        "people bargaining over a mug",
        "bargaining over a mug",
        "a buyer and a seller haggling about the price of a coffee mug",
        "A seller and a buyer negotiate the sale of a mug!",
        "a seller bargains with a buyer over the price of a mug",
        "a negotiation between a buyer and a seller over a mug",
        "two people negotiating with each other about a mug",
        "a buyer and a seller negotiating how much to pay for a mug",
        "haggling over a mug’s price",
        "two  people\nBARGAINING\tover a mug…",
    ],
    "bail": [
        "a judge is setting bail for a criminal defendant who committed 50,000 dollars in tax fraud",
        "A judge sets bail for a defendant accused of $50,000 of tax fraud",
        "a judge decides on the bail amount for a defendant charged with tax fraud",
        "bail is set by a judge for a defendant who has committed tax fraud",
        "a bail hearing for a defendant accused of tax fraud worth $50k",
        "a judge sets the bail of a defendant in a tax fraud case",
        "a judge is setting bail for someone accused of tax fraud",
        "a judge is setting bail in a tax fraud case",
    ],
    "interview": [
        "a person is interviewing for a job as a lawyer",
        "an applicant being interviewed for a position as an attorney",
        "an employer interviewing a job applicant for a lawyer position",
        "a job interview for a position as a lawyer",
        "someone has a job interview for a role as a lawyer",
        "an interviewer and an applicant in an interview for a job as a lawyer",
    ],
    "auction": [
        "3 bidders participating in an auction for a piece of art starting at fifty dollars",
        "three bidders participating in an auction for a piece of art starting at 50 dollars",
        "three bidders in an auction for a piece of art",
        "an auction of a work of art with three bidders, starting at $50",
        "three people bidding at an auction for an artwork that starts at 50 dollars",
        "an auctioneer and three bidders at an auction for a piece of art",
        "three bidders compete for a piece of art",
        "three bidders bid on a piece of art at an auction",
        "an art auction with three bidders",
    ],
}


@pytest.mark.parametrize(("name", "sentence"), [(name, text) for name, texts in MEANT.items() for text in texts])
def test_a_sentence_that_means_a_study_finds_it(name: str, sentence: str) -> None:
    match = match_scenario(sentence)
    assert (match.name, match.nearest, match.not_understood) == (name, (), ()), match.why


# What is close, or not, and the nearest study that it is offered.
NOT_MEANT = {
    # another thing, another number of people, another relation
    "two people bargaining over a car": "mug",
    "two people bargaining over a mug of beer": "mug",
    "two people bargaining over a mug and a plate": "mug",
    "two people bargaining over mugs": "mug",
    "two people bargaining over two mugs": "mug",
    "two people bargaining over a mugging": "mug",
    "three people bargaining over a mug": "mug",
    "two people and a seller bargaining over a mug": "mug",
    "a buyer and two sellers haggling over a mug": "mug",
    "two siblings bargaining over a mug": "mug",
    "two friends bargaining over a mug": "mug",
    "three bidders bargaining over a mug": "mug",
    # negated, or something else done
    "two people not bargaining over a mug": "mug",
    "two people bargaining over a mug without money": "mug",
    "two people refuse bargaining over a mug": "mug",
    "two people arguing over a mug": "mug",
    "two people bargaining over a mug, the buyer is drunk": "mug",
    "a politician negotiating a trade deal": "mug",
    # another crime, amount, number, or the parts turned round
    "a judge is setting bail for a defendant accused of burglary": "bail",
    "a judge is setting bail for a defendant": "bail",
    "a judge is setting bail for a company in a tax fraud case": "bail",
    "a judge refusing bail for a defendant accused of tax fraud": "bail",
    "a judge is setting bail for two defendants accused of tax fraud": "bail",
    "a judge is setting bail for a criminal defendant who committed 100,000 dollars in tax fraud": "bail",
    "a judge setting bail of 50,000 dollars for a defendant accused of tax fraud": "bail",
    "a defendant setting bail for a judge who committed tax fraud": "bail",
    "a judge accused of tax fraud setting bail for a defendant": "bail",
    "bail out of a bank": "bail",
    # another job, another side
    "a person is interviewing for a job as a nurse": "interview",
    "a person is not interviewing for a job as a lawyer": "interview",
    "two people interviewing for a job as a lawyer": "interview",
    "a lawyer interviewing a person for a job": "interview",
    "a lawyer is interviewing for a job": "interview",
    "interview with a chef": "interview",
    # another auction
    "a museum debating whether to sell art at auction": "auction",
    "two bidders in an auction for a piece of art": "auction",
    "bidders in an auction for a piece of art": "auction",
    "three bidders in a sealed-bid auction for a piece of art": "auction",
    "three bidders in an auction for a car": "auction",
    "three bidders in an auction for a piece of art starting at 500 dollars": "auction",
    "three bidders in an auction for a piece of art starting at -50 dollars": "auction",
    "three bidders in an auction for a piece of art starting at £50": "auction",
    "three bidders starting with 50 dollars in an auction for a piece of art": "auction",
    # nothing of the kind
    "a family arguing whether or not to get a dog": None,
    "two people deciding whether to watch a film": None,
    "": None,
    " \n ": None,
    "...": None,
    "🙂": None,
    "two people bargaining over a mug 🙂": "mug",
    "zwei Menschen feilschen um einen Becher": None,
    "deux personnes marchandent une tasse": None,
    "二人がマグカップの値段を交渉している": None,
    "شخصان يتفاوضان على كوب": None,
}


@pytest.mark.parametrize(("sentence", "near"), NOT_MEANT.items())
def test_a_sentence_that_means_no_study_is_never_forced_onto_one(sentence: str, near: str | None) -> None:
    match = match_scenario(sentence)
    assert match.name is None
    assert match.nearest[:1] == ((near,) if near is not None else ())
    assert match.why


def test_a_near_miss_says_what_keeps_it_from_being_the_study() -> None:
    car = match_scenario("two people bargaining over a car")
    assert car.why == "nearest is 'mug', but 'car' is no part of it and nothing names the mug"
    assert car.not_understood == ("car",)
    three = match_scenario("Three siblings bargaining over a mug")
    assert three.why == "nearest is 'mug', but 'Three', 'siblings' are no part of it"
    turned = match_scenario("two people and a seller bargaining over a mug")
    assert turned.why == "nearest is 'mug', but the words are put together otherwise"
    assert match_scenario("").why == "it has no words"


def test_a_long_text_is_no_scenario() -> None:
    match = match_scenario("two people bargaining over a mug " * 1000)
    assert match.name is None
    assert "60 words" in match.why


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert match_scenario(text).why


words_of_all = st.sampled_from(sorted({word for texts in MEANT.values() for text in texts for word in text.split()}))


@given(st.sampled_from([(name, text) for name, texts in MEANT.items() for text in texts]), st.data())
def test_a_word_that_belongs_to_no_study_always_counts(meant: tuple[str, str], data: st.DataObject) -> None:
    words = meant[1].split()
    place = data.draw(st.integers(0, len(words)))
    stranger = data.draw(st.sampled_from(["not", "never", "siblings", "wine", "four", "17", "imaginary", "%", "é"]))
    sentence = " ".join((*words[:place], stranger, *words[place:]))
    assert match_scenario(sentence).name is None


@given(st.lists(words_of_all, max_size=8))
def test_a_study_is_meant_only_where_its_required_ideas_are_named(words: list[str]) -> None:
    sentence = " ".join(words).lower()
    name = match_scenario(sentence).name
    needed = {"mug": "mug", "bail": "bail", "interview": "interview", "auction": "art"}
    assert name is None or needed[name] in sentence
