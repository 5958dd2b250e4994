"""From a study to its planned sessions: conditions, replicates, ids, seeds and casts.

A plan is a description. It knows its length and can name or make any one session without making the others.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from silicus.concepts.errors import Problem, SilicusError, StudyError
from silicus.concepts.roles import Persona, Role, ToldValue
from silicus.concepts.session import Session
from silicus.concepts.study import Study, nearest
from silicus.concepts.variables import Level, Variable, number_words

__all__ = ["Factor", "Plan", "design_problems", "is_number", "plan_sessions"]

_NUMBER = re.compile(r"[-+−]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?|[-+−]?\.\d+")
_SYMBOLS = ("$", "€", "£")
_PERSONAS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Factor:
    """A cause that the plan varies, with the values that it takes.

    Attributes
    ----------
    name, label
        As in the causal model.
    levels
        The values in the order of the file, without those that ``design.only`` leaves out.
    """

    name: str
    label: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)  # without slots: cached_property keeps its value in the instance
class Plan(Sequence[Session]):
    """The planned sessions of a study, in factorial order: the last factor changes fastest, then the replicate.

    A sequence of sessions that are made while one goes through them, so a plan of a million sessions takes
    no more memory than one of ten. ``plan_sessions`` makes it.

    Attributes
    ----------
    study
        The study planned.
    factors
        What is varied; empty where the study has no treatments, which leaves one condition.
    """

    study: Study
    factors: tuple[Factor, ...]

    @property
    def n_conditions(self) -> int:
        """Number of combinations of values: the product of the factors' numbers of values."""
        return math.prod(len(factor.levels) for factor in self.factors)

    @property
    def n_cells(self) -> int:
        """Conditions times replicates: what a full factorial runs and a random subset draws from."""
        return self.n_conditions * self.study.design.replicates

    @property
    def n_sessions(self) -> int:
        """Number of planned sessions; equals ``len(plan)``, which ends at ``sys.maxsize``."""
        design = self.study.design
        return design.sessions if design.sessions is not None else self.n_cells

    def __len__(self) -> int:
        return self.n_sessions

    def __iter__(self) -> Iterator[Session]:
        return map(self._session_of, self._cells)

    def __reversed__(self) -> Iterator[Session]:
        return map(self._session_of, reversed(self._cells))

    @overload
    def __getitem__(self, index: int) -> Session: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Session, ...]: ...
    def __getitem__(self, index: int | slice) -> Session | tuple[Session, ...]:
        if isinstance(index, slice):
            return tuple(map(self._session_of, self._cells[index]))
        return self._session_of(self._cells[index])

    def __contains__(self, session: object) -> bool:
        """Whether exactly this session is planned; told from its id, without going through the plan."""
        return (
            isinstance(session, Session)
            and self.has_session(session.session_id)
            and session == self.session(session.session_id)
        )

    def has_session(self, session_id: str) -> bool:
        """Whether a session of that id is planned."""
        cell = self._cell_of(session_id)
        return cell is not None and self._is_planned(cell)

    def session_ids(self) -> Iterator[str]:
        """The sessions' ids in the order of the plan, without making the sessions."""
        for cell in self._cells:
            condition, replicate = divmod(cell, self.study.design.replicates)
            yield self._session_id(self._ranks(condition), replicate + 1)

    def session(self, session_id: str) -> Session:
        """The planned session of that id, made from what the id says.

        Raises
        ------
        SilicusError
            Where the id does not name a condition of this plan, or one that the random subset left out; the
            suggestion names the nearest id.
        """
        cell = self._cell_of(session_id)
        if cell is None:
            raise SilicusError(
                f"the plan of '{self.study.name}' has no session '{session_id}'",
                suggestion=self._advice(session_id),
                code="unknown_session",
            )
        if not self._is_planned(cell):
            raise SilicusError(
                f"the session '{session_id}' is none of the {self.n_sessions:,} that the random subset with seed "
                f"{self.study.design.seed} drew from {self.n_cells:,}",
                suggestion="Name a session that the subset drew, or plan the full factorial.",
                code="unknown_session",
            )
        return self._session_of(cell)

    @cached_property
    def _cells(self) -> Sequence[int]:
        """Positions in the full factorial of the planned sessions, ascending."""
        design = self.study.design
        if design.sessions is None:
            return range(self.n_cells)
        return tuple(sorted(_draw(self.n_cells, design.sessions, design.seed)))

    @cached_property
    def _drawn(self) -> frozenset[int]:
        return frozenset(self._cells)

    def _is_planned(self, cell: int) -> bool:
        return self.study.design.sessions is None or cell in self._drawn

    @cached_property
    def _casting(self) -> _Casting:
        return _Casting(self.study, self.factors)

    @cached_property
    def _words(self) -> tuple[tuple[str, ...], ...]:
        """For each factor, each code as an id writes it."""
        return tuple(tuple(number_words(level.code) for level in factor.levels) for factor in self.factors)

    def _ranks(self, condition: int) -> tuple[int, ...]:
        """Position of each factor's value in a condition, from the condition's position."""
        ranks = []
        for factor in reversed(self.factors):
            condition, rank = divmod(condition, len(factor.levels))
            ranks.append(rank)
        return tuple(reversed(ranks))

    def _session_id(self, ranks: tuple[int, ...], replicate: int) -> str:
        parts = [
            f"{factor.name}={words[rank]}" for factor, words, rank in zip(self.factors, self._words, ranks, strict=True)
        ]
        return ",".join((*parts, f"replicate={replicate}"))

    def _cell_of(self, session_id: str) -> int | None:
        """Position in the full factorial of the session that the id describes; None if it describes none."""
        parts = [part.partition("=") for part in session_id.split(",")]
        if [name for name, _, _ in parts] != [*(factor.name for factor in self.factors), "replicate"]:
            return None
        cell = 0
        for (_, _, value), words in zip(parts, self._words, strict=False):
            if value not in words:
                return None
            cell = cell * len(words) + words.index(value)
        replicate = parts[-1][2]
        replicates = self.study.design.replicates
        if not re.fullmatch(r"[1-9]\d{0,17}", replicate, re.ASCII) or int(replicate) > replicates:
            return None
        return cell * replicates + int(replicate) - 1

    def _session_of(self, cell: int) -> Session:
        study = self.study
        condition, replicate = divmod(cell, study.design.replicates)
        ranks = self._ranks(condition)
        session_id = self._session_id(ranks, replicate + 1)
        # Without validation, which would check every part again: all come from a study that was validated as a whole,
        # and a plan makes thousands. A test compares the outcome with a validated session.
        return Session.model_construct(
            session_id=session_id,
            study=study.fingerprint,
            scenario=study.scenario,
            condition={f.name: f.levels[rank].code for f, rank in zip(self.factors, ranks, strict=True)},
            replicate=replicate + 1,
            seed=_seed(study.design.seed, session_id),
            cast=self._casting.cast(ranks),
            procedure=study.procedure,
            causal_model=study.causal_model,
            seats=study.seats,
        )

    def _advice(self, session_id: str) -> str:
        """What is wrong with an id that names no session."""
        names = [*(factor.name for factor in self.factors), "replicate"]
        parts = [part.partition("=") for part in session_id.split(",")]
        first = self._session_id((0,) * len(self.factors), 1)
        if [name for name, _, _ in parts] != names:
            return f"An id names {', '.join(names)} in this order, as in '{first}'."
        for (name, _, value), words in zip(parts, self._words, strict=False):
            if value not in words:
                return f"'{name}' is never '{value}'. {_nearest_value(value, words)}"
        return f"The replicate is a number from 1 to {self.study.design.replicates}, as in '{first}'."


