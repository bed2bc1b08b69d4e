"""Runs the command line in this process and keeps what it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from loguru import logger

from harmonium.cli.app import main

ROOT = Path(__file__).resolve().parents[2]


@attrs.frozen
class Ran:
    """What a run came to."""

    status: int
    out: str
    err: str

    @property
    def summary(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Call `run.py` with these words, from the repository's root."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: object) -> Ran:
        capsys.readouterr()
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        return Ran(status, printed.out, printed.err)

    return call


@pytest.fixture(autouse=True)
def _log() -> Any:
    yield
    logger.remove()
    logger.enable("harmonium")


def retail(day: str) -> Path:
    """A day of real orders, or a skip that says what is missing."""
    path = ROOT.parent / "shared" / "data" / "retail" / f"2010-12-{day}.csv"
    if not path.exists():
        pytest.skip(f"the retail data of 2010-12-{day} is not beside the checkout")
    return path
