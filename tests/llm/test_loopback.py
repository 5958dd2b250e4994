"""The server that the other tests trust: its batches, its chances, its darkness, its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from loopback import FAULTS, Fault, Loopback, at_random, in_order


def fetched(url: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
        text = response.read().decode()
    return [json.loads(line) for line in text.splitlines()] if "\n" in text else json.loads(text)


def chat(text: str) -> dict[str, Any]:
    return {"model": "small", "messages": [{"role": "user", "content": text}]}


def test_a_batch_of_chats_is_uploaded_waited_for_and_collected() -> None:
    entries = [
        {"custom_id": f"c{n}", "method": "POST", "url": "/v1/chat/completions", "body": chat(str(n))} for n in range(3)
    ]
    lines = "\n".join(json.dumps(entry) for entry in entries)
    upload = f'--b\r\nContent-Disposition: form-data; name="file"; filename="in.jsonl"\r\n\r\n{lines}\r\n--b--\r\n'

    def answer(body: dict[str, Any]) -> str | Fault:
        said: str = body["messages"][0]["content"]
        return Fault("bad_request") if said == "1" else f"Heard {said}."

    with Loopback(answer, batch_s=3600) as server:
        form = {"Content-Type": "multipart/form-data; boundary=b"}
        file = fetched(f"{server.openai_url}/files", upload.encode(), form)
        order = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batch = fetched(f"{server.openai_url}/batches", order)
        assert batch["status"] == "in_progress"
        server.batch_s = 0.0
        done = fetched(f"{server.openai_url}/batches", order)
        assert (done["status"], done["request_counts"]) == ("completed", {"total": 3, "completed": 2, "failed": 1})
        output = fetched(f"{server.openai_url}/files/{done['output_file_id']}/content")
        errors = fetched(f"{server.openai_url}/files/{done['error_file_id']}/content")
        assert [line["response"]["body"]["choices"][0]["message"]["content"] for line in output] == [
            "Heard 0.",
            "Heard 2.",
        ]
        assert [line["custom_id"] for line in errors] == ["c1"]
        assert fetched(f"{server.openai_url}/batches/{batch['id']}/cancel", {})["status"] == "cancelled"
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetched(f"{server.openai_url}/batches/batch_none")
        caught.value.close()


def test_a_batch_of_messages_is_waited_for_and_collected() -> None:
    entries = [{"custom_id": f"m{n}", "params": {**chat(str(n)), "max_tokens": 9}} for n in range(2)]
    with Loopback(lambda body: "Heard." if body["messages"][0]["content"] == "0" else Fault("overloaded")) as server:
        batch = fetched(f"{server.url}/v1/messages/batches", {"requests": entries})
        assert batch["processing_status"] == "ended"
        assert (batch["request_counts"]["succeeded"], batch["request_counts"]["errored"]) == (1, 1)
        first, second = fetched(batch["results_url"])
        assert first["result"]["message"]["content"] == [{"type": "text", "text": "Heard."}]
        assert second["result"]["error"]["error"]["type"] == "overloaded_error"


def test_chances_are_the_same_for_the_same_seed_and_come_out_right() -> None:
    chances = at_random({"reset": 0.2, Fault("rate_limited", retry_after=1): 0.1}, seed=5)
    drawn = [chances(n) for n in range(1, 2001)]
    assert drawn == [
        at_random({"reset": 0.2, Fault("rate_limited", retry_after=1): 0.1}, seed=5)(n) for n in range(1, 2001)
    ]
    assert drawn != [at_random({"reset": 0.2}, seed=6)(n) for n in range(1, 2001)]
    assert sum(fault == Fault("reset") for fault in drawn) == pytest.approx(400, abs=80)  # four standard deviations
    assert sum(fault is not None for fault in drawn) == pytest.approx(600, abs=85)


def test_a_fault_that_does_not_exist_cannot_be_asked_for() -> None:
    with pytest.raises(AssertionError, match="no fault 'gremlins'"):
        in_order("gremlins")
    assert all(Fault(kind) for kind in FAULTS)


def test_the_same_port_answers_again_after_the_dark() -> None:
    with Loopback("Hello.", faults=in_order(Fault("dark", seconds=0.01))) as server:
        outcomes: list[Any] = []
        while not outcomes or isinstance(outcomes[-1], OSError):
            try:
                outcomes.append(fetched(f"{server.openai_url}/chat/completions", chat("?")))
            except OSError as error:
                outcomes.append(error)
    assert len(outcomes) > 1
    assert outcomes[-1]["choices"][0]["message"]["content"] == "Hello."
    assert server.in_flight == 0


def test_it_runs_in_a_process_of_its_own() -> None:
    script = Path(__file__).parents[1] / "support" / "loopback.py"
    process = subprocess.Popen(
        [sys.executable, str(script), "--answer", "Alone."],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert fetched(f"{url}/v1/chat/completions", chat("?"))["choices"][0]["message"]["content"] == "Alone."
    finally:
        process.terminate()
        process.communicate()
