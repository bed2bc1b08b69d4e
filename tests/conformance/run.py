"""Run Thespian's own tests on our base: ``python tests/conformance/run.py [pytest's arguments]``.

They sleep most of the time, so more processes than cores do no harm.
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
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conformance.plugin"]
    # Its own settings: those in setup.cfg are for our tests, not for Thespian's.
    command += ["-c", os.devnull, "--rootdir", str(tests), "-p", "no:cacheprovider"]
    command += ["-p", "no:randomly", *arguments]
    if not any(argument.partition("::")[0].endswith(".py") for argument in arguments):
        command.append(str(tests))
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
