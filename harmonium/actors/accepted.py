"""`ACCEPTED`: what a `tell` gives that had room at once."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["ACCEPTED", "Accepted"]


class Accepted:
    """Awaitable, and done; one for all, because it says nothing else."""

    __slots__ = ()

    def __await__(self) -> Iterator[None]:
        return iter(())

    def result(self, timeout: float | None = None) -> None:
        """Return at once."""

    def done(self) -> bool:
        """Say that the message is accepted."""
        return True


ACCEPTED = Accepted()
