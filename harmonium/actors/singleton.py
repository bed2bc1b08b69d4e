"""`Singleton`: one agent in one of several systems, by a lease in the store they share.

The lease ends by time, so a system that died does not block the others; its
token goes with every write of the agent, so one that was only slow can do no
harm. (Leases: Gray and Cheriton, 1989; fencing tokens: Kleppmann, 2016.)
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from loguru import logger

from harmonium.actors import burying
from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.agent import Agent
from harmonium.actors.birth import Birth
from harmonium.actors.cell import NO_MAIL, RUNNING, Cell
from harmonium.actors.handlers import Handler, HandlerTable
from harmonium.actors.promise import Promise
from harmonium.actors.route import take_mail
from harmonium.actors.store.values import Fence, Lease
from harmonium.protocols.errors import (
    DefinitionError,
    MailboxFull,
    StaleToken,
    StoreError,
    Unavailable,
)
from harmonium.protocols.lifecycle import Exit, ExitKind, Failed, Report
from harmonium.protocols.reliability.lease import LeasePolicy

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.store.pending import Pending
    from harmonium.actors.store.ports import Store
    from harmonium.actors.store.state_ports import Leases
    from harmonium.protocols.lanes import Lane

__all__ = ["LeadershipChanged", "Singleton"]

T = TypeVar("T")


@attrs.frozen(slots=True)
class LeadershipChanged:
    """A singleton has won or lost its lease here.

    Args:
        path: The singleton.
        leads: Whether its agent runs here now.
        token: The fencing token of the lease it has or had.
        why: In a few words.
    """

    path: str
    leads: bool
    token: int
    why: str


class Singleton(Agent):
    """Runs an agent while this system holds a lease, and forwards its mail.

    Declare it in each system: ``child(Singleton, Cron, id="cron")``. The one that
    holds the lease runs the agent as its child ``leader``; a message to the
    singleton is a message to it. Elsewhere a message is a dead letter at once
    and its asker hears `Unavailable`.

    What the agent and all below it write with `keep` or `persist` carries the
    lease's token: once another system leads, the store refuses it. When the
    lease cannot be renewed in time the agent is killed, before anybody else can
    have the lease, by this system's clock; its mail becomes dead letters. A stop
    gives the lease back at once. A crash of the agent restarts it here, with its
    mail, under a new token, and is charged to the singleton's supervisor.

    Args:
        agent: The agent class, a function that makes the agent, or a `Birth`.
        args: For its constructor.
        lease: Name of the lease; the singleton's path if not given.
        policy: How long the lease lasts without renewal.
        kwargs: For the agent's constructor.

    Raises (at its start):
        DefinitionError: If the system has no store.
    """

    def __init__(
        self,
        agent: Any,
        *args: Any,
        lease: str = "",
        policy: LeasePolicy | None = None,
        **kwargs: Any,
    ) -> None:
        cell = self._cell
        self._birth = agent if isinstance(agent, Birth) else Birth(agent, args, kwargs)
        self._name = lease or f"singleton:{cell.path}"
        self._policy = policy or LeasePolicy()
        self._holder = f"{cell.ground.prefix}{cell.path}"
        self._lease: Lease | None = None
        self._leader: Cell | None = None
        self._timers: dict[str, Any] = {}
        self._ended = False
        self._tried = False
        self.__table__ = _table(self._birth)  # type: ignore[misc]
        self._adopt_mail()

    @property
    def leader_fence(self) -> Fence | None:
        """What all writes below carry."""
        return None if self._lease is None else self._lease.fence

    @property
    def leads(self) -> bool:
        """Whether the agent runs here."""
        return self._leader is not None

    async def started(self) -> None:
        """Try once; ready when it is known whether this system leads."""
        await self._try()

    async def stopped(self) -> None:
        """Give the lease back, after the agent has ended."""
        lease = self._end()
        if lease is not None:
            with contextlib.suppress(StoreError):  # it then ends by time
                await self._do(lambda leases: leases.release(lease))

    def before_restart(self, cause: BaseException, message: Any) -> None:
        """Keep the lease: the next incarnation acquires it again, with a new token."""
        self._tried = False
        self._end()

    def _end(self) -> Lease | None:
        self._ended = True
        for timer in self._timers.values():
            timer.cancel()
        lease, self._lease, self._leader = self._lease, None, None
        return lease

    @property
    def _store(self) -> Store:
        store = self._cell.ground.store
        if store is None:
            raise DefinitionError(
                self.path, "a singleton needs a store that the systems share", "System(store=...)"
            )
        return store

    # -- the lease

    def _do(self, call: Callable[[Leases], Pending[T]]) -> Promise[T]:
        leases = self._store.leases
        return self._cell.ground.stateful.do(lambda: call(leases))

    def _try(self) -> Promise[None]:
        """Ask for the lease."""
        asked_at = self.now()
        tried: Promise[None] = Promise(self._cell.ground)

        def told(promise: Promise[Lease | None]) -> None:
            error = promise.exception()
            try:
                if error is not None and not isinstance(error, StoreError):
                    raise error
                self._won(promise.result() if error is None else None, asked_at)
            except BaseException as raised:  # the agent did not start: so does its singleton
                tried.fail(raised)
                self._crash_unless_starting(raised)
            else:
                tried.settle(None)

        name, holder, seconds = self._name, self._holder, self._policy.seconds
        self._do(lambda leases: leases.acquire(name, holder, seconds)).then(told)
        return tried

    def _crash_unless_starting(self, error: BaseException) -> None:
        cell = self._cell
        if self._is_on() and cell.state is RUNNING:
            cell.ground.signal(cell, _raise, error)

    def _won(self, lease: Lease | None, asked_at: float) -> None:
        if not self._is_on():
            return
        self._tried = True
        if lease is None:
            self._work_off_waiting()
            self._after("try", self._policy.seconds / 3.0, self._try)
            return
        self._lease = lease
        self._prolonged(asked_at)
        ground, cell = self._cell.ground, self._cell
        leader = ground.spawn(cell, self._birth, "leader")
        failure = leader.more_.failure if leader.more_ is not None else None
        if failure is not None:
            burying.abandon(leader)
            raise failure[0]
        self._leader = leader
        self._changed("it has the lease")
        self._work_off_waiting()

    def _prolonged(self, asked_at: float) -> None:
        now = self.now()
        self._after("renew", self._policy.renew_at(asked_at) - now, self._renew)
        self._after("demote", self._policy.safe_until(asked_at) - now, self._late)

    def _renew(self) -> None:
        lease, asked_at = self._lease, self.now()
        if lease is None:
            return

        def told(promise: Promise[Lease]) -> None:
            if self._lease is not lease or not self._is_on():
                return
            error = promise.exception()
            if error is None:
                self._prolonged(asked_at)
            elif isinstance(error, StaleToken):
                self._demote("another system has taken it")
            else:
                self._after("renew", self._policy.seconds / 6.0, self._renew)

        self._do(lambda leases: leases.renew(lease, self._policy.seconds)).then(told)

    def _late(self) -> None:
        self._demote("it could not be renewed in time")

    def _demote(self, why: str) -> None:
        """End the agent at once: somebody else may lead from now on."""
        leader, self._leader = self._leader, None
        for timer in self._timers.values():
            timer.cancel()
        self._changed(f"the lease is lost: {why}", leads=False)
        self._lease = None
        if leader is not None:
            reason = Exit(ExitKind.KILLED, f"the lease is lost: {why}")
            leader.ground.signal(leader, burying.kill, leader, reason)
        self._after("try", self._policy.seconds / 3.0, self._try)

    def _changed(self, why: str, *, leads: bool = True) -> None:
        token = 0 if self._lease is None else self._lease.token
        logger.bind(path=self.path).info("{}: {}", self.path, why)
        self._cell.ground.observers.emit(LeadershipChanged(self.path, leads, token, why))

    def _after(self, name: str, delay: float, call: Any) -> None:
        before = self._timers.pop(name, None)
        if before is not None:
            before.cancel()

        def fire() -> None:
            if self._is_on():
                call()

        self._timers[name] = self._cell.ground.after(max(0.0, delay), fire)

    def _is_on(self) -> bool:
        return not self._ended and self._cell.agent is self and self._cell.ground.open

    # -- the mail: what `Route` asks for

    def _adopt_mail(self) -> None:
        """Have mail brought to `take`; what is there waits until it is known who leads."""
        cell = self._cell
        if cell.mailbox is NO_MAIL:
            cell.mailbox = deque()
        cell.mailbox.extend(take_mail(cell))
        cell.limit = 0
        cell.more.route = self

    def take(self, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Bring an envelope to the agent; gives what `tell` gives."""
        if self._leader is not None:
            return self._cell.ground.deliver(self._leader, envelope, lane)
        self.arrive(envelope, lane)
        return ACCEPTED

    def arrive(self, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Take an envelope that was accepted when it was sent."""
        ground = self._cell.ground
        if self._leader is None:
            if self._tried:
                self._refuse(envelope)
            else:  # between two incarnations, or before it is known who leads
                self._cell.mailbox.append(envelope)
            return
        try:
            ground.deliver(self._leader, envelope, lane)
        except MailboxFull as error:
            ground.sent += 1
            ground.dead_letter(self._leader, envelope, "mailbox full", error)

    def has_room(self, coming: int) -> bool:
        """Whether one more may be sent."""
        leader = self._leader
        return leader is None or len(leader.mailbox) + coming < leader.birth.mailbox

    def _work_off_waiting(self) -> None:
        """Bring what waits to the agent, or refuse it."""
        waiting = list(self._cell.mailbox)
        self._cell.mailbox.clear()
        for envelope in waiting:
            self.arrive(envelope, None)

    def _refuse(self, envelope: RawEnvelope) -> None:
        error = Unavailable(self.path, None, "another system leads")
        self._cell.ground.dead_letter(self._cell, envelope, "not the leader", error)

    def _child_report(self, child: Cell, report: Report) -> None:
        """Save the mail of an agent that crashed for the next one."""
        if isinstance(report, Failed) and child is self._leader:
            self._leader = None
            self._tried = False
            self._cell.mailbox.extend(take_mail(child))
        super()._child_report(child, report)


def _table(birth: Birth) -> HandlerTable:
    """The contract of the agent; nothing is handled here."""
    agent: Any = birth.factory
    if isinstance(agent, type) and issubclass(agent, Agent):
        table = HandlerTable({}, None, ())
        table.accepts, table.contract = agent.__table__.accepts, agent.__table__.contract
        return table
    anything = Handler("take", _nobody, frozenset({object}), False, False, False)
    return HandlerTable({}, anything, ())


def _nobody(_: Any, message: Any) -> None:
    """Stand for the handlers of an agent whose class is known only when it is made."""


def _raise(error: BaseException) -> None:
    raise error