def plan_sessions(study: Study) -> Plan:
    """Plan the sessions of a study.

    A full factorial runs every combination of the treatments' values, each ``replicates`` times. A random
    subset runs ``sessions`` of these cells, drawn without replacement; all such subsets are equally likely.

    Parameters
    ----------
    study
        The study; its ``design`` says what is run.

    Returns
    -------
    Plan
        A sequence of sessions in factorial order. Nothing is drawn or built before it is looked at.

    Raises
    ------
    StudyError
        Where the design asks for more sessions than there are cells, or leaves a cause without values.

    Notes
    -----
    The subset is the beginning of a Fisher-Yates shuffle of the cells (Knuth, *The Art of Computer Programming*,
    volume 2, algorithm 3.4.2P), so with one seed a larger subset contains the smaller. It uses of Python's
    generator only ``random()``, the one method whose draws are promised to stay the same between versions.
    """
    problems = design_problems(study)
    if problems:
        raise StudyError(problems, source=f"study '{study.name}'")
    return Plan(study, _factors(study))


def design_problems(study: Study) -> tuple[Problem, ...]:
    """Everything that makes the plan impossible; empty where ``plan_sessions`` succeeds."""
    factors = _factors(study)
    problems = [
        Problem(
            "no_levels",
            f"'only' leaves '{factor.name}' without a value, so there is nothing to run",
            "Name at least one of its values, or take the line out.",
            f"design.only.{factor.name}",
        )
        for factor in factors
        if not factor.levels
    ]
    problems += [
        Problem(
            "not_finite",
            f"the value '{level.words}' of '{factor.name}' stands for {level.code}, which is not a number to "
            "calculate with",
            "Give it a number.",
            f"causal_model.variables.{factor.name}.treatment.values",
        )
        for factor in factors
        for level in factor.levels
        if not math.isfinite(level.code)
    ]
    design = study.design
    cells = math.prod(len(factor.levels) for factor in factors) * design.replicates
    if design.sessions is not None and not problems and design.sessions > cells:
        problems.append(
            Problem(
                "too_many_sessions",
                f"the random subset asks for {design.sessions:,} sessions, but the full factorial has {cells:,}",
                f"Ask for at most {cells:,}, add replicates, or write 'assignment: full_factorial'.",
                "design.sessions",
            )
        )
    return tuple(problems)


