"""A published causal model -> a study: the files of the 2024 reference code (Manning, Zhu and Horton)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from pydantic import ValidationError

from silicus.causal.published_file import PublishedFile, PublishedVariable, read_published
from silicus.concepts.causal_model import CausalModel, Equation
from silicus.concepts.errors import ImportFileError
from silicus.concepts.procedure import Conversation
from silicus.concepts.roles import Role
from silicus.concepts.scenario import Scenario
from silicus.concepts.seats import Seat, Seats
from silicus.concepts.study import RESERVED_COLUMNS, RESERVED_ROLES, InconsistentStudyError, Source, Study
from silicus.concepts.variables import CODER, CURRENCIES, EVERYONE, Item, Kind, Level, Measure, Treatment, Variable
from silicus.concepts.variables import number_words as in_words

__all__ = ["CITATION", "study_from_published"]

CITATION = (
    "Manning, B. S., Zhu, K., & Horton, J. J. (2024). Automated Social Science: Language Models as Scientist and "
    "Subjects. NBER Working Paper 32381 (arXiv:2404.11794)."
)
ORACLE = "oracle"
SCENARIO = "scenario"
MAX_TURNS = 20
NAME_LENGTH = 40

_KINDS: dict[str, Kind] = {
    "binary": "binary", "ordinal": "ordinal", "nominal": "nominal", "count": "count", "continuous": "continuous",
    "categorical": "nominal",
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<sign>[-+−]?)\s*(?P<currency>[$€£]?)\s*(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,30})(?P<decimals>\.\d{1,30})?"
    r"(?:\s?(?P<times>k|thousand|million)\b)?(?P<rest>\s*%|\s+\S.*|[a-z]{2}.*|[$€£])?",
    re.IGNORECASE,
)
_TIMES = {None: 1, "k": 1_000, "thousand": 1_000, "million": 1_000_000}
_CURRENCY_WORDS = {"$": "dollars", "€": "euros", "£": "pounds"}
_NUMBERED_LEVEL = re.compile(r"(\d+)\s*[-–—:.)=]\s*(?=\D)(.+)")
_YES_NO = ({"0", "1"}, {"no", "yes"}, {"false", "true"})
# Combinations that the prose names beyond doubt; a sentence that denies them counts for nothing.
_COMBINING = {
    "mean": r"\b(the (mean|average)|averag(ed|ing))\b", "sum": r"\b(the sum|summ(ed|ing)|added (up|together))\b",
    "max": r"\bthe (maximum|highest|largest)\b", "min": r"\bthe (minimum|lowest|smallest)\b",
}  # fmt: skip
_DENIAL = re.compile(r"\b(no|not|without|never|n't)\b")
_LIMITS = {"at_most": r"\b(budget|maximum|at most)\b", "at_least": r"\b(minimum|at least)\b"}
_SMALL_WORDS = frozenset(
    (
        "a", "an", "the", "of", "for", "to", "in", "on", "at", "by", "with", "from", "that", "this", "whether", "or",
        "not", "and", "has", "have", "had", "is", "are", "was", "were", "be", "been", "already", "towards", "toward",
        "during", "his", "her", "their", "its", "s", "they", "it", "he", "she",
    )
)  # fmt: skip


@dataclass(slots=True)
class _Notes:
    """What a reader of the imported study should know: a sentence, and what it holds for."""

    sentences: dict[str, list[str]] = field(default_factory=dict)

    def say(self, sentence: str, about: str = "") -> None:
        """Add a sentence, or one more thing that it holds for."""
        held = self.sentences.setdefault(sentence, [])
        if about and about not in held:
            held.append(about)

    def lines(self) -> tuple[str, ...]:
        """Each sentence once, with everything that it holds for."""
        return tuple(
            f"{sentence}: {'; '.join(held)}." if held else f"{sentence}." for sentence, held in self.sentences.items()
        )


def study_from_published(text: str, *, name: str) -> tuple[Study, tuple[str, ...]]:
    """Turn a causal-model file of the 2024 reference code into a study that can be conducted.

    Scenario, roles, variables, values, who is told what, questions and paths come from the file. What a file of
    that format does not hold (goals, speaking order, stop rule) gets the plainest setting. The participants are
    rehearsed.

    Parameters
    ----------
    text : str
        The file's content.
    name : str
        Short name of the study.

    Returns
    -------
    tuple
        The study, and notes on everything that was not carried over as it stood; they also stand in its ``source``.

    Raises
    ------
    ImportFileError
        Where the text is damaged, another kind of file, or describes what no study can hold: what, where, what to do.

    References
    ----------
    Manning, B. S., Zhu, K., & Horton, J. J. (2024). Automated Social Science: Language Models as Scientist and
    Subjects. arXiv:2404.11794.
    """
    file = read_published(text)
    notes = _Notes()
    _general_notes(file, notes)
    try:
        study = _study(file, name, notes)
    except ValidationError as error:
        raise _no_study(error) from None
    return study, notes.lines()


def _study(file: PublishedFile, name: str, notes: _Notes) -> Study:
    roles = _roles(file, notes)
    names = _variable_names(file)
    variables = tuple(
        _outcome(each, names[each.label], roles, notes)
        if each.is_outcome
        else _cause(each, names[each.label], roles, notes)
        for each in file.variables
    )
    paths = _paths(file, names, notes)
    return Study(
        format=1,
        name=name if re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) else _identifier(name, set()),
        scenario=Scenario(text=file.scenario),
        roles=tuple(Role(name=role) for role in roles.values()),
        causal_model=CausalModel(variables=variables, paths=paths),
        procedure=Conversation(speakers=tuple(roles.values()), max_turns=MAX_TURNS, stop=("coordinator",)),
        seats=Seats(participant=Seat(llm="rehearsal:linear")),
        source=Source(citation=CITATION, notes=notes.lines()),
    )


def _no_study(error: ValidationError) -> ImportFileError:
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    said = str(cause.problems[0]) if isinstance(cause, InconsistentStudyError) else str(cause or first["msg"])
    return ImportFileError(
        f"the file describes what no study can hold: {said}",
        suggestion="Mend the causal model with the code that wrote it.",
    )


def _refused(variable: PublishedVariable, expected: str, got: str) -> ImportFileError:
    return ImportFileError(
        f"the variable '{variable.label}' cannot be imported: expected {expected}, got {got}",
        suggestion="Complete the variable with the code that wrote the file, and save it again.",
    )


# Names


def _plain_words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", re.sub(r"'s\b|'", "", plain))


def _identifier(text: str, taken: set[str]) -> str:
    """A short readable name of small letters, digits and underscores that is not taken yet."""
    words = _plain_words(text)
    telling = [word for word in words if word not in _SMALL_WORDS] or words or ["variable"]
    name = ""
    for word in telling:
        longer = f"{name}_{word}" if name else word[:NAME_LENGTH]
        if len(longer) > NAME_LENGTH:
            break
        name = longer
    if not name[0].isalpha():
        name = f"v_{name}"[:NAME_LENGTH]
    if name in RESERVED_COLUMNS or name.endswith("_missing"):
        name = f"{name}_variable"
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def _variable_names(file: PublishedFile) -> dict[str, str]:
    names: dict[str, str] = {}
    for variable in file.variables:
        names[variable.label] = _identifier(variable.label, set(names.values()))
    return names


def _roles(file: PublishedFile, notes: _Notes) -> dict[str, str]:
    """From each agent of the file to the name of its role."""
    roles: dict[str, str] = {}
    for agent in dict.fromkeys(file.agents):
        name = agent if re.fullmatch(r"[A-Za-z][A-Za-z0-9_' -]{0,59}", agent) else _role_name(agent)
        if name in RESERVED_ROLES:
            name = f"the {name}"
        while name in roles.values():
            name = f"{name[:57]} {len(roles) + 1}"
        if name != agent:
            notes.say("Roles have other names than the file's agents", f"'{agent}' is '{name}'")
        roles[agent] = name
    if len(roles) < 2:
        raise ImportFileError(
            f"the file names {len(roles)} of the at least 2 agents that a conversation needs (agents_in_scenario)",
            suggestion="Complete the causal model with the code that wrote the file.",
        )
    return roles


def _role_name(agent: str) -> str:
    plain = unicodedata.normalize("NFKD", agent).encode("ascii", "ignore").decode()
    name = " ".join(re.findall(r"[A-Za-z0-9_'-]+", plain))
    return (name if name[:1].isalpha() else f"role {name}").strip()[:60].strip()


def _role(agent: str, roles: dict[str, str]) -> str | None:
    """The role of an agent, in whatever case the file writes it there."""
    folded = {known.casefold(): role for known, role in roles.items()}
    return roles.get(agent) or folded.get(agent.casefold())


# Outcomes


def _outcome(variable: PublishedVariable, name: str, roles: dict[str, str], notes: _Notes) -> Variable:
    if variable.values:
        notes.say(
            "Values that an outcome could be set to, and is not, are left out", f"{name} ({', '.join(variable.values)})"
        )
    kind = _kind(variable)
    levels = _options(variable, kind, name, notes)
    return Variable(
        name=name, label=variable.label, kind=kind, unit=_unit(variable, kind, name, notes), levels=levels,
        operationalisation=_operationalisation(variable, () if levels else variable.levels),
        measure=_measure(variable, name, roles, notes),
    )  # fmt: skip


def _kind(variable: PublishedVariable) -> Kind:
    if variable.kind not in _KINDS:
        raise _refused(
            variable, f"a variable_type ({', '.join(_KINDS)})", f"'{variable.kind}'" if variable.kind else "none"
        )
    return _KINDS[variable.kind]


def _options(variable: PublishedVariable, kind: Kind, name: str, notes: _Notes) -> tuple[Level, ...]:
    """The answers to choose among; none where a number, an amount or yes and no are asked for."""
    levels = tuple(dict.fromkeys(variable.levels))
    if kind in ("count", "continuous"):
        if levels:
            notes.say(
                "Bands of numbers are kept in the operationalisation alone; answers are not sorted into them", name
            )
        return ()
    if kind == "binary":
        if not levels or {level.casefold() for level in levels} in _YES_NO:
            return ()
        if len(levels) != 2:
            raise _refused(variable, "two levels of a binary outcome", f"{len(levels)} ({', '.join(levels)})")
        notes.say("Words of a binary outcome are coded 0 and 1 in the file's order", f"{name} ({', '.join(levels)})")
        return tuple(Level(words=words, code=code) for code, words in enumerate(levels))
    if len(levels) < 2:
        raise _refused(variable, f"the levels of a variable that is {kind}", ", ".join(levels) or "none")
    if kind == "nominal":
        notes.say("The codes of nominal outcomes have no order: read no path to them as a slope", name)
    return _coded(levels)


def _coded(words: tuple[str, ...]) -> tuple[Level, ...]:
    """Words with codes: their own where all are numbers or begin with one (``2 - slight``), else 1, 2, … in order."""
    numbered = [_NUMBERED_LEVEL.fullmatch(each) for each in words]
    codes = [_number(each) for each in words]
    if all(numbered):
        codes = [float(match.group(1)) for match in numbered if match is not None]
    if None in codes or len(set(codes)) < len(codes):
        codes = [float(rank) for rank in range(1, len(words) + 1)]
    return tuple(Level(words=each, code=code) for each, code in zip(words, codes, strict=True) if code is not None)


def _number(text: str) -> float | None:
    """The number that a text is, currency and thousands aside: ``$1,500`` is 1500; None for anything else."""
    match = _NUMBER.fullmatch(text)
    rest = (match["rest"] or "").strip().lower() if match is not None else ""
    return _value_of(match) if match is not None and rest in ("", "%", *CURRENCIES) else None


def _value_of(match: re.Match[str]) -> float:
    times = _TIMES[match["times"].lower() if match["times"] else None]
    sign = -1 if match["sign"] in ("-", "−") else 1
    return sign * times * float(match["whole"].replace(",", "") + (match["decimals"] or ""))


def _numbers(texts: tuple[str, ...]) -> list[float] | None:
    """The numbers that all texts are, or that all begin with before the same words: ``160 cm``, ``165 cm``."""
    matches = [_NUMBER.fullmatch(text) for text in texts]
    found = [match for match in matches if match is not None]
    units = {(match["rest"] or "").strip().lower().rstrip("s") for match in found}
    if len(found) < len(texts) or len(units - {"", "$", "€", "£", "dollar"}) > (0 if "" in units else 1):
        return None
    return [_value_of(match) for match in found]


def _operationalisation(variable: PublishedVariable, levels: tuple[str, ...]) -> str:
    said = [text if text.endswith((".", "?", "!")) else f"{text}." for text in variable.operationalisation]
    return " ".join([*said, *([f"Levels in the file: {', '.join(levels)}."] if levels else [])])


def _unit(variable: PublishedVariable, kind: Kind, name: str, notes: _Notes, *, numbers: bool = True) -> str | None:
    """The unit of the numbers; what the file calls the unit of words or of yes and no is none."""
    given = variable.unit
    if not given:
        return None
    if not numbers or kind not in ("count", "continuous"):
        notes.say("Left out, being no units of numbers", f"'{given}' of {name}")
        return None
    unit = re.sub(r"^(count|number|amount) of (the )?", "", given, flags=re.IGNORECASE)
    if unit.lower() not in CURRENCIES and re.search(r"\bdollars?\b|\$", unit, re.IGNORECASE):
        unit = "dollars"
    if unit != given:
        notes.say("Units were shortened", f"'{given}' of {name} is '{unit}'")
    return unit


def _measure(variable: PublishedVariable, name: str, roles: dict[str, str], notes: _Notes) -> Measure:
    if not variable.questions:
        raise _refused(variable, "at least one question (agent_measure_question_dict)", "none")
    items = tuple(
        Item(ask=_respondent(agent, variable, roles), question=question) for agent, question in variable.questions
    )
    if variable.aggregation:
        notes.say("How answers become values, in the file's words", f"{name}, '{variable.aggregation.rstrip('.')}'")
    if ORACLE in _plain_words(variable.aggregation) and CODER not in [item.ask for item in items]:
        notes.say("The file would fall back on an oracle (the coder here) whom it asks nothing; an answer that is "
                  "missing stays missing", name)  # fmt: skip
    if len(items) == 1:
        return Measure(ask=items[0].ask, question=items[0].question)
    combine = _combination(variable.aggregation)
    if combine is None:
        notes.say("Several questions are asked and the file does not say plainly how the answers are combined; "
                  "the first that has a value counts", name)  # fmt: skip
        return Measure(items=items)
    return Measure.model_validate({"items": items, "combine": combine})


def _respondent(agent: str, variable: PublishedVariable, roles: dict[str, str]) -> str:
    role = _role(agent, roles)
    if role is None and agent.casefold() == ORACLE:
        return CODER
    if role is None:
        raise _refused(variable, f"questions to one of {', '.join(roles)} or the {ORACLE}", f"questions to '{agent}'")
    return role


def _combination(prose: str) -> str | None:
    """The one combination that the prose names without a denial in the same sentence; None where there is doubt."""
    named = {
        way
        for sentence in re.split(r"[.;]", prose.lower()) if not _DENIAL.search(sentence)
        for way, words in _COMBINING.items() if re.search(words, sentence)
    }  # fmt: skip
    return named.pop() if len(named) == 1 else None


# Causes


def _cause(variable: PublishedVariable, name: str, roles: dict[str, str], notes: _Notes) -> Variable:
    if not variable.values or not variable.attribute:
        missing = "an attribute_name" if variable.values else "attribute_values"
        raise _refused(variable, f"{missing} to set it by (attribute_variation)", "none")
    if variable.questions:
        notes.say(
            "Questions about a cause are left out, since the experiment sets it", f"{name} ({variable.questions[0][1]})"
        )
    values, numeric = _values(variable, name, notes)
    kind = _kind_of_cause(variable, len(values), numeric, name, notes)
    tell = _told(variable, name, roles, notes)
    unit = _unit(variable, kind, name, notes, numbers=numeric)
    if numeric and unit is None:
        unit = _unit_of_values(variable.values)
    return Variable(
        name=name, label=variable.label, kind=kind, unit=unit,
        operationalisation=_operationalisation(variable, variable.levels),
        treatment=Treatment(
            tell=tell, phrase=variable.attribute, values=values, public=_public_phrase(variable, tell, name, notes),
            limit=_limit(variable, unit, tell, numeric, name, notes),
        ),
    )  # fmt: skip


def _values(variable: PublishedVariable, name: str, notes: _Notes) -> tuple[tuple[Level, ...], bool]:
    """The values with their codes, and whether they are numbers."""
    numbers = _numbers(variable.values)
    numeric = numbers is not None
    told = list(variable.values) if numbers is None else [in_words(number) for number in numbers]
    kept = [told.index(words) for words in dict.fromkeys(told)]
    if len(kept) < len(told):
        notes.say("Values that stand more than once are set once", name)
    words = tuple(told[index] for index in kept)
    public = _public_words(variable, kept, name, notes)
    if numeric:
        if words != variable.values:
            notes.say("Values were read as numbers", f"{name} ({', '.join(variable.values)})")
        levels = tuple(Level(words=each, code=float(each)) for each in words)
    else:
        levels = _coded_values(words, variable.levels)
        coded = ", ".join(f"{level.words} = {in_words(level.code)}" for level in levels)
        notes.say("Values in words are coded", f"{name} ({coded})")
    if variable.levels and len(variable.levels) != len(levels):
        counts = f"{name} ({len(variable.levels)} levels, {len(levels)} values)"
        notes.say("The file has another number of levels than of values; the values are set, the levels kept in the "
                  "operationalisation", counts)  # fmt: skip
    if public is None or public == words:
        return levels, numeric
    heard = zip(levels, public, strict=True)
    return tuple(Level(words=level.words, code=level.code, public=words) for level, words in heard), numeric


def _coded_values(words: tuple[str, ...], levels: tuple[str, ...]) -> tuple[Level, ...]:
    """Words told, coded by the file's own levels where these are as many plain numbers (0 and 1), else 1, 2, …."""
    codes = [_number(level) for level in levels]
    if len(codes) == len(words) and None not in codes and len(set(codes)) == len(codes):
        return tuple(Level(words=each, code=code) for each, code in zip(words, codes, strict=True) if code is not None)
    return tuple(Level(words=each, code=float(rank)) for rank, each in enumerate(words, start=1))


