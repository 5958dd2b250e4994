"""The plan of a study, complete: everything that ``study.yaml`` holds."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal, Self

from pydantic import model_validator

from silicus.concepts.analysis import Analysis
from silicus.concepts.causal_model import CausalModel
from silicus.concepts.design import Design
from silicus.concepts.errors import Problem
from silicus.concepts.keyed import Identifier, Keyed
from silicus.concepts.noun import Noun
from silicus.concepts.procedure import Conversation
from silicus.concepts.roles import Role
from silicus.concepts.scenario import Scenario
from silicus.concepts.seats import Seats
from silicus.concepts.variables import CODER, EVERYONE, number_words

__all__ = ["STUDY_FORMAT", "InconsistentStudyError", "Source", "Study", "inconsistencies", "nearest"]

STUDY_FORMAT = 1
RESERVED_ROLES = (CODER, EVERYONE, "coordinator")
RESERVED_COLUMNS = ("session_id", "condition", "replicate", "status", "ended_by", "n_turns", "n_irregular")


class InconsistentStudyError(ValueError):
    """Parts of a study that do not fit together; ``problems`` holds all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class Source(Noun):
    """Where a study comes from."""

    citation: str = ""
    """The work to cite."""
    licence: str = ""
    """Licence of the material."""
    notes: tuple[str, ...] = ()
    """What a reader of the study should know, such as what an import could not carry over."""

    @classmethod
    def example(cls) -> Self:
        """The published studies' source."""
        return cls(citation="Manning, Zhu and Horton (2024), Automated Social Science")


class Study(Noun):
    """A study as planned: freezing this is the preregistration."""

    format: Literal[1]
    """Version of this file's format: 1."""
    name: Identifier
    """Short name: small letters, digits, underscores."""
    title: str = ""
    """Title of the report; by default the scenario."""
    mode: Literal["human_proxy", "machine_behaviour"] = "human_proxy"
    """Whether the language model stands in for people or is itself what is studied."""
    scenario: Scenario
    """The situation, in a sentence."""
    roles: Keyed[Role]
    """Who takes part."""
    causal_model: CausalModel
    """What is varied, what is measured, and which acts on which."""
    design: Design = Design()
    """Which conditions are run, and how often."""
    procedure: Conversation
    """How a session unfolds."""
    seats: Seats = Seats()
    """Which language model sits where."""
    analysis: Analysis = Analysis()
    """How the paths are estimated."""
    source: Source | None = None
    """Where the study comes from."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        problems = inconsistencies(self)
        if problems:
            raise InconsistentStudyError(problems)
        return self

    @property
    def role_names(self) -> tuple[str, ...]:
        """Names of the roles, in order."""
        return tuple(role.name for role in self.roles)

    def told_roles(self, variable: str) -> tuple[str, ...]:
        """The roles that a treatment is told to."""
        treatment = self.causal_model.variable(variable).treatment
        if treatment is None:
            return ()
        return self.role_names if EVERYONE in treatment.tell else treatment.tell

    @classmethod
    def example(cls) -> Self:
        """A bargaining study with one cause."""
        return cls(
            format=1, name="example", scenario=Scenario.example(),
            roles=(Role.example(), Role(name="seller", goal="to sell the mug for as much as you can")),
            causal_model=CausalModel.example(), procedure=Conversation.example(), seats=Seats.example(),
        )  # fmt: skip


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """A suggestion: the closest known spelling, or the list of what is known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."


def inconsistencies(study: Study) -> tuple[Problem, ...]:
    """Every place where one part of a study names what another part does not have."""
    return (*_repeated_names(study), *_role_problems(study), *_variable_problems(study), *_design_problems(study))


