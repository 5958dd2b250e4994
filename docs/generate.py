"""Write anew what the manual takes from the code: python docs/generate.py.

A page holds places such as

    <!-- generated: law auction -->
    <!-- end -->

and what stands between the two lines comes from here: the keys of study.yaml from the docstrings of the nouns, the
commands from the command line itself, the laws from their classes. ``tests/test_docs.py`` fails where a page is not
as this script would write it.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from typer.models import ArgumentInfo, CommandInfo, OptionInfo

import silicus
from silicus.concepts import procedure
from silicus.concepts.causal_model import CausalModel
from silicus.concepts.study import Study
from silicus.concepts.study_schema import NAME, is_keyed
from silicus.concepts.variables import Level
from silicus.interfaces.cli.main import app
from silicus.llm.rehearsal.law import Parameter
from silicus.llm.rehearsal.provider import LAWS
from silicus.studies.library_studies import library_names, library_text

__all__ = ["PAGES", "options_by_command", "renewed"]

DOCS = Path(__file__).parent
PAGES = tuple(sorted(DOCS.glob("*.md")))
"""The pages of the manual; those without generated places stay as they are."""

_PLACE = re.compile(r"(<!-- generated: (?P<what>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_LONGEST_EXAMPLE = 70
_SHOWN_ELSEWHERE = ("levels", "scientist")
"""Fields whose noun is shown at a later one: a treatment's values, the participants' seat."""


def renewed(text: str) -> str:
    """The text of a page with every generated place as the code has it now."""
    return _PLACE.sub(lambda place: f"{place[1]}\n{_content(place['what']).strip()}\n\n{place[3]}", text)


def _content(what: str) -> str:
    kind, _, name = what.partition(" ")
    match kind:
        case "keys":
            return _keys()
        case "words":
            return _words(name)
        case "law":
            return _law(name)
        case "commands":
            return _commands()
        case "functions":
            return _functions()
    raise ValueError(f"nothing is generated under the name {what!r}")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """A docstring's words on one line, as Markdown writes them."""
    return " ".join(text.replace("``", "`").split())


# --- the keys of study.yaml


def _keys() -> str:
    parts = []
    for path, model in _sections(Study, ()):
        rows = [_key_row(model, field, (*path, field)) for field in model.model_fields if field != NAME or path == ()]
        where = f"At `{'.'.join(path)}`. " if path else "The top of the file. "
        parts.append(f"### {_title(model)}\n\n{where}{_plain(inspect.getdoc(model) or '')}\n")
        parts.append(_table(("key", "takes", "default", "meaning", "example"), rows) + "\n")
    return "\n".join(parts)


