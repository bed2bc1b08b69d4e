"""Workloads run quietly, and would leave the log off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")
