"""How Thespian's `createActor` makes a cell: class, capabilities, constructor, place."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from thespian.actors import (
    ActorSystemFailure,
    InvalidActorSpecification,
    NoCompatibleSystemForActor,
)
from thespian.system.utilis import actualActorClass, checkActorCapabilities

from harmonium.actors import burying
from harmonium.actors.agent import Agent
from harmonium.actors.birth import Birth
from harmonium.actors.cell import DEAD, RUNNING, STARTING, Cell
from harmonium.actors.thespian_actor import PlainActor

if TYPE_CHECKING:
    from harmonium.actors.thespian_realm import Realm
    from harmonium.actors.thespian_wanted import Wanted

__all__ = ["Creation"]

_NAMES = ("capabilities", "requirements")
"""What Thespian hands to a constructor that has parameters of these names."""


class Creation:
    """Creates actors and agents for one system.

    Args:
        realm: The system.
        mailbox: How many messages may wait for one plain actor.
    """

    def __init__(self, realm: Realm, mailbox: int) -> None:
        self._realm = realm
        self._mailbox = mailbox
        self._parameters: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()

    def create(self, parent: Cell, wanted: Wanted) -> tuple[Cell, BaseException | None]:
        """Make a child, and say what went wrong; then nobody is in its place."""
        ground = parent.ground
        name = getattr(wanted.actor_class, "__name__", None)
        name = name or str(wanted.actor_class).rpartition(".")[2]
        child_id = f"{name}-{ground.next_id(parent)}"
        try:
            birth = self._birth(wanted)
            if parent.state not in (STARTING, RUNNING):
                raise ActorSystemFailure(f"{parent.path} is exiting")
            cell = ground.spawn(parent, birth, child_id)
        except Exception as error:  # an import may raise anything
            return _stillborn(parent, child_id), error
        if cell.more_ is None or cell.more_.failure is None:
            return cell, None
        failure = cell.more_.failure[0]
        burying.abandon(cell)
        return cell, failure

    def _birth(self, wanted: Wanted) -> Birth:
        realm, requirements = self._realm, wanted.requirements
        actual = actualActorClass(wanted.actor_class, realm.sources.loader(wanted.source_hash))
        if not isinstance(actual, type):
            raise InvalidActorSpecification(wanted.actor_class, "not a class")
        if not checkActorCapabilities(actual, realm.capabilities, requirements):
            raise NoCompatibleSystemForActor(actual, "no system here has the capabilities")
        arguments = self._arguments(actual, requirements)
        if issubclass(actual, Agent):
            return Birth(actual, kwargs=arguments)
        make = partial(actual, **arguments)
        return Birth(PlainActor, (realm, make, wanted), mailbox=self._mailbox)

    def _arguments(self, actual: type, requirements: Any) -> dict[str, Any]:
        # Reading a signature takes longer than all the rest of a start: once for each class.
        names = self._parameters.get(actual)
        if names is None:
            parameters = inspect.signature(actual.__init__).parameters  # type: ignore[misc]
            names = self._parameters[actual] = tuple(n for n in _NAMES if n in parameters)
        given = {"capabilities": self._realm.capabilities, "requirements": requirements}
        return {name: given[name] for name in names}


def _stillborn(parent: Cell, child_id: str) -> Cell:
    """A place that never had anybody; what is sent there is a dead letter."""
    cell = Cell(parent.ground, parent, child_id, Birth(PlainActor))
    cell.state = DEAD
    cell.limit = -1
    return cell
