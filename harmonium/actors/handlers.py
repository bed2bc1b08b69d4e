"""`@handles`: a method's annotations are the agent's contract.

The table of an agent class maps a message class to the handler that takes it.
It is built when the class is defined, so a mistake shows at import; when an
annotation names something not defined yet, it is built at the first spawn.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs

from harmonium.protocols.contract import Contract
from harmonium.protocols.errors import HandlerError
from harmonium.protocols.lanes import Lane
from harmonium.protocols.message import info_of, is_message_class
from harmonium.protocols.signals import Terminated

if TYPE_CHECKING:
    from harmonium.actors.idempotent import Idempotent
    from harmonium.protocols.reliability.idempotency import InboxPolicy

__all__ = [
    "Dispatch",
    "Handler",
    "HandlerTable",
    "Looked",
    "build_table",
    "handles",
    "lane_of",
    "plain_handler",
]

F = TypeVar("F", bound=Callable[..., Any])

Dispatch = dict[type, Callable[[Any, Any], Any] | None]
"""What to call for a message of a class; None where the message is to be looked at."""

_MARK = "__handles__"
USER = Lane.USER


@attrs.frozen(slots=True)
class _Options:
    blocking: bool = False
    reentrant: bool = False
    idempotent: Idempotent | None = None


@attrs.frozen(slots=True)
class Handler:
    """One method that takes one class of message.

    Args:
        name: The method's name.
        function: The plain function, called with agent and message.
        answers: Classes it may answer with; `NoneType` for a bare acknowledgement.
        is_async: Whether it is a coroutine function.
        blocking: Whether it runs in the thread pool.
        reentrant: Whether it may start while another handler of the agent is suspended.
        idempotent: How it tells repeats of a request; None where it does not.
    """

    name: str
    function: Callable[[Any, Any], Any]
    answers: frozenset[type]
    is_async: bool
    blocking: bool
    reentrant: bool
    idempotent: Idempotent | None = None

    def calling(self, function: Callable[[Any, Any], Any]) -> Handler:
        """The same handler with another function; 1 us, where `attrs.evolve` takes 8."""
        return Handler(
            self.name,
            function,
            self.answers,
            self.is_async,
            self.blocking,
            self.reentrant,
            self.idempotent,
        )

    @property
    def plain(self) -> bool:
        """Whether the scheduler may call it without further ado."""
        return not (self.is_async or self.blocking or self.reentrant or self.idempotent)


class HandlerTable:
    """All handlers of one agent class.

    `accepts` is what senders test against, with the lane of each class; `fast`
    is what the scheduler calls directly, and `coroutines` the part of it whose answers it
    steps directly. A class with a handler for `object` accepts every message.
    `dispatch` is `fast` with None for what the scheduler has to look at closely.
    """

    __slots__ = (
        "accepts",
        "by_class",
        "contract",
        "coroutines",
        "dispatch",
        "fallback",
        "fast",
        "reentrant",
    )

    def __init__(
        self, by_class: dict[type, Handler], fallback: Handler | None, publishes: tuple[type, ...]
    ) -> None:
        self.by_class = by_class
        self.fallback = fallback
        self.coroutines = {
            cls: h.function
            for cls, h in by_class.items()
            if h.is_async and not (h.reentrant or h.idempotent) and cls is not Terminated
        }
        self.fast = self.coroutines | {
            cls: h.function for cls, h in by_class.items() if h.plain and cls is not Terminated
        }
        known = dict.fromkeys((*by_class, Terminated)) | self.fast
        self.dispatch: Dispatch = known if by_class and fallback is None else Looked(known)
        self.reentrant = any(h.reentrant for h in (*by_class.values(), fallback) if h is not None)
        lanes = {cls: lane_of(cls) for cls in by_class}
        self.accepts: Mapping[type, Lane | None] = lanes if fallback is None else _Everything(lanes)
        self.contract = Contract(
            accepts={cls: tuple(h.answers) for cls, h in by_class.items()},
            publishes=publishes,
            anything=fallback is not None,
        )

    def find(self, cls: type) -> Handler | None:
        """The handler for this message class, or None."""
        return self.by_class.get(cls, self.fallback)


def plain_handler(
    name: str,
    function: Callable[[Any, Any], Any],
    *answers: type,
    reentrant: bool = False,
) -> Handler:
    """A handler for a table that is made by hand, of an agent whose contract its making decides."""
    return Handler(
        name=name,
        function=function,
        answers=frozenset(answers),
        is_async=False,
        blocking=False,
        reentrant=reentrant,
    )


class Looked(dict[type, Any]):
    """Dispatch that has None for any class without a handler.

    A KeyError takes 2,000 instructions; a plain dict saves 300 where it has the class.
    """

    def __missing__(self, _: type) -> None:
        return None


class _Everything(dict[type, Any]):
    """Accepts any message class, and only message classes."""

    def get(self, cls: type, default: Any = None) -> Any:
        """The lane of a message class, or `default` for what is none."""
        if cls in self:
            return self[cls]
        return lane_of(cls) if is_message_class(cls) else default


def lane_of(cls: type) -> Lane | None:
    """The lane a message class asks for; None for the ordinary one."""
    info = info_of(cls)
    return None if info is None or info.lane is USER else info.lane


@overload
def handles(function: F) -> F: ...
@overload
def handles(
    *,
    blocking: bool = False,
    reentrant: bool = False,
    idempotent: bool | str = False,
    inbox: InboxPolicy | None = None,
) -> Callable[[F], F]: ...
def handles(
    function: Any = None,
    *,
    blocking: bool = False,
    reentrant: bool = False,
    idempotent: bool | str = False,
    inbox: InboxPolicy | None = None,
) -> Any:
    """Make a method the handler of the message class its parameter is annotated with.

    A sync handler runs to its end. An async one suspends its agent's mailbox,
    not the ground. The return annotation says what an asker gets; None is an
    acknowledgement. A parameter annotated with a union takes each of its
    members, one annotated with `object` takes every message.

    Args:
        function: The method, when used without parentheses.
        blocking: Run it in a thread pool, one at a time for its agent. While
            it runs, the agent takes no other message. A kill cannot interrupt
            the thread; its outcome is then ignored.
        reentrant: Allow it to start while another async handler of the same
            agent is suspended. State may have changed across each `await`.
        idempotent: Run each request once and give repeats the same answer. True
            tells repeats by the envelope's idempotency key (a message without
            one is handled as usual), a text by that field of the message. See
            `harmonium.actors.inbox`.
        inbox: How much an idempotent handler remembers, for how long, and how
            often it runs a request that fails. None: the last 10,000 for an
            hour, up to 3 runs, and a final failure frees the key.

    Raises:
        HandlerError: At class definition, if annotations are missing or name
            something that is no message class, or if options contradict.
    """

    def mark(method: F) -> F:
        if blocking and (reentrant or inspect.iscoroutinefunction(method)):
            raise HandlerError(
                method.__qualname__, "a blocking handler is a plain function and not reentrant"
            )
        repeats = None
        if idempotent is not False or inbox is not None:
            from harmonium.actors.idempotent import idempotent_of  # noqa: PLC0415 - an extra

            repeats = idempotent_of(method.__qualname__, idempotent, inbox)
        setattr(method, _MARK, _Options(blocking, reentrant, repeats))
        return method

    return mark if function is None else mark(function)


def build_table(cls: type, scope: Mapping[str, Any] | None = None) -> HandlerTable:
    """Collect the handlers of an agent class, inherited ones included.

    Args:
        cls: The class.
        scope: The names around a class that is defined in a function.

    Raises:
        HandlerError: If a handler is not well formed or two take the same class.
        NameError: If an annotation cannot be resolved yet.
    """
    by_class: dict[type, Handler] = {}
    fallback: Handler | None = None
    for name, function, options in _marked(cls):
        handler, accepted = _read(cls, name, function, options, scope)
        for message_class in accepted:
            if message_class is object:
                fallback = handler
            elif message_class in by_class:
                other = by_class[message_class].name
                raise HandlerError(
                    f"{cls.__qualname__}.{name}",
                    f"{message_class.__qualname__} is taken by {other} already",
                )
            else:
                by_class[message_class] = handler
    return HandlerTable(by_class, fallback, tuple(getattr(cls, "publishes", ())))


def _marked(cls: type) -> Iterator[tuple[str, Callable[..., Any], _Options]]:
    """Names marked in any base; an override without the decorator keeps the mark."""
    options: dict[str, _Options] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if hasattr(value, _MARK):
                options[name] = getattr(value, _MARK)
    for name, option in options.items():
        yield name, getattr(cls, name), option


def _read(
    cls: type,
    name: str,
    function: Callable[..., Any],
    options: _Options,
    scope: Mapping[str, Any] | None,
) -> tuple[Handler, tuple[type, ...]]:
    place = f"{cls.__qualname__}.{name}"
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 2:
        raise HandlerError(place, "a handler takes self and one message")
    hints = typing.get_type_hints(function, localns=dict(scope or {}))
    if parameters[1] not in hints or "return" not in hints:
        raise HandlerError(
            place, "annotate the message and the answer", "'-> None' where there is none"
        )
    accepted = _classes(place, hints[parameters[1]], anything=True)
    answers = _classes(place, hints["return"], anything=False)
    if options.idempotent is not None:
        options.idempotent.check(place, accepted, frozenset(answers))
    return (
        Handler(
            name=name,
            function=function,
            answers=frozenset(answers),
            is_async=inspect.iscoroutinefunction(function),
            blocking=options.blocking,
            reentrant=options.reentrant,
            idempotent=options.idempotent,
        ),
        accepted,
    )


def _classes(place: str, hint: Any, *, anything: bool) -> tuple[type, ...]:
    if hint is Any or hint is object:
        return (object,)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = typing.get_args(hint)
        return tuple(cls for member in members for cls in _classes(place, member, anything=False))
    if hint is None or hint is type(None):
        return (type(None),)
    if not is_message_class(hint):
        what = (
            "a message class, a union of them or object" if anything else "a message class or None"
        )
        raise HandlerError(place, f"{hint!r} is not {what}", "decorate the class with @message")
    return (hint,)
