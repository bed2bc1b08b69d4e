"""The nearest run that passes: what is changed least, so that the failure is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from harmonium.testing.faults import Crash, Delay, Drop, Duplicate, Fault, Kill, Pause, SlowLink
from harmonium.testing.replay import Replay
from harmonium.testing.schedule import Scene, run_once

__all__ = ["nearest_passing"]


def nearest_passing(scene: Scene, faults: tuple[Fault, ...]) -> str:
    """Say what the nearest run does differently that passes; empty if none was found."""
    for place, fault in enumerate(faults):
        for change, other in _near(fault):
            changed = (*faults[:place], other, *faults[place + 1 :])
            if not run_once(scene, Replay(changed)).failed:
                return f"with {change} in {fault!r} it passes"
    for place, fault in enumerate(faults):
        if not run_once(scene, Replay((*faults[:place], *faults[place + 1 :]))).failed:
            return f"without {fault!r} it passes"
    return ""


def _near(fault: Fault) -> Iterator[tuple[str, Fault]]:
    for kind, give in _NEAR.items():
        if isinstance(fault, kind):
            yield from give(fault)


def _crash(fault: Crash) -> Iterator[tuple[str, Fault]]:
    for where in ("before", "after", "inside"):
        if where != fault.where:
            yield f"where={where!r}", attrs.evolve(fault, where=where, step=0)
    yield from _other_number("on")(fault)


def _slow(fault: Any) -> Iterator[tuple[str, Fault]]:
    for part in (0.9, 0.5, 0.1):
        secs = round(fault.secs * part, 4)
        yield f"secs={secs!r}", attrs.evolve(fault, secs=secs)


def _other_number(field: str) -> Callable[[Any], Iterator[tuple[str, Fault]]]:
    def near(fault: Any) -> Iterator[tuple[str, Fault]]:
        nth = getattr(fault, field)
        if nth is not None:
            for other in (nth + 1, nth - 1):
                if other >= 1:
                    yield f"{field}={other}", attrs.evolve(fault, **{field: other})

    return near


_NEAR: dict[type[Fault], Callable[[Any], Iterator[tuple[str, Fault]]]] = {
    Crash: _crash,
    Delay: _slow,
    Drop: _other_number("nth"),
    Duplicate: _other_number("nth"),
    Kill: _other_number("on"),
    Pause: _slow,
    SlowLink: _slow,
}
