"""A pipeline as its author writes it: steps, what they need, and what to do when they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from harmonium.protocols.fallback import FallbackRule, Retry
from harmonium.protocols.ladder import Ladder, PersonRung, ladder_of
from harmonium.protocols.pipeline.context import Context
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.graph import Graph, compile_graph
from harmonium.protocols.reliability.policy import Policy

__all__ = ["Conflict", "Pipeline", "Step"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    T = _TypeVar("T", default=Any)
    Res = _TypeVar("Res", default=dict[str, Any])
else:  # defaults of type variables came with Python 3.13
    T = TypeVar("T")
    Res = TypeVar("Res")
Req = TypeVar("Req")


def _names(steps: str | Step[Any] | Iterable[str | Step[Any]]) -> tuple[str, ...]:
    if isinstance(steps, (str, Step)):
        steps = (steps,)
    return tuple(one if isinstance(one, str) else one.name for one in steps)


def _types(types: type[T] | Iterable[type[T]] | None) -> tuple[type[T], ...]:
    if types is None:
        return ()
    return (types,) if isinstance(types, type) else tuple(types)


def _steps(steps: Iterable[Step[Any]]) -> tuple[Step[Any], ...]:
    return tuple(steps)


def _conflicts(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    return tuple(conflicts)


def _rules(rules: FallbackRule | Iterable[FallbackRule]) -> tuple[FallbackRule, ...]:
    return tuple(rules) if isinstance(rules, Iterable) else (rules,)


def _optional_rules(
    rules: FallbackRule | Iterable[FallbackRule] | None,
) -> tuple[FallbackRule, ...] | None:
    return None if rules is None else _rules(rules)


def _optional_ladder(target: Any) -> Ladder | None:
    if isinstance(target, str):
        return Ladder(PersonRung(target))
    return None if target is None else ladder_of(target)


@attrs.frozen(slots=True, eq=False)
class Step(Generic[T]):
    """One step: whom it asks, what it needs, and what follows a failure.

    A step runs as soon as every step in `after` is done, beside all others
    that can. It does exactly one thing: it asks an agent or pool (`to`),
    gathers from a `topic`, runs a sub-`pipeline`, holds a `vote`, or asks a
    `person`. A skipped step is done, and its result is None.

    Callables get a `Context`. Where a message is made, a message *class* may
    stand instead: it is built from the request (of a mapped step, from the
    item), an undo class from the step's result. They must be pure: they run
    again when a request is restored from its log.

    Args:
        name: Its name: letters, digits, ``_`` and ``-``.
        to: Name or path of the agent or pool.
        topic: The topic to publish to, with `gather`.
        pipeline: A pipeline that gets the message as its request.
        vote: A vote, as `harmonium.protocols.voting` defines it.
        person: A person's name, a rung or a whole ladder.
        send: Makes the message (for a vote, the question). None sends the
            request itself, of a mapped step the item.
        after: The steps it needs, by name or as objects.
        when: Whether it is to run at all; otherwise it is skipped.
        each: Gives a collection: the step runs once for each item, and its
            result is the tuple of results in the order of the items.
        concurrency: How many items at most are in work at a time, at least 1.
        expect: The types of the replies that are results; another type fails
            the attempt, with error ``WrongReply``. None means any type.
        refused: The types of the replies that are a refusal: they fail the
            attempt, and the error goes by the name of the type.
        timeout: How long each attempt may take, in seconds; None means the
            pipeline's.
        fallback: The rules that are tried in order after a failure.
        policy: What holds for each attempt of a step that asks an agent: retries,
            breaker, bulkhead and the like; its state is shared with all who ask that
            agent under an equal policy. The rules come after it has given up. Its
            own timeout, where it has one, takes the place of `timeout`.
        gather: How many replies of the topic are needed.
        undo: Makes the message that undoes the step once it has finished.
        undo_to: Who gets it; None means the agent that did the step.
        undo_timeout: How long each attempt at it may take; None means `timeout`.
        undo_fallback: The rules for a failing undo; None means the pipeline's.
        undo_policy: What holds for each attempt at it, as `policy` does for the step.
            The step's own policy does not: a breaker that the step has opened would
            refuse its undo, so give one that differs.
        undo_in_doubt: Also undo when the step failed and may have been done
            all the same (a timeout, a crash). The undo must bear that nothing
            was done; its context gives None for the step.

    Raises:
        SpecError: If it does nothing or more than one thing, or if an option
            does not fit.
    """

    name: str
    to: str | None = attrs.field(default=None, kw_only=True)
    topic: str | None = attrs.field(default=None, kw_only=True)
    pipeline: Pipeline[Any, Any] | None = attrs.field(default=None, kw_only=True)
    vote: Any = attrs.field(default=None, kw_only=True)
    person: Ladder | None = attrs.field(default=None, kw_only=True, converter=_optional_ladder)
    send: Any = attrs.field(default=None, kw_only=True)
    after: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_names)
    when: Callable[[Context[Any]], object] | None = attrs.field(default=None, kw_only=True)
    each: Callable[[Context[Any]], Iterable[Any]] | None = attrs.field(default=None, kw_only=True)
    concurrency: int = attrs.field(default=16, kw_only=True)
    expect: tuple[type[T], ...] = attrs.field(default=None, kw_only=True, converter=_types)
    refused: tuple[type, ...] = attrs.field(default=None, kw_only=True, converter=_types)
    timeout: float | None = attrs.field(default=None, kw_only=True)
    fallback: tuple[FallbackRule, ...] = attrs.field(default=(), kw_only=True, converter=_rules)
    policy: Policy | None = attrs.field(default=None, kw_only=True)
    gather: Gather = attrs.field(factory=Gather, kw_only=True)
    undo: Any = attrs.field(default=None, kw_only=True)
    undo_to: str | None = attrs.field(default=None, kw_only=True)
    undo_timeout: float | None = attrs.field(default=None, kw_only=True)
    undo_fallback: tuple[FallbackRule, ...] | None = attrs.field(
        default=None, kw_only=True, converter=_optional_rules
    )
    undo_policy: Policy | None = attrs.field(default=None, kw_only=True)
    undo_in_doubt: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen(slots=True, eq=False)
class Conflict:
    """Replies that contradict one another, and how that is resolved.

    It is looked for as soon as all steps in `between` are done. A step that
    needs all of them waits for the resolution; one that needs only some does
    not. The resolution is read under the conflict's name: ``c["validity"]``
    is None when the replies agree.

    Args:
        name: Its name, as unique as a step's.
        between: The steps whose replies may contradict one another.
        when: Whether they do.
        resolve: Rules tried in order: `Prefer`, `Use` (a value), `Escalate`,
            `Skip` (let it stand) or `Fail`. Without any, the request fails.
    """

    name: str
    between: tuple[str, ...] = attrs.field(converter=_names)
    when: Callable[[Context[Any]], object] = attrs.field(kw_only=True)
    resolve: tuple[FallbackRule, ...] = attrs.field(default=(), kw_only=True, converter=_rules)


@attrs.frozen(slots=True, eq=False)
class Pipeline(Generic[Req, Res]):
    """A DAG of steps that together answer one request.

    Args:
        request: The message class that asks for it.
        steps: The steps, in any order.
        result: Makes the answer of a context that sees every step. None
            answers with a mapping of the results by step name.
        name: What the record calls it; empty means the request's name.
        conflicts: Contradictions to look for.
        enough: Asked after each finished step: when true, the request
            finishes at once and what still runs is no longer needed.
        timeout: How long an attempt may take where its step does not say, in
            seconds.
        within: How long the whole request may take, in seconds; None means
            only the asker's deadline counts.
        undo_fallback: The rules for a failing undo where its step has none.

    Raises:
        SpecError: If names repeat, a step needs an unknown one, needs go in a
            circle, or an undo has no action. It names the place and the remedy.
    """

    request: type[Req]
    steps: tuple[Step[Any], ...] = attrs.field(converter=_steps)
    result: Callable[[Context[Req]], Res] | None = None
    name: str = attrs.field(default="", kw_only=True)
    conflicts: tuple[Conflict, ...] = attrs.field(default=(), kw_only=True, converter=_conflicts)
    enough: Callable[[Context[Req]], object] | None = attrs.field(default=None, kw_only=True)
    timeout: float = attrs.field(default=5.0, kw_only=True)
    within: float | None = attrs.field(default=None, kw_only=True)
    undo_fallback: tuple[FallbackRule, ...] = attrs.field(
        default=(Retry(3, 0.1),), kw_only=True, converter=_rules
    )
    graph: Graph = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.request.__name__)
        object.__setattr__(self, "graph", compile_graph(self))
