"""`Probe`: an agent that the test plays itself, in virtual time and without sleeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from harmonium.actors.agent import Agent
from harmonium.actors.ask import Ask
from harmonium.actors.deferred import Deferred
from harmonium.actors.handlers import handles
from harmonium.actors.ref import Ref
from harmonium.protocols.signals import Terminated

if TYPE_CHECKING:
    from harmonium.testing.world import World

__all__ = ["Probe", "ProbeAgent"]

M = TypeVar("M")


class ProbeAgent(Agent):
    """Takes every message and hands it to its probe."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    @handles
    def take(self, message: object) -> object:
        """Keep it; the probe answers, now or later."""
        return self.probe._take(self, message)

    @handles
    def gone(self, event: Terminated) -> None:
        """Keep the notice of somebody's end."""
        self.probe._take(self, event)


class Probe:
    """The test's own agent: it sends, expects, answers.

    `expect` and its like let virtual time pass until what they wait for is
    there. A probe takes every message; what it does not answer stays open.

    Args:
        world: Where it stands.
        name: Its name, which is also its path: ``/name``.
    """

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.inbox: list[Any] = []
        """All that it got, answers to its own asks included, in order."""
        self.failures: list[BaseException] = []
        """The errors that its own asks ended in."""
        self._world = world
        self._seen = 0
        self._open: list[tuple[Any, Deferred, Ref | None]] = []
        self._autopilot: Callable[[Any], Any] | None = None
        self._place: Any = None
        self.sender: Ref | None = None
        """Who sent what came last."""

    @property
    def ref(self) -> Ref:
        """Its handle, to put into messages."""
        ref: Ref = self._cell.ref
        return ref

    @property
    def path(self) -> str:
        """Its path."""
        return f"/{self.name}"

    @property
    def _cell(self) -> Any:
        cell = self._place
        if cell is None or not cell.alive:
            cell = self._place = self._world.ground.registry.find(self.path)
        return cell

    # -- sending

    def tell(self, to: Ref | str, message: Any) -> None:
        """Send a message and want no answer."""
        ref = to if isinstance(to, Ref) else self._world.ref(to)
        self._world.ground.tell_any(self._cell, ref, message, None)

    send = tell

    def ask(self, to: Ref | str, message: Any, *, timeout: float = 5.0, **options: Any) -> Ask[Any]:
        """Send a message; its answer comes into the inbox, an error into `failures`.

        Args:
            to: A ref, a path or a name.
            message: An instance of a `@message` class.
            timeout: Virtual seconds until `AskTimeout`.
            options: As for `Agent.ask`, ``idempotency_key`` for example.
        """
        target = (to if isinstance(to, Ref) else self._world.ref(to))._cell
        ground = self._world.ground
        ask = ground.ask(self._cell, target, message, timeout=timeout, **options)
        ask.then(self._heard)
        return ask

    def _heard(self, ask: Any) -> None:
        if ask.cancelled():
            return
        error = ask.exception()
        if error is None:
            self.inbox.append(ask.result())
        else:
            self.failures.append(error)

    # -- receiving

    def _take(self, agent: ProbeAgent, message: Any) -> Any:
        self.inbox.append(message)
        self.sender = agent.sender
        deferred = agent.defer()
        if self._autopilot is not None:
            answer = self._autopilot(message)
            if answer is not None:
                deferred.reply(answer)
                return None
        self._open.append((message, deferred, agent.sender))
        return None

    def got(self, kind: type[M]) -> list[M]:
        """Give all messages of a class that came so far, in order."""
        return [one for one in self.inbox if isinstance(one, kind)]

    def expect(self, kind: type[M], *, within: float = 5.0) -> M:
        """Wait for the next message, which must be of this class.

        Args:
            kind: The class.
            within: Virtual seconds.

        Raises:
            AssertionError: If another one comes, or none.
        """
        message = self._next(within)
        if not isinstance(message, kind):
            got = f"nothing in {within} s" if message is None else repr(message)
            raise AssertionError(f"{self.name} expected {kind.__name__} and got {got}")
        return message

    def expect_none(self, *, within: float = 1.0) -> None:
        """Let time pass, in which no message must come.

        Raises:
            AssertionError: If one comes.
        """
        message = self._next(within)
        if message is not None:
            raise AssertionError(f"{self.name} expected nothing for {within} s, got {message!r}")

    def fish(self, wanted: Callable[[Any], bool], *, within: float = 5.0) -> Any:
        """Wait for a message that fits, and pass over those that do not.

        Raises:
            AssertionError: If none comes in time.
        """
        ends = self._world.now + within
        while (message := self._next(ends - self._world.now)) is not None:
            if wanted(message):
                return message
        raise AssertionError(f"{self.name} fished for {within} s and caught nothing that fits")

    def _next(self, within: float) -> Any:
        self._world.run_until(lambda: len(self.inbox) > self._seen, within=within)
        if len(self.inbox) <= self._seen:
            return None
        self._seen += 1
        return self.inbox[self._seen - 1]

    # -- answering

    def reply(self, with_: Any) -> None:
        """Answer the oldest message that is still open.

        Raises:
            AssertionError: If none is.
        """
        if not self._open:
            raise AssertionError(f"{self.name} has no message to answer")
        _, deferred, _ = self._open.pop(0)
        deferred.reply(with_)

    def autopilot(self, answer: Callable[[Any], Any] | None) -> None:
        """Answer from now on with what ``answer(message)`` gives; None leaves it open."""
        self._autopilot = answer

    # -- watching

    def watch(self, who: Ref | str) -> None:
        """Hear of an agent's end."""
        self._cell.agent.watch(who if isinstance(who, Ref) else self._world.ref(who))

    def expect_terminated(self, who: Ref | str, *, within: float = 5.0) -> Terminated:
        """Wait until an agent is gone for good; `watch` it first.

        Raises:
            AssertionError: If it is not in time.
        """
        path = who.path if isinstance(who, Ref) else self._path_of(who)

        def is_end(message: Any) -> bool:
            return isinstance(message, Terminated) and message.path == path

        found: Terminated = self.fish(is_end, within=within)
        return found

    def _path_of(self, address: str) -> str:
        return address if address.startswith("/") else self._world.ref(address).path