def _public_words(variable: PublishedVariable, kept: list[int], name: str, notes: _Notes) -> tuple[str, ...] | None:
    """The words that others hear; None where they hear the same."""
    heard = variable.public_values
    if not _is_public(variable) or not heard or heard == variable.values:
        return None
    if len(heard) != len(variable.values):
        notes.say("The file has another number of public values than of values; the others hear the values", name)
        return None
    numbers = [_number(heard[index]) for index in kept]
    return tuple(
        heard[index] if number is None else in_words(number) for index, number in zip(kept, numbers, strict=True)
    )


def _unit_of_values(values: tuple[str, ...]) -> str | None:
    """The unit that the values themselves carry: a currency sign, or words behind the last of the numbers."""
    signs = [words for sign, words in _CURRENCY_WORDS.items() if any(sign in value for value in values)]
    match = _NUMBER.fullmatch(values[-1])
    behind = (match["rest"] or "").strip() if match is not None else ""
    return signs[0] if signs else behind or None


def _kind_of_cause(variable: PublishedVariable, n_values: int, numeric: bool, name: str, notes: _Notes) -> Kind:
    kind = _kind(variable)
    if kind == "binary" and n_values > 2:
        fitting: Kind = "continuous" if numeric else "ordinal"
    elif kind in ("count", "continuous") and not numeric:
        fitting = "ordinal"
    else:
        return kind
    notes.say("The kind in the file does not fit the values", f"{name} is {fitting} here, {kind} there")
    return fitting


