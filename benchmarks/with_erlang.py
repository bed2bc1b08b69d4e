"""The same crash in Erlang/OTP, where `escript` is on the path (Debian: erlang-base)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["crashes", "is_here"]

_PROGRAM = Path(__file__).with_name("crashes.erl")


def is_here() -> bool:
    """Whether Erlang is installed."""
    return shutil.which("escript") is not None


def crashes(n: int, *, report: bool = False) -> float:
    """Microseconds from a message that crashes a gen_server to its next answer (median).

    Args:
        n: How many crashes.
        report: Have OTP's three reports of each crash formatted.
    """
    command = ["escript", str(_PROGRAM), str(n), "logged" if report else "quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return float(done.stdout)
