"""What a methodologist would remark on in a study's plan, one function for each kind of remark.

Each takes a study whose parts fit together and gives its findings; ``FINDINGS`` lists them in the order of the
file's parts. Questions and public texts are compared with the causes' names word by word: that finds the plain
cases and is no proof that there are no others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import combinations

from silicus.concepts.causal_model import Equation
from silicus.concepts.errors import Problem
from silicus.concepts.study import Study
from silicus.concepts.variables import CODER, Item, Treatment, Variable
from silicus.designs.forecast import can_agree, can_all_retire, round_length
from silicus.designs.plan import Factor, design_problems, is_number, plan_sessions

__all__ = ["FINDINGS", "FREE_SESSIONS", "LONG_SESSION", "MANY_CLUSTERS", "MANY_SESSIONS", "Finding"]

Finding = Callable[[Study], Iterator[Problem]]

FREE_SESSIONS = 10
"""Sessions that an equation needs beyond its coefficients before intervals are worth reading."""
LONG_SESSION = 60
"""Statements beyond which a session's prompts, which repeat all that was said, grow costly."""
MANY_SESSIONS = 100_000
"""Sessions beyond which a full factorial is more likely an oversight than a plan."""
MANY_CLUSTERS = 30
"""Clusters below which clustered errors tend to be too small; the number at which they are not is put between 20
and 50 (Cameron and Miller 2015, A Practitioner's Guide to Cluster-Robust Inference, section VI)."""

_LITTLE = frozenset(
    re.findall(
        r"\w+",
        """a already an and any are as at be been being by did do does each for from had has have he her his how i in is
        it its level many much my no not number of on or our own she so some than that the their them they this to was
        we were what when whether which who will with would yes you your""",
    )
)
_CAUSAL = re.compile(r"\b(affect(s|ed)?|influenc(e|es|ed)|caused?|because of|due to|effects? of|impact(s|ed)?)\b", re.I)


def _warning(code: str, message: str, suggestion: str, where: str) -> Problem:
    return Problem(code, message, suggestion, where, severity="warning")


def _at(variable: Variable, field: str = "") -> str:
    return f"causal_model.variables.{variable.name}{'.' if field else ''}{field}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _equations(study: Study) -> list[tuple[str, Equation]]:
    return [(f"causal_model.paths.{index}", equation) for index, equation in enumerate(study.causal_model.paths)]


def _on_paths(study: Study) -> set[str]:
    return {name for _, equation in _equations(study) for name in (equation.outcome, *equation.causes)}


def _factors(study: Study) -> dict[str, Factor]:
    """The factors of a study that can be planned; none of one that cannot, whose own findings say so."""
    return {} if design_problems(study) else {factor.name: factor for factor in plan_sessions(study).factors}


def _treatments(study: Study) -> list[tuple[Variable, Treatment]]:
    return [(v, v.treatment) for v in study.causal_model.treatments if v.treatment is not None]


def _items(variable: Variable) -> list[tuple[str, Item]]:
    """The questions that measure a variable, with where they stand."""
    if variable.measure is None:
        return []
    if not variable.measure.items:
        return [(_at(variable, "measure.question"), item) for item in variable.measure.questions]
    return [(_at(variable, f"measure.items.{index}"), item) for index, item in enumerate(variable.measure.items)]


def _meaning(text: str, study: Study) -> frozenset[str]:
    """The words of a text that carry its meaning, singular: without little words and the names of roles."""
    words = re.findall(r"\w+", re.sub(r"['’]s?\b", " ", text.lower()))
    roles = {_singular(word) for name in study.role_names for word in re.findall(r"\w+", name.lower())}
    return frozenset(_singular(word) for word in words if word not in _LITTLE and _singular(word) not in roles)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _is_named(variable: Variable, text: frozenset[str], study: Study) -> bool:
    """Whether a text holds all the words of one of a variable's names."""
    treatment = variable.treatment
    names = [variable.label, *([treatment.phrase, treatment.public or ""] if treatment is not None else [])]
    return any(words and words <= text for words in (_meaning(name, study) for name in names))


