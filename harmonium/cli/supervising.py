"""Commands that add to the children of a running supervisor, and look into them."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.control_request import request

__all__ = ["add_commands"]

Control = Annotated[
    Path, Parameter(name="--control", help="The socket of the running system (run --control).")
]
Supervisor = Annotated[str, Parameter(help="The supervisor's path, like /shop.")]


def add_commands(app: App) -> None:
    """Give the program these commands."""
    app.command(_start_child, name="start-child")
    app.command(_count_children, name="count-children")
    app.command(_get_spec, name="get-spec")


def _start_child(
    path: Supervisor,
    spec: Annotated[
        Path | None,
        Parameter(help="A TOML file with the child, as in a system file; none: the template."),
    ] = None,
    *,
    control: Control,
    id: Annotated[str | None, Parameter(help="Another id for it.")] = None,
    wait: Annotated[bool, Parameter(help="Wait until it is ready.", negative="--no-wait")] = True,
) -> int:
    """Add a child to a supervisor of a running system and start it."""
    child = None if spec is None else _read(spec)
    reply = request(control, "start_child", path=path, spec=child, id=id, wait=wait)
    cause = f": {reply['cause']}" if reply["cause"] else ""
    sys.stdout.write(f"{path.rstrip('/')}/{reply['child']}: {reply['outcome']}{cause}\n")
    return 0 if reply["ok"] else 1


def _count_children(path: Supervisor, *, control: Control) -> int:
    """Count the children of a supervisor of a running system."""
    counts = request(control, "count", path=path)
    sys.stdout.write("".join(f"{name:<12}{counts[name]}\n" for name in counts))
    return 0


def _get_spec(
    path: Annotated[str, Parameter(help="The child's path, like /shop/inventory.")],
    *,
    control: Control,
) -> int:
    """Show how a child of a running system is declared, as JSON."""
    above, _, child = path.rstrip("/").rpartition("/")
    spec = request(control, "get_spec", path=above, child=child)
    sys.stdout.write(json.dumps(spec, ensure_ascii=False, indent=2) + "\n")
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from None
