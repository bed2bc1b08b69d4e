"""What goes to stdout for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["print_json"]


def print_json(value: Any) -> int:
    """Print a value as indented JSON; gives the exit status of a command that is done."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return 0
