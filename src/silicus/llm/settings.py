"""Reading ``silicus.toml``: which files there are, and what they say about endpoints.

Every mistake is told with its line, what was expected and, for a name, the nearest that is known.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from silicus.concepts.errors import Problem, ProviderError

__all__ = ["FILE_NAME", "Settings", "find_settings", "read_settings", "user_settings_file"]

FILE_NAME = "silicus.toml"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENDPOINT_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_LINE = re.compile(r"\(at line (\d+)")
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_HEADER = re.compile(rf"\s*\[\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*\]")
_KEY = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")
_PART = re.compile(_NAME)

_RESERVED = ("rehearsal", "hf")
_OURS = ("model", "messages", "prompt", "system", "stream", "n", "best_of", "response_format", "output_config")
_SECRET_HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "cookie")

_KEY_ADVICE = 'Put the key into an environment variable and name that: key_variable = "LAB_API_KEY".'


@dataclass(frozen=True, slots=True)
class Settings:
    """One settings file.

    Attributes
    ----------
    path
        The file.
    personal
        Whether it is the user's own, and not one that lies with a study.
    endpoints
        What it says about each endpoint: field to value, checked.
    text
        The file as it stands.
    """

    path: Path
    personal: bool
    endpoints: Mapping[str, Mapping[str, Any]]
    text: str

    def place(self, where: tuple[str, ...]) -> str:
        """The file and the line in which something stands."""
        line = _line_of(self.text, where)
        return f"{self.path}, line {line}" if line else str(self.path)


def user_settings_file() -> Path:
    """The settings file for everything that a user does: where the platform keeps such files."""
    if "XDG_CONFIG_HOME" in os.environ:
        folder = Path(os.environ["XDG_CONFIG_HOME"])
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA", str(Path.home() / "AppData" / "Roaming")))
    else:
        folder = Path.home() / ".config"
    return folder / "silicus" / FILE_NAME


def find_settings() -> tuple[Settings, ...]:
    """The settings files that apply here: the user's, then the nearest in this folder or above it.

    Raises
    ------
    ProviderError
        Where one of them cannot be used.
    """
    here = Path.cwd()
    nearest = next((path for folder in (here, *here.parents) if (path := folder / FILE_NAME).is_file()), None)
    own = user_settings_file()
    found = [read_settings(own, personal=True)] if own.is_file() else []
    return (*found, read_settings(nearest)) if nearest is not None and nearest != own else tuple(found)


def read_settings(path: Path, *, personal: bool = False) -> Settings:
    """Read one settings file.

    Raises
    ------
    ProviderError
        Where it cannot be read, is no TOML, or holds what is not known; it tells everything that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderError(f"{path} cannot be read: {error}", code="settings") from None
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))
        problem = Problem("toml", str(error).partition(" (at line")[0], line=int(line[1]) if line else None)
        raise _refusal(path, [problem]) from None
    endpoints: dict[str, dict[str, Any]] = {}
    problems = list(_read(content, text, endpoints))
    if problems:
        raise _refusal(path, problems)
    return Settings(path, personal, endpoints, text)


def _refusal(path: Path, problems: list[Problem]) -> ProviderError:
    lines = "\n".join(f"  {problem}" for problem in problems)
    return ProviderError(
        f"{path} cannot be used:\n{lines}", suggestion="Mend the lines named and try again.", code="settings"
    )


