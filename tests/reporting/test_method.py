"""Question, design and procedure in words; the flow of sessions; limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from silicus.concepts.dataset import Flow
from silicus.concepts.estimate import EstimateTable, Sample
from silicus.concepts.procedure import Conversation
from silicus.reporting import method
from silicus.reporting.flow import compliance, flow_steps
from silicus.reporting.limits import limits
from silicus.reporting.material import ReportMaterial


def test_the_question_and_a_hypothesis_a_path(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    assert method.question(study).startswith(
        "What are the effects of the defendant's previous convictions, the judge's"
    )
    found = method.hypotheses(study)
    assert len(found) == 8
    assert found[5] == (
        "An effect of the defendant's previous convictions on the bail set that depends on the judge's cases heard "
        "that day."
    )


def test_the_factors_say_who_is_told_what(kit: SimpleNamespace) -> None:
    convictions, cases, plea = method.factor_rows(kit.study(kit.BAIL))
    assert convictions.values == ("0", "1", "2", "3", "6", "9", "12")
    assert (convictions.told, convictions.visibility) == ("defendant", "public: “the defendant's convictions”")
    assert (cases.told, cases.visibility) == ("judge", "private")
    assert (plea.told, plea.visibility) == ("everyone", "known to all")
    assert plea.values[1] == "1\u00a0=\u00a0guilty"


def test_values_left_out_are_named_and_do_not_count(kit: SimpleNamespace) -> None:
    design = {"only": {"buyer_budget": [3, 6], "seller_attachment": ["no emotional attachment"]}, "replicates": 2}
    study = kit.study(kit.MUG, design=design)
    budget, _, attachment = method.factor_rows(study)
    assert budget.values == ("3", "6")
    assert attachment.left_out[0] == "slight emotional attachment"
    assert method.grid_size(study) == 2 * 9 * 1
    assert method.design_sentences(study, 36)[0] == "Full factorial: all 18 conditions (2 × 9 × 1), each run 2 times."


def test_a_random_subset_names_its_seed(kit: SimpleNamespace) -> None:
    text = " ".join(method.design_sentences(kit.study(kit.BAIL), 200))
    assert "100 of 294 cells (7 × 7 × 3), 147 conditions with 2 replicates each, drawn without replacement by" in text
    assert "by seed 4" in text
    assert "200 sessions planned" in text


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ordered", "The a, the b and the c speak in turn"),
        ("random", "drawn at random for each session"),
        ("central_ordered", "The a speaks between each two others; the b and the c take turns"),
        ("central_random", "The a speaks between each two others; the b and the c are drawn at random"),
        ("coordinator_before", "names who speaks next: the a, the b or the c"),
        ("coordinator_after", "draft a statement in private"),
        ("simultaneous", "speak at once"),
    ],
)
def test_every_turn_order_has_its_sentence(order: Any, words: str) -> None:
    center = "a" if order.startswith("central") else None
    procedure = Conversation(turn_order=order, speakers=("a", "b", "c"), center=center, stop=("all_retired",))
    first, stop, cap = method.procedure_sentences(procedure)
    assert words in first
    assert stop == "A session ends when fewer than two speakers are left."
    assert "After 20 statements" in cap


def test_actions_stop_rules_and_measures_are_told(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG)
    assert (
        "accepts a standing proposal or somebody takes the action “leave”"
        in method.procedure_sentences(study.procedure)[1]
    )
    actions = dict(method.action_sentences(study.procedure))
    assert actions["offer"].startswith("Buyer or seller: offer a price with an amount of money; its amount stands")
    (row,) = method.measure_rows(study)
    assert row.questions == (("the coder", "Did the buyer and the seller explicitly agree on a price?"),)
    assert row.note == "Answer: yes or no."
    appeal = method.measure_rows(kit.study(kit.BAIL))[2]
    assert [who for who, _ in appeal.questions] == ["the defence attorney", "the coder"]
    assert "the first answer that is not missing counts" in appeal.note


def test_the_flow_leads_from_plan_to_analysis(bail: ReportMaterial) -> None:
    steps = flow_steps(bail.dataset, bail.table, bail.study)
    assert (steps.planned, steps.not_held, steps.failed, steps.held) == (206, 4, 2, 200)
    assert steps.complete + steps.censored == steps.held
    (analysed,) = steps.analysed  # all outcomes alike
    assert (analysed.label, analysed.used, analysed.left_out) == ("", steps.complete, ())


def test_outcomes_with_different_rows_have_their_own_step(bail: ReportMaterial) -> None:
    first, *others = bail.table.samples
    fewer = first.model_copy(update={"used": first.used - 9, "excluded": {**first.excluded, "remorse missing": 9}})
    table = bail.table.model_copy(update={"samples": (fewer, *others)})
    steps = flow_steps(bail.dataset, table, bail.study)
    assert len(steps.analysed) == 3
    assert steps.analysed[0].left_out == ((9, "no value for the defendant's remorse, as the prosecutor sees it"),)
    assert "no value for the defendant's remorse, as the prosecutor sees it: 9" in " ".join(
        limits(bail.study, bail.dataset, table)
    )


def test_irregular_sessions_are_counted_by_the_limits_they_were_under(mug: ReportMaterial) -> None:
    found = compliance(mug.dataset, mug.study, mug.examples)
    frame = mug.dataset.frame
    assert found.sessions == int((frame["n_irregular"] > 0).sum())
    assert found.acts == int(frame["n_irregular"].sum())
    budgets = [row for row in found.by_treatment if row[0].startswith("Buyer's budget")]
    assert sum(n for _, n, _ in budgets) == found.sessions
    assert sum(total for _, _, total in budgets) == len(frame)
    assert found.kinds == (("raised its own offer", 1),)


def test_limits_are_those_that_apply(mug: ReportMaterial, bail: ReportMaterial) -> None:
    of_mug = " ".join(limits(mug.study, mug.dataset, mug.table))
    of_bail = " ".join(limits(bail.study, bail.dataset, bail.table))
    assert "programs with effects built in" in of_mug
    assert "programs with effects built in" not in of_bail
    assert "are not people" in of_bail
    assert "3 paths were tested at the 5% level without adjustment" in of_mug
    assert "straight line was fitted to a yes-or-no outcome (whether a deal occurs for the mug)" in of_mug
    assert "suppose residuals of equal variance" in of_mug
    assert "cluster on condition" in of_bail
    assert "Nobody assigned the bail set and the defendant's remorse" in of_bail
    assert "left out, which selects sessions" in of_mug
    assert "coefficients of" not in of_mug


def test_replicates_that_are_taken_as_independent_are_a_limit(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG, design={"replicates": 5}, mode="machine_behaviour")
    frame = kit.frame(study, 30)
    text = " ".join(limits(study, kit.dataset(study, frame), kit.table(study, frame)))
    assert "Each condition was run 5 times, and these replicates were taken as independent" in text
    assert "rows for 4 coefficients" in text


@pytest.mark.parametrize(("mean", "share"), [(0.99, "99% yes"), (0.01, "1% yes")])
def test_an_outcome_that_hardly_varies_is_a_limit(mug: ReportMaterial, mean: float, share: str) -> None:
    sample = Sample(outcome="deal", rows=400, used=400, mean=mean, std_dev=0.1)
    table = mug.table.model_copy(update={"samples": (sample,)})
    assert f"almost all sessions agree ({share})" in " ".join(limits(mug.study, mug.dataset, table))


def test_with_nothing_held_there_is_little_else_to_say(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG)
    dataset = kit.dataset(study, kit.frame(study, 10).iloc[:0], planned=405)
    assert dataset.codebook.flow == Flow(planned=405, complete=0, censored=0, failed=0)
    found = limits(study, dataset, EstimateTable(study=None, rehearsed=False, estimates=()))
    assert any("nothing to analyse yet" in text for text in found)
    assert not any("straight line" in text or "balanced" in text for text in found)


def test_a_cap_that_is_the_only_end_is_told_as_the_planned_length(kit: SimpleNamespace) -> None:
    procedure = Conversation(speakers=("buyer", "seller"), max_turns=9)
    assert method.procedure_sentences(procedure)[1:] == (
        "A session runs for 9 statements, its planned length; nothing ends it earlier.",
    )
    assert "censored" in method.procedure_sentences(kit.study(kit.MUG).procedure)[2]


def test_numbered_and_named_roles_go_without_an_article(kit: SimpleNamespace) -> None:
    procedure = Conversation(turn_order="central_ordered", center="Anna", speakers=("bidder 1", "bidder 2", "guard"))
    assert method.procedure_sentences(procedure)[0] == (
        "Anna speaks between each two others; bidder 1, bidder 2 and the guard take turns."
    )
    model = kit.MUG["causal_model"]
    deal = model["variables"]["deal"] | {"measure": {"question": "Did you agree?", "ask": "Anna"}}
    study = kit.study(
        kit.MUG,
        roles={"Anna": {}, "buyer": {}, "seller": {}},
        causal_model=model | {"variables": model["variables"] | {"deal": deal}},
    )
    assert method.measure_rows(study)[0].questions == (("Anna", "Did you agree?"),)
