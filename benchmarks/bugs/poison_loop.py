"""One letter that cannot be read, and the post office stands still.

A clerk works on a queue that outlives it: it takes a letter from the queue
only when it has dealt with it, so that no crash loses one. A letter that
crashes the clerk is therefore still at the head when the next clerk starts,
which reads it, and crashes. No fault is needed, only that letter.

The fixed clerk counts how often it has begun a letter, and puts it aside the
third time.
"""

from __future__ import annotations

from harmonium import Agent, Backoff, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Faults, World

from benchmarks.bugs.bug import Bug


@message
class Work:
    pass


class Clerk(Agent):
    def __init__(self, queue: list[str], read: list[str], aside: list[str], fixed: bool) -> None:
        self.queue = queue
        self.read = read
        self.aside = aside
        self.tries: list[str] | None = aside if fixed else None

    def started(self) -> None:
        self.tell(self.ref, Work())

    @handles
    def work(self, _: Work) -> None:
        if not self.queue:
            return
        letter = self.queue[0]
        if self.tries is not None:
            self.tries.append(letter)
        if self.tries is None or self.tries.count(letter) < 3:
            self.read.append(str(int(letter)))
        self.queue.pop(0)
        self.tell(self.ref, Work())


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    queue, read, aside = world.ledger("queue"), world.ledger("read"), world.ledger("aside")
    queue.extend(["1", "2", "three", "4"])
    clerk = child(Clerk, queue, read, aside, fixed, id="clerk", backoff=Backoff(1.0, 8.0))
    return supervisor("post", max_restarts=1000, children=[clerk])


def body(world: World) -> None:
    read = world.ledger("read")
    world.eventually(
        lambda: {"1", "2", "4"} <= set(read), "the others are dealt with", within=120.0
    )


BUG = Bug(
    name="poison loop",
    build=build,
    body=body,
    violates="the others are dealt with",
    faults=Faults(crash="clerk", max=1, longest=10.0),
    pin=(),
)
