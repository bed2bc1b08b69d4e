"""The office at work decides as the pure office does, whatever comes and goes."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from harmonium.actors.dead_letters import DeadLetter, LettersDropped, Replayed
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.envelope import Envelope
from harmonium.protocols.message import message
from harmonium.protocols.reliability.dead_letter_filter import Letter
from harmonium.protocols.reliability.dead_letter_office import (
    DeadLetterOffice,
    OfficeState,
    Replay,
)


@message
class Note:
    """What died."""

    text: str = ""


IDS = st.integers(0, 9).map(str)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), IDS, st.integers(0, 40)),
        st.tuples(st.sampled_from(["drop", "replay"]), IDS, st.just(0)),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 20)),
    ),
    max_size=40,
)
LIMITS = st.one_of(
    st.integers(1, 5).map(lambda n: DeadLetterOffice(letters=n)),
    st.integers(100, 400).map(lambda n: DeadLetterOffice(size=n)),
    st.floats(5.0, 50.0).map(lambda s: DeadLetterOffice(letters=5, keep_for=s)),
)


@settings(max_examples=150)
@given(steps=STEPS, limits=LIMITS)
def test_the_office_at_work_agrees_with_the_pure_one(steps, limits):
    """The same letters are kept, the same are announced, and a replay gets the same answer."""
    ground = SimulatedGround()
    office, state, gone, expected = ground.dead_letters, OfficeState(), [], []
    office.limits = limits
    ground.observers.add(lambda e: gone.extend(e.ids) if isinstance(e, LettersDropped) else None)

    def take(outcome: Any) -> OfficeState:
        for each in outcome[1]:
            expected.extend(letter.id for letter in each.letters)
        changed: OfficeState = outcome[0]
        return changed

    for what, id, n in steps:
        if what == "wait":
            ground.time += n
        elif what == "add":
            note = Note("x" * n)
            envelope = Envelope(
                message=note, sender=None, recipient="/nobody", id=id, correlation_id="c"
            )
            office.add(DeadLetter(envelope, "test", ground.time))
            size = office._forms.size(note) if limits.size else 0
            letter = Letter(id, "test", "/nobody", "Note", ground.time, "c", 1, size)
            state = take(limits.add(state, letter, ground.time))
        elif what == "drop":
            assert office.drop(id).result() == (id in state.numbers)
            state = limits.forget(state, id)
        else:
            answer = limits.replay(state, id)[1]
            told = office.replay(id).result()
            # Nobody stands at the path, so what may be sent waits for its agent.
            assert told is (Replayed.NO_AGENT if answer is Replay.SEND else Replayed.UNKNOWN)
        assert [letter.id for letter in office] == [one.id for one in state.oldest_first()]
    office.trim()
    state = take(limits.trim(state, ground.time))
    assert [letter.id for letter in office] == [one.id for one in state.oldest_first()]
    assert sorted(gone) == sorted(expected)
