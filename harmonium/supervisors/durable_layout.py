"""How the progress of a coordinator lies in a store: names and payloads.

* ``requests:PATH//ID`` - the stream of one request under way: its first entry is
  a header, each entry has the events that were written together. No path has two
  slashes in a row, so no coordinator takes another's requests for its own.
* the state ``coordinators`` - the place of each message class, by path.
* the state ``results PATH`` - the results of finished requests, by id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from harmonium.actors.context import Context
from harmonium.protocols.checks import check_count, check_seconds
from harmonium.protocols.errors import StoreCorrupt
from harmonium.supervisors.decision_records import short

__all__ = ["COORDINATORS", "Header", "Keep", "results_of", "stream_of", "streams_of"]

COORDINATORS = "coordinators"
"""The namespace with what is known of each coordinator."""

_FORMAT = 1


@attrs.frozen(slots=True, kw_only=True)
class Keep:
    """How much of what is over stays in the store.

    Args:
        results: How many results of finished requests that had an idempotency
            key, at least 1: whoever asks again under the key gets the result. The
            oldest go first.
        results_for: For how many seconds a result stays, above 0; a week if not given.
        decisions: How many records of the decision log, at least 1; the oldest go first.

    Raises:
        SpecError: If a bound above does not hold.
    """

    results: int = 10_000
    results_for: float = 7 * 86_400.0
    decisions: int = 100_000

    def __attrs_post_init__(self) -> None:
        check_count("Keep.results", self.results, least=1)
        check_seconds("Keep.results_for", self.results_for, above=0.0)
        check_count("Keep.decisions", self.decisions, least=1)


def streams_of(path: str) -> str:
    """Give what the names of the streams of a coordinator's requests begin with."""
    return f"requests:{path}//"


def stream_of(path: str, id: str) -> str:
    """Name the stream of a request."""
    return streams_of(path) + short(id)


def results_of(path: str) -> str:
    """Name the namespace of the results of a coordinator."""
    return f"results {path}"


@attrs.frozen(slots=True)
class Header:
    """What has to be known of a request beside its events.

    Args:
        id: Its id.
        correlation_id: Its correlation id.
        is_keyed: Whether its id is the idempotency key that it was asked under.
        run: Which run under that key it is, from 1: a request that failed may be asked again.
        traceparent: The trace it belongs to, or None.
        shape: The fingerprint of its pipeline.
    """

    id: str
    correlation_id: str
    is_keyed: bool
    run: int
    traceparent: str | None
    shape: str

    def to_plain(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {"format": _FORMAT, **attrs.asdict(self)}

    @classmethod
    def of(cls, data: Any, stream: str) -> Header:
        """Make it again.

        Raises:
            StoreCorrupt: If it is none, or of a newer Harmonium.
        """
        names = {field.name for field in attrs.fields(cls)}
        if not isinstance(data, Mapping) or data.keys() != names | {"format"}:
            raise StoreCorrupt(f"stream {stream}", 1, "it has no header of a request")
        if data["format"] != _FORMAT:
            raise StoreCorrupt(f"stream {stream}", 1, "a newer Harmonium wrote it")
        return cls(**{name: data[name] for name in names})

    def context(self) -> Context:
        """Give the context that the request's messages carry.

        It has no deadline: the machine shortens each timeout to what is left,
        and an undo has to reach its agent also after the request's time.
        """
        return Context(self.correlation_id, None, None, self.traceparent)

    def key_prefix(self) -> str:
        """Give what its idempotency keys begin with: new ones for each run."""
        return f"{self.id}:" if self.run == 1 else f"{self.id}~{self.run}:"
