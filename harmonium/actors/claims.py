"""`Claims`: an agent's idempotency keys in the system's store, so that they outlive the process.

A key is claimed before its request is run and the answer is stored before anybody
gets it. A claim that another process holds is looked at again until it has an
answer or has run out (`InboxPolicy.claim_for`); then the request is run here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.cell import Cell
from harmonium.actors.store.ports import Store
from harmonium.actors.store.values import Claim, ClaimStatus
from harmonium.protocols.codec import Codec
from harmonium.protocols.errors import HarmoniumError, StoreError
from harmonium.protocols.message import info_of

if TYPE_CHECKING:
    from harmonium.actors.store.operations import Operation
    from harmonium.actors.store.pending import Pending
    from harmonium.protocols.reliability.idempotency import InboxPolicy

__all__ = ["Claims"]

LOOKS = 40
"""How often a claim of another process is looked at before it runs out."""
TRIM_EVERY = 500
"""After how many answers those above the bound are deleted from the store."""
LONGEST_KEY = 200
"""A longer key is kept as its hash: a store keeps names of 1,000 bytes."""


class Claims:
    """The keys of one idempotent handler of one agent.

    Args:
        cell: The agent.
        answers: The classes of its answers.
        policy: For how long and how many.
    """

    def __init__(self, cell: Cell, answers: frozenset[type], policy: InboxPolicy) -> None:
        self._cell = cell
        self._policy = policy
        self._finished = 0
        self._codec = Codec(
            [cls for cls in answers if cls is not type(None)],
            ref_to_str=lambda ref: str(ref.path),
            str_to_ref=self._ref,
        )

    def claim(self, key: Any, heard: Callable[[str, Any], None]) -> None:
        """Claim a key; `heard` gets "new" and the claim, "answered" and the answer, or an error.

        The third is "failed" with what the store raised: nothing was run.
        """
        cell = self._cell
        scope, owner = self._scope(key[0]), f"{cell.ground.prefix}{cell.path}"
        ttl, name = self._policy.claim_for, _name(key[1])

        def look() -> None:
            self._then(
                lambda store: store.idempotency.claim(
                    scope, name, owner=owner, ttl=ttl, instead_of=owner
                ),
                decide,
                lambda error: heard("failed", error),
            )

        def decide(claim: Claim) -> None:
            if claim.status is ClaimStatus.NEW:
                heard("new", claim)
            elif claim.status is ClaimStatus.DONE:
                heard("answered", self._read(claim.reply))
            elif cell.alive:
                cell.ground.after(ttl / LOOKS, look)

        look()

    def finish(self, claim: Claim, answer: Any, then: Callable[[], None]) -> None:
        """Store an answer, then go on; also when that fails, for the work is done."""

        def failed(error: BaseException) -> None:
            logger.bind(path=self._cell.path).error(
                "{}: the answer for key {!r} is not kept: {!r}", self._cell.path, claim.key, error
            )
            then()

        self._then(
            lambda store: store.idempotency.finish(
                claim, self._write(answer), ttl=self._policy.keep_for
            ),
            lambda _: then(),
            failed,
        )
        self._trim(claim.scope)

    def abandon(self, claim: Claim) -> None:
        """Give a key back after its last run failed."""
        self._then(lambda store: store.idempotency.abandon(claim), _nothing, _nothing)

    def finishing(self, claim: Claim, answer: Any) -> Operation:
        """What stores an answer, to be committed together with the effects."""
        store = self._cell.ground.store
        if store is None:
            raise StoreError("the system's store is closed")
        return store.idempotency.finishing(claim, self._write(answer), ttl=self._policy.keep_for)

    def _write(self, answer: Any) -> str:
        return "" if answer is None else self._codec.to_json(answer)

    def _read(self, kept: Any) -> Any:
        return self._codec.from_json(kept) if kept else None

    def _trim(self, scope: str) -> None:
        self._finished += 1
        if self._finished % TRIM_EVERY == 0:
            keep = self._policy.max_entries
            self._then(lambda store: store.idempotency.trim(scope, keep=keep), _nothing, _nothing)

    def _then(
        self,
        start: Callable[[Store], Pending[Any]],
        done: Callable[[Any], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Do something in the store, and go on with it in the agent's turn."""
        cell, ground = self._cell, self._cell.ground

        def settled() -> None:
            try:
                value = pending.result()
            except HarmoniumError as error:
                ground.signal(cell, failed, error)
            else:
                ground.signal(cell, done, value)

        try:
            store = ground.store
            if store is None:
                raise StoreError("the system's store is closed")
            pending = start(store)
        except HarmoniumError as error:
            ground.signal(cell, failed, error)
        else:
            pending.then(settled, ground.call_threadsafe)

    def _scope(self, cls: type) -> str:
        info = info_of(cls)
        return f"{self._cell.path}:{cls.__qualname__ if info is None else info.wire_name}"

    def _ref(self, path: str) -> Any:
        cell = self._cell.ground.registry.find(path, self._cell)
        if cell is None:
            raise LookupError(path)
        return cell.ref


def _name(key: str) -> str:
    if key and len(key) <= LONGEST_KEY and "\0" not in key:
        return key
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def _nothing(_: object) -> None:
    """Go on without it: it is made up for later."""