def idle_roles(study: Study) -> Iterator[Problem]:
    """Roles without a part."""
    asked = {item.ask for variable in study.causal_model.measured for _, item in _items(variable)}
    for role in study.role_names:
        if role not in study.procedure.everyone and role not in asked:
            yield _warning(
                "idle_role",
                f"'{role}' neither speaks nor answers a question, though the others are told that it is present",
                "Add it to the speakers, ask it something, or take it out.",
                f"roles.{role}",
            )


def names_used_twice(study: Study) -> Iterator[Problem]:
    """Two variables that a reader, or a role, cannot tell apart."""
    for one, other in combinations(study.causal_model.variables, 2):
        if one.label.strip().lower() == other.label.strip().lower():
            yield _warning(
                "same_label",
                f"'{one.name}' and '{other.name}' have the same label, '{other.label}'",
                "Give each a label of its own: tables and figures show it.",
                _at(other, "label"),
            )
    for (one, first), (other, second) in combinations(_treatments(study), 2):
        both = [role for role in study.told_roles(one.name) if role in study.told_roles(other.name)]
        if both and first.phrase.strip().lower() == second.phrase.strip().lower():
            yield _warning(
                "same_phrase",
                f"{_listed(both)} is told '{one.name}' and '{other.name}' in the same words, '{second.phrase}'",
                "Word the two differently, or the role cannot tell which value is which.",
                _at(other, "treatment.phrase"),
            )


def values_that_hide_the_effect(study: Study) -> Iterator[Problem]:
    """Values from which the effect cannot be seen, or not as it is read."""
    factors = _factors(study)
    for variable, treatment in _treatments(study):
        where = _at(variable, "treatment.values")
        number = len(factors[variable.name].levels) if variable.name in factors else len(treatment.values)
        numeric = variable.kind in ("continuous", "count")
        if number == 1:
            restricted = len(treatment.values) > 1
            yield _warning(
                "constant_treatment",
                f"'{variable.name}' has a single value, so its effect cannot be estimated",
                "Let 'only' keep a second value."
                if restricted
                else "Give it a second value, or write it into the role.",
                f"design.only.{variable.name}" if restricted else where,
            )
        elif number == 2 and numeric and variable.name in _on_paths(study):
            yield _warning(
                "few_values",
                f"'{variable.name}' is {variable.kind} but takes two values: a curve cannot be told from a line",
                "Add a value between them.",
                where,
            )
        if numeric:
            yield from _codes_that_differ(variable, treatment, where)


def _codes_that_differ(variable: Variable, treatment: Treatment, where: str) -> Iterator[Problem]:
    words = [level.words for level in treatment.values if not is_number(level.words)]
    if words:
        yield _warning(
            "words_for_numbers",
            f"'{variable.name}' is {variable.kind}, but {_listed(words)} are words; its slope is then a step in codes",
            "Give numbers, or call the variable ordinal.",
            where,
        )
        return
    differing = [
        f"{level.words} (coded {level.code:g})"
        for level in treatment.values
        if float(level.words.strip().replace(",", "").replace("−", "-")) != level.code
    ]
    if differing:
        yield _warning(
            "codes_differ",
            f"'{variable.name}' is told in numbers that the dataset codes otherwise: {', '.join(differing)}",
            "Give the numbers alone, so that a slope is in the unit that was told.",
            where,
        )


def codes_out_of_order(study: Study) -> Iterator[Problem]:
    """Ordinal values whose codes go up and down."""
    for variable in study.causal_model.variables:
        if variable.kind != "ordinal":
            continue
        levels, field = variable.levels, "levels"
        if variable.treatment is not None:
            levels, field = variable.treatment.values, "treatment.values"
        codes = [level.code for level in levels]
        if codes not in (sorted(codes), sorted(codes, reverse=True)):
            yield _warning(
                "codes_out_of_order",
                f"the values of '{variable.name}' stand in one order and their codes in another",
                "Write the values from low to high, each with its code.",
                _at(variable, field),
            )


