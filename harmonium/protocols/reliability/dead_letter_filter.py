"""Which dead letters are meant: a filter as data, and its text."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any, Self

import attrs

from harmonium.protocols.durations import format_duration, parse_duration
from harmonium.protocols.errors import ConfigError, DefinitionError
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.path_glob import PathGlob

__all__ = ["DeadLetterFilter", "Letter"]


@attrs.frozen
class Letter:
    """What is known of a dead letter without its contents.

    Args:
        id: Id of its envelope.
        reason: Why it died, in a few words.
        path: The agent it was for.
        message_type: Name of its message on the wire.
        at: When it died, in seconds.
        correlation_id: The request it belongs to.
        attempts: How often it was tried.
        size: Its size in bytes.
    """

    id: str
    reason: str
    path: str
    message_type: str
    at: float
    correlation_id: str = ""
    attempts: int = 1
    size: int = 0


@attrs.frozen
class DeadLetterFilter:
    """Which letters are meant; every part that is given must fit, none means all.

    Args:
        reason: A pattern for the reason, as in a shell; case does not count.
        path: A pattern for the agent's path.
        type: A pattern for the message's name, as ``orders.*``.
        request: The correlation id.
        older: Only letters that have been dead for so many seconds.
        newer: Only letters that have not.

    Example:
        >>> wanted = DeadLetterFilter.parse("reason=*full* path=/shop/* older=1h")
        >>> wanted.matches(Letter("1", "mailbox full", "/shop/pay", "pay.Charge", 0.0), now=7200.0)
        True
    """

    reason: str | None = attrs.field(default=None, kw_only=True)
    path: PathGlob | None = attrs.field(default=None, kw_only=True)
    type: str | None = attrs.field(default=None, kw_only=True)
    request: str | None = attrs.field(default=None, kw_only=True)
    older: float | None = attrs.field(default=None, kw_only=True)
    newer: float | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a filter: words like ``path=/shop/*``, all of which must fit.

        A value with spaces stands in quotes: ``reason="mailbox full"``.

        Raises:
            ConfigError: If a word is no such part; it names the word, and the
                nearest known name.
        """
        options: dict[str, Any] = {}
        for found in _WORD.finditer(text):
            word, name = found[0], found["name"]
            value = found["quoted"] if found["quoted"] is not None else found["plain"]
            if not name or not value:
                raise ConfigError(f"filter {word!r}", "is no NAME=VALUE", "write path=/shop/*")
            if name not in _READ:
                raise ConfigError(f"filter {word!r}", "is unknown", did_you_mean(name, _READ))
            if name in options:
                raise ConfigError(f"filter {word!r}", f"gives {name} a second time")
            options[name] = _value(word, name, value)
        return cls(**options)

    def matches(self, letter: Letter, now: float) -> bool:
        """Tell whether a letter is meant, at a time in seconds."""
        age = now - letter.at
        return (
            _like(self.reason, letter.reason)
            and _like(self.type, letter.message_type)
            and (self.path is None or self.path.matches(letter.path))
            and (self.request is None or self.request == letter.correlation_id)
            and (self.older is None or age >= self.older)
            and (self.newer is None or age < self.newer)
        )

    def __str__(self) -> str:
        parts = attrs.asdict(self, recurse=False)
        return " ".join(f"{k}={_text(v)}" for k, v in parts.items() if v is not None)


_WORD = re.compile(
    r"(?:(?P<name>[^\s=\"]+)=)?(?:\"(?P<quoted>[^\"]*)\"(?=\s|$)|(?P<plain>[^\s\"]+)|\S+)"
)
_READ: dict[str, Callable[[str], Any]] = {
    "reason": str,
    "path": PathGlob,
    "type": str,
    "request": str,
    "older": parse_duration,
    "newer": parse_duration,
}


def _value(word: str, name: str, value: str) -> Any:
    try:
        return _READ[name](value)
    except DefinitionError as error:
        problem = f"{error.path} {error.problem}"
        raise ConfigError(f"filter {word!r}", problem, error.remedy) from None


def _like(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatch.fnmatchcase(text.lower(), pattern.lower())


def _text(value: Any) -> str:
    text = format_duration(value) if isinstance(value, float) else str(value)
    return f'"{text}"' if re.search(r"\s", text) else text
