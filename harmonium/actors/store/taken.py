"""`TrimTaken`: delete entries of the topic journal, but none that a subscription has still to take.

The cursors are read in the transaction that deletes, so a subscription that
begins, or is set back, just before cannot lose what it has not had.
"""
# ruff: noqa: D102 - `Operation` has the docstrings

from __future__ import annotations

import attrs

from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.logs import drop_selected

__all__ = ["CURSORS", "JOURNAL", "TrimTaken"]

JOURNAL = "$topics"
"""The log of the journal; names that begin with $ are the store's own."""

CURSORS = "$cursors"
"""The namespace of the cursors."""


@attrs.frozen(slots=True)
class TrimTaken:
    """Delete up to `limit` of the oldest entries that a bound lets go; the result is how many.

    See `TopicJournal.trim_taken`.
    """

    before: float | None = attrs.field(default=None, kw_only=True)
    older: float | None = attrs.field(default=None, kw_only=True)
    keep: int | None = attrs.field(default=None, kw_only=True)
    limit: int = attrs.field(default=10_000, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.selections.add(self)

    def decide(self, draft: Draft, now: float) -> int:
        return drop_selected(draft, draft.loaded.selections[self])

    def lets_go(self, offset: int, at: float, newest: int, now: float) -> bool:
        """Whether an entry may be deleted, as far as its number and its age go.

        Args:
            offset: Its offset.
            at: When it was committed, in seconds.
            newest: The newest offset of the journal; there are no gaps between the two.
            now: The store's clock.
        """
        return (
            (self.keep is not None and offset <= newest - self.keep)
            or (self.older is not None and at < now - self.older)
            or (self.before is not None and at < self.before)
        )
