"""Endpoints: those known by name, what settings files and the environment change, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from silicus.concepts.errors import ProviderError
from silicus.llm import endpoints as module
from silicus.llm.endpoints import endpoint, known_endpoints, status_of, user_settings_file
from silicus.llm.prices import Price
from silicus.llm.settings import read_settings
from silicus.llm.wire import FORMATS


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings file, no address from the environment."""
    for variable in [name for name in os.environ if name.endswith("_BASE_URL")] + ["OLLAMA_HOST"]:
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write(text: str, path: Path | None = None) -> Path:
    path = path or Path("silicus.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str) -> str:
    write(text)
    with pytest.raises(ProviderError) as caught:
        known_endpoints()
    assert caught.value.code == "settings"
    return f"{caught.value.message}\n{caught.value.suggestion}"


def test_the_known_ones_speak_known_formats_and_say_how_they_are_set_up() -> None:
    names = [known.name for known in known_endpoints()]
    assert len(set(names)) == len(names)
    assert {"openai", "anthropic", "ollama", "vllm", "llamacpp", "lmstudio", "groq", "together", "mistral", "deepseek",
            "gemini", "openrouter"} <= set(names)  # fmt: skip
    for known in known_endpoints():
        assert known.format in FORMATS.names()
        assert known.base_url.startswith("http")
        assert not known.base_url.endswith("/")
        assert known.setup.endswith(".")
        assert known.key_required == known.base_url.startswith("https")
        assert endpoint(known.name) == known


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status_of(endpoint("openai")) == "needs OPENAI_API_KEY"
    assert status_of(endpoint("ollama")) == "ready"
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    assert status_of(endpoint("openai")) == "needs OPENAI_API_KEY"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234")
    assert status_of(endpoint("openai")) == "ready"
    assert "sk-1234" not in repr(endpoint("openai"))


@pytest.mark.parametrize(
    ("name", "variable", "value", "base_url"),
    [
        ("openai", "OPENAI_BASE_URL", "http://127.0.0.1:9/v1/", "http://127.0.0.1:9/v1"),
        ("anthropic", "ANTHROPIC_BASE_URL", "http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("vllm", "VLLM_BASE_URL", "http://gpu:8000/v1", "http://gpu:8000/v1"),
        ("ollama", "OLLAMA_HOST", "gpu7", "http://gpu7:11434/v1"),
        ("ollama", "OLLAMA_HOST", "gpu7:99", "http://gpu7:99/v1"),
        ("ollama", "OLLAMA_HOST", "0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("ollama", "OLLAMA_HOST", "https://o.example:443", "https://o.example:443/v1"),
        ("ollama", "OLLAMA_HOST", ":8888", "http://127.0.0.1:8888/v1"),
    ],
)
def test_the_environment_moves_an_endpoint(
    name: str, variable: str, value: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert endpoint(name).base_url == base_url
    assert status_of(endpoint(name)) == "ready"


@pytest.mark.parametrize("value", ["not an address", "ftp://x/v1", "http://me:secret@x/v1", "http://x/v1?key=secret"])
def test_an_address_in_the_environment_that_is_none_is_refused_without_being_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", value)
    with pytest.raises(ProviderError, match="OPENAI_BASE_URL") as caught:
        endpoint("openai")
    assert "secret" not in caught.value.message + caught.value.suggestion


def test_a_name_that_is_not_known_gets_the_nearest() -> None:
    with pytest.raises(ProviderError, match="'opnai'") as caught:
        endpoint("opnai")
    assert caught.value.code == "unknown_provider"
    assert caught.value.suggestion == "Did you mean 'openai'?"
    with pytest.raises(ProviderError) as caught:
        endpoint("xyzzy")
    assert "[endpoints.xyzzy]" in caught.value.suggestion
    assert "openrouter" in caught.value.suggestion


def test_a_base_model_is_asked_at_the_same_server_in_raw_text() -> None:
    base = endpoint("vllm-base")
    assert (base.name, base.format, base.base_url) == ("vllm-base", "completion", endpoint("vllm").base_url)
    for name in ("anthropic-base", "xyzzy-base"):
        with pytest.raises(ProviderError):
            endpoint(name)


def test_the_example_in_the_documentation_is_read_as_it_says() -> None:
    lines = (module.__doc__ or "").splitlines()
    write("\n".join(line[4:] for line in lines if line.startswith("    ")))
    lab = endpoint("lab")
    assert (lab.format, lab.base_url) == ("openai", "http://gpu7.example.org:8000/v1")
    assert (lab.key_variable, lab.key_required, lab.concurrency) == ("LAB_API_KEY", True, 256)
    assert status_of(lab) == "needs LAB_API_KEY"
    assert lab.origin == str(Path("silicus.toml").resolve())
    openai = endpoint("openai")
    assert openai.base_url == "https://api.openai.com/v1"
    assert (openai.requests_per_minute, openai.tokens_per_minute) == (500, 200_000)
    assert openai.prices == {"gpt-5-mini": Price(0.25, 0.025, 2.0)}
    assert openai.extra == {"reasoning_effort": "minimal"}
    assert openai.token_cap == "max_completion_tokens"
    assert endpoint("lab-base").format == "completion"


def test_the_nearest_file_goes_before_the_users_own_and_the_environment_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = user_settings_file()
    write('[endpoints.vllm]\nconcurrency = 5\ntimeout_s = 7\nbase_url = "http://own:1/v1"\n', own)
    write("[endpoints.vllm]\nconcurrency = 6\n", tmp_path / "silicus.toml")
    found = endpoint("vllm")
    assert (found.concurrency, found.timeout_s, found.base_url) == (6, 7.0, "http://own:1/v1")
    write("[endpoints.vllm]\nconcurrency = 8\n")
    assert endpoint("vllm").concurrency == 8
    monkeypatch.setenv("VLLM_BASE_URL", "http://env:1/v1")
    assert endpoint("vllm").base_url == "http://env:1/v1"


def test_a_new_endpoint_needs_no_key_unless_it_names_one() -> None:
    write('[endpoints.box]\nbase_url = "http://localhost:5000/v1/"\n')
    box = endpoint("box")
    assert (box.format, box.base_url, box.key_required, status_of(box)) == (
        "openai", "http://localhost:5000/v1", False, "ready",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[endpoints.lab]\nbase_url = 'http://x/v1'\nconcurency = 5\n", "line 3: endpoints.lab.concurency"),
        ("[endpoints.lab]\nbase_url = 'http://x/v1'\nconcurency = 5\n", "Did you mean 'concurrency'?"),
        ("[endpoint.lab]\nbase_url = 'http://x/v1'\n", "Did you mean 'endpoints'?"),
        ("# one\n\n[endpoints.lab]\nformat = 'openai'\n", "line 3: the endpoint 'lab' has no base_url"),
        ("[endpoints.lab\n", "line 1:"),
        ("[endpoints.vllm]\nconcurrency = 0\n", "line 2: endpoints.vllm.concurrency: expected a whole number"),
        ("[endpoints.vllm]\nconcurrency = true\n", "expected a whole number of at least 1, got True"),
        ("[endpoints.vllm]\ntimeout_s = -1\n", "expected a number above 0"),
        ("[endpoints.vllm]\nstructured = 'json'\n", "expected one of native, tool, words, auto; got 'json'"),
        ("[endpoints.vllm]\nkey_required = 'no'\n", "expected true or false, got 'no'"),
        ("[endpoints.vllm]\nbase_url = 'gpu7:8000'\n", "expected an address"),
        ("[endpoints.vllm]\nbase_url = 'http://me:pw@x/v1'\n", "an address holds no password"),
        ("[endpoints.vllm.prices]\n'a' = [1, 2]\n", "line 2: endpoints.vllm.prices.a: expected three numbers"),
        ("[endpoints.vllm.prices]\n'a.b' = [1, 2, -3]\n", "line 2: endpoints.vllm.prices.a.b: expected three numbers"),
        ("[endpoints.vllm]\nextra = 5\n", "expected a section"),
        ("[endpoints.vllm.extra]\nstream = true\n", "line 2: endpoints.vllm.extra.stream: this field"),
        ("[endpoints.vllm]\nheaders = {'X-A' = 5}\n", "line 2: endpoints.vllm.headers.X-A: expected a header's name"),
        ("[endpoints.vllm]\nheaders = {'X-A' = '$no name'}\n", "after '$'"),
        ("[endpoints.Vllm]\nconcurrency = 2\nbase_url = 'http://x'\n", "small letters"),
        ("[endpoints.rehearsal]\nbase_url = 'http://x'\n", "is not one of rehearsal"),
        ("[endpoints]\nvllm = 5\n", "line 2: endpoints.vllm: expected a section [endpoints.vllm]"),
        ("endpoints = 5\n", "line 1: endpoints: expected a section [endpoints.NAME]"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_was_expected(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_every_mistake_is_told_at_once() -> None:
    told = refusal("[endpoints.vllm]\nconcurrency = 0\ntimeout_s = 'long'\n\n[endpoints.groq]\nspeed = 1\n")
    assert ["line 2" in told, "line 3" in told, "line 6" in told] == [True, True, True]


def test_a_key_in_a_file_is_refused_and_not_repeated() -> None:
    for text in (
        "[endpoints.openai]\nkey = 'sk-secret-1'\n",
        "[endpoints.openai]\napi_key = 'sk-secret-1'\n",
        "[endpoints.openai]\nkey_variable = 'sk-secret-1'\n",
        "[endpoints.openai.headers]\nAuthorization = 'Bearer sk-secret-1'\n",
    ):
        told = refusal(text)
        assert "sk-secret" not in told
        assert "variable" in told
        assert "line 2" in told


@pytest.mark.parametrize(
    "text",
    [
        "[endpoints.openai]\nbase_url = 'https://collector.example/v1'\n",
        "[endpoints.lab]\nbase_url = 'https://collector.example/v1'\nkey_variable = 'OPENAI_API_KEY'\n",
        "[endpoints.lab]\nbase_url = 'https://collector.example/v1'\nheaders = {X-A = '$ANTHROPIC_API_KEY'}\n",
    ],
)
def test_a_file_that_came_with_a_study_cannot_send_a_known_key_elsewhere(text: str) -> None:
    told = refusal(text)
    assert "collector.example" in told
    assert "_API_KEY" in told
    assert str(user_settings_file()) in told
    Path("silicus.toml").unlink()
    write(text, user_settings_file())  # the user's own file may
    assert endpoint("lab" if "lab" in text else "openai").host == "collector.example"


def test_a_file_that_came_with_a_study_may_name_a_server_on_this_computer() -> None:
    write("[endpoints.openai]\nbase_url = 'http://localhost:4000/v1'\n")
    assert endpoint("openai").host == "localhost"


def test_a_file_that_changes_only_limits_leaves_the_users_address_alone() -> None:
    write("[endpoints.openai]\nbase_url = 'https://proxy.example/v1'\n", user_settings_file())
    write("[endpoints.openai]\nconcurrency = 3\n")
    assert (endpoint("openai").host, endpoint("openai").concurrency) == ("proxy.example", 3)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silicus.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProviderError, match="cannot be read"):
        read_settings(path)
    with pytest.raises(ProviderError, match="cannot be read"):
        read_settings(tmp_path)


def test_where_the_users_own_file_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert user_settings_file() == tmp_path / "config" / "silicus" / "silicus.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert user_settings_file() == tmp_path / ".config" / "silicus" / "silicus.toml"
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_settings_file() == tmp_path / "Library" / "Application Support" / "silicus" / "silicus.toml"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    assert user_settings_file() == tmp_path / "roaming" / "silicus" / "silicus.toml"
