r"""Likelihood scoring: the answer to a closed question as a distribution over its options, not as one draw.

The options are shown under letters and the probability that the answer begins with each letter is read off the language
model (Robinson, Rytting and Wingate 2023: naming options by symbols beats comparing the likelihoods of whole answers,
for models that bind symbols well). Language models prefer some letters and some places whatever stands there (Zheng,
Zhou, Meng, Zhou and Huang 2024), so the question is put in several orders in which each option stands equally often
at each place. Scoring the options' own words without letters is the alternative for models that do not know the
convention: :func:`score_continuations`.

References
----------
Robinson, J., Rytting, C. M. and Wingate, D. (2023). Leveraging large language models for multiple choice question
answering. ICLR 2023. arXiv:2210.12353.

Zheng, C., Zhou, H., Meng, F., Zhou, J. and Huang, M. (2024). Large language models are not robust multiple choice
selectors. ICLR 2024. arXiv:2309.03882.

Williams, E. J. (1949). Experimental designs balanced for the estimation of residual effects of treatments. Australian
Journal of Scientific Research A 2, 149-168.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Literal, Protocol

from silicus.concepts.errors import ProviderError, SilicusError
from silicus.llm.prompt import Message

__all__ = [
    "OptionScores",
    "Pooling",
    "Scorer",
    "UntrustworthyScoresError",
    "balanced_orders",
    "lettered",
    "score_continuations",
    "score_options",
]

Pooling = Literal["geometric", "arithmetic"]
"""How the orders' probabilities become one distribution, see :func:`score_options`."""

ROUNDING = 1e-6
"""How far a log-probability may exceed zero, or two may differ and be equal, by rounding in float32."""

EXCESS = 1e-3
"""How far the probabilities of answers that exclude each other may add up to more than one, by rounding in bfloat16."""


class UntrustworthyScoresError(ProviderError):
    """Log-probabilities that cannot be what they are said to be; scores made of them would be chance."""

    code = "untrustworthy_scores"


class Scorer(Protocol):
    """A language model that tells how probable given answers are."""

    async def option_logprobs(self, messages: Sequence[Message], continuations: Sequence[str]) -> tuple[float, ...]:
        """Natural logarithm of the probability that the answer to ``messages`` begins with each continuation."""


@dataclass(frozen=True, slots=True)
class OptionScores:
    """The distribution of answers over the K options of a question, put in J orders.

    Attributes
    ----------
    options
        The K options.
    probabilities
        Probability of each option; they sum to 1.
    orders
        J rows: which option (counted from 0) stood at each place.
    table
        J rows: probability of each option, in the order of ``options``; each row sums to 1.
    mass
        J numbers: how probable it was that the answer would be any option at all, before a row was made to sum to 1.
    position_shares
        K numbers: the mean probability of whatever stood at each place, 1/K each where the place does not matter. Empty
        where the options were not shown.
    """

    options: tuple[str, ...]
    probabilities: tuple[float, ...]
    orders: tuple[tuple[int, ...], ...]
    table: tuple[tuple[float, ...], ...]
    mass: tuple[float, ...]
    position_shares: tuple[float, ...] = ()

    @property
    def entropy(self) -> float:
        r"""Uncertainty of the answer in nats, :math:`-\sum_k p_k \ln p_k`: 0 where certain, ln K where even."""
        return -math.fsum(p * math.log(p) for p in self.probabilities if p > 0)

    @property
    def position_effect(self) -> float:
        r"""How much the place matters: :math:`\frac12\sum_k |s_k - 1/K|` over the position shares, between 0 and 1.

        The share of probability that would have to move for all places to be chosen equally often.
        """
        return math.fsum(abs(share - 1 / len(self.options)) for share in self.position_shares) / 2

    @property
    def agreement(self) -> float:
        """Share of the orders whose likeliest option is the likeliest of all."""
        best = _likeliest(self.probabilities)
        return sum(_likeliest(row) == best for row in self.table) / len(self.table)