def who_knows_what(study: Study) -> Iterator[Problem]:
    """Treatments told to the wrong people, or to nobody who could act on them."""
    asked = {item.ask for variable in study.causal_model.measured for _, item in _items(variable)}
    for variable, treatment in _treatments(study):
        told = study.told_roles(variable.name)
        silent = [role for role in told if role not in study.procedure.everyone and role not in asked]
        if silent and treatment.public is None:
            yield _warning(
                "told_to_silent",
                f"'{variable.name}' is told to {_listed(silent)}, who neither speaks nor answers",
                "Tell it to a speaker, or add 'public', the words in which the others hear of it.",
                _at(variable, "treatment.tell"),
            )
        unheard = [level.public for level in treatment.values if level.public is not None]
        if unheard and treatment.public is None:
            yield _warning(
                "public_words_unheard",
                f"'{variable.name}' is private, so nobody hears {_listed(unheard)}",
                "Add 'public' to the treatment: what the others hear the value called.",
                _at(variable, "treatment.values"),
            )


def private_values_given_away(study: Study) -> Iterator[Problem]:
    """Texts that everybody hears and that name what only one role is told."""
    treatments = _treatments(study)
    heard = [("scenario", study.scenario.text)]
    heard += [(_at(variable, "treatment.public"), t.public) for variable, t in treatments if t.public is not None]
    heard += [
        (f"roles.{role.name}.attributes.{attribute.name}", f"{attribute.name} {attribute.value}")
        for role in study.roles
        for attribute in role.attributes
        if attribute.public
    ]
    for _, treatment in treatments:
        phrase = _meaning(treatment.phrase, study)
        if treatment.public is not None or not phrase:
            continue
        for where, text in heard:
            if phrase <= _meaning(text, study):
                yield _warning(
                    "private_told",
                    f"'{text}' is for all ears and names '{treatment.phrase}', told only to {_listed(treatment.tell)}",
                    "Leave it out of the public text, or make the treatment public.",
                    where,
                )


def limits_that_do_not_bind(study: Study) -> Iterator[Problem]:
    """Limits that are held against nothing, or against a code that is no amount."""
    binding = {
        role for action in study.procedure.actions if {"propose", "agree"} & set(action.effect) for role in action.by
    }
    for variable, treatment in _treatments(study):
        if treatment.limit is None:
            continue
        where = _at(variable, "treatment.limit")
        words = [level.words for level in treatment.values if not is_number(level.words)]
        if words:
            yield Problem(
                "limit_without_numbers",
                f"'{variable.name}' bounds amounts, but {_listed(words)} are words, whose codes are no amounts",
                "Give amounts as values, or take 'limit' out.",
                where,
            )
        if not binding & set(study.told_roles(variable.name)):
            yield _warning(
                "limit_without_amounts",
                f"'{variable.name}' bounds amounts, but {_listed(study.told_roles(variable.name))} can neither propose "
                "nor accept one",
                "Add an action with the effect 'propose' or 'agree', or take 'limit' out.",
                where,
            )


def measures_without_a_slope(study: Study) -> Iterator[Problem]:
    """Measured variables on paths whose values a linear path model cannot read as amounts."""
    outcomes = {equation.outcome for _, equation in _equations(study)}
    for variable in study.causal_model.measured:
        if variable.name not in _on_paths(study):
            continue
        if variable.kind == "nominal":
            yield Problem(
                "nominal_outcome",
                f"'{variable.name}' is nominal: its codes are names, which a linear path model would read as amounts",
                "Measure one option against the rest as a binary variable.",
                _at(variable, "kind"),
            )
        elif variable.answer == "text":
            yield Problem(
                "text_on_a_path",
                f"'{variable.name}' is answered in words, and a path needs numbers",
                "Ask for a number, a yes or no, or a choice among levels; or take it off the paths.",
                _at(variable, "measure.answer"),
            )
        elif variable.kind == "ordinal" and variable.name in outcomes:
            yield _warning(
                "ordinal_outcome",
                f"'{variable.name}' is ordinal, and a linear path model takes the steps between its levels as equal",
                "Check the conclusions against an ordinal model, or ask for a number.",
                _at(variable, "kind"),
            )


