"""`Partial`: a part of an answer, sent before the answer."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.quick import quick

__all__ = ["Partial"]


@quick
@attrs.frozen(slots=True)
class Partial:
    """The result of one step of a pipeline, for an asker who reads a stream.

    Args:
        step: The step's id.
        value: Its result.
    """

    step: str
    value: Any
