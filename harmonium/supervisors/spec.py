"""Child specs and supervisor specs: a supervision tree as data.

A spec is checked when it is made, before anything starts; the error names the
place and the remedy. Specs are equal by value, can be printed, compared
(`harmonium.supervisors.plan`), linted (`harmonium.supervisors.lint`) and read
from a file (`harmonium.supervisors.mapping`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import attrs

from harmonium.actors.birth import DEFAULT_STASH, Birth
from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.errors import SpecError
from harmonium.protocols.overflow import DEFAULT_CAPACITY, WAIT, Overflow
from harmonium.protocols.quick import maker, quick
from harmonium.protocols.waiting import HOLD, Mail
from harmonium.supervisors import validation, words
from harmonium.supervisors.directives import Directives
from harmonium.supervisors.directives import directives as as_directives
from harmonium.supervisors.fields import ChildFields, SupervisorFields, Table
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.words import (
    AutoShutdown,
    Bystander,
    Exhausted,
    Kind,
    RestartType,
    RootExhausted,
    Shutdown,
    Strategy,
)

if TYPE_CHECKING:
    from harmonium.protocols.reliability.work_budget import WorkBudget
    from harmonium.supervisors.pool_spec import PoolSettings

__all__ = [
    "DEFAULT_QUARANTINE",
    "DEFAULT_SHUTDOWN",
    "DEFAULT_START_TIMEOUT",
    "ChildSpec",
    "SupervisorSpec",
    "child",
    "dynamic_supervisor",
    "partition_supervisor",
    "supervisor",
]

DEFAULT_SHUTDOWN = 5.0
"""How long an agent may take to stop, in seconds."""
DEFAULT_START_TIMEOUT = 30.0
"""How long an agent may take to become ready, in seconds; a supervisor may take for ever."""

DEFAULT_QUARANTINE = Backoff(30.0, 600.0, jitter=0.1, stable_for=30.0)
"""How long a child whose own budget is used up is left alone."""

Spec = TypeVar("Spec")

_DYNAMIC = Kind.DYNAMIC


_budget = lru_cache(maxsize=256, typed=True)(Budget)
"""Budgets are values, and most trees have the same: 0.1 us, not 1.5."""


def _table(value: Table) -> Directives | None:
    return value if value is None or isinstance(value, Directives) else as_directives(value)


@quick
@attrs.frozen(slots=True, kw_only=True)
class ChildSpec:
    """How one child is started, stopped and restarted. Make it with `child`.

    Args:
        id: Its name under its supervisor; the last part of its path.
        start: How to make it: a `Birth` for an agent, a `SupervisorSpec` for a
            supervisor, which makes the child one.
        restart: When it is started again.
        shutdown: How long it may take to stop, in seconds, at least 0; `KILL`
            to end it unasked; `NEVER_GIVE_UP` to wait without a limit, which is
            the rule for a supervisor.
        significant: Whether its end can end its supervisor (`auto_shutdown`).
        start_timeout: How long it may take to become ready, in seconds, above
            0; then the start has failed. None sets no limit.
        backoff: How long to wait before each restart. None: not at all.
        mail: What becomes of mail that arrives while it waits for a restart.
        directives: Its own table of exceptions; None takes its supervisor's.
        budget: Its own restart intensity, charged in place of its supervisor's.
            When it is used up, the child alone is quarantined. None takes the
            supervisor's rule (`per_child`).
        quarantine: How long it is left alone when its own budget is used up;
            then it is tried once (half-open). A trial that lasts `stable_for`
            ends the quarantine, one that fails begins a longer one.
        poison: When a message that is retried counts as poison; None: never.
        forced: Allow a finite `shutdown` for a supervisor, whose agents are
            then killed at its deadline.
        options: What else the maker of the child needs to know, as data; the
            core passes it on unread.

    Raises:
        SpecError: If a field is out of bounds or two contradict each other.
    """

    id: str
    start: Birth | SupervisorSpec
    restart: RestartType = words.PERMANENT
    shutdown: float | Shutdown = DEFAULT_SHUTDOWN
    significant: bool = False
    start_timeout: float | None = DEFAULT_START_TIMEOUT
    backoff: Backoff | None = None
    mail: Mail = HOLD
    directives: Directives | None = attrs.field(default=None, converter=_table)
    budget: Budget | None = None
    quarantine: Backoff = DEFAULT_QUARANTINE
    poison: Poison | None = None
    forced: bool = False
    options: Mapping[str, Any] = attrs.field(factory=dict)

    __attrs_post_init__ = validation.check_child

    @property
    def is_supervisor(self) -> bool:
        """Whether the child is a supervisor itself."""
        return isinstance(self.start, SupervisorSpec)

    @property
    def tree(self) -> SupervisorSpec | None:
        """The spec of the supervisor that the child is; None for an agent."""
        return self.start if isinstance(self.start, SupervisorSpec) else None

    @property
    def stop_limit(self) -> float | None:
        """Seconds until it is killed; 0 for at once, None for never."""
        if isinstance(self.shutdown, Shutdown):
            return 0.0 if self.shutdown is words.KILL else None
        return self.shutdown


@quick
@attrs.frozen(slots=True, kw_only=True)
class SupervisorSpec:
    """A supervisor and its children. Make it with `supervisor` or its two sisters.

    Args:
        name: Its name; the last part of its path, and its id under a parent.
        children: The children, in start order.
        strategy: Who is restarted with a child.
        max_restarts: How many restarts `within` may hold. At least 0, default 1.
        within: Length of the sliding window, in seconds, above 0, default 5.
        per_child: Whether each child has such a window of its own, whose end is
            quarantine; if not, all share one, whose end is escalation. Default:
            only for a dynamic supervisor.
        subtree: Limit for all restarts in the tree below, other supervisors'
            included; its end is escalation. None sets no limit.
        auto_shutdown: Whether the end of significant children ends it.
        completed: Whether a group restart starts children that had finished.
        held: Whether a group restart starts children that an operator stopped.
        directives: What an exception leads to, for children without a table of
            their own; None: as their restart type says.
        exhausted: How its exit counts for its parent when it gives up.
        on_root_exhausted: What it does when it gives up and is the root.
        lost_grace: How long a better reason is waited for when a child is gone
            without one, in seconds, at least 0.
        keep_added: Whether children added at run time survive its own restart.
        kind: How it comes to its children.
        template: For a dynamic supervisor: the child that `start_child` copies.
        max_children: For a dynamic supervisor: how many it may have; None sets
            no limit.
        extra_args: For a dynamic supervisor: put before each child's arguments.
        stop_phases: The phases of a coordinated stop; for the root.
        work_budget: How much work all agents below may do together; None sets no
            limit. New limits hold from its next start on.
        pool: What makes it a pool of copies of its template; see
            `harmonium.supervisors.pool`.

    Raises:
        SpecError: If a field is out of bounds, an id stands twice, or two
            fields contradict each other.
    """

    name: str
    children: tuple[ChildSpec, ...] = ()
    strategy: Strategy = words.ONE_FOR_ONE
    max_restarts: int = 1
    within: float = 5.0
    per_child: bool = False
    subtree: Budget | None = None
    auto_shutdown: AutoShutdown = words.NEVER
    completed: Bystander = words.REVIVE
    held: Bystander = words.STAY
    directives: Directives | None = attrs.field(default=None, converter=_table)
    exhausted: Exhausted = Exhausted.ABNORMAL
    on_root_exhausted: RootExhausted = RootExhausted.EXIT
    lost_grace: float = 0.05
    keep_added: bool = False
    kind: Kind = Kind.STATIC
    template: ChildSpec | None = None
    max_children: int | None = None
    extra_args: tuple[Any, ...] = ()
    stop_phases: tuple[StopPhase, ...] = ()
    work_budget: WorkBudget | None = None
    pool: PoolSettings | None = None
    budget: Budget = attrs.field(init=False, eq=False, repr=False)
    """Its restart intensity, made of `max_restarts` and `within`."""

    def __attrs_post_init__(self) -> None:
        validation.check_supervisor(self)
        # Made once: each crash asks for it.
        object.__setattr__(self, "budget", _budget(self.max_restarts, self.within))

    @property
    def is_dynamic(self) -> bool:
        """Whether its children come and go, without order."""
        return self.kind is _DYNAMIC

    @property
    def booted(self) -> tuple[ChildSpec, ...]:
        """The children that it starts with: those declared, or a pool's first members."""
        if self.pool is None:
            return self.children
        return tuple(self.member(number) for number in range(self.pool.size))

    def member(self, number: int) -> ChildSpec:
        """Give the spec of a pool's member.

        Raises:
            SpecError: If it is no pool.
        """
        if self.pool is None or self.template is None:
            raise SpecError(self.name, "it is no pool", "declare it with pool(...)")
        start, arguments = self.template.start, self.pool.with_arguments
        if arguments is not None and isinstance(start, Birth):
            start = attrs.evolve(start, args=tuple(arguments(number)))
        return attrs.evolve(self.template, id=str(number), start=start)

    def named(self, id: str) -> ChildSpec | None:
        """Find a declared child."""
        return next((one for one in self.children if one.id == id), None)


