"""Operating a supervisor while it runs: from an agent, from the program, from outside.

Commands take the signal lane, before all mail and in every state of the
supervisor, so they are answered at once, also while it starts or a slow child
stops. The answer to a start or a stop tells how it ended; with ``wait=False``,
and in the middle of a group restart, it comes at once and says `PENDING`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from harmonium.actors.ask import Ask
from harmonium.actors.cell import Cell
from harmonium.actors.context import caller
from harmonium.actors.ref import Ref
from harmonium.protocols.errors import AgentDead, SpecError
from harmonium.supervisors.core import events
from harmonium.supervisors.core.answers import Counts, Reply, Row
from harmonium.supervisors.core.explain import explain
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.plan import Action, plan
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec
from harmonium.supervisors.supervisor import Supervisor

__all__ = ["Operations", "apply_plan", "operate"]

T = TypeVar("T")


class Operations:
    """The commands and queries of one supervisor. Each gives a promise.

    Await it in an agent or a service, call `result()` in a plain thread.
    An operator's commands are charged to no restart budget.

    Args:
        ref: The supervisor's handle.

    Raises (when awaited):
        AgentDead: If the supervisor is gone.
        SpecError: If the agent is no supervisor.
    """

    def __init__(self, ref: Ref) -> None:
        self._cell = ref._cell

    def start_child(
        self,
        spec: ChildSpec | None = None,
        *,
        id: str | None = None,
        args: tuple[Any, ...] = (),
        wait: bool = True,
    ) -> Ask[Reply]:
        """Add a child and start it; answered when it is ready or has failed.

        While a group is restarted, or the supervisor boots, the start follows
        the last one of those, and the answer is `PENDING` at once.

        Args:
            spec: The child; None copies the template of a dynamic supervisor.
            id: Another id for it.
            args: Put behind the template's arguments.
            wait: Whether the answer tells how the start ended. If not it comes
                at once, and a start that fails is only logged and journaled.
        """
        return self._ask(lambda request: events.StartChild(request, spec, id, args, wait))

    def stop_child(self, child: str, *, wait: bool = True) -> Ask[Reply]:
        """Stop a child and hold it down; answered when it is gone, or at once."""
        return self._ask(lambda request: events.StopChild(request, child, wait))

    def restart_child(self, child: str, *, wait: bool = True) -> Ask[Reply]:
        """Start a child that is held, finished or quarantined; as `start_child`."""
        return self._ask(lambda request: events.RestartChild(request, child, wait))

    def delete_child(self, child: str) -> Ask[Reply]:
        """Forget the spec of a child that is down."""
        return self._ask(lambda request: events.DeleteChild(request, child))

    def resize(self, partitions: int) -> Ask[Reply]:
        """Have so many partitions run."""
        return self._ask(lambda request: events.Resize(request, partitions))

    def reconfigure(self, spec: SupervisorSpec) -> Ask[Reply]:
        """Take over the limits and policies of a new spec; no child is touched."""
        return self._ask(lambda request: events.Reconfigure(request, spec))

    def which_children(self) -> Ask[tuple[Row, ...]]:
        """List the children with their states, in start order."""
        return self._ask(events.WhichChildren)

    def which_child(self, child: str) -> Ask[Row | None]:
        """Show one child."""
        return self._ask(lambda request: events.WhichChild(request, child))

    def count_children(self) -> Ask[Counts]:
        """Count the children."""
        return self._ask(events.CountChildren)

    def get_spec(self, child: str) -> Ask[ChildSpec | None]:
        """Show the spec of a child."""
        return self._ask(lambda request: events.GetSpec(request, child))

    def journal(self) -> Ask[tuple[Record, ...]]:
        """Give the newest decisions with their inputs; `replay` makes them again."""
        return self._look(lambda supervisor: tuple(supervisor.journal))

    def explain(self, child: str = "") -> Ask[list[str]]:
        """Say in sentences why a child is in its state; "" is the supervisor itself."""
        return self._look(lambda one: explain(one.journal, child, state=one.state))

    def _ask(self, event: Any) -> Ask[Any]:
        def put(supervisor: Supervisor, ask: Ask[Any]) -> None:
            supervisor.happen(event(ask))

        return self._send(put)

    def _look(self, look: Any) -> Ask[Any]:
        def put(supervisor: Supervisor, ask: Ask[Any]) -> None:
            supervisor._cell.ground.settle(ask, look(supervisor), failed=False)

        return self._send(put)

    def _send(self, put: Any) -> Ask[Any]:
        cell = self._cell
        ask: Ask[Any] = Ask(cell.ground, caller(cell.ground), cell, None)

        def send() -> None:
            if cell.agent is None or not cell.alive:
                cell.ground.settle(ask, AgentDead(cell.path), failed=True)
            else:
                cell.ground.signal(cell, _put, cell, put, ask)

        if cell.ground.in_thread():
            send()
        else:
            cell.ground.call_threadsafe(send)
        return ask


def _put(cell: Cell, put: Any, ask: Ask[Any]) -> None:
    supervisor = cell.agent
    if isinstance(supervisor, Supervisor):
        put(supervisor, ask)
    elif supervisor is None:
        cell.ground.settle(ask, AgentDead(cell.path), failed=True)
    else:
        problem = f"{type(supervisor).__name__} is no supervisor"
        cell.ground.settle(ask, SpecError(cell.path, problem), failed=True)


def operate(ref: Ref) -> Operations:
    """Give the operations of a supervisor.

    Args:
        ref: Its handle, from `system.ref("/shop")` or `self.parent`.
    """
    return Operations(ref)


async def apply_plan(find: Any, old: SupervisorSpec, new: SupervisorSpec) -> list[str]:
    """Turn a running tree into another one by moving only what changed.

    Args:
        find: Gives the ref behind a path.
        old: The tree that runs.
        new: The tree that should run.

    Returns:
        What was done, one line each.

    Raises:
        SpecError: If a step cannot be done; the steps before it stay done.
    """
    done = []
    for step in plan(old, new):
        supervisor = operate(find(step.path))
        reply = await _order(supervisor, step.action, step.child, step.spec)
        if not reply.ok:
            raise SpecError(step.path, f"{step}: {reply.outcome.value} {reply.cause}".rstrip())
        done.append(str(step))
    return done


def _order(supervisor: Operations, action: Action, child: str, spec: Any) -> Ask[Reply]:
    if action is Action.RECONFIGURE:
        return supervisor.reconfigure(spec)
    if action is Action.START:
        return supervisor.start_child(spec)
    orders = {
        Action.STOP: supervisor.stop_child,
        Action.DELETE: supervisor.delete_child,
        Action.RESTART: supervisor.restart_child,
    }
    if action not in orders:
        raise SpecError(supervisor._cell.path, "the root itself cannot be changed while it runs")
    return orders[action](child)
