"""The program: commands and their options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

__all__ = ["main"]

try:
    import cyclopts
    from cyclopts import Parameter
    from rich.console import Console
except ModuleNotFoundError as missing:  # pragma: no cover - seen only without the extra
    sys.exit(f"harmonium: {missing.name} is missing; pip install 'harmonium[cli]'")

from harmonium import __version__
from harmonium.cli.cancelling import cancel
from harmonium.cli.dead_letters import dead_letters_app
from harmonium.cli.finding import find_application
from harmonium.cli.inbox import inbox_app
from harmonium.cli.logs import set_up_logs
from harmonium.cli.operating import add_commands, show_live_tree
from harmonium.cli.running import BAD_INPUT, GAVE_UP, INTERRUPTED, RunOptions, run_application
from harmonium.cli.simulate import simulate
from harmonium.protocols.errors import ConfigError, DefinitionError, HarmoniumError, StartFailed

DEMO = "examples/orders"

app = cyclopts.App(
    name="run.py",
    help="Run systems of supervised agents. Without a command: the demo.",
    version=__version__,
    help_format="plaintext",
)

System = Annotated[
    str, Parameter(help="A folder with an application, package.module:name, or a .toml file.")
]


@app.default
def demo(
    *,
    chaos: Annotated[str | None, Parameter(help="Faults to inject; 'none' for none.")] = None,
    seed: Annotated[int, Parameter(help="Seeds all chance.")] = 1,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], help="Log to stderr.")] = False,
) -> int:
    """Run the demo: a shop takes orders while its agents crash and come back."""
    set_up_logs(verbose=verbose)
    folder = Path(__file__).resolve().parents[2] / DEMO
    if not folder.is_dir():
        raise ConfigError(
            "the demo", "it is in the repository, not in the package", "try --help, or run SYSTEM"
        )
    application = find_application(str(folder))
    plan = application.demo if chaos is None else chaos
    options = RunOptions(chaos=None if plan == "none" else plan, seed=seed)
    console = Console(stderr=True)
    source = application.sample.name if application.sample else "none"
    console.print(application.about, highlight=False)
    console.print(f"Input: {source}; chaos: {plan}; seed: {seed}", highlight=False)
    return run_application(application, options)


@app.command
def run(  # noqa: PLR0913 - one keyword per option
    system: System,
    *,
    input: Annotated[Path | None, Parameter(help="The input file.")] = None,
    output: Annotated[Path | None, Parameter(help="File for one JSON line per result.")] = None,
    set: Annotated[
        tuple[str, ...], Parameter(help="A setting, name=value; may be repeated.", negative="")
    ] = (),
    chaos: Annotated[
        str | None, Parameter(help="Faults, e.g. crash=0.05,kill=inventory:20.")
    ] = None,
    seed: Annotated[int | None, Parameter(help="Seeds all chance.")] = None,
    ground: Annotated[Literal["local"], Parameter(help="What the agents run on.")] = "local",  # noqa: ARG001 - one by now
    json: Annotated[bool, Parameter(help="The summary as JSON on stdout.", negative="")] = False,
    control: Annotated[Path | None, Parameter(help="Make a control socket here.")] = None,
    bundles: Annotated[Path | None, Parameter(help="Folder for a bundle of each crash.")] = None,
    journal: Annotated[
        Path | None, Parameter(help="Folder for each supervisor's decisions, one file each.")
    ] = None,
    store: Annotated[
        str | None, Parameter(help="SQLite file or PostgreSQL URL for what must outlive the run.")
    ] = None,
    resume: Annotated[
        bool, Parameter(help="Go on with the run that --store holds.", negative="")
    ] = False,
    trace: Annotated[
        Path | None, Parameter(help="File for a trace of the newest messages, for Perfetto.")
    ] = None,
    log: Annotated[Path | None, Parameter(help="File for the full log.")] = None,
    verbose: Annotated[
        bool, Parameter(name=["--verbose", "-v"], help="Log to stderr.", negative="")
    ] = False,
) -> int:
    """Run a system to the end of its input, or until Ctrl-C.

    Exit status: 0 done, 1 work failed or part of the input unreadable, 2 bad
    usage or bad input, 3 the tree gave up.
    """
    set_up_logs(verbose=verbose, file=log)
    options = RunOptions(
        input=input,
        output=output,
        settings=set,
        chaos=chaos,
        seed=seed,
        json=json,
        control=control,
        bundles=bundles,
        journal=journal,
        store=store,
        resume=resume,
        trace=trace,
    )
    return run_application(find_application(system), options)


@app.command
def tree(
    system: Annotated[str | None, Parameter(help="As for run; not with --control.")] = None,
    *,
    control: Annotated[Path | None, Parameter(help="The socket of a running system.")] = None,
    json: Annotated[bool, Parameter(help="As JSON on stdout.", negative="")] = False,
    pipeline: Annotated[
        bool, Parameter(help="Draw its pipelines instead of the tree.", negative="")
    ] = False,
    mermaid: Annotated[
        bool, Parameter(help="With --pipeline: as Mermaid text.", negative="")
    ] = False,
    svg: Annotated[Path | None, Parameter(help="With --pipeline: as this SVG file.")] = None,
) -> int:
    """Draw the supervision tree of a system, with live state when it runs."""
    _check_drawing(pipeline=pipeline, mermaid=mermaid, svg=svg, json=json, control=control)
    if pipeline and system is not None:
        from harmonium.cli.pipelines import draw_pipelines  # noqa: PLC0415 - this command alone

        return draw_pipelines(find_application(system), mermaid=mermaid, svg=svg)
    if (system is None) == (control is None):
        raise ConfigError("tree", "it needs either SYSTEM or --control SOCKET")
    if control is not None:
        return show_live_tree(control, as_json=json)
    from harmonium.cli.drawing import draw_tree  # noqa: PLC0415 - this command alone

    return draw_tree(find_application(system or ""), as_json=json)


def _check_drawing(
    *, pipeline: bool, mermaid: bool, svg: Path | None, json: bool, control: Path | None
) -> None:
    if (mermaid or svg is not None) and not pipeline:
        raise ConfigError("tree", "--mermaid and --svg draw pipelines", "add --pipeline")
    if pipeline and (json or control is not None):
        raise ConfigError("tree --pipeline", "it goes neither with --json nor with --control")
    if mermaid and svg is not None:
        raise ConfigError("tree --pipeline", "--mermaid and --svg exclude each other")


@app.command
def check(
    system: System,
    *,
    json: Annotated[bool, Parameter(help="As JSON on stdout.", negative="")] = False,
) -> int:
    """Look for mistakes in tree, contracts and pipelines; nothing is started."""
    from harmonium.cli.checking import check_application  # noqa: PLC0415 - this command alone

    return check_application(find_application(system), as_json=json)


@app.command
def bench(
    *names: Annotated[str, Parameter(help="Which; all if none is named.")],
    json: Annotated[Path | None, Parameter(help="File for the figures.")] = None,
    svg: Annotated[Path | None, Parameter(help="File for a chart of them.")] = None,
    quick: Annotated[bool, Parameter(help="Fewer rounds.", negative="")] = False,
) -> int:
    """Measure the runtime beside its peers (from a checkout)."""
    try:
        from benchmarks.main import main as measure  # noqa: PLC0415 - it is not in the wheel
    except ModuleNotFoundError:
        sys.stderr.write("harmonium: the benchmarks are in the repository, not in the package\n")
        return BAD_INPUT
    return int(measure(list(names), json_path=json, svg_path=svg, quick=quick))


add_commands(app)
app.command(inbox_app)
app.command(cancel)
app.command(dead_letters_app)
app.command(simulate)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    try:
        result = app(
            sys.argv[1:] if argv is None else list(argv),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except cyclopts.CycloptsError as error:
        return _say(_one_line(error), BAD_INPUT)
    except DefinitionError as error:
        return _say(str(error), BAD_INPUT)
    except StartFailed as error:
        return _say(str(error), GAVE_UP)
    except HarmoniumError as error:
        return _say(str(error), 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    return result if isinstance(result, int) else 0


def _one_line(error: cyclopts.CycloptsError) -> str:
    return " ".join(str(error).split()) + " (see --help)"


def _say(text: str, status: int) -> int:
    sys.stderr.write(f"harmonium: {' '.join(text.split())}\n")
    return status
