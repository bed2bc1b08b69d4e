"""Crash bundles: one JSON file for each crash, to be read at 3 a.m. and run again at 9.

A bundle holds the message that failed, what the agent was before it, the
traceback, the last envelopes, the budgets and the decision that followed.
"""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import attrs

from harmonium.actors.birth import Birth
from harmonium.actors.cell import Cell
from harmonium.actors.recorder import FlightRecorder
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.codec import Codec
from harmonium.protocols.errors import AskFailed, CodecError, ConfigError
from harmonium.protocols.lifecycle import Failed
from harmonium.protocols.message import is_message
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.fingerprint import fingerprint

__all__ = ["Bundle", "BundleWriter", "load_bundle"]

VERSION = 1


@attrs.frozen(slots=True)
class Bundle:
    """A crash, as it was written down.

    Args:
        data: The file's content.
    """

    data: dict[str, Any]

    def sentences(self) -> list[str]:
        """Tell the crash in sentences."""
        one, error = self.data, self.data["error"]
        who = f"{one['path']} #{one['incarnation']}"
        when = f"at {one['at']:.3f} s in phase {one['phase']}"
        told = [f"{who} crashed {when}: {error['type']}: {error['text']}."]
        if one["message"] is not None:
            told.append(f"The message in work was {_short(one['message'])}.")
        if one["correlation_id"]:
            told.append(f"It belongs to the request {one['correlation_id']}.")
        told += [f"Decision: {verdict}" for verdict in one["decision"]]
        told.append(f"Restarts in the window: {one['restarts_before']} before it.")
        return [*told, "", one["error"]["traceback"].rstrip()]

    def message(self, *classes: type) -> Any:
        """Decode the message that failed; name its class and those it is made of."""
        return Codec(classes).from_primitive(self.data["message"])

    def reproduce(self, birth: Birth, *classes: type) -> AskFailed:
        """Run the crash again, in a simulation: the same state, the same message.

        The agent is made anew; if its `snapshot` was recorded, `restore` gets it.

        Args:
            birth: How to make the agent.
            classes: The classes of the message and of the snapshot.

        Returns:
            What an asker hears; its `error_type` is that of the bundle.

        Raises:
            AssertionError: If it does not crash.
        """
        ground = SimulatedGround()
        cell = ground.spawn(ground.root, birth, "again")
        if self.data["state"] is not None:
            cell.agent.restore(Codec(classes).from_primitive(self.data["state"]))
        ask = ground.ask(None, cell, self.message(*classes), timeout=None)
        ground.run(ask.done)
        error = ask.exception() if ask.done() else None
        if not isinstance(error, AskFailed):
            raise AssertionError(f"it did not crash again: {ask!r}")
        return error


class BundleWriter:
    """Writes a bundle for each crash, into a folder of bounded size.

    Args:
        folder: Where; it is made if it is not there.
        recorder: Knows the last moments of each agent.
        most: How many files are kept; the oldest go.
    """

    def __init__(self, folder: Path, recorder: FlightRecorder, *, most: int = 100) -> None:
        self._folder = folder
        self._recorder = recorder
        self._most = most
        self._files: list[Path] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(str(folder), f"cannot be made: {error.strerror}") from None

    def write(self, cell: Cell, report: Failed, record: Record | None) -> Path:
        """Write one crash; gives the file."""
        data = self._collect(cell, report, record)
        path = self.file_of(cell, report.incarnation)
        path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        self._files.append(path)
        if len(self._files) > self._most:
            self._files.pop(0).unlink(missing_ok=True)
        return path

    def file_of(self, cell: Cell, incarnation: int | None = None) -> Path:
        """Name the file for the crash of an incarnation; the present one if not said."""
        number = cell.incarnation if incarnation is None else incarnation
        return self._folder / f"{cell.path.strip('/').replace('/', '.')}-{number}.json"

    def _collect(self, cell: Cell, report: Failed, record: Record | None) -> dict[str, Any]:
        flight = self._recorder.of(cell)
        error, envelope = report.error, report.envelope
        if envelope is not None:
            envelope = cell.ground.view(cell, envelope)
        return {
            "version": VERSION,
            "path": cell.path,
            "incarnation": report.incarnation,
            "phase": report.phase.value,
            "at": cell.ground.clock(),
            "correlation_id": None if envelope is None else envelope.correlation_id,
            "message": None if envelope is None else _encoded(envelope.message),
            "envelope": None if envelope is None else _about(envelope),
            "error": {
                "type": type(error).__qualname__,
                "text": str(error),
                "traceback": "".join(traceback.format_exception(error)),
                "fingerprint": fingerprint(error),
            },
            "fields": flight.fields,
            "state": None if flight.state is None else _encoded(flight.state),
            "recent": [_about(cell.ground.view(cell, one)) for one in flight.recent],
            "decision": _verdicts(record),
            "restarts_before": 0 if record is None else record.before,
        }


def load_bundle(path: Path) -> Bundle:
    """Read a bundle.

    Raises:
        ConfigError: If the file is missing or is no bundle.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(str(path), f"is no crash bundle: {error}") from None
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ConfigError(str(path), "is no crash bundle of this version")
    return Bundle(data)


def _verdicts(record: Record | None) -> list[str]:
    return [] if record is None else [f"{one.choice}. {one.why}" for one in record.verdicts]


def _encoded(message: Any) -> Any:
    if not is_message(message):
        return {"repr": repr(message)}
    try:
        return Codec([type(message)]).to_primitive(message)
    except CodecError as error:
        return {"repr": repr(message), "problem": str(error)}


def _about(envelope: Any) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "type": type(envelope.message).__name__,
        "sender": envelope.sender,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
        "deadline": envelope.deadline,
    }


def _short(message: Any) -> str:
    text = json.dumps(message, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."
