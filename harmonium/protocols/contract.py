"""What an agent takes, what it answers, and what it publishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from harmonium.protocols.errors import ContractError
from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.message_class import complete
from harmonium.protocols.message_info import is_message, is_message_class, name_of
from harmonium.protocols.nearest import did_you_mean

__all__ = ["Contract"]


def _frozen(accepts: Mapping[type, Iterable[type]]) -> Mapping[type, tuple[type, ...]]:
    return FrozenMap({cls: tuple(answers) for cls, answers in accepts.items()})


def _as_tuple(classes: Iterable[type]) -> tuple[type, ...]:
    return tuple(classes)


@attrs.frozen
class Contract:
    """The messages that an agent can be sent, with their answers, and its events.

    Built from the annotations of an agent's handlers; senders and `check` test
    against it before anything runs.

    Args:
        accepts: For each message class that is taken the classes of its
            answer: message classes, `NoneType` for a bare acknowledgement,
            `object` for any message.
        publishes: The classes of the events that it publishes.
        anything: Whether it takes every message, named or not.

    Raises:
        ContractError: If one of the classes is no message class.
        MessageDefinitionError: If one of them names a type that is not defined.

    Example:
        >>> from harmonium.protocols.signals import Terminated
        >>> contract = Contract({Terminated: (type(None),)})
        >>> contract.takes(Terminated), contract.takes(int)
        (True, False)
    """

    accepts: Mapping[type, tuple[type, ...]] = attrs.field(converter=_frozen)
    publishes: tuple[type, ...] = attrs.field(default=(), converter=_as_tuple)
    anything: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for cls in (*self.accepts, *self.publishes, *self.answers - {type(None), object}):
            if not is_message_class(cls):
                name = getattr(cls, "__qualname__", repr(cls))
                raise ContractError(
                    "contract", f"{name} is no message class", "decorate it with @message"
                )
            complete(cls)

    @property
    def answers(self) -> frozenset[type]:
        """Every class that it may answer with."""
        return frozenset(answer for answers in self.accepts.values() for answer in answers)

    def takes(self, cls: type) -> bool:
        """Tell whether messages of this class are taken."""
        return cls in self.accepts or (self.anything and is_message_class(cls))

    def check(self, message: Any, path: str = "agent") -> None:
        """Refuse what is no message, or is outside the contract.

        Args:
            message: What is about to be sent.
            path: The receiver, to be named in the error.

        Raises:
            ContractError: With the nearest name that the contract knows.
        """
        if not is_message(message):
            raise ContractError(
                path,
                f"{type(message).__name__} is no message",
                "send an instance of a class decorated with @message",
            )
        if not self.takes(type(message)):
            problem = f"it does not take {_name(type(message))}"
            raise ContractError(path, problem, self.hint(type(message)))

    def hint(self, cls: type) -> str:
        """Say what to send instead of an instance of `cls`: the remedy of a refusal."""
        if not self.accepts:
            return "it takes no messages at all"
        return did_you_mean(_name(cls), map(_name, self.accepts))

    def refused(self, classes: Iterable[type]) -> tuple[type, ...]:
        """Give those of the classes that are not taken, in their order."""
        return tuple(cls for cls in classes if not self.takes(cls))

    def explain(self) -> str:
        """Write the contract for people, one line for each message and event.

        Example:
            >>> from harmonium.protocols.signals import Terminated
            >>> print(Contract({Terminated: (type(None),)}, publishes=[Terminated]).explain())
            takes harmonium.Terminated, answers None
            publishes harmonium.Terminated
        """
        lines = [
            f"takes {_name(cls)}, answers {' or '.join(map(_name, answers)) or 'nothing'}"
            for cls, answers in self.accepts.items()
        ]
        if self.anything:
            lines.append("takes any other message")
        return "\n".join([*lines, *(f"publishes {_name(cls)}" for cls in self.publishes)])


def _name(cls: type) -> str:
    if cls is type(None):
        return "None"
    if cls is object:
        return "any message"
    return name_of(cls)
