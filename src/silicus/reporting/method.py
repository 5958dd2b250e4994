"""The method section: question, hypotheses, factors and procedure of a study, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from silicus.concepts.procedure import ActionSpec, Conversation
from silicus.concepts.roles import Role
from silicus.concepts.study import Study
from silicus.concepts.variables import Measure, Variable
from silicus.participants.templates import the_role
from silicus.reporting import formats, wording

__all__ = [
    "FactorRow",
    "MeasureRow",
    "RoleRow",
    "action_sentences",
    "design_sentences",
    "factor_rows",
    "grid_size",
    "hypotheses",
    "measure_rows",
    "procedure_sentences",
    "question",
    "role_rows",
]

_EFFECTS = {
    "propose": "its amount stands as a proposal until another is made",
    "agree": "it accepts another role’s standing proposal at its amount",
    "retire": "the role then speaks no more",
    "end": "the session is then over",
}
_STOPS = {
    "agreement": "somebody accepts a standing proposal",
    "coordinator": "a hidden coordinator, asked after each statement, judges that the scenario is over",
    "all_retired": "fewer than two speakers are left",
}
_COMBINED = {
    "first": "the first answer that is not missing counts",
    "mean": "the answers are averaged",
    "sum": "the answers are added up",
    "min": "the lowest answer counts",
    "max": "the highest answer counts",
}
_ANSWERS = {
    "yes_no": "yes or no",
    "money": "an amount of money",
    "number": "a number",
    "choice": "one of the options",
    "text": "free text",
}


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One manipulated cause as the design table shows it."""

    label: str
    phrase: str
    values: tuple[str, ...]
    left_out: tuple[str, ...]
    told: str
    visibility: str
    note: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role: what it wants, what binds it, and the fixed facts about it."""

    name: str
    goal: str
    constraint: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """How one outcome or mediator is measured: (who is asked, the question) for each question."""

    label: str
    kind: str
    questions: tuple[tuple[str, str], ...]
    note: str


def question(study: Study) -> str:
    """The research question that the causal model asks."""
    outcomes = [wording.label_of(study, equation.outcome) for equation in study.causal_model.paths if equation.terms]
    causes = [variable.label for variable in study.causal_model.treatments]
    if not outcomes or not causes:
        return f"What happens in this situation: {study.scenario.text}?"
    asked = "What is the effect" if len(causes) == 1 else "What are the effects"
    return f"{asked} of {wording.joined(causes)} on {wording.joined(outcomes)}?"


def hypotheses(study: Study) -> tuple[str, ...]:
    """One hypothesis a path, in words; the study fixes which acts on which, not in which direction."""
    found = []
    for equation in study.causal_model.paths:
        outcome = wording.label_of(study, equation.outcome)
        for term in equation.terms:
            first, *others = (wording.label_of(study, name) for name in term)
            condition = f" that depends on {wording.joined(others)}" if others else ""
            found.append(f"An effect of {first} on {outcome}{condition}.")
    return tuple(found)


def grid_size(study: Study) -> int:
    """How many combinations the treatments' values allow, within what the design restricts them to."""
    return math.prod(len(_kept(study, variable)) for variable in study.causal_model.treatments)


def _kept(study: Study, variable: Variable) -> list[str]:
    only = study.design.only.get(variable.name)
    levels = variable.treatment.values if variable.treatment is not None else ()
    return [level.words for level in levels if only is None or level.words in only or level.code in only]


def factor_rows(study: Study) -> tuple[FactorRow, ...]:
    """The manipulated causes with their values, whom they are told to and who else hears of them."""
    rows = []
    for variable in study.causal_model.treatments:
        treatment = variable.treatment
        if treatment is None:
            continue
        kept = _kept(study, variable)
        has_codes = not wording.is_numeric(variable)
        rows.append(
            FactorRow(
                label=wording.with_unit(wording.heading(variable.label), variable.unit),
                phrase=treatment.phrase,
                values=tuple(
                    f"{formats.plain(level.code)}\u00a0=\u00a0{level.words}" if has_codes else formats.plain(level.code)
                    for level in treatment.values if level.words in kept
                ),
                left_out=tuple(level.words for level in treatment.values if level.words not in kept),
                told="everyone" if "everyone" in treatment.tell else wording.joined(treatment.tell),
                visibility=f"public: “{treatment.public}”" if treatment.public else _private(study, variable),
                note={"at_most": "An upper limit on this role’s amounts.",
                      "at_least": "A lower limit on this role’s amounts."}.get(treatment.limit or "", ""),
            )
        )  # fmt: skip
    return tuple(rows)


def _private(study: Study, variable: Variable) -> str:
    return "known to all" if set(study.told_roles(variable.name)) == set(study.role_names) else "private"