def answers_that_cannot_be_combined(study: Study) -> Iterator[Problem]:
    """Answers in words that are to be averaged, added up or ranked."""
    for variable in study.causal_model.measured:
        measure = variable.measure
        if measure is not None and variable.answer == "text" and measure.combine != "first":
            yield Problem(
                "text_combined",
                f"the {measure.combine} of answers in words is asked for, to measure '{variable.name}'",
                "Write 'combine: first', or ask for numbers.",
                _at(variable, "measure.combine"),
            )


def questions_to_onlookers(study: Study) -> Iterator[Problem]:
    """Questions to a role that took no part."""
    for variable in study.causal_model.measured:
        for where, item in _items(variable):
            if item.ask != CODER and item.ask not in study.procedure.everyone:
                yield _warning(
                    "asks_onlooker",
                    f"'{variable.name}' is asked of '{item.ask}', who hears the conversation but has no part in it",
                    "Add it to the speakers, or ask the coder, who goes by the transcript alone.",
                    where,
                )


def questions_that_tell_the_hypothesis(study: Study) -> Iterator[Problem]:
    """Questions that let a role guess what is expected of it."""
    causes = {equation.outcome: set(equation.causes) for _, equation in _equations(study)}
    for variable in study.causal_model.measured:
        suspects = [
            other
            for other in study.causal_model.variables
            if other.name != variable.name
            and (other.treatment is not None or other.name in causes.get(variable.name, ()))
            and not _is_named(other, _meaning(variable.label, study), study)
        ]
        for where, item in _items(variable):
            if item.ask == CODER:
                continue
            told = [other.name for other in suspects if _is_named(other, _meaning(item.question, study), study)]
            if told:
                yield _warning(
                    "hypothesis_told",
                    f"the question to '{item.ask}' names {_listed(told)}: it tells a participant what is being varied",
                    "Ask for the outcome alone, or ask the coder.",
                    where,
                )
            elif causal := _CAUSAL.search(item.question):
                yield _warning(
                    "causal_wording",
                    f"the question to '{item.ask}' asks for a reason ('{causal[0]}'): people report causes badly and "
                    "guess the hypothesis well",
                    "Ask what happened; the experiment shows why.",
                    where,
                )


def questions_in_a_bad_order(study: Study) -> Iterator[Problem]:
    """Questions put twice, and causes asked about after their outcome."""
    seen: dict[tuple[str, str], str] = {}
    for variable in study.causal_model.measured:
        for where, item in _items(variable):
            first = seen.setdefault((item.ask, " ".join(item.question.lower().split())), variable.name)
            if first != variable.name:
                yield _warning(
                    "same_question",
                    f"'{item.ask}' is asked the same for '{first}' and '{variable.name}': the two cannot differ",
                    "Ask each its own question.",
                    where,
                )
    order = [variable.name for variable in study.causal_model.measured]
    for where, equation in _equations(study):
        if equation.outcome not in order:
            continue
        later = order[order.index(equation.outcome) + 1 :]
        asked = _roles_asked(study, equation.outcome)
        late = [name for name in equation.causes if name in later and asked & _roles_asked(study, name)]
        if late:
            yield _warning(
                "cause_asked_late",
                f"{_listed(late)} is asked of the same role after '{equation.outcome}', which may colour the answer",
                "Put the cause before its outcome among the variables: questions are asked in that order.",
                where,
            )


def _roles_asked(study: Study, name: str) -> set[str]:
    return {item.ask for _, item in _items(study.causal_model.variable(name)) if item.ask != CODER}


