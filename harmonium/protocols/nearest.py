"""The known name that a mistyped one most likely means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Name the known word that looks most like `name`; None when none does.

    Example:
        >>> nearest("crush", ["hang", "crash"])
        'crash'
    """
    words = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), words, n=1)
    return words[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Make the remedy of an unknown name: the nearest known one, else all of them.

    Example:
        >>> did_you_mean("crush", ["hang", "crash"])
        "did you mean 'crash'?"
        >>> did_you_mean("x", ["hang", "crash"])
        'known are crash, hang'
    """
    words = sorted(known)
    guess = nearest(name, words)
    return f"did you mean {guess!r}?" if guess else f"known are {', '.join(words)}"
