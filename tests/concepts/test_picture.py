"""Pictures in a study: how a file writes them, which paths and bytes are pictures, what they do to a fingerprint."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from picture_files import GIF, JPEG, WEBP, pictured_content, pictured_study, png
from pydantic import ValidationError

from silicus.concepts.errors import StudyError
from silicus.concepts.picture import Picture, picture_type
from silicus.concepts.roles import Attribute
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_from_yaml, study_json_schema, study_to_yaml
from silicus.concepts.variables import Level

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("data", "expected"),
    [(png(1), "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp"), (b"GIF87a", "image/gif"),
     (b"", None), (b"PNG", None), (b"%PDF-1.7", None), (b"<svg/>", None), (b"RIFF\0\0\0\0WAVE", None),
     (b" " + png(1), None)],
)  # fmt: skip
def test_a_picture_is_told_by_its_first_bytes(data: bytes, expected: str | None) -> None:
    assert picture_type(data) == expected


@pytest.mark.parametrize("file", ["ad.png", "a/b c/d.JPG", "x.y.jpeg", "naïve.webp", "2/1.gif"])
def test_a_path_below_the_study_is_taken(file: str) -> None:
    assert Picture(file=file).file == file


@pytest.mark.parametrize(
    "file",
    ["../ad.png", "/ad.png", "./ad.png", "a//b.png", "a/../b.png", "a/./b.png", "~\\b.png", "C:/ad.png", "C:\\ad.png",
     ".png", ".hidden.png", "a/.b/c.png", "ad.png/", "a\nb.png", "a\0.png", "what?.png"],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(file: str) -> None:
    with pytest.raises(ValidationError, match="picture's"):
        Picture(file=file)


@pytest.mark.parametrize("file", ["", "ad", "ad.svg", "study.yaml", "archive.sqlite", "png"])
def test_a_name_that_no_picture_has_is_refused(file: str) -> None:
    with pytest.raises(ValidationError, match=r"it ends with one of \.png"):
        Picture(file=file)


def test_a_file_writes_a_picture_as_its_path_or_with_its_checksum() -> None:
    for written, meant in (("ad.png", Picture(file="ad.png")), ({"file": "ad.png"}, Picture(file="ad.png")),
                           ({"file": "ad.png", "sha256": HASH}, Picture(file="ad.png", sha256=HASH))):  # fmt: skip
        picture = Picture.model_validate(written)
        assert picture == meant
        assert Picture.model_validate(picture.model_dump(mode="json")) == meant
    content: Any = Picture(file="ad.png").model_dump(mode="json")
    assert content == "ad.png"


def test_bytes_stand_in_no_file_and_are_kept_when_pickled() -> None:
    picture = Picture.of("ad.png", png(7))
    assert (picture.data, picture.media_type) == (png(7), "image/png")
    assert picture.model_dump(mode="json").keys() == {"file", "sha256"}
    assert "data" not in repr(picture)
    assert pickle.loads(pickle.dumps(picture)) == picture
    assert pickle.loads(pickle.dumps(picture)).data == png(7)
    again = Picture.model_validate(picture.model_dump(mode="json"))
    assert (again.data, again.media_type) == (b"", "")
    assert again.fingerprint == picture.fingerprint
    assert Picture.of("ad.png", png(8)).fingerprint != picture.fingerprint


def test_a_study_without_pictures_keeps_its_fingerprint() -> None:
    # As it is in format 1: a picture is a later, optional field.
    assert Attribute(name="age", value=34).fingerprint == "d8d50cbe50a84994"
    assert Level(words="x", code=1).fingerprint == "b5d6dce2f5e2373c"


def test_a_study_with_pictures_is_written_and_read_again() -> None:
    study = pictured_study()
    text = study_to_yaml(study)
    assert "image: pictures/plain.png" in text
    assert study_from_yaml(text) == study


def study_with(image: Any) -> str:
    content = pictured_content()
    content["causal_model"]["variables"]["mug"]["treatment"]["values"][1]["image"] = "HERE.png"
    return study_to_yaml(Study.model_validate(content)).replace("HERE.png", image)


@pytest.mark.parametrize(
    ("image", "code", "said"),
    [("../secret.png", "wrong_value", "such as pictures/ad.png"),
     ("notes.txt", "wrong_value", "ends with one of .png, .jpg"),
     ("{file: a.png, sha256: 12}", "wrong_type", "expected text"),
     ("3", "wrong_type", "expected a file such as pictures/ad.png, got the number 3"),
     ("{file: a.png, sha256: abc}", "wrong_value", "64 digits"),
     ("{file: a.png, size: 3}", "unknown_field", "'size'"),
     ("{}", "missing_field", "'file' is missing")],
)  # fmt: skip
def test_a_wrong_picture_is_told_with_its_line(image: str, code: str, said: str) -> None:
    text = study_with(image)
    line = next(number for number, row in enumerate(text.splitlines(), 1) if f"image: {image}" in row)
    with pytest.raises(StudyError) as refused:
        study_from_yaml(text)
    (problem,) = refused.value.problems
    assert (problem.code, problem.line) == (code, line)
    assert problem.where.startswith("causal_model.variables.mug.treatment.values.1.image")
    assert said in f"{problem.message} {problem.suggestion}"


def test_options_of_an_answer_have_no_pictures() -> None:
    content = pictured_content()
    deal = content["causal_model"]["variables"]["deal"]
    deal["levels"] = [{"words": "no", "code": 0}, {"words": "yes", "code": 1, "image": "pictures/plain.png"}]
    with pytest.raises(ValidationError, match="a picture is shown with a value of a treatment"):
        Study.model_validate(content)


def test_editors_are_told_of_pictures() -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(study_json_schema())
    content = pictured_content()
    assert list(validator.iter_errors(content)) == []
    values = content["causal_model"]["variables"]["mug"]["treatment"]["values"]
    values[0]["image"] = {"file": "pictures/plain.png", "sha256": HASH}
    assert list(validator.iter_errors(content)) == []
    values[0]["image"] = {"file": "pictures/plain.png", "data": "…"}
    assert list(validator.iter_errors(content)) != []
    values[0]["image"] = "pictures/plain.png"
    content["roles"]["buyer"]["attributes"]["face"]["image"] = 3
    assert list(validator.iter_errors(content)) != []
