"""Messages to bytes and back: JSON for people, msgpack for the wire between processes.

A message travels as ``{"type": "orders.CheckStock/1", "data": {...}}``. Both
forms hold the same primitives. Nothing is coerced: a text is no number and a
bool is no int. Whatever comes in, the only error is `CodecError`, with the
place inside the message.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import cattrs

from harmonium.protocols.catalog import Catalog
from harmonium.protocols.containers import mapping_hooks, row_hooks, set_hooks, tuple_hooks
from harmonium.protocols.envelope import Envelope
from harmonium.protocols.errors import CodecError, ConfigError, MalformedMessage
from harmonium.protocols.records import message_hooks, record_hooks
from harmonium.protocols.scalars import Hooks, enum_hooks, literal_hooks, misfit, scalar_hooks
from harmonium.protocols.shapes import (
    SCALARS,
    AnyMessage,
    AnyMessageShape,
    EnumShape,
    LiteralShape,
    MappingShape,
    MessageShape,
    RecordShape,
    RefShape,
    RowShape,
    ScalarShape,
    SetShape,
    TupleShape,
    UnionShape,
    describe,
    shape_of,
)
from harmonium.protocols.unions import union_hooks

__all__ = ["Codec"]

_BIG_INT = 1
"""The msgpack extension type of an integer of more than 64 bits: two's complement, big-endian."""


