"""What a coordinator does, on every ground: each kind of step among real agents."""

from __future__ import annotations

import pytest

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import AgentDead, AskFailed, SpecError
from harmonium.protocols.fallback import Hedge, Retry, Skip, Use
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.cancelling import CancelRequest, RequestsCancelled
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.coordinator_effects import StillStanding
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.words import TEMPORARY

OFTEN = {"max_restarts": 1000, "within": 5.0}


@message
class Need:
    n: int


@message
class Offer:
    who: str
    n: int


@message
class Offers:
    all: tuple[Offer, ...]


class Dealer(Agent):
    """Offers what is asked for on a topic, after a while."""

    def __init__(self, after: float = 0.0, *, breaks: bool = False) -> None:
        self._after, self._breaks = after, breaks

    def started(self) -> None:
        self.subscribe("offers")

    @handles
    async def offer(self, need: Need) -> Offer:
        if self._after:
            await self.sleep(self._after)
        if self._breaks:
            raise ValueError("out of business")
        return Offer(self.path.rpartition("/")[2], need.n)


def market(*dealers, gather: Gather | None = None, timeout: float = 5.0, **options):
    """A coordinator that gathers offers from the dealers."""
    step = Step("ask", topic="offers", gather=gather or Gather(), timeout=timeout, **options)
    pipeline = Pipeline(Need, [step], result=lambda c: Offers(c["ask"] or ()), name="buy")
    return supervisor("market", children=[*dealers, coordinator(pipeline)], **OFTEN)


def names(offers: Offers) -> list[str]:
    return sorted(one.who for one in offers.all)


def test_a_topic_is_asked_and_its_replies_are_gathered(play):
    """One reply of each agent that subscribes when the message is published."""

    async def scenario(system):
        assert names(await system.ask("buy", Need(1))) == ["a", "b"]

    play(market(child(Dealer, id="a"), child(Dealer, 0.01, id="b")), scenario)


def test_gathering_ends_with_as_many_as_are_wanted(play):
    """The slow one is not waited for, and its ask is withdrawn."""

    async def scenario(system):
        assert names(await system.ask("buy", Need(1))) == ["a"]

    tree = market(child(Dealer, id="a"), child(Dealer, 0.05, id="b"), gather=Gather(1))
    play(tree, scenario)


def test_gathering_ends_at_the_timeout_with_what_came(play):
    """A subscriber that does not answer in time is left out."""

    async def scenario(system):
        assert names(await system.ask("buy", Need(1))) == ["a"]

    play(market(child(Dealer, id="a"), child(Dealer, 0.5, id="b"), timeout=0.05), scenario)


def test_a_subscriber_that_crashes_is_not_waited_for(play):
    """The gathering is done long before its timeout."""

    async def scenario(system):
        assert names(await system.ask("buy", Need(1), timeout=15.0)) == ["a"]

    tree = market(
        child(Dealer, id="a"), child(Dealer, kwargs={"breaks": True}, id="b"), timeout=60.0
    )
    play(tree, scenario)


@pytest.mark.parametrize(("fallback", "count"), [([Skip()], 0), ([Use((Offer("x", 0),))], 1)])
def test_a_topic_without_subscribers_falls_back_at_once(play, fallback, count):
    """Nobody is there to wait for: too few replies, and the rules decide."""

    async def scenario(system):
        assert len((await system.ask("buy", Need(1))).all) == count

    play(market(timeout=60.0, fallback=fallback), scenario)


def test_what_is_no_message_fails_its_step_and_not_the_coordinator(play):
    """A `send` that makes no message is the failure of one request."""
    step = Step("ask", to="a", send=lambda c: c.request.n or "no message")
    pipeline = Pipeline(Need, [step, Step("well", to="a")], name="buy", result=lambda c: c["well"])
    tree = supervisor("market", children=[child(Dealer, id="a"), coordinator(pipeline)])

    async def scenario(system):
        with pytest.raises(AskFailed, match="no message"):
            await system.ask("buy", Need(0))
        assert system.restarts == 0

    play(tree, scenario)


def test_a_hedge_overtakes_a_slow_agent(play):
    """The second copy wins, and the first is withdrawn."""
    step = Step("ask", to="a", fallback=[Hedge(0.01, to="b")])
    pipeline = Pipeline(Need, [step], name="buy", result=lambda c: Offers((c["ask"],)))
    dealers = [child(Dealer, 0.2, id="a"), child(Dealer, id="b")]
    tree = supervisor("market", children=[*dealers, coordinator(pipeline)])

    async def scenario(system):
        assert names(await system.ask("buy", Need(1))) == ["b"]

    play(tree, scenario)


def test_a_collection_is_mapped_with_so_many_at_a_time(play):
    """Two of six items are in work at any moment, and the results keep their order."""
    most, now = [0], [0]

    class Worker(Agent):
        @handles(reentrant=True)
        async def work(self, need: Need) -> Offer:
            now[0] += 1
            most[0] = max(most[0], now[0])
            await self.sleep(0.01)
            now[0] -= 1
            return Offer("w", need.n)

    step = Step(
        "all", to="w", each=lambda c: range(c.request.n), send=lambda c: Need(c.item), concurrency=2
    )
    pipeline = Pipeline(Need, [step], name="buy", result=lambda c: Offers(c["all"]))
    tree = supervisor("market", children=[child(Worker, id="w"), coordinator(pipeline)])

    async def scenario(system):
        offers = await system.ask("buy", Need(6))
        assert [one.n for one in offers.all] == list(range(6))
        assert most[0] == 2

    play(tree, scenario)


