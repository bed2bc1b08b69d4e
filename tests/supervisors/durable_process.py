"""A process that runs the desk of `durable_desk` on a store until it is killed.

``python -m tests.supervisors.durable_process PLACE SILENT ... [-- BROKEN ...]``: the
agents that are named first say nothing, the others crash. It asks one request,
under the key ``k``, and prints who was asked.
"""

from __future__ import annotations

import sys
import threading

from harmonium.actors.store import open_store
from harmonium.supervisors.system import System
from tests.supervisors.durable_desk import Asked, Desk, Go


class Telling(list):
    """Prints what is appended, at once."""

    def append(self, one: tuple[str, int, str]) -> None:
        super().append(one)
        sys.stdout.write(f"{one[0]} {one[2]}\n")
        sys.stdout.flush()


def main(place: str, silent: set[str], broken: set[str]) -> None:
    with open_store(place) as store:
        desk = Desk(store)
        desk.asked = Asked(by=Telling(), silent=silent, broken=broken)
        with System(desk.tree(), store=store) as system:
            system.ask("work", Go(1), idempotency_key="k", timeout=None)
            threading.Event().wait()


if __name__ == "__main__":
    _, where, *names = sys.argv
    end = names.index("--") if "--" in names else len(names)
    main(where, set(names[:end]), set(names[end + 1 :]))
