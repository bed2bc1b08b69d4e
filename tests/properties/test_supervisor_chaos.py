"""The pure supervisor where everything takes time and may fail: it never gets stuck.

The harness itself asserts that effects make sense: nobody dead is started in a
kept cell, no living cell is released, no incarnation comes twice.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import NORMAL, Exit, Exited, ExitKind
from harmonium.supervisors import words
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.child import Status
from harmonium.supervisors.core.replay import replay
from harmonium.supervisors.spec import child, supervisor
from tests.supervisors.harness import KILLED, Script, World, kid

ERRORS = [ValueError("v"), KeyError("k"), OSError("o")]
TABLES = [
    None,
    {ValueError: words.RESTART, KeyError: words.RESUME},
    {OSError: words.STOP, Exception: words.RESTART},
    {KeyError: words.RESUME, ValueError: words.RESTART},
]

kids = st.fixed_dictionaries(
    {
        "restart": st.sampled_from(words.RestartType),
        "shutdown": st.sampled_from([0.0, 0.3, 2.0, words.KILL]),
        "start_timeout": st.sampled_from([None, 0.5]),
        "backoff": st.sampled_from(
            [None, None, Backoff(0.2, 3.0, jitter=0.5), Backoff(1.0, 1.0, max_retries=3)]
        ),
        "budget": st.sampled_from([None, None, Budget(1, 5.0)]),
        "quarantine": st.just(Backoff(2.0, 8.0, stable_for=1.0)),
        "directives": st.sampled_from(TABLES),
    }
)
scripts = st.builds(
    Script,
    start=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
    stop=st.sampled_from([0.0, 0.0, 0.2, 1.0, None]),
    fails=st.sets(st.integers(2, 6), max_size=3).map(
        lambda which: lambda n: OSError("start") if n in which else None
    ),
    declines=st.sampled_from([lambda _: False, lambda _: False, lambda n: n == 3]),
)


@st.composite
def trees(draw, name="t", depth=2):
    """A tree whose children have policies of every sort."""
    members = []
    for number in range(draw(st.integers(1, 4))):
        id = f"{name}{number}"
        if depth and draw(st.integers(0, 4)) == 0:
            members.append(child(draw(trees(id, depth - 1))))
        else:
            members.append(kid(id, **draw(kids)))
    return supervisor(
        name,
        children=members,
        strategy=draw(st.sampled_from(words.Strategy)),
        max_restarts=draw(st.sampled_from([1, 3, 50])),
        per_child=draw(st.booleans()),
        completed=draw(st.sampled_from(words.Bystander)),
        held=draw(st.sampled_from(words.Bystander)),
        lost_grace=draw(st.sampled_from([0.0, 0.05])),
        subtree=draw(st.sampled_from([None, None, Budget(20, 10.0)])),
    )


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["crash", "crash", "kill", "lost", "normal", "stop", "restart", "delete", "start"]
        ),
        st.integers(0, 10**6),
        st.sampled_from([0.0, 0.0, 0.05, 0.1, 0.5, 1.0, 3.0]),
    ),
    max_size=40,
)


class Chaos:
    """A world and somebody who shakes it."""

    def __init__(self, spec, script):
        self.world = World(spec, seed=1)
        self.world.deaf_timers = True
        self.world.script = lambda id: script.setdefault(id, Script())
        self.requests: list[str] = []
        self.of_the_top: set[str] = set()
        self.world.boot(20.0)

    def nodes(self):
        found = [self.world.top]
        for node in found:
            found += [cell.node for cell in node.cells.values() if cell.node is not None]
        return [node for node in found if not node.gone]

    def act(self, what: str, pick: int) -> None:
        nodes = self.nodes()
        if not nodes:
            return
        node = nodes[pick % len(nodes)]
        cells = list(node.cells.values())
        if what in ("stop", "restart", "delete", "start"):
            self._order(node, what, pick)
        elif cells:
            self._end(node, cells[pick % len(cells)], what, pick)

    def _order(self, node, what: str, pick: int) -> None:
        request = f"r{len(self.requests)}"
        self.requests.append(request)
        if node is self.world.top:
            self.of_the_top.add(request)
        ids = [one.id for one in node.state.table]
        id = ids[pick % len(ids)] if ids else "nobody"
        if what == "start":
            new = kid(f"n{len(self.requests)}", shutdown=0.2)
            node.feed(on.StartChild(request, new))
        else:
            kinds = {"stop": on.StopChild, "restart": on.RestartChild, "delete": on.DeleteChild}
            node.feed(kinds[what](request, id))

    def _end(self, node, cell, what: str, pick: int) -> None:
        if cell.node is not None or cell.state != "running":
            return
        if what == "crash":
            node.crash(cell.id, ERRORS[pick % 3])
            return
        kinds = {"kill": KILLED, "lost": Exit(ExitKind.LOST), "normal": NORMAL}
        node.exit(cell.id, kinds[what])
        if pick % 5 == 0:  # the engine says it twice
            node.post(Exited(cell.id, cell.incarnation, Exit(ExitKind.LOST)))


RESTING = {Status.RUNNING, Status.HELD, Status.FINISHED, Status.BROKEN, Status.ESCALATED}


@given(trees(), st.dictionaries(st.sampled_from(["t0", "t1", "t2", "t10", "t20"]), scripts), steps)
def test_whatever_happens_it_comes_to_rest_and_can_be_stopped(spec, script, shocks):
    """No child waits for ever, every caller is answered once, and a stop ends everything."""
    chaos = Chaos(spec, script)
    world = chaos.world
    for what, pick, pause in shocks:
        chaos.act(what, pick)
        world.run(pause)
    world.run(300.0)
    for node in chaos.nodes():
        assert node.state.group is None
        assert {one.status for one in node.state.table} <= RESTING
        for one in node.state.table:
            cell = node.cells.get(one.id)
            assert (cell is not None) is one.cell
            assert (cell is not None and cell.state == "running") is (one.status is Status.RUNNING)
    world.shutdown(300.0)
    answered = {request: len(answers) for request, answers in world.answers.items()}
    assert set(answered.values()) <= {1}
    assert chaos.of_the_top <= set(answered), "who asks a dead supervisor hears from its cell"
    assert world.over
    assert world.alive() == []
    assert world.top.cells == {}
    done = replay(spec, world.top.records, path=world.top.path, root=True)
    assert done.deviations == ()
    assert done.state.table == world.top.state.table
