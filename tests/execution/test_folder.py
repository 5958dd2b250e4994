"""The study folder: one study in it, whole files or none, and no plan edited behind the data."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from silicus.concepts.errors import ArchiveError, FolderError, StudyError
from silicus.concepts.scenario import Scenario
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml
from silicus.execution.folder import (
    StudyFolder,
    create_folder,
    default_folder_name,
    open_archive,
    open_folder,
    read_study,
    write_atomic,
)

STUDY = Study.example()
OTHER = STUDY.model_copy(update={"name": "lamp", "scenario": Scenario(text="two people bargaining over a lamp")})
EDITED = STUDY.model_copy(update={"design": STUDY.design.model_copy(update={"replicates": 7})})
TEXT = study_to_yaml(STUDY)


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@contextmanager
def without_privileges() -> Iterator[None]:
    """As somebody whom permissions bind, also where the tests are run by root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    if sys.platform == "win32":
        pytest.skip("permissions of folders are of Unix")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return create_folder(tmp_path / "mug", TEXT)


# Which file is what


def test_the_files_of_a_study_folder_have_the_names_of_the_design() -> None:
    folder = StudyFolder(Path("mug"))
    places = (
        *(folder.study, folder.schema, folder.archive, folder.dataset, folder.codebook),
        *(folder.estimates, folder.report, folder.paths_table, folder.graph),
    )
    assert [place.as_posix() for place in places] == [
        *("mug/study.yaml", "mug/study.schema.json", "mug/archive.sqlite", "mug/dataset.parquet", "mug/codebook.json"),
        *("mug/estimates.json", "mug/report.html", "mug/paths.tex", "mug/graph.tex"),
    ]


# Finding a folder


def test_a_folder_is_found_by_its_name_or_by_its_study_file(folder: StudyFolder) -> None:
    assert open_folder(folder.path) == folder
    assert open_folder(folder.study) == folder


def test_a_misspelt_folder_is_answered_with_the_nearest(folder: StudyFolder, tmp_path: Path) -> None:
    with pytest.raises(FolderError) as refused:
        open_folder(tmp_path / "mugg")
    assert refused.value.code == "no_folder"
    assert refused.value.suggestion == f"Did you mean {folder.path}?"
    with pytest.raises(FolderError) as refused:
        open_folder(tmp_path / "courtroom" / "study.yaml")
    assert refused.value.suggestion == f"Study folders in {tmp_path}: mug."


def test_a_folder_without_a_study_says_where_one_is(folder: StudyFolder, tmp_path: Path) -> None:
    with pytest.raises(FolderError) as refused:
        open_folder(tmp_path)
    assert refused.value.code == "no_study"
    assert refused.value.suggestion == f"Did you mean {folder.path}?"
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match=r"it has no study\.yaml") as refused:
        open_folder(tmp_path / "empty")
    assert "silicus conduct" in refused.value.suggestion


def test_a_folder_that_lost_its_study_file_says_to_put_it_back(folder: StudyFolder) -> None:
    open_archive(folder, STUDY, write=True).close()
    folder.study.unlink()
    with pytest.raises(FolderError) as refused:
        open_folder(folder.path)
    assert "put the study.yaml back" in refused.value.suggestion


def test_another_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TEXT)
    with pytest.raises(FolderError) as refused:
        open_folder(tmp_path / "mine.yaml")
    assert refused.value.code == "not_a_folder"
    assert f"silicus conduct {tmp_path / 'mine.yaml'} --folder NEW" in refused.value.suggestion


@pytest.mark.skipif(sys.platform == "win32", reason="Windows takes it for a name that does not exist")
def test_a_name_longer_than_names_may_be_is_told(tmp_path: Path) -> None:
    for attempt in (open_folder, lambda path: create_folder(path, TEXT)):
        with pytest.raises(FolderError) as refused:
            attempt(tmp_path / ("two people bargaining " * 20))
        assert refused.value.code == "name_too_long"


# Making one


def test_a_new_folder_holds_the_text_as_given_and_its_schema(tmp_path: Path) -> None:
    text = TEXT + "# a remark\n"
    folder = create_folder(tmp_path / "new" / "mug", text)
    assert folder.study.read_text(encoding="utf-8") == text
    assert "roles" in json.loads(folder.schema.read_text(encoding="utf-8"))["properties"]
    assert read_study(folder) == STUDY


