"""The answer in words."""

from __future__ import annotations

import html
import re
from types import SimpleNamespace
from typing import Any

import pytest

from silicus.concepts.estimate import EstimateTable, Sample
from silicus.concepts.study import Study
from silicus.reporting.answer import answer_paragraphs, claim
from silicus.reporting.material import ReportMaterial


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("\u00a0", " ")


def published(kit: SimpleNamespace, **changes: Any) -> tuple[EstimateTable, Study]:
    """The mug study as published."""
    study = kit.study(kit.MUG, **changes)
    table = EstimateTable(
        study=None, rehearsed=study.seats.rehearsed,
        estimates=(
            kit.estimate("deal", "(intercept)", 0.5, 0.1, 405),
            kit.estimate("deal", "buyer_budget", 0.037, 0.003, 405, 13.8),
            kit.estimate("deal", "seller_minimum", -0.035, 0.002, 405, 14.0),
            kit.estimate("deal", "seller_attachment", -0.025, 0.0135, 405, 2.8),
        ),
        samples=(Sample(outcome="deal", rows=405, used=405, mean=0.5, std_dev=0.5),),
    )  # fmt: skip
    return table, study


def test_the_published_findings_in_words(kit: SimpleNamespace) -> None:
    (paragraph,) = answer_paragraphs(*published(kit))
    assert plain(paragraph) == (
        "In this rehearsal, with effects built in beforehand, the answer on whether a deal occurs for the mug was "
        "“yes” in 50% of 405 analysed sessions. Each dollar of the buyer's budget raised the probability that a deal "
        "occurs for the mug by 3.70 percentage points (95% CI 3.11 to 4.29, p < .001); each dollar of the seller's "
        "minimum price lowered it by 3.50 percentage points (95% CI 3.11 to 3.89, p < .001). No clear effect was "
        "found of the seller's emotional attachment to the mug (−2.5 percentage points, 95% CI −5.1 to 0.1, "
        "p = .064); the interval shows what remains possible."
    )


def test_every_number_of_an_effect_leads_to_its_row(kit: SimpleNamespace) -> None:
    (paragraph,) = answer_paragraphs(*published(kit))
    links = re.findall(r'<a class="(finding|quiet)" href="#estimate-(\d)"[^>]*>([^<]*)</a>', paragraph)
    assert [(kind, int(row)) for kind, row, _ in links] == [
        ("finding", 2), ("quiet", 2), ("finding", 3), ("quiet", 3), ("finding", 4), ("quiet", 4),
    ]  # fmt: skip
    outside = plain(re.sub(r"<a .*?</a>", "", paragraph))
    assert re.findall(r"\d[\d.,]*", outside) == ["50", "405"]


def test_who_took_part_opens_the_answer(kit: SimpleNamespace) -> None:
    human = published(kit, seats={"participant": "openai:gpt-5", "coder": "openai:gpt-5"})
    machine = published(kit, seats={"participant": "openai:gpt-5", "coder": "openai:gpt-5"}, mode="machine_behaviour")
    assert answer_paragraphs(*human)[0].startswith("With all roles played by openai:gpt-5, the answer")
    assert answer_paragraphs(*machine)[0].startswith("In the behaviour of openai:gpt-5, the answer")


def test_the_two_claims_are_never_mixed(kit: SimpleNamespace) -> None:
    scenario = {"text": "a market", "population": "adults in Cairo"}
    human = claim(kit.study(kit.MUG, scenario=scenario), rehearsed=False)
    machine = claim(kit.study(kit.MUG, scenario=scenario, mode="machine_behaviour"), rehearsed=False)
    assert "stand in for adults in Cairo" in human
    assert "itself" not in human
    assert "no claim about people" in machine
    assert "stand in" not in machine
    assert "not made here" in claim(kit.study(kit.MUG), rehearsed=True)


def test_nothing_estimated_is_said_with_its_reason(kit: SimpleNamespace) -> None:
    table, study = published(kit)
    gone = tuple(
        e.model_copy(update={"value": None, "std_error": None, "interval": None, "p_value": None, "standardized": None,
                             "reason": "'deal' never varied"}) for e in table.estimates
    )  # fmt: skip
    (paragraph,) = answer_paragraphs(table.model_copy(update={"estimates": gone}), study)
    assert (
        "no effect on whether a deal occurs for the mug could be estimated (&#39;deal&#39; never varied)" in paragraph
    )


def test_an_estimate_without_a_test_is_not_called_an_effect(kit: SimpleNamespace) -> None:
    table, study = published(kit)
    bare = tuple(
        e.model_copy(update={"std_error": None, "interval": None, "p_value": None, "reason": "five rows"})
        for e in table.estimates
    )
    text = plain(answer_paragraphs(table.model_copy(update={"estimates": bare}), study)[0])
    assert "there is an estimate but no test" in text
    assert "raised" not in text


def test_exploratory_estimates_stay_out_of_the_answer(kit: SimpleNamespace) -> None:
    table, study = published(kit)
    marked = tuple(e.model_copy(update={"exploratory": True}) for e in table.estimates)
    assert "raised" not in answer_paragraphs(table.model_copy(update={"estimates": marked}), study)[0]


