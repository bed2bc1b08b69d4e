"""What a person sees of a run: a live line of progress, then a summary."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from harmonium.actors.observer import AgentCrashed, AgentStarted, LetterDied
from harmonium.cli.application import Summary

__all__ = ["Screen", "show_summary"]

NEWS = 5
"""How many crashes and restarts the live view shows."""


class Screen:
    """Progress, outcomes and what breaks, live on stderr; nothing when it is no terminal.

    Args:
        console: Where to draw.
        title: What is being done.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._progress.add_task(title, total=None)
        self._counts: Mapping[str, int] = {}
        self._news: list[Text] = []
        self.crashes = self.restarts = self.dead = 0
        self._live = Live(
            self, console=console, refresh_per_second=12, transient=True, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def progress(self, done: int, total: int, counts: Mapping[str, int]) -> None:
        """Show how far the job is."""
        self._counts = dict(counts)
        self._progress.update(self._task, completed=done, total=total)

    def complain(self, line: str) -> None:
        """Show a part of the input that cannot be used; it stays on the screen."""
        self._console.print(Text(line), style="yellow", highlight=False, soft_wrap=True)

    def observe(self, event: Any) -> None:
        """Count and show what happens to agents."""
        if isinstance(event, AgentCrashed):
            self.crashes += 1
            self._tell("red", "x", f"{event.path} crashed: {event.error}")
        elif isinstance(event, AgentStarted) and event.restarted:
            self.restarts += 1
            self._tell("green", "+", f"{event.path} is back as #{event.incarnation}")
        elif isinstance(event, LetterDied):
            self.dead += 1

    def _tell(self, style: str, mark: str, text: str) -> None:
        self._news.append(Text.assemble((f"  {mark} ", f"bold {style}"), text, no_wrap=True))
        del self._news[:-NEWS]

    def __rich__(self) -> Group:
        parts = "   ".join(f"{name} {count}" for name, count in self._counts.items())
        state = f"  {parts}   [red]crashes {self.crashes}[/]   [green]restarts {self.restarts}[/]"
        return Group(self._progress, Text.from_markup(state), *self._news)


def show_summary(console: Console, summary: Summary) -> None:
    """Print the figures as a table, the headline above, what is broken below."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for name, value in summary.data.items():
        table.add_row(name.replace("_", " "), _figure(value))
    parts: list[Any] = [table]
    if summary.broken:
        parts.extend(Text(f"BROKEN: {line}", style="bold red") for line in summary.broken)
    title = summary.headline or "Done"
    style = "red" if summary.broken else "green"
    console.print(Panel(Group(*parts), title=title, title_align="left", border_style=style))


def _figure(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(
            f"{name.replace('_', ' ')} {_figure(part)}" for name, part in value.items()
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