def variables_without_an_estimand(study: Study) -> Iterator[Problem]:
    """What is varied or measured, and then not used."""
    if not study.causal_model.paths:
        yield Problem(
            "no_paths",
            "the study has no path, so nothing would be estimated",
            "Write at least one, such as 'outcome ~ cause'.",
            "causal_model.paths",
        )
        return
    for variable in study.causal_model.variables:
        if variable.name in _on_paths(study):
            continue
        if variable.treatment is not None:
            yield _warning(
                "treatment_on_no_path",
                f"'{variable.name}' is varied but stands on no path, so its effect is not estimated",
                "Add it to the equation of the outcome it acts on, or take it out.",
                _at(variable),
            )
        else:
            yield _warning(
                "measured_on_no_path",
                f"'{variable.name}' is measured but stands on no path, so it stays out of the estimates",
                "Give it an equation, or keep it as a description.",
                _at(variable),
            )


def paths_that_are_not_experiments(study: Study) -> Iterator[Problem]:
    """Causes that nobody randomised, and products without their parts."""
    measured = {variable.name for variable in study.causal_model.measured}
    for where, equation in _equations(study):
        observed = [name for name in equation.causes if name in measured]
        if observed:
            yield _warning(
                "not_randomised",
                f"in '{equation}', {_listed(observed)} is measured and not randomised: whatever else moves it and "
                f"'{equation.outcome}' confounds the path",
                "Read the path as an association, or randomise the cause in a study of its own.",
                where,
            )
        present = {frozenset(term) for term in equation.terms}
        for term in equation.terms:
            parts = [part for size in range(1, len(term)) for part in combinations(term, size)]
            absent = [":".join(part) for part in parts if frozenset(part) not in present]
            if absent:
                yield _warning(
                    "interaction_without_main",
                    f"in '{equation}', '{':'.join(term)}' stands without {_listed(absent)} and takes up their effects",
                    f"Add {' + '.join(absent)}.",
                    where,
                )


def numbers_of_sessions(study: Study) -> Iterator[Problem]:
    """Too few sessions to infer from, or more than anybody means to run."""
    if design_problems(study):
        return
    sessions = plan_sessions(study).n_sessions
    for where, equation in _equations(study):
        coefficients = 1 + sum(_columns(term, study) for term in equation.terms)
        if sessions < coefficients + FREE_SESSIONS:
            yield _warning(
                "too_few_sessions",
                f"{sessions:,} sessions are too few for the {coefficients} coefficients of '{equation}': intervals and "
                "p-values will be refused",
                f"Plan at least {coefficients + FREE_SESSIONS} sessions: more values, or replicates.",
                where,
            )
    if sessions > MANY_SESSIONS:
        yield _warning(
            "many_sessions",
            f"the plan has {sessions:,} sessions",
            "Draw some of them: 'assignment: random_subset' with 'sessions'.",
            "design",
        )


def _columns(term: tuple[str, ...], study: Study) -> int:
    """Coefficients of a term: a nominal cause has one for each value but the first."""
    factors = _factors(study)
    nominal = [name for name in term if study.causal_model.variable(name).kind == "nominal" and name in factors]
    return math.prod(max(len(factors[name].levels) - 1, 1) for name in nominal)


def endings_that_cannot_happen(study: Study) -> Iterator[Problem]:
    """Actions and stop rules that nothing can bring about."""
    procedure = study.procedure
    proposers = {role for action in procedure.actions if "propose" in action.effect for role in action.by}
    for action in procedure.actions:
        helpless = [role for role in action.by if "agree" in action.effect and not proposers - {role}]
        if helpless:
            yield _warning(
                "nothing_to_accept",
                f"{_listed(helpless)} may '{action.name}', but nobody else can propose anything",
                "Let another role take an action with the effect 'propose'.",
                f"procedure.actions.{action.name}",
            )
    if "all_retired" in procedure.stop and not can_all_retire(procedure):
        yield _warning(
            "nobody_retires",
            "the conversation is to stop when fewer than two speakers are left, but too few of them can retire",
            "Give the speakers an action with the effect 'retire', or take the rule out.",
            "procedure.stop",
        )
    ends = any("end" in action.effect for action in procedure.actions) or "coordinator" in procedure.stop
    settles = "agreement" in procedure.stop and can_agree(procedure)
    if procedure.stop and not (ends or settles or can_all_retire(procedure)):
        excluded = study.analysis.censored == "exclude"
        yield Problem(
            "always_censored",
            "no stop rule can be met, so the cap ends every session"
            + (" and the analysis, which leaves such sessions out, has no data" if excluded else ""),
            "Mend the stop rule, or take it out: the cap is then the planned length, and no session is censored.",
            "procedure.stop",
            severity="error" if excluded else "warning",
        )


