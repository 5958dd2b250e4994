"""The rules of the house that import-linter's layers cannot say. The layers stand in pyproject.toml."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import silicus.concepts
from silicus.concepts.noun import Noun

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "silicus"
MODULES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted({SOURCE / path.relative_to(SOURCE).parts[0] for path in MODULES if path.parent != SOURCE})

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base2"}

HEAVY = ("numpy", "pandas", "scipy", "matplotlib", "pyarrow", "torch", "transformers", "aiohttp")
AT_THE_EDGE = ("typer", "rich")

# Package imported -> the places, from src/silicus, where an import of it may stand.
CONFINED = {
    **dict.fromkeys(
        ("openai", "anthropic", "google", "mistralai", "cohere", "groq", "ollama", "boto3", "litellm", "replicate"),
        ("llm/providers",),
    ),
    **dict.fromkeys(("ray", "dask", "distributed", "psycopg"), ("execution/executors",)),
    **dict.fromkeys(("torch", "transformers", "peft", "trl"), ("tuning", "llm/providers/local")),
    **dict.fromkeys(("typer", "click", "rich", "fastapi", "starlette", "uvicorn", "IPython"), ("interfaces",)),
}


def name_of(path: Path) -> str:
    """The path from src/silicus without its ending: ``interfaces/cli/main``."""
    return path.relative_to(SOURCE).with_suffix("").as_posix()


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, also of those inside functions and by ``import_module("name")``."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield node.lineno, module


def confinement_breaches(name: str, source: str) -> list[str]:
    """Imports of a confined package that stand outside its place."""
    return [
        f"{name}.py:{line} imports {module}: only {' or '.join(places)} may"
        for line, module in imports_of(ast.parse(source))
        if (places := CONFINED.get(module.partition(".")[0]))
        and not any(name == place or name.startswith((f"{place}/", f"{place}_")) for place in places)
    ]


def concrete_nouns() -> list[type[Noun]]:
    """Every noun defined in silicus.concepts, apart from private bases."""
    for module in pkgutil.walk_packages(silicus.concepts.__path__, "silicus.concepts."):
        importlib.import_module(module.name)
    found: dict[str, type[Noun]] = {}
    unvisited: list[type[Noun]] = [Noun]
    while unvisited:
        for noun in unvisited.pop().__subclasses__():
            unvisited.append(noun)
            if noun.__module__.startswith("silicus.concepts.") and not noun.__name__.startswith("_"):
                found[noun.__name__] = noun
    return [found[name] for name in sorted(found)]


def heavy_after(code: str, packages: tuple[str, ...]) -> list[str]:
    """Which of the packages a fresh interpreter has loaded once it ran the code."""
    report = f"import sys; print('loaded:', *[p for p in {packages!r} if p in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().rpartition("loaded:")[2].split()


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_has_a_readme_of_at_most_a_page(room: Path) -> None:
    readme = room / "README.md"
    assert readme.is_file(), f"{room.name}/README.md says what the room is for and when not to extend it"
    lines = readme.read_text(encoding="utf-8").strip().splitlines()
    assert 3 <= len(lines) <= 60


def test_every_package_says_in_its_docstring_what_it_is_for() -> None:
    packages = {path.parent for path in MODULES}
    bare = []
    for package in sorted(packages):
        init = package / "__init__.py"
        if not init.is_file() or not ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))):
            bare.append(str(package.relative_to(SOURCE.parent)))
    assert bare == []


def test_every_module_says_what_it_offers() -> None:
    bare = []
    for path in MODULES:
        if path.name == "__init__.py" and path.parent != SOURCE:
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            bare.append(name_of(path))
    assert bare == []


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    parts = {part for path in MODULES for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert {part for part in parts if part.lower().strip("_") in FORBIDDEN_NAMES} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_confined_package_is_imported_only_in_its_place(path: Path) -> None:
    assert confinement_breaches(name_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "source", "allowed"),
    [
        ("interfaces/cli/main", "import typer", True),
        ("execution/conduct", "def show():\n    from rich.table import Table", False),
        ("llm/providers/openai", "import openai", True),
        ("llm/calls", "from openai.types import Model", False),
        ("execution/executors/ray", "import ray", True),
        ("execution/conduct", "from importlib import import_module\nimport_module('ray.util')", False),
        ("llm/providers/local", "import torch", True),
        ("llm/providers/openai", "import torch", False),
        ("estimators/path_model", "import torchlight", True),
    ],
)
def test_confinement_is_seen_where_it_is_broken(name: str, source: str, allowed: bool) -> None:
    assert (confinement_breaches(name, source) == []) is allowed


def test_nobody_inside_imports_the_public_face() -> None:
    breaches = [
        f"{name_of(path)}.py:{line}"
        for path in MODULES
        if path != SOURCE / "__init__.py"
        for line, module in imports_of(ast.parse(path.read_text(encoding="utf-8")))
        if module == "silicus"
    ]
    assert breaches == [], "import from the room: from silicus.concepts.study import Study"


@pytest.mark.parametrize("noun", concrete_nouns(), ids=lambda noun: noun.__name__)
def test_a_noun_has_an_example_that_survives_being_written_and_read(noun: type[Noun]) -> None:
    assert inspect.ismethod(getattr(noun, "example", None)), f"{noun.__name__} has no example()"
    example = noun.example()  # type: ignore[attr-defined]  # each noun has its own; Noun itself is no thing to show
    assert type(example) is noun
    written = json.dumps(example.model_dump(mode="json", exclude_defaults=True), allow_nan=False)
    read = noun.model_validate(json.loads(written))
    assert read == example
    assert read.fingerprint == example.fingerprint


@pytest.mark.parametrize("noun", concrete_nouns(), ids=lambda noun: noun.__name__)
def test_a_noun_is_frozen_and_closed(noun: type[Noun]) -> None:
    assert noun.model_config.get("frozen") is True
    assert noun.model_config.get("extra") == "forbid"


def test_importing_silicus_stays_light() -> None:
    assert heavy_after("import silicus", HEAVY + AT_THE_EDGE) == []


def test_asking_for_help_stays_light() -> None:
    ask = (
        "import sys\n"
        "from silicus.interfaces.cli.main import run\n"
        "sys.argv = ['silicus', '--help']\n"
        "try:\n    run()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
    )
    assert heavy_after(ask, HEAVY) == []


def test_the_types_are_published() -> None:
    assert (SOURCE / "py.typed").is_file()


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:src|tests|docs|benchmarks)/[\w./-]*", text)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_contributing_draws_the_layers_that_are_kept() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn = "".join(f"    {layer.replace('(', '').replace(')', '')}\n" for layer in layers)
    assert drawn in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
