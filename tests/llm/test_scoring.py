"""Options are scored by their likelihood: balanced orders, no trust in what cannot be a log-probability."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback, Reply
from loopback_endpoints import asking
from tiny_weights import HOMES, SHOWN, made_once, make_taught, question, shared_folder

from silicus.concepts.errors import SilicusError
from silicus.llm.endpoint_scoring import EchoScorer, TopTokenScorer
from silicus.llm.faults import CallError
from silicus.llm.prompt import Message
from silicus.llm.providers.local_weights import LocalWeights
from silicus.llm.scoring import (
    OptionScores,
    UntrustworthyScoresError,
    balanced_orders,
    lettered,
    score_continuations,
    score_options,
)

COLOURS = ("red", "green", "blue")


def log_softmax(scores: Sequence[float]) -> tuple[float, ...]:
    total = math.log(math.fsum(map(math.exp, scores)))
    return tuple(score - total for score in scores)


class Biased:
    """Likes options as told, and places and letters beside: the logarithms add up."""

    def __init__(self, liking: dict[str, float], places: Sequence[float], spoken: float = 1.0) -> None:
        self.liking = liking
        self.places = places
        self.spoken = spoken
        self.shown: list[tuple[str, ...]] = []

    async def option_logprobs(self, messages: Sequence[Message], continuations: Sequence[str]) -> tuple[float, ...]:
        lines = messages[-1].content.splitlines()
        options = [line[3:] for letter in continuations for line in lines if line.startswith(f"{letter}. ")]
        self.shown.append(tuple(options))
        scores = [self.liking[option] + bias for option, bias in zip(options, self.places, strict=False)]
        return tuple(value + math.log(self.spoken) for value in log_softmax(scores))


class Fixed:
    """Returns given rows, one a question, whatever is asked."""

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self._rows = itertools.cycle(rows)

    async def option_logprobs(self, messages: Sequence[Message], continuations: Sequence[str]) -> tuple[float, ...]:
        return next(self._rows)


def scored(scorer: Biased | Fixed, options: Sequence[str] = COLOURS, **settings: object) -> OptionScores:
    return asyncio.run(score_options(scorer, "Which colour?", options, **settings))  # type: ignore[arg-type]


# --- orders


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 50))
def test_each_option_stands_equally_often_at_each_place(count: int, squares: int, seed: int) -> None:
    orders = balanced_orders(count, squares * count, seed)
    assert len(orders) == squares * count
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert set(Counter((place, each) for order in orders for place, each in enumerate(order)).values()) == {squares}


@given(st.sampled_from([2, 4, 6, 10]), st.integers(0, 20))
def test_with_an_even_number_each_also_follows_each_other_equally_often(count: int, seed: int) -> None:
    orders = balanced_orders(count, count, seed)
    follows = Counter(pair for order in orders for pair in itertools.pairwise(order))
    assert len(follows) == count * (count - 1)
    assert set(follows.values()) == {1}


def test_the_seed_draws_the_orders() -> None:
    assert balanced_orders(5, 10, 3) == balanced_orders(5, 10, 3)
    assert len({balanced_orders(5, 10, seed) for seed in range(10)}) == 10


@pytest.mark.parametrize("permutations", [1, 2, 4, 5])
def test_orders_that_could_not_be_balanced_are_refused(permutations: int) -> None:
    with pytest.raises(SilicusError, match="cannot be balanced") as caught:
        scored(Biased(dict.fromkeys(COLOURS, 0.0), [0, 0, 0]), permutations=permutations)
    assert "3, 6" in caught.value.suggestion


# --- scores


@given(st.data(), st.integers(2, 6), st.integers(1, 3), st.integers(0, 9))
def test_preferences_for_letters_and_places_are_taken_out(
    data: st.DataObject, count: int, squares: int, seed: int
) -> None:
    amounts = st.floats(-6, 6)
    options = [f"option {each}" for each in range(count)]
    liking = dict(zip(options, data.draw(st.lists(amounts, min_size=count, max_size=count)), strict=True))
    places = data.draw(st.lists(amounts, min_size=count, max_size=count))
    scorer = Biased(liking, places)
    if max(liking.values()) - min(liking.values()) < 0.01:
        liking[options[0]] += 1
    found = scored(scorer, options, permutations=squares * count, seed=seed)
    assert found.probabilities == pytest.approx([math.exp(value) for value in log_softmax([*liking.values()])])
    assert math.fsum(found.probabilities) == pytest.approx(1)
    assert all(math.fsum(row) == pytest.approx(1) for row in found.table)
    assert math.fsum(found.position_shares) == pytest.approx(1)
    assert 0 <= found.position_effect <= 1
    assert 0 <= found.entropy <= math.log(count) + 1e-9
    assert found.mass == pytest.approx([1] * len(found.orders))
    assert scorer.shown == [tuple(options[each] for each in order) for order in found.orders]


def test_a_strong_preference_for_the_first_place_shows() -> None:
    liking = {"red": 1.0, "green": 0.0, "blue": 0.0}
    biased, fair = scored(Biased(liking, [5, 0, 0])), scored(Biased(liking, [0, 0, 0]))
    assert [row.index(max(row)) for row in biased.table] == [order[0] for order in biased.orders]
    assert biased.position_shares[0] > 0.95
    assert biased.position_effect > 0.6
    assert biased.agreement == pytest.approx(1 / 3)
    assert biased.probabilities == pytest.approx(fair.probabilities)
    assert fair.position_shares == pytest.approx([1 / 3] * 3)
    assert fair.position_effect == pytest.approx(0)
    assert fair.agreement == 1


def test_the_arithmetic_pool_is_what_draws_under_random_orders_would_come_to() -> None:
    found = scored(Biased({"red": 1.0, "green": 0.0, "blue": -1.0}, [3, 0, 0]), pooling="arithmetic")
    expected = [math.fsum(column) / 3 for column in zip(*found.table, strict=True)]
    assert found.probabilities == pytest.approx(expected)
    assert found.probabilities[0] < math.exp(log_softmax([1, 0, -1])[0])


def test_entropy_is_in_nats() -> None:
    assert scored(Biased({"red": 1e-3, "green": 0.0}, [0, 0]), ("red", "green")).entropy == pytest.approx(math.log(2))
    assert scored(Biased({"red": 40.0, "green": 0.0}, [0, 0]), ("red", "green")).entropy == pytest.approx(0, abs=1e-9)


def test_how_likely_a_letter_is_at_all_is_told() -> None:
    liking = {"red": 1.0, "green": 0.0, "blue": 0.5}
    found = scored(Biased(liking, [0, 0, 0], spoken=0.25))
    assert found.mass == pytest.approx([0.25] * 3)
    assert found.probabilities == pytest.approx(scored(Biased(liking, [0, 0, 0])).probabilities)
    assert scored(Biased(liking, [0, 0, 0], spoken=1e-6), least_mass=0).mass == pytest.approx([1e-6] * 3)


def test_the_options_stand_under_letters_after_the_question() -> None:
    told = (Message("system", "You are 30."), Message("user", "Which colour?"))
    asked = lettered(told, COLOURS)
    assert asked[0] == told[0]
    assert asked[1].content == "Which colour?\n\nA. red\nB. green\nC. blue\n\nAnswer with one letter."


# --- no trust


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(math.nan, -1.0, -2.0)], "nan came"),
        ([(-math.inf, -1.0, -2.0)], "-inf came"),
        ([(0.5, -1.0, -2.0)], "0.5 came"),
        ([(-1.0, -2.0)], "2 log-probabilities came for 3"),
        ([(-0.1, -0.2, -0.3)], "add up to"),
        ([(0.0, 0.0, 0.0)], "add up to"),
        ([(-2.0, -2.0, -2.0)], "same log-probability"),
        ([(-2.0, -2.0, -2.0), (-3.0, -3.0, -3.0), (-4.0, -4.0, -4.0)], "same log-probability"),
        ([(-1.0, -2.0, -3.0)], "whatever the options say"),
        ([(-10.0, -11.0, -12.0), (-11.0, -10.0, -12.0), (-12.0, -10.0, -10.0)], "letters with a probability of"),
    ],
)
def test_what_cannot_be_log_probabilities_is_refused_with_the_reason(rows: list[tuple[float, ...]], words: str) -> None:
    with pytest.raises(UntrustworthyScoresError, match=words) as caught:
        scored(Fixed(*rows))
    assert caught.value.suggestion
    assert caught.value.code == "untrustworthy_scores"


@pytest.mark.parametrize("row", [(math.nan, -1.0, -2.0), (-3.0, -3.0, -3.0), (0.1, -2.0, -3.0)])
async def test_the_same_holds_for_options_without_letters(row: tuple[float, ...]) -> None:
    with pytest.raises(UntrustworthyScoresError):
        await score_continuations(Fixed(row), "Which colour?", COLOURS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("red",), "at least two"),
        (("red", "red"), "the same"),
        (("red", " "), "empty"),
        (tuple(map(str, range(27))), "27 options for 26 letters"),
    ],
)
def test_options_that_cannot_be_told_apart_are_refused(options: tuple[str, ...], words: str) -> None:
    with pytest.raises(SilicusError, match=words):
        scored(Fixed(), options)


# --- without letters


async def test_options_own_words_are_scored_as_they_are_or_for_each_character() -> None:
    row = (-2.0, -6.0, -3.0)
    plain = await score_continuations(Fixed(row), "Which colour?", COLOURS)
    assert plain.probabilities == pytest.approx([math.exp(value) for value in log_softmax(row)])
    assert plain.mass == pytest.approx([math.fsum(map(math.exp, row))])
    assert plain.position_shares == ()
    assert plain.position_effect == 0
    fair = await score_continuations(Fixed(row), "Which colour?", COLOURS, per_character=True)
    assert fair.probabilities == pytest.approx([math.exp(value) for value in log_softmax([-2 / 3, -6 / 5, -3 / 4])])


async def test_an_option_that_begins_another_needs_an_ending() -> None:
    options = ("agree", "agree strongly")
    with pytest.raises(SilicusError, match="begins with") as caught:
        await score_continuations(Fixed((-1.0, -2.0)), "Well?", options)
    assert "ending" in caught.value.suggestion
    found = await score_continuations(Fixed((-1.0, -2.0)), "Well?", options, ending="\n")
    assert found.options == options


# --- local weights


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> LocalWeights:
    """A language model that knows where four people live."""
    for needed in ("torch", "transformers"):
        pytest.importorskip(needed, reason='needs pip install "silicus[local]"')
    return LocalWeights(str(made_once(shared_folder(tmp_path_factory.getbasetemp()), "taught", make_taught)))


async def test_what_the_weights_know_is_found_in_every_order(taught: LocalWeights) -> None:
    for person, home in HOMES.items():
        wrong = [city for city in HOMES.values() if city != home]
        for chosen in itertools.combinations(wrong, SHOWN - 1):
            options = (*chosen, home)
            found = await score_options(taught, question(person), options, permutations=6, seed=3)
            assert options[found.probabilities.index(max(found.probabilities))] == home
            assert found.agreement == 1
            assert found.probabilities[-1] > 0.9
            assert min(found.mass) > 0.9
            assert found.position_effect < 0.1


async def test_what_the_weights_know_is_found_without_letters(taught: LocalWeights) -> None:
    for person, home in HOMES.items():
        found = await score_continuations(taught, question(person), tuple(HOMES.values()))
        assert found.probabilities[[*HOMES.values()].index(home)] > 0.9


# --- endpoints


def liking_of(prefix: str, token: str) -> float:
    """Letters by the colour that stands behind them in the prompt, if one does; else by the letter."""
    scores = log_softmax([0.0, -1.0, -2.0])
    for line in prefix.splitlines():
        if line[:3] == f"{token.strip()}. ":
            return scores[COLOURS.index(line[3:])]
    return {"A": -2.0, "B": -3.0}.get(token.strip(), -4.0)


async def test_an_endpoint_that_echoes_scores_letters() -> None:
    with Loopback("!", logprob=liking_of) as server:
        async with asking(server, "completion", key_variable="") as provider:
            found = await score_options(EchoScorer(provider, "base"), "Which colour?", COLOURS)
    assert found.probabilities == pytest.approx([math.exp(value) for value in log_softmax([0, -1, -2])])
    assert server.count == 9
    assert server.requests[0].body["prompt"].endswith("Answer with one letter.\nAssistant: A")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("zeros", "add up to"),
        ("context_free", "whatever the options say"),
        ("ignores_echo", "echo is ignored"),
        ("absent", "no log"),
    ],
)
async def test_an_endpoint_without_honest_log_probabilities_is_refused(mode: str, words: str) -> None:
    with Loopback("!", logprob=liking_of, logprobs=mode) as server:
        async with asking(server, "completion", key_variable="") as provider:
            with pytest.raises((UntrustworthyScoresError, CallError), match=words):
                await score_options(EchoScorer(provider, "base"), "Which colour?", COLOURS)


async def test_noise_is_found_out_by_the_probe() -> None:
    with Loopback("!", logprobs="noise") as server:
        async with asking(server, "completion", key_variable="") as provider:
            with pytest.raises(UntrustworthyScoresError, match="cannot be trusted"):
                await EchoScorer.probed(provider, "base")


def listing(wire_format: str, entries: dict[str, float]) -> Reply:
    """A response that lists these first tokens as the likeliest."""
    if wire_format == "openai":
        top = [{"token": token, "logprob": value} for token, value in entries.items()]
        logprobs: object = {"content": [{"token": "A", "logprob": -1.0, "top_logprobs": top}]}
    else:
        logprobs = {"tokens": [" A"], "token_logprobs": [-1.0], "top_logprobs": [entries]}
    message = {"message": {"role": "assistant", "content": "A"}, "text": " A", "finish_reason": "length"}
    return Reply(body={"choices": [message | {"index": 0, "logprobs": logprobs}]})


@pytest.mark.parametrize("wire_format", ["openai", "completion"])
async def test_the_likeliest_first_tokens_score_letters(wire_format: str) -> None:
    entries = {"A": math.log(0.3), " A": math.log(0.1), "B": math.log(0.2), "C": math.log(0.05), "The": math.log(0.1)}
    with Loopback(lambda _: listing(wire_format, entries)) as server:
        async with asking(server, wire_format, key_variable="") as provider:
            found = await TopTokenScorer(provider, "any").option_logprobs((Message("user", "Which?"),), ("A", "B", "C"))
    assert found == pytest.approx([math.log(0.4), math.log(0.2), math.log(0.05)])
    body = server.requests[0].body
    assert (body.get("top_logprobs"), body["logprobs"]) == ((20, True) if wire_format == "openai" else (None, 5))
    assert body["max_tokens"] == 1


@pytest.mark.parametrize("entries", [{"A": -0.1, "The": -3.0}, {"A": -0.1, "B": -9999.0}])
async def test_a_letter_that_is_not_listed_is_not_guessed(entries: dict[str, float]) -> None:
    with Loopback(lambda _: listing("openai", entries)) as server:
        async with asking(server, "openai", key_variable="") as provider:
            with pytest.raises(UntrustworthyScoresError, match="'B' is not among"):
                await TopTokenScorer(provider, "any").option_logprobs((Message("user", "Which?"),), ("A", "B"))


async def test_a_server_that_lists_nothing_is_refused() -> None:
    with Loopback("A", logprobs="absent") as server:
        async with asking(server, "openai", key_variable="") as provider:
            with pytest.raises(CallError, match="no log-probabilities"):
                await TopTokenScorer(provider, "any").option_logprobs((Message("user", "Which?"),), ("A", "B"))
