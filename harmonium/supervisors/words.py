"""The words of a child spec: enums, and the constants that people write."""

from __future__ import annotations

import enum

__all__ = [
    "ALL_SIGNIFICANT",
    "ANY_SIGNIFICANT",
    "ESCALATE",
    "KILL",
    "NEVER",
    "NEVER_GIVE_UP",
    "ONE_FOR_ALL",
    "ONE_FOR_ONE",
    "PERMANENT",
    "RESTART",
    "REST_FOR_ONE",
    "RESUME",
    "REVIVE",
    "STAY",
    "STOP",
    "TEMPORARY",
    "TRANSIENT",
    "AutoShutdown",
    "Bystander",
    "Directive",
    "Exhausted",
    "Kind",
    "RestartType",
    "RootExhausted",
    "Shutdown",
    "Strategy",
    "Word",
]


class Word(enum.Enum):
    """A choice that a system file spells in lower case."""

    def __repr__(self) -> str:
        return self.name

    def __str__(self) -> str:
        return str(self.value)


class Strategy(Word):
    """Who is restarted with a child that has to be restarted."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody else."""
    ONE_FOR_ALL = "one_for_all"
    """All its siblings: stopped in reverse order, then started in order."""
    REST_FOR_ONE = "rest_for_one"
    """The siblings that were started after it."""


class RestartType(Word):
    """Whether a child that ended is started again."""

    PERMANENT = "permanent"
    """Always, even after a clean end."""
    TRANSIENT = "transient"
    """Only after an abnormal end; after a clean one its spec stays listed."""
    TEMPORARY = "temporary"
    """Never; its spec goes with it."""


class Shutdown(Word):
    """How a child is ended, where it is not a number of seconds."""

    KILL = "kill"
    """At once and unasked; its `stopped` hook does not run."""
    NEVER_GIVE_UP = "never_give_up"
    """Asked, and waited for without a limit."""


class Directive(Word):
    """What a raised exception leads to."""

    RESUME = "resume"
    """The same instance goes on with the next message and keeps its state."""
    RESTART = "restart"
    """As the restart type says: a fresh instance, charged to the budget."""
    STOP = "stop"
    """The child is stopped and not started again."""
    ESCALATE = "escalate"
    """The supervisor fails with the same cause, and its own parent decides."""


class AutoShutdown(Word):
    """Whether the end of significant children ends the supervisor."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class Bystander(Word):
    """Whether a group restart starts a child that was down before it."""

    REVIVE = "revive"
    STAY = "stay"


class Exhausted(Word):
    """How the exit of a supervisor that gave up counts for its parent."""

    ABNORMAL = "abnormal"
    """As a failure: a transient supervisor is restarted."""
    SHUTDOWN = "shutdown"
    """As a clean end, like Erlang/OTP does: a transient supervisor stays away."""


class RootExhausted(Word):
    """What the root of a tree does when it gives up."""

    EXIT = "exit"
    """It ends, and with it the system."""
    PARK = "park"
    """It stays with all children held, answers queries and waits for an operator."""


class Kind(Word):
    """How a supervisor comes to its children."""

    STATIC = "static"
    """They are declared, in order."""
    DYNAMIC = "dynamic"
    """They come and go while it runs; they have no order."""
    PARTITION = "partition"
    """They are copies of one agent, each with its share of the keys."""


ONE_FOR_ONE = Strategy.ONE_FOR_ONE
ONE_FOR_ALL = Strategy.ONE_FOR_ALL
REST_FOR_ONE = Strategy.REST_FOR_ONE
PERMANENT = RestartType.PERMANENT
TRANSIENT = RestartType.TRANSIENT
TEMPORARY = RestartType.TEMPORARY
KILL = Shutdown.KILL
NEVER_GIVE_UP = Shutdown.NEVER_GIVE_UP
RESUME = Directive.RESUME
RESTART = Directive.RESTART
STOP = Directive.STOP
ESCALATE = Directive.ESCALATE
NEVER = AutoShutdown.NEVER
ANY_SIGNIFICANT = AutoShutdown.ANY_SIGNIFICANT
ALL_SIGNIFICANT = AutoShutdown.ALL_SIGNIFICANT
REVIVE = Bystander.REVIVE
STAY = Bystander.STAY
