"""The real files that the orders example is measured on."""

from collections.abc import Callable
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def retail() -> Callable[[str], Path]:
    """Return where the retail file of a day is, or skip the test that needs it."""

    def find(day: str) -> Path:
        path = _REPOSITORY.parent / "shared" / "data" / "retail" / f"{day}.csv"
        if not path.is_file():
            pytest.skip(f"the real data are not here: ../shared/data/retail/{day}.csv")
        return path

    return find
