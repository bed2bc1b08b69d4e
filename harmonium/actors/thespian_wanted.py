"""`Wanted`: what one call of Thespian's `createActor` asks for."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Wanted"]


@attrs.frozen(slots=True, eq=False)
class Wanted:
    """An actor to be created, or to be found by its name.

    Args:
        actor_class: The class, of an actor or an agent, or ``"module.Class"``.
        requirements: For the class to check, and for its constructor.
        global_name: If an actor has this name, it is meant, and the rest is not looked at.
        source_hash: The loaded source that the class comes from.
    """

    actor_class: Any
    requirements: Any = None
    global_name: str | None = None
    source_hash: str | None = None
