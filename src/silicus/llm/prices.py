"""What tokens cost: a dated table that the user's silicus.toml overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from silicus.llm.prompt import Completion

__all__ = ["FREE", "Price", "cost_of", "listed_price", "prices_as_of"]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens: sent, sent and found in the prefix cache, received."""

    tokens_in: float
    tokens_cached: float
    tokens_out: float


FREE = Price(0.0, 0.0, 0.0)


@cache
def _table() -> tuple[str, Mapping[str, Price]]:
    from ruamel.yaml import YAML

    text = files("silicus.llm").joinpath("prices.yaml").read_text(encoding="utf-8")
    content = YAML(typ="safe").load(text)
    prices = {llm: Price(*map(float, row)) for llm, row in content["prices"].items()}
    return str(content["as_of"]), prices


def prices_as_of() -> str:
    """The date of the table."""
    return _table()[0]


def listed_price(llm: str) -> Price | None:
    """The listed price of ``provider:model``; a dated name such as ``gpt-4o-2024-08-06`` has its model's price.

    None where the table does not know it: an unknown price is unknown, never zero.
    """
    prices = _table()[1]
    if llm in prices:
        return prices[llm]
    known = [name for name in prices if re.fullmatch(re.escape(name) + r"-(\d{8}|\d{4}-\d\d-\d\d|\d{4})", llm)]
    return prices[max(known, key=len)] if known else None


def cost_of(completion: Completion, price: Price | None) -> float | None:
    """What a completion cost in US dollars; None where the price is not known."""
    if price is None:
        return None
    fresh = completion.tokens_in - completion.tokens_cached
    million = (
        fresh * price.tokens_in
        + completion.tokens_cached * price.tokens_cached
        + completion.tokens_out * price.tokens_out
    )
    return million / 1e6
