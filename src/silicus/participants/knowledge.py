"""What a participant knows before anybody speaks: its own attributes and values, and what is public of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from silicus.concepts.picture import Picture
from silicus.concepts.roles import Persona, ToldValue
from silicus.concepts.study import Study
from silicus.participants.templates import the_role

__all__ = ["Fact", "own_facts", "pictures_of", "public_facts", "roles_shown_pictures"]

NO_OTHERS = "only you know this"
ALL_OTHERS = "the others know this"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a participant is told.

    Attributes
    ----------
    phrase
        What it is called.
    words
        The fact in words.
    known
        Who else knows it; empty where nothing is said of that.
    image
        The picture that is shown in place of the words.
    """

    phrase: str
    words: str
    known: str = ""
    image: Picture | None = None


def own_facts(persona: Persona, cast: Sequence[Persona]) -> tuple[Fact, ...]:
    """What a persona knows about itself: attributes first, then the values that this session assigns."""
    attributes = [
        Fact(each.name, str(each.value), ALL_OTHERS if each.public else "", each.image) for each in persona.attributes
    ]
    told = [Fact(value.phrase, value.words, _who_knows(value, persona, cast), value.image) for value in persona.told]
    return (*attributes, *told)


def public_facts(persona: Persona, cast: Sequence[Persona]) -> tuple[Fact, ...]:
    """What a persona knows about the others."""
    facts: dict[str, Fact] = {}
    own = {value.variable for value in persona.told}
    for other in cast:
        if other.name == persona.name:
            continue
        for attribute in other.attributes:
            if attribute.public:
                phrase = f"{the_role(other.name)}'s {attribute.name}"
                facts[phrase] = Fact(phrase, str(attribute.value), image=attribute.image)
        for value in other.told:
            if value.public_phrase is not None and value.variable not in own:
                words = value.public_words or value.words
                facts[value.public_phrase] = Fact(value.public_phrase, words, image=value.public_image)
    return tuple(facts.values())


def pictures_of(facts: Sequence[Fact]) -> tuple[Picture, ...]:
    """The pictures among facts, each once, in the order in which they are first named."""
    return tuple(dict.fromkeys(fact.image for fact in facts if fact.image is not None))


def roles_shown_pictures(study: Study) -> tuple[str, ...]:
    """The roles that see a picture in some session: their own, or one that is public."""
    seen: set[str] = set()
    for role in study.roles:
        for attribute in role.attributes:
            if attribute.image is not None:
                seen.update(study.role_names if attribute.public else (role.name,))
    for variable in study.causal_model.treatments:
        treatment = variable.treatment
        pictured = [level for level in treatment.values if level.image is not None] if treatment is not None else []
        if treatment is None or not pictured:
            continue
        shown_to_all = treatment.public is not None and any(level.public is None for level in pictured)
        seen.update(study.role_names if shown_to_all else study.told_roles(variable.name))
    return tuple(name for name in study.role_names if name in seen)


def _who_knows(value: ToldValue, persona: Persona, cast: Sequence[Persona]) -> str:
    """Who else knows a value that a persona was told, as it is told that."""
    if value.public_phrase is not None:
        return ALL_OTHERS
    told = [the_role(o.name) for o in cast if o.name != persona.name and value.variable in {t.variable for t in o.told}]
    if not told:
        return NO_OTHERS
    return ALL_OTHERS if len(told) == len(cast) - 1 else f"also known to {', '.join(told)}"
