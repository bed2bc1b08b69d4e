"""Whether a crash is the message's fault: the poison rule inside a supervisor."""

from __future__ import annotations

import attrs

from harmonium.supervisors.core.child import Aside, Child
from harmonium.supervisors.core.effects import Quarantine, Retry, SetAside, SetTimer
from harmonium.supervisors.core.events import Failed
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.poison import Poison, Sentence, Suspect, judge

__all__ = ["examine", "try_again"]

_MOST = 8
"""How many suspects are remembered for one child; the oldest is forgotten first."""


def examine(turn: Turn, child: Child, event: Failed) -> bool:
    """Give the failed message its sentence; tell whether the crash is charged.

    The first crash of a message is charged like any other. Its retries are not:
    the rule itself limits them. Once they are more than the rule asks for and no
    other message does better, the agent is to blame, and they are charged again.
    """
    rule, seen = child.spec.poison, event.suspect
    if rule is None or seen is None:
        return True
    known = {one.suspect.message: one.suspect for one in child.suspects}.get(seen.message)
    sentence, suspect = judge(
        rule,
        known,
        seen.message,
        seen.fingerprint,
        handled=seen.handled,
        now=turn.now,
    )
    _carry_out(turn, child, sentence, suspect, rule)
    beyond = sentence is Sentence.SET_ASIDE and suspect.attempts > rule.attempts
    return suspect.attempts == 1 or beyond


def _carry_out(
    turn: Turn, child: Child, sentence: Sentence, suspect: Suspect, rule: Poison
) -> None:
    message = suspect.message
    others = tuple(one for one in child.suspects if one.suspect.message != message)
    turn.rule(child.id, sentence.value, _why(suspect))
    if sentence is Sentence.QUARANTINE:
        turn.emit(Quarantine(child.id, message, suspect.fingerprint, suspect.attempts))
        child.suspects = others
        return
    serial = 0
    if sentence is Sentence.SET_ASIDE:
        turn.emit(SetAside(child.id, message))
        serial = turn.serial()
        left = rule.age - (turn.now - suspect.first)
        turn.emit(SetTimer(Token(child.id, Due.ASIDE, serial), left if left > 0 else rule.age))
    else:
        turn.emit(Retry(child.id, message))
    child.suspects = (*others, Aside(suspect, serial))[-_MOST:]


def _why(suspect: Suspect) -> str:
    times = "once" if suspect.attempts == 1 else f"{suspect.attempts} times in the same way"
    return f"Message {suspect.message} crashed it {times} ({suspect.fingerprint})."


def try_again(turn: Turn, child: Child, serial: int) -> None:
    """Put a message back that was kept apart long enough."""
    for one in child.suspects:
        if one.serial == serial:
            turn.emit(Retry(child.id, one.suspect.message))
            again = attrs.evolve(one, serial=0)
            child.suspects = tuple(again if each is one else each for each in child.suspects)
