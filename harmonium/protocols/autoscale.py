"""How many members a pool should have, from what it has to do.

The size that the work needs follows from Little's law: the messages that arrive
in a second, times the seconds that one takes, is the number of members that are
busy at any moment. So a step in the load is answered in one evaluation, however
large it is, and the answer does not depend on how far an earlier one has come.
Counts of messages vary by chance: one that is within a standard deviation of
what was expected (for N messages, sqrt(N)) counts a little, another one is taken
for a new load.
Queue and wait correct what that estimate misses, as in the Kubernetes autoscaler:
size times measured over target. A pool shrinks only to what was wanted at most
over a while, so a load that swings does not shake it.
"""

from __future__ import annotations

import math

import attrs

from harmonium.protocols.checks import check_count, check_number, check_seconds, check_share

__all__ = ["Autoscale", "Decision", "Sample", "ScaleState"]

# Queue and wait may not ask for more than this times the size at once: both are
# sums of the past, and the pool may have grown enough already.
_LARGEST_STEP = 2.0
# How much a new measure counts beside the older ones: of the time of a message,
# and of an arrival rate that differs no more than chance explains.
_FRESH = 0.3
_FRESH_RATE = 0.15


@attrs.frozen
class Sample:
    """What a pool measured in one period.

    Args:
        at: When the period ended, in seconds of a monotonic clock.
        seconds: Its length, above 0.
        members: How many members there were.
        queued: Messages that waited at its end.
        arrived: Messages that came in it.
        finished: Messages that were finished in it.
        busy: Share of their time that the members worked, from 0 to 1.
        wait: How long messages waited before they were begun, in seconds; 0
            where it is not measured.
    """

    at: float
    seconds: float
    members: int
    queued: int
    arrived: int
    finished: int
    busy: float
    wait: float = 0.0


@attrs.frozen
class ScaleState:
    """What the policy remembers.

    Args:
        size: The size it decided on last.
        changed_at: When it last changed it, in seconds.
        sampled_at: When the last sample was taken, in seconds.
        service: Seconds that a message takes, learnt; None before the first.
        rate: Messages that arrive in a second, learnt; None before the first.
        recent: The sizes wanted lately and when, the largest first: later ones
            only where smaller.
    """

    size: int
    changed_at: float = float("-inf")
    sampled_at: float = float("-inf")
    service: float | None = None
    rate: float | None = None
    recent: tuple[tuple[float, float], ...] = ()


@attrs.frozen
class Decision:
    """What to do, and why, for the journal.

    Args:
        size: How many members there should be.
        change: How many more, or fewer, than before.
        reason: Why, in words.
        wanted: The size that the sample alone asked for; None if it was not used.
    """

    size: int
    change: int
    reason: str
    wanted: float | None = None


