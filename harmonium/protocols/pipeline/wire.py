"""Events as plain data and back: what a durable coordinator writes to its log.

An event becomes one JSON-able dict with its name, its time and its fields.
Messages go through the codec that is passed in. What an event means depends on
the pipeline; `fingerprint` tells whether a log was written by the same one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeGuard

import attrs

from harmonium.protocols.errors import CodecError, MalformedMessage
from harmonium.protocols.failure import Failure
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.pipeline import events
from harmonium.protocols.pipeline.events import Event
from harmonium.protocols.pipeline.spec import Pipeline

__all__ = ["ValueCodec", "decode", "decode_value", "encode", "encode_value", "fingerprint"]


class ValueCodec(Protocol):
    """Turns messages to plain data and back; `harmonium.protocols.codec.Codec` is one."""

    def to_primitive(self, message: Any, /) -> dict[str, Any]:
        """Give the message as dicts, lists, texts, numbers, bools and None."""

    def from_primitive(self, value: Any, /) -> Any:
        """Make the message again."""


def encode(event: Event, at: float, codec: ValueCodec) -> dict[str, Any]:
    """Give an event and its time as plain data.

    Raises:
        CodecError: If a value in it is neither a message nor a plain value
            (None, a bool, a number, a text, or a tuple of such).
    """
    data: dict[str, Any] = {"event": type(event).__name__, "at": at}
    for field in attrs.fields(type(event)):
        write, _ = _KINDS.get(field.name, _PLAIN)
        data[field.name] = write(getattr(event, field.name), codec)
    return data


def decode(data: Any, codec: ValueCodec) -> tuple[Event, float]:
    """Make an event and its time of what `encode` gave.

    Raises:
        CodecError: If it is anything else, with the place inside the data.
    """
    if not isinstance(data, Mapping):
        raise MalformedMessage("$", f"{type(data).__name__} is no event")
    name = data.get("event")
    cls = _EVENTS.get(name) if isinstance(name, str) else None
    if cls is None:
        raise MalformedMessage("$.event", f"no event {name!r}: {did_you_mean(str(name), _EVENTS)}")
    at = data.get("at")
    if not _is_number(at):
        raise MalformedMessage("$.at", f"{at!r} is no time")
    fields = attrs.fields(cls)
    unknown = data.keys() - {"event", "at"} - {field.name for field in fields}
    if unknown:
        raise MalformedMessage(f"$.{min(unknown, key=str)}", "the event has no such field")
    event: Event = cls(**{field.name: _read(data, field, codec) for field in fields})
    return event, float(at)


def _read(data: Mapping[str, Any], field: Any, codec: ValueCodec) -> Any:
    if field.name not in data:
        raise MalformedMessage(f"$.{field.name}", "missing")
    _, read = _KINDS.get(field.name, _PLAIN)
    try:
        return read(data[field.name], codec)
    except RecursionError as error:
        raise MalformedMessage(f"$.{field.name}", "nested too deeply") from error
    except CodecError as error:
        path = f"$.{field.name}{error.path.removeprefix('$')}"
        raise MalformedMessage(path, error.problem) from error


# --- Values ---------------------------------------------------------------


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_whole(value) and abs(value) < _PAST_ALL_TIME  # a larger one may be no float


_PAST_ALL_TIME = 2**63


def encode_value(value: Any, codec: ValueCodec) -> Any:
    """Give a message or a plain value as plain data, such as the result of a request.

    It is marked what it is, so that a text and a message cannot be taken for one another.

    Raises:
        CodecError: If it is neither a message nor a plain value.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return {"plain": value}
    if isinstance(value, tuple):
        return {"tuple": [encode_value(one, codec) for one in value]}
    return {"message": codec.to_primitive(value)}


def decode_value(data: Any, codec: ValueCodec) -> Any:
    """Make the value of what `encode_value` gave.

    Raises:
        CodecError: If it is anything else.
    """
    match data:
        case {"plain": None | bool() | int() | float() | str() as value, **rest} if not rest:
            return value
        case {"tuple": list() as items, **rest} if not rest:
            return tuple(decode_value(one, codec) for one in items)
        case {"message": message, **rest} if not rest:
            return codec.from_primitive(message)
    raise MalformedMessage("$", "neither a message nor a plain value")


def _write_failure(failure: Failure, _: ValueCodec) -> dict[str, Any]:
    return {**attrs.asdict(failure), "kinds": list(failure.kinds)}


def _read_failure(data: Any, _: ValueCodec) -> Failure:
    match data:
        case {
            "error": str(error),
            "text": str(text),
            "kinds": list(kinds),
            "in_doubt": bool(doubt),
        }:
            if len(data) == len(attrs.fields(Failure)) and all(isinstance(k, str) for k in kinds):
                return Failure(error, text, tuple(kinds), in_doubt=doubt)
    raise MalformedMessage("$", "no failure")


def _write_plain(value: Any, _: ValueCodec) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _reader(accepts: Callable[[Any], bool], what: str) -> Callable[[Any, ValueCodec], Any]:
    def read(value: Any, _: ValueCodec) -> Any:
        if not accepts(value):
            raise MalformedMessage("$", f"{what} expected, not {type(value).__name__}")
        return tuple(value) if isinstance(value, list) else value

    return read


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_VALUE = (encode_value, decode_value)
_PLAIN = (_write_plain, _reader(lambda value: isinstance(value, str), "a text"))
_WHOLE = (_write_plain, _reader(_is_whole, "a whole number"))
_KINDS: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "request": _VALUE,
    "reply": _VALUE,
    "ballot": _VALUE,
    "answer": _VALUE,
    "failure": (_write_failure, _read_failure),
    "attempt": _WHOLE,
    "count": _WHOLE,
    "voters": (_write_plain, _reader(_is_names, "a list of texts")),
    "stream": (_write_plain, _reader(lambda value: isinstance(value, bool), "a bool")),
    "deadline": (_write_plain, _reader(lambda v: v is None or _is_number(v), "a time or null")),
}
_EVENTS: Mapping[str, Any] = {
    cls.__name__: cls
    for cls in (
        events.Begun,
        events.Replied,
        events.Failed,
        events.Reached,
        events.Polled,
        events.BallotCast,
        events.VoterGone,
        events.Answered,
        events.TimerFired,
        events.Cancelled,
        events.UndoReplied,
        events.UndoFailed,
        events.RestoredFromLog,
    )
}


# --- The pipeline that the events belong to -------------------------------


def fingerprint(pipeline: Pipeline[Any, Any]) -> str:
    """Give a short text that changes with a pipeline's shape.

    A log of another shape cannot be replayed. The shape is the steps with
    their needs, what they do and their rules; what callables do is not seen.
    """
    text = json.dumps(_shape(pipeline), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _shape(pipeline: Pipeline[Any, Any]) -> list[Any]:
    shape: list[Any] = [pipeline.name, pipeline.request.__name__]
    for node in pipeline.graph.nodes:
        task = node.task
        inner = _shape(task.extra) if isinstance(task.extra, Pipeline) else None
        needs = [pipeline.graph.nodes[need].name for need in node.needs]
        rules = [[type(rule).__name__, *getattr(rule, "on", ())] for rule in task.rules]
        does = [task.body.value, task.target, node.each is not None, node.undo is not None]
        shape.append([node.name, needs, does, rules, inner])
    return shape
