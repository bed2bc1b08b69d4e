"""A vote as a step: who is asked, how the round closes, what becomes of no decision."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.fallback import Retry, Use
from harmonium.protocols.ladder import AgentRung, Ladder
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Step
from harmonium.protocols.pipeline.vote import Vote, read_ballot
from harmonium.protocols.voting import Ballot, Escalate, Majority, Outcome, Plurality, Weighted
from tests.protocols.pipeline.desk import TIMEOUT, Desk
from tests.protocols.pipeline.world import Order, Work


@attrs.frozen
class Opinion:
    approve: bool


def _desk(*fallback: Any, among: Any = ("p", "q", "r"), desk: Any = None, **vote: Any) -> Desk:
    options: dict[str, Any] = {"rule": Majority(quorum=2), "deadline": 1.0} | vote
    step = Step("a", vote=Vote(among, **options), fallback=fallback)
    return Desk(step, **(desk or {}))


def _cast(desk: Desk, *ballots: Any, attempt: int = 1) -> Desk:
    for voter, ballot in zip("pqr", ballots, strict=False):
        if ballot is not None:
            desk(ev.BallotCast("a", attempt, voter, ballot))
    return desk


def test_the_voters_get_the_request_unless_told_otherwise() -> None:
    """The question is the request or what `send` makes; the round has a timer and a key."""
    assert _desk().just() == [
        ef.SetTimer("a#1:close", 1.0),
        ef.AskBallots("a", 1, ("p", "q", "r"), Order(), 1.0, "r1:a"),
    ]
    step = Step("a", vote=Vote("group", rule=Majority()), send=lambda c: Work("?"))
    assert Desk(step).just(ef.AskBallots)[0].message == Work("?")


def test_the_result_is_the_verdict() -> None:
    """A decided round closes early, and every ballot and the verdict are recorded."""
    desk = _cast(_desk(), True, True)
    verdict = desk.result["a"]
    assert (verdict.choice, verdict.early, len(verdict.ballots)) == ("approve", True, 2)
    assert [(e.who, e.what) for e in desk.said(Kind.VOTED)] == [("p", True), ("q", True)]
    assert desk.said(Kind.VERDICT)[0].rule == "majority"
    assert desk.just(ef.CancelTimer) == [ef.CancelTimer("a#1:close")]


def test_a_group_is_counted_by_its_configured_members() -> None:
    """A group that is named opens its round when the interpreter has told its members."""
    desk = _desk(among="reviewers")
    assert desk.just(ef.AskBallots)[0].among == "reviewers"
    _cast(desk, True)
    assert desk.said(Kind.REFUSED)[0].why == "it came before the voters were known"
    desk(ev.Polled("a", 1, ("p", "q", "r")))
    assert _cast(desk, True, False, True).result["a"].choice == "approve"


def test_a_group_without_members_fails() -> None:
    """A vote of nobody cannot be opened, and no rule hides that."""
    desk = _desk(among="reviewers")(ev.Polled("a", 1, ()))
    assert "nobody may vote" in desk.failure.failure.text


def test_voters_may_come_from_the_request() -> None:
    """A callable gives the voters; a rule may be made of what is known, too."""
    desk = _desk(
        among=lambda c: c.request.lines,
        rule=lambda c: Weighted({line: n + 1 for n, line in enumerate(c.request.lines)}),
        desk={"request": Order(lines=("p", "q"))},
    )
    assert _cast(desk, "x", "y").result["a"].choice == "y"


@pytest.mark.parametrize(
    ("ballots", "error"),
    [
        ((True,), "QuorumNotReached"),
        ((True, False), "Tied"),
        ((Ballot("p", "x"), Ballot("q", "y"), Ballot("r", "z")), "NotReached"),
    ],
)
def test_no_decision_is_a_failure_with_a_name(ballots: Any, error: str) -> None:
    """At the deadline a round that decides nothing fails the attempt, for the rules to meet."""
    desk = _cast(_desk(Use(lambda c: c.failure.error)), *ballots)
    if not desk.sent(ef.Finish):
        desk.fire("close")
    assert desk.result == {"a": error}


def test_a_veto_is_a_failure_too() -> None:
    """A vetoed vote goes by the name Vetoed."""
    rule = Majority(quorum=2, veto=True)
    desk = _cast(_desk(Use("forbidden", on="Vetoed"), rule=rule), Ballot("p", veto=True))
    assert desk.result == {"a": "forbidden"}


def test_an_undecided_verdict_may_be_the_result() -> None:
    """With the option the step's reader decides what no decision means."""
    desk = _cast(_desk(undecided_is_result=True), True).fire("close")
    assert desk.result["a"].outcome is Outcome.NO_QUORUM


def test_a_voter_that_is_gone_is_not_waited_for() -> None:
    """When who is left cannot change it, the round closes without the deadline."""
    desk = _cast(_desk(), True)
    for voter in "qr":
        desk(ev.VoterGone("a", 1, voter, TIMEOUT))
    assert desk.failure.failure.error == "QuorumNotReached"
    assert [entry.who for entry in desk.said(Kind.FAILED)[:2]] == ["q", "r"]


