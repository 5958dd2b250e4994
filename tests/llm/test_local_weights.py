"""``hf:``: a checkpoint in this process answers, alone or in a batch, and tells exact log-probabilities."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tiny_weights import CONTEXT, STRICT_TEMPLATE, made_once, make_babbler, make_counter, shared_folder

from silicus.concepts.errors import MissingExtraError, ProviderError
from silicus.concepts.session import Session
from silicus.llm.cue import Cue
from silicus.llm.faults import CallError
from silicus.llm.prompt import Image, Message, Prompt, Sampling
from silicus.llm.providers import local_weights
from silicus.llm.providers.local import grammar, rendering
from silicus.llm.providers.local.checkpoint import Checkpoint, load_checkpoint
from silicus.llm.providers.local.decoding import Drawn, Row, draw_answers
from silicus.llm.providers.local.likelihood import Span, span_logprobs
from silicus.llm.providers.local.rendering import render, tokens_of
from silicus.llm.providers.local.together import Asked, Together
from silicus.llm.providers.local_weights import LocalWeights, LocalWeightsProvider

YES_NO = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "enum": ["yes", "no"]},
        "price": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["answer", "price"],
    "additionalProperties": False,
}
THINKING_TEMPLATE = STRICT_TEMPLATE + "<think>\n"

GREEDY = Sampling(temperature=0, max_tokens=12)


def asking(text: str, sampling: Sampling = GREEDY, *, session: str = "", schema: Any = None) -> Prompt:
    cue = Cue("speak", Session.example().model_copy(update={"session_id": session})) if session else None
    return Prompt((Message("user", text),), "participant", schema, sampling, cue)


def some_prompts() -> list[Prompt]:
    """Of different lengths, greedy and drawn, with different caps."""
    texts = ["Hello.", "The buyer and the seller agree on a price. " * 3, "Why?", "A mug " * 20, "How much for it?"]
    sampling = [GREEDY, Sampling(1.0, 9), Sampling(0, 3), Sampling(None, 12), Sampling(0.7, 20)]
    return [asking(text, each) for text, each in zip(texts, sampling, strict=True)]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("torch", "transformers"):
        pytest.importorskip(needed, reason='needs pip install "silicus[local]"')
    return shared_folder(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def babbler(checkpoints: Path) -> Path:
    """A base model."""
    return made_once(checkpoints, "babbler", make_babbler)


@pytest.fixture(scope="session")
def chatterer(checkpoints: Path) -> Path:
    """A chat model that takes no system message."""
    return made_once(checkpoints, "chatterer", lambda folder: make_babbler(folder, template=STRICT_TEMPLATE, seed=1))


@pytest.fixture(scope="session")
def thinker(checkpoints: Path) -> Path:
    """A chat model that reasons before it answers."""
    return made_once(checkpoints, "thinker", lambda folder: make_babbler(folder, template=THINKING_TEMPLATE, seed=2))


@pytest.fixture(scope="session")
def counter(checkpoints: Path) -> Path:
    """A base model that numbers the places of its tokens, so that padding must not shift them."""
    return made_once(checkpoints, "counter", make_counter)


@pytest.fixture(scope="session")
def loaded(babbler: Path) -> Checkpoint:
    return load_checkpoint(str(babbler), device="cpu")


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many answers were drawn together, batch by batch."""
    sizes: list[int] = []

    def draw(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn | CallError]:
        sizes.append(len(rows))
        return draw_answers(checkpoint, rows)

    monkeypatch.setattr(local_weights, "draw_answers", draw)
    return sizes


def brute_force(checkpoint: Checkpoint, ids: Sequence[int]) -> list[float]:
    """The log-probability of each token after the first, by one pass without padding for each of them."""
    torch = import_module("torch")
    found = []
    for position in range(1, len(ids)):
        with torch.inference_mode():
            scores = checkpoint.llm(input_ids=torch.tensor([list(ids[:position])])).logits[0, -1].double()
        found.append(float(scores[ids[position]] - scores.logsumexp(0)))
    return found


# --- answers


