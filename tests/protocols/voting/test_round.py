"""A round: which ballots count, when it closes, and that it closes once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import (
    Ballot,
    Borda,
    Closed,
    Counted,
    Majority,
    Outcome,
    Plurality,
    Priority,
    Refusal,
    Refused,
    Score,
    SeededDraw,
    Unanimity,
    Weighted,
    cast,
    decide,
    expire,
    give_up,
    open_round,
)

MEMBERS = ("ann", "ben", "cas")


def start(rule=None, **settings):
    """Open a vote of three at 10 s that closes at 20 s."""
    settings = {"id": "q1", "deadline": 20.0} | settings
    return open_round(rule or Majority(), settings.pop("members", MEMBERS), 10.0, **settings)


def say(round_, voter, choice=None, now=11.0, **rest):
    return cast(round_, Ballot(voter, choice, **({"round": "q1"} | rest)), now)


def why(effects):
    """Give the reasons of the refusals among the effects."""
    return [effect.why for effect in effects if isinstance(effect, Refused)]


def verdicts(effects):
    return [effect.verdict for effect in effects if isinstance(effect, Closed)]


def test_a_ballot_counts_and_bears_the_time_of_its_arrival():
    """A good ballot is recorded with the time at which it came, and leaves the round open."""
    round_, effects = say(start(), "ann", "approve", now=12.5, at=3.0, reason="cheap")
    (counted,) = effects
    assert isinstance(counted, Counted)
    assert (counted.ballot.at, counted.ballot.reason) == (12.5, "cheap")
    assert round_.ballots == (counted.ballot,)
    assert round_.awaited == ("ben", "cas")
    assert round_.verdict is None


def test_two_of_three_decide_early():
    """Two equal votes of three close the round, and the third is late."""
    round_, _ = say(start(), "ann", "approve")
    round_, effects = say(round_, "ben", "approve")
    (verdict,) = verdicts(effects)
    assert verdict is round_.verdict
    assert (verdict.choice, verdict.early, verdict.missing) == ("approve", True, ("cas",))
    after, effects = say(round_, "cas", "reject")
    assert (why(effects), verdicts(effects)) == ([Refusal.LATE], [])
    assert after.verdict == verdict


def test_all_are_waited_for_when_asked():
    """Without early decision the round closes when the last member has voted."""
    round_, _ = say(start(early=False), "ann", "approve")
    round_, effects = say(round_, "ben", "approve")
    assert verdicts(effects) == []
    round_, effects = say(round_, "cas", "reject")
    (verdict,) = verdicts(effects)
    assert (verdict.choice, len(verdict.ballots), verdict.early) == ("approve", 3, False)


def test_nobody_votes_twice():
    """The first ballot of a member counts, a later one does not: no majority from one voter."""
    round_, _ = say(start(), "ann", "approve")
    for choice in ("approve", "reject"):
        round_, effects = say(round_, "ann", choice)
        assert why(effects) == [Refusal.DUPLICATE]
    assert round_.verdict is None
    assert [ballot.choice for ballot in round_.ballots] == ["approve"]
    assert round_.refusals == 2


def test_a_ballot_of_another_round_is_refused():
    """A ballot that answers an earlier round, or none, does not count in this one."""
    round_, effects = say(start(), "ann", "approve", round="q0")
    assert why(effects) == [Refusal.WRONG_ROUND]
    round_, effects = say(round_, "ann", "approve", round="")
    assert why(effects) == [Refusal.WRONG_ROUND]
    assert round_.awaited == MEMBERS


@pytest.mark.parametrize(
    ("rule", "ballot", "reason"),
    [
        (Majority(), {"voter": "dan", "choice": "a"}, Refusal.NOT_A_MEMBER),
        (Majority(), {"voter": "ann", "ranking": ["a"]}, Refusal.WRONG_KIND),
        (Borda(), {"voter": "ann", "choice": "a"}, Refusal.WRONG_KIND),
        (Borda(), {"voter": "ann", "ranking": ["a", "x"]}, Refusal.UNKNOWN_OPTION),
        (Majority(), {"voter": "ann", "choice": "x"}, Refusal.UNKNOWN_OPTION),
        (Score(top=5), {"voter": "ann", "scores": {"a": 5.5}}, Refusal.OUT_OF_RANGE),
        (Majority(), {"voter": "ann", "veto": True}, Refusal.NO_VETO_RIGHT),
        (Majority(veto={"ben"}), {"voter": "ann", "veto": True}, Refusal.NO_VETO_RIGHT),
    ],
)
def test_refusals(rule, ballot, reason):
    """What the rule cannot read is refused with its reason, and its voter may vote again."""
    before = start(rule, options=("a", "b"))
    after, effects = cast(before, Ballot(**ballot, round="q1"), 11.0)
    assert why(effects) == [reason]
    assert after.awaited == MEMBERS
    assert [refused.why for refused in after.refused] == [reason]


def test_a_ballot_at_the_deadline_is_late():
    """A ballot at the deadline does not count, even when the timer has not fired yet."""
    round_, _ = say(start(), "ann", "approve", now=19.999)
    round_, effects = say(round_, "ben", "approve", now=20.0)
    (verdict,) = verdicts(effects)
    assert verdict.outcome is Outcome.NO_QUORUM
    assert why(effects) == [Refusal.LATE]
    assert [ballot.voter for ballot in verdict.ballots] == ["ann"]


def test_the_quorum_is_of_the_configured_members():
    """With two of three members dead, one approval is no quorum."""
    round_, _ = give_up(start(), "ben", 11.0)
    round_, effects = give_up(round_, "cas", 11.0)
    (verdict,) = verdicts(effects)
    assert (verdict.outcome, verdict.quorum) == (Outcome.NO_QUORUM, 2)


def test_an_absolute_majority_is_of_the_configured_members():
    """With an absolute majority, one approval beside one abstention does not approve."""
    for absolute, choice in ((False, "approve"), (True, None)):
        round_, _ = say(start(Majority(absolute=absolute)), "ann", "approve")
        round_, _ = say(round_, "ben", abstain=True)
        round_, _ = expire(round_, 20.0)
        assert round_.verdict.choice == choice


def test_who_is_given_up_is_not_waited_for():
    """A round closes as soon as nobody is left to wait for."""
    round_, _ = say(start(Plurality()), "ann", "a")
    round_, _ = say(round_, "ben", "a")
    open_still, _ = say(start(Unanimity()), "ann", "a")
    open_still, _ = say(open_still, "ben", "a")
    assert open_still.verdict is None
    closed, effects = give_up(open_still, "cas", 12.0)
    (verdict,) = verdicts(effects)
    assert (verdict.choice, verdict.missing, verdict.early) == ("a", ("cas",), False)
    assert give_up(closed, "ann", 12.0) == (closed, ())


def test_who_was_given_up_may_vote_all_the_same():
    """The ballot of a member that was given up counts while the round is open."""
    round_, _ = give_up(start(), "ann", 11.0)
    round_, effects = say(round_, "ann", "approve")
    assert why(effects) == []
    assert round_.awaited == ("ben", "cas")


def test_giving_up_after_the_deadline_closes_the_round():
    """Whatever comes first after the deadline closes the round, as the timer would have."""
    round_, _ = say(start(), "ann", "approve")
    round_, effects = give_up(round_, "ben", 25.0)
    assert [verdict.outcome for verdict in verdicts(effects)] == [Outcome.NO_QUORUM]
    assert round_.gone == frozenset()


def test_giving_up_a_stranger_or_a_voter_changes_nothing():
    """Only a member without a ballot can be given up."""
    round_, _ = say(start(), "ann", "approve")
    assert give_up(round_, "ann", 12.0) == (round_, ())
    assert give_up(round_, "dan", 12.0) == (round_, ())


def test_a_timer_that_fires_early_or_twice_does_nothing():
    """Only the passing of the deadline closes a round, and only once."""
    round_ = start()
    assert expire(round_, 19.9) == (round_, ())
    closed, effects = expire(round_, 20.0)
    assert len(verdicts(effects)) == 1
    assert expire(closed, 21.0) == (closed, ())


def test_without_a_deadline_it_waits():
    """Without a deadline nothing but the members closes a round."""
    round_ = start(deadline=None)
    assert expire(round_, 1e12) == (round_, ())


def test_a_veto_ends_the_vote():
    """One veto of a member who may closes the round without a choice, quorum or not."""
    _, effects = say(start(Majority(veto=True)), "cas", veto=True, reason="unsafe")
    (verdict,) = verdicts(effects)
    assert (verdict.outcome, verdict.choice) == (Outcome.VETOED, None)
    assert [ballot.reason for ballot in verdict.vetoes] == ["unsafe"]


def test_all_abstain():
    """If everybody abstains the quorum is there, but nothing is chosen."""
    round_ = start()
    for voter in MEMBERS:
        round_, _ = say(round_, voter, abstain=True)
    assert round_.verdict.outcome is Outcome.NOT_REACHED
    assert len(round_.verdict.abstentions) == 3


def test_refusals_do_not_pile_up():
    """Only the first hundred refused ballots are kept; all are counted."""
    round_ = start()
    for _ in range(150):
        round_, _ = say(round_, "stranger", "approve")
    assert (len(round_.refused), round_.refusals) == (100, 150)


def test_a_tie_is_drawn_the_same_way_again():
    """The same seed and question draw the same option; the verdict says that it was drawn."""
    settings = {"members": ("ann", "ben"), "options": ("a", "b")}
    choices = set()
    for seed in range(20):
        round_ = start(tie=SeededDraw(seed), **settings)
        round_, _ = say(round_, "ann", "a")
        round_, _ = say(round_, "ben", "b")
        assert round_.verdict.tie_broken_by == "seeded draw"
        assert (round_.verdict.margin, round_.verdict.confidence) == (0, 0.5)
        choices.add(round_.verdict.choice)
    assert choices == {"a", "b"}


@pytest.mark.parametrize(
    ("rule", "settings", "words"),
    [
        (Majority(quorum=4), {}, "quorum is 4 of 3 members"),
        (Borda(), {}, "needs to know the options"),
        (Weighted({"ann": 1}), {}, "ben, cas has no weight"),
        (Majority(veto={"dan"}), {}, "dan may veto"),
        (Majority(), {"deadline": 10.0}, "deadline 10 is not after its opening"),
        (Majority(), {"members": ()}, "nobody may vote"),
        (Majority(), {"members": ("ann", "ann")}, "named twice"),
        (Majority(), {"members": "ann"}, "is the text 'ann'"),
        (Majority(), {"options": ("a",)}, "fewer than two options"),
        (Majority(), {"options": ("a", "b", "a")}, "option is named twice"),
    ],
)
def test_a_wrong_vote_is_refused_when_it_opens(rule, settings, words):
    """A vote that its rule cannot decide does not open, and the error says why."""
    with pytest.raises(SpecError, match=words):
        start(rule, **settings)


BALLOTS = st.builds(
    Ballot,
    st.sampled_from([*MEMBERS, "dan"]),
    st.sampled_from(["a", "b", "c"]),
    round=st.sampled_from(["q1", "q1", "q1", "q0"]),
) | st.builds(Ballot, st.sampled_from(MEMBERS), abstain=st.just(True), round=st.just("q1"))
EVENTS = st.lists(
    st.tuples(
        st.floats(0, 2),
        BALLOTS | st.sampled_from(MEMBERS) | st.none(),  # None: the timer
    ),
    max_size=12,
)
RULES = st.sampled_from(
    [Majority(), Plurality(), Plurality(quorum=1), Unanimity(), Majority(absolute=True, quorum=1)]
)
TIES = st.sampled_from([None, Priority(("c", "a")), SeededDraw(3)])


def play(events, **settings):
    """Drive a round from its opening past its deadline; give it, its effects and the times."""
    round_, effects, now = start(**settings), [], 10.0
    for wait, event in [*events, (0.0, None), (100.0, None)]:
        now += wait
        if isinstance(event, Ballot):
            round_, new = cast(round_, event, now)
        elif isinstance(event, str):
            round_, new = give_up(round_, event, now)
        else:
            round_, new = expire(round_, now)
        effects += new
    return round_, effects


def countable(events):
    """Give, in the plainest way, the ballots that are good and in time."""
    now, first = 10.0, {}
    for wait, event in events:
        now += wait
        good = isinstance(event, Ballot) and event.voter in MEMBERS and event.round == "q1"
        if good and now < 20.0:
            first.setdefault(event.voter, event)
    return list(first.values())


@given(RULES, TIES, EVENTS)
def test_the_verdict_is_that_of_the_first_good_ballots_in_time(rule, tie, events):
    """Whatever comes, in whatever order, the outcome is that of each member's first ballot."""
    events = [event for event in events if not isinstance(event[1], str)]
    expected = decide(rule, start(tie=tie).question, countable(events))
    for early in (False, True):
        round_, _ = play(events, rule=rule, tie=tie, early=early)
        end = round_.verdict
        assert (end.outcome, end.choice) == (expected.outcome, expected.choice)


@given(RULES, TIES, EVENTS, st.booleans())
def test_each_round_closes_once_and_each_ballot_has_one_fate(rule, tie, events, early):
    """There is one verdict; each ballot is counted or refused; the verdict has those counted."""
    round_, effects = play(events, rule=rule, tie=tie, early=early)
    assert verdicts(effects) == [round_.verdict]
    cast_ = sum(isinstance(event, Ballot) for _, event in events)
    counted = [effect.ballot for effect in effects if isinstance(effect, Counted)]
    assert len(counted) + len(why(effects)) == cast_
    assert round_.refusals == len(why(effects))
    assert round_.verdict.ballots == tuple(counted)
    closed = next(n for n, effect in enumerate(effects) if isinstance(effect, Closed))
    assert not any(isinstance(effect, Counted) for effect in effects[closed + 1 :])
