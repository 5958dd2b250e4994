"""The causal-model files that the 2024 reference code wrote, as they stand: read and checked, nothing interpreted.

The code saved its objects as ``{"class": …, "args": {…}}`` and its sets as ``{"__set__": […]}``, turned that into
JSON, and saved the resulting text as JSON once more. A simple form, without the objects, maps ``Variable1``,
``Variable2``, … to the variables' fields. A field that was never filled is an empty list, whatever its type.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from silicus.concepts.errors import ImportFileError

__all__ = ["PublishedFile", "PublishedVariable", "read_published"]

BUILDER = "StructuralCausalModelBuilder"
OUTCOME, CAUSE = "EndogenousVariable", "ExogenousVariable"
WRAPPINGS = 3
_OF_A_MODEL = ("model", "family", "system_prompt")
_REMEDY = "Save the causal model again with the code that wrote it, or mend the file there."
_SURROGATE = re.compile("[\ud800-\udfff]")

_FILE_FIELDS = {"variables", "edge_dict", "variable_dict"}
_REPEATED = ("name", "scenario_description", "agents_in_scenario")
# Fields of a variable that are read, or that repeat what stands elsewhere; of the others, the names are kept.
_READ = {
    "name", "operationalization_dict", "variable_type", "units", "levels", "agent_measure_question_dict",
    "measurement_aggregation", "causes", "scenario_or_agent_var", "attribute_variation", "public_or_private_var", "LLM",
    "__class__", "scenario_description", "agents_in_scenario",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PublishedVariable:
    """One variable as the file has it; texts that the file left empty are ``""``, lists ``()``."""

    label: str
    is_outcome: bool
    kind: str
    unit: str
    levels: tuple[str, ...]
    operationalisation: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]
    """Whom and what: agent, question."""
    aggregation: str
    causes: tuple[str, ...]
    attribute: str
    values: tuple[str, ...]
    varied: tuple[str, ...]
    scope: str
    entity: str
    visibility: str
    public_name: str
    public_values: tuple[str, ...]
    language_model: str
    other_fields: tuple[str, ...]
    """Names of filled fields that are not read, or that contradict the rest of the file."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A causal model as the file has it."""

    scenario: str
    agents: tuple[str, ...]
    variables: tuple[PublishedVariable, ...]
    edges: tuple[tuple[str, str], ...]
    """Cause and outcome, by label, without repetition."""
    has_edge_list: bool
    language_model: str
    other_fields: tuple[str, ...]

    def variable(self, label: str) -> PublishedVariable | None:
        """The variable of that label, if the file describes one."""
        return next((variable for variable in self.variables if variable.label == label), None)


def read_published(text: str) -> PublishedFile:
    """Read a causal-model file of the 2024 code.

    Raises
    ------
    ImportFileError
        Where the text is damaged or is another kind of file; it says what was expected where, and what was got.
    """
    content = _unwrapped(text)
    args, simple = _builder_args(content)
    described = _mapping(args.get("variable_dict"), "variable_dict")
    if not described:
        _damaged("variable_dict", "at least one variable", "none")
    variables = tuple(_variable(label, each, args) for label, each in described.items())
    labels = {variable.label for variable in variables}
    if len(labels) < len(variables):
        _damaged("variable_dict", "variables of different names", "two that differ in quotation marks alone")
    edges = _edges_of_causes(variables) if simple else _edges(_mapping(args.get("edge_dict"), "edge_dict"))
    named = [("edge_dict" if not simple else "causes", label) for edge in edges for label in edge]
    named += [("variables", _label(label)) for label in _words(args.get("variables"), "variables")]
    for where, label in named:
        if label not in labels:
            _damaged(where, f"variables that 'variable_dict' describes ({_listed(labels)})", f"'{label}'")
    return PublishedFile(
        scenario=_required(args, "scenario_description", ""),
        agents=_words(args.get("agents_in_scenario"), "agents_in_scenario"),
        variables=variables,
        edges=edges,
        has_edge_list=not simple,
        language_model=_language_model(args.get("LLM"), "LLM"),
        other_fields=tuple(sorted(key for key in args if key not in _READ and key not in _FILE_FIELDS and args[key])),
    )


