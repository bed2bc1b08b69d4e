"""A pytest plugin that runs Thespian's own tests on our base.

Thespian's fixture `asys` names a base, which `ActorSystem` imports as
`thespian.system.<name>`. Ours is put there under the name `localBase`; the
fixture and one helper are replaced before the test modules import them. No
file of Thespian's is changed.
"""

from __future__ import annotations

import os
import sys
import tomllib
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import thespian.system
import thespian.test
from loguru import logger
from thespian.actors import ActorSystem

from harmonium.actors.thespian_base import LocalBase

NAME = "localBase"
LISTS = tomllib.loads(Path(__file__).with_name("exclusions.toml").read_text())
LEFT_OUT = {test: reason for reason, tests in LISTS["left_out"].items() for test in tests}
BEYOND = frozenset(LISTS["beyond"]["tests"])
CAPABILITIES = {"Foo Allowed": True, "Cows Allowed": True, "Dogs Allowed": True, "dog": "food"}


@pytest.fixture(params=[NAME])
def asys(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Stand for Thespian's fixture of the same name."""
    system = ActorSystem(
        systemBase=request.param,
        capabilities=dict(CAPABILITIES),
        logDefs=False,
        transientUnique=True,
    )
    system.base_name, system.port_num, system.txonly = request.param, None, False
    yield system
    system.shutdown()


def actor_system_unsupported(system: Any, *bases: str) -> None:
    """Skip what Thespian's in-process base skips, except for what ours can do."""
    asked = system.base_name
    alike = asked == NAME and "simpleSystemBase" in bases and _running() not in BEYOND
    if asked in bases or alike:
        pytest.skip("Thespian's own in-process base does not support it either")


def pytest_configure(config: pytest.Config) -> None:
    """Put our base and our fixture where Thespian's tests find them."""
    module = types.ModuleType(f"thespian.system.{NAME}")
    module.ActorSystemBase = lambda system, **_: LocalBase(capabilities=system.capabilities)
    sys.modules[module.__name__] = module
    setattr(thespian.system, NAME, module)
    thespian.test.asys = asys
    thespian.test.actor_system_unsupported = actor_system_unsupported
    logger.remove()  # Thespian's tests make actors crash by the hundred


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that run on our base, and mark those that are left out."""
    ours = [item for item in items if NAME in item.name]
    config.hook.pytest_deselected(items=[item for item in items if NAME not in item.name])
    items[:] = ours
    for item in items:
        if _id(item.nodeid) in LEFT_OUT:
            item.add_marker(pytest.mark.skip(reason=LEFT_OUT[_id(item.nodeid)]))
    if len(config.args) == 1 and Path(config.args[0]).is_dir():
        gone = {*LEFT_OUT, *BEYOND}.difference(_id(item.nodeid) for item in items)
        if gone:
            raise pytest.UsageError(f"exclusions.toml names what there is not: {sorted(gone)}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what passed and what was left out."""
    stats = terminalreporter.stats
    passed = [_id(report.nodeid) for report in stats.get("passed", ())]
    skipped = [_id(report.nodeid) for report in stats.get("skipped", ())]
    left_out = Counter(LEFT_OUT[test] for test in skipped if test in LEFT_OUT)
    beyond = sum(test in BEYOND for test in passed)
    terminalreporter.section("conformance")
    write = terminalreporter.write_line
    write(f"{len(passed) - beyond:4} passed of what Thespian's in-process base passes")
    write(f"{left_out.total():4} of it left out (tests/conformance/exclusions.toml):")
    for reason, count in left_out.items():
        write(f"       {count} because {reason}")
    write(f"{beyond:4} passed that Thespian's in-process base skips")
    write(f"{len(skipped) - left_out.total():4} skipped as Thespian's in-process base does")


def _id(nodeid: str) -> str:
    """The file's name and what follows: where Thespian is installed does not matter."""
    path, _, rest = nodeid.partition("::")
    return f"{Path(path).name}::{rest.replace(f'[{NAME}]', '').replace(f'{NAME}-', '')}"


def _running() -> str:
    return _id(os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0])
