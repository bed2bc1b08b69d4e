"""`singleton`: declare one agent that runs in one of several systems at a time.

How it leads and follows stands at `harmonium.actors.singleton.Singleton`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from harmonium.actors.birth import Birth
from harmonium.actors.singleton import Singleton
from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.supervisors.spec import ChildSpec, child

__all__ = ["led_by", "made_by", "singleton"]

_LEASE = LeasePolicy()
_AFTER_A_CRASH = ("retries", "poison", "keep_children")


def singleton(
    start: Callable[..., Any] | Birth,
    *args: Any,
    id: str | None = None,
    lease: str = "",
    policy: LeasePolicy = _LEASE,
    **options: Any,
) -> ChildSpec:
    """Declare an agent that runs where its lease is, in one of the systems on a store.

    Give the same declaration to each of the systems.

    Args:
        start: The agent class, a function that makes the agent, or a `Birth`.
        *args: For its constructor.
        id: Name under the supervisor.
        lease: Name of the lease; if not given it follows from the path, so that
            the same path in two systems is the same singleton.
        policy: How long the lease lasts without renewal.
        **options: As for `child`. What concerns the agent (`kwargs`, `mailbox`,
            `overflow`, ...) holds for the agent that leads, what concerns its
            supervisor (`restart`, `shutdown`, ...) for the singleton. A crash
            ends the agent and its lease, so nothing of it can be kept or tried
            again: no `retries`, no `poison`, no `keep_children`.

    Raises:
        SpecError: If anything is unknown or out of bounds, or it is no agent.

    Example:
        >>> singleton(dict, id="cron", lease="cron").id
        'cron'
    """
    for field in _AFTER_A_CRASH:
        if options.get(field):
            problem = "a singleton's agent is a new one after a crash"
            raise SpecError(f"{id}.{field}", problem, "leave it out")
    plain = child(start, *args, id=id, **options)
    if not isinstance(plain.start, Birth):
        raise SpecError(plain.id, "a singleton is one agent", "declare each agent below as one")
    if not isinstance(lease, str):
        raise SpecError(f"{plain.id}.singleton.lease", f"{lease!r} is no name", "give a text")
    if not isinstance(policy, LeasePolicy):
        raise SpecError(f"{plain.id}.singleton.policy", f"{policy!r} is no LeasePolicy", "give one")
    said = {"lease": (lease, ""), "policy": (policy, _LEASE)}
    kwargs = {key: value for key, (value, default) in said.items() if value != default}
    return attrs.evolve(plain, start=Birth(Singleton, (plain.start,), kwargs))


def led_by(birth: Birth) -> tuple[Birth, str, LeasePolicy] | None:
    """Give the agent that a singleton runs, with its lease; None for any other agent.

    Also for one that was declared as ``child(Singleton, Cron, ...)``.
    """
    if birth.factory is not Singleton or not birth.args:
        return None
    kwargs = dict(birth.kwargs)
    lease, policy = kwargs.pop("lease", ""), kwargs.pop("policy", None) or _LEASE
    agent, *args = birth.args
    return agent if isinstance(agent, Birth) else Birth(agent, tuple(args), kwargs), lease, policy


def made_by(spec: ChildSpec) -> Callable[..., Any] | None:
    """Give the class or factory of an agent, of a singleton's agent too; None for a supervisor."""
    if not isinstance(spec.start, Birth):
        return None
    led = led_by(spec.start)
    return spec.start.factory if led is None else led[0].factory
