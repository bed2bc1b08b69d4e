"""How unions travel: by what tells their options apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harmonium.protocols.containers import Parts
from harmonium.protocols.errors import CodecError
from harmonium.protocols.kinds import Option, kind_of, plan_union
from harmonium.protocols.message_info import is_message
from harmonium.protocols.scalars import Hooks, Read, Write, misfit
from harmonium.protocols.shapes import describe

__all__ = ["union_hooks"]


def union_hooks(
    options: tuple[Any, ...], parts: Parts, messages: Callable[[tuple[Any, ...]], Hooks]
) -> Hooks:
    """Give the hooks of a union.

    Args:
        options: Its types.
        parts: Gives the hooks of a type that is no message.
        messages: Gives the hooks for all the message types among them.
    """
    plan = plan_union(options)
    expected = " or ".join(describe(option.type) for option in plan)
    others = [(option, *parts(option.type)) for option in plan if not option.message]
    classes = tuple(option.type for option in plan if option.message)
    read_message, write_message = messages(classes) if classes else (None, None)
    return (
        _reader(others, read_message, expected),
        _writer(others, write_message, expected),
    )


def _reader(
    others: list[tuple[Option, Read, Write]], read_message: Read | None, expected: str
) -> Read:
    tagged = {option.tag: (option.type, read) for option, read, _ in others if option.tag}
    plain = {kind: (option.type, read) for option, read, _ in others for kind in option.plain}

    def read_union(value: Any, _: Any) -> Any:
        if type(value) is dict and value.keys() == {"type", "data"}:
            tag = value["type"]
            if type(tag) is str and tag in tagged:
                annotation, read = tagged[tag]
                return read(value["data"], annotation)
        kind = kind_of(value)
        if kind in plain:
            annotation, read = plain[kind]
            return read(value, annotation)
        if kind == "object" and read_message is not None:
            return read_message(value, None)
        raise misfit(expected, value)

    return read_union


def _writer(
    others: list[tuple[Option, Read, Write]],
    write_message: Write | None,
    expected: str,
) -> Write:
    nullable = any("null" in option.plain for option, _read, _write in others)

    def write_union(value: Any) -> Any:
        if value is None and nullable:
            return None
        if write_message is not None and (not others or is_message(value)):
            return write_message(value)
        nearest: CodecError = misfit(expected, value)
        for option, _read, write in others:
            try:
                primitive = write(value)
            except CodecError as error:
                # The option that went deepest is the one that was meant.
                nearest = error if len(error.path) > len(nearest.path) else nearest
                continue
            if kind_of(primitive) in option.plain:
                return primitive
            return {"type": option.tag, "data": primitive}
        raise nearest

    return write_union
