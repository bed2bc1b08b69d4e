"""Making the decisions of a journal again."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import Effect
from harmonium.supervisors.core.journal import bare
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.state import State
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["Deviation", "Replay", "replay"]


@attrs.frozen(slots=True)
class Deviation:
    """A decision that came out differently.

    Args:
        record: The decision as it was written down.
        effects: What was ordered this time.
    """

    record: Record
    effects: tuple[Effect, ...]


@attrs.frozen(slots=True)
class Replay:
    """What a replay has shown.

    Args:
        state: The state after the last decision.
        deviations: The decisions that came out differently; none, if the journal
            is complete and the program is the same.
    """

    state: State
    deviations: tuple[Deviation, ...]


def replay(
    spec: SupervisorSpec,
    records: Iterable[Record],
    *,
    path: str = "/",
    root: bool = False,
    reports: bool = False,
    added: Iterable[ChildSpec] = (),
) -> Replay:
    """Make the decisions of a complete journal again, from the first one on.

    Args:
        spec: What the supervisor was.
        records: Its journal, from `Boot` on. Events that changed nothing are not
            in it and are not needed.
        path: As for `initial`, like the rest.
        root: Whether it was the root.
        reports: Whether it reported its restarts.
        added: The children that it inherited.
    """
    state = initial(spec, path=path, root=root, reports=reports, added=added)
    deviations = []
    for one in records:
        state, effects = decide(state, one.event, one.now, one.draw)
        effects = tuple(bare(each) for each in effects if not isinstance(each, Record))
        if effects != one.effects:
            deviations.append(Deviation(one, effects))
    return Replay(state, tuple(deviations))
