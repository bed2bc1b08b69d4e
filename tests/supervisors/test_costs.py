"""What a decision costs: the same for few and for many children, and no memory that grows."""

from __future__ import annotations

import gc
import time
import tracemalloc

import pytest

from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.state import State
from harmonium.supervisors.words import ONE_FOR_ONE, REST_FOR_ONE
from tests.supervisors.harness import kid, tree

CAUSE = on.Cause("x")


def booted(children: int, strategy) -> State:
    ids = [f"c{number}" for number in range(children)]
    spec = tree(*ids, strategy=strategy, max_restarts=10**9, within=0.001)
    state, _ = decide(initial(spec), on.Boot(), 0.0)
    for id in ids:
        state, _ = decide(state, on.Started(id, 1), 0.0)
    return state


class Crashes:
    """The last of many children crashes again and again."""

    def __init__(self, children: int, strategy) -> None:
        self.state = booted(children, strategy)
        self.id = f"c{children - 1}"
        self.incarnation, self.now = 1, 1.0

    def once(self) -> None:
        self.now += 0.01
        self.state, _ = decide(self.state, on.Failed(self.id, self.incarnation, CAUSE), self.now)
        table = self.state.table
        if table.get(self.id).status.value == "stopping":  # its group tears it down first
            gone = on.Exited(self.id, self.incarnation, Exit(ExitKind.CRASH))
            self.state, _ = decide(self.state, gone, self.now)
        self.incarnation += 1
        self.state, _ = decide(self.state, on.Started(self.id, self.incarnation), self.now)

    def cost(self, times: int = 300) -> float:
        began = time.process_time()
        for _ in range(times):
            self.once()
        return time.process_time() - began


@pytest.mark.parametrize("strategy", [ONE_FOR_ONE, REST_FOR_ONE])
def test_a_crash_costs_the_same_with_ten_thousand_children(strategy):
    """Within a factor of two; rounds in turn, so that a busy machine slows both."""
    few, many = Crashes(10, strategy), Crashes(10_000, strategy)
    rounds = [(few.cost(), many.cost()) for _ in range(7)]
    assert min(cost for _, cost in rounds) < 2 * min(cost for cost, _ in rounds)
    assert many.state.table.get("c9999").incarnation == 1 + 7 * 300


def test_crashes_do_not_grow_memory():
    """Ten thousand more of them leave what a thousand have left."""
    crashes = Crashes(10, ONE_FOR_ONE)
    crashes.cost(1000)
    tracemalloc.start()
    crashes.cost(500)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    crashes.cost(10_000)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000


def test_children_that_come_and_go_do_not_grow_memory():
    """What was removed leaves nothing behind."""
    from harmonium.supervisors.spec import dynamic_supervisor

    state, _ = decide(initial(dynamic_supervisor("top")), on.Boot(), 0.0)

    def come_and_go(state: State, times: int) -> State:
        for number in range(times):
            id = f"job-{state.number}"
            state, effects = decide(state, on.StartChild(number, kid(id)), 0.0)
            incarnation = effects[0].incarnation
            state, _ = decide(state, on.Started(id, incarnation), 0.0)
            state, _ = decide(state, on.StopChild(number, id), 0.0)
            gone = on.Exited(id, incarnation, Exit(ExitKind.SHUTDOWN))
            state, _ = decide(state, gone, 0.0)
        return state

    state = come_and_go(state, 500)
    tracemalloc.start()
    state = come_and_go(state, 100)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    state = come_and_go(state, 2000)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(state.table) == 0
    assert after - before < 20_000