class Codec:
    """Reads and writes the messages that it was told of, and envelopes.

    Safe to use from several threads.

    Args:
        messages: The message classes; those in their fields need not be named.
        ref_to_str: Gives the path of a ref.
        str_to_ref: Finds the ref of a path; may raise.

    Raises:
        MessageDefinitionError: If one is no message class, two have the same
            name and version, or a field's type is not defined.

    Example:
        >>> from harmonium.protocols.signals import Terminated
        >>> codec = Codec([Terminated])
        >>> text = codec.to_json(Terminated("/shop", 1, "crash"))
        >>> codec.from_json(text)
        Terminated(path='/shop', incarnation=1, kind='crash', detail='')
        >>> codec.from_json(text.replace("1,", '"1",'))
        Traceback (most recent call last):
        harmonium.protocols.errors.MalformedMessage: $.incarnation: int expected, not str
    """

    def __init__(
        self,
        messages: Iterable[type],
        *,
        ref_to_str: Callable[[Any], str] | None = None,
        str_to_ref: Callable[[str], Any] | None = None,
    ) -> None:
        self._catalog = Catalog([*messages, Envelope])
        self._ref_hooks = _ref_hooks(ref_to_str, str_to_ref)
        self._record_of = functools.cache(lambda cls: record_hooks(cls, self._parts))
        self._read_any, self._write_any = self._messages((AnyMessage,))
        self.converter = self._converter()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all messages that it knows, with their versions, sorted."""
        return self._catalog.names

    def to_primitive(self, message: Any) -> dict[str, Any]:
        """Turn a message into dicts, lists, texts, numbers, bools and None.

        Raises:
            CodecError: If the codec does not know its class, or a field holds
                something else than its annotation says.
        """
        primitive: dict[str, Any] = _guarded(self._write_any, message)
        return primitive

    def from_primitive(self, value: Any) -> Any:
        """Make the message of what `to_primitive` gives; an old version is brought up to date.

        Raises:
            UnknownMessage: If nothing of its name is known, or only older versions.
            MalformedMessage: If anything else is wrong with it.
        """
        return _guarded(self._read_any, value, None)

    def to_json(self, message: Any) -> str:
        """Turn a message into JSON text on one line.

        Raises:
            CodecError: As `to_primitive`.
        """
        text: str = _guarded(_ENCODER.encode, self.to_primitive(message))
        return text

    def from_json(self, text: str | bytes) -> Any:
        """Make the message of JSON, as text or UTF-8.

        Raises:
            CodecError: As `from_primitive`, or if it is no JSON.
        """
        return self.from_primitive(_guarded(_from_json, text))

    def to_msgpack(self, message: Any) -> bytes:
        """Turn a message into msgpack.

        Raises:
            CodecError: As `to_primitive`, or if it is nested more than 500 deep.
            ConfigError: If msgpack is not installed.
        """
        msgpack = _msgpack()
        pack = functools.partial(msgpack.packb, default=_pack_big_int)
        packed: bytes = _guarded(pack, self.to_primitive(message))
        return packed

    def from_msgpack(self, data: bytes) -> Any:
        """Make the message of msgpack.

        Raises:
            CodecError: As `from_primitive`, or if it is no msgpack.
            ConfigError: If msgpack is not installed.
        """
        msgpack = _msgpack()
        unpack = functools.partial(
            msgpack.unpackb, ext_hook=_unpack_big_int, object_pairs_hook=_unique
        )
        return self.from_primitive(_guarded(unpack, data))

    def _converter(self) -> cattrs.Converter:
        """Teach cattrs our hooks: it finds and keeps the hook of each type.

        Its own would not do: they coerce, and know no path.
        """
        converter = cattrs.Converter()
        # Classes come first by their method resolution order, where an IntEnum is an int.
        enums = [s.type for s in self._catalog.shapes.values() if isinstance(s, EnumShape)]
        for cls in (*SCALARS, *enums):
            read, write = self._hooks(cls)
            converter.register_structure_hook(cls, read)
            converter.register_unstructure_hook(cls, write)
        converter.register_structure_hook_factory(_any, lambda tp: self._hooks(tp)[0])
        converter.register_unstructure_hook_factory(_any, lambda tp: self._hooks(tp)[1])
        return converter

    def _parts(self, annotation: Any) -> Hooks:
        return (
            self.converter.get_structure_hook(annotation),
            self.converter.get_unstructure_hook(annotation),
        )

    def _hooks(self, annotation: Any) -> Hooks:  # noqa: C901, PLR0911 - one line for each shape
        match shape_of(annotation, describe(annotation)):
            case ScalarShape(kind):
                return scalar_hooks(kind)
            case LiteralShape(values):
                return literal_hooks(values)
            case EnumShape(kind):
                return enum_hooks(kind)
            case TupleShape(item):
                return tuple_hooks(item, self._parts)
            case RowShape(items):
                return row_hooks(items, self._parts)
            case SetShape(item):
                return set_hooks(item, self._parts)
            case MappingShape(key, value):
                return mapping_hooks(key, value, self._parts)
            case UnionShape(options):
                return union_hooks(options, self._parts, self._messages)
            case MessageShape() | AnyMessageShape():
                return self._messages((annotation,))
            case RecordShape(kind):
                hooks: Hooks = self._record_of(kind)
                return hooks
            case RefShape():
                return self._ref_hooks

    def _messages(self, types: tuple[Any, ...]) -> Hooks:
        shapes = [shape_of(each, describe(each)) for each in types]
        classes = frozenset(shape.type for shape in shapes if isinstance(shape, MessageShape))
        allowed = classes if len(classes) == len(shapes) else None
        return message_hooks(allowed, self._catalog, self._record_of)


def _any(annotation: Any) -> bool:
    del annotation
    return True


def _guarded(work: Callable[..., Any], *arguments: Any) -> Any:
    """Let out no other error than `CodecError`, with a path from the top of the message."""
    try:
        return work(*arguments)
    except CodecError as error:
        raise attrs.evolve(error, path=f"${error.path}") from error.__cause__
    except RecursionError:
        raise MalformedMessage("$", "it is nested too deeply") from None
    except Exception as error:  # what parsers raise is not a closed list
        raise MalformedMessage("$", f"{error}" or type(error).__name__) from error


def _from_json(text: Any) -> Any:
    if isinstance(text, bytes | bytearray):
        text = text.decode()
    return _DECODER.decode(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    items = dict(pairs)
    if len(items) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return items


# Made once: `json.dumps` and `json.loads` would make new ones at each call, for 3 us.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _msgpack() -> Any:
    try:
        import msgpack  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "Codec", "msgpack is not installed", "pip install 'harmonium[wire]'"
        ) from error
    return msgpack


def _pack_big_int(value: int) -> Any:
    size = value.bit_length() // 8 + 1
    return _msgpack().ExtType(_BIG_INT, value.to_bytes(size, "big", signed=True))


def _unpack_big_int(code: int, data: bytes) -> int:
    if code != _BIG_INT:
        raise ValueError(f"extension type {code} is unknown")
    return int.from_bytes(data, "big", signed=True)


def _ref_hooks(
    ref_to_str: Callable[[Any], str] | None, str_to_ref: Callable[[str], Any] | None
) -> Hooks:
    def read(value: Any, _: Any) -> Any:
        if type(value) is not str:
            raise misfit("the path of an agent", value)
        if str_to_ref is None:
            raise MalformedMessage("", "this codec was not told how to read refs")
        try:
            return str_to_ref(value)
        except Exception as error:
            raise MalformedMessage("", f"no ref for this path: {error}") from error

    def write(value: Any) -> str:
        if not getattr(type(value), "__harmonium_ref__", False):
            raise misfit("a ref", value)
        if ref_to_str is None:
            raise MalformedMessage("", "this codec was not told how to write refs")
        return ref_to_str(value)

    return read, write