def test_an_empty_folder_may_be_used_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.sqlite")
    assert read_study(create_folder(tmp_path, TEXT)) == STUDY


def test_the_same_study_may_be_put_there_again_and_its_comments_stay(folder: StudyFolder) -> None:
    commented = TEXT.replace("\n\n", "\n# mine\n\n", 1)
    folder.study.write_text(commented, encoding="utf-8")
    assert create_folder(folder.path, TEXT) == folder
    assert folder.study.read_text(encoding="utf-8") == commented


def test_two_studies_in_one_folder_are_refused_by_name_and_nothing_is_touched(folder: StudyFolder) -> None:
    with pytest.raises(FolderError) as refused:
        create_folder(folder.path, study_to_yaml(OTHER))
    assert refused.value.code == "two_studies"
    for told in ("two studies in one folder", "'example'", "'lamp'", "name: example -> lamp"):
        assert told in refused.value.message
    assert f"--folder {folder.path.parent / 'lamp'}" in refused.value.suggestion
    assert folder.study.read_text(encoding="utf-8") == TEXT


def test_a_study_file_that_cannot_be_read_is_not_replaced(folder: StudyFolder) -> None:
    folder.study.write_text("format: 1\nname: [", encoding="utf-8")
    with pytest.raises(FolderError) as refused:
        create_folder(folder.path, TEXT)
    assert refused.value.code == "two_studies"
    assert folder.study.read_text(encoding="utf-8") == "format: 1\nname: ["


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    for name in ("letter.txt", "photo.png", "song.mp3", "thesis.tex"):
        (tmp_path / name).write_text("")
    with pytest.raises(FolderError) as refused:
        create_folder(tmp_path, TEXT)
    assert refused.value.code == "folder_not_empty"
    assert "letter.txt, photo.png, song.mp3 and 1 more" in refused.value.message
    assert len(names_in(tmp_path)) == 4


def test_a_text_that_is_no_study_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        create_folder(tmp_path / "mug", "format: 1\n")
    assert names_in(tmp_path) == []


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "mug").write_text("")
    for path in (tmp_path / "mug", tmp_path / "mug" / "inner"):
        with pytest.raises(FolderError) as refused:
            create_folder(path, TEXT)
        assert refused.value.code == "not_a_folder"


def test_a_read_only_place_is_told(read_only_folder: Path) -> None:
    for path in (read_only_folder, read_only_folder / "mug"):
        with without_privileges(), pytest.raises(FolderError) as refused:
            create_folder(path, TEXT)
        assert refused.value.code == "no_permission"
        assert str(path) in refused.value.message
    assert names_in(read_only_folder) == []


def test_the_default_name_is_the_first_that_is_free_or_holds_this_study(tmp_path: Path) -> None:
    assert default_folder_name("mug", tmp_path) == tmp_path / "mug"
    (tmp_path / "mug").mkdir()
    (tmp_path / "mug-2").write_text("")
    create_folder(tmp_path / "mug-3", TEXT)
    assert default_folder_name("mug", tmp_path) == tmp_path / "mug-4"
    assert default_folder_name("mug", tmp_path, STUDY) == tmp_path / "mug-3"
    assert default_folder_name("mug", tmp_path, OTHER) == tmp_path / "mug-4"


# Reading the plan


def test_an_invalid_study_is_told_with_its_file_and_line(folder: StudyFolder) -> None:
    folder.study.write_text(TEXT.replace("goal:", "gaol:", 1), encoding="utf-8")
    with pytest.raises(StudyError) as refused:
        read_study(folder)
    assert str(folder.study) in refused.value.message
    assert refused.value.problems[0].line is not None


@pytest.mark.parametrize("written", [b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("\n", "\r\n").encode()])
def test_a_study_saved_by_an_editor_of_windows_is_the_same_study(folder: StudyFolder, written: bytes) -> None:
    folder.study.write_bytes(written)
    assert read_study(folder).fingerprint == STUDY.fingerprint


def test_a_study_in_another_encoding_is_told(folder: StudyFolder) -> None:
    folder.study.write_bytes(b"format: 1\nname: caf\xe9\n")
    with pytest.raises(StudyError, match="UTF-8"):
        read_study(folder)


