"""`Pool`: a supervisor whose children are copies of one agent, and share its mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loguru import logger

from harmonium.actors.agent import Agent
from harmonium.actors.cell import RUNNING, Cell
from harmonium.actors.handlers import Handler, HandlerTable
from harmonium.protocols.lifecycle import Failed as ChildFailed
from harmonium.protocols.waiting import Refuse
from harmonium.supervisors.carrier import Carrier
from harmonium.supervisors.core import effects, events
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import Child, Status
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_scaler import Scaler
from harmonium.supervisors.pool_sizing import change_size
from harmonium.supervisors.pool_spec import HAND_OVER, PoolSettings
from harmonium.supervisors.pool_traffic import Traffic
from harmonium.supervisors.spec import SupervisorSpec
from harmonium.supervisors.supervisor import Supervisor

__all__ = ["Pool"]


class _Change:
    """Stands for the pool as whoever gave an order to its supervisor's core."""

    who = "The pool"

    def __init__(self, pool: Pool) -> None:
        self.pool = pool


class _PoolCarrier(Carrier):
    """Saves a member's mail before what becomes of the member would end it."""

    _supervisor: Pool

    def carry_out(self, effect: effects.Effect) -> None:
        """Carry one effect out."""
        if isinstance(effect, effects.Answer) and isinstance(effect.request, _Change):
            effect.request.pool.heard(effect.value)
            return
        if isinstance(effect, effects.Release):
            self._supervisor.leaves(effect.child)
        elif isinstance(effect, effects.Park) and isinstance(effect.mail, Refuse):
            self._supervisor.is_away(effect.child)
        super().carry_out(effect)


