"""`pool`: declare copies of one agent that share its mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import attrs

from harmonium.actors.agent import Agent
from harmonium.actors.birth import Birth
from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.checks import inside
from harmonium.protocols.contract import Contract
from harmonium.protocols.errors import SpecError
from harmonium.protocols.message import info_of
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.overflow import DEFAULT_CAPACITY, WAIT, Overflow
from harmonium.protocols.reliability.work_budget import WorkBudget
from harmonium.protocols.routing.members import Router
from harmonium.protocols.routing.turns import ROUND_ROBIN
from harmonium.supervisors import validation
from harmonium.supervisors.fields import ChildFields
from harmonium.supervisors.pool_agent import Pool
from harmonium.supervisors.pool_spec import (
    DEFAULT_DRAIN,
    KEEP,
    KeyOf,
    MemberCrash,
    PoolSettings,
)
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec, child
from harmonium.supervisors.words import Kind

__all__ = ["MAX_RESTARTS", "WITHIN", "pool"]

MAX_RESTARTS = 5
"""How many restarts `WITHIN` may hold, for each member."""
WITHIN = 10.0
"""Length of that window, in seconds."""

Size = int | tuple[int, int]


def pool(  # noqa: PLR0913 - one keyword per field of the spec, all optional
    start: Callable[..., Any] | Birth,
    *args: Any,
    id: str | None = None,
    size: Size = 1,
    router: Router[Any] = ROUND_ROBIN,
    key: KeyOf | None = None,
    autoscale: Autoscale | None = None,
    on_member_crash: MemberCrash = KEEP,
    weights: Sequence[float] | None = None,
    with_arguments: Callable[[int], Sequence[Any]] | None = None,
    drain: float | None = DEFAULT_DRAIN,
    max_restarts: int = MAX_RESTARTS,
    within: float = WITHIN,
    kwargs: Mapping[str, Any] | None = None,
    mailbox: int = DEFAULT_CAPACITY,
    overflow: Overflow = WAIT,
    handler_limit: float | None = None,
    keep_children: bool = False,
    stash: int = 1_000,
    retries: int = 0,
    work_budget: WorkBudget | None = None,
    **fields: Unpack[ChildFields],
) -> ChildSpec:
    """Declare a pool: members that are copies of one agent, behind one address.

    A message to the pool goes to a member at the moment it is sent; there is no
    hop. While no member takes mail, it waits in the pool. A full member does
    what `overflow` says; so does the pool when too much waits in it. Members are
    supervised one by one (`max_restarts` in `within` seconds each); a member
    whose budget is used up is left alone for its `quarantine`, and the others
    get its mail. A pool that shrinks gives its highest members no more mail and
    stops each when it has worked off what it has.

    Args:
        start: The agent class, or a function that returns an agent.
        *args: Positional arguments of each member's constructor.
        id: Name of the pool under its supervisor.
        size: How many members; two numbers let it grow and shrink between them.
        router: Who gets a message (`harmonium.protocols.routing`).
        key: What a message is about, for routers that go by it: a function of
            the message, or the name of a field.
        autoscale: When it grows and shrinks; by default `Autoscale` between the
            two numbers of `size`, if it has two.
        on_member_crash: What becomes of the mail of a member that crashed.
        weights: What each member can do beside the others, by its number.
        with_arguments: Gives the positional arguments of member n.
        drain: How long a member that leaves may work off its mail, in seconds.
        max_restarts: How many restarts of one member `within` may hold.
        within: Length of that window, in seconds.
        kwargs: Keyword arguments of each member's constructor.
        mailbox: How many messages may wait for each member; and in the pool
            while no member takes any. At least 1.
        overflow: What happens to one more.
        handler_limit: As for `child`; so are the other options.
        keep_children: As for `child`.
        stash: As for `child`.
        retries: As for `child`.
        work_budget: As for `child`, for each member.
        **fields: Any other field of `ChildSpec`, for the members; `significant`
            is the pool's own.

    Raises:
        SpecError: If anything is missing, unknown or out of bounds.

    Example:
        >>> from harmonium.protocols.routing import LEAST_LOADED
        >>> pool(dict, id="inventory", size=(2, 16), router=LEAST_LOADED).tree.pool.size
        2
    """
    place = id if isinstance(id, str) and id else "pool"
    own = {name: fields.pop(name) for name in ("significant",) if name in fields}
    if isinstance(start, SupervisorSpec):
        raise SpecError(place, "a pool has copies of one agent", "give an agent class")
    template = child(
        start,
        *args,
        id=id if id is not None else None,
        kwargs=kwargs,
        mailbox=mailbox,
        overflow=overflow,
        handler_limit=handler_limit,
        keep_children=keep_children,
        stash=stash,
        retries=retries,
        work_budget=work_budget,
        **fields,
    )
    first, scale = _scale(place, size, autoscale)
    settings = inside(
        place,
        lambda: PoolSettings(
            size=first,
            router=router,
            key=key,
            autoscale=scale,
            on_member_crash=on_member_crash,
            weights=None if weights is None else validation.sequence(f"{place}.weights", weights),
            with_arguments=with_arguments,
            drain=drain,
            mailbox=mailbox,
            overflow=overflow,
            agent=Pool,
        ),
    )
    _check_router(place, settings)
    _check_field(place, settings, template)
    spec = SupervisorSpec(
        name=place,
        kind=Kind.DYNAMIC,
        template=template,
        pool=settings,
        per_child=True,
        max_restarts=max_restarts,
        within=within,
    )
    return child(spec, **own)  # type: ignore[arg-type]


def _scale(place: str, size: Any, policy: Autoscale | None) -> tuple[int, Autoscale | None]:
    """Bring size and autoscaling together: the first size, and the policy with its bounds."""
    if isinstance(size, tuple | list):
        if len(size) != 2 or not all(type(one) is int for one in size):
            raise SpecError(f"{place}.size", f"{size!r} is no size", "give fewest and most members")
        least, most = size
        bounded = inside(
            place, lambda: attrs.evolve(policy or Autoscale(), minimum=least, maximum=most)
        )
        return least, bounded
    if policy is not None and isinstance(policy, Autoscale) and size == 1:
        return policy.minimum, policy
    return size, policy


def _check_router(place: str, settings: PoolSettings) -> None:
    known = type(settings.router).__module__.startswith("harmonium.protocols.routing.")
    if settings.router.tracks and not known:
        raise SpecError(
            f"{place}.router",
            f"{type(settings.router).__name__} wants to hear of finished messages",
            "a pool tells that to its own routers only; use Sticky",
        )


def _check_field(place: str, settings: PoolSettings, template: ChildSpec) -> None:
    """Refuse the name of a field that no message of the members has."""
    contract = contract_of(template)
    if not isinstance(settings.key, str) or contract is None or contract.anything:
        return
    known = {name for cls in contract.accepts for name in fields_of(cls)}
    if known and settings.key not in known:
        problem = f"no message of its contract has a field {settings.key!r}"
        raise SpecError(f"{place}.key", problem, did_you_mean(settings.key, sorted(known)))


def contract_of(template: ChildSpec) -> Contract | None:
    """Give what the members take; None where that is known only when they are made."""
    factory = template.start.factory if isinstance(template.start, Birth) else None
    if isinstance(factory, type) and issubclass(factory, Agent):
        return factory.contract()
    return None


def fields_of(cls: type) -> tuple[str, ...]:
    """Name the fields of a message class."""
    return tuple(one.name for one in attrs.fields(cls)) if info_of(cls) is not None else ()
