"""Typed, supervised agents in one declared tree that runs on three grounds.

A name is loaded from its home when it is first used: all of them together are
390 modules, and a program pays for those that it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harmonium.actors.account import Account
    from harmonium.actors.agent import Agent
    from harmonium.actors.ask import Ask
    from harmonium.actors.chaos import FaultInjector
    from harmonium.actors.dead_letters import DeadLetter
    from harmonium.actors.event_sourced import EventSourced
    from harmonium.actors.handlers import handles
    from harmonium.actors.ref import Ref
    from harmonium.protocols.autoscale import Autoscale
    from harmonium.protocols.backoff import Backoff
    from harmonium.protocols.budget import Budget
    from harmonium.protocols.chaos import Chaos
    from harmonium.protocols.codec import Codec
    from harmonium.protocols.envelope import Envelope, Lane
    from harmonium.protocols.errors import (
        AgentDead,
        AskFailed,
        AskTimeout,
        CodecError,
        ContractError,
        HarmoniumError,
        MailboxFull,
        SpecError,
    )
    from harmonium.protocols.fallback import Fail, Retry, Skip, To, Use
    from harmonium.protocols.immutable import FrozenMap
    from harmonium.protocols.message import field, message
    from harmonium.protocols.overflow import DEAD_LETTER, DROP_OLDEST, FAIL, WAIT
    from harmonium.protocols.pipeline.spec import Pipeline, Step
    from harmonium.protocols.pipeline.vote import Vote
    from harmonium.protocols.reliability.breaker import BreakerPolicy
    from harmonium.protocols.reliability.policy import Policy
    from harmonium.protocols.reliability.retry import RetryPolicy
    from harmonium.protocols.routing.least_loaded import LEAST_LOADED
    from harmonium.protocols.routing.sticky import STICKY
    from harmonium.protocols.routing.turns import ROUND_ROBIN
    from harmonium.protocols.signals import Terminated
    from harmonium.protocols.voting.shares import Majority
    from harmonium.supervisors.coordinator import coordinator
    from harmonium.supervisors.inbox import inbox
    from harmonium.supervisors.operations import operate
    from harmonium.supervisors.pool import pool
    from harmonium.supervisors.spec import ChildSpec, SupervisorSpec, child, supervisor
    from harmonium.supervisors.system import System
    from harmonium.supervisors.words import (
        ONE_FOR_ALL,
        ONE_FOR_ONE,
        PERMANENT,
        REST_FOR_ONE,
        TEMPORARY,
        TRANSIENT,
    )

__all__ = [
    "DEAD_LETTER",
    "DROP_OLDEST",
    "FAIL",
    "LEAST_LOADED",
    "ONE_FOR_ALL",
    "ONE_FOR_ONE",
    "PERMANENT",
    "REST_FOR_ONE",
    "ROUND_ROBIN",
    "STICKY",
    "TEMPORARY",
    "TRANSIENT",
    "WAIT",
    "Account",
    "Agent",
    "AgentDead",
    "Ask",
    "AskFailed",
    "AskTimeout",
    "Autoscale",
    "Backoff",
    "BreakerPolicy",
    "Budget",
    "Chaos",
    "ChildSpec",
    "Codec",
    "CodecError",
    "ContractError",
    "DeadLetter",
    "Envelope",
    "EventSourced",
    "Fail",
    "FaultInjector",
    "FrozenMap",
    "HarmoniumError",
    "Lane",
    "MailboxFull",
    "Majority",
    "Pipeline",
    "Policy",
    "Ref",
    "Retry",
    "RetryPolicy",
    "Skip",
    "SpecError",
    "Step",
    "SupervisorSpec",
    "System",
    "Terminated",
    "To",
    "Use",
    "Vote",
    "child",
    "coordinator",
    "field",
    "handles",
    "inbox",
    "message",
    "operate",
    "pool",
    "supervisor",
]

__version__ = "0.1.0"

_HOMES = {
    "harmonium.actors.account": ("Account",),
    "harmonium.actors.agent": ("Agent",),
    "harmonium.actors.ask": ("Ask",),
    "harmonium.actors.chaos": ("FaultInjector",),
    "harmonium.actors.dead_letters": ("DeadLetter",),
    "harmonium.actors.event_sourced": ("EventSourced",),
    "harmonium.actors.handlers": ("handles",),
    "harmonium.actors.ref": ("Ref",),
    "harmonium.protocols.autoscale": ("Autoscale",),
    "harmonium.protocols.backoff": ("Backoff",),
    "harmonium.protocols.budget": ("Budget",),
    "harmonium.protocols.chaos": ("Chaos",),
    "harmonium.protocols.codec": ("Codec",),
    "harmonium.protocols.envelope": (
        "Envelope",
        "Lane",
    ),
    "harmonium.protocols.errors": (
        "AgentDead",
        "AskFailed",
        "AskTimeout",
        "CodecError",
        "ContractError",
        "HarmoniumError",
        "MailboxFull",
        "SpecError",
    ),
    "harmonium.protocols.fallback": (
        "Fail",
        "Retry",
        "Skip",
        "To",
        "Use",
    ),
    "harmonium.protocols.immutable": ("FrozenMap",),
    "harmonium.protocols.message": (
        "field",
        "message",
    ),
    "harmonium.protocols.overflow": (
        "DEAD_LETTER",
        "DROP_OLDEST",
        "FAIL",
        "WAIT",
    ),
    "harmonium.protocols.pipeline.spec": (
        "Pipeline",
        "Step",
    ),
    "harmonium.protocols.pipeline.vote": ("Vote",),
    "harmonium.protocols.reliability.breaker": ("BreakerPolicy",),
    "harmonium.protocols.reliability.policy": ("Policy",),
    "harmonium.protocols.reliability.retry": ("RetryPolicy",),
    "harmonium.protocols.routing.least_loaded": ("LEAST_LOADED",),
    "harmonium.protocols.routing.sticky": ("STICKY",),
    "harmonium.protocols.routing.turns": ("ROUND_ROBIN",),
    "harmonium.protocols.signals": ("Terminated",),
    "harmonium.protocols.voting.shares": ("Majority",),
    "harmonium.supervisors.coordinator": ("coordinator",),
    "harmonium.supervisors.inbox": ("inbox",),
    "harmonium.supervisors.operations": ("operate",),
    "harmonium.supervisors.pool": ("pool",),
    "harmonium.supervisors.spec": (
        "ChildSpec",
        "SupervisorSpec",
        "child",
        "supervisor",
    ),
    "harmonium.supervisors.system": ("System",),
    "harmonium.supervisors.words": (
        "ONE_FOR_ALL",
        "ONE_FOR_ONE",
        "PERMANENT",
        "REST_FOR_ONE",
        "TEMPORARY",
        "TRANSIENT",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load a name of the public face."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
        return value

    def __dir__() -> list[str]:
        return [*globals(), *__all__]
