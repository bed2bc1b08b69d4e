"""An escalation ladder as data: who is asked next when those below have no answer.

Rungs are climbed in order, each has its own deadline, and the first valid
answer wins. What is asked of whom, and what counts as valid, stands here; the
climbing is part of `harmonium.protocols.pipeline`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import names_of

__all__ = ["AgentRung", "Ladder", "PersonRung", "RuleRung", "Rung", "ladder_of"]


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


def _types(types: type | Iterable[type]) -> tuple[type, ...]:
    return (types,) if isinstance(types, type) else tuple(types)


@attrs.frozen(slots=True)
class AgentRung:
    """Ask a higher agent.

    Args:
        to: Name or path of the agent.
        send: The message: a callable of the context, a message class that is
            built from the request, or a message. None sends what the step
            itself sent.
        timeout: How long this rung may take, in seconds; None means the
            step's timeout.
        expect: Names or classes of the replies that are an answer; none given
            means that every reply is.
        read: Turns the reply into the value; raising `ValueError` refuses it.
    """

    to: str
    send: Any = attrs.field(default=None, kw_only=True)
    timeout: float | None = attrs.field(default=None, kw_only=True)
    expect: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)
    read: Callable[[Any], Any] | None = attrs.field(default=None, kw_only=True)


@attrs.frozen(slots=True)
class PersonRung:
    """Ask a person, who answers through the inbox.

    Args:
        who: The person or the group whose inbox gets the question.
        question: The text, or a callable of the context that makes it.
        options: The answers that are valid; none given means free text.
        expect: The type of the answer, which the person gives in JSON: a
            message class, bool, int, Decimal, ..., or several. None given
            means text.
        timeout: How long the person has, in seconds.
        read: Turns the answer into the value; raising `ValueError` refuses
            it, and the question stays open.
    """

    who: str
    question: str | Callable[[Any], str] = ""
    options: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_texts)
    expect: tuple[type, ...] = attrs.field(default=(), kw_only=True, converter=_types)
    timeout: float = attrs.field(default=3600.0, kw_only=True)
    read: Callable[[Any], Any] | None = attrs.field(default=None, kw_only=True)


@attrs.frozen(slots=True)
class RuleRung:
    """Decide by rule, at once.

    Args:
        decide: A callable of the context that gives the answer, or the answer.
        name: What the record calls the rule.
    """

    decide: Any
    name: str = attrs.field(default="rule", kw_only=True)


Rung = AgentRung | PersonRung | RuleRung


@attrs.frozen(slots=True, init=False)
class Ladder:
    """Rungs to climb, the lowest first.

    A rung ends with an answer, with a failure or at its deadline; then the
    next one is asked. An answer that comes after its rung has ended is
    recorded and refused. A ladder without a last word fails, with error
    ``NoAnswer``, and the step's next fallback rule decides.

    Raises:
        SpecError: If there is no rung, or a timeout is not above 0.

    Example:
        >>> Ladder(AgentRung("lead", timeout=1.0), RuleRung("reject")).rungs[1].decide
        'reject'
    """

    rungs: tuple[Rung, ...]

    def __init__(self, *rungs: Rung) -> None:
        self.__attrs_init__(rungs=rungs)

    def __attrs_post_init__(self) -> None:
        if not self.rungs:
            raise SpecError("Ladder", "it has no rung", "name who is asked first")
        for rung in self.rungs:
            timeout = getattr(rung, "timeout", None)
            if timeout is not None and not 0 < timeout < math.inf:
                problem = f"the timeout of {_named(rung)} is not above 0 and finite"
                raise SpecError("Ladder", problem, "give seconds: the next rung waits for it")

    def __str__(self) -> str:
        return ", then ".join(map(_named, self.rungs))


def _named(rung: Rung) -> str:
    if isinstance(rung, AgentRung):
        return rung.to
    return f"{rung.who} (a person)" if isinstance(rung, PersonRung) else f"{rung.name} (a rule)"


def ladder_of(target: Ladder | Rung | str) -> Ladder:
    """Bring the short forms to a ladder: an agent's name, or a single rung."""
    if isinstance(target, Ladder):
        return target
    return Ladder(AgentRung(target) if isinstance(target, str) else target)
