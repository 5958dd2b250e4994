"""The pictures of a study: read from beside its file, checked, and kept with it from then on.

A study's text names its pictures by path. Once read, each holds its bytes and their checksum; the checksum is part of
the study's fingerprint, so that a plan is frozen with the pictures that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from silicus.concepts.errors import Problem, StudyError
from silicus.concepts.noun import Noun
from silicus.concepts.picture import Picture, picture_type
from silicus.concepts.roles import Attribute
from silicus.concepts.study import Study
from silicus.concepts.variables import Level, Variable

__all__ = ["LARGEST_PICTURE", "changed_pictures", "pictures_in", "with_pictures"]

LARGEST_PICTURE = 3_750_000
"""Bytes. Encoded for sending, a file of this size stays below 5 MiB, the least that a large provider takes."""

_Noun = TypeVar("_Noun", bound=Noun)


def with_pictures(study: Study, found: Path | Mapping[str, bytes], *, source: str = "study.yaml") -> Study:
    """The study with its pictures; those that it has already are not looked for again.

    Parameters
    ----------
    study
        The study as its text has it; one without pictures comes back as it is.
    found
        The folder in which the pictures' paths begin, or the files' bytes by path.
    source
        What the errors call the study.

    Raises
    ------
    StudyError
        With every picture that is missing or cannot be read (``no_picture``), of an unknown type (``not_a_picture``),
        too large (``large_picture``), or another than the study names (``picture_changed``).
    """
    fetch, place = (partial(_read, found), f"in {found}") if isinstance(found, Path) else (found.get, "with the study")
    problems: list[Problem] = []
    read: dict[Picture, Picture] = {}
    for where, picture in _pictures(study):
        if picture.data or picture in read:
            continue
        data = fetch(picture.file)
        problem = _problem(picture, data, where, place)
        if problem is not None:
            problems.append(problem)
        elif data is not None:
            read[picture] = Picture.of(picture.file, data)
    if problems:
        raise StudyError(tuple(problems), source=source)
    return _rebuilt(study, read) if read else study


def pictures_in(study: Study) -> dict[str, bytes]:
    """The study's pictures by path; those that were not read are left out."""
    return {picture.file: picture.data for _, picture in _pictures(study) if picture.data}


def changed_pictures(before: Study, after: Study) -> tuple[str, ...]:
    """The paths under which two studies show different pictures; empty where anything else differs too."""
    old, new = list(_pictures(before)), list(_pictures(after))
    if [(where, picture.file) for where, picture in old] != [(where, picture.file) for where, picture in new]:
        return ()
    changed = {
        picture.file: other for (_, picture), (_, other) in zip(old, new, strict=True) if picture.sha256 != other.sha256
    }
    same_again = _rebuilt(before, {picture: changed.get(picture.file, picture) for _, picture in old})
    return tuple(changed) if same_again.fingerprint == after.fingerprint else ()


def _read(folder: Path, file: str) -> bytes | None:
    try:
        with (folder / file).open("rb") as opened:
            return opened.read(LARGEST_PICTURE + 1)
    except OSError:
        return None


def _problem(picture: Picture, data: bytes | None, where: str, place: str) -> Problem | None:
    if data is None:
        message = f"there is no picture {picture.file} {place} that can be read"
        return Problem("no_picture", message, "Put the file there, or correct its path.", where)
    if len(data) > LARGEST_PICTURE:
        message = f"the picture {picture.file} is larger than {LARGEST_PICTURE / 1e6:g} MB"
        return Problem("large_picture", message, "Scale it down: 1,500 pixels a side are enough for any model.", where)
    if picture_type(data) is None:
        message = f"{picture.file} is no PNG, JPEG, WebP or GIF picture, whatever its name says"
        return Problem("not_a_picture", message, "Save it in one of these formats.", where)
    found = Picture.of(picture.file, data)
    if picture.sha256 is not None and picture.sha256 != found.sha256:
        message = (
            f"the picture {picture.file} is not the one that the study names: its SHA-256 begins with "
            f"{str(found.sha256)[:12]}, not with {picture.sha256[:12]}"
        )
        advice = "Put that picture back, or take 'sha256' out to mean this one."
        return Problem("picture_changed", message, advice, where)
    return None


def _pictures(study: Study) -> Iterator[tuple[str, Picture]]:
    """Every picture of a study, with its place in the file."""
    for role in study.roles:
        for attribute in role.attributes:
            if attribute.image is not None:
                yield f"roles.{role.name}.attributes.{attribute.name}.image", attribute.image
    for variable in study.causal_model.treatments:
        for number, level in enumerate(variable.treatment.values if variable.treatment is not None else ()):
            if level.image is not None:
                yield f"causal_model.variables.{variable.name}.treatment.values.{number}.image", level.image


def _rebuilt(study: Study, read: Mapping[Picture, Picture]) -> Study:
    def attribute(old: Attribute) -> Attribute:
        return _changed(old, image=read[old.image]) if old.image is not None and old.image in read else old

    def level(old: Level) -> Level:
        return _changed(old, image=read[old.image]) if old.image is not None and old.image in read else old

    def variable(old: Variable) -> Variable:
        if old.treatment is None:
            return old
        return _changed(old, treatment=_changed(old.treatment, values=tuple(map(level, old.treatment.values))))

    model = study.causal_model
    return _changed(
        study,
        roles=tuple(_changed(role, attributes=tuple(map(attribute, role.attributes))) for role in study.roles),
        causal_model=_changed(model, variables=tuple(map(variable, model.variables))),
    )


def _changed(noun: _Noun, **changes: object) -> _Noun:
    """A copy with some fields changed, and without the fingerprint of the original."""
    made = noun.model_copy(update=changes)
    made.__dict__.pop("fingerprint", None)
    return made
