"""Poison messages: the rule, and what a supervisor makes of it."""

from __future__ import annotations

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.supervisors.core.effects import Quarantine, Retry, SetAside
from harmonium.supervisors.poison import Poison, Sentence, judge
from tests.supervisors.harness import Mail, World, kid, tree

RULE = Poison(attempts=3, age=10.0, others=1)


def history(*crashes, rule=RULE):
    """Judge crashes given as (time, handled, fingerprint); return the sentences."""
    suspect, sentences = None, []
    for now, handled, fingerprint in crashes:
        sentence, suspect = judge(rule, suspect, "m", fingerprint, handled=handled, now=now)
        sentences.append(sentence.value)
    return sentences


def test_attempts_age_and_others_are_all_required():
    """Each of the three alone, and any two of them, is not enough."""
    assert history((0, 5, "x"), (1, 5, "x"), (11, 6, "x")) == ["retry", "retry", "quarantine"]
    assert history((0, 5, "x"), (11, 6, "x")) == ["retry", "retry"]
    assert history((0, 5, "x"), (1, 5, "x"), (9.9, 6, "x")) == ["retry", "retry", "set_aside"]
    assert history((0, 5, "x"), (1, 5, "x"), (11, 5, "x")) == ["retry", "retry", "set_aside"]
    assert history((0, 5, "x"), (1, 5, "x"), (10, 6, "x")) == ["retry", "retry", "quarantine"]


def test_a_timer_that_fires_a_microsecond_early_is_not_too_early():
    """The float before the age is old enough; twice as much is not."""
    early = [(0, 5, "x"), (1, 5, "x"), (10.0 - 1e-6, 6, "x")]
    assert history(*early)[-1] == "quarantine"
    assert history(*early[:2], (10.0 - 2e-6, 6, "x"))[-1] == "set_aside"


def test_the_age_counts_from_the_first_crash():
    """Whenever that was on the clock."""
    crashes = [(100, 5, "x"), (101, 6, "x"), (109, 7, "x"), (110, 7, "x")]
    assert history(*crashes) == ["retry", "retry", "set_aside", "quarantine"]


def test_another_fingerprint_begins_a_new_count():
    """Crashes in different ways are no proof against the message."""
    crashes = [(0, 0, "x"), (5, 3, "x"), (20, 6, "y"), (21, 7, "y"), (31, 9, "y")]
    assert history(*crashes) == ["retry", "retry", "retry", "retry", "quarantine"]


@pytest.mark.parametrize("fields", [{"attempts": 1}, {"age": 0}, {"others": 0}, {"attempts": True}])
def test_bounds_are_checked(fields):
    """A rule without one of the three is refused."""
    with pytest.raises(SpecError, match="^poison"):
        Poison(**fields)


def poisoned(*mails: Mail, rule: Poison = RULE, **fields) -> World:
    fields = {"max_restarts": 1} | fields
    spec = tree(kid("A", poison=rule, retries=99), "B", **fields)
    world = World(spec).boot()
    world.top.cells["A"].mailbox.extend(mails)
    world.top.work(world.top.cells["A"])
    return world


def effects(world: World, kind: type) -> list:
    return [one for one in world.top.effects if isinstance(one, kind)]


BAD = Mail("bad", error=ValueError("x"))


def test_a_poison_message_is_quarantined_and_the_agent_goes_on():
    """The others are handled meanwhile; the crashes cost one unit."""
    world = poisoned(BAD, Mail("m1"), Mail("m2")).run(9.9)
    assert [(m, ok) for _, _, m, ok in world.worked] == [
        ("bad", False),
        ("bad", False),
        ("bad", False),
        ("m1", True),
        ("m2", True),
    ]
    assert not world.over
    world.run(0.2)
    assert world.dead == [("bad", "poison")]
    (verdict,) = effects(world, Quarantine)
    assert (verdict.message, verdict.attempts) == ("bad", 4)
    assert verdict.fingerprint == "ValueError('x')"
    assert world.alive() == ["A", "B"]
    assert world.top.state.table.get("A").suspects == ()


