"""`Results`: what finished requests came to, for whoever asks again under the same key.

In memory it mirrors what the store has, which nobody else may write: so a new
request costs no look into the store.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import attrs

from harmonium.actors.store.items import DeleteItem, PutItem
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.ports import Store
from harmonium.supervisors.decision_records import short
from harmonium.supervisors.durable_layout import Keep, results_of

__all__ = ["Kept", "Results"]

_PAGE = 1000


@attrs.frozen(slots=True)
class Kept:
    """How the last run under one key ended.

    Args:
        value: The result, encoded; None if it failed and was undone.
        runs: How often it was run.
        until: When it is forgotten, on the coordinator's clock.
    """

    value: Any
    runs: int
    until: float


class Results:
    """The results of one coordinator.

    Args:
        path: The coordinator's path.
        keep: How many, and for how long.
    """

    def __init__(self, path: str, keep: Keep) -> None:
        self._space = results_of(path)
        self._keep = keep
        # The first one of a dict is found by passing all that were deleted before it.
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    async def load(self, store: Store) -> None:
        """Read what is there, the oldest first."""
        found, after = [], ""
        state = store.state(self._space)
        while page := await state.list(after=after, limit=_PAGE):
            found += page
            after = page[-1].key
        for item in sorted(found, key=lambda item: item.revision):
            until = item.expires_at or item.at + self._keep.results_for
            self._kept[item.key] = Kept(item.data["value"], item.data["runs"], until)

    def find(self, id: str, now: float) -> Kept | None:
        """Give how the last run under a key ended; None when it is not known any more."""
        kept = self._kept.get(short(id))
        return None if kept is None or kept.until <= now else kept

    def add(self, id: str, value: Any, runs: int, now: float) -> Iterator[Operation]:
        """Give what keeps one more, and forgets the oldest when there are too many."""
        key, keep = short(id), self._keep
        self._kept.pop(key, None)  # the newest stands last
        self._kept[key] = Kept(value, runs, now + keep.results_for)
        data = {"value": value, "runs": runs}
        yield PutItem(self._space, key, data, ttl=keep.results_for)
        while self._kept:
            oldest = next(iter(self._kept))
            if len(self._kept) <= keep.results and self._kept[oldest].until > now:
                return
            del self._kept[oldest]
            yield DeleteItem(self._space, oldest)