def is_number(words: str) -> bool:
    """Whether words are a number in digits: ``6``, ``-0.5``, ``1,500``."""
    return _NUMBER.fullmatch(words.strip()) is not None


def _factors(study: Study) -> tuple[Factor, ...]:
    factors = []
    for variable in study.causal_model.treatments:
        chosen = study.design.only.get(variable.name)
        levels = variable.treatment.values if variable.treatment is not None else ()
        if chosen is not None:
            levels = tuple(level for level in levels if level.words in chosen or level.code in chosen)
        factors.append(Factor(variable.name, variable.label, levels))
    return tuple(factors)


def _draw(cells: int, sessions: int, seed: int) -> list[int]:
    """The first ``sessions`` places of a seeded shuffle of ``range(cells)``; only places that moved are kept."""
    source = random.Random(_seed(seed, "random_subset"))
    moved: dict[int, int] = {}
    drawn = []
    for place in range(sessions):
        # 106 random bits: for any number of cells that a plan can have, all are equally likely.
        bits = (int(source.random() * 2**53) << 53) | int(source.random() * 2**53)
        other = place + bits % (cells - place)
        drawn.append(moved.get(other, other))
        moved[other] = moved.get(place, place)
    return drawn


def _seed(seed: int, words: str) -> int:
    """63 bits from the study's seed and what they are for, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{words}".encode()).digest()[:8], "big") >> 1


def _nearest_value(given: str, known: tuple[str, ...]) -> str:
    try:
        number = float(given)
    except ValueError:
        return nearest(given, known)
    return f"The nearest value is {min(known, key=lambda words: abs(float(words) - number))}."


class _Casting:
    """Casts the roles for a condition; roles that are told the same are one object."""

    def __init__(self, study: Study, factors: tuple[Factor, ...]) -> None:
        variables = [study.causal_model.variable(factor.name) for factor in factors]
        told_roles = [study.told_roles(factor.name) for factor in factors]
        self._told = tuple(
            tuple(_told_value(variable, level) for level in factor.levels)
            for variable, factor in zip(variables, factors, strict=True)
        )
        self._roles = tuple(
            (role, tuple(index for index, told in enumerate(told_roles) if role.name in told)) for role in study.roles
        )
        self._personas: dict[tuple[object, ...], Persona] = {}

    def cast(self, ranks: tuple[int, ...]) -> tuple[Persona, ...]:
        """One persona a role, in the order of the roles."""
        return tuple([self._persona(role, told, ranks) for role, told in self._roles])

    def _persona(self, role: Role, told: tuple[int, ...], ranks: tuple[int, ...]) -> Persona:
        key = (role.name, *(ranks[index] for index in told))
        persona = self._personas.get(key)
        if persona is None:
            if len(self._personas) >= _PERSONAS_KEPT:  # a role that is told many factors has a persona a condition
                self._personas.clear()
            persona = Persona.model_construct(
                name=role.name,
                goal=role.goal,
                constraint=role.constraint,
                attributes=role.attributes,
                told=tuple(self._told[index][ranks[index]] for index in told),
            )
            self._personas[key] = persona
        return persona


def _told_value(variable: Variable, level: Level) -> ToldValue:
    treatment = variable.treatment
    if treatment is None:
        raise TypeError(f"'{variable.name}' is not a treatment")
    public = treatment.public is not None
    return ToldValue(
        variable=variable.name,
        phrase=treatment.phrase,
        words=_with_unit(level.words, variable),
        code=level.code,
        public_phrase=treatment.public,
        public_words=_with_unit(level.public if level.public is not None else level.words, variable)
        if public
        else None,
        limit=treatment.limit,
        image=level.image,
        public_image=level.image if public and level.public is None else None,
    )


def _with_unit(words: str, variable: Variable) -> str:
    """``10`` as ``10 dollars`` where the variable is continuous; counts say in their phrase what they count."""
    if variable.kind != "continuous" or not variable.unit or not is_number(words):
        return words
    return f"{variable.unit}{words}" if variable.unit in _SYMBOLS else f"{words} {variable.unit}"
