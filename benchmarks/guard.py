"""The guard of continuous integration: has a message become much dearer?

It measures W1 beside the bare loop, in turn, and compares the ratio with the
one in `recorded.json`. A machine that is busy with other things spoils a try,
so it takes three bad ones in a row to fail.

    python -m benchmarks.guard            measure and compare
    python -m benchmarks.guard --record   measure and write the ratio down
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import bare, ours

__all__ = ["SHARE", "TRIES", "guard", "main"]

RECORDED = Path(__file__).with_name("recorded.json")
SHARE = 0.7
"""Of the recorded ratio: below it, a try is bad."""
TRIES = 3

MESSAGES, ROUNDS = 100_000, 5


def measured() -> float:
    """The median ratio of our ping-pong to the bare loop, over a few rounds."""
    return statistics.median(
        ours.ping_pong(MESSAGES) / bare.ping_pong(MESSAGES) for _ in range(ROUNDS)
    )


def guard(recorded: float, measure: Callable[[], float], say: Callable[[str], object]) -> bool:
    """Say whether one of `TRIES` measurements reaches `SHARE` of what is recorded."""
    for attempt in range(1, TRIES + 1):
        ratio = measure()
        good = ratio >= SHARE * recorded
        say(
            f"guard: W1 at {ratio:.3f} of the bare loop; recorded {recorded:.3f}, "
            f"at least {SHARE * recorded:.3f}: {'good' if good else f'bad, try {attempt}'}"
        )
        if good:
            return True
    return False


def main(arguments: list[str]) -> int:
    """Compare, or record; gives the exit status."""
    if arguments == ["--record"]:
        ratio = round(measured(), 3)
        RECORDED.write_text(json.dumps({"W1": ratio}) + "\n", encoding="utf-8")
        sys.stdout.write(f"guard: recorded {ratio}\n")
        return 0
    if arguments:
        sys.stderr.write(f"guard: unknown argument {arguments[0]!r}; there is only --record\n")
        return 2
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))["W1"]
    return 0 if guard(recorded, measured, lambda line: sys.stdout.write(line + "\n")) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
