"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import configparser
import functools
import graphlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import harmonium

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "harmonium").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@functools.cache  # several tests look at the same 300 files
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def _place(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def _calls(path: Path, owner: str, names: set[str]) -> Iterator[str]:
    """Give the places that call `owner.name(...)` for one of the names."""
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr=name)):
                if found == owner and name in names:
                    yield _place(path, node)


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout: which files are tracked is not known")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("name", ["actors", "protocols", "supervisors"])
def test_the_links_at_the_top_point_into_the_package(name: str) -> None:
    """The three layers are what one sees first in the repository."""
    link = ROOT / name
    assert link.is_symlink()
    assert link.readlink() == Path("harmonium", name)
    assert (link / "__init__.py").is_file()


def test_one_version() -> None:
    """The package and its metadata name the same version."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == harmonium.__version__


def test_every_module_says_what_it_is() -> None:
    """Every module of the package and every test file starts with a docstring."""
    files = [*MODULES, *(path for path in TESTS if path.name.startswith("test_"))]
    assert [_place(path) for path in files if not ast.get_docstring(_tree(path))] == []


def test_every_test_says_its_rule() -> None:
    """Every test has a docstring of one line."""
    silent = [
        f"{_place(path, node)} {node.name}"
        for path in TESTS
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len((ast.get_docstring(node) or "\n").splitlines()) != 1
    ]
    assert silent == []


def test_no_test_sleeps() -> None:
    """Tests wait for an event or for the virtual clock, never for the time of day."""
    assert [place for path in TESTS for place in _calls(path, "time", {"sleep"})] == []
    imports = [
        _place(path, node)
        for path in TESTS
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and any(name.name == "sleep" for name in node.names)
    ]
    assert imports == []


def test_only_the_command_line_owns_log_sinks() -> None:
    """The library logs and leaves the sinks to the program that embeds it."""
    library = [path for path in MODULES if "cli" not in path.relative_to(ROOT).parts]
    sinks = {"add", "configure", "remove"}
    assert [place for path in library for place in _calls(path, "logger", sinks)] == []


def test_no_import_cycle_at_run_time() -> None:
    """No module imports itself by a detour; annotations alone may point back."""
    graph = grimp.build_graph("harmonium", exclude_type_checking_imports=True, cache_dir=None)
    order = graphlib.TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    )
    try:
        order.prepare()
    except graphlib.CycleError as cycle:
        pytest.fail(" -> ".join(cycle.args[1]), pytrace=False)


def test_no_path_of_a_machine_is_committed() -> None:
    """Tracked files hold no path that exists only where they were written."""
    homes = r"/(?:home|Users)/\w+/"
    # A checkout directly below the root, say /app, is too short a name to look for.
    here = [re.escape(str(ROOT))] if len(ROOT.parts) > 2 else []
    foreign = re.compile("|".join([homes, *here]))
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _tracked()
        if path.is_file() and foreign.search(path.read_text(errors="replace"))
    ]
    assert found == []
