"""What makes a spec wrong, and what to write instead.

Checks run when a spec is made, so that a wrong tree never starts anything. A
place reads like ``shop.within`` or ``inventory.restart``; a tree that is read
from a file adds the path above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import is_
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.birth import USUAL_LIMITS, Birth
from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.checks import check_count, check_flag, check_seconds
from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.overflow import Overflow
from harmonium.protocols.quick import maker
from harmonium.protocols.waiting import Drop, Forward, Hold, Refuse, Reply, Stash
from harmonium.supervisors import words
from harmonium.supervisors.directives import Directives
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.poison import Poison

if TYPE_CHECKING:
    from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = [
    "birth",
    "check_child",
    "check_fields",
    "check_member",
    "check_partitions",
    "check_supervisor",
    "sequence",
]


def check_fields(cls: type[Any], fields: Mapping[str, Any]) -> None:
    """Refuse a field that the class does not have, and name the nearest one."""
    kind: Any = cls
    known = _fields_of(kind)
    if fields.keys() <= known.keys():
        return
    place = str(fields.get("id") or fields.get("name") or cls.__name__)
    for name in fields:
        if name not in known:
            raise SpecError(place, f"{name!r} is no field", did_you_mean(name, list(known)))


@lru_cache(maxsize=64)  # 2 us, and each child of each tree is checked
def _fields_of(cls: Any) -> Mapping[str, None]:
    return {field.name: None for field in attrs.fields(cls) if field.init}


@lru_cache(maxsize=64)
def _is_plain(cls: Any) -> Callable[[Any], bool]:
    """Give what tells whether only what is always checked was given: defaults need no check.

    It is compiled of the fields: 0.15 us, where `map` over them takes 0.5 and looking at
    each 3; a search builds its tree anew for each run.
    """
    found = {
        field.name: field.default
        for field in attrs.fields(cls)
        if field.init and field.name not in _ALWAYS_CHECKED
    }
    terms = " and ".join(f"spec.{name} is {name}" for name in found)
    test: Callable[[Any], bool] = eval(f"lambda spec: {terms}", found)  # noqa: S307 - of fields
    return test


_make_birth = maker(Birth)

_ALWAYS_CHECKED = frozenset(
    {"id", "start", "options", "name", "children", "max_restarts", "within"}
)


def check_child(spec: ChildSpec) -> None:
    """Refuse a child spec that is wrong in itself."""
    place = _name("id", spec.id)
    kind: Any = spec.__class__
    if spec.start.__class__ is Birth and _is_plain(kind)(spec):
        return
    _instance(place, "restart", spec.restart, words.RestartType)
    _check_start(place, spec)
    _check_shutdown(place, spec)
    check_flag(f"{place}.significant", spec.significant)
    check_flag(f"{place}.forced", spec.forced)
    if spec.start_timeout is not None:
        check_seconds(f"{place}.start_timeout", spec.start_timeout, above=0.0)
    _check_policies(place, spec)
    if spec.significant and spec.restart is words.PERMANENT:
        raise SpecError(
            f"{place}.significant",
            "a permanent child never ends for good",
            "make it transient or temporary, or not significant",
        )


def _check_policies(place: str, spec: ChildSpec) -> None:
    _optional(place, "backoff", spec.backoff, Backoff)
    _optional(place, "budget", spec.budget, Budget)
    _optional(place, "poison", spec.poison, Poison)
    _optional(place, "directives", spec.directives, Directives)
    _instance(place, "quarantine", spec.quarantine, Backoff)
    _instance(place, "mail", spec.mail, Hold, Drop, Reply, Forward, Stash, Refuse)
    if spec.poison and isinstance(spec.start, Birth) and not spec.start.retries:
        raise SpecError(
            f"{place}.poison",
            "a message that is not retried cannot fail twice",
            "give retries=, or leave poison out",
        )


def _check_start(place: str, spec: ChildSpec) -> None:
    if not isinstance(spec.start, Birth) and not spec.is_supervisor:
        raise SpecError(
            f"{place}.start", f"{spec.start!r} starts no agent", "give an agent class or a factory"
        )


def _check_shutdown(place: str, spec: ChildSpec) -> None:
    if isinstance(spec.shutdown, words.Shutdown):
        finite = spec.shutdown is words.KILL
    else:
        check_seconds(f"{place}.shutdown", spec.shutdown)
        finite = True
    if finite and spec.is_supervisor and not spec.forced:
        raise SpecError(
            f"{place}.shutdown",
            "a limit on a supervisor kills agents that are still stopping",
            "use NEVER_GIVE_UP and set limits on the agents, or give forced=True",
        )


def check_supervisor(spec: SupervisorSpec) -> None:
    """Refuse a supervisor spec that is wrong in itself or with one of its children."""
    place = _name("name", spec.name)
    check_count(f"{place}.max_restarts", spec.max_restarts)
    check_seconds(f"{place}.within", spec.within, above=0.0)
    kind: Any = spec.__class__
    if not _is_plain(kind)(spec):
        _instance(place, "strategy", spec.strategy, words.Strategy)
        check_seconds(f"{place}.lost_grace", spec.lost_grace)
        _check_choices(place, spec)
        _check_kind(place, spec)
        for phase in sequence(f"{place}.stop_phases", spec.stop_phases):
            _instance(place, "stop_phases", phase, StopPhase)
    _check_children(place, spec)


def _check_choices(place: str, spec: SupervisorSpec) -> None:
    _instance(place, "auto_shutdown", spec.auto_shutdown, words.AutoShutdown)
    _instance(place, "completed", spec.completed, words.Bystander)
    _instance(place, "held", spec.held, words.Bystander)
    _instance(place, "exhausted", spec.exhausted, words.Exhausted)
    _instance(place, "on_root_exhausted", spec.on_root_exhausted, words.RootExhausted)
    _instance(place, "kind", spec.kind, words.Kind)
    _optional(place, "subtree", spec.subtree, Budget)
    _work_budget(place, spec.work_budget)
    _optional(place, "directives", spec.directives, Directives)
    check_flag(f"{place}.per_child", spec.per_child)
    check_flag(f"{place}.keep_added", spec.keep_added)


def _check_kind(place: str, spec: SupervisorSpec) -> None:
    kind = f"a {spec.kind} supervisor"
    if spec.kind is not words.Kind.STATIC:
        if spec.strategy is not words.ONE_FOR_ONE:
            raise SpecError(f"{place}.strategy", f"{kind} has no group", "use ONE_FOR_ONE")
        if spec.auto_shutdown is not words.NEVER:
            raise SpecError(f"{place}.auto_shutdown", f"{kind} does not end by itself", "use NEVER")
    if spec.pool is not None:
        _check_pool(place, spec)
    if spec.is_dynamic:
        _check_dynamic(place, spec)
    elif spec.template is not None or spec.max_children is not None or spec.extra_args:
        raise SpecError(
            place,
            f"template, max_children and extra_args mean nothing to {kind}",
            "use dynamic_supervisor",
        )


def _check_pool(place: str, spec: SupervisorSpec) -> None:
    template = spec.template
    if not spec.is_dynamic or template is None or template.is_supervisor:
        raise SpecError(f"{place}.pool", "a pool has copies of one agent", "declare it with pool()")
    if template.restart is not words.PERMANENT:
        problem = f"a {template.restart} member would leave its pool by itself"
        raise SpecError(f"{place}.restart", problem, "make it permanent; resize the pool to shrink")


def _check_dynamic(place: str, spec: SupervisorSpec) -> None:
    if spec.children:
        raise SpecError(
            f"{place}.children", "a dynamic supervisor starts empty", "add them by start_child"
        )
    _instance_of_child(place, "template", spec.template)
    sequence(f"{place}.extra_args", spec.extra_args)
    if spec.max_children is not None:
        check_count(f"{place}.max_children", spec.max_children)
    if spec.template is not None:
        check_member(spec, spec.template)


def _check_children(place: str, spec: SupervisorSpec) -> None:
    seen: set[str] = set()
    for one in sequence(f"{place}.children", spec.children):
        _instance_of_child(place, "children", one, required=True)
        if one.id in seen:
            raise SpecError(f"{place}.{one.id}", "two children have this id", "give each its own")
        seen.add(one.id)
        if one.significant:
            check_member(spec, one)


def check_member(spec: SupervisorSpec, one: ChildSpec) -> None:
    """Refuse a child that cannot stand under this supervisor."""
    if one.significant and spec.auto_shutdown is words.NEVER:
        raise SpecError(
            f"{spec.name}.{one.id}.significant",
            "the supervisor's auto_shutdown is NEVER",
            "set auto_shutdown, or leave significant out",
        )


def check_partitions(name: str, partitions: Any, template: Any) -> None:
    """Refuse a number of partitions below 1 and a template that is no child spec."""
    check_count(f"{name}.partitions", partitions, least=1)
    _instance_of_child(name, "template", template, required=True)


def birth(
    place: str,
    factory: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    limits: tuple[Any, ...] = USUAL_LIMITS,
) -> Birth:
    """Make the recipe of an agent, or say what is wrong with it.

    Args:
        place: What to name in the error.
        factory: As in `Birth`, like the next two.
        args: Positional arguments.
        kwargs: Keyword arguments.
        limits: The other fields of a `Birth`, in their order.
    """
    if not callable(factory):
        raise SpecError(
            f"{place}.start", f"{factory!r} starts no agent", "give an agent class or a factory"
        )
    if limits is USUAL_LIMITS or all(map(is_, limits, USUAL_LIMITS)):
        plain = None if args or kwargs else getattr(factory, "__plain__", None)
        return plain or _make_birth(factory, args, kwargs)
    _check_limits(place, *limits)
    return Birth(factory, args, kwargs, *limits)


def _check_limits(
    place: str,
    mailbox: Any,
    overflow: Any,
    handler_limit: Any,
    keep_children: Any,
    stash: Any,
    retries: Any,
    work_budget: Any,
) -> None:
    check_count(f"{place}.mailbox", mailbox, least=1)
    check_count(f"{place}.stash", stash)
    check_count(f"{place}.retries", retries)
    check_flag(f"{place}.keep_children", keep_children)
    _instance(place, "overflow", overflow, Overflow)
    _work_budget(place, work_budget)
    if handler_limit is not None:
        check_seconds(f"{place}.handler_limit", handler_limit, above=0.0)


def sequence(place: str, value: Any) -> tuple[Any, ...]:
    """Bring an iterable to a tuple; a text or a mapping is no list."""
    if value.__class__ is tuple or value.__class__ is list:
        return tuple(value)
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise SpecError(place, f"{value!r} is no list", "give a list")
    return tuple(value)


def _name(place: str, value: Any) -> str:
    if value is None:
        raise SpecError(place, "it is missing", "give a name")
    if not isinstance(value, str) or not value or "/" in value:
        raise SpecError(place, f"{value!r} is no name", "give a text without '/'")
    return value


def _instance(place: str, field: str, value: Any, *classes: type[Any]) -> None:
    if not isinstance(value, classes):
        names = " or ".join(one.__name__ for one in classes)
        raise SpecError(f"{place}.{field}", f"{value!r} is no {names}", f"give a {names}")


def _optional(place: str, field: str, value: Any, cls: type[Any]) -> None:
    if value is not None:
        _instance(place, field, value, cls)


def _work_budget(place: str, value: Any) -> None:
    if value is not None:
        from harmonium.protocols.reliability.work_budget import (  # noqa: PLC0415 - an extra
            WorkBudget,
        )

        _instance(place, "work_budget", value, WorkBudget)


def _instance_of_child(place: str, field: str, value: Any, *, required: bool = False) -> None:
    is_child = hasattr(value.__class__, "stop_limit")
    if not is_child and (required or value is not None):
        problem = f"{value!r} is no child spec"
        raise SpecError(f"{place}.{field}", problem, "make one with child(...)")
