"""``run.py inbox``: the questions that wait for a person, and their answers.

With ``--control`` on a running system; with ``--store`` on one that is down,
which takes the answer when it runs again.
"""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from harmonium.cli.output import print_json
from harmonium.cli.sources import one_of, pages
from harmonium.cli.storing import existing_store
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.control_request import request

if TYPE_CHECKING:
    from harmonium.supervisors.inbox_orders import StoredQuestions

__all__ = ["inbox_app"]

Control = Annotated[
    Path | None, Parameter(name="--control", help="The socket of a running system.")
]
Place = Annotated[str | None, Parameter(name="--store", help="The store of a system that is down.")]
AsJson = Annotated[bool, Parameter(name="--json", help="As JSON on stdout.", negative="")]
Id = Annotated[str, Parameter(help="The question's id, from list; its beginning is enough.")]
By = Annotated[str | None, Parameter(name="--by", help="Who answers; you, if not given.")]

inbox_app = App(name="inbox", help="List, show and answer questions that wait for a person.")


@inbox_app.command(name="list")
def list_questions(
    *,
    everything: Annotated[
        bool, Parameter(name="--all", help="Also those that are over.", negative="")
    ] = False,
    control: Control = None,
    store: Place = None,
    json: AsJson = False,
) -> int:
    """List the questions that wait, the oldest first."""
    one_of("inbox", control, store, place="FILE")
    if control is not None:
        questions = list(pages(control, "inbox_list", everything=everything))
    else:
        with _stored(store) as opened:
            questions = opened.list(everything=everything)
    if json:
        return print_json(questions)
    sys.stdout.write("".join(f"{_line(one)}\n" for one in questions))
    return 0


@inbox_app.command
def show(id: Id, *, control: Control = None, store: Place = None, json: AsJson = False) -> int:
    """Show all of one question."""
    one_of("inbox", control, store, place="FILE")
    if control is not None:
        question = request(control, "inbox_show", id=id)
    else:
        with _stored(store) as opened:
            question = opened.show(id)
    if question is None:
        raise ConfigError(f"question {id}", "there is no such question", "see inbox list")
    if json:
        return print_json(question)
    sys.stdout.write("".join(f"{line}\n" for line in _lines(question)))
    return 0


@inbox_app.command
def answer(
    id: Id,
    answer: Annotated[str, Parameter(help="One of the options, a text, or JSON if it says so.")],
    *,
    by: By = None,
    control: Control = None,
    store: Place = None,
) -> int:
    """Answer a question. Exit status 1 if the answer is refused."""
    return _give(id, answer, by, control, store, decline=False)


@inbox_app.command
def refuse(
    id: Id,
    why: Annotated[str, Parameter(help="The reason, for the record.")] = "",
    *,
    by: By = None,
    control: Control = None,
    store: Place = None,
) -> int:
    """Decline to answer: the next rung of the ladder is asked at once."""
    return _give(id, why, by, control, store, decline=True)


def _give(
    id: str, answer: str, by: str | None, control: Path | None, store: str | None, *, decline: bool
) -> int:
    one_of("inbox", control, store, place="FILE")
    by = by or _me()
    if control is not None:
        outcome = request(control, "inbox_answer", id=id, answer=answer, by=by, decline=decline)
    else:
        with _stored(store) as opened:
            outcome = opened.answer(id, answer, by=by, decline=decline)
    why = f": {outcome['why']}" if outcome["why"] else ""
    sys.stdout.write(f"{id}: {outcome['outcome']}{why}\n")
    return 0 if outcome["ok"] else 1


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user of this number
        return ""


def _line(one: dict[str, Any]) -> str:
    left = f"{_time(one['left'])} left" if one["standing"] == "open" else one["standing"]
    choice = f"  [{' | '.join(one['options'])}]" if one["options"] else ""
    name = one["inbox"].rpartition("/")[2]
    return f"{one['id']}  {left:<12}  {name}  {one['correlation_id']}  {one['text']}{choice}"


def _time(seconds: float) -> str:
    """Give a duration in the unit that people would use."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _lines(one: dict[str, Any]) -> list[str]:
    shown = {
        "question": one["text"],
        "id": one["id"],
        "inbox": one["inbox"],
        "request": one["correlation_id"],
        "step": one["step"],
        "about": one["about"],
        "options": ", ".join(one["options"]),
        "expects": f"JSON of the schema {one['expects']}" if one["expects"] else "",
        "left": _time(one["left"]) if one["standing"] == "open" else "",
        "stands": one["standing"],
        "answer": f"{one['answer']} (by {one['by']})" if one["by"] else "",
        "why": one["why"],
    }
    return [f"{name + ':':<10} {text}" for name, text in shown.items() if text]


@contextlib.contextmanager
def _stored(place: str | None) -> Iterator[StoredQuestions]:
    from harmonium.supervisors.inbox_orders import StoredQuestions  # noqa: PLC0415 - with --store

    with existing_store(place or "") as store:
        yield StoredQuestions(store)
