"""The public face: every name is documented, has one home, and costs nothing that is optional."""

from __future__ import annotations

import ast
import copy
import enum
import importlib
import inspect
import json
import pickle
import pkgutil
import subprocess
import sys

import attrs
import pytest

import harmonium
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols import errors

OPTIONAL = (
    "cyclopts",
    "hypothesis",
    "msgpack",
    "numpy",
    "psycopg",
    "pytest",
    "rich",
    "sqlalchemy",
)

EXPORTS = {name: getattr(harmonium, name) for name in harmonium.__all__}


def natural(names):
    """Sort as the linter sorts `__all__`: constants, then classes, then the rest."""
    return sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))


def test_the_exports_are_sorted_and_there():
    """`__all__` is in the linter's order, without doubles, and every name exists."""
    assert list(harmonium.__all__) == natural(harmonium.__all__)
    assert len(set(harmonium.__all__)) == len(harmonium.__all__)


def test_type_checkers_and_programs_find_the_same_names():
    """What is imported for type checkers is what is loaded on first use; each exactly once."""
    tree = ast.parse(inspect.getsource(harmonium))
    imported = {
        alias.name: statement.module
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom) and statement.module.startswith("harmonium.")
        for alias in statement.names
    }
    assert imported == harmonium._HOME_OF
    assert sorted(imported) == sorted(harmonium.__all__)


def test_a_name_that_is_not_there_is_an_error():
    """Loading on first use hides no typing mistake."""
    with pytest.raises(AttributeError, match="has no attribute 'Agnet'"):
        harmonium.Agnet  # noqa: B018 - the access is the test
    assert set(harmonium.__all__) <= set(dir(harmonium))


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_is_documented(name):
    """A class or function says what it does; a constant is a value of a documented class."""
    thing = EXPORTS[name]
    documented = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    text = inspect.getdoc(documented) or ""
    assert len(text) > 10, f"{name} has no docstring"
    assert not text.startswith(f"{name}("), f"{name} has attrs' signature for a docstring"


@pytest.mark.parametrize("name", [n for n, t in EXPORTS.items() if inspect.isclass(t)])
def test_every_class_has_one_home(name):
    """It is the same object where it is defined, and it lies inside of the package."""
    cls = EXPORTS[name]
    assert cls.__module__.startswith("harmonium.")
    home = importlib.import_module(cls.__module__)
    assert getattr(home, cls.__qualname__) is cls


@pytest.mark.parametrize("layer", ["protocols", "actors", "supervisors"])
def test_names_that_modules_export_exist(layer):
    """`__all__` of each module names what is there."""
    package = importlib.import_module(f"harmonium.{layer}")
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        missing = [name for name in getattr(module, "__all__", []) if not hasattr(module, name)]
        assert not missing, f"{info.name} exports {missing}"


@pytest.mark.parametrize(
    "value",
    [
        harmonium.WAIT,
        harmonium.FAIL,
        harmonium.DROP_OLDEST,
        harmonium.DEAD_LETTER,
        harmonium.ONE_FOR_ALL,
        harmonium.PERMANENT,
        harmonium.Lane.CONTROL,
    ],
    ids=str,
)
def test_the_words_stay_themselves_across_a_pickle(value):
    """Policies are compared by identity, so a copy must be the same object."""
    assert pickle.loads(pickle.dumps(value)) is value
    assert copy.deepcopy(value) is value


VALUES = [
    harmonium.Backoff(0.1, 3.0),
    harmonium.Account(3, 1, 1, 1, 0),
    harmonium.FrozenMap({"a": 1}),
    harmonium.Terminated("/a", 1, "normal"),
    harmonium.Retry(2),
    harmonium.supervisor("t", children=[harmonium.child(harmonium.Agent, id="a")]),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_survive_a_pickle(value):
    """What is data is equal after a round trip; that includes a whole tree."""
    assert pickle.loads(pickle.dumps(value)) == value


ERRORS = [
    thing
    for thing in vars(errors).values()
    if inspect.isclass(thing) and issubclass(thing, errors.HarmoniumError)
]


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_errors_survive_a_pickle_with_their_notes(cls):
    """Class, fields, text and notes are the same on the other side of a process."""
    names = [field.name for field in attrs.fields(cls)] if attrs.has(cls) else []
    required = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING] if names else []
    error = cls(*(f"<{name}>" if name != "timeout" else 1.0 for name in required))
    error.add_note("on the way")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert [getattr(again, name) for name in names] == [getattr(error, name) for name in names]
    assert again.__notes__ == ["on the way"]


