"""The run of an application: read, start, work, stop, and the exit status."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import attrs
from rich.console import Console

from harmonium.actors.tuning import tuned_collector
from harmonium.cli.application import Application, Job, Summary
from harmonium.cli.screen import Screen, show_summary
from harmonium.cli.settings import read_settings
from harmonium.cli.storing import run_store
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.system import System

if TYPE_CHECKING:
    from harmonium.protocols.chaos import Chaos

# What an option asks for is loaded where the option is read: a plain run starts in half the time.

__all__ = [
    "BAD_INPUT",
    "DONE",
    "FAILED",
    "GAVE_UP",
    "INTERRUPTED",
    "RunOptions",
    "read_input",
    "run_application",
]

DONE, FAILED, BAD_INPUT, GAVE_UP, INTERRUPTED = 0, 1, 2, 3, 130


@attrs.frozen(slots=True)
class RunOptions:
    """What the person asked for.

    Args:
        input: The input file; None takes the application's sample.
        output: The file for result lines.
        settings: ``name=value`` texts.
        chaos: A chaos plan, or None.
        seed: Seeds all chance.
        json: Print the summary as JSON on stdout.
        bundles: Folder for crash bundles; None writes none.
        journal: Folder for the supervisors' decisions; None writes none.
        store: A path or URL for what must outlive the process; None takes the
            application's, where it declares one.
        resume: Go on with the run that the store holds.
        trace: File for a trace of the newest messages; None traces nothing.
        control: Where operators reach the running system; None for nowhere.
    """

    input: Path | None = None
    output: Path | None = None
    settings: tuple[str, ...] = ()
    chaos: str | None = None
    seed: int | None = None
    json: bool = False
    control: Path | None = None
    bundles: Path | None = None
    journal: Path | None = None
    store: str | None = None
    resume: bool = False
    trace: Path | None = None


def run_application(application: Application[Any, Any], options: RunOptions) -> int:
    """Run it to its end; gives the exit status.

    Raises:
        ConfigError: If settings, chaos plan, input or output cannot be used;
            nothing was started then.
    """
    settings = read_settings(application.settings, options.settings)
    plan = _plan(options)
    tree = application.build(settings)
    data = read_input(application, options.input)
    console = Console(stderr=True)
    source = None if application.read is None else options.input or application.sample
    with (
        run_store(application, settings, source, options.store, resume=options.resume) as (
            store,
            resumed,
        ),
        _file("--output", options.output) as output,
        _file("--trace", options.trace) as trace,
        Screen(console, application.name) as screen,
    ):
        run = _Run(application, settings, data, plan, output, trace, screen, options)
        run.resumed = resumed
        given = {**application.options.arguments(), "seed": options.seed, "store": store}
        with tuned_collector():  # the process is ours
            status, summary = asyncio.run(run.main(System(tree, **given)))
    if summary is not None:
        _show(summary, options, console)
    for line in run.last_words:
        console.print(line, highlight=False, soft_wrap=True)
    return status


def _plan(options: RunOptions) -> Chaos | None:
    if not options.chaos:
        return None
    from harmonium.protocols.chaos import Chaos  # noqa: PLC0415 - an option

    return Chaos.parse(options.chaos, seed=options.seed or 0)


def read_input(application: Application[Any, Any], path: Path | None) -> Any:
    """Read the input, the sample where no path is given; None for an application without one.

    Raises:
        ConfigError: If there is no input where one is needed, or the other way round.
    """
    if application.read is None:
        if path is not None:
            raise ConfigError(f"--input {path}", f"{application.name} takes no input")
        return None
    path = path or application.sample
    if path is None:
        raise ConfigError("--input", f"{application.name} needs an input file")
    return application.read(path)


@contextlib.contextmanager
def _file(option: str, path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigError(f"{option} {path}", f"cannot be written: {error.strerror}") from None
    with file:
        yield file


def _show(summary: Summary, options: RunOptions, console: Console) -> None:
    if options.json:
        sys.stdout.write(json.dumps(summary.data, ensure_ascii=False) + "\n")
        for line in summary.broken:
            console.print(f"BROKEN: {line}", style="red", highlight=False)
    else:
        show_summary(console, summary)


class _Run:
    """One run on one event loop."""

    def __init__(
        self,
        application: Application[Any, Any],
        settings: Any,
        data: Any,
        plan: Chaos | None,
        output: TextIO | None,
        trace: TextIO | None,
        screen: Screen,
        options: RunOptions,
    ) -> None:
        self._application = application
        self._settings = settings
        self._data = data
        self._plan = plan
        self._output = output
        self._trace = trace
        self._screen = screen
        self._options = options
        self.last_words: list[str] = []
        self.resumed = False

    async def main(self, system: System) -> tuple[int, Summary | None]:
        """Start, work until done, given up or interrupted, and stop."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int] = loop.create_future()
        if self._options.journal is not None:
            from harmonium.supervisors.journal_file import Journals  # noqa: PLC0415 - an option

            system.ground.journals = Journals(self._options.journal)
        with _interrupts(loop, ended):
            async with system, _control(system, self._options.control):
                system.on_give_up(lambda _: _end(ended, GAVE_UP))
                system.listen(self._screen.observe)
                _write_bundles(system, self._options.bundles)
                if self._plan is not None:
                    from harmonium.actors.chaos import FaultInjector  # noqa: PLC0415 - an option

                    FaultInjector(system.ground, self._plan).attach()
                with _traced(system, self._trace):
                    status, summary = await self._work(system, ended)
        if system.failure is not None and status is GAVE_UP:
            self.last_words.append(f"harmonium: the tree gave up: {system.failure}")
        if status in (INTERRUPTED, GAVE_UP) and system.report is not None:
            self.last_words.append(str(system.report))
        return status, summary

    async def _work(self, system: System, ended: asyncio.Future[int]) -> tuple[int, Summary | None]:
        work = self._application.work
        if work is None:
            return await ended, None
        job = Job(
            system, self._settings, self._output, self._screen.progress, self._screen.complain
        )
        job.resumed = self.resumed
        task = asyncio.ensure_future(work(job, self._data))
        both: set[asyncio.Future[Any]] = {task, ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            return ended.result(), None
        summary = task.result()
        failed = bool(summary.broken) or job.complaints > 0
        return FAILED if failed else DONE, summary


def _write_bundles(system: System, folder: Path | None) -> None:
    if folder is not None:
        from harmonium.actors.recorder import FlightRecorder  # noqa: PLC0415 - an option
        from harmonium.supervisors.bundles import BundleWriter  # noqa: PLC0415 - an option

        recorder = FlightRecorder(system.ground)
        system.ground.bundles = BundleWriter(folder, recorder)
        recorder.attach()


@contextlib.contextmanager
def _traced(system: System, file: TextIO | None) -> Iterator[None]:
    """Record what is handled inside, and write it when that has ended."""
    if file is None:
        yield
        return
    from harmonium.actors.tracing import Tracer, chrome_trace  # noqa: PLC0415 - an option

    tracer = Tracer(system.ground)
    tracer.attach()
    try:
        yield
    finally:
        json.dump(chrome_trace(tracer.spans()), file)


def _control(system: System, path: Path | None) -> Any:
    if path is None:
        return contextlib.nullcontext()
    from harmonium.supervisors.control import ControlServer  # noqa: PLC0415 - an option

    return ControlServer(system, path)


def _end(ended: asyncio.Future[int], status: int) -> None:
    if not ended.done():
        ended.set_result(status)


@contextlib.contextmanager
def _interrupts(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[int]) -> Iterator[None]:
    """Ctrl-C and a request to terminate end the run gracefully."""
    added = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, _end, ended, INTERRUPTED)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
