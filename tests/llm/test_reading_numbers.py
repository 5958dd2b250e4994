"""Numbers and amounts of money, as language models write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.llm.reading import number_from_words, read_money, read_number

BOTH = [
    ("$1,500", 1500),
    ("1.5k", 1500),
    ("50K", 50_000),
    ("50 K", 50_000),
    ("2 million", 2_000_000),
    ("$2 million", 2_000_000),
    ("$1.1 million", 1_100_000),
    ("$1.2bn", 1.2e9),
    ("$5m", 5_000_000),
    ("5 grand", 5000),
    ("12 hundred", 1200),
    ("₹1,00,000", 100_000),
    ("12,34,567", 1_234_567),
    ("twelve dollars", 12),
    ("Twelve dollars.", 12),
    ("one thousand two hundred", 1200),
    ("twenty-five bucks", 25),
    ("a hundred and two dollars", 102),
    ("half a million", 500_000),
    ("two and a half million dollars", 2_500_000),
    ("fifty-four thousand four hundred and twenty-eight dollars", 54_428),
    ("minus five dollars", -5),
    ("one dollar", 1),
    ("€12.50", 12.5),
    ("12.50€", 12.5),
    ("1.500,00 €", 1500),
    ("1.234.567", 1_234_567),
    ("1,234.56", 1234.56),
    ("CHF 1'500", 1500),
    ("12 dollars and 50 cents", 12.5),
    ("$12 and 50 cents", 12.5),
    ("twelve dollars and fifty cents", 12.5),
    ("minus 12 dollars and 50 cents", -12.5),
    ("-$12 and 50 cents", -12.5),
    ("50 cents", 0.5),
    ("¢50", 0.5),
    ("50¢", 0.5),
    ("50p", 0.5),
    ("USD 30", 30),
    ("US$30", 30),
    ("30 US dollars", 30),
    ("30 U.S. dollars", 30),
    ("Rs. 500", 500),
    ("$50,000.00 USD", 50_000),
    ("a $12-dollar mug", 12),
    ("-5", -5),
    ("−5", -5),
    ("–5", -5),
    ("-$5", -5),
    ("$-5", -5),
    ("Price: -5", -5),
    ("- 12", 12),
    ("• 12", 12),
    ("price — 12", 12),
    ("(5)", 5),
    ("about $12", 12),
    ("~12", 12),
    ("approximately 12 or so", 12),
    ("The final price was $12.", 12),
    ("$12.00.", 12),
    ("well...12", 12),
    ("50,000", 50_000),
    ("3.5e4", 35_000),
    ("0", 0),
    ("-0", 0),
    ("zero", 0),
    (".5", 0.5),
    ("½", 0.5),
    ("2½", 2.5),
    ("three quarters", 0.75),
    ("two dozen", 24),
    ("１２", 12),
    ("٣٥", 35),
    ("＄１２", 12),
    ("1\u00a0500 €", 1500),
    ("1\u2009500", 1500),
    ("1\u202f234\u202f567,50 €", 1_234_567.5),
    ("\u200b12\u200b", 12),
    ("$10 000", 10_000),
    ("The bail was set at 10 000 dollars.", 10_000),
    ("1 500", 1500),
    ("12 dollars (twelve)", 12),
    ("twelve (12) dollars", 12),
    ("$50,000 (fifty thousand dollars)", 50_000),
    ("**$12**", 12),
    ("`12`", 12),
    ("\\$12", 12),
    ("“12”", 12),
    ("Answer: 12", 12),
    ("**Final answer:** $12\nReason: the seller wanted 15", 12),
    ("They haggled from 20 to 15.\nThe answer is 12.", 12),
    ("Answer:\n12", 12),
    ("<think>10 or maybe 12</think>\n$12", 12),
    ("10 or maybe 12</think> 12", 12),
    ("Bidder 3 won at 120", 120),
    ("In the 3rd round: 12", 12),
    ("Price -> 12", 12),
    ("price=12", 12),
    ("12 and a half", 12.5),
    ("The bid of $150 by Bidder 2 won in 2024.", 150),
    ("I'd pay $12–no more", 12),
    ("They settled on 12 on March 3, 2024", 12),
    ("On 2024-03-01 at 12:30 they settled on 12", 12),
    ("One of them paid 12", 12),
    ("He paid the seller 12", 12),
    ("bail of $54,428.57", 54_428.57),
]


@pytest.mark.parametrize(("text", "value"), BOTH)
def test_a_number_and_an_amount_are_read(text: str, value: float) -> None:
    assert read_money(text).value == value
    assert read_number(text).value == value


AMBIGUOUS = [
    "between $10 and $12",
    "between ten and twelve",
    "between one hundred and two hundred",
    "10 or 12",
    "10 or 12 dollars",
    "10, 12 dollars",
    "10, 12 or 15 dollars",
    "$10-12",
    "$10–$12",
    "10-12 dollars",
    "10k-12k",
    "ten to twelve dollars",
    "twelve fifty",
    "12 dollars 50",
    "12 dollars 50 cents 25 cents",
    "12 dollars and 500 cents",
    "1 million 500 thousand",
    "The buyer offered 10 and the seller 12",
    "$12, not $15",
    "not $15 but $12",
    "The seller did not want $10",
    "The seller refused $10",
    "They did not agree on $12",
    "There was no deal until they agreed on $12",
    "I don't know, maybe $12",
    "As an AI I have no money, but $12",
    "no more than $12",
    "at least 12",
    "up to $25",
    "12 or more",
    "12+",
    ">$12",
    "≤ 12",
    "$5 less than they asked",
    "lowered by $5",
    "half of $12",
    "10% of $100",
    "twice 12",
    "$12 x 3",
    "one fifty",
    "one-fifty",
    "a buck fifty",
    "three and a quarter",
    "12-and-a-half",
    "12 1/2",
    "$12?",
    "How about 12?",
    "1/2",
    "4/5",
    "5/5",
    "7 out of 10",
    "two thirds",
    "twenty-first",
    "5 million and a half",
    "5m",
    "GPT-4",
    "12ab",
    "1,50,0",
    "0,500",
    "1.2.3",
    "He bought 3 500 dollar tickets",
    "Answer: 12\nAnswer: 15",
]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_what_can_mean_two_numbers_is_ambiguous(text: str) -> None:
    for reading in (read_money(text), read_number(text)):
        assert (reading.value, reading.missing) == (None, "ambiguous")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\u200b\ufeff", "empty"),
        ("<think>let me see, 10 or 12", "empty"),
        ("no deal", "not_applicable"),
        ("No deal.", "not_applicable"),
        ("No deal. The last offer was $10", "not_applicable"),
        ("There was no agreement", "not_applicable"),
        ("they did not agree on a price", "not_applicable"),
        ("They couldn’t reach an agreement.", "not_applicable"),
        ("They failed to agree", "not_applicable"),
        ("The mug went unsold", "not_applicable"),
        ("N/A", "not_applicable"),
        ("n/a (no price)", "not_applicable"),
        ("not applicable", "not_applicable"),
        ("null", "not_applicable"),
        ("I don't know", "unknown"),
        ("I’m not sure.", "unknown"),
        ("unclear", "unknown"),
        ("The price was not stated.", "unknown"),
        ("It cannot be determined from the transcript", "unknown"),
        ("I can't help with that", "refused"),
        ("I’m sorry, but I can’t assist with that request.", "refused"),
        ("As an AI language model I cannot have a price", "refused"),
        ("I'd rather not say", "refused"),
        ("nan", "unparseable"),
        ("hello", "unparseable"),
        ("...", "unparseable"),
        ("a few hundred", "unparseable"),
        ("hundreds of dollars", "unparseable"),
        ("several thousand dollars", "unparseable"),
        ("No one agreed", "unparseable"),
        ("The two sides agreed in round 3", "unparseable"),
        ("inf", "out_of_range"),
        ("-Infinity", "out_of_range"),
        ("1e999", "out_of_range"),
        ("9" * 400, "out_of_range"),
    ],
)
def test_what_has_no_number_is_missing_with_its_code(text: str, code: str) -> None:
    for reading in (read_money(text), read_number(text)):
        assert (reading.value, reading.missing) == (None, code)
        assert reading.reason


@pytest.mark.parametrize(
    ("text", "money", "number"),
    [
        ("In round 2 they agreed on $12", 12, 12),
        ("After 3 rounds they agreed on $12", 12, "ambiguous"),
        ("They took 10% off and agreed on $90", 90, "ambiguous"),
        ("The 2 of them shook hands at 12 dollars", 12, "ambiguous"),
        ("none", "not_applicable", 0),
        ("None.", "not_applicable", 0),
        ("nothing", "ambiguous", 0),
        ("nil", "ambiguous", 0),
        ("0 convictions", "ambiguous", 0),
        ("The defendant has one prior conviction.", "ambiguous", 1),
        ("45%", "unparseable", 45),
        ("45 percent", "unparseable", 45),
        ("12,50", 12.5, "ambiguous"),
        ("12,5", "ambiguous", "ambiguous"),
        ("They agreed after 5 rounds of talk.", "ambiguous", 5),
        ("The price of 12 sounds fair to me", 12, 12),
        ("$12 a day for 3 days", 12, "ambiguous"),
        ("no prior convictions", "unparseable", "unparseable"),
        ("1.500", "ambiguous", 1.5),
        ("$1.500", "ambiguous", "ambiguous"),
        ("0.125", 0.125, 0.125),
        ("170 cm", "ambiguous", 170),
        ("170cm", "ambiguous", 170),
        ("Round 2", 2, 2),
        ("On a scale of 1 to 5, I say 4", 4, 4),
    ],
)
def test_money_and_numbers_differ_where_the_question_differs(
    text: str, money: float | str, number: float | str
) -> None:
    for reading, expected in ((read_money(text), money), (read_number(text), number)):
        assert (reading.missing if reading.value is None else reading.value) == expected


def test_the_reason_quotes_the_text_on_one_short_line() -> None:
    reason = read_money("between $10\nand $12 " + "or so " * 100).reason
    assert reason.startswith("it names several different amounts: 'between $10 and $12 or so")
    assert "\n" not in reason
    assert len(reason) < 150


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("zero", 0),
        ("one", 1),
        ("Twenty-Five", 25),
        ("twenty five", 25),
        ("a hundred", 100),
        ("one hundred and two", 102),
        ("twelve hundred", 1200),
        ("twenty-one hundred and fifty", 2150),
        ("one thousand and one", 1001),
        ("one hundred and two thousand", 102_000),
        ("two million three hundred thousand and five", 2_300_005),
        ("three point one four", 3.14),
        ("one point five million", 1_500_000),
        ("one and a half", 1.5),
        ("half", 0.5),
        ("half a dozen", 6),
        ("minus two", -2),
        ("twelve.", 12),
    ],
)
def test_number_words(words: str, number: float) -> None:
    assert number_from_words(words) == number


@pytest.mark.parametrize(
    "text",
    ["", "12", "hundred", "a", "and", "one two", "twenty eleven", "twenty-first", "two thirds", "ten and twelve",
     "one hundred and two hundred", "one thousand two thousand", "several thousand", "zwölf",
     "twelve dollars", "minus"],
)  # fmt: skip
def test_what_is_not_one_number_in_words(text: str) -> None:
    assert number_from_words(text) is None


UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]  # fmt: skip
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int, joint: str = " and ", hyphen: str = "-") -> str:
    """A whole number below a trillion in English words, written without the code under test."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        rest = f"{hyphen}{UNITS[number % 10]}" if number % 10 else ""
        return f"{TENS[number // 10]}{rest}"
    if number < 1000:
        rest = f"{joint}{in_words(number % 100, joint, hyphen)}" if number % 100 else ""
        return f"{UNITS[number // 100]} hundred{rest}"
    for scale, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if number >= scale:
            rest = f" {in_words(number % scale, joint, hyphen)}" if number % scale else ""
            return f"{in_words(number // scale, joint, hyphen)} {name}{rest}"
    raise AssertionError


