"""Everything that can go wrong, as one tree.

    SilicusError                  anything that silicus tells the user about
    ├── StudyError                a study.yaml that cannot be used (carries every problem found)
    ├── ScenarioError             a sentence that no study was found or drafted for
    ├── FolderError               a study folder that cannot be used as asked
    │   └── ArchiveError          what happened cannot be read or written
    ├── ImportFileError           a file of another program that cannot be read
    ├── DataError                 a table or a formula that cannot be estimated
    ├── ProviderError             a language model that cannot be had, or failed
    └── MissingExtraError         an optional dependency that is not installed

Each error says what happened, what was expected, and what to do: ``message`` and ``suggestion``.
``code`` is stable and is what ``--json`` prints.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ArchiveError",
    "DataError",
    "FolderError",
    "ImportFileError",
    "MissingExtraError",
    "Problem",
    "ProviderError",
    "ScenarioError",
    "SilicusError",
    "StudyError",
]


class SilicusError(Exception):
    """A mistake or a fault that a person can do something about."""

    code = "error"

    def __init__(self, message: str, *, suggestion: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        if suggestion:
            self.add_note(suggestion)  # a traceback, as a notebook shows it, ends with what to do
        if code is not None:
            self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a study: where it stands, what is wrong, and what to do.

    ``severity`` is ``"error"`` (the study cannot run) or ``"warning"`` (it can, with this known).
    ``line`` counts from 1 and is None where the study did not come from a text.
    """

    code: str
    message: str
    suggestion: str = ""
    where: str = ""
    line: int | None = None
    severity: str = "error"

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        field = f"{self.where}: " if self.where else ""
        advice = f". {self.suggestion}" if self.suggestion else ""
        return f"{place}{field}{self.message}{advice}"


class StudyError(SilicusError):
    """A study that cannot be used; ``problems`` holds everything that was found."""

    code = "invalid_study"

    def __init__(self, problems: tuple[Problem, ...], *, source: str = "study.yaml") -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{source} has {count}:\n{lines}", suggestion="Mend what is named and try again.")
        self.problems = problems


class ScenarioError(SilicusError):
    """A sentence for which there is neither a built-in study nor a scientist to draft one."""

    code = "no_study_for_scenario"


class FolderError(SilicusError):
    """A study folder that cannot be used as asked: occupied, edited, read-only, full."""

    code = "folder"


class ArchiveError(FolderError):
    """An archive that is damaged, locked, of another format, or cannot be written."""

    code = "archive"


class ImportFileError(SilicusError):
    """A file of another program that is damaged or is not what it was taken for."""

    code = "import_file"


class DataError(SilicusError):
    """A table or a formula that cannot be estimated as asked."""

    code = "data"


class ProviderError(SilicusError):
    """A language model that is unknown, not set up, or failed."""

    code = "provider"


class MissingExtraError(SilicusError):
    """Something optional is needed and not installed; the suggestion names the extra."""

    code = "missing_extra"
