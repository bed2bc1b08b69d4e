"""`Cause`: why something failed, as data that a decision can be made from."""

from __future__ import annotations

from functools import lru_cache

import attrs

from harmonium.protocols.lifecycle import Exit
from harmonium.protocols.quick import maker, quick

__all__ = ["Cause", "class_name"]


def class_name(error: type[BaseException]) -> str:
    """Name an exception class so that it can stand in a file.

    Example:
        >>> class_name(KeyError), class_name(attrs.exceptions.FrozenError)
        ('KeyError', 'attr.exceptions.FrozenError')
    """
    module = error.__module__
    return error.__qualname__ if module == "builtins" else f"{module}.{error.__qualname__}"


@quick
@attrs.frozen(slots=True)
class Cause:
    """Why a child failed.

    Decisions read only the text fields, so that a journal replays without the
    exception; the exception itself travels along for those who pass it on.

    Args:
        text: One line: class and text of the error, or the reason of an exit.
        lineage: Names of the error's class and its bases, the most specific
            first; empty where there was no exception.
        error: The exception itself, or None; no part of equality.
    """

    text: str
    lineage: tuple[str, ...] = ()
    error: BaseException | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, error: BaseException) -> Cause:
        """Describe an exception.

        Example:
            >>> Cause.of(KeyError("sku")).lineage[:2]
            ('KeyError', 'LookupError')
        """
        return _make(_line(error), _lineage(type(error)), error)  # type: ignore[arg-type]

    @classmethod
    def of_exit(cls, reason: Exit) -> Cause:
        """Describe the reason of an exit: its exception where it has one."""
        return cls.of(reason.error) if reason.error is not None else cls(str(reason))

    def bare(self) -> Cause:
        """Give the same without the exception, which would keep its frames alive."""
        return self if self.error is None else _make(self.text, self.lineage)

    def __str__(self) -> str:
        return self.text


_make = maker(Cause)


@lru_cache(maxsize=256)  # the names cost 2 us, and each crash asks for them
def _lineage(kind: type[BaseException]) -> tuple[str, ...]:
    return tuple(class_name(base) for base in kind.__mro__[:-1])


def _line(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "its text cannot be made"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
