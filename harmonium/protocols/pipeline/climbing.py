"""Climb an escalation ladder: the body of a person step, and what `Escalate` does."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung
from harmonium.protocols.pipeline.context import build
from harmonium.protocols.pipeline.effects import AskPerson, Send
from harmonium.protocols.pipeline.events import Answered, Event, Failed, Replied, TimerFired
from harmonium.protocols.pipeline.state import Climb
from harmonium.protocols.pipeline.unit import Got, Outcome, Unit

__all__ = ["begin", "climb", "expire", "hear", "restore"]


def begin(unit: Unit) -> Outcome:
    """Climb the ladder of a person step."""
    return climb(unit, unit.task.extra)


def climb(unit: Unit, ladder: Ladder, rung: int = 0) -> Outcome:
    """Ask a rung; go up where one cannot be asked; fail where none is left."""
    while rung < len(ladder.rungs):
        try:
            outcome = _ask(unit, ladder, rung)
        except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
            unit.turn.record(Kind.FAILED, unit.path, rule=_name(ladder, rung), why=str(error))
        else:
            if outcome is not _NOBODY:
                return outcome
        rung += 1
    unit.change(climb=None)
    return Failure("NoAnswer", "nobody on the ladder gave a valid answer", in_doubt=False)


_NOBODY = Failure("Nobody")


def _ask(unit: Unit, ladder: Ladder, number: int) -> Outcome:
    rung = ladder.rungs[number]
    if isinstance(rung, RuleRung):
        value = build(rung.decide, unit.context(), unit.seed)
        unit.turn.record(Kind.RESOLVED, unit.path, what=value, rule=_name(ladder, number))
        unit.change(climb=None, to=None)
        return Got(value)
    if unit.is_late:
        return _NOBODY
    message = _question(unit, rung)
    who = rung.to if isinstance(rung, AgentRung) else rung.who
    attempt = unit.work.attempt + 1
    climbing = Climb(ladder, number, message)
    unit.change(attempt=attempt, flights=((attempt, who),), climb=climbing)
    unit.turn.record(Kind.ESCALATED, unit.path, who=who, what=message, rule=_name(ladder, number))
    if isinstance(rung, PersonRung):
        unit.set_timer(unit.turn.now + unit.within(rung.timeout))
    _launch(unit)
    return None


def _question(unit: Unit, rung: AgentRung | PersonRung) -> Any:
    if isinstance(rung, PersonRung):
        return rung.question(unit.context()) if callable(rung.question) else rung.question
    if rung.send is None and unit.work.message is not None:
        return unit.work.message
    return unit.make(rung.send)


def _launch(unit: Unit) -> None:
    climbing = _climb(unit)
    rung = climbing.ladder.rungs[climbing.rung]
    attempt, who = unit.work.flights[0]
    key = f"{unit.key}:rung{climbing.rung + 1}"
    message = climbing.message
    if isinstance(rung, PersonRung):
        until = unit.work.until or unit.turn.now
        about = unit.work.message
        effect = AskPerson(
            unit.path,
            attempt,
            who,
            message,
            rung.options,
            until,
            key,
            about,
            rung.expect,
            rung.read,
        )
        unit.turn.effects.append(effect)
    elif isinstance(rung, AgentRung):
        timeout = unit.within(unit.task.timeout if rung.timeout is None else rung.timeout)
        unit.turn.effects.append(Send(unit.path, attempt, who, message, timeout, key))


def _climb(unit: Unit) -> Climb:
    climbing = unit.work.climb
    assert climbing is not None  # noqa: S101 - only a climbing unit comes here
    return climbing


def _name(ladder: Ladder, number: int) -> str:
    rung = ladder.rungs[number]
    name = f" ({rung.name})" if isinstance(rung, RuleRung) else ""
    return f"rung {number + 1} of {len(ladder.rungs)}{name}"


def hear(unit: Unit, event: Event) -> Outcome:
    """Take an answer, a failure of the rung, or the end of its time."""
    if isinstance(event, TimerFired):
        return _next(unit, "no answer in time") if event.token == unit.token() else None
    if not isinstance(event, Replied | Failed | Answered):
        unit.refuse(event, "it is no answer to what was asked")
        return None
    if unit.flight(event.attempt) is None:
        unit.refuse_late(event)
        return None
    if isinstance(event, Failed):
        return _next(unit, str(event.failure), but=event.attempt)
    said = event.answer if isinstance(event, Answered) else event.reply
    return _answered(unit, event, said)


def _answered(unit: Unit, event: Replied | Answered, said: Any) -> Outcome:
    climbing = _climb(unit)
    rung = climbing.ladder.rungs[climbing.rung]
    problem, value = _read(rung, said)
    if problem:
        unit.refuse(event, f"not valid: {problem}")
        # A person may answer again until the rung's deadline; an agent has spoken.
        return None if isinstance(rung, PersonRung) else _next(unit, problem, but=event.attempt)
    who = unit.work.flights[0][1]
    name = _name(climbing.ladder, climbing.rung)
    unit.turn.record(Kind.RESOLVED, unit.path, who=event.who or who, what=said, rule=name)
    unit.withdraw(but=event.attempt)
    unit.change(climb=None, to=who if isinstance(rung, AgentRung) else None)
    return Got(value, event.attempt, event.who, is_recorded=True)


def _read(rung: Any, said: Any) -> tuple[str, Any]:
    """Give why an answer is not valid, or nothing and its value."""
    if isinstance(rung, PersonRung) and rung.options and said not in rung.options:
        return f"{said!r} is none of {', '.join(rung.options)}", None
    if isinstance(rung, PersonRung) and rung.expect and not isinstance(said, rung.expect):
        return f"{type(said).__name__} is not expected", None
    if isinstance(rung, AgentRung) and rung.expect and not _is_named(said, rung.expect):
        return f"{type(said).__name__} is not expected", None
    if rung.read is None:
        return "", said
    try:
        return "", rung.read(said)
    except Exception as error:  # noqa: BLE001 - whatever it raises, the answer is not valid
        return str(error) or type(error).__name__, None


def _is_named(said: Any, names: tuple[str, ...]) -> bool:
    return any(c.__name__ in names for c in type(said).__mro__)


def _next(unit: Unit, why: str, *, but: int = 0) -> Outcome:
    climbing = _climb(unit)
    name = _name(climbing.ladder, climbing.rung)
    unit.turn.record(Kind.FAILED, unit.path, who=unit.work.flights[0][1], rule=name, why=why)
    unit.withdraw(but=but)
    return climb(unit, climbing.ladder, climbing.rung + 1)


def expire(unit: Unit) -> Outcome:
    """Go up to the first rule: only a rule has an answer at the request's deadline."""
    return _next(unit, "the request's deadline has passed")


def restore(unit: Unit) -> None:
    """Ask again, with the same key: a person's question is there already."""
    _launch(unit)
