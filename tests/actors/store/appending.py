"""A program that appends for ever and prints what was acknowledged; it is killed by the tests.

Each unit appends three events to one of its streams and one record to a log, expecting the
versions that it has read. A line `stream version` says that the unit is durable.
"""

from __future__ import annotations

import asyncio
import os
import sys

from harmonium.actors.store import AppendEvents, AppendRecords, Store, open_store

STREAMS = 20


async def append_for_ever(store: Store, stream: str) -> None:
    version = (await store.streams.recover(stream)).version
    while True:
        version, _ = await store.commit(
            AppendEvents(
                stream, [{"n": version, "filler": "x" * 300}] * 3, expected_version=version
            ),
            AppendRecords("units", [version + 3], key=stream),
        )
        os.write(1, f"{stream} {version}\n".encode())  # unbuffered, a line at once


async def main(url: str) -> None:
    async with open_store(url) as store:
        await asyncio.gather(*(append_for_ever(store, f"s{n}") for n in range(STREAMS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
