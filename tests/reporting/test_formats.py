"""How numbers are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.concepts.estimate import Estimate
from silicus.reporting import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.037, "0.037"),
        (-0.0251, "−0.025"),
        (54_428.57, "54,428.57"),
        (521.53, "521.53"),
        (-1153.061, "−1,153.06"),
        (0.00019079, "0.00019"),
        (0.408163, "0.41"),
        (0, "0.00"),
        (-0.0, "0.00"),
        (12_345_678.9, "12,345,679"),
        (5.4e13, "5.40 × 10¹³"),
        (-2.5e-11, "−2.50 × 10⁻¹¹"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_a_number_has_the_digits_that_suit_its_size(value: float | None, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(6, "6"), (2.5, "2.5"), (1200, "1,200"), (-3, "−3"), (0.1 + 0.2, "0.3"), (None, "–")]
)
def test_a_value_as_set_has_no_decimals_that_it_does_not_need(value: float | None, text: str) -> None:
    assert formats.plain(value) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "< .001"),
        (0.00099, "< .001"),
        (0.001, ".001"),
        (0.0124, ".012"),
        (0.5, ".500"),
        (1.0, "> .999"),
        (None, "–"),
    ],
)
def test_a_p_value_has_no_leading_zero_and_never_claims_to_be_zero(p: float | None, text: str) -> None:
    assert formats.p_value(p) == text


def test_a_p_value_in_a_sentence() -> None:
    assert formats.p_phrase(0.0) == "p < .001"
    assert formats.p_phrase(0.0124) == "p = .012"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.5, "50%"), (0.4951, "49.5%"), (0.0, "0%"), (1.0, "100%"), (0.0001, "< 0.1%"), (0.9999, "> 99.9%"), (None, "–")],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float | None, text: str) -> None:
    assert formats.percent(share) == text


def test_counts_agree_with_their_noun() -> None:
    assert formats.counted(1, "session") == "1 session"
    assert formats.counted(13_232, "session") == "13,232 sessions"
    assert formats.counted(2, "analysis", "analyses") == "2 analyses"


def test_the_ticks_of_an_axis_are_short() -> None:
    assert [formats.axis_number(v) for v in (20.0, 0.25, 54_000, 1_500_000, 3e9)] == [
        "20",
        "0.25",
        "54,000",
        "1.5 M",
        "3 bn",
    ]


def estimate(value: float, error: float | None, **more: object) -> Estimate:
    interval = None if error is None else (value - 1.96 * error, value + 1.96 * error)
    return Estimate.model_validate(
        {"outcome": "y", "treatment": "x", "quantity": "path", "value": value, "std_error": error, "interval": interval,
         "n_units": 405, "method": "least squares", **more}
    )  # fmt: skip


def test_the_cells_of_an_estimate_share_the_decimals_that_its_precision_supports() -> None:
    cells = formats.cells(estimate(0.0369, 0.00254, p_value=1e-9, standardized=0.507))
    assert (cells.estimate, cells.std_error, cells.interval) == ("0.0369", "0.0025", "0.0319 to 0.0419")
    assert (cells.p_value, cells.standardized, cells.n) == ("< .001", "0.51", "405")


def test_percentage_points_have_the_digits_of_the_table() -> None:
    cells = formats.cells(estimate(0.0369, 0.00254), factor=100)
    assert (cells.estimate, cells.interval) == ("3.69", "3.19 to 4.19")


def test_a_fall_told_as_a_size_turns_its_interval_round() -> None:
    cells = formats.cells(estimate(-0.035, 0.0025), factor=-100)
    assert (cells.estimate, cells.interval) == ("3.50", "3.01 to 3.99")


def test_an_imprecise_zero_is_not_written_in_powers_of_ten() -> None:
    assert formats.cells(estimate(1e-12, 0.5)).estimate == "0.00"


def test_an_error_of_zero_up_to_rounding_does_not_ask_for_endless_digits() -> None:
    cells = formats.cells(estimate(0.408163, 1e-17))
    assert cells.estimate == "0.40816"
    assert cells.std_error == "< 0.00001"


def test_what_is_missing_is_a_dash() -> None:
    cells = formats.cells(estimate(2.0, None))
    assert (cells.estimate, cells.std_error, cells.interval, cells.p_value) == ("2.00", "–", "–", "–")


@given(st.floats(min_value=-1e11, max_value=1e11, allow_nan=False))
def test_a_number_reads_back_as_what_it_was(value: float) -> None:
    text = formats.number(value)
    if "×" in text:
        return
    read = float(text.replace(",", "").replace("−", "-"))
    assert math.isclose(read, value, rel_tol=0.06, abs_tol=0.0051)  # two decimals, or two significant digits


@given(st.floats(min_value=0, max_value=1))
def test_every_p_value_is_short(p: float) -> None:
    assert len(formats.p_value(p)) <= 6
