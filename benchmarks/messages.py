"""The message of all workloads: an int, a 36-character id, a float; and its bare twin."""

from __future__ import annotations

import attrs

from harmonium import message

__all__ = ["CID", "Ball", "BareBall", "Fail", "Serve"]

CID = "3f2b8a52-5b0e-4f0a-9d53-6f4f3a6f0c11"


@message(name="bench.Ball")
class Ball:
    """What goes to and fro."""

    n: int
    cid: str
    at: float


@message(name="bench.Serve")
class Serve:
    """Begin."""

    n: int


@message(name="bench.Fail")
class Fail:
    """Crash."""


@attrs.frozen
class BareBall:
    """The same record, as attrs makes it: what the bare loop builds."""

    n: int
    cid: str
    at: float
