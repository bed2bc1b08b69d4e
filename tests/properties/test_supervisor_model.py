"""The pure supervisor against a small model of OTP's rules, written without looking at it.

The model is synchronous: it starts and stops children by calling itself. The core
is driven by the harness, where starts and stops take no time. Both must leave the
same tree, charge the same restarts and start and stop children in the same order.
"""

from __future__ import annotations

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from harmonium.protocols.lifecycle import NORMAL
from harmonium.supervisors.core import events as on
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.words import (
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    REST_FOR_ONE,
    REVIVE,
    STAY,
    TEMPORARY,
    TRANSIENT,
    RestartType,
    Strategy,
)
from tests.supervisors.harness import KILLED, Script, World, kid

# --- the model ---


@attrs.define(eq=False)
class Kid:
    spec: object
    state: str = "new"
    below: Model | None = None


class Model:
    """A supervisor that does everything at once."""

    def __init__(self, spec, world: Shared, parent: Model | None = None, me: Kid | None = None):
        self.spec, self.world, self.parent, self.me = spec, world, parent, me
        self.kids = [Kid(one) for one in spec.children]
        self.window: list[float] = []
        self.alive = True

    def boot(self) -> bool:
        for index, one in enumerate(self.kids):
            if not self.start(one):
                self.stop_all(self.kids[:index])
                self.alive = False
                return False
        return True

    def start(self, one: Kid) -> bool:
        id = one.spec.id
        if one.spec.tree is not None:
            one.below = Model(one.spec.tree, self.world, self, one)
            good = one.below.boot()
        else:
            left = self.world.failures.get(id, 0)
            self.world.failures[id] = max(0, left - 1)
            good = left == 0
        one.state = "running" if good else "down"
        self.world.log.append(f"{'started' if good else 'start-failed'} {id}")
        return good

    def stop(self, one: Kid) -> None:
        if one.below is not None:
            one.below.stop_all(one.below.kids)
            one.below.alive = False
        one.state = "down"
        self.world.log.append(f"stopped {one.spec.id}")

    def stop_all(self, kids: list[Kid]) -> None:
        for one in reversed(kids):
            if one.state == "running":
                self.stop(one)

    def ended(self, one: Kid, *, clean: bool) -> None:
        one.state = "down"
        if one.spec.restart is TEMPORARY:
            self.kids.remove(one)
        elif one.spec.restart is TRANSIENT and clean:
            one.state = "finished"
        else:
            self.restart(one)

    def affordable(self) -> bool:
        now = self.world.now
        self.window = [*(t for t in self.window if t >= now - self.spec.within), now]
        return len(self.window) <= self.spec.max_restarts

    def restart(self, culprit: Kid) -> None:
        while self.affordable():
            failed = self.attempt(culprit)
            if failed is None:
                return
            culprit = failed
        self.give_up()

    def attempt(self, culprit: Kid) -> Kid | None:
        """Restart the culprit's group once; give the child whose start failed."""
        if self.spec.strategy is ONE_FOR_ONE:
            return None if self.start(culprit) else culprit
        first = 0 if self.spec.strategy is ONE_FOR_ALL else self.kids.index(culprit)
        group = self.kids[first:]
        self.stop_all(group)
        for one in group:
            if one.spec.restart is TEMPORARY:
                self.kids.remove(one)
            elif self.comes_back(one) and not self.start(one):
                return one
        return None

    def comes_back(self, one: Kid) -> bool:
        if one.state == "finished":
            return self.spec.completed is REVIVE
        if one.state == "held":
            return self.spec.held is REVIVE
        return True

    def give_up(self) -> None:
        self.stop_all(self.kids)
        self.alive = False
        if self.parent is not None:
            self.world.log.append(f"ended {self.me.spec.id}")
            self.parent.ended(self.me, clean=False)

    # what operators do

    def hold(self, one: Kid) -> None:
        if one.state == "running":
            self.stop(one)
        one.state = "held"
        if one.spec.restart is TEMPORARY:
            self.kids.remove(one)

    def start_again(self, one: Kid) -> None:
        if one.state != "running" and not self.start(one):
            one.state = "held"

    def delete(self, one: Kid) -> None:
        if one.state != "running":
            self.kids.remove(one)

    def add(self, spec) -> None:
        one = Kid(spec)
        self.kids.append(one)
        if not self.start(one):
            self.kids.remove(one)

    def find(self, id: str) -> tuple[Model, Kid] | None:
        for one in self.kids:
            if one.spec.id == id:
                return self, one
            if one.below is not None and one.state == "running":
                found = one.below.find(id)
                if found is not None:
                    return found
        return None

    def everybody(self):
        for one in self.kids:
            yield self, one
            if one.below is not None and one.state == "running":
                yield from one.below.everybody()


