"""A mutation check of the pure supervisor: is there a test for every decision in it?

    python tools/mutants.py [--only PART_OF_A_NAME] [--list]

Each mutant is a small change to one function: a comparison turned, a condition
negated, a statement left out, a number off by one, another member of an enum. It
is put in by swapping the function's code object, so nothing is imported anew, in a
process of its own. Only the tests that run the changed line are run; those that have
found most mutants in the shortest time come first. A mutant that no test notices has
survived. Survivors stand in docs/mutants.md with the reason.

Ends with 1 if fewer than 95 % were killed, or if a survivor is not listed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import enum
import importlib
import io
import os
import resource
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import hypothesis
import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "docs" / "mutants.md"
NEEDED = 0.95
"""The share of mutants that must be killed."""
PATIENCE = 2.0
"""Seconds of processor time that a test may take with a mutant, besides five times what
it takes without; longer counts as noticed."""
LONGEST = 600
"""Seconds of processor time that all tests of one mutant may take together."""
MEMORY = 1_500_000_000
"""Bytes that the check may take: a mutant that loops for ever must not eat the machine."""

TARGETS = [
    "harmonium.protocols.backoff",
    "harmonium.protocols.budget",
    "harmonium.protocols.waiting",
    "harmonium.supervisors.directives",
    "harmonium.supervisors.phases",
    "harmonium.supervisors.poison",
    *(
        f"harmonium.supervisors.core.{path.stem}"
        for path in sorted((ROOT / "harmonium/supervisors/core").glob("*.py"))
        if path.stem != "__init__"
    ),
]
TESTS = [
    "tests/protocols/test_backoff.py",
    "tests/protocols/test_budget.py",
    "tests/protocols/test_waiting.py",
    *(
        str(path.relative_to(ROOT))
        for pattern in (
            "cases_*",
            "core_*",
            "journal",
            "phases",
            "plan",
            "poison",
            "quarantine",
            "table",
            "verdicts",
        )
        for path in sorted((ROOT / "tests/supervisors").glob(f"test_{pattern}.py"))
    ),
    "tests/properties/test_supervisor_model.py",
    "tests/properties/test_supervisor_chaos.py",
]
LEFT_OUT = ("test_costs", "ten_thousand_random", "test_s38_the_window_holds")
"""Tests that measure, or only repeat at length what others show."""


# --- making mutants ---


@attrs.frozen
class Mutant:
    """One small change.

    Args:
        module: Where.
        function: Qualified name of the function.
        line: Line of the change.
        before: What stood there.
        after: What stands there now.
        tree: The changed module.
    """

    module: str
    function: str
    line: int
    before: str
    after: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Tell the mutant from all others, without line numbers."""
        short = self.module.removeprefix("harmonium.")
        return f"{short} {self.function}: {self.before} => {self.after}"


_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.RShift: ast.LShift,
    ast.LShift: ast.RShift,
}


def variants(  # noqa: C901, PLR0912, PLR0915 - one case for each kind of node
    node: ast.AST, enums: dict[str, type[enum.Enum]]
) -> Iterator[ast.AST]:
    """Give the changed forms of one node; the node itself stays as it is."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield _with(node, ops=[_COMPARISONS[type(op)]()])
        case ast.BoolOp(op=ast.And(), values=values):
            yield from (_without(node, values, index) for index in range(len(values)))
        case ast.BoolOp(op=ast.Or(), values=values):
            yield from (_without(node, values, index) for index in range(len(values)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield copy.deepcopy(operand)
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(op)]())
        case ast.AugAssign(op=op) if type(op) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(op)]())
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)) | ast.Constant(value=float(value)):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            yield _with(node, func=ast.Name({"min": "max", "max": "min"}[name], ast.Load()))
        case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner in enums:
            members = list(enums[owner].__members__)
            if attr in members:
                other = members[(members.index(attr) + 1) % len(members)]
                yield _with(node, attr=other)
        case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare):
                yield _with(node, test=ast.UnaryOp(ast.Not(), copy.deepcopy(test)))
        case ast.Return(value=value) if value is not None and not _is_no(value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.Expr(value=ast.YieldFrom()):
            yield ast.Pass()
        case ast.Assign() | ast.AugAssign():
            yield ast.Pass()


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(node: ast.BoolOp, values: list[ast.expr], index: int) -> ast.AST:
    rest = [copy.deepcopy(value) for value in [*values[:index], *values[index + 1 :]]]
    return rest[0] if len(rest) == 1 else _with(node, values=rest)


def _is_no(node: ast.AST) -> bool:
    """Whether a None in its place would say the same."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def mutants_of(name: str) -> list[Mutant]:
    """Make all mutants of one module."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(module.__file__ or "").read_text())
    enums = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, enum.Enum) and len(value) > 1
    }
    found: list[Mutant] = []
    for qualname, function in _functions(tree, ""):
        places = list(_places(function))
        for owner, field, index, node in places:
            place = (owner, field, index, node)
            found.extend(
                _mutant(name, qualname, tree, place, changed) for changed in variants(node, enums)
            )
    return found


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef) and child.name != "__repr__":
            yield prefix + child.name, child


def _places(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Walk the body of a function; docstrings, annotations and defaults are left alone."""
    todo: list[ast.AST] = list(reversed(function.body))
    for index, statement in enumerate(function.body):
        yield function, "body", index, statement
    while todo:
        node = todo.pop()
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list"):
                continue
            children = value if isinstance(value, list) else [value]
            for index, child in enumerate(children):
                if isinstance(child, ast.AST):
                    yield node, field, index if isinstance(value, list) else None, child
                    todo.append(child)


