"""`sealed`: inside it, simulated code sees no clock, chance or world but the simulation's.

`time`, `datetime`, `os.urandom` (and with it `uuid4` and `secrets`) and the
module `random` follow the simulation while simulated code runs, and are
themselves for all other code: each looks at the running event loop. Real
sockets, threads and processes raise `EscapedSimulation` with the line.

Names that a program imported for itself (``from time import time``) are found
in its modules and replaced as well; those of installed packages are not.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harmonium.protocols.errors import EscapedSimulation

__all__ = ["EPOCH", "is_sealed", "sealed"]

EPOCH = 1_750_000_000.0
"""The wall-clock time at which every simulation begins: 15 June 2025, 15:06:40 UTC."""
STARTED = 1_000.0
"""What `time.monotonic` gives at the beginning."""

_REAL_DATETIME = dt.datetime
_REAL_DATE = dt.date


def _ground() -> Any:
    """The ground whose code is running, or None."""
    return getattr(asyncio._get_running_loop(), "ground", None)


def _wall(ground: Any) -> float:
    skew = 0.0 if ground.world is None else ground.world.injector.skew()
    return float(EPOCH + ground.time + skew)


# -- clocks


def _clock(real: Callable[[], Any], virtual: Callable[[Any], Any]) -> Callable[[], Any]:
    def read() -> Any:
        ground = _ground()
        return real() if ground is None else virtual(ground)

    return read


def _sleep(real: Callable[[float], None]) -> Callable[[float], None]:
    def sleep(secs: float) -> None:
        ground = _ground()
        if ground is None:
            real(secs)
        elif not ground.charge(secs):
            raise ground.escaped_by("time.sleep")

    return sleep


class _Meta(type):
    """Lets real dates and times pass for instances."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__mro__[1])


class _Datetime(_REAL_DATETIME, metaclass=_Meta):
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _REAL_DATETIME(*args, **kwargs)

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        ground = _ground()
        if ground is None:
            return _REAL_DATETIME.now(tz)
        found = _REAL_DATETIME.fromtimestamp(_wall(ground), tz or dt.UTC)
        return found if tz is not None else found.replace(tzinfo=None)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(dt.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Date(_REAL_DATE, metaclass=_Meta):
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _REAL_DATE(*args, **kwargs)

    @classmethod
    def today(cls) -> Any:
        return _Datetime.now().date()


# -- chance


def _urandom(real: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def urandom(size: int) -> bytes:
        ground = _ground()
        found: bytes = real(size) if ground is None else ground.entropy.randbytes(size)
        return found

    return urandom


# -- the world outside


def _refused(real: Callable[..., Any], what: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        ground = _ground()
        if ground is None:
            return real(*args, **kwargs)
        error: EscapedSimulation = ground.escaped_by(what)
        raise error

    return call


def _replacements() -> list[tuple[Any, str, Any]]:
    """What is replaced: whose attribute, its name, and by what."""
    clocks: dict[str, Callable[[Any], Any]] = {
        "time": _wall,
        "time_ns": lambda ground: int(_wall(ground) * 1e9),
        "monotonic": lambda ground: STARTED + ground.time,
        "monotonic_ns": lambda ground: int((STARTED + ground.time) * 1e9),
        "perf_counter": lambda ground: STARTED + ground.time,
        "perf_counter_ns": lambda ground: int((STARTED + ground.time) * 1e9),
    }
    outside = [
        (socket.socket, "__init__", "a socket"),
        (socket, "getaddrinfo", "a name server"),
        (threading.Thread, "start", "a thread"),
        (subprocess.Popen, "__init__", "a subprocess"),
        (os, "system", "a subprocess"),
        *([(os, "fork", "a process")] if hasattr(os, "fork") else []),
    ]
    return [
        *((time, name, _clock(getattr(time, name), give)) for name, give in clocks.items()),
        (time, "sleep", _sleep(time.sleep)),
        (dt, "datetime", _Datetime),
        (dt, "date", _Date),
        (os, "urandom", _urandom(os.urandom)),
        (random, "_urandom", _urandom(os.urandom)),
        *((where, name, _refused(getattr(where, name), what)) for where, name, what in outside),
    ]


def is_sealed() -> bool:
    """Tell whether the replacements of `sealed` are in place."""
    return dt.datetime is _Datetime


@contextmanager
def sealed() -> Iterator[None]:
    """Replace what a simulation must not see; put it back at the end. May be nested."""
    if is_sealed():
        yield
        return
    replaced = _replacements()
    state = random.getstate()
    undo = [(where, name, getattr(where, name)) for where, name, _ in replaced]
    by_value = {
        id(real): new
        for (where, _, real), (_, _, new) in zip(undo, replaced, strict=True)
        if not isinstance(where, type)
    }
    undo += list(_imported(by_value))
    for where, name, real in undo[len(replaced) :]:
        setattr(where, name, by_value[id(real)])
    for where, name, new in replaced:
        setattr(where, name, new)
    try:
        yield
    finally:
        for where, name, real in undo:
            setattr(where, name, real)
        random.setstate(state)


def _imported(by_value: dict[int, Any]) -> Iterator[tuple[Any, str, Any]]:
    """Find where programs keep what is replaced under names of their own."""
    installed = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file is None or file.startswith(installed) or module.__name__ == __name__:
            continue
        for name, value in list(vars(module).items()):
            if id(value) in by_value and not name.startswith("__"):
                yield module, name, value
