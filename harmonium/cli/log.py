"""`run.py log`: the decision logs of a store, shown and proved; `explain` of a request."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from harmonium.actors.store import Store
from harmonium.cli.output import print_json
from harmonium.cli.storing import existing_store
from harmonium.protocols import story
from harmonium.protocols.decision_log import Head, Record, from_row, to_row
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.control_request import request
from harmonium.supervisors.decision_records import (
    LogReport,
    paths_of,
    read_records,
    records_about,
    verify_log,
)

__all__ = ["explain_request", "log_app"]

log_app = cyclopts.App(name="log", help="The decision logs of a store.", help_format="plaintext")

Place = Annotated[
    str, Parameter(name="--store", help="The SQLite file or PostgreSQL URL of a run.")
]
OneLog = Annotated[
    str | None, Parameter(name="--log", help="The path of one coordinator; all if not given.")
]
AsJson = Annotated[bool, Parameter(name="--json", help="As JSON on stdout.", negative="")]


@log_app.command
def verify(
    *,
    store: Place,
    log: OneLog = None,
    head: Annotated[
        str | None, Parameter(help="A head that was noted down earlier, as NUMBER:HASH.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Prove that no record was changed, removed or reordered; names the first place.

    Exit status: 0 when every log is what was written, 1 when one is not.
    """
    with existing_store(store) as opened:
        paths = _paths(opened, log, store)
        if head is not None and len(paths) != 1:
            raise ConfigError("--head", "it belongs to one log", f"add --log {' or '.join(paths)}")
        anchor = None if head is None else _head(head)
        reports = [verify_log(opened, path, anchor) for path in paths]
    if json:
        print_json([_plain(report) for report in reports])
    else:
        sys.stdout.write("".join(f"{_line(report)}\n" for report in reports) or "no decisions\n")
    return 1 if any(report.broken for report in reports) else 0


@log_app.command
def show(
    *,
    store: Place,
    log: OneLog = None,
    correlation: Annotated[
        str | None, Parameter(help="Only the records of this correlation id.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Show the records of the decision logs, a sentence each, or a JSON object a line."""
    with existing_store(store) as opened:
        for path in _paths(opened, log, store):
            for record in read_records(opened, path, correlation_id=correlation):
                sys.stdout.write(_json_line(path, record) if json else _told(record))
    return 0


def explain_request(
    correlation_id: str, *, store: str | None, control: Path | None, as_json: bool
) -> int:
    """Tell the story of a request: of a store, or of a running system.

    Raises:
        ConfigError: If nothing is known of it.
    """
    if store is not None:
        with existing_store(store) as opened:
            records = records_about(opened, correlation_id)
    elif control is not None:
        records = _ask_for(control, correlation_id)
    else:
        raise ConfigError(f"explain {correlation_id}", "it needs --store or --control")
    if not records:
        raise ConfigError(
            f"explain {correlation_id}",
            "nothing is on record for this correlation id",
            "see 'log show', and the correlation_id in the lines of --output",
        )
    told = story.tell(records)
    if as_json:
        return print_json({"records": [to_row(one) for one in records], "story": told})
    sys.stdout.write("".join(f"{line}\n" for line in told))
    return 0


def _ask_for(control: Path, correlation_id: str) -> list[Record]:
    records: list[Record] = []
    while rows := request(control, "story", correlation=correlation_id, skip=len(records)):
        records += [from_row(row) for row in rows]
    return records


def _paths(store: Store, log: str | None, place: str) -> list[str]:
    paths = paths_of(store)
    if log is None:
        return paths
    if log not in paths:
        known = ", ".join(paths) or "none at all"
        raise ConfigError(f"--log {log}", f"{place} has no such log", f"there is {known}")
    return [log]


def _head(text: str) -> Head:
    number, colon, digest = text.partition(":")
    if not colon or not number.isdecimal():
        raise ConfigError(f"--head {text}", "it is not NUMBER:HASH", "copy it from 'log verify'")
    return Head(int(number), digest)


def _line(report: LogReport) -> str:
    if report.broken is not None:
        return f"{report.path}: BROKEN at {report.broken}"
    trimmed = f" (those up to {report.base.seq} were trimmed)" if report.base.seq else ""
    head = f"{report.head.seq}:{report.head.hash}"
    return f"{report.path}: {report.records} records are whole{trimmed}; head {head}"


def _plain(report: LogReport) -> dict[str, Any]:
    broken = report.broken
    return {
        "log": report.path,
        "records": report.records,
        "trimmed": report.base.seq,
        "head": f"{report.head.seq}:{report.head.hash}",
        "ok": broken is None,
        "record": None if broken is None else broken.seq,
        "problem": None if broken is None else broken.problem,
    }


def _told(record: Record) -> str:
    at = datetime.fromtimestamp(record.time, UTC).isoformat(sep=" ", timespec="milliseconds")
    return f"{record.seq:>6}  {at}  {record.correlation_id}  {story.sentence(record)}\n"


def _json_line(path: str, record: Record) -> str:
    return json.dumps({"log": path, **to_row(record)}, ensure_ascii=False) + "\n"