WHOLE = st.integers(min_value=0, max_value=10**12 - 1)


@given(number=WHOLE, joint=st.sampled_from([" and ", " "]), hyphen=st.sampled_from(["-", " "]))
def test_any_whole_number_in_words_reads_back(number: int, joint: str, hyphen: str) -> None:
    words = in_words(number, joint, hyphen)
    assert number_from_words(words) == number
    assert read_number(f"The number is {words}.").value == number
    assert read_money(f"They settled on {words} dollars.").value == number


@given(cents=st.integers(min_value=0, max_value=10**14), negative=st.booleans())
def test_any_amount_reads_back_however_it_is_written(cents: int, negative: bool) -> None:
    whole, rest = divmod(cents, 100)
    value = cents / 100 * (-1 if negative else 1)
    sign = "-" if negative else ""
    european = f"{whole:,}".replace(",", ".")
    for text in (
        f"{sign}${whole:,}.{rest:02d}",
        f"{sign}{whole}.{rest:02d} dollars",
        f"USD {sign}{whole:,}.{rest:02d}",
        f"{sign}{european},{rest:02d} €",
        f"{sign}{f'{whole:,}'.replace(',', chr(0x202F))},{rest:02d} EUR",
        f"{sign}{f'{whole:,}'.replace(',', chr(39))}.{rest:02d} CHF",
        f"The final price was {sign}${whole:,}.{rest:02d}.",
        f"Answer: **{sign}${whole:,}.{rest:02d}**",
    ):
        assert read_money(text).value == value, text
    assert read_money(f"{whole} dollars and {rest} cents").value == cents / 100