def test_a_study_file_that_vanished_is_told(folder: StudyFolder) -> None:
    folder.study.unlink()
    with pytest.raises(FolderError) as refused:
        read_study(folder)
    assert refused.value.code == "not_found"


# Writing files whole


@pytest.mark.parametrize("content", ["<p>é\r\n</p>\n", b"\x00\xff", ""])
def test_a_file_is_written_as_given_and_replaced_as_a_whole(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "report.html"
    write_atomic(path, "before " * 1000)
    write_atomic(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert names_in(tmp_path) == ["report.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are of Unix")
def test_a_written_file_has_the_usual_mode_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "report.html"
    link.symlink_to(tmp_path / "elsewhere" / "report.html")
    write_atomic(link, "new")
    assert link.is_symlink()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(link.stat().st_mode) == 0o666 & ~mask
    assert names_in(tmp_path / "elsewhere") == ["report.html"]


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        (errno.ENOSPC, "disk_full", "the disk is full"),
        (errno.EDQUOT, "disk_full", "share of the disk"),
        (errno.EFBIG, "disk_full", "larger than allowed"),
        (errno.EROFS, "read_only", "read-only"),
        (errno.EACCES, "no_permission", "permission"),
        (errno.ENAMETOOLONG, "name_too_long", "too long"),
        (errno.EIO, "folder", os.strerror(errno.EIO)),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_the_disk_refuses_is_told_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, code: str, told: str
) -> None:
    path = tmp_path / "report.html"
    write_atomic(path, "before")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*((os, "fsync", refuse) if step == "fsync" else (Path, "replace", refuse)))
    with pytest.raises(FolderError) as refused:
        write_atomic(path, "after")
    assert refused.value.code == code
    assert told in refused.value.message
    assert str(path) in refused.value.message
    assert refused.value.suggestion
    assert path.read_text() == "before"
    assert names_in(tmp_path) == ["report.html"]


def test_ctrl_c_while_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    write_atomic(path, "before")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "after")
    assert path.read_text() == "before"
    assert names_in(tmp_path) == ["report.html"]


def test_a_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path, code in (
        (tmp_path / "file" / "report.html", "not_a_folder"),
        (tmp_path / "gone" / "report.html", "not_found"),
        (tmp_path / "folder", "not_a_file"),
    ):
        with pytest.raises(FolderError) as refused:
            write_atomic(path, "x")
        assert refused.value.code == code
    assert names_in(tmp_path) == ["file", "folder"]


# The archive of a folder


def test_the_first_opening_for_writing_freezes_the_study(folder: StudyFolder) -> None:
    with open_archive(folder, STUDY, write=True) as archive:
        assert archive.study == STUDY
    for write in (True, False):
        with open_archive(folder, STUDY, write=write) as archive:
            assert archive.study_fingerprint == STUDY.fingerprint


def test_before_the_first_session_there_is_nothing_to_read(folder: StudyFolder) -> None:
    with pytest.raises(FolderError) as refused:
        open_archive(folder, STUDY, write=False)
    assert refused.value.code == "nothing_run"
    assert refused.value.suggestion == f"Run them: silicus run {folder.path}"
    assert not folder.archive.exists()


@pytest.mark.parametrize("write", [True, False])
def test_an_edited_study_is_refused_with_the_difference_and_two_ways_on(folder: StudyFolder, write: bool) -> None:
    open_archive(folder, STUDY, write=True).close()
    with pytest.raises(FolderError) as refused:
        open_archive(folder, EDITED, write=write)
    assert refused.value.code == "study_edited"
    assert f"design.replicates: {STUDY.design.replicates} -> 7" in refused.value.message
    new = folder.path.parent / STUDY.name
    assert f"silicus conduct {folder.study} --folder {new}" in refused.value.suggestion
    assert "undo these changes" in refused.value.suggestion
    open_archive(folder, STUDY, write=True).close()  # neither frozen anew nor left locked


def test_a_damaged_archive_is_not_taken_for_a_new_one(folder: StudyFolder) -> None:
    folder.archive.write_bytes(b"not an archive")
    for write in (True, False):
        with pytest.raises(ArchiveError):
            open_archive(folder, STUDY, write=write)
    assert folder.archive.read_bytes() == b"not an archive"