def caps_that_cut(study: Study) -> Iterator[Problem]:
    """Caps too low for everybody to speak, too low to settle anything, or very high."""
    procedure = study.procedure
    cap, once = procedure.max_turns, round_length(procedure)
    if cap < once:
        at_once = procedure.turn_order == "simultaneous"
        yield Problem(
            "cap_below_round",
            f"the cap of {cap} statements is below the {once} that it takes until everybody has spoken"
            + (", so no round is begun and nothing is said" if at_once else ""),
            f"Set 'max_turns' to at least {once}.",
            "procedure.max_turns",
            severity="error" if at_once else "warning",
        )
    elif cap < 2 * once and (procedure.stop or any("end" in action.effect for action in procedure.actions)):
        yield _warning(
            "low_cap",
            f"within {cap} statements not everybody can speak twice: the cap may end and censor many sessions",
            f"Set 'max_turns' to {2 * once} or more, or expect to lose the sessions that take longest.",
            "procedure.max_turns",
        )
    if cap > LONG_SESSION:
        yield _warning(
            "long_session",
            f"a session may take {cap} statements, and every prompt repeats what was said before",
            f"Lower 'max_turns' to {LONG_SESSION} or less, or try a few sessions first.",
            "procedure.max_turns",
        )


def errors_of_the_wrong_size(study: Study) -> Iterator[Problem]:
    """Standard errors that treat alike sessions as independent, or rest on too few clusters."""
    analysis, replicates = study.analysis, study.design.replicates
    if replicates > 1 and analysis.errors != "cluster":
        yield _warning(
            "replicates_unclustered",
            f"{replicates} sessions share each condition, but the errors take all sessions as independent",
            "Write 'errors: cluster' and 'cluster: condition'.",
            "analysis.errors",
        )
    if analysis.cluster is None or design_problems(study):
        return
    plan, factors = plan_sessions(study), _factors(study)
    if analysis.cluster == "condition":
        clusters = min(plan.n_conditions, plan.n_sessions)
    elif analysis.cluster in factors:
        clusters = min(len(factors[analysis.cluster].levels), plan.n_sessions)
    else:
        yield _warning(
            "cluster_on_outcome",
            f"the errors cluster on '{analysis.cluster}', which is measured after the sessions",
            "Cluster on what the sessions share beforehand: 'condition', or a treatment.",
            "analysis.cluster",
        )
        return
    if clusters < MANY_CLUSTERS:
        yield _warning(
            "few_clusters",
            f"the errors cluster on '{analysis.cluster}', which makes {clusters} clusters; with fewer than "
            f"{MANY_CLUSTERS} they tend to be too small",
            "Run more conditions, or read the intervals as too narrow.",
            "analysis.cluster",
        )


FINDINGS: tuple[Finding, ...] = (
    idle_roles,
    names_used_twice,
    values_that_hide_the_effect,
    codes_out_of_order,
    who_knows_what,
    private_values_given_away,
    limits_that_do_not_bind,
    measures_without_a_slope,
    answers_that_cannot_be_combined,
    questions_to_onlookers,
    questions_that_tell_the_hypothesis,
    questions_in_a_bad_order,
    variables_without_an_estimand,
    paths_that_are_not_experiments,
    numbers_of_sessions,
    endings_that_cannot_happen,
    caps_that_cut,
    errors_of_the_wrong_size,
)
"""Every finding, in the order of the file's parts."""
