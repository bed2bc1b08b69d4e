"""A disk that the tests hold in their hands."""

from __future__ import annotations

from collections.abc import Callable


class FakeDisk:
    """Syncs when it is told to, and can lose or tear what was not synced."""

    def __init__(self, records: list[bytes] | None = None) -> None:
        self.kept = list(records or [])
        self.unsynced: list[bytes] = []
        self.full = False
        self._done: Callable[[OSError | None], None] | None = None

    def append(self, record: bytes) -> None:
        if self.full:
            raise OSError("no space left")
        self.unsynced.append(record)

    def sync(self, done: Callable[[OSError | None], None]) -> None:
        assert self._done is None, "one sync at a time"
        self._done = done

    def records(self) -> list[bytes]:
        return self.kept

    def truncate(self, records: int) -> None:
        del self.kept[records:]

    def finish(self, error: OSError | None = None) -> None:
        """End the sync that runs."""
        done, self._done = self._done, None
        if error is None:
            self.kept += self.unsynced
            self.unsynced = []
        if done is not None:
            done(error)

    def finish_all(self) -> None:
        while self._done is not None:
            self.finish()

    def after_power_cut(self, surviving_bytes: int = 0) -> FakeDisk:
        """What is there afterwards: all that was synced, and the beginning of the rest."""
        torn = [record[:surviving_bytes] for record in self.unsynced[:1] if surviving_bytes]
        return FakeDisk(self.kept + torn)
