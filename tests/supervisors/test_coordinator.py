"""The coordinator agent: each kind of step carried out among real agents."""

from __future__ import annotations

from typing import ClassVar

import pytest

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import AskFailed
from harmonium.protocols.fallback import Escalate, Hedge, Retry, Skip, To, Use
from harmonium.protocols.ladder import AgentRung, Ladder, RuleRung
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.voting.shares import Majority
from harmonium.protocols.voting.ties import Escalate as AskAboutTie
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.system import System


@message
class Go:
    n: int


@message
class Back:
    n: int


@message
class Said:
    text: str


@message
class Done:
    text: str


class Echo(Agent):
    """Says its name, and keeps what it was sent."""

    def __init__(self, name: str, seen: list[object]) -> None:
        self._name, self._seen = name, seen

    @handles
    def go(self, go: Go) -> Said:
        self._seen.append((self._name, go))
        return Said(f"{self._name}{go.n}")

    @handles
    def back(self, back: Back) -> None:
        self._seen.append((self._name, back))


class Broken(Agent):
    """Crashes on every message."""

    @handles
    def go(self, go: Go) -> Said:
        raise ValueError(f"no {go.n}")


class Silent(Agent):
    """Answers later than anybody waits."""

    @handles
    async def go(self, go: Go) -> Said:
        await self.sleep(0.5)
        return Said("late")


class Voter(Agent):
    """Votes for one thing."""

    def __init__(self, choice: str) -> None:
        self._choice = choice

    @handles
    def go(self, go: Go) -> Said:
        return Said(self._choice)


class Bench:
    """A system with one coordinator, and what its agents were sent."""

    seen: ClassVar[list[object]]

    def __init__(self, steps, *, votes=("a", "b"), **options) -> None:
        self.seen = []
        options.setdefault("result", lambda c: Done(" ".join(self._said(c))))
        self.pipeline = Pipeline(Go, steps, **options)
        often = {"max_restarts": 1000, "within": 5.0}
        voters = [child(Voter, choice, id=f"v{n}") for n, choice in enumerate(votes)]
        self.tree = supervisor(
            "top",
            **often,
            children=[
                *(child(Echo, name, self.seen, id=name) for name in ("x", "y")),
                child(Broken, id="broken"),
                child(Silent, id="silent"),
                supervisor("voters", children=voters),
                coordinator(self.pipeline, id="work"),
            ],
        )

    def _said(self, c) -> list[str]:
        return [getattr(c.get(step.name), "text", "-") for step in self.pipeline.steps]

    def ask(self, n: int = 1):
        with System(self.tree) as system:
            answer = system.ask("work", Go(n), timeout=10.0).result().text
            agent = system.ref("work")._cell.agent
            self.kinds = [one.kind for one in agent.decisions]
            assert agent.under_way == 0
            return answer


def test_steps_join_where_they_are_needed():
    """Two steps side by side, then one that reads both."""
    join = Step("c", to="y", after=["a", "b"], send=lambda c: Go(len(c["a"].text + c["b"].text)))
    assert Bench([Step("a", to="x"), Step("b", to="y"), join]).ask() == "x1 y1 y4"


def test_a_condition_skips_and_a_collection_is_mapped():
    """A skipped step is None; a mapped one gives its results in the order of its items."""
    steps = [
        Step("a", to="x", when=lambda c: c.request.n > 1),
        Step("many", to="y", each=lambda c: range(3), send=lambda c: Go(c.item), concurrency=2),
    ]
    answer = Bench(steps, result=lambda c: Done(f"{c['a']} {[s.text for s in c['many']]}")).ask()
    assert answer == "None ['y0', 'y1', 'y2']"


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        (Step("a", to="broken", fallback=[Retry(2), To("x")]), "x1"),
        (Step("a", to="broken", fallback=[Use(Said("value"))]), "value"),
        (Step("a", to="broken", fallback=[Skip()]), "-"),
        (Step("a", to="silent", timeout=0.02, fallback=[To("y")]), "y1"),
        (Step("a", to="silent", timeout=5.0, fallback=[Hedge(0.01, to="x")]), "x1"),
        (Step("a", to="nobody", fallback=[To("x")]), "x1"),
    ],
    ids=["retry, then another", "value", "skip", "timeout", "hedge", "unknown agent"],
)
def test_fallback_rules_are_carried_out(step, answer):
    """After a crash, a timeout, or an address that nobody has."""
    assert Bench([step]).ask() == answer


def test_a_ladder_is_climbed_to_its_rule():
    """The higher agent crashes, and the rule has the last word."""
    ladder = Ladder(AgentRung("broken", timeout=1.0), RuleRung(Said("rule")))
    bench = Bench([Step("a", to="broken", fallback=[Escalate(ladder)])])
    assert bench.ask() == "rule"
    assert Kind.BEGAN in bench.kinds


