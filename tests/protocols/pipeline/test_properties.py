"""What holds for every pipeline, whatever its agents do: ends, order, undo, replay."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.fallback import Escalate, Fail, Hedge, Prefer, Retry, Skip, To, Use
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.state import Phase
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.voting import Escalate as AskAboutTie
from harmonium.protocols.voting import Majority
from tests.protocols.pipeline.world import Chances, Done, Order, Refused, Work, World

LADDERS = st.sampled_from([
    Ladder(AgentRung("lead", timeout=1.0)),
    Ladder(AgentRung("lead"), PersonRung("ann", "well?", timeout=2.0), RuleRung(Done("rule"))),
    Ladder(PersonRung("ann", "well?", options=("yes", "no"), timeout=1.5)),
])  # fmt: skip
ON = st.sampled_from([(), ("AskTimeout",), ("Refused",), ("DeliveryError", "WrongReply")])
BACKOFFS = st.sampled_from([0.0, 0.3, lambda count, draw: 0.1 * count + draw])
VALUE_RULES = st.one_of(
    st.builds(Use, st.sampled_from([Done("used"), lambda c: Done(c.key)]), on=ON),
    st.builds(Escalate, LADDERS, on=ON),
    st.builds(Skip, on=st.just(("AskTimeout",))),
    st.builds(Fail, on=st.just(("AgentDead",))),
)
SEND_RULES = st.one_of(
    st.builds(Retry, st.integers(1, 2), BACKOFFS, on=ON),
    st.builds(To, st.sampled_from(["backup", "other"]), on=ON),
    st.builds(Hedge, st.sampled_from([0.4, 1.0]), st.sampled_from([None, "second"])),
    st.builds(Use, message=st.sampled_from([Work("plain"), lambda c: Work("instead")]), on=ON),
)


def _ends_always(rule: Any) -> bool:
    return isinstance(rule, Use) and not rule.sends and not rule.on and not callable(rule.source)


def _tidy(rules: list[Any]) -> list[Any]:
    """Leave out what can never be reached: a definition with it is refused."""
    last = next((i for i, rule in enumerate(rules) if _ends_always(rule)), len(rules))
    return rules[: last + 1]


def _rules(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(*kinds), max_size=3).map(_tidy)


@st.composite
def _steps(draw: Any, names: list[str], depth: int) -> list[Step[Any]]:
    return [draw(_step(name, names[:place], depth)) for place, name in enumerate(names)]


@st.composite
def _step(draw: Any, name: str, before: list[str], depth: int) -> Step[Any]:
    after = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
    options: dict[str, Any] = {"after": after}
    if draw(st.integers(0, 9)) == 0:
        options["when"] = lambda c: False
    if draw(st.booleans()):
        options["timeout"] = draw(st.sampled_from([0.5, 1.5, 4.0]))
    if draw(st.integers(0, 5)) == 0:
        options["each"] = lambda c: c.request.lines
        options["concurrency"] = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["to"] * 6 + ["topic", "person", "vote"] + ["pipeline"] * depth))
    return _BODIES[kind](draw, name, options, depth)


def _send_step(draw: Any, name: str, options: dict[str, Any], depth: int) -> Step[Any]:
    if draw(st.booleans()):
        options |= {"undo": lambda c: Work("undo"), "undo_in_doubt": draw(st.booleans())}
        options["undo_fallback"] = draw(st.sampled_from([
            None, (), (Retry(2, 0.1), Escalate(Ladder(PersonRung("ann", timeout=1.0)))), (Skip(),)
        ]))  # fmt: skip
    fallback = draw(_rules(SEND_RULES, VALUE_RULES))
    return Step(
        name, to="agent", send=lambda c: Work(c.key), expect=Done, refused=Refused,
        fallback=fallback, **options,
    )  # fmt: skip


def _clerk(draw: Any) -> dict[str, Any]:
    """Let somebody else undo a step that no single agent did."""
    return {"undo": Work, "undo_to": "clerk"} if draw(st.integers(0, 3)) == 0 else {}


def _topic_step(draw: Any, name: str, options: dict[str, Any], depth: int) -> Step[Any]:
    options |= _clerk(draw)
    gather = draw(st.sampled_from([Gather(), Gather(2), Gather(3, least=2), Gather(least=0)]))
    return Step(name, topic="t", gather=gather, fallback=draw(_rules(VALUE_RULES)), **options)


def _person_step(draw: Any, name: str, options: dict[str, Any], depth: int) -> Step[Any]:
    options |= _clerk(draw)
    ladder, fallback = draw(LADDERS), draw(_rules(VALUE_RULES))
    return Step(name, person=ladder, fallback=fallback, **options)


def _vote_step(draw: Any, name: str, options: dict[str, Any], depth: int) -> Step[Any]:
    options |= _clerk(draw)
    among = draw(st.sampled_from(["voters", ("v1", "v2"), ("v1", "v2", "v3", "v4")]))
    tie = draw(st.sampled_from([None, AskAboutTie("lead")]))
    vote = Vote(among, rule=Majority(quorum=2), deadline=2.0, tie=tie)
    return Step(name, vote=vote, fallback=draw(_rules(VALUE_RULES)), **options)


def _sub_step(draw: Any, name: str, options: dict[str, Any], depth: int) -> Step[Any]:
    inner = draw(_pipelines(depth - 1, most=3))
    fallback = draw(_rules(VALUE_RULES, st.builds(Retry, st.just(1), BACKOFFS)))
    return Step(name, pipeline=inner, send=lambda c: c.request, fallback=fallback, **options)


_BODIES = {
    "to": _send_step,
    "topic": _topic_step,
    "person": _person_step,
    "vote": _vote_step,
    "pipeline": _sub_step,
}


@st.composite
def _pipelines(draw: Any, depth: int = 2, most: int = 6) -> Pipeline[Any, Any]:
    names = [f"s{number}" for number in range(draw(st.integers(1, most)))]
    steps = draw(_steps(names, depth))
    conflicts = []
    if len(names) > 1 and draw(st.integers(0, 4)) == 0:
        resolve = draw(st.sampled_from([
            (), (Prefer("s0"),), (Skip(),), (Escalate(Ladder(PersonRung("ann", timeout=1.0))),)
        ]))  # fmt: skip
        when = draw(st.sampled_from([lambda c: True, lambda c: False]))
        conflicts = [Conflict("clash", names[:2], when=when, resolve=resolve)]
    enough = None
    if draw(st.integers(0, 5)) == 0:
        enough = lambda c: len(c.results()) >= 2  # noqa: E731
    within = draw(st.sampled_from([None, None, 2.0, 6.0]))
    return Pipeline(Order, steps, conflicts=conflicts, enough=enough, within=within, timeout=2.0)


PIPELINES = _pipelines()
CHANCES = st.sampled_from([Chances(), Chances.none(), Chances(silent=60), Chances(undo_fails=70)])


@st.composite
def _runs(draw: Any) -> World:
    world = World(draw(PIPELINES), Random(draw(st.integers(0, 2**32))), draw(CHANCES))
    deadline = draw(st.sampled_from([None, 0.0, 1.0, 3.0, 8.0]))
    world.begin(deadline=deadline, stream=draw(st.booleans()))
    if draw(st.integers(0, 4)) == 0:
        world.plan(ev.Cancelled("changed my mind"), draw(st.floats(0, 4)))
    return world


@settings(max_examples=60)
@given(_runs())
def test_a_request_ends_exactly_once(world: World) -> None:
    """Whatever agents do, a request is answered once, and nothing of it stays open."""
    world.run()
    assert world.state.is_over
    assert len(world.ends) == 1
    assert (world.state.phase is Phase.FAILED) == isinstance(world.end, ef.FailRequest)


@settings(max_examples=60)
@given(_runs())
def test_the_outcome_is_known_by_the_deadline(world: World) -> None:
    """A join cannot hang: at the deadline there is a result, a fallback or a failure."""
    deadline = world.state.deadline
    if deadline is not None:
        world.run(until=deadline)
        assert world.state.phase is not Phase.RUNNING
    world.run()


@settings(max_examples=60)
@given(_runs())
def test_each_finished_step_is_undone_once_in_reverse_order(world: World) -> None:
    """What was finished with an undo is undone once when it is not wanted, the latest first."""
    world.run()
    undos = [undo for undo in world.sent(ef.Undo) if "/" not in undo.step]
    begun = [path for path, _ in itertools.groupby(undo.step for undo in undos)]
    assert len(begun) == len(set(begun)), "one undo ends before the next begins"
    sure = [path for path in begun if not _node(world, path).undo_in_doubt]
    assert sure == list(reversed(_unwanted(world)))
    for path in begun:
        assert len(_ended(world, path)) == 1
    if isinstance(world.end, ef.FailRequest):
        outcome = [*world.end.undone, *world.end.standing]
        assert sorted(path for path in outcome if "/" not in path) == sorted(begun)


def _node(world: World, path: str) -> Any:
    graph = world.pipeline.graph
    return graph.nodes[graph.index[path.partition("[")[0]]]


def _unwanted(world: World) -> list[str]:
    """Give the steps that somebody did and that have to be undone, by the record alone."""
    done: list[str] = []
    for entry in world.entries(Kind.ANSWERED, Kind.RESOLVED, Kind.VERDICT, Kind.FINISHED):
        if entry.kind == Kind.FINISHED and not entry.step:
            done.clear()  # what was finished by then is wanted
        elif not {"/", "!"} & set(entry.step) and _is_doing(entry, _node(world, entry.step)):
            done.append(entry.step)
    return done


def _is_doing(entry: Any, node: Any) -> bool:
    if node.undo is None or node.undo_in_doubt:
        return False
    if entry.kind == Kind.VERDICT:
        return entry.what.decided
    by_person = entry.who == "ann" and node.undo.target is not None
    return entry.kind == Kind.ANSWERED or entry.who == "lead" or by_person


def _ended(world: World, path: str) -> list[Any]:
    ends = world.entries(Kind.UNDONE, Kind.STANDING)
    return [entry for entry in ends if entry.step == path]


@settings(max_examples=60)
@given(_runs(), st.data())
def test_a_replayed_prefix_goes_on_as_if_nothing_had_happened(world: World, data: Any) -> None:
    """State is a fold of events: from any cut on, the same events give the same effects."""
    world.run()
    cut = data.draw(st.integers(1, len(world.history)))
    state = world.replayed(cut)
    seen = []
    for event, at in world.history[cut:]:
        state, effects = advance(state, event, at)
        seen += effects
    assert state == world.state
    assert seen == world.effects[len(world.effects) - len(seen) :]


@settings(max_examples=60)
@given(_runs(), st.data())
def test_what_was_in_flight_is_sent_again_with_the_same_key(world: World, data: Any) -> None:
    """After a crash nothing finished runs again, and what was in flight keeps its key."""
    steps = data.draw(st.integers(0, 25))
    for _ in range(steps):
        if world.queue:
            world.step()
    before = world.state
    sent = {(e.step, e.attempt): e for e in world.effects if isinstance(e, ef.Send | ef.Undo)}
    after, effects = advance(before, ev.RestoredFromLog(), world.now)
    assert after == before
    for effect in effects:
        if isinstance(effect, ef.Send | ef.Undo):
            old = sent[effect.step, effect.attempt]
            assert attrs.evolve(effect, timeout=old.timeout) == old
    again = {(e.step, e.attempt) for e in effects if isinstance(e, ef.Send | ef.Undo)}
    assert again == _flights(before, world.now)


def _flights(state: Any, now: float) -> set[tuple[str, int]]:
    """Give the sends in flight, by an independent reading of the state."""
    found = set()
    # The deadline's timer ends at once what it finds, so that is not sent again.
    late = state.deadline is not None and now >= state.deadline and not state.answered
    for path, body, work in _works(state):
        if hasattr(work.detail, "pipeline"):
            found |= _flights(work.detail, now)
        elif not late and (_asks_agent(work) or (work.climb is None and body == "send")):
            found |= {(path, number) for number, _ in work.flights}
    undo = state.saga and state.saga.work
    if undo and undo.climb is None:
        found |= {(state.saga.path, number) for number, _ in undo.flights}
    return found


def _works(state: Any) -> Iterator[tuple[str, str, Any]]:
    for node, step in zip(state.pipeline.graph.nodes, state.nodes, strict=True):
        path, body = state.prefix + node.name, node.task.body.value
        if hasattr(step, "works"):
            yield from ((f"{path}[{place}]", body, work) for place, work in step.works.items())
        elif step is not None:
            yield path, body, step


def _asks_agent(work: Any) -> bool:
    climb = work.climb
    return climb is not None and isinstance(climb.ladder.rungs[climb.rung], AgentRung)


@settings(max_examples=60)
@given(_runs())
def test_a_run_survives_a_crash_at_every_moment(world: World) -> None:
    """With all that is in flight lost and asked again after each event, it still ends once."""
    crashes = 0
    while world.queue:
        world.step()
        if crashes < 30 and world.random.randrange(5) == 0:
            crashes += 1
            world.crash()
    world.crash()
    world.run()
    assert world.state.is_over
    assert len(world.ends) == 1


@settings(max_examples=60)
@given(_runs())
def test_keys_belong_to_one_piece_of_work(world: World) -> None:
    """Two pieces of work never share an idempotency key, and each key begins with the id."""
    world.run()
    owners: dict[str, set[str]] = {}
    for send in world.sent(ef.Send):
        owners.setdefault(send.idempotency_key, set()).add(send.step.removesuffix("!undo"))
        assert send.idempotency_key.startswith("r1:")
    assert all(len(steps) == 1 for steps in owners.values())
