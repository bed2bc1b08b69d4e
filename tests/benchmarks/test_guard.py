"""The guard: when it fails, and when a slow moment does not make it fail."""

from __future__ import annotations

import pytest

from benchmarks.guard import TRIES, guard


def test_one_good_try_is_enough() -> None:
    """Two slow moments before it are forgiven."""
    ratios = iter([0.10, 0.34, 0.36])
    assert guard(0.5, lambda: next(ratios), lambda line: None)


def test_three_bad_tries_fail() -> None:
    """Below 0.7 of the record each time; it does not try a fourth time."""
    ratios = iter([0.34] * TRIES)
    said: list[str] = []
    assert not guard(0.5, lambda: next(ratios), said.append)
    assert len(said) == TRIES
    with pytest.raises(StopIteration):
        next(ratios)
