"""Fallback rules as data, and the chain that chooses among them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols import errors
from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.fallback import (
    Chain,
    Escalate,
    Fail,
    FallbackRule,
    Hedge,
    Prefer,
    Retry,
    Skip,
    To,
    Use,
    wait_before,
)
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung

NAMES = st.sampled_from(["AskTimeout", "AgentDead", "Refused"])
ON = st.lists(NAMES, max_size=2).map(tuple)
RULES: st.SearchStrategy[FallbackRule] = st.one_of(
    st.builds(Retry, st.integers(1, 3), on=ON),
    st.builds(Use, st.integers(), on=ON),
    st.builds(To, st.just("other"), on=ON),
    st.builds(Skip, on=ON),
    st.builds(Fail, on=ON),
    st.builds(Hedge, st.just(0.1)),
)


@given(st.lists(RULES, max_size=5).map(tuple), st.lists(NAMES, max_size=40), st.booleans())
def test_a_chain_always_comes_to_its_end(
    rules: tuple[FallbackRule, ...], names: list[str], urgent: bool
) -> None:
    """Each rule decides as often as it may, in order, for what it covers; then none is left."""
    chain, uses = Chain(rules), [0] * len(rules)
    for name in names:
        chain, choice = chain.after(Failure(name), urgent=urgent)
        free = [
            place
            for place, rule in enumerate(rules)
            if not isinstance(rule, Hedge)
            and uses[place] < (rule.times if isinstance(rule, Retry) else 1)
            and (not rule.on or name in rule.on)
            and not (urgent and isinstance(rule, Retry | To))
        ]
        assert choice.rule is (rules[free[0]] if free else None)
        if free:
            uses[free[0]] += 1
            assert choice.count == uses[free[0]]
            assert choice.why == name


def test_a_rule_covers_base_classes_by_class_or_name() -> None:
    """An `on=` of a base class covers its subclasses; a remote error goes by its own name."""
    dead = describe(errors.AgentDead("/a", "killed"))
    assert dead.is_any(Retry(on=errors.DeliveryError).on)
    assert not dead.is_any(Retry(on=TimeoutError).on)
    assert describe(errors.AskTimeout("/a", 1.0)).is_any(Retry(on=(TimeoutError, "X")).on)
    remote = describe(errors.AskFailed("/a", "PaymentDeclined", "no money"))
    assert remote.error == "PaymentDeclined"
    assert remote.is_any(["PaymentDeclined"])
    assert remote.is_any(["AskError"])


@pytest.mark.parametrize(
    ("error", "in_doubt"),
    [
        (errors.AskTimeout("/a", 1.0), True),
        (errors.AgentDead("/a"), True),
        (errors.AskFailed("/a", "ValueError", ""), True),
        (ValueError("a stranger"), True),
        (errors.MailboxFull("/a", 1), False),
        (errors.UnknownAgent("a"), False),
        (errors.EnvelopeExpired("/a", 1.0), False),
        (errors.Unavailable("/a", None), False),
        (errors.ContractError("/a", "takes no such thing"), False),
    ],
)
def test_in_doubt_is_what_may_have_been_done(error: Exception, in_doubt: bool) -> None:
    """A timeout, a crash and a death leave it open; what was never delivered does not."""
    assert describe(error).in_doubt is in_doubt


def test_waits_are_numbers_functions_or_backoffs() -> None:
    """A retry waits a fixed time, what a function says, or what a `Backoff` says."""
    assert wait_before(Retry(3, 0.5), 2, 0.9) == 0.5
    assert wait_before(Retry(3, lambda count, draw: count + draw), 2, 0.5) == 2.5
    waits = [wait_before(Retry(5, Backoff(1.0, 4.0, jitter=0.0)), n, 0.0) for n in range(1, 5)]
    assert waits == [1.0, 2.0, 4.0, 4.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Retry(0),
        Use,
        lambda: Use(1, message=2),
        lambda: Hedge(0.0),
        Ladder,
        lambda: Ladder(AgentRung("a", timeout=0.0)),
        lambda: Ladder(PersonRung("ann", timeout=-1.0)),
    ],
)
def test_a_rule_that_means_nothing_is_refused(make: Any) -> None:
    """A bad rule is refused where it is written."""
    with pytest.raises(SpecError):
        make()


def test_use_tells_values_from_messages() -> None:
    """A value or callable is taken; a message class, or `message=`, is sent."""
    assert not Use(5).sends
    assert not Use(None).sends
    assert not Use(lambda c: 5).sends
    assert Use(Failure).sends
    assert Use(message=lambda c: 5).sends


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Retry(), "retry once"),
        (Retry(2), "retry 2 times"),
        (Use(5), "use 5"),
        (Use(message=5), "send another message"),
        (To("backup"), "ask backup instead"),
        (Hedge(0.5), "ask again after 0.5 s"),
        (Skip(), "go on without it"),
        (Fail(), "fail at once"),
        (Prefer("stock"), "prefer stock"),
        (
            Escalate(Ladder(AgentRung("lead"), PersonRung("ann"), RuleRung(0, name="reject"))),
            "escalate to lead, then ann (a person), then reject (a rule)",
        ),
        (Escalate("lead"), "escalate to lead"),
    ],
)
def test_rules_speak(rule: FallbackRule, words: str) -> None:
    """What the record says of a rule has no address of memory and no class name in it."""
    assert str(rule) == words