def test_ballots_that_do_not_count_are_refused() -> None:
    """Duplicates, strangers, late ones and what cannot be read are recorded with the reason."""
    desk = _cast(_desk(), True, object())
    desk(ev.BallotCast("a", 1, "p", False))(ev.BallotCast("a", 1, "zoe", True))
    desk(ev.BallotCast("a", 7, "q", True))
    _cast(desk, None, True)(ev.BallotCast("a", 1, "r", True))
    assert [entry.why for entry in desk.said(Kind.REFUSED)] == [
        "object is no ballot: give the vote a read=",
        "duplicate",
        "not_a_member",
        "attempt 7 was never made",
        "a second answer to attempt 1",
    ]


def test_a_tie_may_be_the_leads_to_break() -> None:
    """`Escalate` asks the lead the same question; its word decides between those tied."""
    desk = _cast(_desk(among=("p", "q"), tie=Escalate("lead")), True, False)
    (send,) = desk.just(ef.Send)
    assert (send.to, send.message, send.idempotency_key) == ("lead", Order(), "r1:a:rung1")
    desk.reply("a", Opinion(False), attempt=2)
    verdict = desk.result["a"]
    assert (verdict.choice, verdict.tie_broken_by) == ("reject", "lead")


def test_a_last_word_for_none_of_the_tied_is_no_answer() -> None:
    """The lead may only choose between those tied; otherwise the rules decide."""
    desk = _cast(_desk(Use("open"), among=("p", "q"), tie=Escalate("lead")), True, False)
    assert desk.reply("a", "perhaps", attempt=2).result == {"a": "open"}


def test_a_second_round_has_a_key_and_an_id_of_its_own() -> None:
    """A retry opens a new round: ballots of the first one are late."""
    desk = _desk(Retry(1)).fire("close")
    (again,) = desk.just(ef.AskBallots)
    assert (again.attempt, again.idempotency_key) == (2, "r1:a~2")
    _cast(desk, True, True)
    assert desk.sent(ef.Finish) == []
    assert _cast(desk, True, True, attempt=2).result["a"].question == "r1:a~2"


def test_a_restored_round_asks_again_and_keeps_its_ballots() -> None:
    """After a crash all voters are asked with the same key; who has voted is refused."""
    desk = _cast(_desk(among="reviewers")(ev.Polled("a", 1, ("p", "q", "r"))), True)
    desk(ev.RestoredFromLog(), at=0.5)
    assert desk.just() == [
        ef.SetTimer("a#1:close", 1.0),
        ef.AskBallots("a", 1, "reviewers", Order(), 1.0, "r1:a"),
    ]
    desk(ev.Polled("a", 1, ("p", "q", "r")))
    assert _cast(desk, True, True).result["a"].choice == "approve"
    assert [entry.why for entry in desk.said(Kind.REFUSED)] == ["duplicate"]


def test_a_round_that_is_restored_after_its_time_falls_back() -> None:
    """Its voters become known too late for a round: that is no mistake of the definition."""
    desk = _desk(Retry(1), among="reviewers")
    desk(ev.RestoredFromLog(), at=7.0)
    desk(ev.Polled("a", 1, ("p", "q", "r")))
    (again,) = desk.just(ef.AskBallots)
    assert (again.attempt, again.deadline) == (2, 8.0)


def test_at_the_requests_deadline_the_round_closes() -> None:
    """The request's deadline closes a round like its own."""
    desk = _cast(_desk(rule=Plurality(quorum=1), desk={"deadline": 0.5}), True)
    assert desk.fire("deadline").result["a"].choice == "approve"


def test_a_last_word_is_only_asked_within_the_deadline() -> None:
    """A tie that shows at the deadline cannot be escalated any more."""
    options = {"among": ("p", "q"), "tie": Escalate("lead"), "early": False}
    desk = _cast(_desk(Use("open"), **options, desk={"deadline": 0.5}), True)
    assert desk.fire("deadline").sent(ef.Send) == []


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (True, "approve"),
        (False, "reject"),
        ("tea", "tea"),
        (Opinion(True), "approve"),
        (Ballot("x", "tea"), Ballot("x", "tea")),
    ],
)
def test_the_usual_forms_of_a_ballot_are_read(said: Any, read: Any) -> None:
    """A ballot, a text, a truth value, or a message that holds one."""
    assert read_ballot(said) == read


def test_a_failed_vote_may_climb_a_ladder() -> None:
    """The rules of a vote step are those of any step."""
    from harmonium.protocols.fallback import Escalate as EscalateRule

    ladder = Ladder(AgentRung("chief"))
    desk = _desk(EscalateRule(ladder, on="QuorumNotReached")).fire("close")
    assert desk.just(ef.Send)[0].to == "chief"
