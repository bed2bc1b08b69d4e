"""The optional fields of specs, for the checkers of types.

`child(...)` and `supervisor(...)` take them as keywords; what they mean stands at
`ChildSpec` and `SupervisorSpec`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.waiting import Mail
from harmonium.supervisors.directives import Directives
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.words import (
    AutoShutdown,
    Bystander,
    Directive,
    Exhausted,
    Kind,
    RestartType,
    RootExhausted,
    Shutdown,
    Strategy,
)

if TYPE_CHECKING:
    from harmonium.protocols.reliability.work_budget import WorkBudget

__all__ = ["ChildFields", "SupervisorFields", "Table"]

Table = Mapping[type[BaseException] | str, Directive | str] | Directives | None
"""A table of exceptions as people write it."""


class ChildFields(TypedDict, total=False):
    """What `child` takes besides the agent and its id."""

    restart: RestartType
    shutdown: float | Shutdown
    significant: bool
    start_timeout: float | None
    backoff: Backoff | None
    mail: Mail
    directives: Table
    budget: Budget | None
    quarantine: Backoff
    poison: Poison | None
    forced: bool
    options: Mapping[str, Any]


class SupervisorFields(TypedDict, total=False):
    """What `supervisor` and its sisters take besides the children."""

    strategy: Strategy
    max_restarts: int
    within: float
    per_child: bool
    subtree: Budget | None
    auto_shutdown: AutoShutdown
    completed: Bystander
    held: Bystander
    directives: Table
    exhausted: Exhausted
    on_root_exhausted: RootExhausted
    lost_grace: float
    keep_added: bool
    kind: Kind
    stop_phases: tuple[StopPhase, ...]
    work_budget: WorkBudget | None