async def score_options(
    scorer: Scorer,
    question: str | Sequence[Message],
    options: Sequence[str],
    *,
    permutations: int | None = None,
    seed: int = 0,
    pooling: Pooling = "geometric",
    least_mass: float = 1e-3,
) -> OptionScores:
    r"""How probable each option is as the answer, with options under letters and in balanced orders.

    With :math:`\ell_{jk}` the log-probability of option *k*'s letter in order *j*, the ``"geometric"`` pool is

    .. math:: p_k \propto \exp\Bigl(\frac1J \sum_j \ell_{jk}\Bigr),

    which is free of letter and place preferences where these multiply an option's own probability,
    :math:`\ell_{jk} = a_k + b_{\mathrm{place}_j(k)} + c_j`: each option stands equally often at each place, so that
    the *b* add the same to all. The ``"arithmetic"`` pool, :math:`\frac1J \sum_j p_{jk}`, is what draws under random
    orders would come to; preferences pull it towards even. A letter is one answer of its own, so nothing is normalised
    for length.

    Parameters
    ----------
    scorer
        The language model.
    question
        The question, or the messages that end in it; the lettered options are added to the last one.
    options
        2 to 26 different texts.
    permutations
        In how many orders to ask: a multiple of the number of options, which is the default.
    seed
        Draws the orders.
    pooling
        How the orders' answers become one distribution.
    least_mass
        The mean probability that the answer is a letter at all, below which the scores are refused: the language model
        would hardly ever answer so.

    Raises
    ------
    UntrustworthyScoresError
        Where the log-probabilities cannot be such: not numbers, positive, adding up to more than one, all equal, the
        same whatever the options say, or of letters that are hardly ever the answer.
    SilicusError
        Where the options or the number of orders cannot be used.
    """
    _check_options(options, most=len(ascii_uppercase))
    messages = _as_messages(question)
    orders = balanced_orders(len(options), permutations or len(options), seed)
    letters = tuple(ascii_uppercase[: len(options)])
    asked = (scorer.option_logprobs(lettered(messages, [options[each] for each in order]), letters) for order in orders)
    by_place = await asyncio.gather(*asked)
    _check_rows(by_place, letters)
    _check_dependence(by_place)
    mass = tuple(math.fsum(map(math.exp, row)) for row in by_place)
    if math.fsum(mass) / len(mass) < least_mass:
        raise UntrustworthyScoresError(
            f"the answer is one of the letters with a probability of {math.fsum(mass) / len(mass):.2g} only",
            suggestion="The language model does not answer closed questions by letters. Score the options' own words "
            "(score_continuations), or show it answered questions first.",
        )
    rows = [
        tuple(row[order.index(each)] for each in range(len(options)))
        for row, order in zip(by_place, orders, strict=True)
    ]
    table = tuple(_normalised(row) for row in rows)
    shares = [
        math.fsum(row[order[place]] for row, order in zip(table, orders, strict=True)) / len(orders)
        for place in range(len(options))
    ]
    return OptionScores(tuple(options), _pooled(rows, table, pooling), orders, table, mass, tuple(shares))


async def score_continuations(
    scorer: Scorer,
    question: str | Sequence[Message],
    options: Sequence[str],
    *,
    ending: str = "",
    per_character: bool = False,
) -> OptionScores:
    r"""How probable each option's own words are as the answer, without showing the options.

    With :math:`\ell_k` the log-probability of the words of option *k*, :math:`p_k \propto e^{\ell_k}`: the
    distribution of the answer given that it is one of the options. Longer and rarer wordings are less probable for
    reasons that are not the respondent's; ``per_character`` takes :math:`\ell_k / n_k` with :math:`n_k` the option's
    characters instead, which ranks better and is a convention, not a probability.

    Parameters
    ----------
    scorer
        The language model.
    question
        The question, or the messages that end in it.
    options
        At least two different texts.
    ending
        What follows an answer, such as a line break: needed where one option is how another begins.
    per_character
        Normalise for length.

    Raises
    ------
    UntrustworthyScoresError
        Where the log-probabilities cannot be such.
    SilicusError
        Where the options cannot be used.
    """
    _check_options(options)
    answers = tuple(option + ending for option in options)
    for answer in answers:
        longer = next((other for other in answers if other != answer and other.startswith(answer)), None)
        if longer is not None:
            raise SilicusError(
                f"the option {longer!r} begins with the option {answer!r}, whose probability would include it",
                suggestion='Give what follows an answer, such as ending="\\n", or score the options by letters.',
                code="options",
            )
    logprobs = await scorer.option_logprobs(_as_messages(question), answers)
    _check_rows([logprobs], answers)
    _check_dependence([logprobs])
    lengths = [len(answer) if per_character else 1 for answer in answers]
    row = _normalised([logprob / length for logprob, length in zip(logprobs, lengths, strict=True)])
    mass = math.fsum(map(math.exp, logprobs))
    return OptionScores(tuple(options), row, (tuple(range(len(options))),), (row,), (mass,))


