"""Studies, data, estimates and transcripts to report on, made here: no other room takes part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from silicus.concepts.dataset import Codebook, Column, Dataset, Flow
from silicus.concepts.estimate import Estimate, EstimateTable, Sample
from silicus.concepts.study import Study
from silicus.concepts.transcript import Action, Response, Transcript, Turn
from silicus.reporting.material import Provenance, ReportMaterial

MUG: dict[str, Any] = {
    "format": 1,
    "name": "mug",
    "title": "Two people bargaining over a mug",
    "scenario": "two people bargaining over a mug",
    "roles": {
        "buyer": {"goal": "to buy the mug for as little as you can", "constraint": "never pay more than your budget",
                  "attributes": {"name": {"value": "Alex", "public": True}, "age": 34}},
        "seller": {"goal": "to sell the mug for as much as you can", "constraint": "never go below your minimum"},
    },
    "causal_model": {
        "variables": {
            "deal": {"label": "whether a deal occurs for the mug", "kind": "binary",
                     "measure": {"question": "Did the buyer and the seller explicitly agree on a price?"}},
            "buyer_budget": {"label": "the buyer's budget", "kind": "continuous", "unit": "dollars",
                             "treatment": {"tell": "buyer", "phrase": "your budget for the mug", "limit": "at_most",
                                           "values": [3, 6, 7, 8, 10, 13, 18, 20, 25]}},
            "seller_minimum": {"label": "the seller's minimum price", "kind": "continuous", "unit": "dollars",
                               "treatment": {"tell": "seller", "phrase": "your minimum price", "limit": "at_least",
                                             "values": [3, 5, 7, 8, 10, 13, 18, 20, 25]}},
            "seller_attachment": {"label": "the seller's emotional attachment to the mug", "kind": "ordinal",
                                  "treatment": {"tell": "seller", "phrase": "your attachment to the mug",
                                                "values": ["no emotional attachment", "slight emotional attachment",
                                                           "moderate emotional attachment", "high emotional attachment",
                                                           "extreme emotional attachment"]}},
        },
        "paths": ["deal ~ buyer_budget + seller_minimum + seller_attachment"],
    },
    "procedure": {
        "speakers": ["buyer", "seller"], "max_turns": 20, "stop": ["agreement"],
        "actions": {"offer": {"by": ["buyer", "seller"], "meaning": "offer a price", "value": "money",
                              "effect": ["propose"]},
                    "accept": {"by": ["buyer", "seller"], "meaning": "accept the standing offer", "effect": ["agree"]},
                    "leave": {"by": ["buyer", "seller"], "meaning": "walk away", "effect": ["end"]}},
    },
    "seats": {"participant": "rehearsal:bargaining"},
    "source": {"citation": "Manning, B. S., Zhu, K. and Horton, J. J. (2024). Automated social science: language "
                           "models as scientist and subjects.", "licence": "MIT"},
}  # fmt: skip

BAIL: dict[str, Any] = {
    "format": 1,
    "name": "bail",
    "scenario": "a judge sets the bail of a defendant",
    "roles": {name: {"goal": "to do its part"} for name in ("judge", "prosecutor", "defence attorney", "defendant")},
    "causal_model": {
        "variables": {
            "convictions": {"label": "the defendant's previous convictions", "kind": "count", "unit": "convictions",
                            "treatment": {"tell": "defendant", "phrase": "your convictions",
                                          "public": "the defendant's convictions", "values": [0, 1, 2, 3, 6, 9, 12]}},
            "cases": {"label": "the judge's cases heard that day", "kind": "count", "unit": "cases per day",
                      "treatment": {"tell": "judge", "phrase": "cases today", "values": [0, 2, 5, 9, 12, 18, 23]}},
            "plea": {"label": "the plea", "kind": "nominal",
                     "treatment": {"tell": "everyone", "phrase": "the plea",
                                   "values": {"not guilty": 0, "guilty": 1, "no contest": 2}}},
            "remorse": {"label": "the defendant's remorse, as the prosecutor sees it", "kind": "ordinal",
                        "levels": ["none", "some", "much"],
                        "measure": {"ask": "prosecutor", "question": "How much remorse did the defendant show?"}},
            "bail": {"label": "the bail set", "kind": "continuous", "unit": "dollars",
                     "measure": {"ask": "judge", "question": "What bail did you set, in dollars?"}},
            "appeal": {"label": "whether the defence says that it will appeal", "kind": "binary",
                       "measure": {"items": [{"ask": "defence attorney", "question": "Will you appeal?"},
                                             {"question": "Did the defence say that it would appeal?"}]}},
        },
        "paths": ["remorse ~ convictions + plea", "bail ~ convictions + cases + remorse + convictions:cases",
                  "appeal ~ bail + plea"],
    },
    "design": {"assignment": "random_subset", "sessions": 100, "replicates": 2, "seed": 4},
    "procedure": {"turn_order": "central_ordered", "center": "judge",
                  "speakers": ["prosecutor", "defence attorney", "defendant"], "stop": ["coordinator"]},
    "seats": {"participant": "openai:gpt-5-mini", "coder": "openai:gpt-5-mini"},
    "analysis": {"errors": "cluster", "cluster": "condition"},
}  # fmt: skip


def study_of(content: Mapping[str, Any], **changes: Any) -> Study:
    return Study.model_validate({**content, **changes})


def frame_of(study: Study, n: int = 405, seed: int = 11) -> pd.DataFrame:
    """Random treatments, outcomes that follow from them, a few sessions censored, failed or irregular."""
    rng = np.random.default_rng(seed)
    treatments = study.causal_model.treatments
    codes = {v.name: [level.code for level in v.treatment.values] for v in treatments if v.treatment is not None}
    frame = pd.DataFrame({name: rng.choice(values, n) for name, values in codes.items()}, dtype=float)
    frame.insert(0, "session_id", [f"session {i}" for i in range(n)])
    frame["status"] = np.where(rng.random(n) < 0.03, "censored", "complete")
    frame["n_irregular"] = (rng.random(n) < 0.05).astype(float)
    for equation in study.causal_model.ordered_equations:
        variable = study.causal_model.variable(equation.outcome)
        drive = sum((_scaled(frame, term, study) for term in equation.terms), np.zeros(n)) + rng.normal(size=n)
        if variable.kind == "binary":
            frame[variable.name] = (drive > 0).astype(float)
        elif variable.levels:
            steps = np.array([level.code for level in variable.levels])
            frame[variable.name] = steps[np.clip(np.digitize(drive, [-0.6, 0.6]), 0, len(steps) - 1)]
        else:
            frame[variable.name] = np.round(54_000 + 6_000 * drive, 2)
    return frame


def _scaled(frame: pd.DataFrame, term: Sequence[str], study: Study) -> Any:
    product = np.prod([frame[name] for name in term], axis=0)
    sign = -1 if sorted(v.name for v in study.causal_model.variables).index(term[0]) % 2 else 1
    return sign * (product - product.mean()) / (product.std() or 1.0) / len(term)


def table_of(study: Study, frame: pd.DataFrame) -> EstimateTable:
    """Least squares, equation by equation; nominal causes as contrasts with their first level."""
    rows = frame[frame["status"] == "complete"]
    estimates: list[Estimate] = []
    samples: list[Sample] = []
    for equation in study.causal_model.paths:
        y = rows[equation.outcome].to_numpy()
        names: list[str] = ["(intercept)"]
        columns: list[Any] = [np.ones(len(y))]
        for term in equation.terms:
            variable = study.causal_model.variable(term[0])
            if variable.kind == "nominal" and variable.treatment is not None:
                for level in variable.treatment.values[1:]:
                    names.append(f"{variable.name}[{level.words}]")
                    columns.append((rows[variable.name] == level.code).astype(float).to_numpy())
            else:
                names.append(":".join(term))
                columns.append(np.prod([rows[name] for name in term], axis=0))
        x = np.column_stack(columns)
        b, *_ = np.linalg.lstsq(x, y, rcond=None)
        variance = float(((y - x @ b) ** 2).mean())
        errors = np.sqrt(np.diag(variance * np.linalg.pinv(x.T @ x)))
        for i, name in enumerate(names):
            estimates.append(estimate_of(equation.outcome, name, b[i], errors[i], len(y), x[:, i].std() / y.std()))
        estimates.append(
            Estimate(outcome=equation.outcome, treatment="(residual)", quantity="residual_variance", value=variance,
                     n_units=len(y), method=METHOD)
        )  # fmt: skip
        n_left = len(frame) - len(rows)
        samples.append(
            Sample(outcome=equation.outcome, rows=len(frame), used=len(y), mean=float(y.mean()), std_dev=float(y.std()),
                   excluded={"censored: ended by the cap": n_left} if n_left else {})
        )  # fmt: skip
    return EstimateTable(
        study=study.fingerprint, name=study.name, rehearsed=study.seats.rehearsed, estimates=tuple(estimates),
        samples=tuple(samples),
    )  # fmt: skip


METHOD = "maximum likelihood; standard errors from expected information"


def estimate_of(
    outcome: str,
    treatment: str,
    value: float,
    error: float,
    n: int,
    ratio: float = 1.0,
    quantity: Any = "path",
    **more: Any,
) -> Estimate:
    z = value / error if error else math.inf
    return Estimate(
        outcome=outcome, treatment=treatment, quantity=quantity, value=float(value), std_error=float(error),
        interval=(float(value - 1.96 * error), float(value + 1.96 * error)),
        p_value=math.erfc(abs(z) / math.sqrt(2)), standardized=float(value * ratio) if treatment[:1] != "(" else None,
        n_units=n, method=METHOD, **more,
    )  # fmt: skip


def dataset_of(study: Study, frame: pd.DataFrame, planned: int | None = None) -> Dataset:
    columns = [Column(name="session_id", label="the planned session", role="identifier", kind="text")]
    for variable in study.causal_model.variables:
        columns.append(
            Column(name=variable.name, label=variable.label, role="treatment" if variable.treatment else "outcome",
                   kind=variable.kind, unit=variable.unit,
                   values={level.words: level.code for level in variable.levels},
                   how="told to a role" if variable.treatment else "asked after the session")
        )  # fmt: skip
    n_censored = int((frame["status"] == "censored").sum()) if len(frame) else 0
    flow = Flow(planned=planned if planned is not None else len(frame) + 6, complete=len(frame) - n_censored,
                censored=n_censored, failed=2 if len(frame) else 0,
                irregular=int((frame["n_irregular"] > 0).sum()) if len(frame) else 0)  # fmt: skip
    book = Codebook(
        study=study.fingerprint, name=study.name, rehearsed=study.seats.rehearsed, flow=flow, columns=tuple(columns)
    )
    return Dataset(frame, book)


def mug_transcripts() -> tuple[Transcript, ...]:
    condition = {"buyer_budget": 10.0, "seller_minimum": 7.0, "seller_attachment": 4.0}

    def turn(number: int, speaker: str, words: str, action: Action | None, **more: Any) -> Turn:
        other = "seller" if speaker == "buyer" else "buyer"
        return Turn(number=number, speaker=speaker, words=words, action=action, **{"heard_by": (other,), **more})

    deal = Transcript(
        session_id="buyer_budget=10,seller_minimum=7,seller_attachment=4,replicate=1", condition=condition, replicate=1,
        status="complete", ended_by="agreement",
        turns=(
            turn(1, "buyer", "Hello! A lovely mug. Would you take 5 dollars for it?", Action(name="offer", value=5)),
            turn(2, "seller", "I am very fond of it. I could let it go for 9.50.", Action(name="offer", value=9.5)),
            turn(3, "buyer", "(to himself) I must not go above ten.", None, heard_by=()),
            turn(4, "seller", "Twelve then?", Action(name="offer", value=12), irregular=("raised its own offer",)),
            turn(5, "buyer", "9.50 it is, then.", Action(name="accept", value=9.5)),
        ),
        responses=(Response(variable="deal", item=1, respondent="coder", question="Did they agree on a price?",
                            raw="Yes, at $9.50.", value=1.0),),
    )  # fmt: skip
    cut = Transcript(
        session_id="buyer_budget=3,seller_minimum=25,seller_attachment=5,replicate=1",
        condition={"buyer_budget": 3.0, "seller_minimum": 25.0, "seller_attachment": 5.0}, replicate=1,
        status="censored", ended_by="cap",
        turns=tuple(turn(i, ("seller", "buyer")[i % 2], f"No, statement {i}.", None) for i in range(1, 21)),
        responses=(Response(variable="deal", item=1, respondent="coder", question="Did they agree on a price?",
                            raw="It is hard to say…", missing="unreadable", reason="neither yes nor no"),),
    )  # fmt: skip
    failed = Transcript(
        session_id="buyer_budget=6,seller_minimum=6,seller_attachment=1,replicate=1", condition=condition, replicate=1,
        status="failed", error="the provider did not answer",
    )  # fmt: skip
    return deal, cut, failed


PROVENANCE = Provenance(
    silicus_version="0.1.0", python_version="3.11.9", platform="Linux x86_64", date="3 November 2026",
    study_fingerprint="0123456789abcdef", calls=4_812, tokens_in=1_204_332, tokens_out=88_102, seconds=4.21,
    llms={"participant": "rehearsal:bargaining", "coder": "rehearsal"}, cost_text="nothing: no paid language model",
    laws=({"name": "bargaining", "description": "Buyer and seller concede from opening to reservation price.",
           "parameters": {"patience": 0.35, "attachment": {"mark-up": 0.04}}},
          "The coder reads the actions and never errs."),
    libraries={"numpy": "2.4.6", "pandas": "3.1.1"},
)  # fmt: skip


def material_of(
    study: Study, frame: pd.DataFrame, table: EstimateTable | None = None, **changes: Any
) -> ReportMaterial:
    material = ReportMaterial(
        study=study, study_text=f"format: 1\nname: {study.name}\n# the whole file stands here\n",
        dataset=dataset_of(study, frame), table=table or table_of(study, frame), examples=(), provenance=PROVENANCE,
    )  # fmt: skip
    return replace(material, **changes)


def mug_material(**changes: Any) -> ReportMaterial:
    study = study_of(MUG)
    return material_of(study, frame_of(study), **{"examples": mug_transcripts(), **changes})


def bail_material(**changes: Any) -> ReportMaterial:
    study = study_of(BAIL)
    frame = frame_of(study, 200)
    table = table_of(study, frame)
    n = table.samples[1].used
    totals = (
        estimate_of("bail", "convictions", 521.53, 206.567, n, 0.0003, "total_effect"),
        estimate_of("appeal", "convictions", 0.001, 0.004, n, 0.1, "total_effect"),
    )
    table = table.model_copy(update={"estimates": (*table.estimates, *totals)})
    return material_of(study, frame, table, **changes)


@pytest.fixture(scope="session")
def mug() -> ReportMaterial:
    return mug_material()


@pytest.fixture(scope="session")
def bail() -> ReportMaterial:
    return bail_material()


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The functions above, for tests that need another study, other rows or other estimates."""
    return SimpleNamespace(
        MUG=MUG, BAIL=BAIL, METHOD=METHOD, study=study_of, frame=frame_of, table=table_of, estimate=estimate_of,
        dataset=dataset_of, material=material_of, transcripts=mug_transcripts, mug=mug_material, bail=bail_material,
    )  # fmt: skip
