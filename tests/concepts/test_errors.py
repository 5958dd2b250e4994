"""What an error says where nobody catches it."""

from __future__ import annotations

import traceback

from silicus.concepts.errors import FolderError, Problem, StudyError


def test_a_traceback_ends_with_what_to_do() -> None:
    error = FolderError("there is no folder nowhere", suggestion="Check the path.")
    assert traceback.format_exception_only(error)[-1].strip() == "Check the path."
    assert str(error) == "there is no folder nowhere"
    assert str(StudyError((Problem("a", "b"),))) == "study.yaml has 1 problem:\n  b"


def test_an_error_without_advice_has_no_note() -> None:
    assert not hasattr(FolderError("it is gone"), "__notes__")
