"""What it costs to build a message, beside attrs alone.

Run it with `python benchmarks/message_construction.py`.

Times are medians in ns of many short rounds, all kinds in turn, so that a
change of the machine's speed meets them alike. Quote ratios, not times.
"""

from __future__ import annotations

import gc
import statistics
import timeit
from collections.abc import Callable

import attrs

from harmonium.protocols.message import message

SIZES = (0, 1, 2, 3, 4, 6, 12)
ROUNDS = 300
CALLS = 1_500
KINDS: dict[str, Callable[[type], type]] = {
    "attrs.frozen": attrs.frozen,
    "message": message,
    "attrs.define": attrs.define,
}


def timer(kind: str, size: int) -> timeit.Timer:
    """Make a class of `size` fields, and the timer of its constructor."""
    fields = {f"field_{number}": int for number in range(size)}
    cls = KINDS[kind](type("Made", (), {"__annotations__": fields, "__module__": __name__}))
    arguments = ", ".join(str(number) for number in range(size))
    return timeit.Timer(f"Made({arguments})", globals={"Made": cls})


def main() -> None:
    """Measure, and print a table."""
    timers = {(kind, size): timer(kind, size) for kind in KINDS for size in SIZES}
    times: dict[tuple[str, int], list[float]] = {key: [] for key in timers}
    gc.disable()
    for _ in range(ROUNDS):
        for key, each in timers.items():
            times[key].append(each.timeit(CALLS) / CALLS * 1e9)
    print(f"{'fields':14}", *(f"{size:6}" for size in SIZES))
    for kind in KINDS:
        print(f"{kind:14}", *(f"{statistics.median(times[kind, size]):6.0f}" for size in SIZES))


if __name__ == "__main__":
    main()