def balanced_orders(count: int, permutations: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Orders of ``count`` things in which each stands equally often at each place.

    Rows of Latin squares after Williams (1949), their things relabelled at random for each square: with an even count
    each also follows each other equally often.

    Raises
    ------
    SilicusError
        Where ``permutations`` is no multiple of ``count``: the orders could not be balanced.
    """
    if permutations < count or permutations % count:
        raise SilicusError(
            f"{permutations} orders of {count} options cannot be balanced",
            suggestion=f"Take {count}, {2 * count} or another multiple of the number of options.",
            code="options",
        )
    shuffled = random.Random(seed)
    zigzag = [each // 2 if each % 2 == 0 else count - 1 - each // 2 for each in range(count)]
    orders: list[tuple[int, ...]] = []
    for _ in range(permutations // count):
        names = shuffled.sample(range(count), count)
        orders += [tuple(names[(each + shift) % count] for each in zigzag) for shift in range(count)]
    return tuple(orders)


def lettered(messages: Sequence[Message], options: Sequence[str]) -> tuple[Message, ...]:
    """The messages with the options under letters at the end of the last one."""
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False))
    last = messages[-1]
    return (*messages[:-1], replace(last, content=f"{last.content}\n\n{listed}\n\nAnswer with one letter."))


def _as_messages(question: str | Sequence[Message]) -> tuple[Message, ...]:
    return (Message("user", question),) if isinstance(question, str) else tuple(question)


def _check_options(options: Sequence[str], most: int | None = None) -> None:
    reason = ""
    if len(options) < 2:
        reason = "a closed question needs at least two options"
    elif len(set(options)) < len(options) or not all(option.strip() for option in options):
        reason = "two options are the same, or one is empty"
    elif most is not None and len(options) > most:
        reason = f"there are {len(options)} options for {most} letters"
    if reason:
        raise SilicusError(reason, suggestion=f"Got: {', '.join(map(repr, options))}.", code="options")


def _check_rows(rows: Sequence[Sequence[float]], continuations: Sequence[str]) -> None:
    """Each row must be what it is said to be: log-probabilities of answers that exclude each other."""
    for row in rows:
        reason = ""
        odd = next((value for value in row if not math.isfinite(value) or value > ROUNDING), None)
        if len(row) != len(continuations):
            reason = f"{len(row)} log-probabilities came for {len(continuations)} options"
        elif odd is not None:
            reason = f"{odd} came as a log-probability, which is a number of at most 0"
        elif (total := math.fsum(map(math.exp, row))) > 1 + EXCESS:
            reason = f"the probabilities of answers that exclude each other add up to {total:.3f}"
        if reason:
            raise _untrustworthy(reason)


def _check_dependence(rows: Sequence[Sequence[float]]) -> None:
    """Log-probabilities must tell options apart, in some order at least."""
    if all(max(row) - min(row) <= ROUNDING for row in rows):
        raise _untrustworthy("all options have the same log-probability")
    spread = (max(column) - min(column) for column in zip(*rows, strict=True))
    if len(rows) > 1 and all(each <= ROUNDING for each in spread):
        raise _untrustworthy("the log-probabilities stay the same whatever the options say")


def _untrustworthy(reason: str) -> UntrustworthyScoresError:
    return UntrustworthyScoresError(
        f"the log-probabilities cannot be trusted: {reason}",
        suggestion="The server may not compute them, or not for the given text. Let it draw answers instead, or score "
        "with local weights (hf:).",
    )


def _normalised(logprobs: Sequence[float]) -> tuple[float, ...]:
    highest = max(logprobs)
    weights = [math.exp(value - highest) for value in logprobs]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def _pooled(rows: Sequence[Sequence[float]], table: Sequence[Sequence[float]], pooling: Pooling) -> tuple[float, ...]:
    if pooling == "geometric":
        return _normalised([math.fsum(column) / len(rows) for column in zip(*rows, strict=True)])
    means = [math.fsum(column) / len(table) for column in zip(*table, strict=True)]
    return tuple(mean / math.fsum(means) for mean in means)


def _likeliest(probabilities: Sequence[float]) -> int:
    return max(range(len(probabilities)), key=probabilities.__getitem__)
