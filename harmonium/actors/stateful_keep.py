"""`self.keep`: values that outlive the agent, read and written with `await` in a handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import attrs

from harmonium.actors.from_thread import LONGEST, hand_over
from harmonium.actors.handlers import lane_of
from harmonium.actors.promise import Promise
from harmonium.actors.stateful import tenure_of
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.state_ports import StateStore
from harmonium.actors.store.values import Change, Fence, Item
from harmonium.protocols.message import is_message

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground
    from harmonium.actors.store.watching import Watch

__all__ = ["Keep", "Kept", "KeptChange"]

T = TypeVar("T")


@attrs.frozen(slots=True)
class Kept(Generic[T]):
    """A value that is kept.

    Args:
        key: Its key.
        value: The value.
        revision: Which write it is; what `compare_and_set` compares.
        at: When it was written, in seconds of the store's clock.
        expires_at: When it ends, or None.
    """

    key: str
    value: T
    revision: int
    at: float
    expires_at: float | None


@attrs.frozen(slots=True)
class KeptChange:
    """What a watch reports: a value was written, or is gone.

    Args:
        key: The key.
        kept: The value as it is now; None when it was deleted or expired.
    """

    key: str
    kept: Kept[Any] | None


class Keep:
    """The kept values of one incarnation, in the namespace of its agent's path.

    A value is a JSON value, bytes, or a message. What is read is a copy. Each
    method hands its work over at once and gives a promise: ``await`` it, or
    call its ``result()`` in a blocking handler. A write is durable when its
    promise is settled; until then a crash may lose it, never a part of it.

    Writes are fenced by the incarnation: once another incarnation of the same
    path has begun to use its values, here or in another process, a write of
    this one raises `StaleToken`. A first read waits until all that the one
    before has handed over is durable.

    Raises (from each method):
        AgentDead: If this incarnation has ended.
        StoreError: If the store is closed or fails (when awaited).
    """

    def __init__(self, agent: Any, namespace: str | None = None) -> None:
        self._agent = agent
        self._namespace = namespace

    def shared(self, namespace: str) -> Keep:
        """Give the values of another namespace: a name that agents share, or an agent's path.

        Several agents may write there: use `compare_and_set`.
        """
        return Keep(self._agent, namespace)

    @overload
    def get(self, key: str) -> Promise[Any]: ...
    @overload
    def get(self, key: str, kind: type[T]) -> Promise[T | None]: ...
    @overload
    def get(self, key: str, kind: type[T], default: T) -> Promise[T]: ...
    def get(self, key: str, kind: Any = None, default: Any = None) -> Promise[Any]:
        """Read a value.

        Args:
            key: The key.
            kind: The message class it must be; None gives the JSON value.
            default: What to give when it is not there or has expired.

        Raises (when awaited):
            CodecError: If it is no message of this class.
        """
        return self._read(
            lambda state: state.get(key),
            lambda item: default if item is None else self._value(item, kind),
        )

    def item(self, key: str, kind: type[T] | None = None) -> Promise[Kept[Any] | None]:
        """Read a value with its revision and times; None when it is not there."""
        return self._read(
            lambda state: state.get(key),
            lambda item: None if item is None else self._kept(item, kind),
        )

    def list(
        self,
        prefix: str = "",
        kind: type | None = None,
        *,
        after: str = "",
        limit: int = 1000,
    ) -> Promise[tuple[Kept[Any], ...]]:
        """Read up to `limit` values, sorted by key, whose key begins with `prefix`.

        Args:
            prefix: What the keys begin with.
            kind: The message class they must be; None gives JSON values.
            after: Only keys above this: the last key of the page before.
            limit: Most values to read.
        """
        return self._read(
            lambda state: state.list(prefix, after=after, limit=limit),
            lambda items: tuple(self._kept(item, kind) for item in items),
        )

    def put(self, key: str, value: Any, *, ttl: float | None = None) -> Promise[int]:
        """Write a value, whatever is there, and give its revision.

        Args:
            key: The key.
            value: A JSON value, bytes or a message.
            ttl: After how many seconds it is gone, above 0; None keeps it.
        """
        data = self._data(value)
        return self._write(lambda state, fence: state.put(key, data, ttl=ttl, fence=fence))

    def compare_and_set(
        self, key: str, value: Any, *, revision: int | None, ttl: float | None = None
    ) -> Promise[int | None]:
        """Write a value if nobody has written since; gives its revision, else None.

        Args:
            key: The key.
            value: A JSON value, bytes or a message.
            revision: What the value had when it was read; None: it must not be there.
            ttl: After how many seconds it is gone, above 0; None keeps it.
        """
        data = self._data(value)
        return self._write(
            lambda state, fence: state.compare_and_set(
                key, data, revision=revision, ttl=ttl, fence=fence
            )
        )

    def delete(self, key: str) -> Promise[bool]:
        """Delete a value; False when it was not there."""
        return self._write(lambda state, fence: state.delete(key, fence=fence))

    def watch(
        self, prefix: str, make: Callable[[KeptChange], Any], kind: type | None = None
    ) -> Promise[None]:
        """Send this agent a message for each change of a key that begins with `prefix`.

        It ends with the incarnation. Changes of this process come in order,
        right after they are durable; of several that another process makes in
        one polling interval, the last. A full mailbox makes dead letters of them.

        Args:
            prefix: What the keys begin with.
            make: Makes the message of the change; None sends nothing.
            kind: The message class of the values; None gives JSON values.
        """
        agent = self._agent
        cell, incarnation = agent._cell, agent._cell.incarnation

        def arrived(change: Change) -> None:
            if cell.agent is not agent or cell.incarnation != incarnation:
                return
            kept = None if change.item is None else self._kept(change.item, kind)
            message = make(KeptChange(change.key, kept))
            if message is not None:
                cell.ground.lane(cell, message, None)
                cell.ground.post_or_bounce(None, cell, message, lane_of(type(message)))

        def hear(change: Change) -> None:
            cell.ground.call_threadsafe(lambda: arrived(change))

        def begun(watch: Watch) -> None:
            cell.ground.stateful.remember(cell, watch)

        return self._read(lambda state: state.watch(prefix, hear), begun)

    # -- how it is done

    def _data(self, value: Any) -> Any:
        return self._agent._cell.ground.stateful.pack(value) if is_message(value) else value

    def _value(self, item: Item, kind: type | None) -> Any:
        if kind is None:
            return item.data
        return self._agent._cell.ground.stateful.unpack((kind,), item.data)

    def _kept(self, item: Item, kind: type | None) -> Kept[Any]:
        value = self._value(item, kind)
        return Kept(item.key, value, item.revision, item.at, item.expires_at)

    def _read(
        self, query: Callable[[StateStore], Pending[T]], convert: Callable[[T], Any]
    ) -> Promise[Any]:
        return self._do(lambda state, _: query(state), convert)

    def _write(self, operation: Callable[[StateStore, Fence], Pending[T]]) -> Promise[T]:
        return self._do(operation, lambda result: result)

    def _do(
        self, call: Callable[[StateStore, Fence], Pending[T]], convert: Callable[[T], Any]
    ) -> Promise[Any]:
        agent = self._agent
        tenure_of(agent).check()
        if agent._cell.offloop:
            done = hand_over(agent, lambda: self._begin(call, convert))
            return done.result(LONGEST)  # type: ignore[no-any-return]
        return self._begin(call, convert)

    def _begin(
        self, call: Callable[[StateStore, Fence], Pending[T]], convert: Callable[[T], Any]
    ) -> Promise[Any]:
        agent = self._agent
        ground: Ground = agent._cell.ground
        state = ground.stateful.store.state(self._namespace or agent.path)
        outcome: Promise[Any] = Promise(ground)

        def begun(tenure: Promise[Fence]) -> None:
            try:
                pending = call(state, tenure.result())
            except BaseException as error:  # it belongs to whoever waits
                outcome.fail(error)
            else:
                pending.then(lambda: over(pending), ground.call_threadsafe)

        def over(pending: Pending[T]) -> None:
            try:
                value = convert(pending.result())
            except BaseException as error:  # it belongs to whoever waits
                outcome.fail(error)
            else:
                outcome.settle(value)

        tenure_of(agent).begin().then(begun)
        return outcome
