"""The `traceparent` of W3C Trace Context: which trace a request belongs to.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re

import attrs

__all__ = ["TraceParent"]

_FORMAT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace_id>[0-9a-f]{32})-(?P<span_id>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?",
    re.DOTALL,
)
_SAMPLED = 1


def _check_id(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Refuse ids that are not lower-case hex of their length, or all zeros."""
    del instance
    size = 32 if attribute.name == "trace_id" else 16
    if not re.fullmatch(f"[0-9a-f]{{{size}}}", value) or not value.strip("0"):
        raise ValueError(f"{attribute.name} must be {size} hex digits and not all zeros")


@attrs.frozen
class TraceParent:
    """One span of a trace.

    Args:
        trace_id: The whole trace: 32 lower-case hex digits, not all zeros.
        span_id: The span that sends: 16 lower-case hex digits, not all zeros.
        sampled: Whether the caller may have recorded it.

    Raises:
        ValueError: If an id is not of that form.

    Example:
        >>> text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        >>> parent = TraceParent.parse(text)
        >>> str(parent.child("00f067aa0ba902b7"))
        '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01'
    """

    trace_id: str = attrs.field(validator=_check_id)
    span_id: str = attrs.field(validator=_check_id)
    sampled: bool = attrs.field(default=False, kw_only=True)

    @classmethod
    def parse(cls, text: str) -> TraceParent | None:
        """Read a header; None where the standard says to go on without a parent.

        A version above 00 is read as far as version 00 goes; version ff, ids of
        zeros and anything malformed give None.
        """
        match = _FORMAT.fullmatch(text)
        if match is None or match["version"] == "ff":
            return None
        if match["version"] == "00" and match["rest"] is not None:
            return None
        sampled = bool(int(match["flags"], 16) & _SAMPLED)
        try:
            return cls(match["trace_id"], match["span_id"], sampled=sampled)
        except ValueError:
            return None

    def child(self, span_id: str) -> TraceParent:
        """Give the parent for what is called from here.

        Args:
            span_id: A new id for the span that calls.
        """
        return attrs.evolve(self, span_id=span_id)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"
