"""Pipelines from tables, as a system file (TOML) holds them.

Keys are the arguments of `Pipeline`, `Step` and `Conflict` under their names;
messages, values and conditions are written as `harmonium.protocols.pipeline.formula`
reads them. Unknown keys are refused, and the nearest known one is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.checks import inside
from harmonium.protocols.durations import read_duration
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.fallback import (
    Escalate,
    Fail,
    FallbackRule,
    Hedge,
    Prefer,
    Retry,
    Skip,
    To,
    Use,
)
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung, Rung
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.pipeline.formula import Messages, read_condition, read_formula
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.reliability.policy_table import policy_from_table
from harmonium.protocols.table_keys import check_keys
from harmonium.protocols.voting import (
    Approval,
    Borda,
    InstantRunoff,
    Majority,
    Plurality,
    Priority,
    Score,
    SeededDraw,
    Supermajority,
    Unanimity,
    Weighted,
)
from harmonium.protocols.voting import Escalate as EscalateTie

__all__ = ["pipeline_from_table"]

Table = Mapping[str, Any]


def pipeline_from_table(
    table: Table, messages: Messages, *, place: str = "pipeline"
) -> Pipeline[Any, Any]:
    """Read a pipeline.

    Args:
        table: What the file has for it.
        messages: The message classes by the name that the file uses.
        place: Where in the file it stands, for errors.

    Raises:
        ConfigError: If a key, a message or a value is wrong, with its place.
        SpecError: If the pipeline itself is wrong.

    Example:
        >>> from harmonium.protocols.signals import Terminated
        >>> table = {"request": "Gone", "steps": [{"name": "a", "to": "x", "timeout": "1s"}]}
        >>> pipeline_from_table(table, {"Gone": Terminated}).steps[0].timeout
        1.0
    """
    return _Reader(messages).pipeline(place, table)


_RULES = {
    "majority": Majority,
    "plurality": Plurality,
    "supermajority": Supermajority,
    "unanimity": Unanimity,
    "weighted": Weighted,
    "borda": Borda,
    "runoff": InstantRunoff,
    "approval": Approval,
    "score": Score,
}


class _Reader:
    """Reads the parts of a pipeline; each method takes the place and what stands there."""

    def __init__(self, messages: Messages) -> None:
        self.messages = messages

    def pipeline(self, place: str, data: Any) -> Pipeline[Any, Any]:
        readers: dict[str, Callable[[str, Any], Any]] = {
            "request": self.message_class,
            "steps": self.list_of(self.step),
            "result": self.value,
            "name": _text,
            "conflicts": self.list_of(self.conflict),
            "enough": self.condition,
            "timeout": _seconds,
            "within": _seconds,
            "undo_fallback": self.list_of(self.rule),
        }
        fields = _fields(place, data, readers, needs=("request", "steps"))
        return Pipeline(**fields)

    def step(self, place: str, data: Any) -> Step[Any]:
        readers: dict[str, Callable[[str, Any], Any]] = {
            "name": _text,
            "to": _text,
            "topic": _text,
            "pipeline": self.pipeline,
            "vote": self.vote,
            "person": self.ladder,
            "send": self.formula,
            "after": _texts,
            "when": self.condition,
            "each": self.formula,
            "concurrency": _whole,
            "expect": self.list_of(self.message_class),
            "refused": self.list_of(self.message_class),
            "timeout": _seconds,
            "fallback": self.list_of(self.rule),
            "policy": policy_from_table,
            "gather": self.gather,
            "undo": self.formula,
            "undo_to": _text,
            "undo_timeout": _seconds,
            "undo_fallback": self.list_of(self.rule),
            "undo_policy": policy_from_table,
            "undo_in_doubt": _bool,
        }
        return Step(**_fields(place, data, readers, needs=("name",)))

    def conflict(self, place: str, data: Any) -> Conflict:
        readers: dict[str, Callable[[str, Any], Any]] = {
            "name": _text,
            "between": _texts,
            "when": self.condition,
            "resolve": self.list_of(self.rule),
        }
        return Conflict(**_fields(place, data, readers, needs=("name", "between", "when")))

    # --- Messages and values ----------------------------------------------

    def message_class(self, place: str, data: Any) -> type:
        cls = self.messages.get(data) if isinstance(data, str) else None
        if cls is None:
            remedy = did_you_mean(str(data), self.messages)
            raise ConfigError(place, f"no message {data!r}", remedy)
        return cls

    def formula(self, place: str, data: Any) -> Any:
        """Read a message or value; the bare name of a message is its class."""
        if isinstance(data, str) and not data.startswith("$"):
            return self.message_class(place, data)
        return read_formula(place, data, self.messages)

    def value(self, place: str, data: Any) -> Any:
        return read_formula(place, data, self.messages)

    def condition(self, place: str, data: Any) -> Any:
        return read_condition(place, data, self.messages)

    def list_of(self, reader: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
        def read(place: str, data: Any) -> tuple[Any, ...]:
            if not isinstance(data, list | tuple):
                data = [data]
            return tuple(reader(f"{place}[{n}]", one) for n, one in enumerate(data))

        return read

    def gather(self, place: str, data: Any) -> Gather:
        fields = _fields(place, data, {"want": _whole, "least": _whole})
        return inside(place, lambda: Gather(**fields), ConfigError)

    # --- Rules and ladders ------------------------------------------------

    def rule(self, place: str, data: Any) -> FallbackRule:
        """Read a rule: its word, what belongs to it, and the errors that it covers."""
        word = _word(place, data, _RULE_KEYS)
        keys = {"on": _texts} if word != "hedge" else {}
        readers = {word: _as_is, **_RULE_KEYS[word], **keys}
        given = _fields(place, data, readers)
        value, where = given.pop(word), f"{place}.{word}"
        make: dict[str, Callable[[], FallbackRule]] = {
            "retry": lambda: Retry(_whole(where, value), **given),
            "use": lambda: Use(self.value(where, value), **given),
            "send": lambda: Use(message=self.formula(where, value), **given),
            "to": lambda: To(_text(where, value), **given),
            "hedge": lambda: Hedge(_seconds(where, value), **given),
            "escalate": lambda: Escalate(self.ladder(where, value), **given),
            "skip": lambda: Skip(**given),
            "fail": lambda: Fail(**given),
            "prefer": lambda: Prefer(_text(where, value), **given),
        }
        return inside(place, make[word], ConfigError)

    def ladder(self, place: str, data: Any) -> Ladder:
        if isinstance(data, str):
            data = [{"person": data}] if place.endswith(".person") else [{"agent": data}]
        rungs = self.list_of(self.rung)(place, data)
        return inside(place, lambda: Ladder(*rungs), ConfigError)

    def rung(self, place: str, data: Any) -> Rung:
        word = _word(place, data, ("agent", "person", "rule"))
        if word == "agent":
            keys = {"agent": _text, "send": self.formula, "timeout": _seconds, "expect": _texts}
            given = _fields(place, data, keys)
            return AgentRung(given.pop("agent"), **given)
        if word == "person":
            given = _fields(
                place,
                data,
                {
                    "person": _text,
                    "question": _text,
                    "options": _texts,
                    "expect": self.list_of(self.message_class),
                    "timeout": _seconds,
                },
            )
            return PersonRung(given.pop("person"), **given)
        given = _fields(place, data, {"rule": self.value, "name": _text})
        return RuleRung(given.pop("rule"), **given)

    # --- Votes ------------------------------------------------------------

    def vote(self, place: str, data: Any) -> Vote:
        own = {
            "among": _names_or_path,
            "deadline": _seconds,
            "tie": _tie,
            "options": _texts,
            "early": _bool,
            "undecided_is_result": _bool,
        }
        name = data.get("rule", "majority") if isinstance(data, Mapping) else None
        cls: Any = _RULES.get(name) if isinstance(name, str) else None
        if cls is None:
            raise ConfigError(f"{place}.rule", f"no rule {name!r}", did_you_mean(str(name), _RULES))
        of_rule = {field.alias: field for field in attrs.fields(cls) if field.init}
        must = [name for name, field in of_rule.items() if field.default is attrs.NOTHING]
        readers = {"rule": _text, **dict.fromkeys(of_rule, _as_is), **own}
        given = _fields(place, data, readers, needs=("among", *must))
        given.pop("rule", None)
        options = {key: given.pop(key) for key in of_rule if key in given}
        made = inside(place, lambda: cls(**options), ConfigError)
        return inside(place, lambda: Vote(given.pop("among"), rule=made, **given), ConfigError)


# --- Single values --------------------------------------------------------


def _fields(
    place: str,
    data: Any,
    readers: Mapping[str, Callable[[str, Any], Any]],
    *,
    needs: tuple[str, ...] = (),
) -> dict[str, Any]:
    table = check_keys(place, data, readers, needs=needs)
    return {key: readers[key](f"{place}.{key}", value) for key, value in table.items()}


def _word(place: str, data: Any, words: Iterable[str]) -> str:
    found = [word for word in words if isinstance(data, Mapping) and word in data]
    if "hedge" in found and "to" in found:
        found.remove("to")  # there it says who gets the second copy
    if len(found) != 1:
        raise ConfigError(place, f"{data!r} is not clear", f"give one of {', '.join(words)}")
    return found[0]


def _expected(place: str, data: Any, what: str) -> ConfigError:
    return ConfigError(place, f"{data!r} is the wrong sort of value", f"give {what}")


def _as_is(_: str, data: Any) -> Any:
    return data


def _text(place: str, data: Any) -> str:
    if not isinstance(data, str):
        raise _expected(place, data, "a text")
    return data


def _texts(place: str, data: Any) -> tuple[str, ...]:
    many = [data] if isinstance(data, str) else data
    if not isinstance(many, list | tuple):
        raise _expected(place, data, "a list of texts")
    return tuple(_text(f"{place}[{n}]", one) for n, one in enumerate(many))


def _whole(place: str, data: Any) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise _expected(place, data, "a whole number")
    return data


def _bool(place: str, data: Any) -> bool:
    if not isinstance(data, bool):
        raise _expected(place, data, "true or false")
    return data


def _seconds(place: str, data: Any) -> float:
    return read_duration(place, data)


def _wait(place: str, data: Any) -> Any:
    if not isinstance(data, Mapping):
        return _seconds(place, data)
    keys = {"initial": _seconds, "maximum": _seconds, "factor": _as_is, "jitter": _as_is}
    fields = _fields(place, data, keys)
    return inside(place, lambda: Backoff(**fields), ConfigError)


def _names_or_path(place: str, data: Any) -> Any:
    if isinstance(data, str) and data.startswith("$"):
        return read_formula(place, data, {})
    return data if isinstance(data, str) else _texts(place, data)


def _tie(place: str, data: Any) -> Any:
    word = _word(place, data, ("draw", "priority", "escalate"))
    readers = {"draw": _whole, "priority": _texts, "escalate": _text}
    value = _fields(place, data, readers)[word]
    make: dict[str, Callable[[Any], Any]] = {
        "draw": SeededDraw,
        "priority": Priority,
        "escalate": EscalateTie,
    }
    return inside(place, lambda: make[word](value), ConfigError)


_RULE_KEYS: Mapping[str, Mapping[str, Callable[[str, Any], Any]]] = {
    "retry": {"backoff": _wait},
    "use": {},
    "send": {},
    "to": {},
    "hedge": {"to": _text},
    "escalate": {},
    "skip": {},
    "fail": {},
    "prefer": {},
}
