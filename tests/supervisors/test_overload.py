"""Overload: a producer 10 times faster than its consumer (W7), for less time than the benchmark."""

from __future__ import annotations

import pytest
from loguru import logger

from benchmarks.overload import CAPACITY, PAUSE, overload
from harmonium.protocols.overflow import DEAD_LETTER, WAIT


@pytest.fixture(autouse=True)
def _quiet():
    yield
    logger.enable("harmonium")


@pytest.mark.parametrize("members", [0, 4])
@pytest.mark.parametrize("overflow", [WAIT, DEAD_LETTER], ids=repr)
def test_overload_is_borne(overflow, members):
    """Memory is bounded, each message has a fate, and a control message passes the backlog."""
    found = overload(0.5, overflow=overflow, members=members)
    assert found.account.balanced
    assert found.account.in_flight == 0
    assert found.produced > 2_000
    assert found.grown < 2_000_000
    # The backlog alone is a second of work; 0.3 s allows for a machine that is busy otherwise.
    assert found.control < 0.3 < CAPACITY * PAUSE
    if overflow is DEAD_LETTER:
        assert found.account.dead > found.produced / 2


@pytest.mark.soak
@pytest.mark.parametrize("members", [0, 4])
def test_neighbours_of_a_crowd_answer_as_before(members):
    """Where the producer waits for room, other agents' p99 is at most doubled."""
    found = overload(5.0, members=members)
    assert found.crowded <= 2 * found.calm + 0.0005