@attrs.frozen
class Autoscale:
    """When a pool grows and shrinks.

    Args:
        minimum: Fewest members. At least 1.
        maximum: Most members. At least `minimum`.
        utilisation: Share of their time that members should work, above 0 up to 1.
        depth: How many messages may wait for each member; more makes the pool
            grow. Above 0; None to ignore the queue.
        wait: How long a message may wait, in seconds above 0; None to ignore it.
        period: How often `decide` is called, in seconds above 0.
        tolerance: Share by which a size may be wrong without being changed.
            From 0, below 1.
        cooldown: How long queue and wait are not looked at after the pool grew,
            in seconds from 0 on, because they still show the time before.
        shrink_after: How long fewer members must have sufficed before the pool
            shrinks, in seconds from 0 on.

    Raises:
        SpecError: If a bound above does not hold.

    Example:
        >>> policy = Autoscale(1, 16, utilisation=0.5)
        >>> sample = Sample(1.0, 1.0, members=2, queued=0, arrived=40, finished=20, busy=1.0)
        >>> policy.decide(policy.start(2), sample, now=1.0)[1].size
        8
    """

    minimum: int = 1
    maximum: int = 16
    utilisation: float = attrs.field(default=0.7, kw_only=True)
    depth: float | None = attrs.field(default=10.0, kw_only=True)
    wait: float | None = attrs.field(default=None, kw_only=True)
    period: float = attrs.field(default=1.0, kw_only=True)
    tolerance: float = attrs.field(default=0.1, kw_only=True)
    cooldown: float = attrs.field(default=3.0, kw_only=True)
    shrink_after: float = attrs.field(default=30.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_count("Autoscale.minimum", self.minimum, least=1)
        check_count("Autoscale.maximum", self.maximum, least=self.minimum)
        check_share("Autoscale.utilisation", self.utilisation, one=True)
        check_share("Autoscale.tolerance", self.tolerance, zero=True)
        if self.depth is not None:
            check_number("Autoscale.depth", self.depth, above=0.0)
        if self.wait is not None:
            check_seconds("Autoscale.wait", self.wait, above=0.0)
        check_seconds("Autoscale.period", self.period, above=0.0)
        check_seconds("Autoscale.cooldown", self.cooldown)
        check_seconds("Autoscale.shrink_after", self.shrink_after)

    def start(self, size: int | None = None, now: float = float("-inf")) -> ScaleState:
        """Begin with a size, the minimum by default; also when somebody resized the pool.

        With `now` given, that size counts as wanted at that time, so that the
        pool does not shrink before `shrink_after` has passed.
        """
        bounded = self._bounded(self.minimum if size is None else size)
        return ScaleState(bounded, now, recent=((now, float(bounded)),))

    def decide(self, state: ScaleState, sample: Sample, now: float) -> tuple[ScaleState, Decision]:
        """Decide how many members there should be.

        A sample that is not newer than the last one, or older than three
        periods, decides nothing: what it shows is over.

        Args:
            state: What is remembered.
            sample: What the pool measured in the last period.
            now: The time, in seconds of the clock of the samples.
        """
        if sample.at <= state.sampled_at or now - sample.at > 3 * self.period:
            return state, Decision(state.size, 0, "the sample is stale")
        service, rate = _learn(state.service, sample), _track(state.rate, sample)
        wanted, reason = self._wanted(state, sample, service, rate, now)
        recent = _remember(state.recent, wanted, now, self.shrink_after)
        size, reason = self._size(state.size, wanted, recent[0][1], reason)
        changed_at = state.changed_at if size == state.size else now
        decision = Decision(size, size - state.size, reason, wanted)
        return ScaleState(size, changed_at, sample.at, service, rate, recent), decision

    def _wanted(
        self, state: ScaleState, sample: Sample, service: float | None, rate: float, now: float
    ) -> tuple[float, str]:
        """Give the largest size that one of the measures asks for, and its name."""
        working = sample.busy * sample.members
        offered = working if service is None else rate * service
        wishes = [(offered / self.utilisation, "utilisation")]
        if now - state.changed_at >= self.cooldown:
            most = _LARGEST_STEP * state.size
            if self.depth is not None and sample.queued > self.depth * state.size:
                wishes.append((min(sample.queued / self.depth, most), "queue depth"))
            if self.wait is not None and sample.wait > self.wait:
                wishes.append((min(state.size * sample.wait / self.wait, most), "wait"))
        return max(wishes)

    def _size(self, size: int, wanted: float, lately: float, why: str) -> tuple[int, str]:
        bounded = self._bounded(size)
        up, down = self._bounded(wanted), self._bounded(lately)
        if bounded != size:
            return bounded, "the size is out of its bounds"
        if wanted > size * (1.0 + self.tolerance) and up > size:
            return up, f"{why} asks for {wanted:.1f} members"
        if lately < size * (1.0 - self.tolerance) and down < size:
            return down, f"at most {lately:.1f} members were wanted for {self.shrink_after:g} s"
        return size, "the size fits"

    def _bounded(self, wanted: float) -> int:
        # A hair above a whole number is rounding, not work for one more.
        whole = math.ceil(wanted - 1e-9)
        return max(self.minimum, min(self.maximum, whole))


def _learn(known: float | None, sample: Sample) -> float | None:
    """Learn how long a message takes; a period in which none was finished teaches nothing."""
    if sample.finished <= 0:
        return known
    measured = sample.busy * sample.members * sample.seconds / sample.finished
    return measured if known is None else known + _FRESH * (measured - known)


def _track(known: float | None, sample: Sample) -> float:
    """Follow the arrival rate: at once where it changed, slowly where it may be chance."""
    measured = sample.arrived / sample.seconds
    if known is None:
        return measured
    expected = known * sample.seconds
    if abs(sample.arrived - expected) > math.sqrt(max(expected, 1.0)):
        return measured
    return known + _FRESH_RATE * (measured - known)


def _remember(
    recent: tuple[tuple[float, float], ...], wanted: float, now: float, window: float
) -> tuple[tuple[float, float], ...]:
    """Keep what is needed to know the largest wish of the window, in falling order."""
    kept = tuple(each for each in recent if each[0] > now - window and each[1] > wanted)
    return (*kept, (now, wanted))
