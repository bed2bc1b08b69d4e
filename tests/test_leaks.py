"""The leak guard sees what it claims to see."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import threading
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger

from tests.leaks import Holdings, left_since


@contextmanager
def a_thread() -> Iterator[None]:
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    yield
    gate.set()
    thread.join()


@contextmanager
def a_child() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield
        child.communicate(b"\n")


@contextmanager
def a_file() -> Iterator[None]:
    with Path(__file__).open():
        yield


@contextmanager
def a_socket() -> Iterator[None]:
    with socket.socket():
        yield


@contextmanager
def a_temporary_file() -> Iterator[None]:
    with tempfile.NamedTemporaryFile():
        yield


@contextmanager
def a_sink() -> Iterator[None]:
    number = logger.add(lambda _: None)
    yield
    logger.remove(number)


@contextmanager
def a_silence() -> Iterator[None]:
    logger.disable("tests.silence")
    yield
    logger.enable("tests.silence")


@contextmanager
def a_task() -> Iterator[None]:
    loop = asyncio.new_event_loop()
    task = loop.create_task(asyncio.sleep(3600))
    yield
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


LEAKS = {
    "threads": a_thread,
    "children": a_child,
    "files": a_file,
    "files: socket": a_socket,
    "temporary": a_temporary_file,
    "sinks": a_sink,
    "muted": a_silence,
    "tasks": a_task,
}


@pytest.mark.parametrize("kind", LEAKS)
def test_each_kind_of_leak_is_named(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A thing that is still held is named by its kind, and no longer once it is given back."""
    monkeypatch.setattr("tests.leaks.PATIENCE", 0.01)
    before = Holdings.now()
    with LEAKS[kind]():
        kinds = {line.partition(":")[0] for line in left_since(before)}
    assert kind.partition(":")[0] in kinds
    assert left_since(before) == []


def test_a_thread_that_ends_by_itself_is_no_leak() -> None:
    """The guard waits for a thread that was told to end and has not yet ended."""
    before = Holdings.now()
    gate = threading.Event()
    threading.Thread(target=gate.wait).start()
    threading.Timer(0.02, gate.set).start()
    assert left_since(before) == []


def test_a_look_is_cheap() -> None:
    """Two looks a test cost so little, a child process or not, that nobody turns the guard off."""
    with a_child():
        # 0.6 ms on a quiet machine; looking through all processes each time takes 60.
        assert min(timeit.repeat(Holdings.now, number=2, repeat=20)) < 0.005