def _repeated_names(study: Study) -> list[Problem]:
    """Two things of one name; a file cannot hold them, but a study made in Python could."""
    named = {
        "roles": study.role_names,
        "causal_model.variables": tuple(variable.name for variable in study.causal_model.variables),
        "procedure.actions": tuple(action.name for action in study.procedure.actions),
    }
    return [
        Problem("duplicate_field", f"the name '{name}' stands more than once", "Give each its own.", where)
        for where, names in named.items()
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def _role_problems(study: Study) -> list[Problem]:
    problems = [
        Problem("reserved_role", f"'{name}' is a word of the study format and cannot name a role",
                "Choose another name.", f"roles.{name}")
        for name in study.role_names if name in RESERVED_ROLES
    ]  # fmt: skip
    for where, named, allowed in _roles_named(study):
        known = (*study.role_names, *allowed)
        if named not in known:
            problems.append(Problem("unknown_role", f"there is no role '{named}'", nearest(named, known), where))
    for action in study.procedure.actions:
        mute = [role for role in action.by if role in study.role_names and role not in study.procedure.everyone]
        for role in mute:
            problems.append(
                Problem("mute_role", f"'{role}' may take this action but is not among the speakers",
                        "Add it to the speakers or take it out.", f"procedure.actions.{action.name}.by")
            )  # fmt: skip
    return problems


def _roles_named(study: Study) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every mention of a role: where, its name, and the words allowed there beside the roles."""
    named: list[tuple[str, str, tuple[str, ...]]] = []
    for variable in study.causal_model.variables:
        where = f"causal_model.variables.{variable.name}"
        if variable.treatment is not None:
            named += [(f"{where}.treatment.tell", role, (EVERYONE,)) for role in variable.treatment.tell]
        if variable.measure is not None:
            field = "items" if variable.measure.items else "ask"
            named += [(f"{where}.measure.{field}", item.ask, (CODER,)) for item in variable.measure.questions]
    named += [("procedure.speakers", role, ()) for role in study.procedure.speakers]
    if study.procedure.center is not None:
        named.append(("procedure.center", study.procedure.center, ()))
    for action in study.procedure.actions:
        named += [(f"procedure.actions.{action.name}.by", role, ()) for role in action.by]
    named += [(f"seats.roles.{seat.name}", seat.name, ()) for seat in study.seats.roles]
    return named


def _variable_problems(study: Study) -> list[Problem]:
    model = study.causal_model
    names = tuple(variable.name for variable in model.variables)
    problems = [
        Problem("reserved_column", f"'{name}' is a column that every dataset has", "Choose another name.",
                f"causal_model.variables.{name}")
        for name in names if name in RESERVED_COLUMNS or name.endswith("_missing")
    ]  # fmt: skip
    seen: set[str] = set()
    for index, equation in enumerate(model.paths):
        where = f"causal_model.paths.{index}"
        for name in (equation.outcome, *equation.causes):
            if name not in names:
                problems.append(
                    Problem("unknown_variable", f"there is no variable '{name}'", nearest(name, names), where)
                )
        if equation.outcome in names and model.variable(equation.outcome).treatment is not None:
            problems.append(
                Problem("randomised_outcome", f"'{equation.outcome}' is set by the experiment and has no causes",
                        "Give it a measure instead of a treatment, or turn the path round.", where)
            )  # fmt: skip
        if equation.outcome in seen:
            problems.append(
                Problem("two_equations", f"'{equation.outcome}' has two equations", "Write its causes in one.", where)
            )
        seen.add(equation.outcome)
    return problems


def _as_written(value: str | float) -> str:
    return repr(value) if isinstance(value, str) else number_words(value)


def _design_problems(study: Study) -> list[Problem]:
    problems = []
    treatments = {variable.name: variable for variable in study.causal_model.treatments}
    for name, chosen in study.design.only.items():
        where = f"design.only.{name}"
        if name not in treatments:
            problems.append(
                Problem("unknown_treatment", f"there is no treatment '{name}'", nearest(name, list(treatments)), where)
            )
            continue
        levels = treatments[name].treatment.values  # type: ignore[union-attr]
        for value in chosen:
            if all(value != level.words and value != level.code for level in levels):
                known = [level.words for level in levels]
                problems.append(
                    Problem(
                        "unknown_level",
                        f"{_as_written(value)} is not among the values of '{name}'",
                        nearest(str(value), known),
                        where,
                    )
                )
    cluster = study.analysis.cluster
    columns = ("condition", *(variable.name for variable in study.causal_model.variables))
    if cluster is not None and cluster not in columns:
        problems.append(
            Problem(
                "unknown_cluster",
                f"there is no column '{cluster}' to cluster on",
                nearest(cluster, columns),
                "analysis.cluster",
            )
        )
    return problems
