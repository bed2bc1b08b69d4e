"""Every error that Harmonium raises: one root, classes by who must act.

Data are positional fields and the text is made in `__str__`, so that an error
keeps its fields and its notes when it crosses a process (pickle, copy).
"""

from __future__ import annotations

import traceback
from reprlib import recursive_repr
from typing import Any

import attrs

__all__ = [
    "AgentDead",
    "AskError",
    "AskFailed",
    "AskTimeout",
    "BudgetExceeded",
    "BudgetExhausted",
    "CodecError",
    "CompensationFailed",
    "ConfigError",
    "ContractError",
    "CoordinationError",
    "DefinitionError",
    "DeliveryError",
    "EnvelopeExpired",
    "EscapedSimulation",
    "HandlerError",
    "HandlerOverrun",
    "HarmoniumError",
    "MailboxFull",
    "MalformedMessage",
    "MessageDefinitionError",
    "QuorumError",
    "QuorumNotReached",
    "SpecError",
    "StaleToken",
    "StartFailed",
    "StepFailed",
    "StopTimeout",
    "StoreCorrupt",
    "StoreError",
    "SupervisionError",
    "SystemStopped",
    "Unavailable",
    "UnknownAgent",
    "UnknownMessage",
    "VersionConflict",
]

# Every class with fields is `define(eq=False, repr=False, slots=False)`: slots would lose
# the notes, and keyword-only fields would break unpickling, because `BaseException`
# rebuilds itself from `args` and `__dict__`. attrs compiles what it makes, and every
# program loads all errors: one `__repr__` for them takes 4 ms off that, and a class
# without fields of its own needs no decorator.


class HarmoniumError(Exception):
    """The root: catch it to catch whatever Harmonium raises."""

    @recursive_repr()
    def __repr__(self) -> str:
        cls = type(self)
        if not attrs.has(cls):
            return super().__repr__()
        shown = (f"{a.name}={getattr(self, a.name)!r}" for a in attrs.fields(cls))
        return f"{cls.__qualname__}({', '.join(shown)})"


# --- The author's mistake: mend the program -------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class DefinitionError(HarmoniumError):
    """A definition or a use of it is wrong; raised as early as it can be seen.

    Args:
        path: Where: a class, a ``Class.field``, a path in a tree or a file.
        problem: What is wrong there.
        remedy: What to write instead; empty where the problem says it.
    """

    path: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.problem}"
        return f"{text}; {self.remedy}" if self.remedy else text


class MessageDefinitionError(DefinitionError):
    """A class cannot be a message; the remedy names the type to use."""


class ContractError(DefinitionError):
    """A thing was sent that the receiver's contract does not name.

    Send an instance of a `@message` class that the receiver handles, or give
    the receiver a handler for it.
    """


class HandlerError(DefinitionError):
    """A handler is declared wrongly: its signature or its options."""


class SpecError(DefinitionError):
    """A child spec, a tree, a pool or a pipeline is wrong."""


class ConfigError(DefinitionError):
    """A system file, an option or an input of a run is wrong."""


# --- Not delivered: the sender may try again ------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class DeliveryError(HarmoniumError):
    """A message was not delivered.

    Args:
        envelope: The undelivered envelope, or None where there is none.
    """

    envelope: Any = None

    def __str__(self) -> str:
        return "the message was not delivered"


@attrs.define(eq=False, repr=False, slots=False)
class AgentDead(DeliveryError):
    """The agent has ended and will not be restarted; do not retry.

    Args:
        path: The agent that is dead.
        reason: Why it ended, as text; empty when nobody knows.
    """

    path: str
    reason: str = ""
    envelope: Any = None

    def __str__(self) -> str:
        return f"agent {self.path} is dead" + (f" ({self.reason})" if self.reason else "")


@attrs.define(eq=False, repr=False, slots=False)
class MailboxFull(DeliveryError):
    """The mailbox took no more; send slower, wait with `await tell`, or raise its capacity.

    Args:
        path: The agent whose mailbox is full.
        capacity: How many messages it holds.
    """

    path: str
    capacity: int
    envelope: Any = None

    def __str__(self) -> str:
        return f"the mailbox of {self.path} is full ({self.capacity} messages)"


@attrs.define(eq=False, repr=False, slots=False)
class UnknownAgent(DeliveryError):
    """Nobody has ever had this path or name; check its spelling and the tree.

    Args:
        address: The path or name as the sender gave it.
        nearest: A known one that is most like it; empty when none is.
    """

    address: str
    nearest: str = ""
    envelope: Any = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"no agent is called {self.address!r}{hint}"


@attrs.define(eq=False, repr=False, slots=False)
class EnvelopeExpired(DeliveryError):
    """The deadline passed before the agent could begin; the work was not done.

    Args:
        path: The agent that would have handled the message.
        deadline: When it expired, in seconds of the system's clock.
    """

    path: str
    deadline: float
    envelope: Any = None

    def __str__(self) -> str:
        return f"the message to {self.path} expired at {self.deadline:.3f} before it was handled"