_make_child = maker(ChildSpec)


def child(  # noqa: PLR0913 - one keyword per field of the spec, all optional
    start: Callable[..., Any] | Birth | SupervisorSpec,
    *args: Any,
    id: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
    mailbox: int = DEFAULT_CAPACITY,
    overflow: Overflow = WAIT,
    handler_limit: float | None = None,
    keep_children: bool = False,
    stash: int = DEFAULT_STASH,
    retries: int = 0,
    work_budget: WorkBudget | None = None,
    **fields: Unpack[ChildFields],
) -> ChildSpec:
    """Declare one child of a supervisor.

    Args:
        start: The agent class, a function that returns an agent, or the spec of
            a supervisor.
        *args: Positional arguments of the agent's constructor.
        id: Name under the supervisor; a supervisor has its own already.
        kwargs: Keyword arguments of the agent's constructor.
        mailbox: How many user messages may wait. At least 1.
        overflow: What happens to one more.
        handler_limit: Longest run of one handler, in seconds, above 0. A longer
            one is reported; an async one is cancelled, which is a crash.
        keep_children: Whether a restart leaves the agent's own children running.
        stash: How many messages the agent may stash.
        retries: How often a message whose handler raised is handled again.
        work_budget: How much work the agent, and all below it, may do; None sets no
            limit. A supervisor takes it where it is declared.
        **fields: Any other field of `ChildSpec`.

    Raises:
        SpecError: If anything is missing, unknown or out of bounds.

    Example:
        >>> from harmonium.supervisors.words import TRANSIENT
        >>> child(dict, id="stock", restart=TRANSIENT).shutdown
        5.0
    """
    if isinstance(start, SupervisorSpec):
        id = start.name if id is None else id
        defaults: ChildFields = {"shutdown": words.NEVER_GIVE_UP, "start_timeout": None}
        return _make(ChildSpec, {**defaults, **fields}, id=id, start=start)
    place = id if isinstance(id, str) and id else "child"
    birth = start
    if not isinstance(start, Birth):
        birth = validation.birth(
            place,
            start,
            args,
            dict(kwargs) if kwargs else {},
            (mailbox, overflow, handler_limit, keep_children, stash, retries, work_budget),
        )
    if fields:
        return _make(ChildSpec, fields, id=id, start=birth)
    # A third less, and a search builds its tree anew for each run.
    return _make_child(id=id, start=birth)  # type: ignore[arg-type]


