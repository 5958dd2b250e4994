"""How a study's numbers came about: versions, language models, usage, laws."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from types import MappingProxyType

from silicus.concepts.seats import REHEARSAL
from silicus.concepts.study import Study
from silicus.execution.archive import Ledger
from silicus.llm.prices import prices_as_of
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


def provenance_of(
    study: Study,
    ledger: Ledger,
    laws: tuple[str, ...],
    faults: Mapping[str, int] = MappingProxyType({}),
    drift: tuple[str, ...] = (),
) -> Provenance:
    """What a report says about its own making.

    Parameters
    ----------
    study
        The study as frozen.
    ledger
        What its calls took.
    laws
        The rehearsal's laws in words.
    faults
        How many requests met which kind of fault.
    drift
        What the canary shows, a line for each language model.
    """
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
        tokens_cached=total.tokens_cached,
        tokens_reasoning=total.tokens_reasoning,
        seconds=total.seconds,
        llms=seats,
        cost_text=_cost_words(study, ledger),
        faults=faults,
        drift=drift,
        laws=laws,
        libraries={name: version(name) for name in LIBRARIES},
    )


def _cost_words(study: Study, ledger: Ledger) -> str:
    """The cost in words; an unknown price is said, not taken for nothing."""
    cost = ledger.total.cost
    if all(seat.provider == REHEARSAL for seat in study.seats.by_place.values()):
        return "none: the embedded model is free"
    if not ledger.rows:
        return "none: every answer was replayed from another archive"
    if cost is None:
        unpriced = sorted({row.llm for row in ledger.rows if row.cost is None})
        return f"not known: there is no price for {', '.join(unpriced)}"
    if cost == 0:
        return "none: nothing that was asked charges for it"
    return f"{cost:,.{2 if cost >= 0.1 else 4}f} US dollars, at the prices of {prices_as_of()} or those in silicus.toml"
