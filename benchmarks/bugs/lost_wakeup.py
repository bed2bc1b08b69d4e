"""A worker that crashes on its wake-up call sleeps for ever.

The dispatcher saves messages: it wakes the worker only when its queue was
empty before, for a worker that is at work looks at the queue again anyway. If
the worker crashes on that one call, its new incarnation knows nothing of it.
The queue never becomes empty again, so nobody is ever woken again. Jobs pile
up in a system in which every agent is well.

The fixed worker looks at the queue whenever it starts.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Submit:
    job: int


@message
class Wake:
    pass


@message
class Next:
    done: int


@message
class Job:
    job: int


@message
class Idle:
    pass


class Dispatcher(Agent):
    def __init__(self) -> None:
        self.queue: list[int] = []

    @handles
    def submit(self, order: Submit) -> None:
        self.queue.append(order.job)
        if len(self.queue) == 1:
            self.tell("worker", Wake())

    @handles
    def next(self, query: Next) -> Job | Idle:
        if query.done in self.queue:
            self.queue.remove(query.done)
        return Job(self.queue[0]) if self.queue else Idle()


class Worker(Agent):
    def __init__(self, done: list[int]) -> None:
        self.done = done

    @handles
    async def wake(self, _: Wake) -> None:
        answer = await self.ask("dispatcher", Next(0), timeout=5.0)
        while isinstance(answer, Job):
            self.done.append(answer.job)
            answer = await self.ask("dispatcher", Next(answer.job), timeout=5.0)


class CarefulWorker(Worker):
    def started(self) -> None:
        self.tell(self.ref, Wake())


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    worker = CarefulWorker if fixed else Worker
    return supervisor(
        "jobs",
        max_restarts=100,
        children=[
            child(Dispatcher, id="dispatcher"),
            child(worker, world.ledger("done"), id="worker"),
        ],
    )


def body(world: World) -> None:
    me = world.probe("me")
    for job in (1, 2, 3):
        me.tell("dispatcher", Submit(job))
        world.advance(1.0)
    done = world.ledger("done")
    world.eventually(lambda: {1, 2, 3} <= set(done), "all jobs are done", within=120.0)


BUG = Bug(
    name="lost wakeup",
    build=build,
    body=body,
    violates="all jobs are done",
    faults=Faults(crash="worker", longest=10.0),
    pin=(Crash("worker", on=1, where="before"),),
)
