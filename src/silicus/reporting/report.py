"""The report: everything a coauthor needs, in one HTML file that asks nothing of a network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from silicus.concepts.dataset import Column
from silicus.concepts.seats import REHEARSAL
from silicus.reporting import formats, method, wording
from silicus.reporting.answer import answer_paragraphs, claim
from silicus.reporting.figures import distribution_charts, how_to_read, outcome_charts
from silicus.reporting.flow import compliance, flow_steps
from silicus.reporting.graph import causal_graph
from silicus.reporting.limits import limits
from silicus.reporting.material import Law, Provenance, ReportMaterial
from silicus.reporting.sessions import session_view
from silicus.reporting.tables import table_view

__all__ = ["Provenance", "ReportMaterial", "render_report"]

_OPEN_FOR_PRINT = (
    "for (const [when, open] of [['beforeprint', true], ['afterprint', false]]) addEventListener(when, () => {"
    "for (const part of document.querySelectorAll(open ? 'details:not([open])' : 'details[data-opened]')) {"
    "part.open = open; part.toggleAttribute('data-opened', open); } });"
)
"""Browsers print a closed part as closed; this opens them for the printer and closes them again."""


def render_report(material: ReportMaterial) -> str:
    """Write the report of a study as one self-contained HTML page.

    The same material gives the same text, byte for byte. Words of participants are shown as text, never as
    markup, and the page's own policy forbids any request to elsewhere.

    Parameters
    ----------
    material
        The study, its data and estimates, the transcripts to show, and where all this comes from.
    """
    study, table, dataset = material.study, material.table, material.dataset
    charts = outcome_charts(study, dataset.frame, table)
    return _environment().get_template("report.html.j2").render(
        study=study,
        title=study.title or wording.capitalised(study.scenario.text),
        material=material,
        table=table,
        flow=flow_steps(dataset, table, study),
        claim=claim(study, rehearsed=table.rehearsed),
        answer=answer_paragraphs(table, study),
        graph=causal_graph(table, study),
        estimates=table_view(table, study),
        charts=charts,
        how_to_read=how_to_read(charts),
        distributions=distribution_charts(study, dataset.frame),
        sessions=[session_view(transcript, study) for transcript in material.examples],
        columns=[_column(column) for column in dataset.codebook.columns],
        compliance=compliance(dataset, study, material.examples),
        limits=limits(study, dataset, table),
        laws=[_law(law) for law in material.provenance.laws],
        usage=_usage(material.provenance),
        faults=_faults(material.provenance),
        has_binary=any(wording.is_zero_one(variable) for variable in study.causal_model.measured),
        print_script=_OPEN_FOR_PRINT,
        script_hash=base64.b64encode(hashlib.sha256(_OPEN_FOR_PRINT.encode()).digest()).decode(),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("silicus.reporting"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {"method": method, "f": formats, "w": wording}
    return environment


def _column(column: Column) -> dict[str, str]:
    missing = [f"{formats.count(n)} {wording.spaced(reason)}" for reason, n in column.missing.items()]
    if column.n_missing and not missing:
        missing = [formats.count(column.n_missing)]
    return {
        "name": column.name,
        "label": column.label,
        "role": column.role,
        "kind": column.kind + (f", {column.unit}" if column.unit else ""),
        "values": ", ".join(f"{formats.plain(code)}\u00a0=\u00a0{words}" for words, code in column.values.items()),
        "how": column.how,
        "missing": "; ".join(missing) or "0",
    }


def _law(law: Law) -> dict[str, Any]:
    """A law with its parts: a name, a description, and parameters as (name, value)."""
    if isinstance(law, str):
        return {"name": "", "description": wording.capitalised(law), "parameters": []}
    parts = dict(law)
    name = str(parts.pop("name", ""))
    description = str(parts.pop("description", parts.pop("text", "")))
    given = parts.pop("parameters", {})
    parts |= given if isinstance(given, Mapping) else {"parameters": given}
    return {"name": name, "description": description, "parameters": [(k, _shown(v)) for k, v in parts.items()]}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{wording.spaced(str(key))} {_shown(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(entry) for entry in value)
    return formats.plain(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _usage(provenance: Provenance) -> str:
    per = f", {formats.plain(round(provenance.seconds, 1))} s" if provenance.seconds else ""
    tokens_in, tokens_out = provenance.tokens_in, provenance.tokens_out
    cached = _share(provenance.tokens_cached, tokens_in, "from a prefix cache") if _asks(provenance) else ""
    reasoning = _share(provenance.tokens_reasoning, tokens_out, "reasoning") if provenance.tokens_reasoning else ""
    tokens = f"{formats.count(tokens_in)} tokens sent{cached}, {formats.count(tokens_out)} received{reasoning}"
    return f"{formats.counted(provenance.calls, 'call')}, {tokens}{per}"


def _asks(provenance: Provenance) -> bool:
    """Whether any seat is taken by a language model that is really asked."""
    return provenance.calls > 0 and any(llm.partition(":")[0] != REHEARSAL for llm in provenance.llms.values())


def _share(part: int, whole: int, what: str) -> str:
    return f" ({part / whole:.0%} {what})" if whole else ""


def _faults(provenance: Provenance) -> str:
    """The requests that met a fault, by kind."""
    return ", ".join(f"{formats.count(number)} {wording.spaced(kind)}" for kind, number in provenance.faults.items())
