"""Pipelines: steps as data, and the pure machine that carries a request through them.

An author needs `Pipeline`, `Step` and what stands in them; a coordinator needs
`advance`, the modules `events` and `effects`, and `wire` for its log.
"""

from __future__ import annotations

from harmonium.protocols.pipeline.check import Finding, check
from harmonium.protocols.pipeline.context import Context
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.machine import advance, begin, replay
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.state import Phase, RequestState, Status
from harmonium.protocols.pipeline.table import pipeline_from_table
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.pipeline.wire import decode, encode, fingerprint

__all__ = [
    "Conflict",
    "Context",
    "Finding",
    "Gather",
    "Phase",
    "Pipeline",
    "RequestState",
    "Status",
    "Step",
    "Vote",
    "advance",
    "begin",
    "check",
    "decode",
    "encode",
    "fingerprint",
    "pipeline_from_table",
    "replay",
]