async def test_a_folder_of_weights_answers_and_its_tokens_are_counted(babbler: Path, loaded: Checkpoint) -> None:
    provider = LocalWeightsProvider(device="cpu")
    completion = await provider.complete(asking("Hello."), str(babbler))
    ids = tokens_of(loaded, "User: Hello.\nAssistant:", bare=True)
    assert completion.tokens_in == len(ids)
    assert ids[0] == loaded.tokenizer.bos_token_id
    assert completion.tokens_out == 12
    assert completion.finish == "length"
    assert completion.llm == f"hf:{babbler}"
    assert completion.served == str(babbler)
    assert completion.cost == 0


async def test_the_greedy_answer_is_the_likeliest_token_each_time(babbler: Path, loaded: Checkpoint) -> None:
    torch = import_module("torch")
    ids = list(tokens_of(loaded, "User: Hello.\nAssistant:", bare=True))
    begun = len(ids)
    for _ in range(12):
        ids.append(int(loaded.llm(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    completion = await LocalWeights(str(babbler)).complete(asking("Hello."))
    assert completion.raw == loaded.tokenizer.decode(ids[begun:])


@pytest.mark.parametrize("kind", ["babbler", "counter"])
async def test_answers_that_wait_together_are_drawn_together_and_equal_those_drawn_alone(
    kind: str, batches: list[int], request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    prompts = some_prompts()
    alone = [await LocalWeights(str(folder)).complete(prompt) for prompt in prompts]
    assert batches == [1] * len(prompts)
    weights = LocalWeights(str(folder))
    together = await asyncio.gather(*(weights.complete(prompt) for prompt in prompts))
    assert batches[len(prompts) :] == [len(prompts)]
    assert list(together) == alone
    assert len({completion.raw for completion in alone}) == len(prompts)
    caps = [prompt.sampling.max_tokens for prompt in prompts]
    assert [each.tokens_out for each in alone if each.finish == "length"] == [
        cap for cap, each in zip(caps, alone, strict=True) if each.finish == "length"
    ]
    assert sum(each.finish == "length" for each in alone) >= 3


async def test_a_batch_is_no_larger_than_asked_for(babbler: Path, batches: list[int]) -> None:
    weights = LocalWeights(str(babbler), batch_size=2)
    await asyncio.gather(*(weights.complete(prompt) for prompt in some_prompts()))
    assert batches == [2, 2, 1]


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_draws_follow_the_probabilities_of_the_checkpoint(loaded: Checkpoint, temperature: float) -> None:
    torch = import_module("torch")
    ids = tokens_of(loaded, "The price is", bare=True)
    logits = loaded.llm(input_ids=torch.tensor([ids])).logits[0, -1].detach().double()
    expected = (logits / temperature).softmax(-1)
    count = 2000
    rows = [Row(ids, temperature, 1, seed) for seed in range(count)]
    drawn = [each for each in draw_answers(loaded, rows) if isinstance(each, Drawn)]
    tokens = Counter(each.ids[0] if each.ids else loaded.tokenizer.eos_token_id for each in drawn)
    likely = expected.argsort(descending=True).tolist()[:20]
    assert float(expected[likely[0]]) > 0.02
    for token in likely:
        probability = float(expected[token])
        # five standard errors: one draw in 10^6 of so many comparisons falls outside
        assert abs(tokens[token] / count - probability) < 5 * math.sqrt(probability * (1 - probability) / count)


async def test_a_session_draws_the_same_again_and_another_session_something_else(babbler: Path) -> None:
    drawn = Sampling(temperature=1, max_tokens=20)
    first, again = LocalWeights(str(babbler)), LocalWeights(str(babbler))
    one = await first.complete(asking("Hello.", drawn, session="a"))
    assert (await again.complete(asking("Hello.", drawn, session="b"))).raw != one.raw
    assert (await again.complete(asking("Hello.", drawn, session="a"))).raw == one.raw
    assert (await again.complete(asking("Hello.", drawn, session="a"))).raw != one.raw


async def test_a_base_model_stops_where_another_would_speak(babbler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = await LocalWeights(str(babbler)).complete(asking("Hello.", Sampling(0, 40)))
    stop = next(word for word in free.text[5:].split() if len(word) > 2)
    monkeypatch.setattr(rendering, "STOPS", (stop,))
    stopped = await LocalWeights(str(babbler)).complete(asking("Hello.", Sampling(0, 40)))
    assert stopped.finish == "stop"
    assert stopped.text == free.text.partition(stop)[0].strip()
    assert stopped.tokens_out < free.tokens_out


def test_a_transcript_ends_where_the_assistant_goes_on_and_stops_before_the_user(loaded: Checkpoint) -> None:
    rendered = render(loaded, (Message("system", "You buy."), Message("user", "4?"), Message("assistant", "Yes.")))
    assert rendered.text.startswith("You buy.")
    assert rendered.text.endswith("\nAssistant: Yes.\nAssistant:")
    assert all(stop in rendered.text for stop in rendered.stops)


def test_a_template_without_system_messages_gets_them_in_the_first_question(chatterer: Path) -> None:
    checkpoint = load_checkpoint(str(chatterer))
    rendered = render(
        checkpoint, (Message("system", "You buy."), Message("user", "Hello."), Message("assistant", "Hi."))
    )
    assert rendered.text == "<|user|>You buy.\n\nHello.</s><|assistant|>Hi.</s><|assistant|>"


async def test_a_template_that_refuses_the_messages_is_a_bad_request(chatterer: Path) -> None:
    weights = LocalWeights(str(chatterer))
    await weights.complete(asking("Hello."))
    weights._loaded[0].tokenizer.chat_template = "{{ raise_exception('no') }}"  # type: ignore[index]
    with pytest.raises(CallError, match="chat template") as caught:
        await weights.complete(asking("Hello."))
    assert caught.value.kind == "bad_request"


async def test_reasoning_is_counted_and_never_taken_for_the_answer(
    thinker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = await LocalWeights(str(thinker)).complete(asking("Hello."))
    assert (cut.text, cut.finish) == ("", "length")
    assert cut.tokens_reasoning > 0

    def think(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn]:
        ids = tokens_of(checkpoint, "Or no?\n</think>\n\nyes", bare=False)
        return [Drawn(ids, len(ids), "stop") for _ in rows]

    monkeypatch.setattr(local_weights, "draw_answers", think)
    whole = await LocalWeights(str(thinker)).complete(asking("Hello."))
    assert whole.text == "yes"
    assert 0 < whole.tokens_reasoning < whole.tokens_out


async def test_an_answer_without_content_is_no_answer(babbler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_weights, "draw_answers", lambda _, rows: [Drawn((), 1, "stop") for _ in rows])
    with pytest.raises(CallError) as caught:
        await LocalWeights(str(babbler)).complete(asking("Hello."))
    assert caught.value.kind == "empty"


# --- schemas


async def test_answers_are_held_to_a_schema(chatterer: Path) -> None:
    pytest.importorskip("llguidance", reason='needs pip install "silicus[local]"')
    weights = LocalWeights(str(chatterer))
    drawn = Sampling(temperature=1, max_tokens=60)
    asked = [asking("Hello.", drawn, session=str(each), schema=YES_NO) for each in range(8)]
    *held, free = await asyncio.gather(*(weights.complete(prompt) for prompt in asked), weights.complete(asking("Hi.")))
    for completion in held:
        answer = json.loads(completion.text)
        assert answer.keys() == {"answer", "price"}
        assert answer["answer"] in ("yes", "no")
        assert 0 <= answer["price"] <= 99
        assert completion.text == json.dumps(answer, separators=(",", ":"))
        assert completion.finish == "stop"
    assert len({completion.text for completion in held}) > 1
    assert not free.text.startswith("{")


async def test_a_schema_that_cannot_be_followed_fails_its_own_call_only(babbler: Path) -> None:
    pytest.importorskip("llguidance", reason='needs pip install "silicus[local]"')
    weights = LocalWeights(str(babbler))
    bad, good = await asyncio.gather(
        weights.complete(asking("Hello.", schema={"type": "bogus"})),
        weights.complete(asking("Hello.")),
        return_exceptions=True,
    )
    assert isinstance(bad, CallError)
    assert bad.kind == "bad_request"
    assert not isinstance(good, BaseException)


async def test_a_schema_is_kept_to_where_a_batch_was_split_amid_its_answers(
    babbler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llguidance", reason='needs pip install "silicus[local]"')
    sizes = _fails_beyond(1, monkeypatch, MemoryError(), after=True)
    weights = LocalWeights(str(babbler))
    drawn = Sampling(temperature=1, max_tokens=60)
    asked = [asking("Hello.", drawn, session=str(each), schema=YES_NO) for each in range(2)]
    for completion in await asyncio.gather(*(weights.complete(prompt) for prompt in asked)):
        assert json.loads(completion.text).keys() == {"answer", "price"}
    assert sizes == [2, 1, 1]


async def test_without_llguidance_the_words_of_the_prompt_must_do(
    babbler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammar, "find_spec", lambda _: None)
    free = await LocalWeights(str(babbler)).complete(asking("Hello."))
    asked = await LocalWeights(str(babbler)).complete(asking("Hello.", schema=YES_NO))
    assert asked.raw == free.raw


# --- what does not fit


async def test_a_prompt_beyond_the_context_is_refused_and_its_neighbours_are_answered(babbler: Path) -> None:
    weights = LocalWeights(str(babbler))
    long, short = await asyncio.gather(
        weights.complete(asking("xyz " * CONTEXT)), weights.complete(asking("Hello.")), return_exceptions=True
    )
    assert isinstance(long, CallError)
    assert long.kind == "context_length"
    assert str(CONTEXT) in long.message
    assert long.suggestion
    assert not isinstance(short, BaseException)
    with pytest.raises(CallError, match="tokens at once"):
        await weights.token_logprobs("xyz " * CONTEXT)


async def test_an_answer_ends_with_the_context(babbler: Path, loaded: Checkpoint) -> None:
    text = "x" * (CONTEXT - 20 - len(tokens_of(loaded, "User: \nAssistant:", bare=True)))
    completion = await LocalWeights(str(babbler)).complete(asking(text, Sampling(0, 1000)))
    assert completion.finish == "length"
    assert completion.tokens_in + completion.tokens_out == CONTEXT


async def test_a_batch_that_does_not_fit_into_memory_is_split(babbler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [await LocalWeights(str(babbler)).complete(prompt) for prompt in some_prompts()]
    sizes = _fails_beyond(2, monkeypatch, import_module("torch").OutOfMemoryError("CUDA out of memory"))
    weights = LocalWeights(str(babbler))
    assert await asyncio.gather(*(weights.complete(prompt) for prompt in some_prompts())) == expected
    assert sizes == [5, 2, 3, 1, 2]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "overloaded"),
        (MemoryError(), "overloaded"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "server_error"),
    ],
)
async def test_what_fails_even_alone_says_why(
    babbler: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    _fails_beyond(0, monkeypatch, error)
    with pytest.raises(CallError) as caught:
        await LocalWeights(str(babbler)).complete(asking("Hello."))
    assert caught.value.kind == kind
    assert bool(caught.value.suggestion) is (kind == "overloaded")


async def test_one_answer_that_does_not_fit_leaves_its_neighbours_alone(
    babbler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn | CallError]:
        if any(len(row.ids) > 200 for row in rows):
            raise MemoryError
        return draw_answers(checkpoint, rows)

    monkeypatch.setattr(local_weights, "draw_answers", draw)
    weights = LocalWeights(str(babbler))
    asked = [asking("Hello."), asking("x" * 250), asking("Why?")]
    first, long, last = await asyncio.gather(*(weights.complete(each) for each in asked), return_exceptions=True)
    assert isinstance(long, CallError)
    assert long.kind == "overloaded"
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)


async def test_a_text_that_does_not_fit_leaves_its_neighbours_alone(babbler: Path, loaded: Checkpoint) -> None:
    weights = LocalWeights(str(babbler))
    await weights.complete(asking("Hello."))

    def refuse(_: Any, __: Any, options: dict[str, Any]) -> None:
        if options["input_ids"].shape[1] > 200:
            raise MemoryError

    handle = weights._loaded[0].llm.register_forward_pre_hook(refuse, with_kwargs=True)  # type: ignore[index]
    texts = ["the buyer", "x" * 250, "the seller agrees"]
    first, long, last = await asyncio.gather(*map(weights.token_logprobs, texts), return_exceptions=True)
    handle.remove()
    assert isinstance(long, CallError)
    assert long.kind == "overloaded"
    for text, found in ((texts[0], first), (texts[2], last)):
        assert not isinstance(found, BaseException)
        ids = tokens_of(loaded, text, bare=True)
        assert [each.logprob for each in found[1:]] == pytest.approx(brute_force(loaded, ids), abs=1e-4)


def _fails_beyond(most: int, monkeypatch: pytest.MonkeyPatch, error: Exception, *, after: bool = False) -> list[int]:
    """Have larger batches fail, before or after they are drawn; returns the sizes that were tried."""
    sizes: list[int] = []

    def draw(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn | CallError]:
        sizes.append(len(rows))
        drawn = draw_answers(checkpoint, rows) if after or len(rows) <= most else []
        if len(rows) > most:
            raise error
        return drawn

    monkeypatch.setattr(local_weights, "draw_answers", draw)
    return sizes


async def test_pictures_are_refused(babbler: Path) -> None:
    shown = Prompt((Message("user", "Would you buy it?", (Image("image/png", b"..."),)),), "participant")
    with pytest.raises(CallError, match="picture") as caught:
        await LocalWeights(str(babbler)).complete(shown)
    assert caught.value.kind == "bad_request"


# --- log-probabilities


async def test_the_log_probabilities_of_a_text_are_those_of_its_softmax(babbler: Path, loaded: Checkpoint) -> None:
    text = "the buyer and the seller agree: 12 dollars, naïve café"
    found = await LocalWeights(str(babbler)).token_logprobs(text)
    ids = tokens_of(loaded, text, bare=True)
    assert [each.text for each in found][:2] == ["<s>", "the"]
    assert found[0].logprob is None
    # float32 in another order of summation
    assert [each.logprob for each in found[1:]] == pytest.approx(brute_force(loaded, ids), abs=1e-4)


async def test_a_continuation_is_scored_after_its_prefix(babbler: Path, loaded: Checkpoint) -> None:
    weights = LocalWeights(str(babbler))
    whole = await weights.continuation_logprob("the buyer", " and the seller")
    ids, before = tokens_of(loaded, "the buyer and the seller", bare=True), tokens_of(loaded, "the buyer", bare=True)
    assert ids[: len(before)] == before
    assert whole == pytest.approx(sum(brute_force(loaded, ids)[len(before) - 1 :]), abs=1e-4)
    parts = [
        await weights.continuation_logprob("the buyer", " and"),
        await weights.continuation_logprob("the buyer and", " the seller"),
    ]
    assert whole == pytest.approx(sum(parts), abs=1e-4)


async def test_a_token_that_straddles_the_border_counts_whole(babbler: Path, loaded: Checkpoint) -> None:
    ids = tokens_of(loaded, "the buyer", bare=True)
    assert len(ids) == 3  # <s>, "the", " buyer"
    found = await LocalWeights(str(babbler)).continuation_logprob("the bu", "yer")
    assert found == pytest.approx(brute_force(loaded, ids)[-1], abs=1e-4)


@pytest.mark.parametrize("kind", ["babbler", "counter"])
async def test_texts_scored_together_have_the_scores_that_they_have_alone(
    kind: str, request: pytest.FixtureRequest
) -> None:
    texts = ["the buyer", "the buyer and the seller agree on a price " * 4, "a mug for 12 dollars", "the buyer and"]
    weights = LocalWeights(str(request.getfixturevalue(kind)), batch_size=3)
    alone = [await weights.token_logprobs(text) for text in texts]
    together = await asyncio.gather(*(weights.token_logprobs(text) for text in texts))
    for one, other in zip(alone, together, strict=True):
        assert [each.logprob for each in one[1:]] == pytest.approx([each.logprob for each in other[1:]], abs=1e-4)


def test_answers_of_one_token_to_one_question_share_a_pass(loaded: Checkpoint) -> None:
    rows: list[int] = []
    handle = loaded.llm.register_forward_pre_hook(
        lambda _, __, options: rows.append(len(options["input_ids"])), with_kwargs=True
    )
    question = tokens_of(loaded, "Which letter?", bare=True)
    spans = [Span((*question, token), len(question)) for token in (40, 41, 42)]
    spans += [Span((*question, 40, 77), len(question)), Span(question, 1)]
    found = span_logprobs(loaded, spans, batch_size=16)
    handle.remove()
    assert rows == [1]
    for span, logprobs in zip(spans, found, strict=True):
        assert not isinstance(logprobs, CallError)
        assert logprobs == pytest.approx(brute_force(loaded, span.ids)[span.start - 1 :], abs=1e-4)


async def test_options_are_scored_as_the_beginning_of_an_answer(chatterer: Path) -> None:
    checkpoint = load_checkpoint(str(chatterer))
    found = await LocalWeights(str(chatterer)).option_logprobs((Message("user", "Which?"),), ("A", "B", "no deal"))
    prompt = tokens_of(checkpoint, "<|user|>Which?</s><|assistant|>", bare=False)
    for option, logprob in zip(("A", "B", "no deal"), found, strict=True):
        ids = (*prompt, *tokens_of(checkpoint, option, bare=False))
        assert logprob == pytest.approx(sum(brute_force(checkpoint, ids)[len(prompt) - 1 :]), abs=1e-4)


async def test_what_has_no_context_has_no_log_probability(babbler: Path) -> None:
    weights = LocalWeights(str(babbler))
    for asked in (weights.token_logprobs(""), weights.continuation_logprob("the buyer", "")):
        with pytest.raises(CallError) as caught:
            await asked
        assert caught.value.kind == "bad_request"


# --- loading


def test_what_a_checkpoint_advises_about_sampling_is_not_followed(babbler: Path, tmp_path: Path) -> None:
    make_babbler(advising := _made(tmp_path / "advising"))
    (advising / "generation_config.json").write_text(
        json.dumps({"do_sample": True, "top_k": 1, "repetition_penalty": 9.0, "eos_token_id": [1, 5]})
    )
    checkpoint, plain = load_checkpoint(str(advising)), load_checkpoint(str(babbler))
    assert checkpoint.ends == {1, 5}
    rows = [Row(tokens_of(plain, "Hello", bare=True), 1.0, 6, seed) for seed in range(20)]
    drawn = [each.ids[:1] for each in draw_answers(checkpoint, rows) if isinstance(each, Drawn)]
    assert len(set(drawn)) > 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_fingerprint_is_that_of_the_weights(babbler: Path, tmp_path: Path) -> None:
    torch = import_module("torch")
    one = load_checkpoint(str(babbler))
    elsewhere = tmp_path / "elsewhere"
    one.llm.save_pretrained(elsewhere)
    one.tokenizer.save_pretrained(elsewhere)
    assert load_checkpoint(str(elsewhere)).fingerprint == one.fingerprint
    with torch.no_grad():
        one.llm.model.layers[1].mlp.up_proj.weight += 1e-3
    one.llm.save_pretrained(elsewhere)
    assert load_checkpoint(str(elsewhere)).fingerprint != one.fingerprint


async def test_a_checkpoint_is_loaded_once_off_the_event_loop_and_anew_after_closing(
    babbler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def load(name: str, **options: Any) -> Checkpoint:
        threads.append(threading.current_thread().name)
        return load_checkpoint(name, **options)

    monkeypatch.setattr(local_weights, "load_checkpoint", load)
    provider = LocalWeightsProvider()
    assert threads == []
    one = await asyncio.gather(*(provider.complete(asking("Hello."), str(babbler)) for _ in range(3)))
    await provider.close()
    assert await provider.complete(asking("Hello."), str(babbler)) == one[0]
    assert len(threads) == 2
    assert threading.current_thread().name not in threads


def test_a_missing_extra_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(import_module("sys").modules, "torch", None)
    with pytest.raises(MissingExtraError, match="needs torch") as caught:
        load_checkpoint(str(tmp_path))
    assert 'pip install "silicus[local]"' in caught.value.suggestion
    assert "whl/cpu" in caught.value.suggestion


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (None, "there is no such folder"),
        ({}, "it holds nothing"),
        ({"model.gguf": ""}, r"it holds model\.gguf"),
        ({"adapter_config.json": "{}"}, "adapter"),
        ({"config.json": "{"}, "cannot be read"),
        ({"config.json": '{"model_type": "of_next_year"}'}, "cannot be read"),
    ],
)
@pytest.mark.usefixtures("checkpoints")
def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path, files: dict[str, str] | None, words: str) -> None:
    folder = tmp_path / "weights"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content)
    with pytest.raises(ProviderError, match=words) as caught:
        load_checkpoint(str(folder))
    assert caught.value.suggestion


@pytest.mark.usefixtures("checkpoints")
async def test_damaged_weights_are_refused_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_babbler(damaged := _made(tmp_path / "damaged"))
    weights_file = damaged / "model.safetensors"
    weights_file.write_bytes(weights_file.read_bytes()[:1000])
    tries: list[str] = []

    def load(name: str, **options: Any) -> Checkpoint:
        tries.append(name)
        return load_checkpoint(name, **options)

    monkeypatch.setattr(local_weights, "load_checkpoint", load)
    weights = LocalWeights(str(damaged))
    for _ in range(2):
        with pytest.raises(ProviderError, match="cannot be read"):
            await weights.complete(asking("Hello."))
    assert len(tries) == 1


@pytest.mark.usefixtures("checkpoints")
def test_a_hub_name_is_not_fetched_where_the_hub_is_switched_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ProviderError, match="HF_HUB_OFFLINE") as caught:
        load_checkpoint("nobody/no-such-checkpoint")
    assert "hf download nobody/no-such-checkpoint" in caught.value.suggestion
    assert caplog.records == []


@pytest.mark.usefixtures("checkpoints")
def test_a_hub_name_is_fetched_aloud_and_what_cannot_be_fetched_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    transformers = import_module("transformers")
    asked: list[bool] = []

    def unreachable(_: str, *, local_files_only: bool) -> None:
        asked.append(local_files_only)
        raise OSError("We couldn't connect to the hub")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", unreachable)
    with caplog.at_level(logging.WARNING), pytest.raises(ProviderError, match="couldn't connect") as caught:
        load_checkpoint("nobody/no-such-checkpoint")
    assert asked == [True, False]
    assert "fetching it from the hub" in caplog.text
    assert "hf download" in caught.value.suggestion


@pytest.mark.parametrize("name", ["", "a name with spaces", "a/b/c"])
@pytest.mark.usefixtures("checkpoints")
def test_a_name_that_is_neither_a_folder_nor_on_the_hub_is_refused(name: str) -> None:
    with pytest.raises(ProviderError, match="neither a folder") as caught:
        load_checkpoint(name)
    assert "hf:/path/to/checkpoint" in caught.value.suggestion


# --- waiting together


async def test_an_answer_that_nobody_waits_for_any_more_is_broken_off(
    babbler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, given_up = threading.Event(), threading.Event()
    drawn: list[Drawn | CallError] = []

    def draw(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn | CallError]:
        begun.set()
        assert given_up.wait(30)
        drawn.extend(draw_answers(checkpoint, rows))
        return drawn[-len(rows) :]

    monkeypatch.setattr(local_weights, "draw_answers", draw)
    weights = LocalWeights(str(babbler))
    task = asyncio.create_task(weights.complete(asking("Hello.", Sampling(0, 400))))
    assert await asyncio.to_thread(begun.wait, 30)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    given_up.set()
    other = await weights.complete(asking("Hello."))
    assert isinstance(drawn[0], Drawn)
    assert drawn[0].count == 0
    assert other.tokens_out == 12


async def test_an_unexpected_error_reaches_all_who_wait() -> None:
    def work(_: Sequence[Asked[int, int]]) -> Sequence[int]:
        raise ZeroDivisionError

    together: Together[int, int] = Together(work, 8)
    results = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError] * 2
