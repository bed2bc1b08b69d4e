"""The agent of the example: a helper."""

from __future__ import annotations

from examples.support.book import Book
from examples.support.messages import Request, Solved
from harmonium import Agent, handles

__all__ = ["Helper"]


class Helper(Agent):
    """Helps one customer at a time.

    Args:
        book: Where conversations are kept.
        pace: Seconds that a request takes.
    """

    def __init__(self, book: Book, pace: float) -> None:
        self.book = book
        self.pace = pace

    @handles
    async def help(self, request: Request) -> Solved:
        """Think for a while, then answer."""
        turn = self.book.begin(request.customer, request.number, self.path)
        try:
            await self.sleep(self.pace)
        finally:
            self.book.end(request.customer)
        return Solved(request.number, self.path, turn)
