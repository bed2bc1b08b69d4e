"""Questions to people on the command line: of a system that runs, and of one that is down."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from harmonium import AskFailed, System, message
from harmonium.protocols.ladder import Ladder, PersonRung, RuleRung
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.control import ControlServer
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.inbox import inbox
from harmonium.supervisors.spec import supervisor


@message
class Pay:
    amount: int


@message
class Paid:
    text: str


def office():
    """A coordinator that asks a person, then a rule."""
    rung = PersonRung("people", lambda c: f"pay {c.request.amount}?", options=("yes", "no"))
    step = Step("ok", person=Ladder(rung, RuleRung("the rule")))
    pipeline = Pipeline(Pay, [step], name="pay", result=lambda c: Paid(c["ok"]))
    return supervisor("office", children=[inbox("people"), coordinator(pipeline)])


@pytest.fixture
def running(tmp_path):
    """A system with one question, its control socket and its answer."""
    path, answers = tmp_path / "control", []
    up, end = threading.Event(), []

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        end.append(lambda: loop.call_soon_threadsafe(done.set))
        system = System(office())
        async with system, ControlServer(system, path):
            asked = system.ask("pay", Pay(7), timeout=60.0, correlation_id="claim-7")
            while not len(await system.inbox("people").list()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            up.set()
            try:
                answers.append(await asked)
            except AskFailed as error:
                answers.append(str(error))
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert up.wait(10.0)
    yield path, answers
    end[0]()
    thread.join(10.0)


def test_a_question_is_listed_shown_and_answered_while_the_system_runs(run, running):
    """Over the control socket; the request goes on with the answer."""
    path, answers = running
    listed = run("inbox", "list", "--control", path)
    assert listed.status == 0
    assert "people  claim-7  pay 7?  [yes | no]" in listed.out
    (question,) = json.loads(run("inbox", "list", "--control", path, "--json").out)
    shown = run("inbox", "show", question["id"][:5], "--control", path).out
    assert "question:  pay 7?" in shown
    assert '"amount":7' in shown
    wrong = run("inbox", "answer", question["id"], "perhaps", "--control", path)
    assert (wrong.status, "none of yes, no" in wrong.out) == (1, True)
    right = run("inbox", "answer", question["id"], "yes", "--by", "ann", "--control", path)
    assert (right.status, right.out) == (0, f"{question['id']}: taken\n")
    late = run("inbox", "answer", question["id"], "no", "--control", path)
    assert (late.status, "late: ann has answered" in late.out) == (1, True)
    assert run("inbox", "list", "--control", path).out == ""
    assert "taken" in run("inbox", "list", "--all", "--control", path).out
    assert answers == [Paid("yes")]


def test_who_declines_lets_the_rule_decide(run, running):
    """`refuse` ends the rung at once."""
    path, answers = running
    (question,) = json.loads(run("inbox", "list", "--control", path, "--json").out)
    assert run("inbox", "refuse", question["id"], "not mine", "--control", path).status == 0
    assert run("inbox", "list", "--control", path).out == ""
    assert answers == [Paid("the rule")]


def test_a_request_is_cancelled_and_its_question_closed(run, running):
    """By its correlation id; an unknown one is told by the exit status."""
    path, answers = running
    assert run("cancel", "nobody's", "--control", path).status == 1
    ran = run("cancel", "claim-7", "no longer wanted", "--control", path)
    assert (ran.status, ran.out) == (0, "claim-7: 1 cancelled\n")
    assert run("inbox", "list", "--control", path).out == ""
    assert "no longer wanted" in answers[0]


def test_an_answer_is_written_while_the_system_is_down_and_taken_when_it_runs_again(run, tmp_path):
    """The question outlives the process, and so does its request."""
    store = tmp_path / "work.db"
    with System(office(), store=store) as system:
        asked = system.ask("pay", Pay(7), timeout=60.0, idempotency_key="k7")
        wait_for_a_question(system)
    with pytest.raises(Exception, match="."):
        asked.result(1.0)
    (question,) = json.loads(run("inbox", "list", "--store", store, "--json").out)
    assert run("inbox", "answer", question["id"], "perhaps", "--store", store).status == 1
    kept = run("inbox", "answer", question["id"], "yes", "--by", "ann", "--store", store)
    assert (kept.status, "kept" in kept.out) == (0, True)
    with System(office(), store=store) as system:
        again = system.ask("pay", Pay(7), timeout=10.0, idempotency_key="k7")
        assert again.result() == Paid("yes")
        shown = system.inbox("people").show(question["id"]).result()
        assert (shown[0].standing.value, shown[0].by) == ("taken", "ann")


def test_an_answer_that_another_process_writes_into_the_store_is_noticed(run, tmp_path):
    """The running inbox watches its store, so that no answer is lost there."""
    store = tmp_path / "work.db"
    with System(office(), store=store) as system:
        asked = system.ask("pay", Pay(7), timeout=30.0)
        wait_for_a_question(system)
        (question,) = json.loads(run("inbox", "list", "--store", store, "--json").out)
        assert run("inbox", "answer", question["id"], "no", "--store", store).status == 0
        assert asked.result() == Paid("no")


def wait_for_a_question(system):
    """Ask until there is one; each ask takes a moment, so no pause is needed."""
    for _ in range(10_000):
        if len(system.inbox("people").list().result()):
            return
    raise AssertionError("no question came")


@pytest.mark.parametrize("words", [(), ("--control", "nowhere", "--store", "x")])
def test_exactly_one_place_is_needed(run, words):
    """A socket or a store."""
    ran = run("inbox", "list", *words)
    assert (ran.status, "either --control SOCKET or --store FILE" in ran.err) == (2, True)


def test_a_store_that_is_not_there_is_not_made(run, tmp_path):
    """A wrong name is an error, not an empty store."""
    ran = run("inbox", "list", "--store", tmp_path / "none.db")
    assert (ran.status, "there is no such file" in ran.err) == (2, True)
    assert not (tmp_path / "none.db").exists()
