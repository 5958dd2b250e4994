"""Pictures beside a study: read and checked, copied into its folder, and frozen with it."""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from picture_files import FILES, GIF, WEBP, pictured_content, pictured_study, png, put_pictures

from silicus.concepts.errors import FolderError, StudyError
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml
from silicus.designs.plan import plan_sessions
from silicus.execution.folder import StudyFolder, create_folder, default_folder_name, open_archive, read_study
from silicus.execution.pictures import LARGEST_PICTURE, changed_pictures, pictures_in, with_pictures

STUDY = pictured_study()
TEXT = study_to_yaml(STUDY)
MUG = "causal_model.variables.mug.treatment.values"


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return create_folder(tmp_path / "shop", TEXT, FILES)


def faults(study: Study, beside: Path) -> list[tuple[str, str]]:
    with pytest.raises(StudyError) as refused:
        with_pictures(study, beside, source="shop.yaml")
    assert refused.value.message.startswith("shop.yaml has ")
    return [(problem.code, problem.where) for problem in refused.value.problems]


# Reading


def test_a_study_without_pictures_comes_back_as_it_is(tmp_path: Path) -> None:
    study = Study.example()
    assert with_pictures(study, tmp_path / "nowhere") is study
    assert pictures_in(study) == {}


def test_a_study_is_read_with_its_pictures_from_a_folder_or_from_memory(tmp_path: Path) -> None:
    put_pictures(tmp_path)
    assert pictures_in(STUDY) == {}
    for found in (tmp_path, FILES):
        study = with_pictures(STUDY, found)
        assert pictures_in(study) == FILES
        assert with_pictures(study, tmp_path / "nowhere") is study
        assert study.fingerprint != STUDY.fingerprint


def test_a_fingerprint_tells_one_picture_from_another_and_not_how_a_study_was_read() -> None:
    study = with_pictures(STUDY, FILES)
    assert study.fingerprint == with_pictures(STUDY, dict(FILES)).fingerprint
    assert study.fingerprint != with_pictures(STUDY, FILES | {"pictures/face.jpg": GIF}).fingerprint
    assert Study.model_validate(study.model_dump(mode="json")).fingerprint == study.fingerprint
    again = with_pictures(Study.model_validate(study.model_dump(mode="json")), FILES)
    assert again == study


def test_a_session_carries_its_pictures_to_another_process() -> None:
    session = plan_sessions(with_pictures(STUDY, FILES))[1]
    told = pickle.loads(pickle.dumps(session)).persona("seller").told
    assert [value.image.data for value in told if value.image is not None] == [FILES["pictures/chipped.png"]]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "not_a_picture"), (b"<svg/>", "not_a_picture"), (png(1) + bytes(LARGEST_PICTURE), "large_picture"),
     (None, "no_picture")],
)  # fmt: skip
def test_what_cannot_be_shown_is_told_with_its_place(tmp_path: Path, data: bytes | None, code: str) -> None:
    put_pictures(tmp_path)
    place = tmp_path / "pictures" / "chipped.png"
    place.unlink()
    if data is not None:
        place.write_bytes(data)
    assert faults(STUDY, tmp_path) == [(code, f"{MUG}.1.image")]


def test_every_picture_that_is_missing_is_told(tmp_path: Path) -> None:
    assert faults(STUDY, tmp_path) == [
        ("no_picture", "roles.buyer.attributes.face.image"),
        ("no_picture", f"{MUG}.0.image"),
        ("no_picture", f"{MUG}.1.image"),
    ]


def test_a_folder_in_place_of_a_picture_is_no_picture(tmp_path: Path) -> None:
    put_pictures(tmp_path)
    (tmp_path / "pictures" / "chipped.png").unlink()
    (tmp_path / "pictures" / "chipped.png").mkdir()
    assert faults(STUDY, tmp_path) == [("no_picture", f"{MUG}.1.image")]


def test_the_largest_picture_is_taken_whatever_its_name_says(tmp_path: Path) -> None:
    put_pictures(tmp_path)
    large = WEBP + bytes(LARGEST_PICTURE - len(WEBP))
    (tmp_path / "pictures" / "plain.png").write_bytes(large)
    session = plan_sessions(with_pictures(STUDY, tmp_path))[0]
    shown = [value.image for value in session.persona("seller").told if value.image is not None]
    assert [(picture.media_type, len(picture.data)) for picture in shown] == [("image/webp", LARGEST_PICTURE)]


def test_a_study_that_names_a_checksum_takes_no_other_picture(tmp_path: Path) -> None:
    put_pictures(tmp_path)
    named = Study.model_validate(with_pictures(STUDY, FILES).model_dump(mode="json"))
    assert with_pictures(named, tmp_path) == with_pictures(STUDY, FILES)
    (tmp_path / "pictures" / "plain.png").write_bytes(png(3))
    assert faults(named, tmp_path) == [("picture_changed", f"{MUG}.0.image")]


# The folder