def test_only_the_first_crash_of_a_message_is_charged():
    """Its retries have a limit of their own."""
    world = poisoned(BAD, Mail("m1")).run(0)
    assert world.used == 1
    assert len(effects(world, Retry)) == 2
    assert len(effects(world, SetAside)) == 1
    assert world.incarnation("A") == 4


def test_an_agent_that_crashes_on_everything_is_to_blame_itself():
    """Nothing is quarantined; the budget ends it."""
    world = poisoned(*(Mail(f"b{n}", error=ValueError("x")) for n in range(5)), max_restarts=4)
    world.run(60)
    assert world.over
    assert effects(world, Quarantine) == []


def test_a_lonely_message_is_tried_until_the_budget_ends():
    """Without others that do better there is no proof; late crashes are charged again."""
    world = poisoned(BAD, rule=Poison(2, 1.0), max_restarts=2, within=60.0).run(60)
    assert world.over
    assert effects(world, Quarantine) == []
    assert world.starts["A"] == 1 + 2 + 1


def test_a_message_that_does_well_at_last_is_forgotten_in_time():
    """A retry that succeeds is handled, once."""
    moody = Mail("moody", error=lambda cell: ValueError("x") if cell.incarnation < 3 else None)
    world = poisoned(moody, Mail("m1")).run(60)
    assert [(m, ok) for _, _, m, ok in world.worked] == [
        ("moody", False),
        ("moody", False),
        ("moody", True),
        ("m1", True),
    ]
    assert world.dead == []


def test_a_restart_by_hand_forgets_the_suspects():
    """The cell is new, and so is the mailbox."""
    world = poisoned(BAD, Mail("m1"), Mail("m2")).run(1)
    world.stop("A")
    world.restart("A")
    world.run(60)
    assert world.alive() == ["B", "A"]
    assert effects(world, Quarantine) == []


def test_without_the_rule_a_failed_message_is_not_looked_at():
    """At most once: it has failed, and that is all."""
    world = World(tree("A", max_restarts=9)).boot()
    world.top.send("A", BAD)
    world.run(60)
    assert [m for _, _, m, _ in world.worked] == ["bad"]
    assert effects(world, Retry) == []


def test_few_suspects_are_remembered():
    """The oldest is forgotten first."""
    from harmonium.supervisors.core import events as on

    world = World(tree(kid("A", poison=RULE, retries=9), max_restarts=10**6)).boot()
    for number in range(20):
        cell = world.top.cells["A"]
        cell.failing = Mail(f"m{number}")
        suspect = on.Suspect(f"m{number}", "x", 0)
        cell.state = "failed"
        world.top.feed(on.Failed("A", cell.incarnation, on.Cause("x"), suspect=suspect))
        world.top.cells["A"].mailbox.clear()
        world.run(1)
    kept = [one.suspect.message for one in world.top.state.table.get("A").suspects]
    assert kept == [f"m{number}" for number in range(12, 20)]


def test_sentences_are_words():
    """They stand in the journal."""
    assert [one.value for one in Sentence] == ["retry", "set_aside", "quarantine"]


def test_a_message_that_is_tried_again_when_it_is_old_enough_is_judged():
    """Its timer fires at 0.001 + 1.0, which is 0.9999999999999999 later."""
    rule = Poison(attempts=2, age=1.0)
    _, first = judge(rule, None, "m", "E@f", handled=0, now=0.001)
    now = 0.002 + (rule.age - (0.002 - 0.001))
    assert now - first.first < rule.age
    assert judge(rule, first, "m", "E@f", handled=1, now=now)[0] is Sentence.QUARANTINE
    assert judge(rule, first, "m", "E@f", handled=1, now=1.0)[0] is Sentence.SET_ASIDE
