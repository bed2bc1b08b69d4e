"""The text of a chaos plan, as ``--chaos`` takes it."""

from __future__ import annotations

import math
import re
from typing import Any

from harmonium.protocols.chaos_rule import (
    EVERY_AGENT,
    NEEDS_SECONDS,
    TAKES_SECONDS,
    ChaosRule,
    Fault,
)
from harmonium.protocols.durations import parse_duration
from harmonium.protocols.errors import ConfigError, DefinitionError
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.path_glob import PathGlob

__all__ = ["read_chaos"]

_COMMA = re.compile(r",(?![^\[\]]*\])")
_ITEM = re.compile(
    r"(?P<name>[^\[=@\s]+)\s*(?:\[(?P<agents>.+)\])?\s*=\s*(?P<value>[^@]+?)\s*"
    r"(?:@\s*(?P<window>.*))?"
)
_EXAMPLE = "write it as crash[payment*]=0.1@10s..20s"


def read_chaos(text: str) -> tuple[tuple[ChaosRule, ...], int | None]:
    """Read the rules of a plan, and its seed or None where it has none.

    Raises:
        ConfigError: If a part is unknown or wrong; it names that part, and the
            nearest known name.
    """
    rules, seed = [], None
    for item in map(str.strip, _COMMA.split(text)):
        form = _form(item)
        if form["name"] == "seed":
            seed = _seed(item, form)
        else:
            rules.append(_read(item, form))
    return tuple(rules), seed


def _form(item: str) -> re.Match[str]:
    form = _ITEM.fullmatch(item)
    if form is None:
        raise ConfigError(f"chaos {item!r}", "is no NAME=VALUE", _EXAMPLE)
    return form


def _seed(item: str, form: re.Match[str]) -> int:
    if form["agents"] or form["window"] or not re.fullmatch(r"-?\d{1,19}", form["value"]):
        raise ConfigError(f"chaos {item!r}", "a seed is a whole number", "write it as seed=7")
    return int(form["value"])


def _read(item: str, form: re.Match[str]) -> ChaosRule:
    known = {fault.value: fault for fault in Fault}
    if form["name"] not in known:
        remedy = did_you_mean(form["name"], [*known, "seed"])
        raise ConfigError(f"chaos {item!r}", f"there is no fault {form['name']!r}", remedy)
    fault = known[form["name"]]
    try:
        options = _options(fault, form)
    except ValueError as problem:
        raise ConfigError(f"chaos {item!r}", str(problem)) from None
    except DefinitionError as error:
        what = f"{error.path} {error.problem}"
        raise ConfigError(f"chaos {item!r}", what, error.remedy) from None
    return ChaosRule(fault, **options)


def _options(fault: Fault, form: re.Match[str]) -> dict[str, Any]:
    agents, value = form["agents"], form["value"]
    if fault is Fault.KILL and ":" in value:
        if agents:
            raise ValueError("names its agents twice")
        agents, _, value = value.rpartition(":")
    rate, seconds, nth = _amounts(fault, value)
    start, end = _window(form["window"])
    glob = PathGlob(agents.strip()) if agents else EVERY_AGENT
    return {
        "rate": rate,
        "seconds": seconds,
        "nth": nth,
        "agents": glob,
        "start": start,
        "end": end,
    }


def _amounts(fault: Fault, value: str) -> tuple[float, float | None, int | None]:
    if fault is Fault.KILL:
        if re.fullmatch(r"\d{1,15}", value):
            return 1.0, None, int(value)
        return _rate(value), None, None
    first, colon, second = (part.strip() for part in value.partition(":"))
    if fault in NEEDS_SECONDS:
        return (_rate(second) if colon else 1.0), parse_duration(first), None
    if not colon:
        return _rate(first), None, None
    if fault in TAKES_SECONDS:
        return _rate(first), parse_duration(second), None
    raise ValueError(f"{fault.value} takes a chance alone, and {value!r} has two parts")


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no chance; write a number from 0 to 1") from None


def _window(text: str | None) -> tuple[float, float]:
    if text is None:
        return 0.0, math.inf
    start, dots, end = (part.strip() for part in text.partition(".."))
    if not dots or not (start or end):
        raise ValueError(f"{text!r} is no window; write @10s..20s, @10s.. or @..20s")
    return (
        parse_duration(start) if start else 0.0,
        parse_duration(end) if end else math.inf,
    )
