"""The control socket: what `run.py` says to a system that runs in another process.

A Unix socket in the file system, so that the file's permissions say who may
operate the system. One JSON object a line each way: ``{"op": ..., "path": ...}``
is answered by ``{"ok": true, "value": ...}`` or ``{"ok": false, "error": ...}``.
`harmonium.supervisors.control_request` is the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import attrs

from harmonium.actors.account import every_cell
from harmonium.protocols.decision_log import to_row
from harmonium.protocols.errors import ConfigError, HarmoniumError, SpecError
from harmonium.supervisors.cancelling import CancelRequest
from harmonium.supervisors.control_request import LIMIT
from harmonium.supervisors.coordinator import Coordinator
from harmonium.supervisors.core.answers import Reply
from harmonium.supervisors.decision_records_live import story_of
from harmonium.supervisors.inbox_orders import INBOX_ORDERS
from harmonium.supervisors.live import live_tree
from harmonium.supervisors.mapping import child_from_mapping
from harmonium.supervisors.mapping_system import system_from_mapping
from harmonium.supervisors.operations import apply_plan, operate
from harmonium.supervisors.plan import plan
from harmonium.supervisors.pool_agent import Pool
from harmonium.supervisors.spec import ChildSpec
from harmonium.supervisors.system import System
from harmonium.supervisors.to_mapping import to_mapping

__all__ = ["ControlServer"]


class ControlServer:
    """Answers operators of one system; use it as an async context on the system's loop.

    Args:
        system: Which system.
        path: Where the socket is made. A socket that nobody answers any more
            is replaced.

    Raises (on entering):
        ConfigError: If the path cannot be used, or another system answers there.
    """

    def __init__(self, system: System, path: Path) -> None:
        self._system = system
        self._path = path
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self._clear()
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LIMIT)
        except OSError as error:
            raise ConfigError(
                f"--control {self._path}", f"cannot be used: {error.strerror or error}"
            ) from None
        self._path.chmod(0o600)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _clear(self) -> None:
        if not self._path.is_socket():
            return
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_unix_connection(self._path)
            writer.close()
            raise ConfigError(f"--control {self._path}", "another system answers there")
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.CancelledError):
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line), default=str).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            words = json.loads(line)
            order = _ORDERS[words.pop("op")]
            return {"ok": True, "value": await order(self._system, **words)}
        except HarmoniumError as error:
            return {"ok": False, "error": str(error)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"ok": False, "error": f"not understood: {error!r}"}


# -- the orders


async def _tree(system: System) -> Any:
    return live_tree(system)


async def _children(system: System, path: str) -> Any:
    return [attrs.asdict(row) for row in await operate(system.ref(path)).which_children()]


async def _count(system: System, path: str) -> Any:
    return attrs.asdict(await operate(system.ref(path)).count_children())


async def _spec(system: System, path: str, child: str) -> Any:
    return repr(await operate(system.ref(path)).get_spec(child))


async def _get_spec(system: System, path: str, child: str) -> Any:
    spec = await operate(system.ref(path)).get_spec(child)
    if not isinstance(spec, ChildSpec):
        raise SpecError(f"{path.rstrip('/')}/{child}", "there is no such child")
    return to_mapping(spec)


async def _start_child(
    system: System, path: str, spec: Any = None, id: str | None = None, *, wait: bool = True
) -> Any:
    child = None if spec is None else child_from_mapping(spec)
    reply = await operate(system.ref(path)).start_child(child, id=id, wait=wait)
    return {**_told(reply), "child": reply.child}


def _told(reply: Reply) -> dict[str, Any]:
    return {"outcome": reply.outcome.value, "ok": reply.ok, "cause": reply.cause}


async def _explain(system: System, path: str) -> Any:
    above, _, child = path.rstrip("/").rpartition("/")
    if not above:
        return await operate(system.ref(path)).explain()
    told = await operate(system.ref(above)).explain(child)
    cell = system.ground.registry.find(path)
    if cell is not None and isinstance(cell.agent, Pool):  # why it has its size stands there
        told += (await operate(system.ref(path)).explain())[1:]
    return told


async def _resize(system: System, path: str, size: int) -> Any:
    return _told(await operate(system.ref(path)).resize(size))


async def _story(system: System, correlation: str, skip: int = 0) -> Any:
    page = (await story_of(system, correlation))[skip : skip + 500]  # an answer is one line
    return [to_row(record) for record in page]


async def _account(system: System) -> Any:
    return attrs.asdict(system.account())


def _command(name: str) -> Callable[..., Awaitable[Any]]:
    async def run(system: System, path: str, child: str, *, wait: bool = True) -> Any:
        options = {} if wait else {"wait": False}
        return _told(await getattr(operate(system.ref(path)), name)(child, **options))

    return run


async def _plan(system: System, toml: str) -> Any:
    new, _ = system_from_mapping(tomllib.loads(toml))
    return [str(step) for step in plan(system.tree, new)]


async def _apply(system: System, toml: str) -> Any:
    new, _ = system_from_mapping(tomllib.loads(toml))  # options hold from the next start
    done = await apply_plan(system.ref, system.tree, new)
    system.tree = new
    return done


async def _cancel_request(system: System, correlation_id: str, reason: str = "") -> Any:
    """Stop the requests of this id with every coordinator that has one; gives how many."""
    order = CancelRequest(correlation_id, reason)
    coordinators = [
        cell for cell in every_cell(system.ground.root) if isinstance(cell.agent, Coordinator)
    ]
    answers = [await system.ask(cell.path, order) for cell in coordinators]
    return sum(answer.count for answer in answers)


async def _letters(system: System, only: str = "", skip: int = 0) -> Any:
    office = system.dead_letters
    page = office.list(only)[skip : skip + 100]  # an answer is one line, of bounded length
    return [shown for letter in page if (shown := office.show(letter.id)) is not None]


async def _letter(system: System, id: str) -> Any:
    return system.dead_letters.show(id)


async def _edit_letter(system: System, id: str, fields: dict[str, Any]) -> Any:
    await system.dead_letters.edit(id, fields)
    return system.dead_letters.show(id)


async def _replay_letters(system: System, ids: list[str], only: str | None = None) -> Any:
    office = system.dead_letters
    outcomes = {id: (await office.replay(id)).value for id in ids}
    if only is not None:
        replayed = await office.replay_all(only)
        outcomes |= {id: one.value for id, one in replayed.items()}
    return outcomes


async def _drop_letters(system: System, ids: list[str], only: str | None = None) -> Any:
    office = system.dead_letters
    dropped = sum([await office.drop(id) for id in ids])
    return dropped if only is None else dropped + await office.drop_all(only)


_ORDERS: dict[str, Callable[..., Awaitable[Any]]] = {
    "letters": _letters,
    "letter": _letter,
    "edit_letter": _edit_letter,
    "replay_letters": _replay_letters,
    "drop_letters": _drop_letters,
    **INBOX_ORDERS,
    "cancel_request": _cancel_request,
    "tree": _tree,
    "children": _children,
    "count": _count,
    "spec": _spec,
    "get_spec": _get_spec,
    "start_child": _start_child,
    "explain": _explain,
    "story": _story,
    "account": _account,
    "stop_child": _command("stop_child"),
    "restart_child": _command("restart_child"),
    "delete_child": _command("delete_child"),
    "resize": _resize,
    "plan": _plan,
    "apply": _apply,
}
