"""Where a command looks: in a running system, or in the store of one that is down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.control_request import request

__all__ = ["one_of", "pages"]


def one_of(command: str, control: Path | None, store: str | None, *, place: str = "PLACE") -> None:
    """Check that exactly one of the two is given.

    Args:
        command: Which command needs it.
        control: The control socket of a running system.
        store: The store of one that is down.
        place: What its help calls a store.

    Raises:
        ConfigError: If it is not.
    """
    if (control is None) == (store is None):
        raise ConfigError(command, f"it needs either --control SOCKET or --store {place}")


def pages(control: Path, order: str, **options: Any) -> Iterator[dict[str, Any]]:
    """Fetch a list from a running system, page by page.

    Args:
        control: Its control socket.
        order: What is asked for; it takes ``skip``, and gives no more at the end.
        options: What else it takes.
    """
    skip = 0
    while page := request(control, order, skip=skip, **options):
        yield from page
        skip += len(page)