def test_a_sub_pipeline_gathers_and_its_parent_goes_on(play):
    """A pipeline as a step, skipped where its condition does not hold."""
    inner = Pipeline(
        Need, [Step("in", topic="offers")], name="inner", result=lambda c: Offers(c["in"])
    )
    outer = Pipeline(
        Need,
        [Step("sub", pipeline=inner, when=lambda c: c.request.n > 0)],
        name="buy",
        result=lambda c: c["sub"] or Offers(()),
    )
    tree = supervisor("market", children=[child(Dealer, id="a"), coordinator(outer)])

    async def scenario(system):
        assert names(await system.ask("buy", Need(1))) == ["a"]
        assert names(await system.ask("buy", Need(0))) == []

    play(tree, scenario)


def test_over_the_limit_requests_wait_in_the_mailbox(play):
    """Two of five are under way at any moment, and all end in the order in which they came."""
    most, now, done = [0], [0], []

    class Worker(Agent):
        @handles(reentrant=True)
        async def work(self, need: Need) -> Offer:
            now[0] += 1
            most[0] = max(most[0], now[0])
            await self.sleep(0.01)
            now[0] -= 1
            done.append(need.n)
            return Offer("w", need.n)

    pipeline = Pipeline(Need, [Step("a", to="w")], name="buy", result=lambda c: c["a"])
    tree = supervisor("t", children=[child(Worker, id="w"), coordinator(pipeline, limit=2)])

    async def scenario(system):
        asks = [system.ask("buy", Need(n), timeout=15.0) for n in range(5)]
        for n, ask in enumerate(asks):
            assert await ask == Offer("w", n)
        assert most[0] == 2
        assert done == list(range(5))

    play(tree, scenario)


def test_a_coordinator_at_its_limit_stops_and_its_askers_hear(play, until):
    """As with a handler in work: that request ends, those in the mailbox are dead letters."""

    async def scenario(system):
        first, *others = [system.ask("buy", Need(n), timeout=15.0) for n in range(3)]
        await until(lambda: system.ref("buy")._cell.agent.under_way)
        await system.ref("buy").stop()
        assert names(await first) == ["a"]
        for ask in others:
            with pytest.raises(AgentDead):
                await ask

    pipeline = Pipeline(
        Need, [Step("ask", topic="offers")], name="buy", result=lambda c: Offers(c["ask"])
    )
    agents = [child(Dealer, 0.05, id="a"), coordinator(pipeline, limit=1, restart=TEMPORARY)]
    play(supervisor("t", children=agents), scenario)


def test_a_limit_below_one_is_refused_when_it_is_declared():
    """At least one request must be possible."""
    pipeline = Pipeline(Need, [Step("a", to="w")], name="buy")
    with pytest.raises(SpecError, match="its limit is 0"):
        coordinator(pipeline, limit=0)


@message
class TakeBack:
    n: int


class Books(Agent):
    """Keeps what was done and undone; cannot undo 13."""

    def __init__(self, book: list[int]) -> None:
        self._book = book

    @handles
    def do(self, need: Need) -> Offer:
        self._book.append(need.n)
        return Offer("books", need.n)

    @handles
    def undo(self, back: TakeBack) -> None:
        if back.n == 13:
            raise ValueError("cannot be undone")
        self._book.append(-back.n)


def cancellable(book):
    steps = [
        Step("done", to="books", undo=lambda c: TakeBack(c.request.n), undo_fallback=[Retry(1)]),
        Step("slow", to="slow", after=["done"], timeout=60.0),
    ]
    pipeline = Pipeline(Need, steps, name="buy", result=lambda c: c["slow"])
    agents = [child(Books, book, id="books"), child(Dealer, 0.3, id="slow")]
    return supervisor("t", children=[*agents, coordinator(pipeline)], **OFTEN)


def test_a_request_is_cancelled_and_what_it_did_is_undone(play, until):
    """The asker hears of it after the undo; another request is not touched."""
    book = []

    async def scenario(system):
        asked = system.ask("buy", Need(1), timeout=15.0, correlation_id="one")
        other = system.ask("buy", Need(2), timeout=15.0, correlation_id="two")
        await until(lambda: sorted(book) == [1, 2])
        order = CancelRequest("one", "changed my mind")
        assert await system.ask("buy", order) == RequestsCancelled(1)
        with pytest.raises(AskFailed, match="changed my mind"):
            await asked
        assert sorted(book) == [-1, 1, 2]
        assert await system.ask("buy", order) == RequestsCancelled(0)
        assert await other == Offer("slow", 2)

    play(cancellable(book), scenario)


def test_an_asker_that_gives_up_cancels_nothing(play, until):
    """The request goes on to its end; its answer is a late reply."""
    book = []

    async def scenario(system):
        asked = system.ask("buy", Need(1), timeout=15.0)
        await until(lambda: book)
        asked.cancel()
        await until(lambda: system.ref("buy")._cell.agent.under_way == 0)
        assert book == [1]

    play(cancellable(book), scenario)


def test_who_listens_hears_of_what_still_stands(play, until):
    """An undo that failed for good is retried by its rule, logged, recorded and told."""
    book, heard = [], []

    async def scenario(system):
        system.listen(heard.append)
        asked = system.ask("buy", Need(13), timeout=15.0, correlation_id="bad luck")
        await until(lambda: book)
        await system.ask("buy", CancelRequest("bad luck"))
        with pytest.raises(AskFailed, match="still standing: done"):
            await asked
        (alarm,) = [one for one in heard if isinstance(one, StillStanding)]
        assert (alarm.path, alarm.correlation_id, alarm.step) == ("/t/buy", "bad luck", "done")
        kinds = [one.kind for one in system.ref("buy")._cell.agent.decisions]
        assert Kind.STANDING in kinds

    play(cancellable(book), scenario)
