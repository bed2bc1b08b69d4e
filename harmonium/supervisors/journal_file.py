"""The decision journal as a file: it outlives the system, and is decided about again.

One file of JSON lines for each supervisor. A line with the supervisor's spec
begins each of its lives; a line for each decision follows, written before the
next decision is made. `SavedJournal.replay` makes all of them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from loguru import logger

from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.core.explain import explain, present
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.replay import Replay, replay
from harmonium.supervisors.journal_values import Values
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = [
    "JournalFile",
    "Journals",
    "SavedJournal",
    "explain_file",
    "explain_path",
    "load_journal",
]

VERSION = 1
MOST = 100_000_000
"""How long a file may get, in bytes: some 40,000 restarts."""


class Journals:
    """Writes the journals of all supervisors of a system into a folder.

    Set it as ``system.ground.journals`` before the system starts.

    Args:
        folder: Where; it is made if it is not there. Files that are there are
            continued.
        most: How long one file may get, in bytes; then it ends with a line that
            says so.

    Raises:
        ConfigError: If the folder cannot be made.
    """

    def __init__(self, folder: Path, *, most: int = MOST) -> None:
        self._folder = folder
        self._most = most
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(str(folder), f"cannot be made: {error.strerror}") from None

    def begin(
        self,
        path: str,
        spec: SupervisorSpec,
        *,
        root: bool,
        reports: bool,
        added: Iterable[ChildSpec] = (),
    ) -> JournalFile:
        """Begin the journal of a supervisor that starts, or starts again."""
        plain = Values()
        life = {"root": root, "reports": reports, "added": plain.to_json(tuple(added))}
        header = {"version": VERSION, "path": path, **life, "spec": plain.to_json(spec)}
        return JournalFile(file_of(self._folder, path), header, Values(_known(spec)), self._most)


def _known(spec: SupervisorSpec) -> list[ChildSpec]:
    return [*spec.children, *(() if spec.template is None else (spec.template,))]


def file_of(folder: Path, path: str) -> Path:
    """Name the journal of the supervisor with this path."""
    return folder / f"{path.strip('/').replace('/', '.')}.jsonl"


class JournalFile:
    """The journal of one life of one supervisor, while it is written.

    The file is opened for each line (30 us), so that nobody has to close it. What
    cannot be written is logged once, and never disturbs the supervisor.

    Args:
        path: The file.
        header: Its first line.
        values: Makes the other lines.
        most: How long the file may get, in bytes.
    """

    def __init__(self, path: Path, header: dict[str, Any], values: Values, most: int) -> None:
        self._path = path
        self._values = values
        self._most = most
        self._open = True
        self._write(header)

    def write(self, record: Record) -> None:
        """Write one decision."""
        if self._open and self._write(self._values.to_json(record)) > self._most:
            self._write({"full": self._most})
            self._open = False

    def _write(self, line: Any) -> int:
        """Write a line; tells how long the file is then."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
                return file.tell()
        except OSError as error:
            logger.error("{}: the journal ends here: {}", self._path, error)
            self._open = False
            return 0


@attrs.frozen(slots=True)
class SavedJournal:
    """One life of a supervisor, as it was written down.

    Args:
        path: The supervisor's path.
        spec: What it was.
        records: Its decisions, from the first on.
        root: Whether no supervisor was above it.
        reports: Whether it reported its restarts.
        added: The children that it inherited.
        full: Whether the file ended before that life did.
    """

    path: str
    spec: SupervisorSpec
    records: tuple[Record, ...]
    root: bool = False
    reports: bool = False
    added: tuple[ChildSpec, ...] = ()
    full: bool = False

    def replay(self) -> Replay:
        """Make all decisions again; deviations are those that come out differently."""
        return replay(
            self.spec,
            self.records,
            path=self.path,
            root=self.root,
            reports=self.reports,
            added=self.added,
        )

    def sentences(self, child: str = "") -> list[str]:
        """Tell why a child was in its last state; "" is the supervisor itself."""
        done = self.replay()
        count = len(self.records)
        last = f"Replayed {count} decisions: all come out as they were written down."
        if done.deviations:
            first = done.deviations[0].record.number
            last = (
                f"Replayed {count} decisions: {len(done.deviations)} come out differently, "
                f"first no. {first}. Another version wrote them."
            )
        if self.full:
            last += " The file was full then, and the supervisor went on."
        state = None if done.deviations else done.state
        return [*explain(self.records, child, state=state), last]


def load_journal(path: Path) -> list[SavedJournal]:
    """Read the lives of a supervisor, the first one first.

    A last line that was cut short is left out: the system died while it wrote it.

    Raises:
        ConfigError: If the file is missing, or is no journal.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"is no journal: {error}") from None
    rows = [_row(path, number, line) for number, line in enumerate(lines[:-1], 1)]
    if not rows or rows[0].get("version") != VERSION:
        raise ConfigError(str(path), "is no journal of this version")
    starts = [index for index, row in enumerate(rows) if "version" in row]
    ends = [*starts[1:], len(rows)]
    try:
        return [_life(rows[start:end]) for start, end in zip(starts, ends, strict=True)]
    except (KeyError, ValueError, AttributeError) as error:
        raise ConfigError(str(path), f"is no journal of this version: {error!r}") from None


def explain_file(path: Path) -> list[str]:
    """Tell how the last life of a supervisor went, and where its children were at its end.

    Raises:
        ConfigError: As `load_journal`.
    """
    *_, last = load_journal(path)
    done = last.replay()
    children = [] if done.deviations else [present(done.state, one.id) for one in done.state.table]
    *told, replayed = last.sentences()
    return [*told, *children, replayed]


def explain_path(folder: Path, path: str) -> list[str]:
    """Tell why a supervisor, or a child of one, was in its last state.

    Args:
        folder: Where `Journals` has written.
        path: Its path, like ``/shop/till``.

    Raises:
        ConfigError: If no journal there is about it.
    """
    own = file_of(folder, path)
    if own.exists():
        return explain_file(own)
    above, _, child = path.rstrip("/").rpartition("/")
    if not above:
        raise ConfigError(str(own), "there is no such journal")
    *_, last = load_journal(file_of(folder, above))
    return last.sentences(child)


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{path}:{number}", f"is no line of a journal: {error}") from None
    if not isinstance(row, dict):
        raise ConfigError(f"{path}:{number}", "is no line of a journal")
    return row


def _life(rows: list[dict[str, Any]]) -> SavedJournal:
    header, *others = rows
    records = [row for row in others if "full" not in row]
    spec = Values().from_json(header["spec"])
    values = Values(_known(spec))
    return SavedJournal(
        path=header["path"],
        spec=spec,
        records=tuple(values.from_json(row) for row in records),
        root=header["root"],
        reports=header["reports"],
        added=Values().from_json(header["added"]),
        full=len(records) < len(others),
    )
