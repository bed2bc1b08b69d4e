"""Policies from tables, as a system file (TOML) holds them.

Keys are the arguments of `Policy` and its parts under their names; durations are
seconds or texts like ``250ms``; ``open_for`` and ``backoff`` may be a table of a
`Backoff`. Unknown keys are refused, and the nearest known one is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.checks import inside
from harmonium.protocols.durations import read_duration
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.reliability.breaker import BreakerPolicy
from harmonium.protocols.reliability.bulkhead import BulkheadPolicy
from harmonium.protocols.reliability.hedge import HedgePolicy
from harmonium.protocols.reliability.policy import Policy
from harmonium.protocols.reliability.rate_limit import RateLimit
from harmonium.protocols.reliability.retry import RetryPolicy
from harmonium.protocols.reliability.retry_budget import RetryBudget
from harmonium.protocols.table_keys import check_keys

__all__ = ["policy_from_table"]

_PARTS: Mapping[str, type[Any]] = {
    "retry": RetryPolicy,
    "retry_budget": RetryBudget,
    "breaker": BreakerPolicy,
    "bulkhead": BulkheadPolicy,
    "rate": RateLimit,
    "hedge": HedgePolicy,
}
_SECONDS = frozenset(
    {
        "timeout",
        "attempt_timeout",
        "window",
        "seconds",
        "slow_after",
        "open_for",
        "trial_timeout",
        "max_wait",
        "after",
        "initial",
        "maximum",
        "stable_for",
    }
)
_BACKOFFS = frozenset({"backoff", "open_for"})
_NAMES = frozenset({"on", "never", "ignore"})


def policy_from_table(place: str, data: Any) -> Policy:
    """Read a policy.

    Args:
        place: Where in the file it stands, for errors.
        data: What the file has for it.

    Raises:
        ConfigError: If a key or a value is wrong, with its place.

    Example:
        >>> table = {"timeout": "2s", "retry": {"attempts": 4}, "rate": {"per_second": 50}}
        >>> policy = policy_from_table("policy", table)
        >>> policy.timeout, policy.retry.attempts, policy.rate.per_second
        (2.0, 4, 50)
    """
    policy: Policy = _build(place, data, Policy, _part)
    return policy


def _part(place: str, key: str, value: Any) -> Any:
    if key in _PARTS:
        return _build(place, value, _PARTS[key], _of_hedge if key == "hedge" else _value)
    return _value(place, key, value)


def _of_hedge(place: str, key: str, value: Any) -> Any:
    return value if key == "window" else _value(place, key, value)  # a number of answers there


def _value(place: str, key: str, value: Any) -> Any:
    if key in _BACKOFFS and isinstance(value, Mapping):
        return _build(place, value, Backoff, _value)
    if key in _SECONDS and key != "backoff":
        return read_duration(place, value)
    if key in _NAMES:
        return _names(place, value)
    return value


def _build(place: str, data: Any, cls: type[Any], read: Callable[[str, str, Any], Any]) -> Any:
    fields = {field.name: field for field in attrs.fields(cls) if field.init}
    must = [name for name, field in fields.items() if field.default is attrs.NOTHING]
    table = check_keys(place, data, fields, needs=must)
    values = {key: read(f"{place}.{key}", key, value) for key, value in table.items()}
    return inside(place, lambda: cls(**values), ConfigError)


def _names(place: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise ConfigError(place, f"{value!r} are no names", "write a list of names of errors")
    return tuple(names)
