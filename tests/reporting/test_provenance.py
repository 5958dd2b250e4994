"""How the report says what asking the language models took, and what went wrong on the way."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace
from typing import Any

from silicus.execution.archive import Ledger, LedgerRow
from silicus.reporting.material import ReportMaterial
from silicus.reporting.report import render_report
from silicus.studies.provenance import provenance_of

ASKED = {"participant": "openai:gpt-4o", "coder": "rehearsal"}


def told(mug: ReportMaterial, **changes: Any) -> str:
    """The words of the section on provenance, with the material's changed."""
    page = render_report(replace(mug, provenance=replace(mug.provenance, **changes)))
    section = page.partition('<section id="provenance">')[2].partition("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", section)).split())


def test_the_share_that_prefix_caches_paid_for_is_told_where_a_model_was_asked(mug: ReportMaterial) -> None:
    assert "1,204,332 tokens sent (25% from a prefix cache), 88" in told(mug, llms=ASKED, tokens_cached=301_083)
    assert "tokens sent (0% from a prefix cache)" in told(mug, llms=ASKED)
    assert "prefix cache" not in told(mug)


def test_reasoning_is_told_where_there_was_any(mug: ReportMaterial) -> None:
    assert "88,102 received (50% reasoning), 4.2 s" in told(mug, tokens_reasoning=44_051)
    assert "reasoning" not in told(mug)


def test_faults_are_counted_by_kind(mug: ReportMaterial) -> None:
    said = told(mug, faults={"rate_limited": 1_200, "timeout": 3})
    assert "Faults 1,200 rate limited, 3 timeout Requests that met each." in said
    assert "Faults" not in told(mug)


def test_the_canary_has_a_line_a_model(mug: ReportMaterial) -> None:
    said = told(mug, drift=("openai:gpt-4o: 3 of 3 fixed calls answered alike", "lab:<b>: the canary was taken once"))
    assert "Canary openai:gpt-4o: 3 of 3 fixed calls answered alike lab:<b>: the canary was taken once" in said
    assert "Canary" not in told(mug)


def ledger(cost: float | None) -> Ledger:
    return Ledger((LedgerRow("openai:gpt-4o", "participant", 10, 1000, 400, 90, 30, cost, 2.0),))


def test_the_cost_is_told_with_its_date_and_an_unknown_one_is_no_zero(kit: SimpleNamespace) -> None:
    asked = kit.study({**kit.MUG, "seats": {"participant": "openai:gpt-4o", "coder": "openai:gpt-4o"}})
    priced = provenance_of(asked, ledger(1.234), ())
    assert priced.cost_text.startswith("1.23 US dollars, at the prices of 20")
    assert (priced.tokens_cached, priced.tokens_reasoning) == (400, 30)
    assert provenance_of(asked, ledger(0.0012), ()).cost_text.startswith("0.0012 US dollars")
    assert provenance_of(asked, ledger(None), ()).cost_text == "not known: there is no price for openai:gpt-4o"
    assert provenance_of(asked, ledger(0.0), ()).cost_text == "none: nothing that was asked charges for it"
    assert "replayed" in provenance_of(asked, Ledger(()), ()).cost_text
    assert "embedded" in provenance_of(kit.study(kit.MUG), ledger(0.0), ()).cost_text