def design_sentences(study: Study, planned: int) -> tuple[str, ...]:
    """How conditions were assigned: the grid, what of it was run, replicates, seed."""
    design = study.design
    sizes = [len(_kept(study, variable)) for variable in study.causal_model.treatments]
    grid = formats.counted(grid_size(study), "condition")
    product = f" ({' × '.join(map(str, sizes))})" if len(sizes) > 1 else ""
    times = "once" if design.replicates == 1 else f"{formats.count(design.replicates)} times"
    if design.assignment == "full_factorial":
        text = f"Full factorial: all {grid}{product}, each run {times}."
    else:
        cells = grid_size(study) * design.replicates
        drawn = formats.count(min(design.sessions or 0, cells))
        of = grid if design.replicates == 1 else f"{formats.count(cells)} cells"
        each = formats.counted(design.replicates, "replicate")
        repeated = "" if design.replicates == 1 else f" {grid} with {each} each,"
        text = f"A random subset: {drawn} of {of}{product},{repeated} drawn without replacement by seed {design.seed}."
    return (
        text,
        f"{formats.counted(planned, 'session')} planned. The unit of analysis is the session. Seed {design.seed} fixes "
        "every random draw of the design.",
    )


def role_rows(study: Study) -> tuple[RoleRow, ...]:
    """Who takes part."""
    return tuple(_role_row(role) for role in study.roles)


def _role_row(role: Role) -> RoleRow:
    facts = tuple(f"{fact.name}: {fact.value}{' (public)' if fact.public else ''}" for fact in role.attributes)
    return RoleRow(role.name, role.goal, role.constraint, facts)


def procedure_sentences(procedure: Conversation) -> tuple[str, ...]:
    """How a session unfolds: who speaks when, what ends it, the cap."""
    stops = [_STOPS[rule] for rule in procedure.stop]
    ending = [wording.spaced(action.name) for action in procedure.actions if "end" in action.effect]
    if ending:
        stops.append(f"somebody takes the action {wording.joined((f'“{name}”' for name in ending), 'or')}")
    cap = formats.counted(procedure.max_turns, "statement")
    if not procedure.can_end_before_cap:
        return (_turns(procedure), f"A session runs for {cap}, its planned length; nothing ends it earlier.")
    return (
        _turns(procedure),
        f"A session ends when {wording.joined(stops, 'or')}.",
        f"After {cap} it is cut off, counted as censored, and measured all the same.",
    )


def _turns(procedure: Conversation) -> str:
    speakers = [the_role(name) for name in procedure.speakers]
    listed = wording.capitalised(wording.joined(speakers))
    others = wording.joined([the_role(name) for name in procedure.speakers if name != procedure.center])
    center = wording.capitalised(the_role(procedure.center or procedure.speakers[0]))
    match procedure.turn_order:
        case "ordered":
            return f"{listed} speak in turn, in this order."
        case "random":
            return f"{listed} speak in an order drawn at random for each session; nobody speaks twice running."
        case "central_ordered":
            return f"{center} speaks between each two others; {others} take turns."
        case "central_random":
            return f"{center} speaks between each two others; {others} are drawn at random."
        case "coordinator_before":
            return f"A hidden coordinator names who speaks next: {wording.joined(speakers, 'or')}."
        case "coordinator_after":
            return f"{listed} each draft a statement in private; a hidden coordinator makes one of them real."
        case "simultaneous":
            return f"{listed} speak at once, then hear what all have said."


def action_sentences(procedure: Conversation) -> tuple[tuple[str, str], ...]:
    """What can be done beside speaking: (name, who may do it and what it does)."""
    return tuple((wording.spaced(action.name), _action(action)) for action in procedure.actions)


def _action(action: ActionSpec) -> str:
    carries = {"money": " with an amount of money", "number": " with a number", "yes_no": " with yes or no"}
    value = carries.get(action.value, "")
    if action.options:
        value = f" with one of: {', '.join(action.options)}"
    effects = [_EFFECTS[effect] for effect in action.effect]
    effect = f"; {wording.joined(effects)}" if effects else ""
    return f"{wording.capitalised(wording.joined(action.by, 'or'))}: {action.meaning}{value}{effect}."


def measure_rows(study: Study) -> tuple[MeasureRow, ...]:
    """How the outcomes and mediators are measured after each session."""
    return tuple(
        _measure_row(variable, variable.measure)
        for variable in study.causal_model.measured
        if variable.measure is not None
    )


def _measure_row(variable: Variable, measure: Measure) -> MeasureRow:
    asked = tuple((the_role(item.ask), item.question) for item in measure.questions)
    options = f": {', '.join(level.words for level in variable.levels)}" if variable.answer == "choice" else ""
    combined = f" Of several answers, {_COMBINED[measure.combine]}." if len(asked) > 1 else ""
    unit = f", {variable.unit}" if variable.unit else ""
    return MeasureRow(
        label=wording.heading(variable.label),
        kind=f"{variable.kind}{unit}",
        questions=asked,
        note=f"Answer: {_ANSWERS[variable.answer]}{options}.{combined}",
    )
