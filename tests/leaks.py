"""What a process holds that outlives a test, and the guard that compares before with after.

A test that leaves a thread, task, child process, open file, socket, temporary file, log sink or
silence behind makes another test fail, elsewhere and sometimes. The guard names the test that
did it. One look costs about 0.1 ms, and 0.3 ms while there is a child process.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import shutil
import tempfile
import threading
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

DESCRIPTORS = Path("/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd")
PATIENCE = 1.0  # seconds for a thread that was told to end


@attrs.frozen
class Holdings:
    """What this process holds at one moment.

    Args:
        threads: Threads that run.
        tasks: asyncio tasks that are not done, of any loop.
        children: Process ids of children, those that ended and were not waited for included.
        files: Descriptors with what they point to: files, sockets, pipes, selectors.
        temporary: Names in the folder for temporary files.
        sinks: Numbers of loguru's sinks.
        muted: What loguru was told to be silent about.
    """

    threads: frozenset[threading.Thread]
    tasks: frozenset[asyncio.Task[Any]]
    children: frozenset[int]
    files: frozenset[str]
    temporary: frozenset[str]
    sinks: frozenset[int]
    muted: frozenset[str]

    @classmethod
    def now(cls) -> Holdings:
        """Look at this process."""
        return cls(
            threads=frozenset(threading.enumerate()),
            tasks=frozenset(_pending_tasks()),
            children=frozenset(_children()),
            files=frozenset(_open_files()),
            temporary=frozenset(path.name for path in Path(tempfile.gettempdir()).iterdir()),
            sinks=frozenset(logger._core.handlers),
            muted=frozenset(name for name, on in logger._core.activation_list if not on),
        )

    def beyond(self, before: Holdings) -> list[str]:
        """Name what is held now and was not held before."""
        return [
            f"{name}: {thing}"
            for name in attrs.fields_dict(Holdings)
            for thing in getattr(self, name) - getattr(before, name)
        ]


def left_since(before: Holdings) -> list[str]:
    """Name what is left of a test, after garbage and threads that end have had their chance."""
    now = Holdings.now()
    if not now.beyond(before):
        return []
    for thread in now.threads - before.threads - {threading.current_thread()}:
        thread.join(PATIENCE)
    gc.collect()
    return Holdings.now().beyond(before)


def _pending_tasks() -> list[asyncio.Task[Any]]:
    # The standard library has no public list of the tasks of all loops. 3.12 renamed the set.
    known = getattr(asyncio.tasks, "_scheduled_tasks", None) or getattr(
        asyncio.tasks, "_all_tasks", ()
    )
    return [task for task in list(known) if not task.done()]


def _children() -> set[int]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # none, or a system without waitid
        return set()
    return set(filter(_is_mine, _processes())) - _standing_helpers()


def _processes() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


@functools.lru_cache(maxsize=100_000)  # reading all of /proc takes 30 ms, and parents do not change
def _is_mine(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:  # ended meanwhile
        return False
    return int(status.rpartition(")")[2].split()[1]) == os.getpid()


def _standing_helpers() -> set[int]:
    """Give the processes that multiprocessing starts once and keeps until the end."""
    return {
        resource_tracker._resource_tracker._pid,
        forkserver._forkserver._forkserver_pid,
    }


def _open_files() -> list[str]:
    standing = {resource_tracker._resource_tracker._fd, forkserver._forkserver._forkserver_alive_fd}
    found = []
    for entry in DESCRIPTORS.iterdir():
        if int(entry.name) in standing:
            continue
        try:
            found.append(f"{entry.name} -> {entry.readlink()}")
        except OSError:  # the descriptor of this very listing
            continue
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder for temporary files of its own, removed at its end."""
    before = {name: os.environ.get(name) for name in ("TMPDIR", "PYTEST_DEBUG_TEMPROOT")}
    # pytest's own tmp_path stays where pytest users look for it.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix="hm-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(lambda: _restore(folder, before))


@pytest.fixture(scope="session", autouse=True)
def session_leaves_nothing_behind() -> Iterator[None]:
    """Fail at the end of the session for what wider fixtures left."""
    before = Holdings.now()
    yield
    _refuse(left_since(before))


@pytest.fixture(autouse=True)
def test_leaves_nothing_behind(session_leaves_nothing_behind: None) -> Iterator[None]:
    """Fail a test that leaves something behind."""
    before = Holdings.now()
    yield
    _refuse(left_since(before))


def _restore(folder: str, before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)


def _refuse(left: list[str]) -> None:
    if left:
        pytest.fail("left behind: " + "; ".join(sorted(left)), pytrace=False)
