"""Why an attempt failed, as data that crosses processes and comes back from a log."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.protocols import errors

__all__ = ["Failure", "describe", "names_of"]

_NOT_DONE = (
    errors.MailboxFull,
    errors.UnknownAgent,
    errors.EnvelopeExpired,
    errors.Unavailable,
    errors.BudgetExceeded,
    errors.DefinitionError,
    errors.CodecError,
)


@attrs.frozen(slots=True)
class Failure:
    """Why an attempt failed.

    Args:
        error: Name of the error's class, or of the message that refused.
        text: The error's text.
        kinds: Every name that an ``on=`` may use for it; `error` is always
            one of them, the names of base classes are others.
        in_doubt: Whether the agent may have done the work all the same: true
            after a crash, a death or a timeout, false when it answered or was
            never reached.
    """

    error: str
    text: str = ""
    kinds: tuple[str, ...] = ()
    in_doubt: bool = attrs.field(default=True, kw_only=True)

    def is_any(self, names: Iterable[str]) -> bool:
        """Say whether one of these names is a name of this failure."""
        return any(name == self.error or name in self.kinds for name in names)

    def __str__(self) -> str:
        return f"{self.error}: {self.text}" if self.text else self.error


def describe(error: BaseException) -> Failure:
    """Turn an exception into the failure that a log can hold.

    An `AskFailed` goes by the name of the error that the agent raised; the
    names of all base classes are kept, so that ``on=DeliveryError`` covers an
    `AgentDead`.

    Example:
        >>> failure = describe(errors.AskTimeout("/shop/stock", 0.5))
        >>> failure.error, failure.is_any(["TimeoutError"]), failure.in_doubt
        ('AskTimeout', True, True)
    """
    kinds = tuple(c.__name__ for c in type(error).__mro__ if c is not object)
    in_doubt = not isinstance(error, _NOT_DONE)
    if isinstance(error, errors.AskFailed):
        return Failure(error.error_type, error.text, (error.error_type, *kinds), in_doubt=in_doubt)
    return Failure(type(error).__name__, str(error), kinds, in_doubt=in_doubt)


def names_of(on: str | type | Iterable[str | type] | None) -> tuple[str, ...]:
    """Bring an ``on=`` to names: classes give theirs, a single one may stand alone.

    Example:
        >>> names_of((TimeoutError, "PaymentDeclined"))
        ('TimeoutError', 'PaymentDeclined')
    """
    if on is None:
        return ()
    if isinstance(on, (str, type)):
        on = (on,)
    return tuple(one if isinstance(one, str) else one.__name__ for one in on)
