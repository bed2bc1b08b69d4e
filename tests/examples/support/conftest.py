"""Runs the example by the command line, as `tests/cli` does."""

from tests.cli.conftest import _log, run

__all__ = ["_log", "run"]