def test_a_conflict_is_resolved_by_a_higher_agent():
    """Two replies differ; the lead's answer is read under the conflict's name."""
    conflict = Conflict(
        "differ",
        ["a", "b"],
        when=lambda c: c["a"].text != c["b"].text,
        resolve=[Escalate(AgentRung("x", send=lambda c: Go(9)))],
    )
    steps = [Step("a", to="x"), Step("b", to="y")]
    bench = Bench(steps, conflicts=[conflict], result=lambda c: Done(c["differ"].text))
    assert bench.ask() == "x9"


@pytest.mark.parametrize(("votes", "answer"), [(("a", "b", "b"), "b"), (("a", "a", "a"), "a")])
def test_a_vote_among_a_group_is_held(votes, answer):
    """Every configured member is asked, and the verdict is the result."""
    vote = Vote("voters", rule=Majority(), deadline=5.0, read=lambda said: said.text)
    bench = Bench([Step("vote", vote=vote)], votes=votes, result=lambda c: Done(c["vote"].choice))
    assert bench.ask() == answer


def test_a_tie_is_put_to_whom_the_vote_names():
    """The higher agent's answer is the verdict's choice."""
    vote = Vote(
        "voters",
        rule=Majority(),
        deadline=5.0,
        tie=AskAboutTie("voters/v1"),
        read=lambda said: said.text,
    )
    bench = Bench([Step("vote", vote=vote)], result=lambda c: Done(c["vote"].choice))
    assert bench.ask() == "b"


def test_a_sub_pipeline_runs_within_its_step():
    """Its answer is the step's result."""
    inner = Pipeline(Go, [Step("in", to="y")], result=lambda c: c["in"], name="inner")
    assert Bench([Step("a", pipeline=inner)]).ask() == "y1"


def test_what_was_done_is_undone_in_reverse_order():
    """The last step fails for good: the asker hears why, after the undos."""
    steps = [
        Step("a", to="x", undo=lambda c: Back(1)),
        Step("b", to="y", after=["a"], undo=lambda c: Back(2)),
        Step("c", to="broken", after=["b"]),
    ]
    bench = Bench(steps)
    with pytest.raises(AskFailed, match="no 1"):
        bench.ask()
    undone = [one for one in bench.seen if isinstance(one[1], Back)]
    assert undone == [("y", Back(2)), ("x", Back(1))]


def test_enough_ends_a_request_early():
    """What still runs is withdrawn, not waited for."""
    steps = [Step("a", to="x"), Step("b", to="silent", timeout=30.0)]
    bench = Bench(
        steps,
        enough=lambda c: c.get("a") is not None,
        result=lambda c: Done(f"{c.get('a').text} {c.get('b')}"),
    )
    assert bench.ask() == "x1 None"


def test_a_request_ends_at_its_time_limit():
    """`within` is the limit of the whole, whatever a step may take."""
    bench = Bench([Step("a", to="silent", timeout=30.0)], within=0.05)
    with pytest.raises(AskFailed):
        bench.ask()


def test_an_undo_that_fails_for_good_does_not_stop_the_others():
    """It is on record, and the step before it is undone all the same."""
    steps = [
        Step("a", to="x", undo=lambda c: Back(1)),
        Step("b", to="y", after=["a"], undo=lambda c: Go(2), undo_to="broken", undo_fallback=[]),
        Step("c", to="broken", after=["b"]),
    ]
    bench = Bench(steps)
    with pytest.raises(AskFailed):
        bench.ask()
    assert ("x", Back(1)) in bench.seen


def test_a_request_asked_again_with_its_key_runs_once_and_answers_both():
    """The same idempotency key, while the first is under way: one run, one answer for both."""
    runs = []

    @message
    class Slowly:
        n: int

    @message
    class Finished:
        n: int

    class Worker(Agent):
        @handles
        async def work(self, work: Slowly) -> Finished:
            runs.append(work.n)
            await self.sleep(1.0)
            return Finished(work.n)

    pipeline = Pipeline(Slowly, [Step("one", to="worker")], result=lambda c: c["one"], name="p")
    tree = supervisor("t", children=[child(Worker, id="worker"), coordinator(pipeline, id="p")])
    ground = SimulatedGround()

    async def main():
        async with System(tree, ground=ground) as system:
            first = system.ask("p", Slowly(1), idempotency_key="k")
            second = system.ask("p", Slowly(1), idempotency_key="k")
            other = system.ask("p", Slowly(2), idempotency_key="other")
            assert (await first, await second, await other) == (
                Finished(1),
                Finished(1),
                Finished(2),
            )

    ground.play(main())
    assert sorted(runs) == [1, 2]
