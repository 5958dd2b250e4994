"""A study that shows pictures, from its file to the bytes that a model is sent and to the archive."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import done, query, refused, silicus
from loopback import Loopback
from loopback_player import play
from picture_files import FILES, GIF, pictured_content, pictured_study, png, put_pictures, write_pictured

import silicus as library
from silicus.concepts.study import Study
from silicus.execution.folder import StudyFolder, read_study
from silicus.llm.adapters import known_price
from silicus.studies.cost import forecast_cost
from silicus.studies.one_path import check

ASKED = ("--yes", "--no-canary")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-planted")
    return tmp_path


def at(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the endpoints that are known by name be this server."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)


def pictures_in(body: dict[str, Any]) -> list[bytes]:
    """The pictures of a request, decoded, whatever its format."""
    found = []
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                assert message["role"] == "user"
                found.append(part["image_url"]["url"].partition(";base64,")[2])
            elif part["type"] == "image":
                assert message["role"] == "user"
                found.append(part["source"]["data"])
    return [base64.b64decode(text) for text in found]


@pytest.mark.parametrize("llm", ["openai:seer", "anthropic:seer"])
def test_the_bytes_arrive_at_the_model_and_the_archive_says_which(
    llm: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictured(here)
    with Loopback(play) as server:
        at(server, monkeypatch)
        done("conduct", "shop.yaml", "--participant", llm, "--coder", llm, *ASKED)
        bodies = [received.body for received in server.requests]
    mugs = {FILES["pictures/plain.png"], FILES["pictures/chipped.png"]}
    sent = [frozenset(pictures_in(body)) for body in bodies if "You are taking part" in json.dumps(body)]
    assert set(sent) == {frozenset({FILES["pictures/face.jpg"], mug}) for mug in mugs}
    coded = [body for body in bodies if "You are taking part" not in json.dumps(body)]
    assert coded
    assert all(pictures_in(body) == [] for body in coded)
    assert "Agreed." in done("show", "small_mug", "budget=12,minimum=4,mug=0,replicate=1").out
    folder = StudyFolder(here / "small_mug")
    assert read_study(folder).seats.participant.llm == llm
    for file, data in FILES.items():
        assert (folder.path / file).read_bytes() == data
        assert hashlib.sha256(data).hexdigest() in query(folder.archive, "SELECT study FROM meta")[0][0]


def test_a_changed_picture_is_a_different_call_and_a_different_study(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictured(here)
    with Loopback(play) as server:
        at(server, monkeypatch)
        llm = "openai:seer"
        done("conduct", "shop.yaml", "--participant", llm, "--coder", llm, *ASKED)
        done("conduct", "small_mug", *ASKED)
        before = server.count
        (here / "small_mug/pictures/plain.png").write_bytes(png(9))
        for words in (("conduct", "small_mug", "--yes"), ("run", "small_mug", "--yes"), ("report", "small_mug")):
            error = refused(*words, "--json").error
            assert error["code"] == "picture_changed"
            assert "small_mug/pictures/plain.png" in error["message"]
        (here / "small_mug/pictures/plain.png").write_bytes(FILES["pictures/plain.png"])
        (here / "pictures/plain.png").write_bytes(png(9))
        into = ("conduct", "shop.yaml", "--participant", llm, "--coder", llm, *ASKED, "--folder")
        assert refused(*into, "small_mug", "--json").error["code"] == "two_studies"
        assert server.count == before
        done(*into, "new")
        assert any(png(9) in pictures_in(received.body) for received in server.requests[before:])
        done("report", "small_mug")
        before = server.count
        done(*into, "again", "--replay", "new")
        assert silicus("conduct", "small_mug/study.yaml", "--folder", "other", "--replay", "new").code != 0
        assert server.count == before


def test_draft_and_check_take_the_pictures_along_and_say_what_is_wrong_with_them(here: Path) -> None:
    write_pictured(here / "far")
    done("draft", "far/shop.yaml", "--folder", "near")
    assert {file: (here / "near" / file).read_bytes() for file in FILES} == FILES
    fingerprints = {done("check", named, "--json").answer["data"]["study"] for named in ("far/shop.yaml", "near")}
    assert len(fingerprints) == 1
    (here / "near/pictures/plain.png").unlink()
    (here / "near/pictures/chipped.png").write_bytes(b"<svg/>")
    error = refused("check", "near", "--json").error
    assert [problem["code"] for problem in error["problems"]] == ["no_picture", "not_a_picture"]
    assert error["problems"][0]["where"] == "causal_model.variables.mug.treatment.values.0.image"
    assert "pictures/plain.png" in refused("conduct", "near").said
    (here / "far/pictures/plain.png").unlink()
    refused("conduct", "far/shop.yaml")
    assert not (here / "small_mug").exists()


@pytest.mark.parametrize("llm", ["vllm-base:small", "hf:folder"])
def test_a_model_that_takes_words_only_is_refused_before_anything_is_written_or_sent(llm: str, here: Path) -> None:
    write_pictured(here)
    error = refused("conduct", "shop.yaml", "--participant", llm, "--json").error
    assert [(problem["code"], problem["where"]) for problem in error["problems"]] == [
        ("no_pictures", "seats.participant")
    ]
    assert not (here / "small_mug").exists()
    done("check", "shop.yaml")


def test_only_the_seats_that_see_a_picture_need_a_model_that_does() -> None:
    def findings(**seats: Any) -> list[str]:
        content = pictured_content(seats=seats)
        del content["causal_model"]["variables"]["mug"]["treatment"]["public"]
        content["roles"]["buyer"]["attributes"] = {}
        return [
            problem.where for problem in check(Study.model_validate(content)).problems if problem.code == "no_pictures"
        ]

    assert findings(participant="vllm-base:small", coder="vllm-base:small") == ["seats.participant"]
    assert findings(participant="vllm:small", coder="vllm-base:small") == []
    assert findings(participant="vllm-base:small", roles={"seller": "vllm:small"}) == []
    assert findings(participant="vllm:small", roles={"seller": "vllm-base:small"}) == ["seats.roles.seller"]
    assert findings(participant="rehearsal:bargaining") == []


def test_a_study_in_python_has_its_pictures_wherever_it_goes(here: Path) -> None:
    file = write_pictured(here / "far")
    study = library.load(file)
    shutil.rmtree(here / "far")
    saved = library.save(study, "saved")
    assert library.load(saved) == study
    run = library.run(study, folder="ran")
    assert run.study == study
    assert (here / "ran/pictures/face.jpg").read_bytes() == FILES["pictures/face.jpg"]
    (here / "saved/pictures/face.jpg").write_bytes(GIF)
    with pytest.raises(library.SilicusError, match="not the one that the study names"):
        library.load(saved)


def test_a_study_made_in_python_finds_its_pictures_here(here: Path) -> None:
    with pytest.raises(library.SilicusError, match="there is no picture"):
        library.run(pictured_study(), folder="ran")
    put_pictures(here)
    assert library.run(pictured_study(), folder="ran").tally is not None


def test_what_a_study_with_pictures_takes_is_forecast(here: Path) -> None:
    study = library.load(write_pictured(here, seats={"participant": "openai:gpt-5-mini", "coder": "openai:gpt-5-mini"}))
    forecast = forecast_cost(study, known_price)
    assert forecast.llms == ("openai:gpt-5-mini",)
    assert forecast.calls[0] > 0
