"""Questions to people: how answers are read, and how a question stands."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.codec import Codec
from harmonium.protocols.message import message
from harmonium.protocols.question import (
    Question,
    Questions,
    Standing,
    about_text,
    answer_text,
    expected,
    read_answer,
)


@message
class Ruling:
    pay: bool
    most: Decimal


@message
class Other:
    n: int


def question(**changes):
    plain = {"correlation_id": "c", "step": "s", "asker": "/t/c", "deadline": 10.0}
    return Question(**{"key": "k", "person": "ann", "text": "pay?", **plain, **changes})


@pytest.mark.parametrize(
    ("said", "options", "expect", "value"),
    [
        ("anything at all", (), (), "anything at all"),
        ("yes", ("yes", "no"), (), "yes"),
        ("plain", (), (str,), "plain"),
        ("true", (), (bool,), True),
        ('"3.50"', (), (Decimal,), Decimal("3.50")),
        ('{"pay": true, "most": "9"}', (), (Ruling,), Ruling(pay=True, most=Decimal(9))),
        ('{"n": 3}', (), (int, Other), None),
    ],
)
def test_an_answer_is_read_as_what_is_expected(said, options, expect, value):
    """A text, one of the options, or JSON of the type."""
    if value is None:
        with pytest.raises(ValueError, match=r"\$"):
            read_answer(said, options, expect)
    else:
        assert read_answer(said, options, expect) == value


@pytest.mark.parametrize(
    ("said", "options", "expect", "why"),
    [
        ("maybe", ("yes", "no"), (), "'maybe' is none of yes, no"),
        ("yes", (), (bool,), "it is no JSON"),
        ("1", (), (bool,), "$: bool expected, not int"),
        ('{"pay": 1, "most": "9"}', (), (Ruling,), "$.pay: bool expected, not int"),
        ('{"pay": true}', (), (Ruling,), "$.most: the field is missing"),
        ("[]", (), (Ruling,), "$"),
        ("[" * 100_000, (), (int,), "it is no JSON"),
    ],
)
def test_what_is_not_valid_says_where(said, options, expect, why):
    """The place inside the answer, as the codec names it."""
    with pytest.raises(ValueError, match=f"^{re.escape(why)}"):
        read_answer(said, options, expect)


@given(st.booleans(), st.decimals(allow_nan=False, allow_infinity=False))
def test_an_answer_given_as_a_message_is_read_again(pay, most):
    """`answer_text` and `read_answer` are each other's inverse."""
    ruling = Ruling(pay=pay, most=most)
    assert read_answer(answer_text(ruling), (), (Ruling,)) == ruling
    assert read_answer(answer_text(ruling), (), (Ruling, Other)) == ruling


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(said):
    """Whatever a person types, it is read or refused."""
    for expect in ((), (int,), (Ruling,), (Ruling, Other), (Decimal, bool)):
        try:
            read_answer(said, (), expect)
        except ValueError:
            continue


def test_the_schema_of_an_answer_is_that_of_its_fields():
    """What a person writes is the message's data, without its frame."""
    assert set(json.loads(expected((Ruling,)))["properties"]) == {"pay", "most"}
    assert len(json.loads(expected((Ruling, Other)))["anyOf"]) == 2
    assert expected(()) == expected((str,)) == ""


def test_a_question_is_open_until_it_is_answered_closed_or_past_its_deadline():
    """Each has its own reason for being late."""
    asked = question()
    assert asked.is_open(9.9)
    assert asked.late(9.9) == ""
    assert asked.late(10.0) == "late: its deadline has passed"
    assert asked.given("yes", "ben").late(1.0) == "late: ben has answered"
    assert asked.closed("the request is over").late(1.0) == "late: the request is over"
    again = asked.given("yes", "ben").reopened("not so")
    assert (again.standing, again.answer, again.by, again.why) == (Standing.OPEN, "", "", "not so")


def test_an_id_is_short_and_the_same_in_every_run():
    """It is made of the key alone."""
    assert question().id == question(text="other", asked_at=3.0).id
    assert question(key="other").id != question().id
    assert len(question().id) == 8


def test_questions_travel_and_are_a_list():
    """They are messages; a list of them can be counted, indexed and iterated."""
    several = Questions((question(), question(key="b")))
    codec = Codec([Questions])
    assert codec.from_json(codec.to_json(several)) == several
    assert (len(several), several[1].key, [one.key for one in several]) == (2, "b", ["k", "b"])


def test_what_a_question_is_about_is_json_where_that_is_possible():
    """A message by its codec, anything else as text."""
    assert json.loads(about_text(Other(1)))["data"] == {"n": 1}
    assert about_text(("a", 1)) == "('a', 1)"