class Pool(Supervisor):
    """Runs the members of one pool; their mail does not pass through it.

    Args:
        spec: What to supervise; its `pool` says how mail is spread.
        reports: Whether restarts are charged to a budget above it, too.
    """

    def __init__(self, spec: SupervisorSpec, *, reports: bool = False) -> None:
        super().__init__(spec, reports=reports)
        assert spec.pool is not None  # noqa: S101 - for the type checker
        self.settings: PoolSettings = spec.pool
        self.__table__ = _table(spec)  # type: ignore[misc]
        self.members: dict[str, Member] = {}
        self.wanted = self.settings.size
        self._orders: list[Any] = []
        self._drains: list[bool] = []
        self._failed_starts: list[str] = []
        self._orderly = _Change(self)
        self._drain_timer: Any = None
        self._carrier = _PoolCarrier(self)
        self.traffic = Traffic(self._cell, self.settings)
        self.traffic.on_progress = self._check_drains
        self.scaler: Scaler | None = None
        self._set_scaler()

    def _set_scaler(self) -> None:
        if self.scaler is not None:
            self.scaler.stop()
        policy = self.settings.autoscale
        self.scaler = None
        if policy is not None:
            self.scaler = Scaler(self._cell, policy, self.traffic, self._scale)
        self.traffic.count(on=policy is not None)

    async def started(self) -> None:
        """Start the members; ready when they are."""
        await super().started()
        if self.scaler is not None:
            self.scaler.start(self.wanted)

    # -- what happens

    def happen(self, event: Any) -> None:
        """Let the core decide about one event; sizes are decided here."""
        if isinstance(event, events.Resize):
            self._order(event)
            return
        super().happen(event)
        if isinstance(event, events.Reconfigure):
            self._reconfigured()
        self._refresh()

    def _failed(self, child: Cell, report: ChildFailed) -> None:
        member = self.members.get(child.id)
        if member is not None and self.settings.on_member_crash is HAND_OVER:
            self.is_away(member.id, alone=False)
        super()._failed(child, report)

    def _stop_children(self, then: Callable[[], None]) -> None:
        self._close()
        super()._stop_children(then)

    def escalate(self, cause: Cause) -> None:
        """Fail with the member's own exception."""
        self._close()
        super().escalate(cause)

    def _close(self) -> None:
        if self.scaler is not None:
            self.scaler.stop()
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self.traffic.close()
        self._answer_orders(Outcome.STOPPING, "the pool is stopping")

    # -- members

    def _refresh(self) -> None:
        """See who is there and who takes mail."""
        if self._cell.more.route is not self.traffic:
            return
        table, cells = self.state.table, self._cell.children or {}
        for id in [id for id in self.members if table.get(id) is None]:
            del self.members[id]
        for child in table:
            if child.id not in self.members and child.id in cells:
                self.members[child.id] = self._member(cells[child.id])
        self._adopt()
        self._check_drains()

    def _member(self, cell: Cell) -> Member:
        # While it is being made nobody knows, and until then its mail counts as out of turn.
        table: HandlerTable | None = getattr(cell.agent, "__table__", None)
        return Member(int(cell.id), cell, in_turn=table is not None and not table.reentrant)

    def _adopt(self) -> None:
        """Tell the traffic who takes mail, where that has changed."""
        everybody = sorted(self.members.values(), key=lambda one: one.number)
        taking = []
        for member in everybody:
            child = self.state.table.get(member.id)
            member.taking = child is not None and not member.draining and self._takes(child, member)
            if member.taking:
                taking.append(member)
        before = self.traffic
        changed = [one.draining for one in everybody] != self._drains
        if taking != before.members or everybody != before.everybody or changed:
            self._drains = [one.draining for one in everybody]
            before.adopt(taking, everybody)

    def _takes(self, child: Child, member: Member) -> bool:
        """Whether new mail may go there: it is up, or its keys wait for its restart."""
        if child.status is Status.RUNNING:
            return member.cell.state is RUNNING or self._keeps()
        return self._keeps() and child.incarnation > 0 and child.status in _ON_THE_WAY

    def _keeps(self) -> bool:
        return self.settings.router.keyed and self.settings.on_member_crash is not HAND_OVER

    def is_away(self, id: str, *, alone: bool = True) -> None:
        """A member is away for a while: the others get its mail.

        Args:
            id: The member.
            alone: Whether its mail leaves it also when nobody else is up.
        """
        member = self.members.get(id)
        if member is None or self._cell.more.route is not self.traffic:
            return
        others = [one for one in self.traffic.members if one is not member]
        if not others and not alone:
            return
        member.taking = False
        self.traffic.adopt(others, self.traffic.everybody)
        self.traffic.hand_over(member)

    def leaves(self, id: str) -> None:
        """A member is about to end for good."""
        self.is_away(id)
        member = self.members.pop(id, None)
        if member is not None:
            member.gone = True
            if self._cell.more.route is self.traffic:
                self._adopt()

    # -- size

    def _scale(self, size: int, why: str) -> None:
        """Follow the autoscaling policy."""
        self._resize(size, f"{self.wanted} to {size} members: {why}")

    def _order(self, event: events.Resize) -> None:
        """Follow an operator."""
        least, most = self.settings.bounds
        if event.count < least or (most is not None and event.count > most):
            bounds = f"from {least}" if most is None else f"from {least} to {most}"
            reply = Reply(Outcome.INVALID, "", 0, f"its size is {bounds}")
            self._cell.ground.settle(event.request, reply, failed=False)
            return
        if self._cell.more.route is not self.traffic:
            reply = Reply(Outcome.STOPPING, "", 0, "the pool is stopping")
            self._cell.ground.settle(event.request, reply, failed=False)
            return
        self._orders.append(event.request)
        self._resize(event.count, f"{self.wanted} to {event.count} members: an operator wants it.")
        if self.scaler is not None:
            self.scaler.start(event.count)

    def _resize(self, size: int, why: str) -> None:
        choice = "grow" if size > self.wanted else "shrink" if size < self.wanted else "resize"
        logger.bind(path=self.path).info("{}: {} {}", self.path, choice, why)
        self.wanted = size
        self._failed_starts.clear()
        super().happen(events.Scaled(choice, why))
        self._go_to(size)
        self._refresh()

    def _go_to(self, size: int) -> None:
        staying = [one.number for one in self.members.values() if not one.draining]
        leaving = [one.number for one in self.members.values() if one.draining and not one.told]
        taken = [one.number for one in self.members.values() if one.told]
        change = change_size(staying, leaving, size, taken=taken)
        for number in change.back:
            self.members[str(number)].draining = False
        for number in change.drain:
            self._drain(self.members[str(number)])
        for number in change.start:
            spec = self.state.spec.member(number)
            super().happen(events.StartChild(self._orderly, spec, spec.id))

    def _drain(self, member: Member) -> None:
        member.draining = True
        limit = self.settings.drain
        if limit is not None:
            ground = self._cell.ground
            member.late = ground.clock() + limit
            self._drain_timer = ground.after(limit, ground.signal, self._cell, self._check_drains)

    def _check_drains(self) -> None:
        """Stop the members that have drained, or whose time is over."""
        if self._cell.more.route is not self.traffic:
            return
        for member in list(self.members.values()):
            if not member.draining or member.told:
                continue
            late = self.settings.drain is not None and self._cell.ground.clock() >= member.late
            if late or member.is_idle():
                if late:
                    self.traffic.hand_over(member)
                member.told = True
                self.happen(events.StopChild(self._orderly, member.id))
        self._settle()

    # -- orders

    def heard(self, reply: Reply) -> None:
        """Take the answer of our own core: a member has started, failed to, or stopped."""
        if reply.outcome is Outcome.FAILED:
            self._failed_starts.append(f"{reply.child}: {reply.cause}")

    def _settle(self) -> None:
        """Answer those who ordered a size when all came up and all have gone."""
        if any(one.draining for one in self.members.values()):
            return
        if any(one.status in (Status.STARTING, Status.STOPPING) for one in self.state.table):
            return
        if not self._failed_starts:
            self._answer_orders(Outcome.OK, f"{self.wanted} members")
            return
        failures, self._failed_starts = "; ".join(self._failed_starts), []
        self.wanted = len(self.members)
        if self.scaler is not None:
            self.scaler.start(self.wanted)
        self._answer_orders(Outcome.FAILED, failures)

    def _answer_orders(self, outcome: Outcome, cause: str) -> None:
        orders, self._orders = self._orders, []
        for request in orders:
            self._cell.ground.settle(request, Reply(outcome, "", 0, cause), failed=False)

    def _reconfigured(self) -> None:
        """Take over what a new spec says of the pool; its size only where that has changed."""
        new = self.state.spec.pool
        if new is None or new == self.settings:
            return
        before, self.settings = self.settings, new
        self.traffic.configure(new)
        self._set_scaler()
        size = self.wanted
        if new.autoscale is None and new.size != before.size:
            size = new.size
        least, most = new.bounds
        size = max(least, size if most is None else min(size, most))
        self._resize(size, f"{self.wanted} to {size} members: its spec was changed.")
        if self.scaler is not None:
            self.scaler.start(self.wanted)

    def about(self) -> dict[str, Any]:
        """Describe the pool for people: size, router, who takes mail, how much waits."""
        return {
            "size": self.wanted,
            "router": type(self.settings.router).__name__,
            "live": len(self.traffic.members),
            "draining": sum(one.draining for one in self.members.values()),
            "queued": self.traffic.queued(),
            "decision": None
            if self.scaler is None or self.scaler.last is None
            else self.scaler.last.reason,
        }


_ON_THE_WAY = (Status.STARTING, Status.PENDING, Status.WAITING, Status.STOPPING)


def _table(spec: SupervisorSpec) -> HandlerTable:
    """The contract of the members; nothing is handled in the pool itself."""
    birth: Any = None if spec.template is None else spec.template.start
    if isinstance(birth.factory, type) and issubclass(birth.factory, Agent):
        table, members = HandlerTable({}, None, ()), birth.factory.__table__
        table.accepts, table.contract = members.accepts, members.contract
        return table
    anything = Handler("route", _nobody, frozenset({object}), False, False, False)
    return HandlerTable({}, anything, ())


def _nobody(_: Any, message: Any) -> None:
    """Stand for the handlers of members whose class is known only when they are made."""
