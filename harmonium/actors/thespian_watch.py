"""`Watch`: Thespian's `ThespianWatch`, files that wake an actor, on an event loop.

An actor watches for as long as each of its `receiveMessage` returns a
`ThespianWatch`: any other result, for whatever message, ends the watch, as on
Thespian's own bases. Wrap `receiveMessage` so that it always returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from thespian.actors import WatchMessage

__all__ = ["Watch"]


class Watch:
    """The files that one actor watches.

    Ready files are announced once and watched again after the actor has
    looked at them: they stay ready until it has read them.

    Args:
        loop: The event loop.
        announce: Called with each `WatchMessage`.
    """

    def __init__(self, loop: Any, announce: Callable[[WatchMessage], None]) -> None:
        self._loop = loop
        self._announce = announce
        self._files: tuple[int, ...] = ()

    def renew(self, files: Iterable[int]) -> None:
        """Watch these files, and no others, from now on."""
        self.cancel()
        self._files = tuple(files)
        for file in self._files:
            self._loop.add_reader(file, self._ready, file)

    def cancel(self) -> None:
        """Watch nothing any more."""
        files, self._files = self._files, ()
        for file in files:
            self._loop.remove_reader(file)

    def _ready(self, file: int) -> None:
        self.cancel()
        self._announce(WatchMessage([file]))