@attrs.define
class Shared:
    now: float = 0.0
    log: list[str] = attrs.field(factory=list)
    failures: dict[str, int] = attrs.field(factory=dict)


# --- the comparison ---

flags = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(Strategy),
        "max_restarts": st.integers(0, 5),
        "completed": st.sampled_from([REVIVE, STAY]),
        "held": st.sampled_from([STAY, REVIVE]),
    }
)
restarts = st.sampled_from(RestartType)


@st.composite
def trees(draw, name="t", depth=2):
    members = []
    for number in range(draw(st.integers(1, 3 if depth < 2 else 4))):
        id = f"{name}{number}"
        if depth and draw(st.integers(0, 3)) == 0:
            members.append(child(draw(trees(id, depth - 1)), restart=draw(restarts)))
        else:
            members.append(kid(id, restart=draw(restarts)))
    return supervisor(name, children=members, **draw(flags))


class SupervisorMachine(RuleBasedStateMachine):
    """Random trees, crashes, failing starts and operators, on both sides."""

    @initialize(spec=trees())
    def begin(self, spec):
        self.shared = Shared()
        self.model = Model(spec, self.shared)
        self.world = World(spec)
        self.world.script = self._script
        self.failures: dict[str, int] = {}
        self.added = 0
        self.model.boot()
        self.world.boot()

    def _script(self, id: str) -> Script:
        def fails(_: int):
            left = self.failures.get(id, 0)
            self.failures[id] = max(0, left - 1)
            return OSError("no") if left else None

        return Script(fails=fails)

    def up(self) -> bool:
        return self.model.alive

    def running(self) -> list[str]:
        return [
            kid.spec.id
            for _, kid in self.model.everybody()
            if kid.state == "running" and kid.below is None
        ]

    def listed(self) -> list[str]:
        return [kid.spec.id for _, kid in self.model.everybody()]

    @precondition(up)
    @rule(pick=st.integers(0, 10**6), how=st.sampled_from(["crash", "kill", "normal"]))
    def a_child_ends(self, pick, how):
        ids = self.running()
        if not ids:
            return
        id = ids[pick % len(ids)]
        owner, one = self.model.find(id)
        owner.ended(one, clean=how == "normal")
        if how == "crash":
            self.world.crash(id)
        else:
            self.world.exit(id, NORMAL if how == "normal" else KILLED)

    @precondition(up)
    @rule(pick=st.integers(0, 10**6), times=st.integers(1, 2))
    def starts_begin_to_fail(self, pick, times):
        ids = self.listed()
        if ids:
            id = ids[pick % len(ids)]
            self.failures[id] = self.shared.failures[id] = times

    @precondition(up)
    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0, 6.0]))
    def time_passes(self, seconds):
        self.shared.now += seconds
        self.world.run(seconds)

    @precondition(up)
    @rule(pick=st.integers(0, 10**6), what=st.sampled_from(["hold", "start", "delete"]))
    def an_operator_acts(self, pick, what):
        ids = self.listed()
        if not ids:
            return
        id = ids[pick % len(ids)]
        owner, one = self.model.find(id)
        node = self._node(id)
        if what == "hold":
            owner.hold(one)
            node.feed(on.StopChild(f"{id}-{self.world.now}", id))
        elif what == "start":
            owner.start_again(one)
            node.feed(on.RestartChild(f"{id}-{self.world.now}", id))
        else:
            owner.delete(one)
            node.feed(on.DeleteChild(f"{id}-{self.world.now}", id))
        self.world.run()

    @precondition(up)
    @rule(pick=st.integers(0, 10**6), restart=restarts, broken=st.booleans())
    def a_child_is_added(self, pick, restart, broken):
        models = [self.model, *(kid.below for _, kid in self.model.everybody() if kid.below)]
        models = [one for one in models if one.alive]
        owner = models[pick % len(models)]
        self.added += 1
        spec = kid(f"added{self.added}", restart=restart)
        if broken:
            self.failures[spec.id] = self.shared.failures[spec.id] = 1
        node = next(node for node in self._nodes() if node.state.spec is owner.spec)
        owner.add(spec)
        node.feed(on.StartChild(spec.id, spec))
        self.world.run()

    @precondition(lambda self: self.up() and not any(self.shared.failures.values()))
    @rule(pick=st.integers(0, 10**6), other=st.integers(0, 10**6))
    def two_siblings_end_at_once(self, pick, other):
        """The second end is absorbed if the first one's group takes it along anyway."""
        ids = self.running()
        if not ids:
            return
        owner, first = self.model.find(ids[pick % len(ids)])
        mates = [one for one in owner.kids if one.state == "running" and one.below is None]
        second = mates[other % len(mates)]
        if second is first:
            return
        node = self._node(first.spec.id)
        for one in (first, second):
            node.exit(one.spec.id, KILLED)
        self.world.run()
        before, after = owner.kids.index(first), owner.kids.index(second)
        comes = first.spec.restart is not TEMPORARY
        strategy = owner.spec.strategy
        absorbed = comes and (
            strategy is ONE_FOR_ALL or (strategy is REST_FOR_ONE and after > before)
        )
        second.state = "down" if absorbed else second.state
        if not (absorbed and second.spec.restart is TEMPORARY):
            owner.ended(first, clean=False)
        else:
            owner.kids.remove(second)
            owner.ended(first, clean=False)
        if not absorbed and owner.alive and second in owner.kids:
            owner.ended(second, clean=False)
        self.shared.log[:] = self.world.log  # the order of two overlapping passes is free

    @rule(pick=st.integers(0, 10**6))
    def a_late_report_arrives(self, pick):
        """From an incarnation that is no more: both sides do nothing."""
        path, id, incarnation = self.world.incarnations[pick % len(self.world.incarnations)]
        for node in self._nodes():
            cell = node.cells.get(id)
            if node.path == path and (cell is None or cell.incarnation != incarnation):
                node.feed(on.Exited(id, incarnation, KILLED))
                node.feed(on.Failed(id, incarnation, on.Cause("late")))
                node.feed(on.Started(id, incarnation))
        self.world.run()

    @invariant()
    def both_sides_agree(self):
        if not hasattr(self, "world"):
            return
        assert self.world.log == self.shared.log
        assert self.world.over is not self.model.alive
        if self.model.alive:
            self._compare(self.model, self.world.top)
        else:
            assert self.world.alive() == []

    def _compare(self, model: Model, node) -> None:
        shown = [(one.id, one.status.value) for one in node.state.table]
        assert shown == [(one.spec.id, one.state) for one in model.kids]
        now, within = self.shared.now, model.spec.within
        used = len([t for t in model.window if t >= now - within])
        assert node.state.window.used(node.state.spec.budget, now) == used
        for one in model.kids:
            if one.below is not None and one.state == "running":
                self._compare(one.below, node.cells[one.spec.id].node)

    def _nodes(self):
        found = [self.world.top]
        for node in found:
            found += [
                cell.node for cell in node.cells.values() if cell.node and cell.state == "running"
            ]
        return found

    def _node(self, id: str):
        return next(node for node in self._nodes() if node.state.table.get(id) is not None)


TestSupervisor = SupervisorMachine.TestCase
TestSupervisor.settings = settings(stateful_step_count=30)
