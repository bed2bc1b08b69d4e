"""State: the part of a store that offers one namespace of items."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

import asyncio
import builtins
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

from harmonium.actors.store.core import Core
from harmonium.actors.store.items import ANY, DeleteItem, PutItem
from harmonium.actors.store.payload import Payload
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import item_of
from harmonium.actors.store.state_ports import StateStore
from harmonium.actors.store.values import Change, Fence, Item
from harmonium.actors.store.watching import Watch

__all__ = ["State"]


class State(StateStore):
    """The state of one namespace."""

    def __init__(self, core: Core, namespace: str) -> None:
        self._core = core
        self._namespace = namespace

    def get(self, key: str) -> Pending[Item | None]:
        return self._core.read(
            lambda reader: reader.item(self._namespace, key),
            lambda row: None if row is None else item_of(self._namespace, key, row),
        )

    def put(
        self, key: str, data: Payload, *, ttl: float | None = None, fence: Fence | None = None
    ) -> Pending[int]:
        return self._core.write(PutItem(self._namespace, key, data, ttl=ttl), fence)

    def compare_and_set(
        self,
        key: str,
        data: Payload,
        *,
        revision: int | None,
        ttl: float | None = None,
        fence: Fence | None = None,
    ) -> Pending[int | None]:
        operation = PutItem(self._namespace, key, data, revision=revision, ttl=ttl, strict=False)
        return self._core.write(operation, fence)

    def delete(
        self, key: str, *, revision: int | None = None, fence: Fence | None = None
    ) -> Pending[bool]:
        expected = ANY if revision is None else revision
        return self._core.write(DeleteItem(self._namespace, key, revision=expected), fence)

    def list(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Pending[builtins.list[Item]]:
        return self._core.read(
            lambda reader: reader.items(self._namespace, prefix, after, limit),
            lambda rows: [item_of(self._namespace, key, row) for key, row in rows],
        )

    def watch(self, prefix: str, callback: Callable[[Change], object]) -> Pending[Watch]:
        return self._core.watch(Watch(self._namespace, prefix, callback))

    async def changes(self, prefix: str = "") -> AsyncIterator[Change]:
        inbox = _Inbox(asyncio.get_running_loop())
        watch = Watch(self._namespace, prefix, inbox.take, inbox.end)
        await self._core.watch(watch)
        try:
            async for change in inbox:
                yield change
        finally:
            watch.close()


class _Inbox:
    """What an event loop has not read yet of a watch: the last change of each key."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._news = asyncio.Event()
        self._changes: OrderedDict[str, Change] = OrderedDict()
        self._ended = False

    def take(self, change: Change) -> None:
        """Take a change, in any thread."""
        self._call(lambda: self._changes.__setitem__(change.key, change))

    def end(self) -> None:
        """End the iteration after what was taken, in any thread."""
        self._call(lambda: setattr(self, "_ended", True))

    def _call(self, step: Callable[[], object]) -> None:
        # The loop may be closed under its iterator: then nobody reads.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._do, step)

    def _do(self, step: Callable[[], object]) -> None:
        step()
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Change]:
        while not self._ended or self._changes:
            await self._news.wait()
            self._news.clear()
            while self._changes:
                yield self._changes.popitem(last=False)[1]