def test_a_folder_gets_the_pictures_under_the_paths_of_the_study(folder: StudyFolder) -> None:
    for file, data in FILES.items():
        assert (folder.path / file).read_bytes() == data
    assert folder.study.read_text(encoding="utf-8") == TEXT
    assert read_study(folder) == with_pictures(STUDY, FILES)


def test_a_study_is_not_put_into_a_folder_without_its_pictures(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        create_folder(tmp_path / "shop", TEXT, {"pictures/plain.png": png(1)})
    assert not (tmp_path / "shop").exists()


def test_a_folder_is_taken_up_again_with_the_same_pictures_only(folder: StudyFolder) -> None:
    assert create_folder(folder.path, TEXT, FILES) == folder
    same, other = (with_pictures(STUDY, files) for files in (FILES, FILES | {"pictures/plain.png": png(9)}))
    assert default_folder_name("shop", folder.path.parent, same) == folder.path
    assert default_folder_name("shop", folder.path.parent, other) != folder.path
    with pytest.raises(FolderError) as refused:
        create_folder(folder.path, TEXT, FILES | {"pictures/plain.png": png(9)})
    assert refused.value.code == "two_studies"
    assert "sha256" in refused.value.message
    assert (folder.path / "pictures/plain.png").read_bytes() == FILES["pictures/plain.png"]


def test_pictures_may_be_there_before_the_study_but_no_other_ones_of_that_name(tmp_path: Path) -> None:
    put_pictures(tmp_path)
    (tmp_path / "pictures" / "draft.png").write_bytes(b"")
    assert read_study(create_folder(tmp_path, TEXT, FILES)) == with_pictures(STUDY, FILES)
    other = tmp_path / "other" / "pictures" / "plain.png"
    other.parent.mkdir(parents=True)
    other.write_bytes(png(9))
    with pytest.raises(FolderError, match="another picture than the study's") as refused:
        create_folder(tmp_path / "other", TEXT, FILES)
    assert refused.value.code == "folder_not_empty"
    assert other.read_bytes() == png(9)
    assert not (tmp_path / "other" / "study.yaml").exists()


def test_a_folder_with_other_files_is_still_refused(tmp_path: Path) -> None:
    put_pictures(tmp_path)
    (tmp_path / "letter.txt").write_text("Dear …")
    with pytest.raises(FolderError, match=r"holds other files \(letter\.txt\)"):
        create_folder(tmp_path, TEXT, FILES)


# Frozen


def test_a_picture_that_was_changed_after_the_first_session_is_refused(folder: StudyFolder) -> None:
    open_archive(folder, read_study(folder), write=True).close()
    open_archive(folder, read_study(folder), write=True).close()
    face, mug = folder.path / "pictures/face.jpg", folder.path / "pictures/plain.png"
    face.write_bytes(GIF)
    for write in (True, False):
        with pytest.raises(FolderError) as refused:
            open_archive(folder, read_study(folder), write=write)
        assert refused.value.code == "picture_changed"
        assert str(face) in refused.value.message
        assert str(mug) not in refused.value.message
        assert f"silicus conduct {folder.study} --folder" in refused.value.suggestion
    face.write_bytes(FILES["pictures/face.jpg"])
    open_archive(folder, read_study(folder), write=True).close()


def test_a_study_of_which_more_than_a_picture_was_changed_shows_all_of_it(folder: StudyFolder) -> None:
    open_archive(folder, read_study(folder), write=True).close()
    (folder.path / "pictures/plain.png").write_bytes(png(9))
    folder.study.write_text(TEXT.replace("a woman of forty", "a man of forty"), encoding="utf-8")
    with pytest.raises(FolderError) as refused:
        open_archive(folder, read_study(folder), write=True)
    assert refused.value.code == "study_edited"
    for told in ("a woman of forty -> a man of forty", f"{MUG}.0.image.sha256: "):
        assert told in refused.value.message


def test_the_archive_says_which_pictures_a_study_was_frozen_with(folder: StudyFolder) -> None:
    study = read_study(folder)
    open_archive(folder, study, write=True).close()
    with closing(sqlite3.connect(folder.archive)) as connection:
        ((frozen,),) = connection.execute("SELECT study FROM meta").fetchall()
    for file, data in FILES.items():
        assert f'"file": "{file}", "sha256": "{hashlib.sha256(data).hexdigest()}"' in frozen


def test_what_changed_is_told_as_a_picture_only_where_nothing_else_did() -> None:
    one = with_pictures(STUDY, FILES)
    assert changed_pictures(one, one) == ()
    assert changed_pictures(one, with_pictures(STUDY, FILES | {"pictures/face.jpg": GIF})) == ("pictures/face.jpg",)
    content = pictured_content(title="Another")
    other = with_pictures(Study.model_validate(content), FILES | {"pictures/face.jpg": GIF})
    assert changed_pictures(one, other) == ()
    content["roles"]["buyer"]["attributes"]["face"].pop("image")
    assert changed_pictures(one, with_pictures(Study.model_validate(content), FILES)) == ()
