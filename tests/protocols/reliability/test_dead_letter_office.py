"""The dead-letter office keeps what it may, and says what it drops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter, Letter
from harmonium.protocols.reliability.dead_letter_office import (
    DeadLetterOffice,
    OfficeState,
    Replay,
)

STEPS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 50), st.floats(0, 5), st.booleans()), max_size=40
)


def letter(number, at=0.0, size=0):
    return Letter(f"e-{number}", "crash", "/shop/pay", "pay.Charge", at, size=size)


@given(STEPS, st.integers(1, 5), st.none() | st.integers(1, 120), st.none() | st.floats(1, 10))
def test_nothing_vanishes_without_a_word(steps, letters, size, keep_for):
    """What came is here, was announced as dropped, or was taken out by hand; limits hold."""
    office = DeadLetterOffice(letters=letters, size=size, keep_for=keep_for)
    state, here, now = OfficeState(), {}, 0.0
    for number, length, wait, remove in steps:
        now += wait
        if remove:
            state = office.forget(state, f"e-{number}")
            here.pop(f"e-{number}", None)
            continue
        new = letter(number, now, length)
        here.pop(new.id, None)
        here[new.id] = new
        state, dropped = office.add(state, new, now)
        for each in [each for drop in dropped for each in drop.letters]:
            assert here.pop(each.id) == each
        assert tuple(here.values()) == state.oldest_first()
        assert len(here) <= letters
        assert size is None or state.size == sum(each.size for each in here.values()) <= size
        assert keep_for is None or all(now - each.at < keep_for for each in here.values())


def test_the_oldest_go_first_and_each_drop_has_its_reason():
    """Age is named before number, number before size."""
    office = DeadLetterOffice(letters=2, size=100, keep_for=10.0)
    state, _ = office.add(OfficeState(), letter(1, 0.0), 0.0)
    state, _ = office.add(state, letter(2, 5.0, 60), 5.0)
    state, dropped = office.add(state, letter(3, 10.0, 60), 10.0)
    assert [(each.reason, [one.id for one in each.letters]) for each in dropped] == [
        ("older than 10 s", ["e-1"]),
        ("more than 100 bytes", ["e-2"]),
    ]
    state, _ = office.add(state, letter(4, 10.0), 10.0)
    _, dropped = office.add(state, letter(5, 10.0), 10.0)
    assert dropped[0].reason == "more than 2 letters"
    assert office.trim(state, 20.0)[1][0].letters == state.oldest_first()


def test_a_letter_is_replayed_once():
    """Asking twice sends once; a letter that died again may be sent again."""
    office = DeadLetterOffice()
    state, _ = office.add(OfficeState(), letter(1), 0.0)
    state, first = office.replay(state, "e-1")
    state, second = office.replay(state, "e-1")
    assert (first, second) == (Replay.SEND, Replay.ALREADY)
    state, _ = office.add(state, letter(1), 1.0)
    assert office.replay(state, "e-1")[1] is Replay.SEND
    assert office.replay(office.forget(state, "e-1"), "e-1")[1] is Replay.UNKNOWN


def test_letters_are_found_oldest_first():
    """A filter lists what it means, in the order in which the letters came."""
    office, state = DeadLetterOffice(), OfficeState()
    for number in range(5):
        state, _ = office.add(state, letter(number, float(number)), float(number))
    found = office.find(state, DeadLetterFilter(older=2.0), now=4.0)
    assert [each.id for each in found] == ["e-0", "e-1", "e-2"]


@pytest.mark.parametrize("options", [{"letters": 0}, {"size": 0}, {"keep_for": 0.0}])
def test_bounds(options):
    """An office without room is refused."""
    with pytest.raises(SpecError, match="DeadLetterOffice"):
        DeadLetterOffice(**options)
