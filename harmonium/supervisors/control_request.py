"""The asking end of the control socket, which needs nothing of what answers.

`harmonium.supervisors.control` is the other end.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from harmonium.protocols.errors import ConfigError

__all__ = ["LIMIT", "request"]

LIMIT = 1 << 20
"""Longest line, in bytes."""


def request(socket: Path, op: str, /, *, timeout: float = 30.0, **words: Any) -> Any:
    """Say one thing to a running system and return the answer, from a plain thread.

    Raises:
        ConfigError: If nobody answers there, or the answer is an error.
    """

    async def talk() -> Any:
        reader, writer = await asyncio.open_unix_connection(socket, limit=LIMIT)
        writer.write(json.dumps({"op": op, **words}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return answer

    try:
        answer = asyncio.run(asyncio.wait_for(talk(), timeout))
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigError(
            f"--control {socket}", f"no system answers there ({error or 'time is up'})"
        ) from None
    if not answer["ok"]:
        raise ConfigError(f"--control {socket}", answer["error"])
    return answer["value"]
