"""Find out what a step's callable reads and makes, without running the pipeline.

The callable is called once with a context that gives stand-ins: anything may
be asked of a stand-in, and it answers with another. What the callable read is
noted; if it made something that is no stand-in, its type is known too. A
callable that cannot bear stand-ins is noted up to where it stopped.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import attrs

__all__ = ["Trace", "trace"]


@attrs.frozen(slots=True)
class Trace:
    """What a callable did with a context.

    Args:
        reads: The steps that it read, in that order.
        makes: The class of what it made, or None when that cannot be seen.
    """

    reads: tuple[str, ...]
    makes: type | None


class StandIn:
    """Stands for a value that is not there yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return StandIn()

    def __iter__(self) -> Iterator[Any]:
        return iter((StandIn(),))

    def __getitem__(self, _: Any) -> Any:
        return StandIn()

    def __len__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        return True

    def __int__(self) -> int:
        return 1

    __index__ = __int__

    def __float__(self) -> float:
        return 1.0

    def __hash__(self) -> int:
        return 1

    def _agree(self, *_: Any) -> bool:
        return True

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _agree

    def _go_on(self, *_: Any) -> Any:
        return StandIn()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _go_on
    __truediv__ = __rtruediv__ = __floordiv__ = __mod__ = __neg__ = __abs__ = __round__ = _go_on


class _Recorder:
    """Takes the part of a context."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        for name in ("request", "item", "failure", "result"):
            setattr(self, name, StandIn())
        self.index = 0
        self.now = 0.0
        self.key = ""

    def _read(self, step: Any) -> None:
        self.reads.append(step if isinstance(step, str) else step.name)

    def __getitem__(self, step: Any) -> Any:
        self._read(step)
        return StandIn()

    def get(self, step: Any, default: Any = None) -> Any:
        del default
        self._read(step)
        return StandIn()

    def skipped(self, step: Any) -> bool:
        self._read(step)
        return False

    def results(self) -> dict[str, Any]:
        return {}


def trace(source: Any) -> Trace:
    """Trace what a message or value is made of; a class makes itself.

    Example:
        >>> trace(lambda c: c["stock"].price * 2).reads
        ('stock',)
        >>> trace(Trace).makes
        <class 'harmonium.protocols.pipeline.trace.Trace'>
    """
    if isinstance(source, type):
        return Trace((), source)
    if not callable(source):
        return Trace((), None if source is None else type(source))
    recorder = _Recorder()
    made = None
    try:
        made = source(recorder)
    except Exception:  # noqa: BLE001 - it could not bear a stand-in; what it read so far is known
        made = None
    makes = _declared(source)
    if makes is None and made is not None and not isinstance(made, StandIn):
        makes = type(made)
    return Trace(tuple(dict.fromkeys(recorder.reads)), makes)


def _declared(source: Callable[..., Any]) -> type | None:
    """Give the class that a function says it returns."""
    function = source if inspect.isfunction(source) else type(source).__call__
    try:
        returns = typing.get_type_hints(function).get("return")
    except (NameError, TypeError, AttributeError):  # a name that is only there for checkers
        return None
    # Since Python 3.11 `Any` is a class, and says nothing.
    return returns if isinstance(returns, type) and returns is not Any else None
