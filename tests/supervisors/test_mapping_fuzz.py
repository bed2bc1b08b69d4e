"""Whatever stands at any key of a system file, the answer is a tree or one error with its place."""

# ruff: noqa: E501 - the tables of TOML are written in one line
from __future__ import annotations

import copy
import datetime as dt
import tomllib
from typing import Any

import pytest

from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.supervisors.mapping_system import system_from_mapping

PIPES = "tests.supervisors.test_pipeline_mapping"
FILE = f"""
name = "yard"
strategy = "rest_for_one"
max_restarts = 5
within = "10s"
per_child = false
subtree = {{max_restarts = 9, within = "1m"}}
auto_shutdown = "any_significant"
completed = "revive"
held = "stay"
exhausted = "abnormal"
on_root_exhausted = "park"
lost_grace = "50ms"
keep_added = true
directives = {{KeyError = "resume", "*" = "restart"}}
work_budget = {{messages = 9, seconds = "1m", concurrency = 3, money = "12.50", tokens = 7, warn_at = [0.5], stops = true}}

[[children]]
id = "stock"
agent = "builtins:dict"
args = [1]
kwargs = {{apples = 3}}
restart = "transient"
significant = true
backoff = {{initial = "100ms", maximum = "30s", factor = 2, jitter = 0.2, stable_for = 5, max_retries = 7}}
quarantine = {{initial = 1, maximum = 9}}
budget = {{max_restarts = 3, within = "5s"}}
mail = {{stash = 100}}
shutdown = "2s"
start_timeout = "never"
retries = 4
poison = {{attempts = 3, age = "5s", others = 1}}
handler_limit = "1m"
mailbox = 100
overflow = "fail"
stash = 10
keep_children = false
forced = false
options = {{anything = 1}}
work_budget = {{messages = 5}}

[[children]]
id = "replies"
agent = "builtins:dict"
mail = {{reply = "builtins:Ellipsis"}}

[[children]]
id = "forwards"
agent = "builtins:dict"
mail = {{forward = "/other"}}

[[children]]
id = "inner"
[children.supervisor]
kind = "dynamic"
max_children = 10
extra_args = [1]
template = {{id = "job", agent = "builtins:list", shutdown = "kill"}}

[[children]]
id = "shards"
supervisor = {{kind = "partition", partitions = 3, template = {{id = "x", agent = "builtins:set"}}}}

[[children]]
id = "dog"
agent = "{PIPES}:Dog"
singleton = {{lease = "dog", seconds = "10s", margin = 0.1}}

[[children]]
id = "porters"
agent = "tests.supervisors.test_pool:Porter"
[children.pool]
size = [2, 16]
router = {{sticky = {{patience = 10, max_sessions = 99, place = {{consistent_hash = {{load_bound = 1.5, points = 9}}}}}}}}
key = "customer"
on_member_crash = "hand_over"
weights = [1, 2.5]
drain = "5s"
max_restarts = 3
within = "9s"
autoscale = {{utilisation = 0.8, depth = 4, wait = "1s", period = "2s", tolerance = 0.1, cooldown = "2s", shrink_after = "3s"}}

[[children]]
id = "few"
agent = "tests.supervisors.test_pool:Porter"
pool = {{size = 3, router = {{scatter_first = {{fan_out = 2}}}}, drain = "never"}}

[[children]]
id = "many"
agent = "tests.supervisors.test_pool:Porter"
pool = {{router = {{consistent_hash = {{load_bound = "never"}}}}, key = "tests.supervisors.test_pool:heaviest"}}

[[children]]
id = "two"
agent = "tests.supervisors.test_pool:Porter"
pool = {{router = {{least_loaded = {{two_choices = true}}}}}}

[[children]]
id = "named"
pipeline = "{PIPES}:NAMED"

[[children]]
id = "walk"
messages = ["{PIPES}", "{PIPES}:Fetch"]
limit = 20
keep = {{results = 100, results_for = "1h", decisions = 500}}

[children.pipeline]
name = "walk"
request = "Fetch"
result = {{message = "Fetched", n = "$one.n"}}
timeout = "5s"
within = "1m"
enough = "$one"
undo_fallback = [{{retry = 3, backoff = "100ms"}}]

[[children.pipeline.steps]]
name = "one"
to = "dog"
send = {{message = "Fetch", n = "$request.n"}}
expect = ["Fetched"]
refused = ["Fetch"]
concurrency = 3
each = "$request.many"
timeout = "1s"
when = {{all = [{{value = "$request.n", above = 3}}, {{value = "$request.n", in = [1, 2]}}]}}
fallback = [
    {{retry = 2, backoff = {{initial = 1, maximum = 2, factor = 2, jitter = 0.1}}, on = ["AskTimeout"]}},
    {{hedge = "1s", to = "stock"}},
    {{to = "stock"}},
    {{send = "Fetch"}},
    {{escalate = [{{agent = "dog", send = "Fetch", timeout = "1s", expect = ["Fetched"]}}, {{rule = 3, name = "three"}}]}},
    {{use = 7, on = "AskTimeout"}},
    {{skip = true, on = "AskFailed"}},
    {{fail = true}},
]
undo = {{message = "Fetch", n = 1}}
undo_to = "dog"
undo_timeout = 3
undo_fallback = {{retry = 1}}
undo_in_doubt = true
[children.pipeline.steps.policy]
timeout = "2s"
attempt_timeout = "1s"
retry = {{attempts = 4, backoff = {{initial = "1s"}}, on = ["AskTimeout"], never = "AskFailed"}}
breaker = {{failure_rate = 0.5, minimum = 9, calls = 99, slow_after = "1s", slow_rate = 0.9, open_for = {{initial = 1, maximum = 9}}, trial_timeout = 9, ignore = ["KeyError"]}}
bulkhead = {{concurrent = 3, waiting = 9, max_wait = "1s"}}
rate = {{per_second = 50, burst = 2, max_wait = 1}}
hedge = {{after = "1s", percentile = 0.9, copies = 1, learn_from = 9}}
[children.pipeline.steps.undo_policy]
retry_budget = {{ratio = 0.3, minimum = 3, window = "9s"}}
breaker = {{seconds = "10s", open_for = 3}}

[[children.pipeline.steps]]
name = "asked"
after = ["one"]
person = [{{person = "people", question = "enough?", options = ["yes"], expect = ["Fetched"], timeout = "1m"}}]

[[children.pipeline.steps]]
name = "heard"
topic = "barks"
gather = {{want = 3, least = 2}}

[[children.pipeline.steps]]
name = "voted"
after = "one"
vote = {{among = ["a", "b", "c"], rule = "supermajority", share = 0.7, quorum = 2, deadline = "1s", tie = {{priority = ["a", "b"]}}, options = ["a", "b"], early = true, undecided_is_result = false}}

[[children.pipeline.steps]]
name = "weighed"
vote = {{among = "$request.names", rule = "weighted", weights = {{a = 2}}, tie = {{draw = 7}}}}

[[children.pipeline.steps]]
name = "below"
pipeline = {{request = "Fetch", steps = [{{name = "a", to = "dog"}}]}}

[[children.pipeline.conflicts]]
name = "clash"
between = ["one", "heard"]
when = {{value = "$one", is_not = "$heard"}}
resolve = [{{prefer = "one"}}]

[[stop_phases]]
name = "drain"
[[stop_phases]]
name = "close"
after = ["drain"]
timeout = "250ms"
recover = false
enabled = true

[system]
store = "yard.db"
dead_letters = {{letters = 1000, size = 1000000, keep_for = "7d"}}
topics = {{entries = 100000, seconds = "7d", every = "1m"}}
limits = {{drain = "5s", children = "1m"}}
"""
VALID = tomllib.loads(FILE)