def _read(content: Mapping[str, Any], text: str, endpoints: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """Fill in what can be used; yields what cannot."""
    for name in content:
        if name != "endpoints":
            yield _unknown((name,), ("endpoints",), text)
    tables = content.get("endpoints", {})
    if not isinstance(tables, dict):
        yield _problem("expected a section [endpoints.NAME]", ("endpoints",), text)
        return
    for name, fields in tables.items():
        if not isinstance(fields, dict):
            yield _problem(f"expected a section [endpoints.{name}]", ("endpoints", name), text)
            continue
        if not _ENDPOINT_NAME.fullmatch(name) or name in _RESERVED:
            free = f", and is not one of {', '.join(_RESERVED)}"
            yield _problem(f"a name has small letters, digits, '-' and '_'{free}", ("endpoints", name), text)
        endpoints[name] = {}
        for key, value in fields.items():
            where = ("endpoints", name, key)
            if key not in _READERS:
                yield _unknown(where, tuple(_READERS), text)
                continue
            try:
                endpoints[name][key] = _READERS[key](value)
            except _MisfitError as misfit:
                yield _problem(misfit.expected, (*where, *misfit.below), text)


def _unknown(where: tuple[str, ...], known: tuple[str, ...], text: str) -> Problem:
    if where[-1].lower() in ("key", "api_key", "apikey", "token"):
        return _problem("a key does not belong in a file", where, text, _KEY_ADVICE)
    close = get_close_matches(where[-1], known, n=1)
    advice = f"Did you mean '{close[0]}'?" if close else f"Known are {', '.join(known)}."
    return _problem(f"'{where[-1]}' is not known", where, text, advice)


def _problem(message: str, where: tuple[str, ...], text: str, advice: str = "") -> Problem:
    return Problem("settings", message, advice, where=".".join(where), line=_line_of(text, where))


def _line_of(text: str, where: tuple[str, ...]) -> int | None:
    """The line on which a value, or the section that holds it, begins."""
    section: tuple[str, ...] = ()
    best: tuple[int, int | None] = (0, None)
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header is not None:
            section = path = _parts(header[1])
        elif key is not None:
            path = section + _parts(key[1])
        else:
            continue
        shared = len(path) if path == where[: len(path)] else len(where) if path[: len(where)] == where else 0
        if shared > best[0]:
            best = (shared, number)
    return best[1]


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


class _MisfitError(Exception):
    """A value that is not what its field takes; ``below`` leads to the part at fault."""

    def __init__(self, expected: str, *below: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.below = below


def _words(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _MisfitError(f"expected words in quotes, got {value!r}")
    return value.strip()


def _variable(value: Any) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value) or value.startswith("sk-"):
        raise _MisfitError(f"expected the name of an environment variable. {_KEY_ADVICE}")
    return value


def _address(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise _MisfitError(f'expected an address such as "http://localhost:8000/v1", got {value!r}')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _MisfitError(
            "an address holds no password, '?' or '#'; a header may hold a password from the environment"
        )
    return str(value).rstrip("/")


def _one_of(*options: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in options:
            raise _MisfitError(f"expected one of {', '.join(options)}; got {value!r}")
        return str(value)

    return read


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _MisfitError(f"expected true or false, got {value!r}")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _MisfitError(f"expected a whole number of at least 1, got {value!r}")
    return value


def _positive(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise _MisfitError(f"expected a number above 0, got {value!r}")
    return float(value)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _MisfitError(f"expected a section or {{name = value}}, got {value!r}")
    return value


def _extra(value: Any) -> dict[str, Any]:
    for name in _table(value):
        if name in _OURS:
            raise _MisfitError("this field of a request is written by silicus", name)
    return dict(value)


def _headers(value: Any) -> dict[str, str]:
    for name, content in _table(value).items():
        if name.lower() in _SECRET_HEADERS and not str(content).startswith("$"):
            raise _MisfitError('a secret does not belong in a file: write "$NAME" to read it from a variable', name)
        if not _HEADER_NAME.fullmatch(name) or not isinstance(content, str) or not content.isprintable():
            raise _MisfitError("expected a header's name and its value in quotes", name)
        if content.startswith("$") and not _VARIABLE.fullmatch(content[1:]):
            raise _MisfitError("expected the name of an environment variable after '$'", name)
    return dict(value)


def _prices(value: Any) -> dict[str, tuple[float, float, float]]:
    rows: dict[str, tuple[float, float, float]] = {}
    for model, row in _table(value).items():
        numbers = row if isinstance(row, list) else []
        if len(numbers) != 3 or any(isinstance(n, bool) or not isinstance(n, int | float) or n < 0 for n in numbers):
            raise _MisfitError(
                "expected three numbers, US dollars a million tokens: [sent, sent and cached, received]", model
            )
        rows[model] = (float(numbers[0]), float(numbers[1]), float(numbers[2]))
    return rows


_READERS: dict[str, Callable[[Any], Any]] = {
    "format": _words,
    "base_url": _address,
    "key_variable": _variable,
    "key_required": _truth,
    "base_url_variable": _variable,
    "headers": _headers,
    "extra": _extra,
    "concurrency": _count,
    "requests_per_minute": _positive,
    "tokens_per_minute": _positive,
    "timeout_s": _positive,
    "idle_s": _positive,
    "prices": _prices,
    "structured": _one_of("native", "tool", "words", "auto"),
    "token_cap": _one_of("max_tokens", "max_completion_tokens"),
    "setup": _words,
}
