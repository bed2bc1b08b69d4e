"""A part of Thespian's own tests, which takes seconds; `make conformance` runs them all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).with_name("run.py")
FILES = ("actorAdder", "actorAddressPassing", "actors", "badmessage", "commonCapabilities")
FILES += ("createActor", "globalName", "load", "poisonMessage", "simpleActor", "stats")


def test_thespians_tests_of_the_core_pass_on_our_base() -> None:
    """Actors, addresses, names, poison, load and status: as Thespian tests them."""
    names = [f"test_{name}.py" for name in FILES]
    done = subprocess.run(
        [sys.executable, RUN, *names, "-k", "not NoResponse and not Timeout"],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^ *(\d+) passed of what", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= 90