Place = tuple[str | int, ...]


def places(data: Any, above: Place = ()) -> list[Place]:
    """Every key and index of a file."""
    if not isinstance(data, dict | list):
        return []
    keys = data.keys() if isinstance(data, dict) else range(len(data))
    return [one for key in keys for one in ((*above, key), *places(data[key], (*above, key)))]


def replaced(place: Place, value: Any) -> Any:
    """A copy of the file with another value at one place."""
    whole: Any = copy.deepcopy(VALID)
    at = whole
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return whole


def without(place: Place) -> Any:
    """A copy of the file without one place."""
    whole: Any = copy.deepcopy(VALID)
    at = whole
    for key in place[:-1]:
        at = at[key]
    del at[place[-1]]
    return whole


PLACES = places(VALID)
JUNK: tuple[Any, ...] = (
    -1,
    0,
    3,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    True,
    "",
    "no such word",
    "no.module:here",
    "$no.such.path",
    [],
    [[]],
    [3],
    ["a"],
    {},
    {"no_such_key": 1},
    dt.date(2010, 12, 1),
)


def refused(data: Any) -> ConfigError | SpecError | None:
    """The one error that a file may give; whatever else is raised fails the test."""
    try:
        system_from_mapping(data)
    except (ConfigError, SpecError) as error:
        return error
    return None


def test_the_file_that_is_changed_here_is_right():
    assert refused(VALID) is None


@pytest.mark.parametrize("value", JUNK, ids=lambda value: repr(value)[:20])
def test_a_wrong_value_at_any_key_gives_one_error_with_its_place(value):
    """No error of Python comes through, whichever value stands where; the line says where."""
    for place in PLACES:
        error = refused(replaced(place, value))
        if error is not None:
            assert error.path, place
            assert error.problem, place


def test_a_key_that_is_missing_gives_a_tree_or_one_error_with_its_place():
    for place in PLACES:
        error = refused(without(place))
        assert error is None or error.path, place
