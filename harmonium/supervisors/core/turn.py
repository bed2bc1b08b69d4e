"""`Turn`: one decision in the making.

It holds a copy of the state that may be changed, and collects effects and
verdicts. `close` settles everything; until then nothing is visible outside.
"""

from __future__ import annotations

from collections.abc import Iterator

from harmonium.protocols.quick import maker
from harmonium.supervisors.core.child import Child, Why, copy_child
from harmonium.supervisors.core.effects import CancelTimer, Effect, SetTimer
from harmonium.supervisors.core.record import Verdict
from harmonium.supervisors.core.state import State, copy_state
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.spec import ChildSpec

__all__ = ["Turn"]

_make_verdict, _make_token = maker(Verdict), maker(Token)
_make_set_timer, _make_cancel_timer = maker(SetTimer), maker(CancelTimer)


class Turn:
    """A draft of the next state.

    Args:
        state: The state to start from; it stays as it is.
        now: Monotonic time, in seconds.
        draw: A number from chance, in [0, 1).
    """

    __slots__ = ("_drafts", "draw", "effects", "now", "state", "verdicts")

    def __init__(self, state: State, now: float, draw: float) -> None:
        self.state = copy_state(state)
        self.now = now
        self.draw = draw
        self.effects: list[Effect] = []
        self.verdicts: list[Verdict] = []
        self._drafts: dict[str, Child] = {}

    def emit(self, effect: Effect) -> None:
        """Order an effect."""
        self.effects.append(effect)

    def rule(self, child: str, choice: str, why: str) -> None:
        """Write down what was decided, and why."""
        self.verdicts.append(_make_verdict(child, choice, why))

    # --- children ---

    def child(self, id: str) -> Child | None:
        """Give the record of a child, to be changed at will."""
        draft = self._drafts.get(id)
        if draft is not None:
            return draft
        known = self.state.table.get(id)
        if known is None:
            return None
        draft = self._drafts[id] = copy_child(known)
        return draft

    def peek(self, id: str) -> Child | None:
        """Give the record of a child as it is by now, only to be read."""
        return self._drafts.get(id) or self.state.table.get(id)

    def edit(self, known: Child) -> Child:
        """Give the record of a child that was met in the table, to be changed at will."""
        draft = self._drafts.get(known.id)
        if draft is None:
            draft = self._drafts[known.id] = copy_child(known)
        return draft

    def add(self, spec: ChildSpec, why: Why, *, added: bool) -> Child:
        """Take a new child in, at the last place; its start comes later."""
        child = Child(spec, spec.id, why=why, added=added, incarnation=self.state.newest)
        self.state.table = self.state.table.put(child)
        self._drafts[spec.id] = child
        return child

    def drop(self, child: Child) -> None:
        """Forget a child that has no timer; its id may be used again at once."""
        self.state.newest = max(self.state.newest, child.incarnation)
        self.state.table = self.state.table.remove(child)
        del self._drafts[child.id]

    def upward(self, place: int = 0) -> Iterator[Child]:
        """Go through the children from `place` on, as they are by now."""
        drafts, known = self._drafts, self.state.table.upward(place)
        return (drafts.get(one.id, one) for one in known) if drafts else known

    def downward(self, place: int | None = None) -> Iterator[Child]:
        """Go through the children from `place` back, as they are by now."""
        drafts = self._drafts
        return (drafts.get(one.id, one) for one in self.state.table.downward(place))

    # --- timers ---

    def serial(self) -> int:
        """Give out a serial that no timer ever had."""
        self.state.serial += 1
        return self.state.serial

    def arm(self, child: Child, due: Due, delay: float) -> None:
        """Set the child's timer; it has one at a time."""
        if child.serial:
            self.disarm(child)
        self.state.serial = serial = self.state.serial + 1
        child.due, child.serial = due, serial
        self.effects.append(_make_set_timer(_make_token(child.id, due, serial), delay))

    def disarm(self, child: Child) -> None:
        """Drop the child's timer, if it has one."""
        if child.serial:
            token = _make_token(child.id, child.due, child.serial)
            self.effects.append(_make_cancel_timer(token))
            child.serial = 0

    # --- the end ---

    def close(self) -> State:
        """Settle all that was changed into the next state."""
        state, drafts = self.state, self._drafts
        if drafts:
            state.table = state.table.put_all(drafts.values())
            for draft in drafts.values():
                draft.settle()
        state.settle()
        return state