# --- Asked, and not answered ----------------------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class AskError(HarmoniumError):
    """An ask ended without a reply."""


@attrs.define(eq=False, repr=False, slots=False)
class AskTimeout(AskError, TimeoutError):
    """No reply came in time; the agent may still do the work.

    Give the message an idempotency key when you ask again.

    Args:
        path: The agent that was asked.
        timeout: How long the asker waited, in seconds.
    """

    path: str
    timeout: float

    def __str__(self) -> str:
        return f"{self.path} did not answer within {self.timeout:g} s"


@attrs.define(eq=False, repr=False, slots=False)
class AskFailed(AskError):
    """The agent raised while it handled the message.

    Args:
        path: The agent that was asked.
        error_type: Name of the class that it raised.
        text: The text of that error.
        traceback_text: Its formatted traceback; empty when it was not kept.
            Within one process the error itself is the `__cause__`, and the
            text is made only when somebody reads or pickles it.
    """

    path: str
    error_type: str
    text: str
    traceback_text: str = ""

    @classmethod
    def of(cls, path: str, error: BaseException) -> AskFailed:
        """The error that an asker of `path` gets when its agent raised `error`."""
        failed = cls(path, type(error).__qualname__, str(error))
        failed.__cause__ = error
        return failed

    @property
    def remote_traceback(self) -> str:
        """The traceback of what the agent raised, as text."""
        if not self.traceback_text and self.__cause__ is not None:
            self.traceback_text = "".join(traceback.format_exception(self.__cause__))
        return self.traceback_text

    def __reduce__(self) -> Any:
        self.traceback_text = self.remote_traceback
        return super().__reduce__()

    def __str__(self) -> str:
        return f"{self.path} failed with {self.error_type}: {self.text}"


@attrs.define(eq=False, repr=False, slots=False)
class Unavailable(AskError):
    """The agent is held back (an open breaker, a quarantine); ask again later.

    Args:
        path: The agent that was asked.
        until: When it may be asked again, in seconds of the system's clock;
            None when a person has to release it.
        cause: Why it is held, as text.
    """

    path: str
    until: float | None
    cause: str = ""

    def __str__(self) -> str:
        when = "released by hand" if self.until is None else f"{self.until:.3f}"
        return f"{self.path} is unavailable until {when}" + (
            f": {self.cause}" if self.cause else ""
        )


@attrs.define(eq=False, repr=False, slots=False)
class BudgetExceeded(AskError):
    """A budget of work has no room for this; raise it, or do with less.

    Args:
        scope: Whose budget: an agent's path, or the correlation id of a request.
        unit: What ran out: messages, seconds, concurrency, money or tokens.
        used: How much of it is used.
        limit: How much there is.
    """

    scope: str
    unit: str
    used: Any
    limit: Any

    def __str__(self) -> str:
        return f"the budget of {self.scope} has no room: {self.used} of {self.limit} {self.unit}"


