"""A program that runs the orders on a store, kills them at random moments, and goes on each time.

``python -m tests.cli.killing FOLDER KILLS SEED INPUT [OPTION ...]``: begins run after run on
stores in FOLDER until so many were killed, and prints what each run came to, a
JSON object a line. With HARMONIUM_POSTGRES_URL in the environment each run has a schema of its
own on that server instead. A run is a fork of this process: it starts in a few
milliseconds, so that the moments fall into its work and not into its imports.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import harmonium.actors.store.sql.opening  # noqa: F401 - here, so that no fork has to import it
from examples.orders.application import application
from harmonium.cli.app import main
from tests.actors.store.postgres import Server

CHLD = {signal.SIGCHLD}


def begin(words: list[str], out: Path) -> int:
    """Fork a process that runs these words; gives its id."""
    pid = os.fork()
    if pid:
        return pid
    status = 99
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CHLD)
        for path, number in ((out, 1), (out.with_suffix(".err"), 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        status = main(words)
        sys.stdout.flush()
    finally:
        os._exit(status)


def run(words: list[str], out: Path, seconds: float) -> int | None:
    """Run for so long; gives the exit status, or None if it was killed first."""
    pid = begin(words, out)
    signal.sigtimedwait(CHLD, seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    signal.sigtimedwait(CHLD, 0)  # what tells of its end
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def words_for(folder: Path, name: str, place: str, source: str, options: list[str]) -> list[str]:
    """Give the command line of the run with this name."""
    files = ["--input", source, "--output", str(folder / f"{name}.jsonl"), "--store", place]
    return ["run", f"examples/{application.name}", "--json", "--resume", *files, *options]


def campaigns(folder: Path, kills: int, seed: int, source: str, options: list[str]) -> None:
    """Kill and go on, with a new store whenever a run has come to its end."""
    chance, server = random.Random(seed), Server()
    span, number = 60.0, 0
    while number < 2 or kills > 0:
        name, killed, status = f"run{number}" if number else "whole", 0, None
        place = server.make_schema() if server.url else str(folder / f"{name}.db")
        words, begun = words_for(folder, name, place, source, options), time.monotonic()
        while status is None:
            # The first two are not killed; the second tells how long a run takes.
            left = chance.uniform(0.0, span) if number > 1 and kills > 0 else 60.0
            status = run(words, folder / f"{name}.json", left)
            if status is None:
                kills, killed = kills - 1, killed + 1
        if not killed:
            span = time.monotonic() - begun
        tell(name, place, folder, status, killed)
        number += 1


def tell(name: str, place: str, folder: Path, status: int | None, killed: int) -> None:
    """Print what one run came to."""
    said = (folder / f"{name}.json").with_suffix(".err").read_text(encoding="utf-8")
    about = {"name": name, "store": place, "status": status, "killed": killed, "said": said[-2000:]}
    sys.stdout.write(json.dumps(about) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, CHLD)
    campaigns(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
