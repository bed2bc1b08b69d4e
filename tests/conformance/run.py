"""Run Thespian's own tests on our base: ``python tests/conformance/run.py [pytest's arguments]``.

A name such as ``test_actors.py`` or ``test_actors.py::TestFuncActors`` stands for
Thespian's file; without one all are run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    """Give pytest's exit status."""
    spec = find_spec("thespian")
    if spec is None or spec.origin is None:
        print("thespian is not installed", file=sys.stderr)
        return 2
    tests = Path(spec.origin).with_name("test")
    named = [str(tests / a) if _is_test(a) else a for a in arguments]
    if named == arguments:
        named.append(str(tests))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conformance.plugin"]
    # Its own settings: those in setup.cfg are for our tests, not for Thespian's.
    command += ["-c", os.devnull, "--rootdir", str(tests), "-p", "no:cacheprovider"]
    command += ["-p", "no:randomly", *named]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *_path()])}
    environment.pop("PYTHONUNBUFFERED", None)  # a test of Thespian's counts on buffers
    return subprocess.run(command, env=environment, check=False).returncode


def _path() -> list[str]:
    return list(filter(None, [os.environ.get("PYTHONPATH")]))


def _is_test(argument: str) -> bool:
    return argument.startswith("test_") and argument.partition("::")[0].endswith(".py")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
