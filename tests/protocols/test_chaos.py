"""Chaos plans: their text, and their decisions."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.chaos import Chaos
from harmonium.protocols.chaos_rule import NEEDS_SECONDS, ChaosRule, Fault, Where
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.path_glob import PathGlob

SECONDS = st.floats(min_value=0, max_value=1e6)
RATE = st.floats(min_value=0, max_value=1)
GLOBS = st.sampled_from(["**", "pay*", "/shop/*", "inventory", "worker-[0-3]", "/a/**/b"])
PATHS = st.sampled_from(["/shop/payments", "/shop/inventory/3", "/a/b", "/worker-2"])


@st.composite
def rules(draw):
    fault = draw(st.sampled_from(list(Fault)))
    start = draw(SECONDS)
    options = {"agents": PathGlob(draw(GLOBS)), "start": start}
    if draw(st.booleans()):
        options["end"] = start + draw(st.floats(min_value=1, max_value=1e6))
    if fault is Fault.KILL and draw(st.booleans()):
        return ChaosRule(fault, nth=draw(st.integers(1, 10**6)), **options)
    if fault in NEEDS_SECONDS or (fault is Fault.HANG and draw(st.booleans())):
        options["seconds"] = draw(SECONDS)
    return ChaosRule(fault, rate=draw(RATE), **options)


PLANS = st.builds(
    Chaos, st.lists(rules(), max_size=4).map(tuple), seed=st.integers(-(2**63), 2**63)
)


def only(text, **where):
    """Decide with a plan of one rule."""
    found = Chaos.parse(text).decide(**{"path": "/shop/pay", "nth": 1, "now": 0.0} | where)
    return [each.fault for each in found]


@given(PLANS)
def test_the_repr_can_be_pasted(plan):
    """The repr of a plan evaluates to an equal plan, and so does its pickle."""
    assert plan == eval(repr(plan), {"Chaos": Chaos})
    assert plan == pickle.loads(pickle.dumps(plan))


@given(PLANS.filter(bool))
def test_the_text_is_what_the_option_takes(plan):
    """The text of a plan parses to the same plan."""
    assert plan == Chaos.parse(str(plan), seed=plan.seed)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("crash=0.05", ChaosRule(Fault.CRASH, rate=0.05)),
        ("hang=0.01", ChaosRule(Fault.HANG, rate=0.01)),
        ("hang=0.01:2s", ChaosRule(Fault.HANG, rate=0.01, seconds=2.0)),
        ("delay=0.2", ChaosRule(Fault.DELAY, seconds=0.2)),
        ("delay=200ms:0.5", ChaosRule(Fault.DELAY, seconds=0.2, rate=0.5)),
        ("kill=inventory:20", ChaosRule(Fault.KILL, nth=20, agents=PathGlob("inventory"))),
        ("kill=pay*:0.1", ChaosRule(Fault.KILL, rate=0.1, agents=PathGlob("pay*"))),
        ("kill[inventory]=20", ChaosRule(Fault.KILL, nth=20, agents=PathGlob("inventory"))),
        ("drop=1", ChaosRule(Fault.DROP)),
        ("duplicate=0", ChaosRule(Fault.DUPLICATE, rate=0.0)),
        ("slow_store=1.5", ChaosRule(Fault.SLOW_STORE, seconds=1.5)),
        (
            " crash[w-[12]] = 0.1 @ 10s..20s ",
            ChaosRule(Fault.CRASH, rate=0.1, agents=PathGlob("w-[12]"), start=10.0, end=20.0),
        ),
        ("crash=1@10s..", ChaosRule(Fault.CRASH, start=10.0)),
        ("crash=1@..1m", ChaosRule(Fault.CRASH, end=60.0)),
    ],
)
def test_forms(text, rule):
    """Each form of the option is one rule."""
    assert Chaos((rule,)) == Chaos.parse(text)


def test_a_plan_has_many_faults_and_one_seed():
    """Commas separate, and a seed in the text beats the given one."""
    plan = Chaos.parse("crash[a]=0.1,seed=7,drop=0.2", seed=3)
    assert plan.seed == 7
    assert [rule.fault for rule in plan.rules] == [Fault.CRASH, Fault.DROP]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crush=0.1", "chaos 'crush=0.1': there is no fault 'crush'; did you mean 'crash'?"),
        ("sed=1", "did you mean 'seed'?"),
        ("zzzz=1", "known are crash, delay,"),
        ("crash=0.1, hang", "chaos 'hang': is no NAME=VALUE; write it as"),
        ("", "is no NAME=VALUE"),
        ("crash=0.1,", "is no NAME=VALUE"),
        ("crash=", "is no NAME=VALUE"),
        ("crash=1.5", "chaos 'crash=1.5': a chance is from 0 to 1"),
        ("crash=nan", "a chance is from 0 to 1"),
        ("crash=-0.1", "a chance is from 0 to 1"),
        ("crash=often", "'often' is no chance; write a number from 0 to 1"),
        ("crash=0.1:2s", "takes a chance alone"),
        ("delay=soon", "chaos 'delay=soon': 'soon' is no duration"),
        ("delay=-1", "chaos 'delay=-1': '-1' is no duration; write 250ms"),
        ("delay=1:2", "a chance is from 0 to 1"),
        ("kill=a:0", "is from 1"),
        ("kill=a:x", "'x' is no chance"),
        ("kill[a]=b:1", "names its agents twice"),
        ("crash[]=0.1", "is no NAME=VALUE"),
        ("crash[a//b]=0.1", "needs a name in each segment"),
        ("crash[a[]=0.1", "lonely bracket"),
        ("crash=0.1@", "'' is no window"),
        ("crash=0.1@10s", "'10s' is no window; write @10s..20s"),
        ("crash=0.1@20s..10s", "a window starts before it ends"),
        ("crash=0.1@a..b", "'a' is no duration"),
        ("seed=x", "a seed is a whole number"),
        ("seed[a]=1", "a seed is a whole number"),
    ],
)
def test_a_wrong_part_is_named(text, expected):
    """A wrong plan raises one ConfigError that names the part and the remedy."""
    with pytest.raises(ConfigError) as caught:
        Chaos.parse(text)
    assert expected in str(caught.value)


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text):
    """Any text is a plan or a ConfigError."""
    try:
        plan = Chaos.parse(text)
    except ConfigError:
        return
    assert not plan or plan == Chaos.parse(str(plan), seed=plan.seed)


@given(st.text("crashkildey[]=:@.,0123456789 s*/-", max_size=30))
def test_near_misses_raise_nothing_else(text):
    """Text close to a plan is a plan that can be written again, or a ConfigError."""
    try:
        plan = Chaos.parse(text)
    except ConfigError:
        return
    assert not plan or plan == Chaos.parse(str(plan), seed=plan.seed)


@pytest.mark.parametrize(
    "options",
    [
        {"fault": Fault.DELAY},
        {"fault": Fault.CRASH, "seconds": 1.0},
        {"fault": Fault.CRASH, "nth": 1},
        {"fault": Fault.KILL, "nth": 1, "rate": 0.5},
        {"fault": Fault.DELAY, "seconds": math.inf},
        {"fault": Fault.CRASH, "agents": PathGlob("a,b")},
        {"fault": Fault.CRASH, "start": -1.0},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(options):
    """A rule made in Python is held to the same bounds."""
    with pytest.raises(ConfigError, match="chaos"):
        ChaosRule(**options)


@given(PLANS, PATHS, st.lists(st.tuples(PATHS, st.integers(1, 50)), max_size=20))
def test_decisions_do_not_depend_on_what_others_do(plan, path, others):
    """The n-th message of an agent meets the same faults in any interleaving."""
    alone = [plan.decide(path, nth, 0.0) for nth in range(1, 6)]
    mixed = []
    for nth in range(1, 6):
        for other, number in others:
            plan.decide(other, number, 0.0)
        mixed.append(plan.decide(path, nth, 0.0))
    assert alone == mixed


@given(RATE, RATE, st.integers(), st.integers(1, 1000))
def test_rates_nest(one, other, seed, nth):
    """What a low rate hits a higher rate hits too."""
    low, high = sorted([one, other])
    hit = [
        bool(Chaos((ChaosRule(Fault.DROP, rate=r),), seed=seed).decide("/a", nth, 0.0))
        for r in (low, high)
    ]
    assert hit[0] <= hit[1]


def test_a_rate_is_met_by_every_agent_on_its_own():
    """Over 20,000 messages of an agent, a rate of 0.1 hits within 5 sigma, each agent elsewhere."""
    plan = Chaos.parse("crash=0.1", seed=1)
    hits = [{n for n in range(20_000) if plan.decide(path, n, 0.0)} for path in ("/a", "/b")]
    assert all(abs(len(hit) - 2000) < 5 * math.sqrt(20_000 * 0.09) for hit in hits)
    assert abs(len(hits[0] & hits[1]) - 200) < 5 * math.sqrt(20_000 * 0.0099)


def test_another_seed_hits_elsewhere():
    """The seed decides which messages are hit."""
    hits = [
        [bool(Chaos.parse("drop=0.5", seed=seed).decide("/a", n, 0.0)) for n in range(64)]
        for seed in (1, 2, 1)
    ]
    assert hits[0] == hits[2] != hits[1]


def test_a_crash_falls_on_both_sides():
    """A crash is before the effect about as often as after it."""
    plan = Chaos.parse("crash=1")
    sides = [plan.decide("/a", n, 0.0)[0].where for n in range(2000)]
    assert abs(sides.count(Where.BEFORE) - 1000) < 120
    assert sides.count(Where.AFTER) == 2000 - sides.count(Where.BEFORE)


def test_a_delay_is_drawn_up_to_its_seconds():
    """A delay lies between 0 and the declared seconds, and uses that range."""
    plan = Chaos.parse("delay=2s")
    lengths = [plan.decide("/a", n, 0.0)[0].seconds for n in range(2000)]
    assert min(lengths) >= 0.0
    assert max(lengths) < 2.0
    assert abs(sum(lengths) / 2000 - 1.0) < 0.1


def test_a_hang_lasts_as_declared():
    """A hang has its seconds, or none where nobody said."""
    assert Chaos.parse("hang=1:2s").decide("/a", 1, 0.0)[0].seconds == 2.0
    assert Chaos.parse("hang=1").decide("/a", 1, 0.0)[0].seconds is None


def test_a_kill_falls_on_its_message_once():
    """kill=AGENT:N ends the agent at its N-th message and at no other."""
    assert [n for n in range(1, 50) if only("kill=pay:20", nth=n)] == [20]
    assert only("kill=pay:20", nth=20, path="/shop/stock") == []


def test_windows_limit_the_time():
    """A rule hits from its start on and before its end."""
    times = [now for now in (0.0, 9.9, 10.0, 19.9, 20.0) if only("drop=1@10s..20s", now=now)]
    assert times == [10.0, 19.9]


def test_one_ending_for_a_message():
    """Of drop, kill, hang and crash one comes, and a dropped message meets nothing else."""
    every = "crash=1,hang=1,kill=1.0,delay=0,duplicate=1"
    assert only(every) == [Fault.DUPLICATE, Fault.DELAY, Fault.KILL]
    assert only(every + ",drop=1") == [Fault.DROP]
    assert only("crash=1,hang=1") == [Fault.HANG]


def test_a_slow_store_concerns_the_store_only():
    """Store rules do not touch messages, and message rules do not touch the store."""
    plan = Chaos.parse("slow_store[pay]=2s,crash=1")
    assert [each.fault for each in plan.decide("/pay", 1, 0.0)] == [Fault.CRASH]
    assert 0.0 <= plan.decide_store("/pay", 1, 0.0).seconds < 2.0
    assert plan.decide_store("/stock", 1, 0.0) is None


@given(PLANS, PATHS, st.integers(1, 30), st.floats(min_value=0, max_value=1e6))
def test_a_narrowed_plan_decides_the_same(plan, path, nth, now):
    """Leaving out the rules for others changes no decision for an agent."""
    assert plan.decide(path, nth, now) == plan.narrow(path).decide(path, nth, now)


def test_another_source_of_chance_decides():
    """A simulation may answer for the seed: 0 hits wherever the rate is above 0, 1 never."""
    plan = Chaos.parse("crash=0.001")
    assert plan.decide("/a", 1, 0.0, draw=lambda _label: 0.0)
    assert not plan.decide("/a", 1, 0.0, draw=lambda _label: 0.999)


def test_the_stream_is_fixed():
    """The hash is part of the format: a seed written down last year gives the same faults."""
    plan = Chaos.parse("crash=0.05", seed=1)
    assert [27, 46, 83, 105, 142] == [n for n in range(1, 200) if plan.decide("/a", n, 0.0)]
