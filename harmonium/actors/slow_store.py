"""`SlowStore`: a store whose results come late to agents, as a chaos plan says.

What is written is written as soon as without it, and in the same order; only the
news of it is late. Results for callers outside of any agent's turn are not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from harmonium.actors.store.pending import Pending, settle

if TYPE_CHECKING:
    from harmonium.actors.store.ports import Store
    from harmonium.actors.switchboard import Switchboard

__all__ = ["SlowStore", "slow_store"]

_PARTS = frozenset({"streams", "topics", "leases", "idempotency"})
_FACTORIES = frozenset({"state", "log"})
_AT_ONCE = frozenset({"close", "aclose", "statistics"})


def slow_store(ground: Switchboard, store: Store, seconds: Callable[[], float]) -> Store:
    """Give a store that is as slow as `seconds()` says for each operation; 0 for no slower."""
    return cast("Store", SlowStore(ground, store, seconds))


class SlowStore:
    """Stands before a store, or before one of its parts.

    Args:
        ground: Where time passes.
        inner: The store or part.
        seconds: Asked for each operation: how much later its result comes.
    """

    def __init__(self, ground: Switchboard, inner: Any, seconds: Callable[[], float]) -> None:
        self.inner = inner
        self._ground = ground
        self._seconds = seconds
        self._late: dict[Pending[Any], Pending[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name in _PARTS:
            return self._part(found)
        if name in _FACTORIES:
            return lambda *args: self._part(found(*args))
        if name in _AT_ONCE or not callable(found):
            return found
        return lambda *args, **kwargs: self._later(found(*args, **kwargs))

    def release(self) -> None:
        """Give all results that are being held back; for the end of a ground."""
        for late in list(self._late):
            self._give(late)

    def _part(self, part: Any) -> SlowStore:
        slow = SlowStore(self._ground, part, self._seconds)
        slow._late = self._late
        return slow

    def _later(self, result: Any) -> Any:
        if not isinstance(result, Pending) or not self._ground.in_thread():
            return result
        seconds = self._seconds()
        if seconds <= 0.0:
            return result
        late: Pending[Any] = Pending()
        self._late[late] = result

        def done() -> None:
            if self._ground.open:
                self._ground.after(seconds, self._give, late)
            else:
                self._give(late)

        result.then(done, self._ground.call_threadsafe)
        return late

    def _give(self, late: Pending[Any]) -> None:
        result = self._late.pop(late, None)
        if result is None:
            return
        try:
            outcome: tuple[Any, BaseException | None] = result.result(), None
        except Exception as error:  # it belongs to whoever waits
            outcome = None, error
        settle([(late, outcome)])