def test_refs_are_bound_to_their_system():
    """A ref says why it cannot be pickled, and what to do."""
    ground = SimulatedGround()
    with pytest.raises(TypeError, match="keep the path"):
        pickle.dumps(ground.root.ref)


def loaded_by(statement: str) -> list[str]:
    """Run a statement in a fresh interpreter; give the modules that it loads."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return list(json.loads(done.stdout))


def test_the_import_pulls_no_optional_package():
    """All names of the face need the core dependencies and nothing else."""
    loaded = loaded_by("from harmonium import *")
    assert [name for name in OPTIONAL if name in loaded] == []
    assert not [name for name in loaded if name.startswith(("harmonium.cli", "harmonium.testing"))]


def test_the_bare_import_loads_nothing_else():
    """What a name needs is loaded with the name."""
    loaded = loaded_by("import harmonium")
    assert [name for name in loaded if name.startswith("harmonium")] == ["harmonium"]
    assert "attr" not in loaded


FIRST_PROGRAM = """
from harmonium import Agent, System, child, handles, message, supervisor

@message
class Greet:
    name: str

class Greeter(Agent):
    @handles
    def greet(self, order: Greet) -> Greet:
        if order.name == "nobody":
            raise ValueError(order.name)
        return order

with System(supervisor("desk", children=[child(Greeter, id="greeter")])) as system:
    system.tell("/desk/greeter", Greet("nobody"))
    assert system.ask("/desk/greeter", Greet("you")).result() == Greet("you")
    assert system.restarts == 1
"""
NOT_OF_A_FIRST_PROGRAM = (
    "cattrs",
    "harmonium.actors.budgets",
    "harmonium.actors.chaos",
    "harmonium.actors.claims",
    "harmonium.actors.durable_topics_runner",
    "harmonium.actors.inbox",
    "harmonium.actors.policies",
    "harmonium.actors.simulated",
    "harmonium.actors.stateful_keep",
    "harmonium.actors.store",
    "harmonium.cli",
    "harmonium.protocols.codec",
    "harmonium.protocols.pipeline",
    "harmonium.protocols.reliability.policy",
    "harmonium.protocols.reliability.work_budget",
    "harmonium.protocols.routing",
    "harmonium.protocols.voting",
    "harmonium.supervisors.coordinator",
    "harmonium.supervisors.inbox",
    "harmonium.supervisors.journal_file",
    "harmonium.supervisors.phases",
    "harmonium.supervisors.pool",
    "harmonium.supervisors.pool_spec",
    "harmonium.testing",
)


def test_a_first_program_loads_what_it_uses():
    """A plain tree, its start, a crash and its stop need no store, inbox, pool or pipeline."""
    loaded = loaded_by(FIRST_PROGRAM)
    assert "harmonium.supervisors.system" in loaded
    assert [name for name in (*OPTIONAL, *NOT_OF_A_FIRST_PROGRAM) if name in loaded] == []


def test_the_import_pulls_no_heavy_part_of_the_standard_library():
    """What costs most at import and serves only some stays out until it is used."""
    loaded = loaded_by("from harmonium import *")
    assert [
        name for name in ("multiprocessing.pool", "sqlite3", "unittest") if name in loaded
    ] == []


def test_every_word_of_an_enum_is_documented_by_its_class():
    """Enums that are exported have a docstring of their own."""
    enums = [t for t in EXPORTS.values() if inspect.isclass(t) and issubclass(t, enum.Enum)]
    for cls in enums:
        assert cls.__doc__
        assert "An enumeration" not in cls.__doc__
