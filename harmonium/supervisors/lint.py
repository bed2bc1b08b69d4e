"""Trees that are allowed and still unwise, found before anything starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harmonium.actors.birth import Birth
from harmonium.protocols.errors import SpecError
from harmonium.protocols.waiting import Stash
from harmonium.supervisors.finding import Finding
from harmonium.supervisors.mapping_system import system_from_mapping
from harmonium.supervisors.phases import plan_of
from harmonium.supervisors.pool_lint import no_key, unordered
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec
from harmonium.supervisors.system_options import SystemOptions
from harmonium.supervisors.words import ONE_FOR_ALL, ONE_FOR_ONE

__all__ = ["lint", "lint_mapping", "lint_options", "stop_time"]

MOST_STARTS = 100
"""Starts of one broken agent above which a product of budgets is reported."""
MANY_CHILDREN = 10
"""How many dynamic children are many for a root on the default budget."""


Spot = tuple[str, SupervisorSpec]


def lint(tree: SupervisorSpec) -> list[Finding]:
    """Look for what is allowed and still unwise, from the top down.

    Example:
        >>> from harmonium.supervisors.spec import child, supervisor
        >>> lint(supervisor("shop", children=[child(dict, id="stock")]))
        []
    """
    found = [one for rule in _OF_A_TREE for one in rule(tree)]
    for path, spec in _walk(tree, f"/{tree.name}"):
        found += [one for rule in _OF_A_SUPERVISOR for one in rule(path, spec)]
        for each in _members(spec):
            place = f"{path}/{each.id}"
            found += [one for rule in _OF_A_CHILD for one in rule(place, each)]
    return found


def lint_mapping(data: Mapping[str, Any]) -> list[Finding]:
    """Look at a system as its file holds it; one that is malformed is a finding."""
    try:
        tree, options = system_from_mapping(data)
    except SpecError as error:
        swapped = error.path.endswith(".maximum") and "out of bounds" in error.problem
        rule = "minimum-above-maximum" if swapped else "malformed"
        return [Finding(error.path, rule, error.problem, error.remedy)]
    return [*lint(tree), *lint_options(tree, options)]


def lint_options(tree: SupervisorSpec, options: SystemOptions) -> list[Finding]:
    """Look for options of a system that do not fit its tree."""
    limits, needed = options.limits, stop_time(tree)
    if limits is None or needed == math.inf or limits.children >= needed:
        return []  # what never gives up was meant to be ended by the limit
    problem = f"all are killed after {limits.children:g} s, and the tree may take {needed:g} s"
    remedy = f"give at least {needed:g} s, or make the shutdown times of the children shorter"
    return [Finding("system.limits.children", "finite-shutdown", problem, remedy)]


def _walk(spec: SupervisorSpec, path: str) -> Iterator[Spot]:
    yield path, spec
    for one in spec.children:
        if one.tree is not None:
            yield from _walk(one.tree, f"{path}/{one.id}")


def _members(spec: SupervisorSpec) -> tuple[ChildSpec, ...]:
    return spec.children if spec.template is None else (*spec.children, spec.template)


def stop_time(one: ChildSpec | SupervisorSpec) -> float:
    """Tell how long a child, or the tree below a supervisor, may take to stop, in seconds."""
    if isinstance(one, ChildSpec):
        limit = math.inf if one.stop_limit is None else one.stop_limit
        return limit if one.tree is None else min(limit, stop_time(one.tree))
    times = [stop_time(each) for each in _members(one)]
    return max(times, default=0.0) if one.is_dynamic else sum(times)


# --- rules of one supervisor ---


def _immortal(path: str, spec: SupervisorSpec) -> Iterator[Finding]:
    """Stops that take so long that the window never fills."""
    if spec.strategy is ONE_FOR_ONE or not spec.max_restarts:
        return
    everybody = spec.children if spec.strategy is ONE_FOR_ALL else spec.children[1:]
    total, bearable = sum(stop_time(one) for one in everybody), spec.budget.spacing
    if everybody and len(spec.children) > 1 and total >= bearable:
        yield Finding(
            path,
            "immortal",
            f"stopping the group may take {total:g} s, and {spec.budget} are one in "
            f"{bearable:g} s: the window may never fill",
            f"make `within` longer than {total * spec.max_restarts:g} s, or the limits shorter",
        )


def _forced(path: str, spec: SupervisorSpec) -> Iterator[Finding]:
    """A limit on a supervisor that is shorter than its own children need."""
    for one in spec.children:
        if one.tree is not None and one.stop_limit is not None:
            needed = stop_time(one.tree)
            yield Finding(
                f"{path}/{one.id}",
                "finite-shutdown",
                f"it is killed after {one.stop_limit:g} s, and its tree may take {needed:g} s",
                "use NEVER_GIVE_UP; its agents have limits of their own",
            )


# --- rules of one child ---


def _minimum_above_maximum(path: str, one: ChildSpec) -> Iterator[Finding]:
    """Bounds that are fine alone and the wrong way round together."""
    if one.backoff is not None and one.quarantine.initial < one.backoff.maximum:
        yield Finding(
            path,
            "minimum-above-maximum",
            f"its quarantine of {one.quarantine.initial:g} s is shorter than its longest "
            f"backoff of {one.backoff.maximum:g} s",
            "make quarantine.initial at least backoff.maximum",
        )
    room = one.start.mailbox if isinstance(one.start, Birth) else math.inf
    if isinstance(one.mail, Stash) and one.mail.capacity > room:
        yield Finding(
            path,
            "minimum-above-maximum",
            f"its stash of {one.mail.capacity} does not fit its mailbox of {room}",
            "make the mailbox larger or the stash smaller",
        )


# --- rules of the whole tree ---


def _product(tree: SupervisorSpec) -> Iterator[Finding]:
    """Budgets that multiply down the tree."""
    for path, chain in _chains(tree, f"/{tree.name}", ()):
        starts = _most_starts(chain)
        largest = max(one.max_restarts + 1 for one in chain)  # what was declared, not multiplied
        if starts > MOST_STARTS and starts > largest:
            yield Finding(
                path,
                "budget-product",
                f"an agent that always crashes is started up to {starts} times before the "
                "root gives up",
                "lower max_restarts on the way up, or give the root a `subtree` budget",
            )


def _chains(
    spec: SupervisorSpec, path: str, above: tuple[SupervisorSpec, ...]
) -> Iterator[tuple[str, tuple[SupervisorSpec, ...]]]:
    """Give each supervisor that has agents, with those above it."""
    chain = (*above, spec)
    if any(one.tree is None for one in _members(spec)):
        yield path, chain
    for one in spec.children:
        if one.tree is not None:
            yield from _chains(one.tree, f"{path}/{one.id}", chain)


def _most_starts(chain: tuple[SupervisorSpec, ...]) -> int:
    starts = 1
    for spec in reversed(chain):
        starts *= spec.max_restarts + 1
        if spec.subtree is not None:
            starts = min(starts, spec.subtree.max_restarts + 1)
    return starts


def _root_budget(tree: SupervisorSpec) -> Iterator[Finding]:
    """One restart in 5 s for a root with many children that come and go."""
    if (tree.max_restarts, tree.within) != (1, 5.0):
        return
    trees = [tree, *(one.tree for one in tree.children if one.tree is not None)]
    crowds = [
        one
        for one in trees
        if one.is_dynamic and one.pool is None and (one.max_children or 10**9) >= MANY_CHILDREN
    ]
    if crowds:
        yield Finding(
            f"/{tree.name}",
            "root-budget",
            f"it gives up at its second restart in 5 s, and {crowds[0].name} may have "
            f"{crowds[0].max_children or 'any number of'} children",
            "choose max_restarts and within for the root",
        )


def _phases(tree: SupervisorSpec) -> Iterator[Finding]:
    """Stop phases that cannot be put in order."""
    try:
        plan_of(tree.stop_phases)
    except SpecError as error:
        rule = "stop-phases"
        yield Finding(f"/{tree.name}", rule, error.problem, error.remedy)


_OF_A_TREE: tuple[Callable[[SupervisorSpec], Iterator[Finding]], ...] = (
    _phases,
    _product,
    _root_budget,
)
_OF_A_SUPERVISOR: tuple[Callable[[str, SupervisorSpec], Iterator[Finding]], ...] = (
    _immortal,
    _forced,
    no_key,
    unordered,
)
_OF_A_CHILD: tuple[Callable[[str, ChildSpec], Iterator[Finding]], ...] = (_minimum_above_maximum,)
