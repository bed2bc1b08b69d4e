"""All programs of the benchmark, in the order of the reference, and those that calibrate it."""

from __future__ import annotations

from benchmarks.bugs import (
    answered_twice,
    autoscaler_thrash,
    clock_jump,
    double_vote,
    duplicate_charge,
    early_backoff_reset,
    half_open_stampede,
    idempotency_race,
    late_vote,
    leaked_reply,
    live_quorum,
    lost_backlog,
    lost_on_passivation,
    lost_wakeup,
    mutual_ask,
    orphaned_members,
    pending_leak,
    poison_loop,
    preempt,
    restart_intensity,
    reverse,
    skipped_compensation,
    snapshot_race,
    split_brain,
    stale_address,
    starve,
    sticky_session,
    stray_timer,
)
from benchmarks.bugs.bug import Bug

__all__ = ["BUGS", "CALIBRATION", "named"]

BUGS: tuple[Bug, ...] = (
    lost_wakeup.BUG,
    duplicate_charge.BUG,
    double_vote.BUG,
    late_vote.BUG,
    live_quorum.BUG,
    early_backoff_reset.BUG,
    restart_intensity.BUG,
    orphaned_members.BUG,
    stale_address.BUG,
    leaked_reply.BUG,
    mutual_ask.BUG,
    skipped_compensation.BUG,
    lost_backlog.BUG,
    idempotency_race.BUG,
    half_open_stampede.BUG,
    autoscaler_thrash.BUG,
    sticky_session.BUG,
    snapshot_race.BUG,
    answered_twice.BUG,
    split_brain.BUG,
    poison_loop.BUG,
    stray_timer.BUG,
    pending_leak.BUG,
    lost_on_passivation.BUG,
    clock_jump.BUG,
)

CALIBRATION: tuple[Bug, ...] = (*reverse.BUGS, *starve.BUGS, *preempt.BUGS)


def named(name: str) -> Bug:
    """Give the program of this name.

    Raises:
        KeyError: If there is none.
    """
    return {bug.name: bug for bug in (*BUGS, *CALIBRATION)}[name]