def _title(model: type[BaseModel]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


def _link(model: type[BaseModel]) -> str:
    return f"[{_title(model).lower()}](#{_title(model).lower().replace(' ', '-')})"


def _sections(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """The nouns that a file writes as fields, each where it first stands."""
    seen: set[type[BaseModel]] = set()

    def walk(noun: type[BaseModel], place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
        if noun in seen:
            return
        seen.add(noun)
        yield place, noun
        for name, field in noun.model_fields.items():
            inner = _noun_of(field)
            if inner is not None and name not in _SHOWN_ELSEWHERE:
                yield from walk(inner, (*place, name, "NAME") if is_keyed(field) else (*place, name))

    return walk(model, path)


def _noun_of(field: FieldInfo) -> type[BaseModel] | None:
    """The noun whose fields stand below a field; None where a file writes text or numbers there."""
    found = re.findall(r"silicus\.concepts\.\w+\.\w+", str(field.annotation))
    if not found or found[0].endswith(".Equation"):
        return None
    module, _, name = found[0].rpartition(".")
    noun: type[BaseModel] = getattr(__import__(module, fromlist=[name]), name)
    return noun


def _key_row(model: type[BaseModel], name: str, path: tuple[str, ...]) -> tuple[str, str, str, str, str]:
    field = model.model_fields[name]
    return f"`{name}`", _takes(model, name), _default(field), _plain(field.description or ""), _example(path, field)


def _takes(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    noun = _noun_of(field)
    if noun is Level:
        return "[values](#values)"
    if noun is not None and is_keyed(field):
        return f"names, each with its {_link(noun)}"
    if noun is not None:
        forms = {"Scenario": "a sentence, or ", "Seat": "`provider:model`, or ", "Picture": "a path, or "}
        short = forms.get(noun.__name__, "")
        return short + ("list of " if "tuple" in str(field.annotation) else "") + _link(noun)
    if "Equation" in str(field.annotation):
        return "list of [equations](#equations)"
    schema = model.model_json_schema(mode="validation")
    shapes = [schema, *schema.get("anyOf", ())]  # a noun with a short form is one of several shapes
    return next(_schema_words(shape["properties"][name]) for shape in shapes if "properties" in shape)


def _schema_words(schema: Mapping[str, Any]) -> str:
    """What a piece of JSON Schema takes, in words."""
    if "anyOf" in schema:
        kinds = [_schema_words(part) for part in schema["anyOf"] if part.get("type") != "null"]
        kinds = [kind for kind in kinds if not (kind == "whole number" and "number" in kinds)]
        return " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{word}`" for word in schema["enum"])
    match schema["type"]:
        case "string":
            return "name" if "pattern" in schema else "text"
        case "boolean":
            return "true or false"
        case "array":
            return f"list of: {_schema_words(schema['items'])}"
        case "object":
            return f"names, each with: {_schema_words(schema['additionalProperties'])}"
        case kind:
            return {"integer": "whole number", "number": "number"}[kind] + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    if "exclusiveMaximum" in schema:
        return f" between {schema['exclusiveMinimum']:g} and {schema['exclusiveMaximum']:g}"
    if "maximum" in schema:
        return f" from {schema['minimum']:g} to {schema['maximum']:g}"
    if "exclusiveMinimum" in schema:
        return f", at least {schema['exclusiveMinimum'] + 1:g}"
    return f", at least {schema['minimum']:g}" if "minimum" in schema else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, BaseModel):
        return "its defaults" if _noun_of(field) is None or not hasattr(field.default, "llm") else "`rehearsal`"
    if field.default in (None, "", (), {}):
        return "none"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _example(path: tuple[str, ...], field: FieldInfo) -> str:
    """The first value that a built-in study, or every-key.yaml, has at the path; nothing where fields stand below."""
    if _noun_of(field) not in (None, Level):
        return ""
    for study in _studies():
        for value in _values_at(study, path):
            return f"`{_flow(value)}`"
    raise LookupError(f"no study has an example of {'.'.join(path)}: add one to docs/every-key.yaml")


@cache
def _studies() -> tuple[Any, ...]:
    """The content of the files that examples are taken from."""
    texts = [*map(library_text, library_names()), (DOCS / "every-key.yaml").read_text(encoding="utf-8")]
    return tuple(YAML(typ="safe", pure=True).load(text) for text in texts)


def _values_at(content: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from _values_at(part, path)
    elif isinstance(content, dict):
        for name, part in content.items():
            if path[0] in ("NAME", name):
                yield from _values_at(part, path[1:])
    elif path == ("value",):  # the short form of a named thing: age: 34
        yield content


def _flow(value: Any) -> str:
    """A value on one line, as YAML writes it, cut where it is long."""
    if isinstance(value, list):
        text = f"[{', '.join(map(_flow, value))}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{name}: {_flow(part)}' for name, part in value.items())}}}"
    else:
        text = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[: _LONGEST_EXAMPLE - 1].rstrip()}…"


def _words(name: str) -> str:
    """What the words mean that a key such as the turn order takes: the docstring beneath their list."""
    body = ast.parse(inspect.getsource(procedure)).body
    for statement, following in itertools.pairwise(body):
        is_named = isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name
        if is_named and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = _plain(str(following.value.value))
            return re.sub(r"(?:^| )(`\w+`): ", r"\n- \1: ", text)
    raise LookupError(f"{name} has no docstring")


# --- the laws of the rehearsal


def _law(law_name: str) -> str:
    law = LAWS[law_name]
    _, _, details = (inspect.getdoc(type(law)) or "").partition("\n\n")
    model = CausalModel.example()
    rows = [
        (f"`{name}`", f"{number.default:g}", _range(number), number.meaning)
        for name, number in law.parameters(model).items()
    ]
    table = _table(("parameter", "default", "may be", "meaning"), rows)
    return f"{law.statement}\n\n{details.replace('``', '`')}\n\n{table}"


def _range(number: Parameter) -> str:
    low = "above 0" if number.positive else f"{number.lowest:g} or more" if math.isfinite(number.lowest) else ""
    high = f"up to {number.highest:g}" if math.isfinite(number.highest) else ""
    return ", ".join(part for part in (low, high) if part) or "any number"


# --- the command line


def _commands() -> str:
    return "\n".join(_command(command) for command in app.registered_commands)


def options_by_command() -> dict[str, set[str]]:
    """Every option of every command, in all its spellings."""
    return {
        str(command.name): {
            spelling
            for name, _, info, _ in _parameters(command)
            if isinstance(info, OptionInfo)
            for spelling in _spellings(name, info)
        }
        for command in app.registered_commands
    }


def _parameters(command: CommandInfo) -> list[tuple[str, Any, ArgumentInfo | OptionInfo, Any]]:
    """Name, type, description and default of what a command takes."""
    if command.callback is None:
        raise TypeError(f"the command {command.name} has no function")
    hints = get_type_hints(command.callback, include_extras=True)
    parameters = inspect.signature(command.callback).parameters
    return [(name, *get_args(hints[name]), parameter.default) for name, parameter in parameters.items()]


def _spellings(name: str, info: OptionInfo) -> list[str]:
    given = [str(each) for each in (info.default, *(info.param_decls or ())) if str(each).startswith("-")]
    return [spelling for each in given for spelling in each.split("/")] or [f"--{name.replace('_', '-')}"]


def _command(command: CommandInfo) -> str:
    paragraphs = re.sub(r"\[/?\w*\]", "", inspect.getdoc(command.callback) or "").split("\n\n")
    examples = [part.strip() for part in paragraphs if part.strip().startswith("silicus ")]
    prose = [part for part in paragraphs if part.strip() not in (*examples, "Example", "Examples")]
    taken = _parameters(command)
    arguments = [
        str(info.metavar) if default is inspect.Parameter.empty else f"[{info.metavar}]"
        for _, _, info, default in taken
        if isinstance(info, ArgumentInfo)
    ]
    usage = " ".join([f"silicus {command.name}", "[OPTIONS]", *arguments])
    rows = [_parameter_row(*each) for each in taken]
    parts = [f"### {command.name}", *prose, f"```text\n{usage}\n```", _table(("name", "takes", "meaning"), rows)]
    if examples:
        lines = "\n".join(f"$ {re.sub(r' {2,}', '   # ', example)}" for example in examples)
        parts.append(f"```console\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def _parameter_row(name: str, kind: Any, info: ArgumentInfo | OptionInfo, default: Any) -> tuple[str, str, str]:
    meaning = info.help or ""
    if isinstance(info, ArgumentInfo):
        return f"`{info.metavar}`", "required" if default is inspect.Parameter.empty else "may be left out", meaning
    return ", ".join(f"`{each}`" for each in _spellings(name, info)), _option_takes(kind, info), meaning


def _option_takes(kind: Any, info: OptionInfo) -> str:
    if kind is bool:
        return ""
    if info.metavar:
        return f"`{info.metavar}`"
    kinds = [part for part in (get_args(kind) or (kind,)) if part is not type(None)]
    if get_origin(kinds[0]) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kinds[0]))
    words = {str: "text", Path: "path", int: "whole number", float: "number"}[kinds[0]]
    low = f" from {info.min:g}" if info.min is not None else ""
    return words + low + (f" to {info.max:g}" if info.max is not None else "")


# --- the functions


def _functions() -> str:
    parts = []
    for name in silicus.__all__:
        offered, title = getattr(silicus, name), f"silicus.{name}"
        parts.append(f"### {title}\n")
        if inspect.isfunction(offered):
            signature = str(inspect.signature(offered)).replace("'", "")
            parts.append(f"```text\n{_broken(f'{title}{signature}')}\n```\n")
        parts.append(_docstring(inspect.getdoc(offered) or "") + "\n")
        if inspect.isclass(offered) and not issubclass(offered, (BaseModel, Exception)):
            parts.append(_methods(offered) + "\n")
    return "\n".join(part for part in parts if part.strip())


def _broken(signature: str) -> str:
    """A long signature with a line for each argument."""
    if len(signature) <= 100:
        return signature
    head, _, rest = signature.partition("(")
    arguments, _, result = rest.rpartition(")")
    lines = re.split(r", (?=\w+(?::| =)|\*)", arguments)
    return f"{head}(\n" + "".join(f"    {line},\n" for line in lines) + f"){result}"


def _docstring(text: str) -> str:
    """A NumPy-style docstring as Markdown: its sections as lists."""
    prose, *sections = re.split(r"\n\n?(?=\w+\n-{3,}\n)", text)
    parts = [prose.replace("``", "`")]
    for section in sections:
        title, _, body = re.sub(r"\n-{3,}\n", "\0", section, count=1).partition("\0")
        entries = [f"- `{entry.partition(chr(10))[0]}`: {_plain(entry.partition(chr(10))[2])}"
                   for entry in re.split(r"\n(?=\S)", body.strip())]  # fmt: skip
        parts.append(f"{title}:\n\n" + "\n".join(entries))
    return "\n\n".join(parts)


def _methods(offered: type) -> str:
    """What a value carries, one line each: its own methods and properties."""
    lines = [
        f"- `{name}{'()' if inspect.isfunction(part) else ''}`: {_plain(inspect.getdoc(part) or '')}"
        for name, part in vars(offered).items()
        if not name.startswith("_") and (inspect.isfunction(part) or isinstance(part, property))
    ]
    return "It has:\n\n" + "\n".join(lines) if lines else ""


def main() -> None:
    """Write every page whose generated places are out of date."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (now := renewed(text)) != text:
            page.write_text(now, encoding="utf-8")


if __name__ == "__main__":
    main()
