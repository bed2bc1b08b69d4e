"""`Stream`: an ask whose answer is preceded by parts of it.

A coordinator tells an asker that streams the result of each step as it ends.
The parts travel like replies, in order and before the answer.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from harmonium.actors.ask import Ask
from harmonium.actors.promise import DONE, Promise
from harmonium.protocols.message import is_message
from harmonium.protocols.partial import Partial

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import Context
    from harmonium.actors.ground import Ground

__all__ = ["BUFFER", "Stream", "StreamAsk", "open_stream"]

T = TypeVar("T")

BUFFER = 1000
"""How many parts wait for a slow reader, if it does not say."""

_END: Any = object()


class StreamAsk(Ask[T]):
    """The ask of a stream: keeps the parts that nobody has read yet.

    Only the ground's thread touches it.
    """

    __slots__ = ("dropped", "limit", "parts", "readers")

    def __init__(
        self,
        ground: Ground,
        owner: Cell | None,
        target: str | Cell,
        timeout: float | None,
        limit: int,
    ) -> None:
        super().__init__(ground, owner, target, timeout)
        self.limit = limit
        self.parts: deque[Partial] = deque()
        self.readers: deque[Promise[Any]] = deque()
        self.dropped = 0

    def settle(self, value: Any, state: int = DONE) -> bool:
        """Take a part, or the answer."""
        if value.__class__ is not Partial:
            return self._end(value, state)
        while self.readers:
            if self.readers.popleft().settle(value):
                return True
        self.parts.append(value)
        if len(self.parts) > self.limit:
            self.parts.popleft()
            self.dropped += 1
        return True

    def read(self, reader: Promise[Any]) -> None:
        """Give a reader the next part, now or when it comes."""
        if self.parts:
            reader.settle(self.parts.popleft())
        elif self.done():
            reader.settle(_END)
        else:
            self.readers.append(reader)

    def leave(self, reader: Promise[Any]) -> None:
        """Take back what was given to a reader that has gone meanwhile."""
        if not reader.done():
            reader.cancel()
        elif not reader.cancelled() and reader.result() is not _END:
            self.parts.appendleft(reader.result())

    def _end(self, value: Any, state: int) -> bool:
        if not super().settle(value, state):
            return False
        readers, self.readers = self.readers, deque()
        for reader in readers:
            reader.settle(_END)
        return True


class Stream(Generic[T]):
    """The parts of an answer, then the answer.

    ``async for part in stream`` (or ``for`` in a plain thread) gives a
    `Partial` with `step` and `value` for each step that ends; the loop ends
    with the request, and raises if that failed. ``await stream``, or
    ``stream.result()`` in a thread, gives the answer, with or without the loop.

    At most `buffer` parts wait to be read. When more come, the oldest is
    dropped and counted in `dropped`: the request never waits for its reader.
    Once the asker has its answer, has timed out or has called `cancel`, no
    further part is sent; the request itself goes on.
    """

    __slots__ = ("_ask",)

    def __init__(self, ask: StreamAsk[T]) -> None:
        self._ask = ask

    @property
    def dropped(self) -> int:
        """How many parts were dropped because the reader was too slow."""
        return self._ask.dropped

    def done(self) -> bool:
        """Whether the answer is there, or will not come."""
        return self._ask.done()

    def cancel(self) -> bool:
        """Want nothing more; False when the answer was there already."""
        return self._ask.cancel()

    def result(self, timeout: float | None = None) -> T:
        """Wait in a plain thread for the answer; see `Promise.result`."""
        return self._ask.result(timeout)

    def __await__(self) -> Generator[Any, None, T]:
        return self._ask.__await__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Partial:
        reader = self._read()
        try:
            part = await reader
        except CancelledError:
            self._ask._ground.call_threadsafe(lambda: self._ask.leave(reader))
            raise
        if part is _END:
            self._check()
            raise StopAsyncIteration
        return part  # type: ignore[no-any-return]

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Partial:
        part = self._read().result()
        if part is _END:
            self._check()
            raise StopIteration
        return part  # type: ignore[no-any-return]

    def _read(self) -> Promise[Any]:
        ask = self._ask
        reader: Promise[Any] = Promise(ask._ground)
        if ask._ground.in_thread():
            ask.read(reader)
        else:
            ask._ground.call_threadsafe(lambda: ask.read(reader))
        return reader

    def _check(self) -> None:
        if not self._ask.cancelled():
            self._ask.result()

    def __repr__(self) -> str:
        return f"<Stream {self._ask!r}>"


def open_stream(
    ground: Ground,
    sender: Cell | None,
    target: Cell | str,
    message: Any,
    *,
    timeout: float | None = 5.0,
    idempotency_key: str | None = None,
    context: Context | None = None,
    buffer: int = BUFFER,
) -> Stream[Any]:
    """Ask, and get the parts of the answer too; as `Ground.ask` in all else."""
    if not isinstance(target, str):
        ground.lane(target, message, None)
    elif not is_message(message):
        ground.refuse(target, message)
    ask: StreamAsk[Any] = StreamAsk(ground, sender, target, timeout, buffer)
    if context is None and sender is None:
        context = ground.new_context()
        if timeout is not None:
            context.expire(ground.clock() + timeout)
    if sender is None and not ground.in_thread():
        ground.call_threadsafe(
            lambda: ground.ask_now(ask, None, target, message, context, idempotency_key)
        )
    else:
        ground.ask_now(ask, sender, target, message, context, idempotency_key)
    return Stream(ask)
