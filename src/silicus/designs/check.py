"""Everything that can be said about a study before a language model is asked: findings and forecast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from silicus.concepts.errors import Problem
from silicus.concepts.study import Study
from silicus.designs.findings import FINDINGS
from silicus.designs.forecast import Forecast, forecast_plan
from silicus.designs.plan import design_problems, plan_sessions

__all__ = ["CheckResult", "check_study"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found, and what the study would take.

    Attributes
    ----------
    problems
        Every finding: errors first, each group in the order of the file's parts.
    forecast
        Sessions, statements and calls; None where the design cannot be planned.
    """

    problems: tuple[Problem, ...]
    forecast: Forecast | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the study from being run or estimated."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader of the results would want to know."""
        return tuple(problem for problem in self.problems if problem.severity != "error")

    @property
    def ok(self) -> bool:
        """True where the study can be run; there may be warnings."""
        return not self.errors


def check_study(study: Study, *, more: Iterable[Problem] = ()) -> CheckResult:
    """Look for everything that would spoil a study's conclusions, and forecast what the study takes.

    No language model is asked. An *error* means that sessions cannot be planned or that the data could not answer
    the question; a *warning*, that they answer it less well than a reader may think.

    Parameters
    ----------
    study
        A study whose parts fit together; whether they do was settled when it was read.
    more
        Findings of rooms that this one does not know, such as those about the seats; they take their place among
        the errors and the warnings, after those made here.

    Returns
    -------
    CheckResult
        The findings, all at once, and the forecast.
    """
    unplannable = design_problems(study)
    found = [*unplannable, *(problem for finding in FINDINGS for problem in finding(study)), *more]
    ordered = sorted(found, key=lambda problem: problem.severity != "error")
    return CheckResult(tuple(ordered), None if unplannable else forecast_plan(plan_sessions(study)))
