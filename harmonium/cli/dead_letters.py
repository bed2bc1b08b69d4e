"""``run.py dead-letters``: look at dead letters, mend them, send them again, or throw them away.

With ``--control`` on a running system; with ``--store`` on what a system that
is down has left. A message can be edited and sent only where its agent runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from harmonium.actors.dead_letters_store import LETTERS, Saved, load_letters
from harmonium.actors.store.ports import Store
from harmonium.cli.output import print_json
from harmonium.cli.sources import one_of, pages
from harmonium.cli.storing import existing_store
from harmonium.protocols.durations import format_duration
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter, Letter
from harmonium.supervisors.control_request import request

__all__ = ["dead_letters_app"]

MOST = 100_000
"""Letters that are read from a store."""

Control = Annotated[
    Path | None, Parameter(name="--control", help="The socket of a running system.")
]
Place = Annotated[str | None, Parameter(name="--store", help="The store of a system that is down.")]
AsJson = Annotated[bool, Parameter(name="--json", help="As JSON on stdout.", negative="")]
Only = Annotated[
    str | None,
    Parameter(
        name="--only",
        help='Which: "reason=*full* path=/shop/* type=shop.Pay request=ID older=1h newer=1d".',
    ),
]
Id = Annotated[str, Parameter(help="The letter's id, from list.")]
Ids = Annotated[str, Parameter(help="The letters' ids, from list.")]

dead_letters_app = App(name="dead-letters", help="List, show, edit, replay and drop dead letters.")


@dead_letters_app.command(name="list")
def list_letters(
    *, only: Only = None, control: Control = None, store: Place = None, json: AsJson = False
) -> int:
    """List dead letters, oldest first."""
    one_of("dead-letters", control, store)
    DeadLetterFilter.parse(only or "")
    if control is not None:
        letters = list(pages(control, "letters", only=only or ""))
    else:
        with existing_store(store or "") as opened:
            letters = [_told(one) for one in _meant(load_letters(opened, MOST), only)]
    if json:
        return print_json(letters)
    sys.stdout.write("".join(f"{_line(letter)}\n" for letter in letters))
    return 0


@dead_letters_app.command
def show(id: Id, *, control: Control = None, store: Place = None, json: AsJson = False) -> int:
    """Show all of one dead letter."""
    one_of("dead-letters", control, store)
    if control is not None:
        letter = request(control, "letter", id=id)
    else:
        with existing_store(store or "") as opened:
            found = [_told(one) for one in load_letters(opened, MOST) if one.id == id]
        letter = found[-1] if found else None
    if letter is None:
        raise ConfigError(f"dead letter {id}", "there is no such letter", "see dead-letters list")
    if json:
        return print_json(letter)
    sys.stdout.write("".join(f"{line}\n" for line in _lines(letter)))
    return 0


@dead_letters_app.command
def edit(
    id: Id,
    fields: Annotated[
        tuple[str, ...], Parameter(help="name=VALUE, where VALUE is JSON, as quantity=3.")
    ],
    *,
    control: Control = None,
    store: Place = None,
) -> int:
    """Change fields of a dead letter's message; it is checked against the message's class."""
    running = _running("edit", control, store)
    letter = request(running, "edit_letter", id=id, fields=_values(fields))
    return print_json(letter["message"])


@dead_letters_app.command
def replay(*ids: Ids, only: Only = None, control: Control = None, store: Place = None) -> int:
    """Send dead letters again, each once. Exit status 1 if one was not sent."""
    running = _running("replay", control, store)
    _some("replay", ids, only)
    outcomes: dict[str, str] = request(running, "replay_letters", ids=list(ids), only=only)
    sys.stdout.write("".join(f"{id}: {outcome}\n" for id, outcome in outcomes.items()))
    return 0 if all(outcome == "sent" for outcome in outcomes.values()) else 1


@dead_letters_app.command
def drop(*ids: Ids, only: Only = None, control: Control = None, store: Place = None) -> int:
    """Throw dead letters away. Exit status 1 if there was none."""
    one_of("dead-letters", control, store)
    _some("drop", ids, only)
    if control is not None:
        count = request(control, "drop_letters", ids=list(ids), only=only)
    else:
        with existing_store(store or "") as opened:
            count = _drop(opened, ids, only)
    sys.stdout.write(f"{count} dropped\n")
    return 0 if count else 1


def _drop(opened: Store, ids: tuple[str, ...], only: str | None) -> int:
    letters = load_letters(opened, MOST)
    meant = {one.record for one in letters if one.id in ids}
    if only is not None:
        meant |= {one.record for one in _meant(letters, only)}
    return opened.log(LETTERS).delete(*sorted(meant)).result()


# -- what was asked for


def _running(what: str, control: Path | None, store: str | None) -> Path:
    if control is None or store is not None:
        raise ConfigError(
            f"dead-letters {what}",
            "it needs the running system, whose agents know the message's class",
            "start the system and give --control SOCKET",
        )
    return control


def _some(what: str, ids: tuple[str, ...], only: str | None) -> None:
    if not ids and only is None:
        raise ConfigError(
            f"dead-letters {what}", "it names no letter", "give ids, or --only FILTER"
        )
    DeadLetterFilter.parse(only or "")


def _values(fields: tuple[str, ...]) -> dict[str, Any]:
    values = {}
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            raise ConfigError(f"field {field!r}", "is no name=VALUE", "write quantity=3")
        try:
            values[name] = json.loads(value)
        except ValueError:
            raise ConfigError(
                f"field {field!r}", "its value is no JSON", f"text stands in quotes: {name}='\"…\"'"
            ) from None
    return values


def _meant(letters: Iterable[Saved], only: str | None) -> list[Saved]:
    wanted = DeadLetterFilter.parse(only or "")
    return [one for one in letters if wanted.matches(_known(one), 0.0)]


def _known(one: Saved) -> Letter:
    about = one.data["envelope"]
    name = str(one.data["message"].get("type", "?")).partition("/")[0]
    return Letter(
        one.id,
        one.data["reason"],
        about["recipient"],
        name,
        -one.age,
        about["correlation_id"],
        one.data["attempts"],
    )


# -- what is shown


def _told(one: Saved) -> dict[str, Any]:
    return {**one.data, "age": one.age, "replayed": one.replayed}


def _line(letter: dict[str, Any]) -> str:
    replayed = "  replayed" if letter["replayed"] else ""
    name = letter["message"].get("type", "?")
    path = letter["envelope"]["recipient"]
    return f"{letter['id']}  {_ago(letter['age'])}  {path}  {name}  {letter['reason']}{replayed}"


def _lines(letter: dict[str, Any]) -> list[str]:
    about = letter["envelope"]
    rows = {
        "id": letter["id"],
        "to": about["recipient"],
        "from": about["sender"] or "outside",
        "reason": letter["reason"],
        "detail": letter["detail"],
        "attempts": letter["attempts"],
        "died": _ago(letter["age"]),
        "request": about["correlation_id"],
        "key": about["idempotency_key"],
        "bundle": letter["bundle"],
        "replayed": "yes" if letter["replayed"] else "no",
        "message": json.dumps(letter["message"], ensure_ascii=False),
    }
    return [f"{name:<9} {value}" for name, value in rows.items() if value not in {None, ""}]


def _ago(age: float) -> str:
    day = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - age))
    return f"{day} ({format_duration(float(int(age)))} ago)" if age >= 1.0 else f"{day} (just now)"