def _told(variable: PublishedVariable, name: str, roles: dict[str, str], notes: _Notes) -> tuple[str, ...]:
    if variable.scope == SCENARIO or [agent.casefold() for agent in variable.varied] == [SCENARIO]:
        return (EVERYONE,)
    agents = variable.varied or ((variable.entity,) if variable.entity else ())
    told = [_role(agent, roles) for agent in agents]
    known = tuple(dict.fromkeys(role for role in told if role is not None))
    if not known or len(known) < len(set(agents)):
        raise _refused(
            variable, f"a varied_agent among {', '.join(roles)} or '{SCENARIO}'", ", ".join(agents) or "none"
        )
    if variable.entity and _role(variable.entity, roles) not in known:
        notes.say("The file calls another entity relevant than the agent whose attribute it varies; the varied agent "
                  "is told", f"{name} ({variable.entity})")  # fmt: skip
    return known


def _is_public(variable: PublishedVariable) -> bool:
    return variable.visibility == "public"


def _public_phrase(variable: PublishedVariable, tell: tuple[str, ...], name: str, notes: _Notes) -> str | None:
    if variable.visibility not in ("public", "private") and tell != (EVERYONE,):
        notes.say(
            "Neither public nor private in the file, private here", f"{name} ({variable.visibility or 'nothing'})"
        )
    named = variable.public_name and variable.public_name.lower() != "private"
    if not _is_public(variable) or tell == (EVERYONE,):
        if named or variable.public_values:
            said = ", ".join([*([variable.public_name] if named else []), *variable.public_values])
            notes.say(
                "Public names and values of what is private, or told to everyone, are left out", f"{name} ({said})"
            )
        return None
    if named:
        return variable.public_name
    notes.say("Public without a public name; the others hear the variable's label", name)
    return variable.label


