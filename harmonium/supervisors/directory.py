"""Whom an agent of a declared tree would find under which address, and what they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from harmonium.actors.agent import Agent
from harmonium.protocols.contract import Contract
from harmonium.protocols.pipeline.check import Accepts
from harmonium.supervisors.pipelines import pipeline_of
from harmonium.supervisors.singleton import made_by
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["Directory"]

Above = tuple[tuple[str, SupervisorSpec], ...]
_Found = tuple[str, ChildSpec | SupervisorSpec | None]
"""A path and what is declared there; None for an agent that comes only when it runs."""


@attrs.frozen(slots=True)
class _Everybody:
    """What all members of a group take."""

    contracts: tuple[Contract, ...]

    @property
    def accepts(self) -> Mapping[type, tuple[type, ...]]:
        """The classes that every member takes, with all their answers."""
        first, *others = (one.accepts for one in self.contracts)
        shared = [cls for cls in first if all(cls in each for each in others)]
        return {cls: self._answers(cls) for cls in shared}

    def _answers(self, cls: type) -> tuple[type, ...]:
        return tuple(dict.fromkeys(a for one in self.contracts for a in one.accepts[cls]))

    def takes(self, cls: type) -> bool:
        """Whether every member takes messages of this class."""
        return all(one.takes(cls) for one in self.contracts)


class Directory(Mapping[str, Accepts | None]):
    """The addresses that an agent can use, as the registry would look them up.

    A name is looked for below the nearest supervisor first, then further up;
    a path from the top is one too. What stands below an agent or a dynamic
    supervisor comes only when it runs, and is taken to be there. A group
    stands for all its members.

    Args:
        above: The supervisors above the agent with their paths, the nearest
            first; the last one is the top.
        topics: Names of topics; who subscribes is known only when it runs.
    """

    def __init__(self, above: Above, topics: frozenset[str] = frozenset()) -> None:
        self._above = above
        self._topics = topics

    def __getitem__(self, address: str) -> Accepts | None:
        found = self._find(address)
        if found is None:
            if address in self._topics:
                return None
            raise KeyError(address)
        return _contract(found[1])

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(one.id for _, tree in self._above for one in tree.children))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def path_of(self, address: str) -> str | None:
        """Give the path behind an address; None if there is nobody."""
        found = self._find(address)
        return None if found is None else found[0]

    def _find(self, address: str) -> _Found | None:
        if address.startswith("/"):
            _, top = self._above[-1]
            name, _, rest = address[1:].partition("/")
            return _walk(f"/{name}", top, rest) if name == top.name else None
        ways = (_walk(path, tree, address) for path, tree in self._above)
        return next((found for found in ways if found is not None), None)


def _walk(path: str, spec: SupervisorSpec | ChildSpec, rest: str) -> _Found | None:
    if not rest:
        return path, spec
    tree = spec if isinstance(spec, SupervisorSpec) else spec.tree
    if tree is None:
        return f"{path}/{rest}", None
    name, _, rest = rest.partition("/")
    child = tree.named(name)
    if child is None and tree.is_dynamic:
        child = tree.template
        if child is None:
            return f"{path}/{name}", None
    return None if child is None else _walk(f"{path}/{name}", child, rest)


def _contract(spec: ChildSpec | SupervisorSpec | None) -> Accepts | None:
    """Give what is taken; None where that is not known before it runs."""
    tree = spec.tree if isinstance(spec, ChildSpec) else spec
    if tree is None:
        return _of_agent(spec) if isinstance(spec, ChildSpec) else None
    members = (*tree.children, *((tree.template,) if tree.template is not None else ()))
    contracts = [_of_agent(one) if one.tree is None else None for one in members]
    known = tuple(one for one in contracts if one is not None)
    return _Everybody(known) if known and len(known) == len(contracts) else None


def _of_agent(spec: ChildSpec) -> Contract | None:
    pipeline = pipeline_of(spec)
    if pipeline is not None:
        return _of_pipeline(pipeline.request)
    factory = made_by(spec)
    if isinstance(factory, type) and issubclass(factory, Agent):
        return factory.contract()
    return None


def _of_pipeline(request: type) -> Contract:
    return Contract({request: (object,)})
