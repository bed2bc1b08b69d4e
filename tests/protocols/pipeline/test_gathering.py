"""Gathering from a topic: how many replies, from whom, until when."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.fallback import Retry, Use
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.spec import Step
from tests.protocols.pipeline.desk import TIMEOUT, Desk
from tests.protocols.pipeline.world import Done, Refused, Work


def _desk(gather: Gather | None = None, *fallback: Any, **options: Any) -> Desk:
    step = Step(
        "a", topic="offers", send=lambda c: Work("?"), timeout=2.0, expect=Done, refused=Refused,
        gather=gather or Gather(), fallback=fallback,
    )  # fmt: skip
    return Desk(step, **options)


def _say(desk: Desk, who: str, reply: Any = None, *, attempt: int = 1) -> Desk:
    return desk(ev.Replied("a", attempt, reply or Done(who), who))


def test_a_topic_is_published_to_with_a_timer() -> None:
    """The machine itself ends the gathering at the step's timeout."""
    assert _desk().just() == [
        ef.Publish("a", 1, "offers", Work("?"), 2.0, "r1:a"),
        ef.SetTimer("a#1:close", 2.0),
    ]


def test_one_of_each_subscriber_is_enough() -> None:
    """Without a number it is done when all that were reached have replied."""
    desk = _say(_desk(), "p")(ev.Reached("a", 1, 2))
    assert desk.sent(ef.Finish) == []
    assert _say(desk, "q").result == {"a": (Done("p"), Done("q"))}
    assert desk.just(ef.CancelTimer) == [ef.CancelTimer("a#1:close")]


def test_it_is_done_with_as_many_as_it_wants() -> None:
    """The replies that come later are refused."""
    desk = _say(_say(_desk(Gather(1)), "p"), "q")
    assert desk.result == {"a": (Done("p"),)}
    assert [entry.who for entry in desk.said(Kind.REFUSED)] == ["q"]


@pytest.mark.parametrize(("least", "ends"), [(1, "Finish"), (2, "FailRequest")])
def test_at_the_timeout_it_makes_do_with_the_least(least: int, ends: str) -> None:
    """With fewer than the least the step fails, with `TooFewReplies`."""
    desk = _say(_desk(Gather(3, least=least)), "p").fire("close")
    assert type(desk.just(ef.Finish, ef.FailRequest)[0]).__name__ == ends
    if ends == "FailRequest":
        assert desk.failure.failure.error == "TooFewReplies"


def test_nobody_reached_ends_at_once() -> None:
    """A topic without subscribers is not waited for."""
    assert _desk()(ev.Reached("a", 1, 0)).failure.failure.text == "0 of the 1 needed"
    assert _desk(Gather(least=0))(ev.Reached("a", 1, 0)).result == {"a": ()}


def test_a_second_reply_and_a_wrong_one_do_not_count() -> None:
    """Who has replied is heard once; refusals and wrong types are heard and do not count."""
    desk = _desk()(ev.Reached("a", 1, 3))
    _say(_say(desk, "p"), "p", Done("again"))
    _say(desk, "q", Refused("no"))
    assert desk.sent(ef.Finish) == []
    assert _say(desk, "r", Work("?")).result == {"a": (Done("p"),)}
    assert [entry.who for entry in desk.said(Kind.REFUSED)] == ["p", "q", "r"]


def test_a_retry_publishes_again_and_begins_to_count_anew() -> None:
    """The second round has a new attempt number, so that old replies are late."""
    desk = _desk(Gather(2, least=2), Retry(1), Use(()))
    _say(desk, "p").fire("close")
    assert [publish.attempt for publish in desk.just(ef.Publish)] == [2]
    _say(_say(_say(desk, "p"), "p", attempt=2), "q", attempt=2)
    assert desk.result == {"a": (Done("p"), Done("q"))}


def test_a_publish_that_fails_goes_to_the_rules() -> None:
    """When the topic is not there the step's rules decide."""
    assert _desk(None, Use("none")).fail("a", TIMEOUT).result == {"a": "none"}


def test_at_the_requests_deadline_it_makes_do() -> None:
    """The request's deadline ends a gathering like its own timeout."""
    desk = _say(_desk(deadline=1.0), "p")
    assert desk.fire("deadline").result == {"a": (Done("p"),)}


def test_a_restored_gathering_keeps_what_it_heard() -> None:
    """It is published again with the same key, and who replied is not heard twice."""
    desk = _say(_desk(), "p")
    assert desk(ev.RestoredFromLog(), at=1.0).just() == [
        ef.SetTimer("a#1:close", 2.0),
        ef.Publish("a", 1, "offers", Work("?"), 2.0, "r1:a"),
    ]
    _say(desk, "p")(ev.Reached("a", 1, 1))
    assert desk.result == {"a": (Done("p"),)}


def test_nobody_waits_for_a_subscriber_that_is_gone() -> None:
    """A subscriber that failed counts as heard, with no reply; it is on record."""
    desk = _say(_desk()(ev.Reached("a", 1, 2)), "p")
    desk = desk(ev.VoterGone("a", 1, "q", Failure("AgentDead", "q is dead")))
    assert desk.result == {"a": (Done("p"),)}
    assert [one.who for one in desk.said(Kind.FAILED)] == ["q"]


def test_all_subscribers_gone_are_too_few() -> None:
    """The step fails at once, and its rules decide."""
    desk = _desk(Gather(), Use(Done("none")))(ev.Reached("a", 1, 1))
    desk = desk(ev.VoterGone("a", 1, "p", Failure("AskTimeout", "late")))
    assert desk.result == {"a": Done("none")}