def supervisor(
    name: str,
    *,
    children: Iterable[ChildSpec | SupervisorSpec] = (),
    **fields: Unpack[SupervisorFields],
) -> SupervisorSpec:
    """Declare a supervisor of the children given, started in this order.

    Args:
        name: Its name; the last part of its path.
        children: Child specs; a supervisor's spec may stand for itself.
        **fields: Any other field of `SupervisorSpec`.

    Raises:
        SpecError: If anything is unknown, out of bounds or contradictory.

    Example:
        >>> shop = supervisor("shop", children=[child(dict, id="stock")])
        >>> shop.strategy, shop.max_restarts, shop.within
        (ONE_FOR_ONE, 1, 5.0)
    """
    if fields:
        return _make(SupervisorSpec, fields, name=name, children=_children(name, children))
    return SupervisorSpec(name=name, children=_children(name, children))


def dynamic_supervisor(
    name: str,
    *,
    template: ChildSpec | None = None,
    max_children: int | None = None,
    extra_args: Sequence[Any] = (),
    **fields: Unpack[SupervisorFields],
) -> SupervisorSpec:
    """Declare a supervisor whose children come and go while it runs.

    They have no order and are stopped side by side. Each has a restart
    intensity of its own (`per_child`), unless said otherwise.

    Args:
        name: Its name.
        template: The child that `start_child` with arguments only copies.
        max_children: How many it may have at once. None sets no limit.
        extra_args: Put before the arguments of each child, at every start.
        **fields: What a supervisor has else; no strategy, no children, no
            automatic shutdown.

    Raises:
        SpecError: If anything is unknown, out of bounds or contradictory.
    """
    fields.setdefault("per_child", True)
    return _make(
        SupervisorSpec,
        fields,
        name=name,
        kind=Kind.DYNAMIC,
        template=template,
        max_children=max_children,
        extra_args=validation.sequence(f"{name}.extra_args", extra_args),
    )


