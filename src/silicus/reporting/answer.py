"""The answer in words: what was found, how sure it is, and what it is not, each number tied to its estimate."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from silicus.concepts.causal_model import Equation
from silicus.concepts.estimate import Estimate, EstimateTable, Sample
from silicus.concepts.study import Study
from silicus.concepts.variables import Variable
from silicus.reporting import formats, wording
from silicus.reporting.anchors import anchors_of

__all__ = ["answer_paragraphs", "claim"]

_MOST_IN_PROSE = 6


def claim(study: Study, *, rehearsed: bool) -> str:
    """What the study speaks about, in a sentence: people, or the language model itself. Never both."""
    who = study.scenario.population or "people"
    if study.mode == "machine_behaviour":
        subject = "The language model itself is what this study is about; it makes no claim about people."
    else:
        subject = (
            f"In this study language models stand in for {who}. How well they do is to be judged by comparison "
            f"with data from {who}, and this report contains none."
        )
    return subject + (" As the sessions were rehearsed, even that claim is not made here." if rehearsed else "")


def answer_paragraphs(table: EstimateTable, study: Study) -> tuple[Markup, ...]:
    """The findings, a paragraph an outcome; outcomes before the mediators that lead to them.

    Effects of what the experiment set are told as effects, since it was assigned; paths from what was measured
    are told as associations. Every number links to its row in the table of paths.
    """
    inner = {cause for equation in study.causal_model.paths for cause in equation.causes}
    ordered = sorted(study.causal_model.paths, key=lambda equation: equation.outcome in inner)
    paragraphs = tuple(_paragraph(table, study, equation, is_first=i == 0) for i, equation in enumerate(ordered))
    return paragraphs or (Markup("The study states no path, so nothing was estimated."),)


def _paragraph(table: EstimateTable, study: Study, equation: Equation, *, is_first: bool) -> Markup:
    sample = next((s for s in table.samples if s.outcome == equation.outcome), None)
    found = _findings(table, study, equation)
    opening = _opening(study, table, is_first=is_first)
    if not found:
        reasons = dict.fromkeys(e.reason for e in table.estimates if e.outcome == equation.outcome and e.reason)
        why = f" ({'; '.join(reasons)})" if reasons else ""
        text = f"no effect on {wording.label_of(study, equation.outcome)} could be estimated{why}."
        return escape(opening + text if opening else wording.capitalised(text))
    described = _describe(study, equation.outcome, sample)
    writer = _Writer(table, study, equation.outcome)
    lead = opening + described if opening else wording.capitalised(described)
    return Markup(" ").join([escape(lead), *writer.sentences(found)])


def _opening(study: Study, table: EstimateTable, *, is_first: bool) -> str:
    if not is_first:
        return ""
    if table.rehearsed:
        return "In this rehearsal, with effects built in beforehand, "
    llms = wording.joined(dict.fromkeys(study.seats.of_role(role).llm for role in study.role_names))
    return f"In the behaviour of {llms}, " if study.mode == "machine_behaviour" else f"With all roles played by {llms}, "


def _findings(table: EstimateTable, study: Study, equation: Equation) -> list[tuple[int, Estimate]]:
    """The estimates that answer the question: total effects where causes act through mediators, else paths."""
    measured = {variable.name for variable in study.causal_model.measured}
    has_mediator = any(cause in measured for cause in equation.causes)
    mine = [(i, e) for i, e in enumerate(table.estimates) if e.outcome == equation.outcome and not e.exploratory]
    paths = [(i, e) for i, e in mine if e.quantity == "path" and e.treatment[:1] != "("]
    totals = [(i, e) for i, e in mine if e.quantity == "total_effect" and e.value is not None] if has_mediator else []
    named = {e.treatment for _, e in totals}
    kept = [(i, e) for i, e in paths if e.value is not None and e.treatment not in named]
    return [*totals, *kept]


def _describe(study: Study, outcome: str, sample: Sample | None) -> str:
    variable = wording.find_variable(study, outcome)
    label = wording.label_of(study, outcome)
    if sample is None or sample.mean is None:
        return f"the estimates for {label} are these."
    over = formats.counted(sample.used, "analysed session")
    if variable is not None and variable.kind == "binary":
        levels = wording.levels_of(variable)
        yes = levels[-1].words if levels else "yes"
        return f"{formats.percent(sample.mean)} of {over} were coded “{yes}” on {label}."
    mean = wording.amount(sample.mean, variable.unit if variable else None, formats.number(sample.mean))
    spread = f" (SD {formats.number(sample.std_dev)})" if sample.std_dev is not None else ""
    return f"{label} averaged {mean}{spread} over {over}."


class _Writer:
    """Writes the sentences about one outcome."""

    def __init__(self, table: EstimateTable, study: Study, outcome: str) -> None:
        self.table, self.study, self.outcome = table, study, outcome
        self.variable = wording.find_variable(study, outcome)
        self.anchors = anchors_of(table)
        self.is_binary = self.variable is not None and self.variable.kind == "binary"

    def sentences(self, found: Sequence[tuple[int, Estimate]]) -> list[Markup]:
        clear = [(i, e) for i, e in found if _is_clear(e)]
        unclear = [(i, e) for i, e in found if not _is_clear(e) and e.p_value is not None]
        untested = [(i, e) for i, e in found if e.p_value is None]
        clear.sort(key=lambda each: -abs(each[1].standardized or 0.0))
        written = [self._clear(i, e) for i, e in clear[:_MOST_IN_PROSE]]
        if len(clear) > _MOST_IN_PROSE:
            further = formats.counted(len(clear) - _MOST_IN_PROSE, "further cause has", "further causes have")
            written.append(Markup("{} effects distinguishable from zero; the table of paths lists them.").format(further))
        if unclear:
            written.append(self._unclear(unclear))
        if untested:
            listed = wording.joined(wording.label_of(self.study, e.treatment) for _, e in untested[:_MOST_IN_PROSE])
            written.append(Markup("For {} the data give an estimate but no test; the table’s notes say why.").format(listed))
        return written

    def _clear(self, index: int, estimate: Estimate) -> Markup:
        rises = (estimate.value or 0.0) > 0
        how_much, inference = self._size(index, estimate, is_absolute=True)
        factors = wording.factors_of(estimate.treatment)
        if len(factors) > 1:
            first, *others = (self._factor_name(factor) for factor in factors)
            return Markup("The effect of {} on {} {} by {} with each further unit of {} {}.").format(
                first, self._target(), "rose" if rises else "fell", how_much, wording.joined(others), inference
            )
        cause = wording.find_variable(self.study, factors[0].name)
        if cause is not None and cause.measure is not None:
            return Markup("{} went with a {} of {} in {} {}; this is an association, since {} was measured, not assigned.").format(
                self._change(factors[0]), "rise" if rises else "fall", how_much, self._target(), inference, cause.label
            )
        verb = "raised" if rises else "lowered"
        return Markup("{} {} {} by {} {}{}.").format(
            self._change(factors[0]), verb, self._target(), how_much, inference, self._route(estimate)
        )

    def _unclear(self, found: Sequence[tuple[int, Estimate]]) -> Markup:
        parts = []
        for index, estimate in found[:_MOST_IN_PROSE]:
            how_much, inference = self._size(index, estimate, is_absolute=False)
            name = wording.joined([self._factor_name(f) for f in wording.factors_of(estimate.treatment)], "with")
            parts.append(Markup("{}, estimated at {} {}").format(name, how_much, inference))
        listed = Markup("; ").join(parts)
        rest = len(found) - len(parts)
        more = f"; nor of {formats.counted(rest, 'further cause')} (see the table of paths)" if rest else ""
        return Markup(
            "No clear effect was found of {}{}. That is not evidence of no effect: the {} what remains possible."
        ).format(listed, more, "interval shows" if len(found) == 1 else "intervals show")

    def _route(self, estimate: Estimate) -> str:
        if estimate.quantity == "total_effect":
            return ", by all routes together"
        measured = {variable.name for variable in self.study.causal_model.measured}
        equation = next(e for e in self.study.causal_model.paths if e.outcome == self.outcome)
        mediators = [self._label(cause) for cause in equation.causes if cause in measured]
        zero = [
            self._label(name)
            for term in equation.terms
            if len(term) > 1 and estimate.treatment in term
            for name in term
            if name != estimate.treatment
        ]
        held = f", holding {wording.joined(mediators)} constant" if mediators else ""
        return held + (f", where {wording.joined(zero)} is zero" if zero else "")

    def _label(self, name: str) -> str:
        return wording.label_of(self.study, name)

    def _factor_name(self, factor: wording.Factor) -> str:
        label = self._label(factor.name)
        return label if factor.level is None else f"“{factor.level}” for {label}"

    def _change(self, factor: wording.Factor) -> str:
        variable = wording.find_variable(self.study, factor.name)
        label = self._label(factor.name)
        if factor.level is not None:
            reference = wording.reference_level(self.study, factor.name, self.table)
            other = f"“{reference}”" if reference else "the reference"
            return f"“{factor.level}” rather than {other} for {label}"
        if variable is not None and variable.kind == "binary":
            levels = wording.levels_of(variable)
            one, other = (levels[-1].words, levels[0].words) if len(levels) == 2 else ("yes", "no")
            return f"“{one}” rather than “{other}” for {label}"
        return f"An increase of one {_step(variable)} in {label}"

    def _target(self) -> str:
        label = self._label(self.outcome)
        if not self.is_binary:
            return label
        for opening in ("whether or not ", "whether "):
            if label.lower().startswith(opening):
                return f"the probability that {label[len(opening):]}"
        return f"the probability of “{_unquoted(label)}”"

    def _size(self, index: int, estimate: Estimate, *, is_absolute: bool) -> tuple[Markup, Markup]:
        """The effect in units of the outcome, and its interval and p-value, both linked to the row."""
        factor = 100.0 if self.is_binary else 1.0
        cells = formats.cells(estimate, factor)
        text = cells.estimate.lstrip("−") if is_absolute else cells.estimate
        unit = "percentage points" if self.is_binary else self._unit()
        how_much = wording.amount(estimate.value or 0.0, unit, text)
        level = formats.percent(estimate.confidence_level)
        parts = [f"{level} CI {cells.interval}"] if estimate.interval is not None else []
        parts += [formats.p_phrase(estimate.p_value)] if estimate.p_value is not None else []
        link = Markup('<a class="finding" href="#{}" title="{}">{}</a>')
        hover = f"β = {cells.standardized}, SE {cells.std_error}, n = {cells.n}"
        anchor = self.anchors[index]
        inference = Markup('<a class="quiet" href="#{}">({})</a>').format(anchor, "; ".join(parts)) if parts else Markup("")
        return link.format(anchor, hover, how_much), inference

    def _unit(self) -> str | None:
        if self.variable is None:
            return None
        return self.variable.unit or ("scale points" if self.variable.kind == "ordinal" else None)


def _unquoted(label: str) -> str:
    """The label without quotation marks of its own."""
    return label.strip("“”\"'")


def _is_clear(estimate: Estimate) -> bool:
    return estimate.p_value is not None and estimate.p_value < 1 - estimate.confidence_level


def _step(variable: Variable | None) -> str:
    """One of what the cause is measured in."""
    if variable is None:
        return "unit"
    if variable.kind == "ordinal":
        codes = [level.code for level in wording.levels_of(variable)]
        is_even = all(b - a == 1 for a, b in zip(codes, codes[1:], strict=False))
        return "step" if is_even else "unit of its code"
    return wording.singular(variable.unit)
