"""`Choices`: the one source of every choice in a simulated run.

A run asks at named points: the first message on a link, each message, each
handling, each pass of a site, each write of a store. The answers are faults
(see `faults`); none means that all goes as usual. What was answered is all
that made the run different from the plain one, so `Replay` of the same faults
gives the same run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harmonium.testing.faults import Fault

__all__ = ["NOTHING", "Choices", "Neutral"]

NOTHING: tuple[Fault, ...] = ()


class Choices(Protocol):
    """Says what goes wrong, point by point.

    `exact` choices are asked at every point. Others are not asked about what
    supervisors and probes handle. Whoever has nothing to say of messages, or of what
    agents handle, in all of a run, says so beforehand: to be asked each time takes a
    hundredth of a short run.
    """

    exact: bool

    @property
    def for_messages(self) -> bool:
        """Whether `message` may answer anything but nothing."""
        ...

    @property
    def for_handling(self) -> bool:
        """Whether `handling` may."""
        ...

    def begin(self, agents: Sequence[str]) -> Sequence[Fault]:
        """Name the faults that come by the clock, or hold from the start.

        Args:
            agents: The agents that the tree starts with, by path.
        """
        ...

    def link(self, sender: str, to: str) -> Sequence[Fault]:
        """Answer for the first message from one agent to another: a slow link, or nothing."""
        ...

    def message(self, sender: str, to: str, nth: int, *, spared: bool) -> Sequence[Fault]:
        """Answer for the n-th message to an agent: delayed, lost, twice, or nothing.

        Args:
            sender: Who sent it.
            to: Whom it goes to.
            nth: Which of the messages that go there, from 1.
            spared: Whether a search must neither lose nor double it.
        """
        ...

    def handling(self, actor: str, nth: int) -> Sequence[Fault]:
        """Answer for an agent's n-th message as it is handled: a crash, kill, pause, or nothing."""
        ...

    def site(self, name: str, nth: int) -> Sequence[Fault]:
        """Answer for the n-th pass of ``sometimes(name)``: yes (a `Buggify`), or nothing."""
        ...

    def write(self, store: str, nth: int) -> Sequence[Fault]:
        """Answer for the n-th write of a store: slow, refused, torn, or nothing."""
        ...


class Neutral:
    """Nothing goes wrong: every message takes one hop, in the order sent."""

    exact = True
    for_messages = False
    for_handling = False

    def begin(self, agents: Sequence[str]) -> Sequence[Fault]:
        """Nothing."""
        return NOTHING

    def link(self, sender: str, to: str) -> Sequence[Fault]:
        """Nothing."""
        return NOTHING

    def message(self, sender: str, to: str, nth: int, *, spared: bool) -> Sequence[Fault]:
        """Nothing."""
        return NOTHING

    def handling(self, actor: str, nth: int) -> Sequence[Fault]:
        """Nothing."""
        return NOTHING

    def site(self, name: str, nth: int) -> Sequence[Fault]:
        """Nothing."""
        return NOTHING

    def write(self, store: str, nth: int) -> Sequence[Fault]:
        """Nothing."""
        return NOTHING
