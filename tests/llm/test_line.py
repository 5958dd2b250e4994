"""The line to an endpoint: places, rates, patience, budget. Time is virtual: nothing here waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_time import in_virtual_time

from silicus.llm.budget import Budget, Spent
from silicus.llm.faults import BudgetReachedError, CallError, FaultKind
from silicus.llm.line import Limits, Line
from silicus.llm.prices import Price, cost_of, listed_price, prices_as_of
from silicus.llm.prompt import Completion, Message, Prompt, Sampling

HELLO = Prompt((Message("user", "Hello."),), "participant", None, Sampling(max_tokens=100))


class Endpoint:
    """Answers after a while, or fails as it is told to; notes how many calls it held at once, and when each came."""

    def __init__(self, outcome: Callable[[int], CallError | None] = lambda _: None, seconds: float = 1.0) -> None:
        self.outcome = outcome
        self.seconds = seconds
        self.came: list[float] = []
        self.inside = 0
        self.most = 0

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        self.came.append(asyncio.get_running_loop().time())
        number = len(self.came)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(self.seconds)
            error = self.outcome(number)
            if error is not None:
                raise error
            return Completion(f"answer {number}", f"test:{model_name}", 30, 10)
        finally:
            self.inside -= 1

    async def close(self) -> None:
        """Nothing is open."""


def failing(kind: FaultKind, times: int, **more: Any) -> Callable[[int], CallError | None]:
    return lambda number: CallError(kind, f"no {number}", **more) if number <= times else None


async def many(line: Line, count: int) -> list[Completion]:
    return list(await asyncio.gather(*(line.complete(HELLO, "m") for _ in range(count))))


def test_no_more_calls_at_once_than_places() -> None:
    endpoint = Endpoint()
    answers, seconds = in_virtual_time(many(Line(endpoint, Limits(concurrency=8)), 40))
    assert (len(answers), endpoint.most) == (40, 8)
    assert seconds == pytest.approx(5, abs=0.5)  # 40 calls of a second, 8 at once


def test_requests_a_minute_are_kept() -> None:
    endpoint = Endpoint(seconds=0.01)
    in_virtual_time(many(Line(endpoint, Limits(requests_per_minute=60)), 90))
    for start in endpoint.came:
        within = sum(start <= came < start + 30 for came in endpoint.came)
        assert within <= 32  # half a minute's worth, and the burst of a second


def test_tokens_a_minute_are_kept() -> None:
    endpoint = Endpoint(seconds=0.01)
    _, seconds = in_virtual_time(many(Line(endpoint, Limits(tokens_per_minute=6000)), 60))
    assert seconds > 55  # 60 calls of at least 100 tokens at 100 tokens a second


@pytest.mark.parametrize("kind", ["rate_limited", "overloaded", "server_error", "timeout", "disconnected"])
def test_what_another_try_may_cure_is_tried_again(kind: FaultKind) -> None:
    completion, _ = in_virtual_time(Line(Endpoint(failing(kind, 3)), Limits()).complete(HELLO, "m"))
    assert (completion.text, completion.tries) == ("answer 4", 4)
    assert [fault.kind for fault in completion.faults] == [kind] * 3


@pytest.mark.parametrize("kind", ["auth", "quota", "not_found", "bad_request", "context_length", "content_filter"])
def test_what_no_try_cures_is_not_tried_again(kind: FaultKind) -> None:
    endpoint = Endpoint(failing(kind, 9))
    with pytest.raises(CallError) as caught:
        in_virtual_time(Line(endpoint, Limits()).complete(HELLO, "m"))
    assert (caught.value.kind, len(endpoint.came)) == (kind, 1)


@pytest.mark.parametrize("kind", ["malformed", "empty"])
def test_what_may_have_been_paid_for_is_tried_three_times_only(kind: FaultKind) -> None:
    endpoint = Endpoint(failing(kind, 99))
    with pytest.raises(CallError) as caught:
        in_virtual_time(Line(endpoint, Limits()).complete(HELLO, "m"))
    assert len(endpoint.came) == 3
    assert len(caught.value.earlier) == 2


def test_the_server_is_waited_for_as_long_as_it_asks() -> None:
    endpoint = Endpoint(failing("rate_limited", 1, retry_after_s=17.0), seconds=0.0)
    in_virtual_time(Line(endpoint, Limits()).complete(HELLO, "m"))
    assert 17 <= endpoint.came[1] - endpoint.came[0] < 18


def test_a_server_gone_for_twenty_seconds_loses_nothing() -> None:
    endpoint = Endpoint(seconds=0.01)
    endpoint.outcome = lambda _: (
        CallError("disconnected", "gone") if asyncio.get_running_loop().time() - endpoint.came[0] < 20 else None
    )
    answers, seconds = in_virtual_time(many(Line(endpoint, Limits()), 50))
    assert len(answers) == 50
    assert seconds < 60


def test_patience_ends() -> None:
    endpoint = Endpoint(failing("disconnected", 10**6), seconds=0.0)
    with pytest.raises(CallError) as caught:
        in_virtual_time(Line(endpoint, Limits(patience_s=30)).complete(HELLO, "m"))
    assert 29 < endpoint.came[-1] - endpoint.came[0] < 30.1  # the last try comes when patience ends
    assert len(caught.value.earlier) == len(endpoint.came) - 1


def test_fewer_places_after_a_rate_limit_and_all_of_them_again_later() -> None:
    endpoint = Endpoint()

    async def first_crowded_then_free() -> tuple[int, int]:
        line = Line(endpoint, Limits(concurrency=30))
        endpoint.outcome = lambda _: CallError("rate_limited", "slow down") if endpoint.inside > 10 else None
        await many(line, 200)
        endpoint.most = 0
        await many(line, 30)
        crowded = endpoint.most
        endpoint.outcome = lambda _: None
        await many(line, 800)
        endpoint.most = 0
        await many(line, 60)
        return crowded, endpoint.most

    (crowded, free), _ = in_virtual_time(first_crowded_then_free())
    assert crowded < 20
    assert free == 30


def test_a_cancelled_call_gives_its_place_back() -> None:
    endpoint = Endpoint(seconds=10)

    async def cancel_some() -> int:
        line = Line(endpoint, Limits(concurrency=2))
        tasks = [asyncio.create_task(line.complete(HELLO, "m")) for _ in range(6)]
        await asyncio.sleep(1)
        for task in tasks[:4]:
            task.cancel()
        return len([r for r in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(r, Completion)])

    done, seconds = in_virtual_time(cancel_some())
    assert done == 2
    assert seconds == pytest.approx(11, abs=0.5)


PRICE = Price(tokens_in=1.0, tokens_cached=0.1, tokens_out=4.0)


def test_a_completion_is_priced_and_an_unknown_price_is_no_price() -> None:
    priced, _ = in_virtual_time(Line(Endpoint(), Limits(), price=lambda _: PRICE).complete(HELLO, "m"))
    assert priced.cost == pytest.approx((30 * 1.0 + 10 * 4.0) / 1e6)
    unpriced, _ = in_virtual_time(Line(Endpoint(), Limits()).complete(HELLO, "m"))
    assert unpriced.cost is None
    cached = Completion("x", "m", tokens_in=100, tokens_out=10, tokens_cached=80)
    assert cost_of(cached, PRICE) == pytest.approx((20 + 8 + 40) / 1e6)


@given(
    limit=st.integers(1, 30), calls=st.integers(1, 40), places=st.integers(1, 10), seed=st.integers(0, 3),
)  # fmt: skip
def test_a_budget_of_calls_is_never_passed_whatever_is_in_flight(
    limit: int, calls: int, places: int, seed: int
) -> None:
    endpoint = Endpoint(lambda number: CallError("overloaded", "busy") if number % 4 == seed else None)
    budget = Budget(calls=limit)

    async def spend() -> list[Any]:
        line = Line(endpoint, Limits(concurrency=places), budget=budget)
        return await asyncio.gather(*(line.complete(HELLO, "m") for _ in range(calls)), return_exceptions=True)

    outcomes, _ = in_virtual_time(spend())
    answered = sum(isinstance(outcome, Completion) for outcome in outcomes)
    assert answered == budget.spent.calls <= limit
    assert all(isinstance(outcome, Completion | BudgetReachedError) for outcome in outcomes)


def test_a_budget_of_money_holds_with_calls_in_flight_and_after_failures() -> None:
    budget = Budget(money=0.01, spent=Spent(money=0.004))
    line = Line(Endpoint(failing("auth", 1)), Limits(), price=lambda _: PRICE, budget=budget)

    async def spend() -> Any:
        failed = await asyncio.gather(line.complete(HELLO, "m"), return_exceptions=True)
        return failed, await asyncio.gather(*(line.complete(HELLO, "m") for _ in range(200)), return_exceptions=True)

    (failed, outcomes), _ = in_virtual_time(spend())
    assert isinstance(failed[0], CallError)
    assert any(isinstance(outcome, BudgetReachedError) for outcome in outcomes)
    assert 0.004 < budget.spent.money <= 0.01


def test_the_message_of_a_reached_budget_says_what_was_spent_and_what_to_do() -> None:
    budget = Budget(tokens=100, spent=Spent(tokens=90))
    with pytest.raises(BudgetReachedError, match="budget of 100 tokens is reached: 90 spent") as caught:
        budget.reserve(Spent(tokens=50))
    assert "larger budget" in caught.value.suggestion


def test_prices_are_dated_and_found_by_dated_names() -> None:
    assert prices_as_of() >= "2025-01-01"
    assert listed_price("openai:gpt-4o") == listed_price("openai:gpt-4o-2024-08-06")
    assert listed_price("openai:gpt-4o-mini") != listed_price("openai:gpt-4o")
    assert listed_price("openai:gpt-4o-audio") is None
    assert listed_price("mylab:gpt-4o") is None


def test_a_call_that_is_rate_limited_waits_its_turn_while_others_are_answered() -> None:
    endpoint = Endpoint(seconds=0.01)
    answered: list[float] = []

    def ten_a_minute(_: int) -> CallError | None:
        now = asyncio.get_running_loop().time()
        if answered and now < answered[-1] + 6:
            return CallError("rate_limited", "ten a minute")
        answered.append(now)
        return None

    endpoint.outcome = ten_a_minute
    answers, seconds = in_virtual_time(many(Line(endpoint, Limits(patience_s=60)), 64))
    assert len(answers) == 64
    assert seconds > 6 * 60  # far longer than patience with any one call


def test_an_endpoint_that_only_ever_says_no_is_given_up() -> None:
    endpoint = Endpoint(failing("rate_limited", 10**6), seconds=0.0)
    with pytest.raises(CallError):
        in_virtual_time(Line(endpoint, Limits(patience_s=30)).complete(HELLO, "m"))
    assert endpoint.came[-1] - endpoint.came[0] < 31


def test_a_wait_that_is_asked_for_may_be_longer_than_patience_and_not_than_an_hour() -> None:
    endpoint = Endpoint(failing("rate_limited", 1, retry_after_s=900.0), seconds=0.0)
    in_virtual_time(Line(endpoint, Limits(patience_s=60)).complete(HELLO, "m"))
    assert 900 <= endpoint.came[1] - endpoint.came[0] < 901
    endpoint = Endpoint(failing("rate_limited", 1, retry_after_s=7200.0), seconds=0.0)
    with pytest.raises(CallError, match=r"asks to wait 2\.0 hours") as caught:
        in_virtual_time(Line(endpoint, Limits()).complete(HELLO, "m"))
    assert (caught.value.kind, len(endpoint.came)) == ("quota", 1)


def test_a_server_that_was_never_there_is_not_waited_for_as_long_as_one_that_was() -> None:
    gone = Endpoint(failing("disconnected", 10**6), seconds=0.0)
    with pytest.raises(CallError):
        in_virtual_time(Line(gone, Limits(patience_s=120, first_patience_s=10)).complete(HELLO, "m"))
    assert gone.came[-1] - gone.came[0] < 11
    once = Endpoint(lambda number: CallError("disconnected", "gone") if number > 1 else None, seconds=0.0)

    async def twice() -> None:
        line = Line(once, Limits(patience_s=120, first_patience_s=10))
        await line.complete(HELLO, "m")
        await line.complete(HELLO, "m")

    with pytest.raises(CallError):
        in_virtual_time(twice())
    assert 119 < once.came[-1] - once.came[1] < 121


def test_a_budget_is_used_up_although_calls_in_flight_are_taken_at_their_most() -> None:
    budget = Budget(tokens=1000)  # a call may take 106 tokens and takes 40

    async def spend() -> list[Any]:
        line = Line(Endpoint(), Limits(concurrency=64), budget=budget)
        return await asyncio.gather(*(line.complete(HELLO, "m") for _ in range(64)), return_exceptions=True)

    outcomes, _ = in_virtual_time(spend())
    answered = sum(isinstance(outcome, Completion) for outcome in outcomes)
    assert 1000 - 106 < budget.spent.tokens == 40 * answered <= 1000
    assert sum(isinstance(outcome, BudgetReachedError) for outcome in outcomes) == 64 - answered


def test_an_answer_without_a_cap_is_taken_to_be_as_long_as_the_longest_before() -> None:
    class Reasoning(Endpoint):
        async def complete(self, prompt: Prompt, model_name: str) -> Completion:
            await super().complete(prompt, model_name)
            return Completion("ready", model_name, 10, 3000)

    budget = Budget(tokens=10_000)

    async def spend() -> None:
        line = Line(Reasoning(), Limits(), budget=budget)
        for _ in range(10):
            await line.complete(Prompt((Message("user", "Hello."),), "participant"), "m")

    with pytest.raises(BudgetReachedError):
        in_virtual_time(spend())
    assert budget.spent.tokens == 3 * 3010