def _mutant(
    module: str,
    function: str,
    tree: ast.Module,
    place: tuple[ast.AST, str, int | None, ast.AST],
    changed: ast.AST,
) -> Mutant:
    owner, field, index, node = place
    changed = ast.copy_location(changed, node)
    before, after = ast.unparse(node), ast.unparse(changed)
    if isinstance(node, ast.If | ast.While):
        before, after = ast.unparse(node.test), ast.unparse(changed.test)  # type: ignore[attr-defined]
    context = ast.unparse(owner) if isinstance(owner, ast.expr | ast.keyword) else ""
    if context and context != before and len(before) < 8:
        before = f"{before} in {context}"
    _set(owner, field, index, changed)
    copied = copy.deepcopy(tree)
    _set(owner, field, index, node)
    return Mutant(module, function, node.lineno, " ".join(before.split()), after, copied)


def _set(owner: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[index] = node


# --- putting them in ---


def function_named(module: str, qualname: str) -> types.FunctionType:
    """Find the living function, behind property and classmethod too."""
    value: Any = importlib.import_module(module)
    for part in qualname.split("."):
        value = vars(value)[part]
    value = getattr(value, "fget", value)
    found = getattr(value, "__func__", value)
    assert isinstance(found, types.FunctionType), (module, qualname)
    return found


def code_named(code: types.CodeType, qualname: str) -> types.CodeType | None:
    """Find a function's code inside that of its module."""
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            if one.co_qualname == qualname:
                return one
            found = code_named(one, qualname)
            if found is not None:
                return found
    return None


@contextlib.contextmanager
def put_in(mutant: Mutant) -> Iterator[None]:
    """Have the program run with the mutant."""
    function = function_named(mutant.module, mutant.function)
    healthy = function.__code__
    tree = ast.fix_missing_locations(mutant.tree)
    code = code_named(compile(tree, healthy.co_filename, "exec"), mutant.function)
    assert code is not None, mutant.name
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = healthy


# --- running tests ---


class Stuck(BaseException):
    """A test took too long."""


def _stuck(*_: Any) -> None:
    raise Stuck


def notices(item: pytest.Item, patience: float) -> bool:
    """Run one test; tell whether it fails. One that took too long gets a second, longer try."""
    failed = _fails(item, patience)
    return bool(_fails(item, 3 * patience, stuck=True) if failed is None else failed)


def _fails(item: pytest.Item, patience: float, *, stuck: bool | None = None) -> bool | None:
    """Run one test; `stuck` if it took too long."""
    # Again and again: Hypothesis runs an example that failed once more.
    signal.setitimer(signal.ITIMER_VIRTUAL, patience, 1.0)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            reports = runtestprotocol(item, log=False, nextitem=None)
        return any(report.failed for report in reports)
    except Stuck:
        return stuck
    except (Exception, pytest.exit.Exception):  # noqa: BLE001 - it broke pytest itself
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@attrs.define
class Coverage:
    """Which tests run which lines, and how long they take."""

    lines: dict[tuple[str, int], set[str]] = attrs.field(factory=dict)
    seconds: dict[str, float] = attrs.field(factory=dict)

    def watch(self, item: pytest.Item, files: dict[str, str]) -> None:
        """Run a healthy test and note the lines."""
        began = time.process_time()
        seen: set[tuple[str, int]] = set()

        def local(frame: types.FrameType, _event: str, _arg: Any) -> Any:
            seen.add((files[frame.f_code.co_filename], frame.f_lineno))
            return local

        def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
            return local(frame, event, arg) if frame.f_code.co_filename in files else None

        sys.settrace(trace)
        try:
            failed = notices(item, 300.0)
        finally:
            sys.settrace(None)
        if failed:
            raise SystemExit(f"mutants: {item.nodeid} fails without any mutant")
        self.seconds[item.nodeid] = time.process_time() - began
        for place in seen:
            self.lines.setdefault(place, set()).add(item.nodeid)

    def tests(self, mutant: Mutant) -> list[str]:
        """Name the tests that run a mutant."""
        return sorted(self.lines.get((mutant.module, mutant.line), ()))


@attrs.define
class Form:
    """Which tests found mutants before: what finds most in a second is run first."""

    seconds: dict[str, float]
    runs: dict[str, int] = attrs.field(factory=dict)
    finds: dict[str, int] = attrs.field(factory=dict)

    def order(self, names: list[str]) -> list[str]:
        """Sort tests, the most promising first."""
        return sorted(names, key=self._promise, reverse=True)

    def _promise(self, name: str) -> float:
        chance = (self.finds.get(name, 0) + 1) / (self.runs.get(name, 0) + 4)
        return chance / max(self.seconds[name], 0.001)

    def note(self, names: list[str], finder: str) -> None:
        """Remember which of the tests that were run, in this order, found the mutant."""
        for name in names:
            self.runs[name] = self.runs.get(name, 0) + 1
            if name == finder:
                self.finds[name] = self.finds.get(name, 0) + 1
                return


class Check:
    """A pytest plugin that runs its collected tests against every mutant.

    Each mutant gets a process of its own, forked from this one: whatever it breaks
    ends with it.
    """

    def __init__(self, only: str) -> None:
        self.only = only
        self.killed = 0
        self.survivors: list[Mutant] = []
        self.coverage = Coverage()
        self.form = Form(self.coverage.seconds)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Leave the leak guard out: it looks at the process, not at the core."""
        session.config.pluginmanager.unregister(name="leaks")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        items = {
            item.nodeid: item
            for item in session.items
            if not any(part in item.nodeid for part in LEFT_OUT)
        }
        signal.signal(signal.SIGVTALRM, _stuck)
        files = {str(importlib.import_module(name).__file__): name for name in TARGETS}
        mutants = [one for name in TARGETS for one in mutants_of(name) if wanted(one, self.only)]
        began = time.monotonic()
        for item in items.values() if mutants else ():
            self.coverage.watch(item, files)
        taken = time.monotonic() - began
        print(f"mutants: {len(items)} tests, {taken:.0f} s to see what they run", flush=True)
        for number, mutant in enumerate(mutants, 1):
            self._try(mutant, items)
            if number % 100 == 0:
                print(f"mutants: {number}/{len(mutants)}, {len(self.survivors)} alive", flush=True)
        print(f"mutants: {time.monotonic() - began:.0f} s")
        return True

    def patience(self, name: str) -> float:
        """Tell how long a test may take with a mutant."""
        return PATIENCE + 5 * self.coverage.seconds[name]

    def _try(self, mutant: Mutant, items: dict[str, pytest.Item]) -> None:
        names = self.form.order(self.coverage.tests(mutant))
        finder = in_a_process(lambda: self._found_by(mutant, names, items))
        self.form.note(names, finder)
        if finder:
            self.killed += 1
            return
        self.survivors.append(mutant)
        print(f"mutants: alive: {mutant.name} (line {mutant.line}, {len(names)} tests)", flush=True)

    def _found_by(self, mutant: Mutant, names: list[str], items: dict[str, pytest.Item]) -> str:
        with put_in(mutant):
            for name in names:
                if notices(items[name], self.patience(name)):
                    return name
        return ""


def in_a_process(work: Callable[[], str]) -> str:
    """Give the answer of a function that is called in a fork of this process.

    One that dies, or is not done after `LONGEST` seconds of processor time, has an
    answer, too: the mutant did not go unnoticed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(reader)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
            os.write(writer, b"=" + work().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read().decode()
    os.waitpid(child, 0)
    return text.removeprefix("=") if text else "its process died"


def wanted(mutant: Mutant, only: str) -> bool:
    """Tell whether a mutant is among those that were asked for."""
    return any(part in mutant.name for part in only.split(","))


def listed() -> set[str]:
    """Read the survivors that docs/mutants.md gives a reason for."""
    if not LISTED.exists():
        return set()
    lines = LISTED.read_text().splitlines()
    return {line.removeprefix("- `").split("`")[0] for line in lines if line.startswith("- `")}


def main() -> int:
    """Run the check and tell the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="only names that hold one of these, a,b,c")
    parser.add_argument("--list", action="store_true", help="list the mutants, run nothing")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.list:
        for name in TARGETS:
            for mutant in mutants_of(name):
                if wanted(mutant, options.only):
                    print(mutant.name)
        return 0
    hypothesis.settings.register_profile(
        "mutants",
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    check = Check(options.only)
    # A mutant may leave coroutines behind; what pytest says of those would end the check.
    left_out = ("randomly", "cacheprovider", "unraisableexception", "threadexception", "xdist")
    quiet = ["-q", "-s", "--assert=plain", "--hypothesis-profile=mutants"]
    quiet += [word for one in left_out for word in ("-p", f"no:{one}")]
    pytest.main([*quiet, *TESTS], plugins=[check])
    return report(check)


def report(check: Check) -> int:
    """Print the figures and tell the exit code."""
    total = check.killed + len(check.survivors)
    if not total:
        print("mutants: none")
        return 1
    share = check.killed / total
    print(f"mutants: {check.killed} of {total} killed, {share:.1%}")
    known = listed()
    unknown = [one for one in check.survivors if one.name not in known]
    for one in unknown:
        print(f"mutants: not listed in docs/mutants.md: {one.name}")
    if not check.only:
        for name in sorted(known - {one.name for one in check.survivors}):
            print(f"mutants: listed, and killed by now: {name}")
    return int(share < NEEDED or bool(unknown))


if __name__ == "__main__":
    threading.stack_size(64 * 1024 * 1024)
    raise SystemExit(main())
