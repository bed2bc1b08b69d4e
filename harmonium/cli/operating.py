"""Commands for a system that runs in another process, and for two trees on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from harmonium.cli import supervising
from harmonium.cli.finding import find_application
from harmonium.cli.log import explain_request, log_app
from harmonium.cli.output import print_json
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.control_request import request
from harmonium.supervisors.journal_file import explain_file, explain_path
from harmonium.supervisors.plan import plan

__all__ = ["add_commands"]

Control = Annotated[
    Path, Parameter(name="--control", help="The socket of the running system (run --control).")
]
AsJson = Annotated[bool, Parameter(name="--json", help="As JSON on stdout.", negative="")]
Address = Annotated[str, Parameter(help="A path like /shop/inventory.")]

_COLOURS = {"running": "green", "failed": "red", "broken": "red", "held": "yellow"}


def add_commands(app: App) -> None:
    """Give the program these commands."""
    app.command(_explain, name="explain")
    app.command(log_app)
    app.command(_children, name="children")
    app.command(_resize, name="resize")
    app.command(_plan, name="plan")
    app.command(_apply, name="apply")
    supervising.add_commands(app)
    for name, about in _ORDERS.items():
        app.command(_order(name, about), name=name.replace("_", "-"))


def show_live_tree(control: Path, *, as_json: bool) -> int:
    """Draw the tree of a running system with the state of every agent."""
    tops = request(control, "tree")
    if as_json:
        return print_json(tops)
    for top in tops:
        Console().print(_draw(top, Tree(_label(top), guide_style="dim")))
    return 0


def _draw(about: dict[str, Any], node: Tree) -> Tree:
    for one in about.get("children", ()):
        _draw(one, node.add(_label(one)))
    return node


def _label(one: dict[str, Any]) -> Text:
    state = one["state"]
    text = Text.assemble(
        (one["id"], "bold"),
        (f"  {one.get('class', '')}", "dim"),
        "  ",
        (state, _COLOURS.get(state, "cyan")),
        f" #{one.get('incarnation', 0)}",
    )
    if "pool" in one:
        text.append(_pool(one["pool"]))
    if one.get("restarts"):
        text.append(f", {one['restarts']} restarts")
    if one.get("queued"):
        text.append(f", {one['queued']} messages wait")
    return text


def _pool(about: dict[str, Any]) -> str:
    leaving = f", {about['draining']} leaving" if about["draining"] else ""
    return (
        f", {about['router']}, {about['live']} of {about['size']} members live{leaving}, "
        f"{about['queued']} messages wait"
    )


def _resize(
    path: Address,
    size: Annotated[int, Parameter(help="How many members or partitions.")],
    *,
    control: Control,
) -> int:
    """Have a pool, or a partition supervisor, of a running system run so many."""
    reply = request(control, "resize", path=path, size=size)
    cause = f": {reply['cause']}" if reply["cause"] else ""
    sys.stdout.write(f"{path}: {reply['outcome']}{cause}\n")
    return 0 if reply["ok"] else 1


def _explain(
    what: Annotated[
        str,
        Parameter(
            help="A path like /shop/inventory, a correlation id, a crash bundle (.json), "
            "or a supervisor's journal (.jsonl)."
        ),
    ],
    *,
    control: Annotated[
        Path | None, Parameter(name="--control", help="The socket of the running system.")
    ] = None,
    journal: Annotated[
        Path | None, Parameter(name="--journal", help="The folder of run --journal, for a path.")
    ] = None,
    store: Annotated[
        str | None, Parameter(name="--store", help="The store of a run, for a correlation id.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Say why an agent is in its state, tell the story of a request, or show a crash bundle.

    A journal is decided about again: that shows the last state of a system that is gone.
    """
    if store is not None or (control is not None and not what.startswith("/")):
        return explain_request(what, store=store, control=control, as_json=json)
    if control is not None:
        sentences = request(control, "explain", path=what)
    elif journal is not None:
        sentences = explain_path(journal, what)
    elif what.endswith(".jsonl"):
        sentences = explain_file(Path(what))
    elif what.endswith(".json"):
        from harmonium.supervisors.bundles import load_bundle  # noqa: PLC0415 - for bundles alone

        sentences = load_bundle(Path(what)).sentences()
    else:
        raise ConfigError(
            f"explain {what}",
            "it needs --control SOCKET, --journal FOLDER, --store FILE, or a file to explain",
        )
    if json:
        return print_json(sentences)
    sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
    return 0


def _children(path: Address, *, control: Control, json: AsJson = False) -> int:
    """List the children of a supervisor of a running system."""
    rows = request(control, "children", path=path)
    if json:
        return print_json(rows)
    for row in rows:
        line = f"{row['id']:<20} {row['state']:<12} #{row['incarnation']}"
        more = f"  {row['restarts']} restarts  {row['reason']}" if row["restarts"] else ""
        sys.stdout.write((line + more).rstrip() + "\n")
    return 0


_ORDERS = {
    "stop_child": "Stop a child of a running system and hold it down.",
    "restart_child": "Start a child that is held, finished or quarantined.",
    "delete_child": "Forget a child that is down.",
}


def _order(name: str, about: str) -> Any:
    def order(
        path: Address,
        *,
        control: Control,
        wait: Annotated[
            bool, Parameter(help="Wait until it is done.", negative="--no-wait")
        ] = True,
    ) -> int:
        above, _, child = path.rstrip("/").rpartition("/")
        options = {} if wait or name == "delete_child" else {"wait": False}
        reply = request(control, name, path=above, child=child, **options)
        cause = f": {reply['cause']}" if reply["cause"] else ""
        sys.stdout.write(f"{path}: {reply['outcome']}{cause}\n")
        return 0 if reply["ok"] else 1

    order.__doc__ = about
    return order


def _plan(
    new: Annotated[Path, Parameter(help="The system file with the new tree.")],
    *,
    to: Annotated[str | None, Parameter(help="A declared system to compare with.")] = None,
    control: Annotated[
        Path | None, Parameter(name="--control", help="The socket of a running system.")
    ] = None,
) -> int:
    """Show what would change to turn a declared or running tree into NEW."""
    if (to is None) == (control is None):
        raise ConfigError("plan", "it needs either --to SYSTEM or --control SOCKET")
    if control is not None:
        steps = request(control, "plan", toml=_text(new))
    else:
        old, wanted = (_tree(str(one)) for one in (to, new))
        steps = [str(step) for step in plan(old, wanted)]
    sys.stdout.write("".join(f"{step}\n" for step in steps) or "nothing would change\n")
    return 0


def _apply(
    new: Annotated[Path, Parameter(help="The system file with the new tree.")], *, control: Control
) -> int:
    """Turn a running tree into NEW, moving only what changed."""
    done = request(control, "apply", toml=_text(new))
    sys.stdout.write("".join(f"done: {step}\n" for step in done) or "nothing had to change\n")
    return 0


def _tree(system: str) -> Any:
    application = find_application(system)
    return application.build(application.settings())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from None