def partition_supervisor(
    name: str,
    template: ChildSpec,
    *,
    partitions: int,
    with_arguments: Callable[[int], Sequence[Any]] | None = None,
    **fields: Unpack[SupervisorFields],
) -> SupervisorSpec:
    """Declare `partitions` copies of one child, each for its share of the keys.

    Their ids are ``"0"`` to ``"partitions - 1"``. `harmonium.supervisors.partition`
    tells which one a key belongs to.

    Args:
        name: Its name.
        template: What to copy; its id is not used.
        partitions: How many. At least 1.
        with_arguments: Gives the arguments of partition n; None: the template's.
        **fields: What a supervisor has else; no strategy, no automatic shutdown.

    Raises:
        SpecError: If anything is unknown, out of bounds or contradictory.
    """
    validation.check_partitions(name, partitions, template)
    copies = (_partition(template, index, with_arguments) for index in range(partitions))
    return _make(SupervisorSpec, fields, name=name, kind=Kind.PARTITION, children=tuple(copies))


def _partition(
    template: ChildSpec, index: int, with_arguments: Callable[[int], Sequence[Any]] | None
) -> ChildSpec:
    start = template.start
    if with_arguments is not None and isinstance(start, Birth):
        start = attrs.evolve(start, args=tuple(with_arguments(index)))
    return attrs.evolve(template, id=str(index), start=start)


def _children(name: str, children: Iterable[ChildSpec | SupervisorSpec]) -> tuple[ChildSpec, ...]:
    given = validation.sequence(f"{name}.children", children)
    return tuple([child(one) if isinstance(one, SupervisorSpec) else one for one in given])


def _make(cls: type[Spec], fields: Mapping[str, Any], **known: Any) -> Spec:
    """Build a spec; an unknown or missing field is a SpecError, not a TypeError."""
    validation.check_fields(cls, {**known, **fields})
    return cls(**known, **fields)
