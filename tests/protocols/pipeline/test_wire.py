"""Events as plain data: the whole way to JSON and back, and nothing but CodecError."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium.protocols.errors import CodecError, MalformedMessage
from harmonium.protocols.failure import Failure
from harmonium.protocols.fallback import Retry
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.pipeline.wire import decode, encode, fingerprint
from tests.protocols.pipeline.world import Done, Order, Refused, Work, World


class PlainCodec:
    """Stands for the real codec: the classes of the tests, by name."""

    classes = {cls.__name__: cls for cls in (Order, Work, Done, Refused)}

    def to_primitive(self, message: Any, /) -> dict[str, Any]:
        if type(message).__name__ not in self.classes:
            raise MalformedMessage("$", "unknown")
        return {"type": type(message).__name__, "data": attrs.asdict(message)}

    def from_primitive(self, value: Any, /) -> Any:
        try:
            cls = self.classes[value["type"]]
            fields = {k: tuple(v) if isinstance(v, list) else v for k, v in value["data"].items()}
            return cls(**fields)
        except (AttributeError, KeyError, TypeError) as error:
            raise MalformedMessage("$.type", "no message") from error


CODEC = PlainCodec()
NAMES = st.text(max_size=8)
NUMBERS = st.integers(0, 2**40)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), NAMES, st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.one_of(
    SCALARS,
    st.builds(Done, NAMES),
    st.builds(Order, NAMES, st.lists(NAMES, max_size=3).map(tuple)),
    st.lists(st.one_of(SCALARS, st.builds(Work, NAMES)), max_size=3).map(tuple),
)
FAILURES = st.builds(
    Failure, NAMES, NAMES, st.lists(NAMES, max_size=2).map(tuple), in_doubt=st.booleans()
)
TIMES = st.floats(-1e9, 1e12)
EVENTS = st.one_of(
    st.builds(ev.Begun, VALUES, st.none() | TIMES, st.booleans()),
    st.builds(ev.Replied, NAMES, NUMBERS, VALUES, NAMES),
    st.builds(ev.Failed, NAMES, NUMBERS, FAILURES),
    st.builds(ev.Reached, NAMES, NUMBERS, NUMBERS),
    st.builds(ev.Polled, NAMES, NUMBERS, st.lists(NAMES, max_size=3).map(tuple)),
    st.builds(ev.BallotCast, NAMES, NUMBERS, NAMES, VALUES),
    st.builds(ev.VoterGone, NAMES, NUMBERS, NAMES, FAILURES),
    st.builds(ev.Answered, NAMES, NUMBERS, VALUES, NAMES),
    st.builds(ev.TimerFired, NAMES),
    st.builds(ev.Cancelled, NAMES),
    st.builds(ev.UndoReplied, NAMES, NUMBERS, VALUES, NAMES),
    st.builds(ev.UndoFailed, NAMES, NUMBERS, FAILURES),
    st.just(ev.RestoredFromLog()),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)


def _through_json(event: ev.Event, at: float) -> tuple[ev.Event, float]:
    return decode(json.loads(json.dumps(encode(event, at, CODEC))), CODEC)


@given(EVENTS, TIMES)
def test_every_event_survives_the_log(event: ev.Event, at: float) -> None:
    """An event comes back from JSON as it was, with its time."""
    assert _through_json(event, at) == (event, at)


@given(EVENTS, TIMES, st.data())
def test_a_damaged_event_is_refused_by_its_place(event: Any, at: float, data: Any) -> None:
    """Data with any field replaced, removed or added reads as an event or as CodecError."""
    plain = json.loads(json.dumps(encode(event, at, CODEC)))
    name = data.draw(st.sampled_from([*plain, "more"]))
    if data.draw(st.booleans()):
        plain[name] = data.draw(JSON)
    else:
        plain.pop(name, None)
    try:
        decode(plain, CODEC)
    except CodecError as error:
        assert error.path.startswith("$")


@given(JSON)
def test_whatever_is_no_event_is_refused(data: Any) -> None:
    """Any JSON that was not written by `encode` gives CodecError, never another error."""
    with pytest.raises(CodecError):
        decode(data, CODEC)


def test_depth_is_no_way_around_the_codec() -> None:
    """A value nested deeper than the stack is refused like any other."""
    deep: Any = {"plain": 1}
    for _ in range(100_000):
        deep = {"tuple": [deep]}
    data = {"event": "Answered", "at": 0.0, "step": "a", "attempt": 1, "answer": deep, "who": ""}
    with pytest.raises(CodecError, match="deep"):
        decode(data, CODEC)


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_a_log_in_json_replays_to_the_same_state(seed: int) -> None:
    """The state made of a log that went through JSON is the state that wrote it."""
    steps = [
        Step("a", to="x", undo=Work, fallback=[Retry(2, 0.2)]),
        Step("b", to="y", each=lambda c: c.request.lines, expect=Done, undo=Work),
        Step("c", to="z", after=["a", "b"], expect=Done, refused=Refused),
    ]
    world = World(Pipeline(Order, steps, timeout=2.0), Random(seed)).begin(deadline=9.0)
    world.run()
    state = world.start
    for event, at in world.history:
        state, _ = advance(state, *_through_json(event, at))
    assert state == world.state


def test_the_fingerprint_follows_the_shape() -> None:
    """It is the same for the same definition, and another one for another shape."""

    def pipeline(**options: Any) -> Pipeline[Any, Any]:
        return Pipeline(Order, [Step("a", to="x"), Step("b", to="y", **options)])

    alike = {fingerprint(pipeline(send=lambda c: Work())), fingerprint(pipeline())}
    others = [
        fingerprint(pipeline(after=["a"])),
        fingerprint(pipeline(fallback=[Retry()])),
        fingerprint(pipeline(each=lambda c: ())),
        fingerprint(pipeline(undo=Work)),
    ]
    assert len(alike) == 1
    assert len({*alike, *others}) == len(others) + 1
