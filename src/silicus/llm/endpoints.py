"""Where language models answer: the endpoints known by name, and those that a person adds.

A seat names ``endpoint:model``, such as ``openai:gpt-5-mini`` or ``ollama:qwen3:8b``. The names below are known; the
rest is found in ``silicus.toml``, in the current folder or the nearest one above it, and in the user's own
(:func:`user_settings_file`). What the nearest file says goes before the user's, the user's before what is built in,
and a variable such as ``OPENAI_BASE_URL`` goes before all of them.

    [endpoints.lab]                          # a new one: lab:qwen3-32b
    format = "openai"                        # or "anthropic", "completion"
    base_url = "http://gpu7.example.org:8000/v1"
    key_variable = "LAB_API_KEY"             # the variable that holds the key; never the key itself
    concurrency = 256

    [endpoints.openai]                       # a known one, with something changed
    requests_per_minute = 500
    tokens_per_minute = 200_000

    [endpoints.openai.prices]                # US dollars a million tokens: sent, sent and cached, received
    "gpt-5-mini" = [0.25, 0.025, 2.0]

    [endpoints.openai.extra]                 # goes into every request as it stands
    reasoning_effort = "minimal"

Every endpoint of the OpenAI format also has a name with ``-base`` (``vllm-base:Qwen/Qwen3-8B-Base``): the same server,
asked to continue a text, for base models that have no chat template.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal
from urllib.parse import urlsplit

from silicus.concepts.errors import ProviderError
from silicus.llm.prices import Price
from silicus.llm.settings import Settings, find_settings, user_settings_file

__all__ = ["Endpoint", "Structured", "endpoint", "known_endpoints", "status_of", "user_settings_file"]

Structured = Literal["native", "tool", "words", "auto"]
"""How an answer is held to a schema: by the server itself, as the arguments of a tool that must be called, or only by
the words of the prompt. ``auto``: the best that the format has, and the next best once the server says that it lacks
it."""

BASE = "-base"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that answers for language models, and how to ask it.

    Attributes
    ----------
    name
        What seats call it.
    format
        The wire format that it speaks: ``openai``, ``anthropic``, ``completion``, or one that a package adds.
    base_url
        Address, up to where the format's own paths begin.
    key_variable
        Environment variable that holds the key; empty where none is needed. The key itself is read at each call and
        stands nowhere else.
    key_required
        Whether nothing is asked without a key.
    base_url_variable
        Environment variable that moves it elsewhere.
    headers
        Sent with each request; a value that begins with ``$`` is read from the environment variable of that name.
    extra
        Fields added to the body of each request, such as ``{"reasoning_effort": "low"}``.
    concurrency
        Calls in flight at once, at most.
    requests_per_minute, tokens_per_minute
        Rates not to exceed; None where there is none.
    timeout_s
        Seconds until a call that has no whole answer is given up.
    idle_s
        Seconds without a byte, once an answer has begun to come, until it is given up.
    prices
        Price by model name, where they differ from the table that comes with the package.
    structured
        How an answer is held to a schema.
    token_cap
        What the body calls the cap on tokens, in the OpenAI format.
    setup
        How it is set up, in a sentence.
    origin
        Where it is defined: ``built in``, or the settings file.
    """

    name: str
    format: str
    base_url: str
    key_variable: str = ""
    key_required: bool = True
    base_url_variable: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)
    concurrency: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float = 300.0
    idle_s: float = 60.0
    prices: Mapping[str, Price] = field(default_factory=dict)
    structured: Structured = "auto"
    token_cap: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    setup: str = ""
    origin: str = "built in"

    @property
    def host(self) -> str:
        """The server's name."""
        return urlsplit(self.base_url).hostname or ""


def _hosted(name: str, base_url: str, key_page: str) -> Endpoint:
    """A service with a key, in the OpenAI format."""
    prefix = name.upper()
    return Endpoint(
        name, "openai", base_url,
        key_variable=f"{prefix}_API_KEY", base_url_variable=f"{prefix}_BASE_URL",
        setup=f"Get a key at {key_page} and put it into {prefix}_API_KEY.",
    )  # fmt: skip


def _local(name: str, base_url: str, start: str, variable: str) -> Endpoint:
    """A server on one's own computer, in the OpenAI format; a key is sent where there is one."""
    return Endpoint(
        name, "openai", base_url,
        key_variable=f"{name.upper()}_API_KEY", key_required=False, base_url_variable=variable,
        setup=f"Start the server: {start}. Where it is not on this computer, put its address into {variable}.",
    )  # fmt: skip


