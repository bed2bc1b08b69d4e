"""Carries a coordinated stop out: the user's phases, before the agents are stopped.

What happens when is decided by `harmonium.supervisors.phases`; here tasks run
as coroutines on the system's loop and timers are set.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.promise import Promise
from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.supervisors import phases
from harmonium.supervisors.phase_spec import StopPhase

if TYPE_CHECKING:
    import asyncio

    from harmonium.actors.ground import Ground
    from harmonium.actors.timers import Timer

__all__ = ["StopPhases", "StopTask"]

StopTask = Callable[[], Awaitable[None] | None]


class StopPhases:
    """The phases of one system and the tasks that were given to them.

    Args:
        specs: The phases, in any order; a circle is refused here.

    Raises:
        SpecError: If phases wait for one another in a circle or name an unknown one.
    """

    def __init__(self, specs: Iterable[StopPhase]) -> None:
        self._plan = phases.plan_of(tuple(specs))
        self._names = [phase.name for phase in self._plan.phases]
        self._tasks: dict[tuple[str, str], StopTask] = {}
        self._progress: phases.Progress | None = None
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._timers: dict[str, Timer] = {}
        self._done: Promise[phases.Progress] | None = None

    def add(self, phase: str, name: str, task: StopTask) -> None:
        """Have a task run in a phase; too late for one that has begun, it never runs.

        Raises:
            SpecError: If there is no such phase.
        """
        if phase not in self._names:
            hint = did_you_mean(phase, self._names)
            raise SpecError("stop_phases", f"there is no phase {phase!r}", hint)
        self._tasks[phase, name] = task

    def run(self, ground: Ground, reason: str) -> Promise[phases.Progress]:
        """Run all phases once; a second call gets the same promise, the first reason counts."""
        if self._done is None:
            self._done = Promise(ground)
            self._ground = ground
            tasks: dict[str, list[str]] = {}
            for phase, name in self._tasks:
                tasks.setdefault(phase, []).append(name)
            plan = phases.Plan(self._plan.phases, {k: tuple(v) for k, v in tasks.items()})
            self._progress = phases.Progress(plan)
            self._happen(phases.Begin(reason))
        return self._done

    def _happen(self, event: phases.Event) -> None:
        if self._progress is None:
            return
        self._progress, effects = phases.decide(self._progress, event)
        for effect in effects:
            _METHODS[type(effect)](self, effect)

    def _begin_phase(self, effect: phases.BeginPhase) -> None:
        event = phases.PhaseTimer(effect.phase)
        self._timers[effect.phase] = self._ground.after(effect.timeout, self._happen, event)

    def _run_task(self, effect: phases.RunTask) -> None:
        key = (effect.phase, effect.task)
        running = self._ground.loop.create_task(_run(self._tasks[key]))
        self._running[key] = running
        running.add_done_callback(lambda done: self._over(key, done))

    def _over(self, key: tuple[str, str], done: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        error = None if done.cancelled() else done.exception()
        if error is not None:
            logger.error("stop task {} of phase {} failed: {!r}", key[1], key[0], error)
        self._happen(phases.TaskOver(*key, "" if error is None else repr(error)))

    def _cancel_tasks(self, effect: phases.CancelTasks) -> None:
        logger.warning("stop phase {} took too long: {}", effect.phase, ", ".join(effect.tasks))
        for name in effect.tasks:
            running = self._running.pop((effect.phase, name), None)
            if running is not None:
                running.cancel()

    def _phase_done(self, effect: phases.Done) -> None:
        timer = self._timers.pop(effect.phase, None)
        if timer is not None:
            timer.cancel()

    def _stopped(self, _: phases.Stopped) -> None:
        if self._done is not None and self._progress is not None:
            self._ground.call_soon(self._finish)

    def _finish(self) -> None:
        if self._done is not None and self._progress is not None:
            self._done.settle(self._progress)


async def _run(task: StopTask) -> None:
    result = task()
    if inspect.isawaitable(result):
        await result


_METHODS: dict[type, Any] = {
    phases.BeginPhase: StopPhases._begin_phase,
    phases.RunTask: StopPhases._run_task,
    phases.CancelTasks: StopPhases._cancel_tasks,
    phases.Done: StopPhases._phase_done,
    phases.Stopped: StopPhases._stopped,
}