# --- Bytes that are no message --------------------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class CodecError(HarmoniumError):
    """A value cannot be turned into a message, or a message into bytes.

    Args:
        path: The place inside the message, as in ``$.lines[3].price``.
        problem: What is wrong there.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@attrs.define(eq=False, repr=False, slots=False)
class UnknownMessage(CodecError):
    """The codec knows no message of this name and version.

    Args:
        nearest: The known name that looks most like it, or None.
    """

    nearest: str | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.problem}"
        return f"{text}; did you mean {self.nearest!r}?" if self.nearest else text


class MalformedMessage(CodecError):
    """The value has the wrong shape: a field is missing, too many or of a wrong type."""


# --- The tree gave up -----------------------------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class SupervisionError(HarmoniumError):
    """A supervisor could not do what was asked of it."""


@attrs.define(eq=False, repr=False, slots=False)
class HandlerOverrun(SupervisionError):
    """A handler ran longer than its limit and was cancelled; that is a crash.

    Args:
        path: The agent whose handler it was.
        limit: The limit in seconds.
    """

    path: str
    limit: float

    def __str__(self) -> str:
        return f"a handler of {self.path} ran longer than its limit of {self.limit:g} s"


@attrs.define(eq=False, repr=False, slots=False)
class StartFailed(SupervisionError):
    """A child did not become ready; what was started before it is stopped again.

    Args:
        path: The child that did not start.
        cause_text: Why, as text.
    """

    path: str
    cause_text: str

    def __str__(self) -> str:
        return f"{self.path} did not start: {self.cause_text}"


@attrs.define(eq=False, repr=False, slots=False)
class BudgetExhausted(SupervisionError):
    """More restarts were needed than allowed; mend the cause or raise the limit.

    Args:
        path: The supervisor that gave up.
        unit: What ran out, as in ``5 restarts within 10 s``.
        last_cause: The failure that was one too many, as text.
    """

    path: str
    unit: str
    last_cause: str

    def __str__(self) -> str:
        return f"{self.path} used up its {self.unit}; the last cause was {self.last_cause}"


@attrs.define(eq=False, repr=False, slots=False)
class StopTimeout(SupervisionError):
    """An agent did not stop in its time and was killed.

    Args:
        path: The agent.
        seconds: Its limit.
    """

    path: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.path} did not stop within {self.seconds:g} s"


# --- Working together -----------------------------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class QuorumError(HarmoniumError):
    """A vote could not be decided."""


@attrs.define(eq=False, repr=False, slots=False)
class QuorumNotReached(QuorumError):
    """Too few ballots came before the deadline.

    Args:
        needed: How many ballots the rule needs.
        ballots: The ballots that came.
    """

    needed: int
    ballots: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{len(self.ballots)} ballots of the {self.needed} needed"


@attrs.define(eq=False, repr=False, slots=False)
class CoordinationError(HarmoniumError):
    """A pipeline could not be carried through."""


@attrs.define(eq=False, repr=False, slots=False)
class StepFailed(CoordinationError):
    """A step failed and its fallbacks are used up; finished steps are undone.

    Args:
        step: Name of the step.
        cause_text: Its last failure, as text.
    """

    step: str
    cause_text: str

    def __str__(self) -> str:
        return f"step {self.step!r} failed: {self.cause_text}"


@attrs.define(eq=False, repr=False, slots=False)
class CompensationFailed(CoordinationError):
    """A finished step could not be undone; a person has to look at it.

    Args:
        step: Name of the step that still stands.
        cause_text: Why it could not be undone, as text.
    """

    step: str
    cause_text: str

    def __str__(self) -> str:
        return f"step {self.step!r} could not be undone: {self.cause_text}"


# --- The system itself ----------------------------------------------------


@attrs.define(eq=False, repr=False, slots=False)
class StoreError(HarmoniumError):
    """The store could not read or write.

    Where it was a write, it may have been done all the same (the answer of the
    disk or the server was lost): read before you write again.

    Args:
        problem: What went wrong, and where.
    """

    problem: str = ""

    def __str__(self) -> str:
        return self.problem or "the store could not read or write"


@attrs.define(eq=False, repr=False, slots=False)
class StoreCorrupt(StoreError):
    """What the store holds cannot be read; restore it from before the offset.

    Args:
        place: The file, table or journal.
        offset: The first entry or byte that is wrong, from 0.
        problem: What the reader found there; empty when it could not tell.
    """

    place: str
    offset: int
    problem: str = ""

    def __str__(self) -> str:
        text = f"{self.place} is corrupt from {self.offset} on"
        return f"{text}: {self.problem}" if self.problem else text


@attrs.define(eq=False, repr=False, slots=False)
class VersionConflict(StoreError):
    """Somebody else wrote first; nothing was written: read again, then decide again.

    Args:
        place: The stream, log or key.
        expected: The version that the writer had read; None for "is not there".
        actual: The version that is there; None when there is nothing.
    """

    place: str
    expected: int | None
    actual: int | None
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.place} is at version {self.actual}, the writer expected {self.expected}"


@attrs.define(eq=False, repr=False, slots=False)
class StaleToken(StoreError):
    """The lease was lost, so nothing was written; stop, or acquire it again.

    Args:
        lease: Name of the lease.
        token: The fencing token that the writer carried.
        current: The token that is valid now; None when nobody holds the lease.
    """

    lease: str
    token: int
    current: int | None
    problem: str = ""

    def __str__(self) -> str:
        now = "nobody holds it" if self.current is None else f"the holder's is {self.current}"
        return f"lease {self.lease!r}: token {self.token} is stale, {now}"


@attrs.define(eq=False, repr=False, slots=False)
class SystemStopped(HarmoniumError):
    """The system has stopped or is stopping; start a new one.

    Args:
        reason: Why it stopped, as text; empty when it was asked to.
    """

    reason: str = ""

    def __str__(self) -> str:
        return "the system has stopped" + (f": {self.reason}" if self.reason else "")


@attrs.define(eq=False, repr=False, slots=False)
class EscapedSimulation(HarmoniumError):
    """Simulated code reached for the real world, which a simulation cannot repeat.

    Use `self.now()`, `self.random`, `self.sleep()` and `self.ask()`, give the
    agent a fake, or run this part on another ground.

    Args:
        what: What it reached for.
        line: Where, as ``file:line``; empty if unknown.
    """

    what: str
    line: str = ""

    @classmethod
    def here(cls, what: str) -> EscapedSimulation:
        """Name the line of the program that is running, outside of this package and Python's."""
        library = traceback.__file__.rpartition("/")[0] + "/"
        for frame in reversed(traceback.extract_stack()):
            path = frame.filename.replace("\\", "/")
            installed = path.startswith(library) and "-packages/" not in path
            if "/harmonium/" not in path and not installed:
                return cls(what, f"{frame.filename}:{frame.lineno}")
        return cls(what)

    def __str__(self) -> str:
        where = f" at {self.line}" if self.line else ""
        return f"simulated code used {self.what}{where}; a simulation cannot repeat that"
