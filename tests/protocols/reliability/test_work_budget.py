"""Budgets of work: what is refused, and what is announced."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.work_budget import (
    Exceeded,
    Ledger,
    Refused,
    Unit,
    Warned,
    WorkBudget,
)

MONEY = st.integers(0, 300).map(lambda cents: Decimal(cents) / 100)
BUDGETS = st.builds(
    WorkBudget,
    messages=st.none() | st.integers(0, 12),
    seconds=st.none() | st.floats(0.5, 20),
    concurrency=st.none() | st.integers(1, 4),
    money=st.none() | MONEY,
    tokens=st.none() | st.integers(0, 200),
    warn_at=st.sampled_from([(), (0.8,), (0.5, 0.9)]),
)
STEPS = st.lists(
    st.tuples(st.sampled_from("aaaasl"), MONEY.map(lambda m: m / 10), st.integers(0, 20)),
    max_size=50,
)


@given(BUDGETS, BUDGETS, STEPS)
def test_no_limit_is_passed_by_admitting(request, agent, steps):
    """In every scope messages, concurrency and what admitting costs stay within the limits."""
    ledger = Ledger().open("r", request, 0.0).open("/a", agent, 0.0)
    now = 0.0
    for step, money, tokens in steps:
        now += 0.25
        before = ledger
        if step == "a":
            ledger, refused, _ = ledger.admit(["r", "/a"], now, money=money, tokens=tokens)
            assert (refused is None) is (ledger is not before)
            if refused is None:
                assert now < min(request.seconds or 1e9, agent.seconds or 1e9)
        elif step == "l" and ledger.usage("r").running:
            ledger = ledger.leave(["r", "/a"], now)
        for scope, budget in (("r", request), ("/a", agent)):
            usage = ledger.usage(scope)
            assert budget.messages is None or usage.messages <= budget.messages
            assert budget.concurrency is None or usage.running <= budget.concurrency
            assert budget.money is None or usage.money <= budget.money
            assert budget.tokens is None or usage.tokens <= budget.tokens


@given(BUDGETS, STEPS)
def test_a_refusal_is_deserved(budget, steps):
    """What is refused has no room: the named limit is reached, or would be passed."""
    ledger, now = Ledger().open("r", budget, 0.0), 0.0
    for step, money, tokens in steps:
        now += 0.25
        if step == "a":
            ledger, refused, _ = ledger.admit(["r"], now, money=money, tokens=tokens)
            if refused is not None:
                more = {Unit.MONEY: money, Unit.TOKENS: tokens, Unit.SECONDS: 0}
                room = refused.limit - refused.used
                assert room <= 0 or more.get(refused.unit, 1) > room
        elif step == "s":
            ledger, _ = ledger.spend(["r"], now, money=money, tokens=tokens)


@given(BUDGETS, STEPS)
def test_a_budget_that_warns_stops_nothing(budget, steps):
    """With stops=False every message is admitted, whatever was spent."""
    warning = WorkBudget(
        messages=budget.messages,
        seconds=budget.seconds,
        concurrency=budget.concurrency,
        money=budget.money,
        tokens=budget.tokens,
        stops=False,
    )
    ledger, now = Ledger().open("r", warning, 0.0), 0.0
    for _, money, tokens in steps:
        now += 1.0
        ledger, refused, _ = ledger.admit(["r"], now, money=money, tokens=tokens)
        assert refused is None
    assert ledger.deadline(["r"]) is None


def test_warnings_come_before_the_stop_and_once():
    """Each share is announced when it is reached, then the limit itself, each once."""
    budget = WorkBudget(messages=10, warn_at=(0.5, 0.8))
    ledger, found = Ledger().open("r", budget, 0.0), []
    for number in range(1, 13):
        ledger, refused, notes = ledger.admit(["r"], 0.0)
        found += [(number, type(note), note.used) for note in notes]
        assert (refused is not None) is (number > 10)
    assert found == [(5, Warned, 5), (8, Warned, 8), (10, Exceeded, 10)]


def test_money_is_exact():
    """Ten times a tenth is one, and the eleventh tenth is refused."""
    ledger = Ledger().open("r", WorkBudget(money=Decimal("1.00")), 0.0)
    for _ in range(10):
        ledger, refused, _ = ledger.admit(["r"], 0.0, money=Decimal("0.10"))
        assert refused is None
    refused = ledger.admit(["r"], 0.0, money=Decimal("0.01"))[1]
    assert refused == Refused("r", Unit.MONEY, Decimal("1.00"), Decimal("1.00"))


def test_what_is_spent_is_spent():
    """A cost that comes after is charged above the limit, is announced, and stops the next one."""
    ledger = Ledger().open("r", WorkBudget(tokens=100), 0.0)
    ledger, _, _ = ledger.admit(["r"], 0.0)
    ledger, notes = ledger.spend(["r"], 0.0, tokens=150)
    assert notes == (
        Warned("r", Unit.TOKENS, 150, 100, 0.8),
        Exceeded("r", Unit.TOKENS, 150, 100),
    )
    assert ledger.admit(["r"], 0.0)[1] == Refused("r", Unit.TOKENS, 150, 100)
    ledger, _ = ledger.spend(["r"], 0.0, tokens=-60)
    assert ledger.admit(["r"], 0.0)[1] is None


def test_one_scope_without_room_refuses_for_all():
    """A subtree that has used up its budget refuses, and no other scope is charged."""
    ledger = (
        Ledger()
        .open("request-1", WorkBudget(messages=5), 0.0)
        .open("/shop", WorkBudget(messages=0), 0.0)
    )
    same, refused, _ = ledger.admit(["request-1", "/shop/pay", "/shop"], 0.0)
    assert refused.scope == "/shop"
    assert same.usage("request-1").messages == 0


def test_a_scope_counts_once():
    """A scope that is named twice is charged once, and one without a budget is not counted."""
    ledger = Ledger().open("/a", WorkBudget(messages=5), 0.0)
    ledger, _, _ = ledger.admit(["/a", "/a", "/b"], 0.0)
    assert ledger.usage("/a").messages == 1
    assert ledger.usage("/b") is None


def test_time_runs_from_the_opening():
    """The seconds count from when the scope was opened, and give a deadline for its work."""
    ledger = Ledger().open("r", WorkBudget(seconds=5.0), 10.0)
    ledger = ledger.open("q", WorkBudget(seconds=2.0), 12.0)
    assert ledger.deadline(["r", "q", "none"]) == 14.0
    assert ledger.admit(["r"], 14.9)[1] is None
    assert ledger.admit(["r"], 15.0)[1].unit is Unit.SECONDS


def test_concurrency_is_given_back():
    """A message that ended makes room, and the warning may come again."""
    ledger = Ledger().open("r", WorkBudget(concurrency=1), 0.0)
    for _ in range(3):
        ledger, refused, notes = ledger.admit(["r"], 0.0)
        assert refused is None
        assert [type(note) for note in notes] == [Warned, Exceeded]
        assert ledger.admit(["r"], 0.0)[1].unit is Unit.CONCURRENCY
        before = ledger.usage("r")
        ledger = ledger.leave(["r"], 0.0)
        assert ledger.usage("r")._replace(running=1, warned=before.warned) == before


def test_a_new_budget_keeps_what_was_used():
    """An operator may raise a limit while the scope works; closing forgets it."""
    ledger = Ledger().open("r", WorkBudget(messages=1), 0.0)
    ledger, _, _ = ledger.admit(["r"], 0.0)
    ledger = ledger.open("r", WorkBudget(messages=2), 99.0)
    ledger, refused, _ = ledger.admit(["r"], 99.0)
    assert refused is None
    assert ledger.admit(["r"], 99.0)[1] == Refused("r", Unit.MESSAGES, 2, 2)
    assert ledger.close("r").usage("r") is None


@pytest.mark.parametrize(
    "options",
    [
        {"messages": -1},
        {"seconds": 0.0},
        {"concurrency": 0},
        {"money": 1.5},
        {"money": Decimal(-1)},
        {"money": Decimal("NaN")},
        {"tokens": 1.5},
        {"warn_at": (0.0,)},
        {"stops": None},
    ],
)
def test_bounds(options):
    """Limits are whole, money is a Decimal, shares are shares."""
    with pytest.raises(SpecError, match="WorkBudget"):
        WorkBudget(**options)


def test_money_as_float_is_refused():
    """A float would lose cents without a word."""
    with pytest.raises(SpecError, match="give a Decimal"):
        Ledger().spend(["r"], 0.0, money=0.1)