_KNOWN: tuple[Endpoint, ...] = (
    replace(
        _hosted("openai", "https://api.openai.com/v1", "platform.openai.com/api-keys"),
        token_cap="max_completion_tokens",
    ),
    Endpoint(
        "anthropic", "anthropic", "https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY", base_url_variable="ANTHROPIC_BASE_URL",
        setup="Get a key at platform.claude.com and put it into ANTHROPIC_API_KEY.",
    ),
    _local("ollama", "http://localhost:11434/v1", "ollama serve, after ollama pull MODEL", "OLLAMA_HOST"),
    _local("vllm", "http://localhost:8000/v1", "vllm serve MODEL", "VLLM_BASE_URL"),
    _local("llamacpp", "http://localhost:8080/v1", "llama-server -m MODEL.gguf", "LLAMACPP_BASE_URL"),
    _local("lmstudio", "http://localhost:1234/v1", "lms server start", "LMSTUDIO_BASE_URL"),
    _hosted("groq", "https://api.groq.com/openai/v1", "console.groq.com/keys"),
    _hosted("together", "https://api.together.xyz/v1", "api.together.ai/settings/api-keys"),
    _hosted("mistral", "https://api.mistral.ai/v1", "console.mistral.ai/api-keys"),
    _hosted("deepseek", "https://api.deepseek.com/v1", "platform.deepseek.com/api_keys"),
    _hosted("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "aistudio.google.com/apikey"),
    _hosted("openrouter", "https://openrouter.ai/api/v1", "openrouter.ai/keys"),
    _hosted("fireworks", "https://api.fireworks.ai/inference/v1", "app.fireworks.ai"),
    _hosted("xai", "https://api.x.ai/v1", "console.x.ai"),
)  # fmt: skip


def endpoint(name: str) -> Endpoint:
    """The endpoint of a name, with what settings files and environment say about it.

    Raises
    ------
    ProviderError
        Where there is none of that name, or a settings file cannot be used; its message names the line.
    """
    listed = {known.name: known for known in known_endpoints()}
    found = listed.get(name)
    if found is None and name.endswith(BASE):
        chat = listed.get(name.removesuffix(BASE))
        if chat is not None and chat.format == "openai":
            return replace(chat, name=name, format="completion")
    if found is None:
        raise ProviderError(
            f"there is no endpoint '{name}'", suggestion=_advice(name, sorted(listed)), code="unknown_provider"
        )
    return found


def known_endpoints() -> tuple[Endpoint, ...]:
    """Every endpoint: those built in first, then those that settings files add.

    Raises
    ------
    ProviderError
        Where a settings file cannot be used; the message names the line.
    """
    found = {known.name: known for known in _KNOWN}
    for settings in find_settings():
        for name, fields in settings.endpoints.items():
            found[name] = _changed(name, found.get(name), fields, settings)
    moved = {name: _moved(known) for name, known in found.items()}
    for settings in find_settings():
        for name, fields in settings.endpoints.items():
            if not settings.personal and fields.keys() & {"base_url", "key_variable", "headers"}:
                _refuse_to_leak(moved[name], settings)
    return tuple(moved.values())


def status_of(known: Endpoint) -> str:
    """``ready``, or what is missing: ``needs OPENAI_API_KEY``. Nothing is contacted."""
    if known.key_variable and known.key_required and not os.environ.get(known.key_variable, "").strip():
        return f"needs {known.key_variable}"
    return "ready"


def _changed(name: str, known: Endpoint | None, fields: Mapping[str, Any], settings: Settings) -> Endpoint:
    if known is None:
        if "base_url" not in fields:
            raise ProviderError(
                f"{settings.place(('endpoints', name))}: the endpoint '{name}' has no base_url",
                suggestion='Add base_url = "http://…/v1", the address up to where the format\'s own paths begin.',
                code="settings",
            )
        known = Endpoint(name, "openai", "", key_required="key_variable" in fields)
    prices = {**known.prices, **{model: Price(*row) for model, row in fields.get("prices", {}).items()}}
    merged: dict[str, Any] = {
        **fields,
        "prices": prices,
        "headers": {**known.headers, **fields.get("headers", {})},
        "extra": {**known.extra, **fields.get("extra", {})},
        "origin": str(settings.path),
    }
    return replace(known, **merged)


def _moved(known: Endpoint) -> Endpoint:
    """The endpoint where the environment has it; away from its own service, it may do without a key."""
    address = os.environ.get(known.base_url_variable, "").strip() if known.base_url_variable else ""
    if not address:
        return known
    if known.base_url_variable == "OLLAMA_HOST":
        address = _ollama_address(address)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ProviderError(
            f"{known.base_url_variable} does not hold an address such as {known.base_url}",
            suggestion="An address begins with http:// or https:// and holds neither a password nor a '?'.",
            code="settings",
        )
    return replace(
        known, base_url=address.rstrip("/"), key_required=known.key_required and parts.hostname == known.host
    )


def _ollama_address(host: str) -> str:
    """What Ollama's own variable means: host, port or both, and 0.0.0.0 for a server that listens everywhere."""
    address = host if "//" in host else f"http://{host}"
    parts = urlsplit(address)
    name = {"0.0.0.0": "127.0.0.1", None: "127.0.0.1"}.get(parts.hostname, parts.hostname)
    return f"{parts.scheme}://{name}:{parts.port or 11434}/v1"


def _refuse_to_leak(found: Endpoint, settings: Settings) -> None:
    """A settings file that came with a study may not send a known service's key to somebody else."""
    own_hosts = {known.key_variable: known.host for known in _KNOWN if known.key_required}
    read = {found.key_variable, *(value[1:] for value in found.headers.values() if value.startswith("$"))}
    strangers = [name for name in sorted(read) if own_hosts.get(name, found.host) != found.host]
    by_environment = bool(os.environ.get(found.base_url_variable)) if found.base_url_variable else False
    if strangers and not by_environment and found.host not in ("localhost", "127.0.0.1", "::1"):
        raise ProviderError(
            f"{settings.place(('endpoints', found.name))}: this would send what {strangers[0]} holds to {found.host}",
            suggestion=f"If that is meant, say so in your own settings file, {user_settings_file()}; else name "
            "another key_variable.",
            code="settings",
        )


def _advice(name: str, listed: list[str]) -> str:
    close = get_close_matches(name, listed, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known are {', '.join(listed)}; add another in silicus.toml under [endpoints.{name}]."
