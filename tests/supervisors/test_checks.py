"""What `check` finds in a declared system before anything starts."""

from __future__ import annotations

import pytest

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.protocols.errors import SpecError
from harmonium.protocols.fallback import Escalate
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.voting.shares import Majority
from harmonium.supervisors.checks import ADVICE, find_mistakes
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.directory import Directory
from harmonium.supervisors.inbox import inbox
from harmonium.supervisors.pipelines import pipelines_of
from harmonium.supervisors.spec import child, dynamic_supervisor, supervisor


@message
class Go:
    n: int


@message
class Other:
    n: int


@message
class Gone:
    n: int


class Worker(Agent):
    @handles
    def go(self, go: Go) -> Gone:
        return Gone(go.n)


def _tree(*steps, request=Go, others=()):
    pipeline = Pipeline(request, steps, name="work")
    group = supervisor("group", children=[child(Worker, id="one"), child(Worker, id="two")])
    children = [child(Worker, id="worker"), group, *others, coordinator(pipeline)]
    return supervisor("top", children=children)


def _problems(tree):
    return [one for one in find_mistakes(tree) if one.rule.startswith("pipeline")]


def _vote(among):
    return Step("one", vote=Vote(among=among, rule=Majority()))


@pytest.mark.parametrize("to", ["worker", "/top/worker", "group/two", "/top/group/one"])
def test_every_address_that_finds_an_agent_is_right(to):
    """Ids, paths below a supervisor and paths from the top, as the registry has them."""
    assert _problems(_tree(Step("one", to=to))) == []


@pytest.mark.parametrize("to", ["worke", "/top/worke", "/tip/worker", "group/three"])
def test_an_address_that_nobody_has_is_found(to):
    """With the step's name."""
    (one,) = _problems(_tree(Step("one", to=to)))
    assert "'one'" in one.path
    assert to in one.sentence


def test_a_message_outside_the_contract_is_found():
    """The agent does not take what the step sends."""
    (one,) = _problems(_tree(Step("one", to="worker", send=Other)))
    assert "Other" in one.sentence
    assert one.rule != ADVICE


def test_a_request_that_is_passed_on_is_held_against_the_contract():
    """A step without `send` sends the request itself."""
    (one,) = _problems(_tree(Step("one", to="worker"), request=Other))
    assert "Other" in one.sentence


def test_a_vote_is_held_against_every_member_of_its_group():
    """All members must take the question."""
    assert _problems(_tree(_vote("group"))) == []
    (one,) = _problems(_tree(_vote("group"), request=Other))
    assert "Other" in one.sentence


def test_a_reply_that_never_comes_is_found():
    """The step expects a class that is not in the contract."""
    found = _problems(_tree(Step("one", to="worker", expect=Other)))
    assert any("never answers" in one.sentence for one in found)


def test_refusals_alone_leave_every_other_reply_a_result():
    """No advice about replies that `refused=` does not name."""
    assert _problems(_tree(Step("one", to="worker", refused=Gone))) == []


def test_a_result_that_is_read_before_its_step_is_done_is_found():
    """Two steps side by side cannot read each other."""
    steps = [Step("one", to="worker"), Step("two", to="worker", send=lambda c: Go(c["one"].n))]
    (one,) = _problems(_tree(*steps))
    assert "after" in one.remedy


def test_what_stands_below_an_agent_comes_later():
    """Children that an agent spawns, and those of a dynamic supervisor, are not known."""
    crowd = dynamic_supervisor("crowd", template=child(Worker, id="worker"))
    steps = [Step("one", to="worker/7"), Step("two", to="crowd/9")]
    assert _problems(_tree(*steps, others=[crowd])) == []
    (one,) = _problems(_tree(Step("two", to="crowd/9", send=Other), others=[crowd]))
    assert "Other" in one.sentence


def test_the_nearest_supervisor_is_looked_at_first():
    """An id below one's own supervisor hides one further up."""
    deep = supervisor(
        "deep", children=[child(Worker, id="worker"), coordinator(Pipeline(Go, [_vote("worker")]))]
    )
    tree = supervisor("top", children=[child(Worker, id="worker"), deep])
    (declared,) = pipelines_of(tree)
    assert declared.path == "/top/deep/go"
    assert Directory(declared.above).path_of("worker") == "/top/deep/worker"


def test_coordinators_that_ask_each_other_are_found_once():
    """Each would wait for the other until its deadline."""
    ask = [coordinator(Pipeline(Go, [Step("s", to=to)]), id=id) for id, to in ("ab", "bc", "ca")]
    (one,) = _problems(supervisor("top", children=ask))
    assert one.rule == "pipeline-circle"
    assert "/top/a asks /top/b asks /top/c asks /top/a" in one.sentence


PERSON = PersonRung("ann", question="yes?")
ASKS_ANN = [
    Step("late", person=PERSON),
    Step("late", to="worker", fallback=[Escalate(Ladder(AgentRung("worker"), PERSON))]),
    Step("late", pipeline=Pipeline(Go, [Step("inner", person=PERSON)])),
    Step("late", to="worker", undo=Go, undo_fallback=[Escalate(Ladder(PERSON))]),
]


@pytest.mark.parametrize("step", ASKS_ANN, ids=["person", "escalate", "sub-pipeline", "undo"])
def test_a_person_needs_an_inbox(step):
    """Nobody of that name, an agent that is no inbox, and an inbox."""
    (nobody,) = _problems(_tree(step))
    assert "'ann', and nobody has that name" in nobody.sentence
    (agent,) = _problems(_tree(step, others=[child(Worker, id="ann")]))
    assert "no inbox" in agent.sentence
    assert agent.remedy == "declare inbox('ann')"
    assert _problems(_tree(step, others=[inbox("ann")])) == []


def test_who_subscribes_to_a_topic_comes_later():
    """A topic is no address; who is there is known only when it runs."""
    assert _problems(_tree(Step("one", topic="news"))) == []


def test_steps_in_a_circle_or_never_reached_are_refused_when_they_are_declared():
    """The definition itself is refused, with every place and a remedy."""
    circle = [Step("a", to="x", after="b"), Step("b", to="x", after="a")]
    with pytest.raises(SpecError, match="circle"):
        Pipeline(Go, circle)
    with pytest.raises(SpecError, match="'c'.*never reached"):
        Pipeline(Go, [*circle, Step("c", to="x", after="b")])


def test_a_compensation_without_an_action_is_refused_when_it_is_declared():
    """Nobody did the step, and nobody is named to undo it; or nothing says what to do."""
    with pytest.raises(SpecError, match="an undo without an action"):
        Pipeline(Go, [Step("a", topic="news", undo=Go)])
    with pytest.raises(SpecError, match="how to undo but not what"):
        Pipeline(Go, [Step("a", to="x", undo_to="y")])
