"""Typed, supervised agents in one declared tree that runs on three grounds."""

from harmonium.actors.account import Account
from harmonium.actors.agent import Agent
from harmonium.actors.ask import Ask
from harmonium.actors.chaos import FaultInjector
from harmonium.actors.dead_letters import DeadLetter
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
from harmonium.protocols.routing.least_loaded import LEAST_LOADED
from harmonium.protocols.routing.sticky import STICKY
from harmonium.protocols.routing.turns import ROUND_ROBIN
from harmonium.protocols.signals import Terminated
from harmonium.protocols.voting.shares import Majority
from harmonium.supervisors.coordinator import coordinator
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
    "Budget",
    "Chaos",
    "ChildSpec",
    "Codec",
    "CodecError",
    "ContractError",
    "DeadLetter",
    "Envelope",
    "Fail",
    "FaultInjector",
    "FrozenMap",
    "HarmoniumError",
    "Lane",
    "MailboxFull",
    "Majority",
    "Pipeline",
    "Ref",
    "Retry",
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
    "message",
    "operate",
    "pool",
    "supervisor",
]

__version__ = "0.1.0"