@given(thousandths=st.integers(min_value=1, max_value=10**9))
def test_any_number_with_a_scale_reads_back(thousandths: int) -> None:
    number = f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")
    for suffix, scale in (("k", 10**3), (" thousand", 10**3), (" million", 10**6), ("bn", 10**9)):
        exact = thousandths * scale // 1000
        assert read_number(f"{number}{suffix}").value == exact
    if not (len(number.partition(".")[2]) == 3 and number[0] != "0"):
        assert read_money(f"${number}k").value == thousandths


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_any_finite_number_reads_back_as_python_writes_it(number: float) -> None:
    assert read_number(repr(number)).value == number


@given(
    pair=st.lists(st.integers(min_value=0, max_value=10**6), min_size=2, max_size=2, unique=True),
    form=st.sampled_from(
        ["between ${} and ${}", "{} or {}", "${}-{}", "${} to ${}", "{} to {} dollars", "from {} dollars to {} dollars",
         "either {} or {} dollars", "{}/{}", "{}, {}", "{} {}", "{} - {} USD", "{} dollars or {}"]
    ),
)  # fmt: skip
def test_two_different_amounts_never_become_one(pair: list[int], form: str) -> None:
    text = form.format(*pair)
    value = read_money(text).value
    grouped = form == "{} {}" and 100 <= pair[1] < 1000  # "1 500" alone is one number, as other countries write it
    assert value == (pair[0] * 1000 + pair[1] if grouped and 0 < pair[0] < 1000 else None)
