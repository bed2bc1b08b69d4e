"""`Stateful`: what durable state needs of a ground: a store, a codec, promises, tenures.

A system without a store keeps state in memory: it survives a restart of its
agent and ends with the process, so that one program runs with and without a place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from harmonium.actors.promise import Promise
from harmonium.protocols.errors import AgentDead, StoreError, UnknownAgent

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.ground import Ground
    from harmonium.actors.store.memory import MemoryStore
    from harmonium.actors.store.pending import Pending
    from harmonium.actors.store.ports import Store
    from harmonium.actors.store.values import Fence
    from harmonium.actors.store.watching import Watch
    from harmonium.protocols.codec import Codec

__all__ = ["Stateful", "Tenure", "promise_of", "tenure_of"]

T = TypeVar("T")

HELD = 1e9
"""Seconds of a tenure: it ends when the next incarnation begins, not by time."""

_TENURE = "_harmonium_tenure"


def promise_of(ground: Ground, pending: Pending[T]) -> Promise[T]:
    """Turn the outcome of a store operation into a promise that the ground's thread settles."""
    promise: Promise[T] = Promise(ground)

    def settle() -> None:
        try:
            value = pending.result()
        except BaseException as error:  # it belongs to whoever waits
            promise.fail(error)
        else:
            promise.settle(value)

    pending.then(settle, ground.call_threadsafe)
    return promise


class Stateful:
    """The durable side of one ground; everything here is for the ground's thread.

    Args:
        ground: Whose agents keep state.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._memory: MemoryStore | None = None
        self._codecs: dict[frozenset[type], Codec] = {}
        self._watches: dict[Cell, list[Watch]] = {}

    @property
    def store(self) -> Store:
        """The system's store; one in memory if it was given none."""
        if self._ground.store is not None:
            return self._ground.store
        if self._memory is None:
            from harmonium.actors.store.memory import MemoryStore  # noqa: PLC0415 - an extra

            self._memory = MemoryStore(self._ground.clock)
        return self._memory

    def promise(self, pending: Pending[T]) -> Promise[T]:
        """Turn the outcome of a store operation into a promise."""
        return promise_of(self._ground, pending)

    def do(self, call: Callable[[], Pending[T]]) -> Promise[T]:
        """Hand an operation over; its promise also has the error of a store that takes none."""
        try:
            return self.promise(call())
        except StoreError as error:
            refused: Promise[T] = Promise(self._ground)
            refused.fail(error)
            return refused

    def pack(self, message: Any) -> dict[str, Any]:
        """Turn a message into a JSON value; refs become paths.

        Raises:
            CodecError: If a field holds something else than its annotation says.
        """
        return self._codec((type(message),)).to_primitive(message)

    def unpack(self, classes: Iterable[type], data: Any) -> Any:
        """Make the message, which must be of one of these classes, or an older version of one.

        Raises:
            CodecError: If it is not.
        """
        return self._codec(classes).from_primitive(data)

    def _codec(self, classes: Iterable[type]) -> Codec:
        key = frozenset(classes)
        codec = self._codecs.get(key)
        if codec is None:  # about 1 ms to make, 1 us to find
            from harmonium.protocols.codec import Codec  # noqa: PLC0415 - an extra

            codec = self._codecs[key] = Codec(
                sorted(key, key=lambda cls: cls.__qualname__),
                ref_to_str=lambda ref: str(ref.path),
                str_to_ref=self._ref,
            )
        return codec

    def _ref(self, path: str) -> Any:
        cell = self._ground.registry.find(path)
        if cell is None:
            raise UnknownAgent(path, self._ground.registry.nearest(path, None))
        return cell.ref

    def close(self) -> None:
        """Hand over what is not in the store yet, before the store is closed."""
        self._ground.dead_letters.close()
        self._ground.topics.durable.close()

    def remember(self, cell: Cell, watch: Watch) -> None:
        """Close this watch when the incarnation ends."""
        self._watches.setdefault(cell, []).append(watch)

    def forget(self, cell: Cell) -> None:
        """Close the watches of an incarnation that has ended."""
        for watch in self._watches.pop(cell, ()):
            watch.close()


class Tenure:
    """The right of one incarnation to write: from its first use until the next one begins.

    To begin it is itself a write. So all that an earlier incarnation handed over
    is durable before the next one reads, and what it hands over later is refused
    with `StaleToken`, from whatever process it comes. (Fencing tokens: Kleppmann,
    "How to do distributed locking", 2016.) Below a `Singleton` the token is
    that of its lease.

    Args:
        agent: The incarnation.
    """

    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._fence: Promise[Fence] | None = None

    def check(self) -> None:
        """Refuse an incarnation that has ended, as a task it left behind may be.

        Raises:
            AgentDead: If it has.
        """
        cell = self._agent._cell
        if cell.agent is not self._agent:
            raise AgentDead(cell.path, "this incarnation has ended")

    def begin(self) -> Promise[Fence]:
        """Get the fence for the incarnation's writes; it is acquired once.

        Raises (when awaited):
            StaleToken: If the singleton that it belongs to has lost its lease.
        """
        if self._fence is None:
            self._fence = self._acquire()
        return self._fence

    def _acquire(self) -> Promise[Fence]:
        cell: Cell = self._agent._cell
        stateful: Stateful = cell.ground.stateful
        leader = _leader_fence(cell)
        if leader is not None:
            held = stateful.do(lambda: stateful.store.commit(fence=leader))
            return _then(held, lambda _: leader)
        name = f"agent:{cell.path}"
        acquired = stateful.do(lambda: stateful.store.leases.acquire(name, name, HELD))
        return _then(acquired, lambda lease: lease.fence)  # type: ignore[union-attr]


def tenure_of(agent: Any) -> Tenure:
    """Give an incarnation's tenure."""
    tenure: Tenure | None = agent.__dict__.get(_TENURE)
    if tenure is None:
        tenure = agent.__dict__[_TENURE] = Tenure(agent)
    return tenure


def _leader_fence(cell: Cell) -> Fence | None:
    above = cell.parent
    while above is not None:
        fence: Fence | None = getattr(above.agent, "leader_fence", None)
        if fence is not None:
            return fence
        above = above.parent
    return None


def _then(promise: Promise[T], make: Callable[[T], Fence]) -> Promise[Fence]:
    made: Promise[Fence] = Promise(promise._ground)

    def settle(promise: Promise[T]) -> None:
        error = promise.exception()
        if error is not None:
            made.fail(error)
        else:
            made.settle(make(promise.result()))

    promise.then(settle)
    return made