def _limit(
    variable: PublishedVariable, unit: str | None, tell: tuple[str, ...], numeric: bool, name: str, notes: _Notes
) -> str | None:
    """``at_most`` or ``at_least`` where an amount of money that one role is told says so beyond doubt."""
    if not numeric or (unit or "").lower() not in CURRENCIES or len(tell) != 1 or tell == (EVERYONE,):
        return None
    limits = [limit for limit, words in _LIMITS.items() if re.search(words, variable.attribute.lower())]
    if len(limits) != 1:
        return None
    notes.say("Taken for bounds on the amounts that a role offers, bids or accepts, by the words of the file; breaking "
              "one is recorded", f"{name} is {limits[0]} ('{variable.attribute}')")  # fmt: skip
    return limits[0]


# The whole


def _paths(file: PublishedFile, names: dict[str, str], notes: _Notes) -> tuple[Equation, ...]:
    for cause, outcome in file.edges:
        target = file.variable(outcome)
        if target is not None and not target.is_outcome:
            raise _refused(target, "no causes of a variable that the experiment sets", f"the cause '{cause}'")
    for variable in file.variables:
        for cause in variable.causes if file.has_edge_list else ():
            if (cause, variable.label) not in file.edges:
                notes.say(
                    "Listed as a cause but not among the edges, so no path", f"'{cause}' of {names[variable.label]}"
                )
    causing = {cause for cause, _ in file.edges}
    for variable in file.variables:
        if not variable.is_outcome and variable.label not in causing:
            notes.say("Set by the experiment, though the file has no path from it", names[variable.label])
    equations = []
    for variable in file.variables:
        causes = [each.label for each in file.variables if (each.label, variable.label) in file.edges]
        if variable.is_outcome and not causes:
            notes.say("Measured, though the file has no causes of it; its mean is estimated", names[variable.label])
        if variable.is_outcome:
            equations.append(Equation(outcome=names[variable.label], terms=tuple((names[cause],) for cause in causes)))
    return tuple(equations)


def _general_notes(file: PublishedFile, notes: _Notes) -> None:
    notes.say(
        "The file names no goals and no constraints: write them into the roles before a language model plays them"
    )
    notes.say("The file has no speaking order: the speakers take turns in the order of its agents, and no central "
              "speaker is guessed")  # fmt: skip
    notes.say(f"The file has no end of a session: a hidden coordinator ends it, or the cap of {MAX_TURNS} statements")
    if not file.has_edge_list:
        notes.say("The file has no list of edges: the paths come from the causes of each variable")
    models = dict.fromkeys(each for each in (file.language_model, *(v.language_model for v in file.variables)) if each)
    for model in models:
        notes.say(
            "The participants here are rehearsed, on effects that stand in for unknown ones, all positive; the "
            "language model of the file is",
            model,
        )
    for variable in file.variables:
        if not variable.operationalisation:
            notes.say("The file does not say how these are made observable", f"'{variable.label}'")
    others = {name for variable in file.variables for name in variable.other_fields} | set(file.other_fields)
    for name in sorted(others):
        notes.say("Fields of the file that a study has no place for, or that repeat or explain others", name)
    if not any(not variable.is_outcome for variable in file.variables):
        notes.say("The file has no cause that is set: every session has the same condition until one is added")
