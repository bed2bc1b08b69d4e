"""Policies as a system file holds them."""

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.reliability import (
    BreakerPolicy,
    BulkheadPolicy,
    HedgePolicy,
    Policy,
    RateLimit,
    RetryBudget,
    RetryPolicy,
)
from harmonium.protocols.reliability.policy_table import policy_from_table

WHOLE = {
    "timeout": "2s",
    "attempt_timeout": 0.5,
    "retry": {
        "attempts": 4,
        "on": ["OSError"],
        "never": "ValueError",
        "backoff": {"initial": "50ms", "maximum": "1s", "jitter": 0.5},
        "in_doubt": False,
    },
    "retry_budget": {"ratio": 0.1, "window": "30s"},
    "breaker": {"failure_rate": 0.4, "open_for": {"initial": "1s"}, "slow_after": "100ms"},
    "bulkhead": {"concurrent": 3, "waiting": 0, "max_wait": "1s"},
    "rate": {"per_second": 50, "burst": 5, "max_wait": "10ms"},
    "hedge": {"after": "20ms", "copies": 2},
}


def test_every_part_has_its_keys():
    """The names of the arguments are the keys; durations may be texts."""
    assert policy_from_table("policy", WHOLE) == Policy(
        timeout=2.0,
        attempt_timeout=0.5,
        retry=RetryPolicy(
            4,
            on=OSError,
            never=("ValueError",),
            backoff=Backoff(0.05, 1.0, jitter=0.5),
            in_doubt=False,
        ),
        retry_budget=RetryBudget(ratio=0.1, window=30.0),
        breaker=BreakerPolicy(failure_rate=0.4, open_for=Backoff(1.0), slow_after=0.1),
        bulkhead=BulkheadPolicy(3, waiting=0, max_wait=1.0),
        rate=RateLimit(50, burst=5, max_wait=0.01),
        hedge=HedgePolicy(0.02, copies=2),
    )
    assert policy_from_table("policy", {}) == Policy()


@pytest.mark.parametrize(
    ("table", "place", "text"),
    [
        ({"retri": {}}, "p.retri", "retry"),
        ({"retry": {"attemps": 1}}, "p.retry.attemps", "attempts"),
        ({"retry": 3}, "p.retry", "no table"),
        ({"timeout": "soon"}, "p.timeout", "soon"),
        ({"timeout": True}, "p.timeout", "no duration"),
        ({"retry": {"attempts": 0}}, "p.retry.attempts", "at least 1"),
        ({"retry": {"on": 7}}, "p.retry.on", "no names"),
        ({"rate": {}}, "p.rate", "no per_second"),
        ({"hedge": {"copies": "x"}}, "p.hedge.copies", "'x'"),
        ({"rate": {"per_second": "many"}}, "p.rate.per_second", "no number"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(table, place, text):
    """The nearest known key is named too."""
    with pytest.raises(ConfigError, match=text) as caught:
        policy_from_table("p", table)
    assert caught.value.path == place
