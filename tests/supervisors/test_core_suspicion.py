"""Messages under suspicion, inside the core: what is ordered, when, and what it costs."""

from __future__ import annotations

import pytest

from harmonium.protocols.lifecycle import Started
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import Quarantine, Retry, SetAside, SetTimer
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.poison import Poison
from tests.supervisors.harness import kid, tree

CAUSE = on.Cause("ValueError: x", ("ValueError",))


class Core:
    """One child that watches for poison; no timers but those of messages set aside."""

    def __init__(self, poison: Poison | None = None) -> None:
        spec = tree(kid("A", poison=poison, retries=9, start_timeout=None), max_restarts=99)
        self.state, _ = decide(initial(spec), on.Boot(), 0.0)
        self.state, _ = decide(self.state, Started("A", 1), 0.0)
        self.incarnation = 1

    def crash(self, message: str | None, now: float, *, handled: int = 0):
        """Have the child crash on a message, and come back; gives what was ordered."""
        suspect = None if message is None else on.Suspect(message, "E@f", handled)
        failed = on.Failed("A", self.incarnation, CAUSE, suspect=suspect)
        self.state, effects = decide(self.state, failed, now)
        self.incarnation += 1
        self.state, _ = decide(self.state, Started("A", self.incarnation), now)
        return effects

    def fire(self, token: Token, now: float):
        """Have a timer fire; gives the messages that are put back."""
        self.state, effects = decide(self.state, on.TimerFired(token), now)
        return [one.message for one in effects if isinstance(one, Retry)]

    @property
    def used(self) -> int:
        return len(self.state.window)


def timer(effects) -> SetTimer:
    (found,) = [one for one in effects if isinstance(one, SetTimer)]
    assert found.token.due is Due.ASIDE
    return found


def kinds(effects):
    return [type(one) for one in effects if isinstance(one, Retry | SetAside | Quarantine)]


def test_a_child_without_the_rule_is_charged_for_every_crash():
    """Whatever its report says of the message."""
    core = Core()
    assert kinds(core.crash("m", 0.0)) == []
    assert kinds(core.crash("m", 0.1)) == []
    assert core.used == 2


def test_a_crash_outside_of_a_message_is_charged():
    """There is nothing to suspect."""
    core = Core(Poison(attempts=2))
    assert kinds(core.crash(None, 0.0)) == []
    assert core.used == 1


def test_a_message_is_set_aside_until_it_is_old_enough():
    """Counted from its first crash; the timer runs for what is left."""
    core = Core(Poison(attempts=2, age=5.0))
    assert kinds(core.crash("m", 2.0)) == [Retry]
    effects = core.crash("m", 3.0)
    assert kinds(effects) == [SetAside]
    assert timer(effects).delay == 4.0
    assert core.fire(timer(effects).token, 7.0) == ["m"]
    assert core.used == 1


def test_a_short_rest_of_its_time_is_waited_for_too():
    """Half a second, and not another round."""
    core = Core(Poison(attempts=2, age=5.0))
    core.crash("m", 0.0)
    assert timer(core.crash("m", 4.5)).delay == 0.5


@pytest.mark.parametrize("now", [1.0, 1.5])
def test_one_that_is_old_enough_but_alone_waits_for_another_round(now):
    """Nothing else was handled well, so it is not to blame yet."""
    core = Core(Poison(attempts=2, age=1.0))
    core.crash("m", 0.0)
    assert timer(core.crash("m", now)).delay == 1.0


def test_a_timer_puts_its_own_message_back_and_no_other():
    """One is apart, another is being retried, a third is apart for longer."""
    core = Core(Poison(attempts=2, age=5.0))
    core.crash("first", 0.0)
    first = timer(core.crash("first", 0.0)).token
    core.crash("third", 1.0)
    third = timer(core.crash("third", 1.0)).token
    assert kinds(core.crash("second", 2.0)) == [Retry]
    assert core.fire(first, 5.0) == ["first"]
    assert core.fire(first, 5.0) == []
    assert core.fire(third, 6.0) == ["third"]
    assert core.fire(third, 6.0) == []
    assert core.used == 3


def test_only_as_many_messages_are_remembered_as_fit():
    """The oldest is forgotten first: its next crash is its first again."""
    core = Core(Poison(attempts=2, age=5.0))
    for number in range(9):
        core.crash(f"m{number}", 0.0)
    assert core.used == 9
    assert kinds(core.crash("m0", 1.0)) == [Retry]
    assert kinds(core.crash("m8", 1.0)) == [SetAside]
    assert len(core.state.table.get("A").suspects) == 8


def test_a_message_that_is_to_blame_is_forgotten_and_the_others_are_not():
    """Its dead letter says how often it was tried."""
    core = Core(Poison(attempts=2, age=1.0))
    core.crash("other", 0.0)
    core.crash("m", 0.0)
    effects = core.crash("m", 2.0, handled=1)
    (sentence,) = [one for one in effects if isinstance(one, Quarantine)]
    assert (sentence.message, sentence.fingerprint, sentence.attempts) == ("m", "E@f", 2)
    assert [one.suspect.message for one in core.state.table.get("A").suspects] == ["other"]
    assert core.used == 2


def test_retries_beyond_the_rule_are_charged_again():
    """No other message does better: then the agent is to blame."""
    core = Core(Poison(attempts=2, age=1.0))
    core.crash("m", 0.0)
    core.crash("m", 2.0)
    assert core.used == 1
    core.crash("m", 4.0)
    assert core.used == 2
