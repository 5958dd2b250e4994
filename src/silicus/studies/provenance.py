"""How a study's numbers came about: versions, language models, usage, laws."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version

from silicus.concepts.study import Study
from silicus.execution.archive import Ledger
from silicus.llm.rehearsal.provider import laws_in
from silicus.reporting.material import Provenance

__all__ = ["law_lines", "provenance_of"]

LIBRARIES = ("numpy", "scipy", "pandas", "pydantic", "matplotlib")


def law_lines(study: Study) -> tuple[str, ...]:
    """The laws that rehearsed participants follow, with their numbers, as reports print them."""
    lines = []
    for who, law, numbers in laws_in(study):
        stated = ", ".join(f"{name} = {value:g}" for name, value in numbers.items())
        lines.append(f"{who}: {law.name} law. {law.statement} ({stated})")
    return tuple(lines)


def provenance_of(study: Study, ledger: Ledger, laws: tuple[str, ...]) -> Provenance:
    """What a report says about its own making."""
    total = ledger.total
    seats = {"participant": study.seats.participant.llm, "coder": study.seats.coder.llm}
    seats |= {f"participant: {own.name}": own.seat.llm for own in study.seats.roles}
    return Provenance(
        silicus_version=version("silicus"),
        python_version=platform.python_version(),
        platform=platform.platform(terse=True),
        date=datetime.now().astimezone().strftime("%-d %B %Y, %H:%M %Z"),
        study_fingerprint=study.fingerprint,
        calls=total.calls,
        tokens_in=total.tokens_in,
        tokens_out=total.tokens_out,
        seconds=total.seconds,
        llms=seats,
        cost_text="none: the embedded model is free" if total.cost == 0 else _cost_words(total.cost),
        laws=laws,
        libraries={name: version(name) for name in LIBRARIES},
    )


def _cost_words(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:,.2f} US dollars"