def test_what_was_assigned_acts_and_what_was_measured_goes_with(bail: ReportMaterial) -> None:
    appeal, remorse, amount = (plain(paragraph) for paragraph in answer_paragraphs(bail.table, bail.study))
    assert re.search(r"dollars of the bail set went with a (rise|fall) of 0\.\d+ percentage points", appeal)
    assert "this is an association, since the bail set was measured and not assigned" in appeal
    assert re.search(r"setting the plea to “(guilty|no contest)” rather than “not guilty” raised it", remorse)
    assert "each additional conviction (the defendant's previous convictions) raised it by 521.53 dollars" in amount
    assert "by all routes together" in amount
    assert "holding the defendant's remorse, as the prosecutor sees it constant" in amount


def test_an_interaction_is_told_as_a_change_of_an_effect(kit: SimpleNamespace) -> None:
    estimate = kit.estimate("bail", "convictions:cases", -21.64, 3.73, 188)
    table = EstimateTable(study=None, rehearsed=False, estimates=(estimate,))
    text = plain(answer_paragraphs(table, kit.study(kit.BAIL))[2])
    assert "The effect of the defendant's previous convictions on the bail set changed by −21.64 dollars" in text
    assert "with each unit of the judge's cases heard that day." in text


def test_with_a_product_an_effect_says_at_which_value_it_holds(kit: SimpleNamespace) -> None:
    """The slope of a cause in a product is the slope where its partner is zero, or at its reference level."""
    variables = kit.BAIL["causal_model"]["variables"]
    study = kit.study(kit.BAIL, causal_model={"variables": variables, "paths": ["bail ~ convictions*plea"]})
    estimates = tuple(
        kit.estimate("bail", name, 500.0, 10.0, 188)
        for name in ("convictions", "plea[guilty]", "plea[no contest]", "convictions:plea[guilty]")
    )
    table = EstimateTable(study=None, rehearsed=False, estimates=estimates)
    text = re.sub(r" \(95% CI [^)]*\)", "", plain(answer_paragraphs(table, study)[0]))
    assert "raised the bail set by 500.00 dollars, where the plea is “not guilty”;" in text
    assert "“guilty” rather than “not guilty” raised it by 500.00 dollars, where the defendant's previous conv" in text
    assert "changed by 500.00 dollars where the plea is “guilty” rather than “not guilty”." in text


def test_outcomes_come_before_the_mediators_that_lead_to_them(bail: ReportMaterial) -> None:
    paragraphs = answer_paragraphs(bail.table, bail.study)
    assert len(paragraphs) == 3
    assert "appeal" in paragraphs[0]


def test_a_yes_or_no_cause_is_told_as_a_fact(kit: SimpleNamespace) -> None:
    variables = {
        "hired": {"label": "whether the applicant is hired", "kind": "binary", "measure": {"question": "?"}},
        "bar": {"label": "whether the applicant passed the bar exam", "kind": "binary",
                "treatment": {"tell": "buyer", "phrase": "the exam", "values": {"no": 0, "yes": 1}}},
        "party": {"label": "the party", "kind": "binary",
                  "treatment": {"tell": "buyer", "phrase": "the party", "values": {"Left": 0, "Right": 1}}},
    }  # fmt: skip
    study = kit.study(kit.MUG, causal_model={"variables": variables, "paths": ["hired ~ bar + party"]})
    table = EstimateTable(
        study=None, rehearsed=True,
        estimates=(kit.estimate("hired", "bar", 0.75, 0.068, 80), kit.estimate("hired", "party", -0.3, 0.068, 80)),
    )  # fmt: skip
    text = plain(answer_paragraphs(table, study)[0])
    assert (
        "That the applicant passed the bar exam (rather than not) raised the probability that the applicant is" in text
    )
    assert "setting the party to “Right” rather than “Left” lowered it by 30.0 percentage points" in text


def test_tiny_effects_are_told_for_more_units(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    table = EstimateTable(
        study=None, rehearsed=False, estimates=(kit.estimate("appeal", "bail", -0.0000179, 0.0000026, 197, 1.0),)
    )
    assert "Each 100 dollars of the bail set went with a fall of 0.179 percentage points" in plain(
        answer_paragraphs(table, study)[0]
    )


@pytest.mark.parametrize("n", [7, 12])
def test_of_many_effects_the_largest_are_told_and_the_rest_counted(kit: SimpleNamespace, n: int) -> None:
    variables = {
        f"x{i}": {"label": f"cause {i}", "kind": "continuous",
                  "treatment": {"tell": "buyer", "phrase": "x", "values": [0, 1]}}
        for i in range(n)
    }  # fmt: skip
    variables["y"] = {"label": "the outcome", "kind": "continuous", "measure": {"question": "?"}}
    study = kit.study(
        kit.MUG, causal_model={"variables": variables, "paths": [f"y ~ {' + '.join(list(variables)[:n])}"]}
    )
    estimates = tuple(kit.estimate("y", f"x{i}", 1.0 + i, 0.1, 100) for i in range(n))
    text = plain(answer_paragraphs(EstimateTable(study=None, rehearsed=True, estimates=estimates), study)[0])
    assert f"Each unit of cause {n - 1} raised the outcome by" in text
    assert "cause 0" not in text
    assert re.search(rf"{n - 6} further estimates? (is|are) distinguishable from zero", text)