def _damaged(where: str, expected: str, got: str) -> NoReturn:
    raise ImportFileError(f"the file is damaged at {where}: expected {expected}, got {got}", suggestion=_REMEDY)


def _unwrapped(text: str) -> Any:
    content: Any = text.removeprefix("\ufeff")
    for layer in range(WRAPPINGS):
        if not isinstance(content, str):
            break
        content = _json(content, layer)
    if _SURROGATE.search(json.dumps(content, ensure_ascii=False)):
        raise ImportFileError("the file holds halves of signs that no text has", suggestion=_REMEDY)
    return content


def _json(text: str, layer: int) -> Any:
    place = "the file" if layer == 0 else "the JSON inside the file's JSON string"
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        if text.strip() and (error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")):
            message = f"{place} breaks off after {len(text)} characters, in the middle of its JSON"
        else:
            said = f"{error.msg[:1].lower()}{error.msg[1:]}"
            message = f"{place} is not JSON at line {error.lineno}, character {error.colno}: {said}"
    except (ValueError, RecursionError) as error:
        message = f"{place} cannot be read as JSON: {error}"
    remedy = "Name a JSON file that the 2024 code saved; if it was cut off, copy it again."
    raise ImportFileError(message, suggestion=remedy)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _builder_args(content: Any) -> tuple[Mapping[str, Any], bool]:
    """The fields of the causal model, and whether they had to be put together from the simple form's variables."""
    if isinstance(content, dict) and content.get("class") == BUILDER:
        return _mapping(content.get("args"), "args"), False
    if isinstance(content, dict) and any(isinstance(each, dict) and "__class__" in each for each in content.values()):
        variables = [_mapping(each, key) for key, each in content.items()]
        first = variables[0]
        args = {
            "scenario_description": first.get("scenario_description"),
            "agents_in_scenario": first.get("agents_in_scenario"),
            "variable_dict": {
                _required(each, "name", key): {"class": each.get("__class__"), "args": each}
                for key, each in zip(content, variables, strict=True)
            },
        }
        return args, True
    raise ImportFileError(
        f"the file is JSON, but not a causal model of the 2024 code: expected an object of class '{BUILDER}', "
        f"got {_got(content)}",
        suggestion="Name the file with the causal model; files of agents, histories or results hold something else.",
    )


def _variable(key: str, content: Any, builder_args: Mapping[str, Any]) -> PublishedVariable:
    where = f"variable_dict['{key}']"
    whole = _mapping(content, where)
    if whole.get("class") not in (OUTCOME, CAUSE):
        _damaged(f"{where}.class", f"'{OUTCOME}' or '{CAUSE}'", _got(whole.get("class")))
    args = _mapping(whole.get("args"), f"{where}.args")

    def words(field: str, part: str) -> tuple[str, ...]:
        return _words(_part(args, field, where).get(part), f"{where}.{field}.{part}")

    def text(field: str, part: str) -> str:
        return " ".join(words(field, part))

    return PublishedVariable(
        label=_label(key),
        is_outcome=whole["class"] == OUTCOME,
        kind=" ".join(_words(args.get("variable_type"), f"{where}.variable_type")).lower(),
        unit=" ".join(_words(args.get("units"), f"{where}.units")),
        levels=_words(args.get("levels"), f"{where}.levels"),
        operationalisation=tuple(
            said
            for part in _part(args, "operationalization_dict", where)
            for said in words("operationalization_dict", part)
        ),
        questions=_questions(_part(args, "agent_measure_question_dict", where), where),
        aggregation=" ".join(_words(args.get("measurement_aggregation"), f"{where}.measurement_aggregation")),
        causes=tuple(_label(cause) for cause in _words(args.get("causes"), f"{where}.causes")),
        attribute=text("attribute_variation", "attribute_name"),
        values=words("attribute_variation", "attribute_values"),
        varied=words("attribute_variation", "varied_agent"),
        scope=text("scenario_or_agent_var", "variable_scope").lower(),
        entity=text("scenario_or_agent_var", "relevant_entity"),
        visibility=text("public_or_private_var", "choice").lower(),
        public_name=text("public_or_private_var", "public_name"),
        public_values=words("public_or_private_var", "public_values"),
        language_model=_language_model(args.get("LLM"), f"{where}.LLM"),
        other_fields=_unread(args, {**builder_args, "name": key}),
    )


def _unread(args: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the filled fields that are not read, or that say otherwise than the file does elsewhere."""
    contradicting = [key for key in _REPEATED if args.get(key) and args[key] != told.get(key)]
    return tuple(sorted([*(key for key in args if key not in _READ and args[key]), *contradicting]))


def _questions(asked: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (agent, question)
        for agent, questions in asked.items()
        for question in _words(questions, f"{where}.agent_measure_question_dict['{agent}']")
    )


def _edges(edge_dict: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = [
        (_label(cause), _label(outcome))
        for cause, outcomes in edge_dict.items()
        for outcome in _words(outcomes, f"edge_dict['{cause}']")
    ]
    return tuple(dict.fromkeys(found))


def _edges_of_causes(variables: tuple[PublishedVariable, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((cause, variable.label) for variable in variables for cause in variable.causes))


def _language_model(content: Any, where: str) -> str:
    """What ran, in words: ``gpt-4 at temperature 0.3``; empty where the file does not say."""
    if not content:
        return ""
    args = _mapping(_mapping(content, where).get("args", {}), f"{where}.args")
    model, family, prompt = (" ".join(_words(args.get(part), f"{where}.args.{part}")) for part in _OF_A_MODEL)
    settings = [f"{part.replace('_', ' ')} {args[part]}" for part in ("temperature", "max_tokens") if args.get(part)]
    told = [*settings, *([f"the system prompt '{prompt}'"] if prompt else [])]
    named = f"{model or 'an unnamed model'}{f' ({family})' if family else ''}"
    return f"{named} with {', '.join(told)}" if told else named


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _damaged(where, "a group of named fields", _got(value))
    return value


def _part(args: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    """A group of fields within a variable; one that was never filled is empty."""
    value = args.get(field)
    return _mapping(value, f"{where}.{field}") if value else {}


def _required(args: Mapping[str, Any], field: str, where: str) -> str:
    place = f"{where}.{field}" if where else field
    text = " ".join(_words(args.get(field), place)).strip()
    if not text:
        _damaged(place, "a text", "nothing")
    return text


def _words(value: Any, where: str) -> tuple[str, ...]:
    """The texts of a text, a number, a list of them, or a set as that code wrote it; blank ones are left out."""
    if isinstance(value, dict) and value.keys() == {"__set__"}:
        value = value["__set__"]
    if value is None:
        return ()
    entries = value if isinstance(value, list) else [value]
    found = [
        _word(entry, f"{where}[{index}]" if isinstance(value, list) else where) for index, entry in enumerate(entries)
    ]
    return tuple(word for word in found if word)


def _word(value: Any, where: str) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return (
            f"{value:g}"
            if isinstance(value, float) and abs(value) < 1e6 and value == float(f"{value:g}")
            else str(value)
        )
    _damaged(where, "a text or a number", _got(value))


def _label(key: str) -> str:
    """A variable's label without the quotation marks that some files wrap it in."""
    label = " ".join(key.split())
    return label[1:-1].strip() if len(label) > 2 and label[0] == label[-1] and label[0] in "'\"" else label


def _listed(labels: set[str]) -> str:
    shown = sorted(labels)[:5]
    return ", ".join(f"'{label}'" for label in shown) + (", …" if len(labels) > len(shown) else "")


def _got(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return f"the number {value}"[:60]
        case str():
            return f"'{value[:57]}…'" if len(value) > 60 else f"'{value}'"
        case list():
            return "a list"
        case {"class": named}:
            return f"an object of class '{str(named)[:60]}'"
        case _:
            return f"an object with the fields {', '.join(str(key)[:30] for key in list(value)[:4])}"
