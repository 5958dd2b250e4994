"""Reading answers: what a language model wrote becomes a typed value, or a missing code with a reason.

Nothing here guesses. A reply with two different amounts in it, one that breaks off inside its answer, or one that can
be understood in two ways has no value; it has a code, a reason, and its raw text is kept by whoever asked.

===================  ========================================================================================
``answers``          the one door, ``read_answer``: a bare answer, or the ``answer`` of a JSON object
``yes_no``           yes and no
``numbers``          a number, an amount of money
``choices``          one of several options
``json_text``        JSON objects in any disguise
``quantities``       every number in a text, with its sign, unit and what is doubtful about it
``doubts``           what the words around a number make of it: a bound, a denial, a question
``tokens``           a text cut up, with what only looks like a number ("round 2") taken out
``digits``           1,500, 1.500,00, 3.5e4
``number_words``     twelve hundred and fifty
``phrases``          refusals, "I don't know", "no deal"
``reply``            which part of a reply is its answer
``spelling``         characters and contractions brought to one spelling
``result``           ``Reading``
===================  ========================================================================================

Number words, yes and no, and the set phrases are read in English only. Digits are read in any script.
"""

from silicus.llm.reading.answers import AnswerKind, read_answer, read_text
from silicus.llm.reading.choices import read_choice
from silicus.llm.reading.json_text import read_object
from silicus.llm.reading.number_words import number_from_words
from silicus.llm.reading.numbers import read_finite, read_money, read_number
from silicus.llm.reading.result import MissingCode, Reading
from silicus.llm.reading.yes_no import read_yes_no

__all__ = [
    "AnswerKind",
    "MissingCode",
    "Reading",
    "number_from_words",
    "read_answer",
    "read_choice",
    "read_finite",
    "read_money",
    "read_number",
    "read_object",
    "read_text",
    "read_yes_no",
]
