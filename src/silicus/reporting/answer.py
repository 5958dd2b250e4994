"""The answer in words: what was found, how sure it is, and what it is not, each number tied to its estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

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
    return (
        f"In the behaviour of {llms}, " if study.mode == "machine_behaviour" else f"With all roles played by {llms}, "
    )


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
    if variable is not None and wording.is_zero_one(variable):
        levels = wording.levels_of(variable)
        yes = levels[-1].words if levels else "yes"
        return f"the answer on {label} was “{yes}” in {formats.percent(sample.mean)} of {over}."
    mean = wording.amount(sample.mean, variable.unit if variable else None, formats.number(sample.mean))
    spread = f" (SD {formats.number(sample.std_dev)})" if sample.std_dev is not None else ""
    return f"{label} averaged {mean}{spread} over {over}."


class _Writer:
    """Writes the sentences about one outcome."""

    def __init__(self, table: EstimateTable, study: Study, outcome: str) -> None:
        self.table, self.study, self.outcome = table, study, outcome
        self.variable = wording.find_variable(study, outcome)
        self.anchors = anchors_of(table)
        self.is_binary = wording.is_zero_one(self.variable)

    def sentences(self, found: Sequence[tuple[int, Estimate]]) -> list[Markup]:
        """What was found, clearest effects first: of what was assigned, interactions, of what was measured."""
        clear = sorted(
            (pair for pair in found if _is_clear(pair[1])), key=lambda pair: -abs(pair[1].standardized or 0.0)
        )
        unclear = [(i, e) for i, e in found if not _is_clear(e) and e.p_value is not None]
        untested = [e for _, e in found if e.p_value is None]
        shown = clear[:_MOST_IN_PROSE]
        kinds: dict[str, list[tuple[int, Estimate]]] = {"assigned": [], "interaction": [], "measured": []}
        for index, estimate in shown:
            kinds[self._kind(estimate)].append((index, estimate))
        written = [self._effects(kinds["assigned"])] if kinds["assigned"] else []
        written += [self._interaction(index, estimate) for index, estimate in kinds["interaction"]]
        written += [self._association(index, estimate) for index, estimate in kinds["measured"]]
        if len(clear) > len(shown):
            further = formats.counted(len(clear) - len(shown), "further estimate is", "further estimates are")
            written.append(Markup("{} distinguishable from zero; the table of paths lists them.").format(further))
        if unclear:
            written.append(self._unclear(unclear))
        if untested:
            listed = wording.joined(self._causes(estimate) for estimate in untested[:_MOST_IN_PROSE])
            written.append(Markup("For {} there is an estimate but no test; the table’s notes say why.").format(listed))
        return written

    def _kind(self, estimate: Estimate) -> str:
        factors = wording.factors_of(estimate.treatment)
        if len(factors) > 1:
            return "interaction"
        cause = wording.find_variable(self.study, factors[0].name)
        return "measured" if cause is not None and cause.measure is not None else "assigned"

    def _effects(self, found: Sequence[tuple[int, Estimate]]) -> Markup:
        """One sentence for all: each dollar of A raised Y by so much; each dollar of B lowered it by so much."""
        parts: list[Markup] = []
        for index, estimate in found:
            verb = "raised" if (estimate.value or 0.0) > 0 else "lowered"
            target = "it" if parts else self._target()
            size = self._size(index, estimate, is_absolute=True)
            change = self._change(estimate)
            parts.append(Markup("{} {} {} by {}{}").format(change, verb, target, size, self._route(estimate)))
        return wording.capitalised(Markup("; ").join(parts)) + Markup(".")

    def _interaction(self, index: int, estimate: Estimate) -> Markup:
        first, *others = wording.factors_of(estimate.treatment)
        size = self._size(index, estimate, is_absolute=False)
        numeric = [self._label(factor.name) for factor in others if factor.level is None]
        nominal = [self._comparison(factor) for factor in others if factor.level is not None]
        moved = [f"with each unit of {wording.joined(numeric)}"] if numeric else []
        moved += [f"where {wording.joined(nominal)}"] if nominal else []
        return Markup("The effect of {} on {} changed by {} {}.").format(
            self._factor_name(first), self._target(), size, " ".join(moved)
        )

    def _comparison(self, factor: wording.Factor) -> str:
        return f"{self._label(factor.name)} is “{factor.level}” rather than {self._reference(factor.name)}"

    def _reference(self, name: str) -> str:
        reference = wording.reference_level(self.study, name, self.table)
        return f"“{reference}”" if reference else "the reference"

    def _association(self, index: int, estimate: Estimate) -> Markup:
        factor = wording.factors_of(estimate.treatment)[0]
        verb = "went with a rise" if (estimate.value or 0.0) > 0 else "went with a fall"
        size = self._size(index, estimate, is_absolute=True)
        return Markup("{} {} of {} in {}; this is an association, since {} was measured and not assigned.").format(
            wording.capitalised(self._change(estimate)), verb, size, self._target(), self._label(factor.name)
        )

    def _unclear(self, found: Sequence[tuple[int, Estimate]]) -> Markup:
        parts = [
            Markup("{} ({})").format(
                self._causes(estimate), self._size(index, estimate, is_absolute=False, brackets=False)
            )
            for index, estimate in found[:_MOST_IN_PROSE]
        ]
        listed = Markup(wording.joined(parts, "or")) if len(parts) > 1 else parts[0]
        rest = len(found) - len(parts)
        more = f", or of {formats.counted(rest, 'further cause')} in the table of paths" if rest else ""
        shown = "interval shows" if len(found) == 1 else "intervals show"
        return Markup("No clear effect was found of {}{}; the {} what remains possible.").format(listed, more, shown)

    def _causes(self, estimate: Estimate) -> str:
        factors = wording.factors_of(estimate.treatment)
        return wording.joined((self._factor_name(factor) for factor in factors), "with")

    def _route(self, estimate: Estimate) -> str:
        if estimate.quantity == "total_effect":
            return ", by all routes together"
        measured = {variable.name for variable in self.study.causal_model.measured}
        equation = next(e for e in self.study.causal_model.paths if e.outcome == self.outcome)
        mediators = [self._label(cause) for cause in equation.causes if cause in measured]
        cause = wording.factors_of(estimate.treatment)[0].name
        partners = dict.fromkeys(
            name for term in equation.terms if len(term) > 1 and cause in term for name in term if name != cause
        )
        held = f", holding {wording.joined(mediators)} constant" if mediators else ""
        where = wording.joined(f"{self._label(name)} is {self._origin(name)}" for name in partners)
        return held + (f", where {where}" if where else "")

    def _origin(self, name: str) -> str:
        """The value at which a variable's products vanish: the reference of a nominal one, else zero."""
        variable = wording.find_variable(self.study, name)
        if variable is None:
            return "zero"
        if variable.kind == "nominal":
            return self._reference(name)
        words = wording.level_words(variable, 0.0)
        return f"“{words}”" if any(level.words == words for level in wording.levels_of(variable)) else "zero"

    def _label(self, name: str) -> str:
        return wording.label_of(self.study, name)

    def _factor_name(self, factor: wording.Factor) -> str:
        label = self._label(factor.name)
        return label if factor.level is None else f"“{factor.level}” for {label}"

    def _times(self, estimate: Estimate) -> int:
        """How many units of the cause to speak of, so that the effect has digits that can be read: a power of ten."""
        factor, *others = wording.factors_of(estimate.treatment)
        cause = wording.find_variable(self.study, factor.name)
        size = abs(estimate.value or 0.0) * (100 if self.is_binary else 1)
        if others or factor.level is not None or cause is None or cause.kind in ("binary", "ordinal") or size == 0:
            return 1
        return 10 ** max(0, math.ceil(math.log10(0.1 / size))) if 1e-9 < size < 0.01 else 1

    def _change(self, estimate: Estimate) -> str:
        """What is changed: ``each dollar of the buyer's budget``."""
        factor = wording.factors_of(estimate.treatment)[0]
        variable = wording.find_variable(self.study, factor.name)
        label = self._label(factor.name)
        if factor.level is not None:
            return f"setting {label} to “{factor.level}” rather than {self._reference(factor.name)}"
        if variable is not None and variable.kind == "binary":
            levels = wording.levels_of(variable)
            one, other = (levels[-1].words, levels[0].words) if len(levels) == 2 else ("yes", "no")
            clause = _whether(label)
            if clause and (one, other) == ("yes", "no"):
                return f"that {clause} (rather than not)"
            return f"setting {label} to “{one}” rather than “{other}”"
        step, times = _step(variable), self._times(estimate)
        if times > 1:
            return f"each {formats.count(times)} {variable.unit if variable and variable.unit else 'units'} of {label}"
        if step.lower() in label.lower():
            return f"each additional {step} ({label})"
        return f"each {step} of {label}"

    def _target(self) -> str:
        label = self._label(self.outcome)
        if not self.is_binary:
            return label
        clause = _whether(label)
        if clause:
            return f"the probability that {clause}"
        return f"the probability of “{_unquoted(label)}”"

    def _size(self, index: int, estimate: Estimate, *, is_absolute: bool, brackets: bool = True) -> Markup:
        """The effect in units of the outcome with its interval and p-value, linked to the row that it comes from."""
        factor = (100.0 if self.is_binary else 1.0) * (self._times(estimate) if is_absolute else 1)
        if is_absolute and (estimate.value or 0.0) < 0:
            factor = -factor
        cells = formats.cells(estimate, factor)
        unit = "percentage points" if self.is_binary else self._unit()
        how_much = wording.amount(estimate.value or 0.0, unit, cells.estimate)
        level = formats.percent(estimate.confidence_level)
        parts = [f"{level} CI {cells.interval}"] if estimate.interval is not None else []
        parts += [formats.p_phrase(estimate.p_value).replace(" ", "\u00a0")] if estimate.p_value is not None else []
        anchor, inference = self.anchors[index], ", ".join(parts)
        hover = f"β = {cells.standardized}, n = {cells.n}"
        finding = Markup('<a class="finding" href="#{}" title="{}">{}</a>').format(anchor, hover, how_much)
        if not parts:
            return finding
        shape = Markup(
            '{} <a class="quiet" href="#{}">({})</a>' if brackets else '{}, <a class="quiet" href="#{}">{}</a>'
        )
        return shape.format(finding, anchor, inference)

    def _unit(self) -> str | None:
        if self.variable is None:
            return None
        return self.variable.unit or ("scale points" if self.variable.kind == "ordinal" else None)


def _whether(label: str) -> str:
    """What follows *whether* in a label; empty where it does not begin so."""
    for opening in ("whether or not ", "whether "):
        if label.lower().startswith(opening):
            return label[len(opening) :]
    return ""


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
        is_even = all(b - a == 1 for a, b in pairwise(codes))
        return "step" if is_even else "unit of the code"
    return wording.singular(variable.unit)
