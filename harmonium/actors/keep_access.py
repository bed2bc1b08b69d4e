"""`KeepAccess`: the `keep` of every agent; what it gives is loaded when one uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from harmonium.actors.stateful_keep import Keep

__all__ = ["KeepAccess"]

_KEEP = "_harmonium_keep"


class KeepAccess:
    """Makes `self.keep`; an agent that sets an attribute of that name hides it."""

    @overload
    def __get__(self, agent: None, owner: type) -> KeepAccess: ...
    @overload
    def __get__(self, agent: object, owner: type) -> Keep: ...
    def __get__(self, agent: Any, owner: type) -> Any:
        """Give the kept values of an incarnation."""
        if agent is None:
            return self
        keep = agent.__dict__.get(_KEEP)
        if keep is None:
            from harmonium.actors.stateful_keep import Keep  # noqa: PLC0415 - as said above

            keep = agent.__dict__[_KEEP] = Keep(agent)
        return keep
