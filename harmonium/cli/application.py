"""`Application`: what the command line runs. A tree, its settings, and a job for it.

A package names it `application`; `run.py run PACKAGE` finds it there. This
module needs no extra, so that an example or a service can import it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar

import attrs

from harmonium.actors.store.ports import Store
from harmonium.supervisors.spec import SupervisorSpec
from harmonium.supervisors.system import System
from harmonium.supervisors.system_options import SystemOptions

__all__ = ["Application", "Job", "Summary"]

S = TypeVar("S")
Input = TypeVar("Input")


@attrs.frozen(slots=True)
class Summary:
    """What a job came to.

    Args:
        data: The figures, as they go to ``--json``.
        headline: One sentence for people.
        broken: What should hold and does not, one line each; the exit status
            is 1 if there is any.
    """

    data: Mapping[str, Any]
    headline: str = ""
    broken: tuple[str, ...] = ()


@attrs.define(slots=True)
class Job(Generic[S]):
    """What a job works with.

    Args:
        system: The running system.
        settings: The application's settings.
        output: Where result lines go; None drops them.
        on_progress: Told how far the job is: done, of how many, counts by name.
        on_complaint: Told each thing that is wrong with the input, as one line.
        complaints: How many there were.
        resumed: Whether a run goes on that was begun before (`run --resume`). Ask
            for everything again, each request under its idempotency key: what has
            finished gives its result, and what is under way is joined.
    """

    system: System
    settings: S
    output: TextIO | None
    on_progress: Callable[[int, int, Mapping[str, int]], None]
    on_complaint: Callable[[str], None]
    complaints: int = 0
    resumed: bool = False

    @property
    def store(self) -> Store | None:
        """Where the job can keep what must outlive the process; None without `--store`."""
        return self.system.store

    def write(self, result: Mapping[str, Any]) -> None:
        """Write one JSON object as a line of the output."""
        if self.output is not None:
            self.output.write(json.dumps(result, ensure_ascii=False) + "\n")

    async def quiet(self) -> None:
        """Wait until nothing is in flight: what is late or undone has come to its end."""
        while self.system.account().in_flight:  # noqa: ASYNC110 - no event tells of empty mailboxes
            await asyncio.sleep(0.001)

    def complain(self, line: str) -> None:
        """Report a part of the input that cannot be used; the rest goes on."""
        self.complaints += 1
        self.on_complaint(line)


@attrs.frozen(slots=True)
class Application(Generic[S, Input]):
    """A system that the command line can run.

    Args:
        name: Its name, a word.
        about: One line.
        settings: An attrs class with a default for each field; a field's
            metadata ``help`` explains it. ``--set`` changes them. A run goes on
            (``--resume``) with the settings that it was begun with, but for
            those with the metadata ``may_change``.
        build: Makes the tree.
        read: Reads the input file before anything starts. Raises `ConfigError`
            if nothing of it can be used.
        work: Feeds the input to the running system.
        sample: The input when none is given.
        demo: The chaos plan of the demo, to be seen crashing and recovering.
        options: What its system is run with besides the tree. ``--store`` counts
            in place of its store.
    """

    name: str
    about: str
    settings: type[S]
    build: Callable[[S], SupervisorSpec]
    read: Callable[[Path], Input] | None = None
    work: Callable[[Job[S], Input], Awaitable[Summary]] | None = None
    sample: Path | None = None
    demo: str = ""
    options: SystemOptions = attrs.field(factory=SystemOptions)
