"""A run on a store: what it was begun with, so that it is gone on with and not mixed up.

A store that holds the progress of a run takes no other one by accident: to go
on has to be asked for, and what decides about the outcome has to be the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from harmonium.actors.store.ports import Store
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.durable_layout import COORDINATORS

__all__ = ["Begun", "begin_run"]

_SPACE, _KEY = "run", "begun"


@attrs.frozen(slots=True)
class Begun:
    """What a run was begun with.

    Args:
        application: Its name.
        source: What tells its input apart from others: a digest; empty without an input.
        settings: Its settings as text, by name; those that may change are left out.
    """

    application: str
    source: str
    settings: Mapping[str, str]


def begin_run(store: Store, place: str, begun: Begun, *, resume: bool) -> bool:
    """Begin a run on an empty store, or go on with the one that is there.

    To be called from a plain thread, before anything starts. A run that was
    killed before it had begun is begun with `resume` too.

    Args:
        store: The store.
        place: Where it is, for the error.
        begun: What the run is begun with.
        resume: Whether to go on.

    Returns:
        Whether there is something to go on with.

    Raises:
        ConfigError: If there is something and `resume` was not asked for, or
            it was begun with something else.
    """
    option = f"--store {place}"
    item = store.state(_SPACE).get(_KEY).result()
    if not resume and (item is not None or _is_used(store)):
        name = "another program" if item is None else _of(item.data, option).application
        raise ConfigError(
            option,
            f"it holds the progress of an earlier run of {name}",
            "add --resume to go on with it, or name a new file",
        )
    if item is not None:
        _compare(_of(item.data, option), begun, option)
        return True
    store.state(_SPACE).put(_KEY, attrs.asdict(begun)).result()
    return False


def _is_used(store: Store) -> bool:
    streams = store.streams.streams(limit=1).result()
    return bool(streams or store.state(COORDINATORS).list(limit=1).result())


def _of(data: Any, option: str) -> Begun:
    match data:
        case {"application": str(application), "source": str(source), "settings": dict(settings)}:
            return Begun(application, source, settings)
    raise ConfigError(option, "what the run was begun with cannot be read", "name a new file")


def _compare(before: Begun, now: Begun, option: str) -> None:
    if before.application != now.application:
        raise ConfigError(
            option, f"it holds a run of {before.application}, not of {now.application}"
        )
    if before.source != now.source:
        raise ConfigError(
            option, "its run was begun with another input", "name that one with --input"
        )
    for name in sorted({*before.settings, *now.settings}):
        was, value = before.settings.get(name), now.settings.get(name)
        if was != value:
            remedy = f"repeat --set {name}={was}" if was is not None else "leave it out"
            problem = f"its run was begun with {name}={was}, not {name}={value}"
            raise ConfigError(option, problem, remedy)
