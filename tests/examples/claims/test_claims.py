"""The example of claims: who decides a contradiction, and that money adds up."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from examples.claims import rules
from examples.claims.application import Settings, application
from examples.claims.messages import AskLead, Assessment, Claim, Ruling, Settle, Unsure
from examples.claims.reading import SAMPLE, read_claims
from examples.claims.system import claims_office, payments_of
from harmonium import System
from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import ConfigError


def claim(id="C1", kind="water", amount=100, estimate=100, months=12, covered=("water",)):
    return Claim(id, "Ann", kind, covered, Decimal(amount), Decimal(estimate), months)


@pytest.fixture
def claims(run):
    """Run the example, and give its status and summary."""

    def call(*words):
        ran = run("run", "examples/claims", "--json", *words)
        return ran.status, ran.summary

    return call


@pytest.mark.parametrize(
    ("given", "policy", "damage"),
    [
        (claim(), True, True),
        (claim(kind="fire"), False, True),
        (claim(months=2), False, True),
        (claim(estimate=0), True, False),
        (claim(amount=151), True, False),
        (claim(amount=150), True, True),
    ],
)
def test_each_assessor_goes_by_its_own_rule(given, policy, damage):
    """The contract on one side, the damage on the other."""
    assert rules.read_policy(given).pay is policy
    assert rules.look_at_damage(given).pay is damage


@pytest.mark.parametrize(
    ("amount", "decided"),
    [(200, Ruling(pay=True, by="lead")), (1999, Ruling(pay=False, by="lead")), (2000, Unsure())],
)
def test_the_lead_decides_small_cases_and_leaves_large_ones(amount, decided):
    """Goodwill up to 200, the contract below 2,000."""
    no, yes = (Assessment(pay=pay, most=Decimal(1), why="") for pay in (False, True))
    assert rules.lead(AskLead(claim(amount=amount), no, yes)) == decided


def test_the_sample_is_settled_by_everybody_in_turn(claims):
    """Assessors, lead, person and rule each have the last word on some claims."""
    status, summary = claims()
    assert status == 0
    assert summary["claims"] == 60
    assert set(summary["decided_by"]) == {"assessors", "lead", "person", "rule"}
    assert summary["contradictions"] == 28
    assert summary["account"]["in_flight"] == 0


def test_without_a_person_the_rule_decides(claims):
    """The rung's deadline passes, and what is in doubt is declined."""
    status, summary = claims("--set", "person=nobody", "--set", "patience=0.05")
    assert (status, summary["decided_by"].get("person")) == (0, None)
    assert summary["decided_by"]["rule"] == 14


def test_chaos_changes_no_sum(claims):
    """Crashes of every agent: each claim one outcome, nothing paid twice."""
    status, summary = claims("--chaos", "crash=0.05", "--seed", 4)
    assert (status, summary["claims"]) == (0, 60)
    assert summary["restarts"] > 0


def test_a_person_who_really_answers_is_waited_for():
    """`person=wait`: the claim is open until somebody answers, and that decides it."""
    tree = application.build(Settings(person="wait"))
    large = claim(kind="fire", amount=3000, estimate=2500)

    async def scenario():
        async with System(tree) as system:
            settled = system.ask("claims", Settle(large), timeout=30.0)
            while not (questions := await system.inbox("people").list()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert "fire is not covered" in questions[0].text
            assert not settled.done()
            await system.inbox("people").answer(questions[0].id, "pay", by="ann")
            assert (await settled).decided_by == "person"
            kinds = [one.kind for one in system.ref("claims")._cell.agent.decisions]
            assert kinds.count(Kind.CONFLICT) == 1
            assert kinds.count(Kind.ESCALATED) == 2

    asyncio.run(scenario())
    assert payments_of(tree) == {"C1": Decimal(2500)}


def test_a_broken_file_is_read_in_part(tmp_path):
    """Each line that is no claim is named, and the others count."""
    path = tmp_path / "claims.csv"
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[:3]
    path.write_text("\n".join([*lines, "what", lines[1], "C9,Ann,fire,fire,-1,1,1"]))
    file = read_claims(path)
    assert len(file.claims) == 2
    assert [one.partition(":")[0] for one in file.problems] == ["line 4", "line 5", "line 6"]


@pytest.mark.parametrize("text", ["", "a,b\n"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    """Before anything starts."""
    path = tmp_path / "claims.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match="its first line is not"):
        read_claims(path)


def test_check_finds_nothing_and_the_pipeline_is_drawn(run):
    """`run.py check` and `tree --pipeline` know the example."""
    assert run("check", "examples/claims").status == 0
    assert "conflict: policy / damage" in run("tree", "examples/claims", "--pipeline").out


def test_the_office_is_declared_anew_each_time():
    """Two systems share no book."""
    assert payments_of(claims_office()) is not payments_of(claims_office())
