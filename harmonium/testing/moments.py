"""Moments in place of times: ``Delay("watcher", 1, until=handled("worker", 16))``.

Where a failure needs a message in one exact millisecond, its seconds mean
something else after the next edit of the program, and a reader cannot tell what
they hit. That the message comes when the worker has handled its 16th can be
read, and stays true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from harmonium.testing.faults import Delay, Fault, Handled, Pause, SlowLink
from harmonium.testing.schedule import Outcome
from harmonium.testing.spec import Faults

__all__ = ["is_exact", "moments"]

LONGER = 1.3
"""A failure that stands so much longer a delay does not need an exact one."""


def is_exact(faults: Sequence[Fault], fails: Callable[[Sequence[Fault]], bool]) -> bool:
    """Tell whether a failure needs one of its delays and pauses as it is."""
    for place, fault in enumerate(faults):
        if isinstance(fault, Delay | Pause | SlowLink) and fault.secs:
            longer = attrs.evolve(fault, secs=fault.secs * LONGER)
            if not fails((*faults[:place], longer, *faults[place + 1 :])):
                return True
    return False


def moments(outcome: Outcome, spec: Faults) -> Iterator[Delay]:
    """Give every message of a run, held until any agent has handled any of its own.

    Args:
        outcome: The run.
        spec: What may be delayed.
    """
    seats = [seat for seat in outcome.world.injector.seats() if not seat.spared]
    ends = [Handled(seat.path, nth) for seat in seats for nth in range(1, seat.handled + 1)]
    for seat in seats:
        if spec.hits("delay", seat.path):
            for nth in range(1, seat.arrivals + 1):
                for end in ends:
                    yield Delay(seat.path, nth, until=end)
