"""``run.py cancel``: stop a request of a running system, and have undone what it did."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from harmonium.supervisors.control_request import request

__all__ = ["cancel"]


def cancel(
    correlation_id: Annotated[str, Parameter(help="The request's correlation id.")],
    reason: Annotated[str, Parameter(help="For the record.")] = "",
    *,
    control: Annotated[Path, Parameter(name="--control", help="The socket of the running system.")],
) -> int:
    """Stop a request: what is in flight is withdrawn, what was done is undone.

    Exit status 1 if no request of this id is under way.
    """
    count = request(control, "cancel_request", correlation_id=correlation_id, reason=reason)
    sys.stdout.write(f"{correlation_id}: {count} cancelled\n")
    return 0 if count else 1
