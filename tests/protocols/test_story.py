"""The story of a request: a sentence for each record, readable from beginning to end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.decision_log import Entry, Head, Kind, append
from harmonium.protocols.fallback import Escalate, Retry
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Step
from harmonium.protocols.story import tell
from tests.protocols.pipeline.desk import TIMEOUT, Desk
from tests.protocols.pipeline.world import Refused, Work


def _story(desk: Desk) -> list[str]:
    records = append(Head(), [effect.entry for effect in desk.sent(ef.Record)])[1]
    return [line.partition("  ")[2] for line in tell(records, "corr")]


def test_a_request_is_told_from_beginning_to_end() -> None:
    """Replies, refusals, rules, escalation and undo are told in order, each in a sentence."""
    ladder = Ladder(AgentRung("lead"), PersonRung("ann", "pay?", options=("yes",)))
    desk = Desk(
        Step("stock", to="inventory", refused=Refused, fallback=Retry(1), undo=Work),
        Step("pay", to="bank", after="stock", fallback=Escalate(ladder)),
        Step("mail", to="mailer", after="pay"),
        name="orders",
    )
    desk.reply("stock", Refused("empty")).reply("stock", attempt=2).reply("stock", attempt=2)
    desk.fail("pay").fail("pay", attempt=2)(ev.Answered("pay", 3, "yes", "ann"))
    desk.fail("mail").undone("stock")
    order = "Order(id='o1', lines=('a', 'b', 'c'))"
    assert _story(desk) == [
        f"The request {order} began in pipeline orders.",
        "Step stock: inventory failed with Refused: Refused(text='empty').",
        "Step stock: the rule is to retry 1 of 1, because of Refused: Refused(text='empty').",
        "Step stock: inventory answered Done(text='stock').",
        "Step stock: refused an answer (Done(text='stock')): a second answer to attempt 2.",
        "Step pay: bank failed with AskTimeout: no reply.",
        f"Step pay: the rule is to escalate to {ladder}, because of AskTimeout: no reply.",
        f"Step pay: lead was asked (rung 1 of 2): {order}.",
        "Step pay: lead (rung 1 of 2) failed: AskTimeout: no reply.",
        "Step pay: ann was asked (rung 2 of 2): pay?",
        "Step pay: settled by ann (rung 2 of 2): yes.",
        "Step mail: mailer failed with AskTimeout: no reply.",
        "Step stock: it is undone, asking inventory, because of AskTimeout: no reply.",
        "Step stock: inventory has undone it.",
        "The request failed at step mail, because of AskTimeout: no reply.",
    ]


def test_only_the_records_of_the_request_are_told() -> None:
    """Records of other requests in the same log are passed over; times count from the first."""
    entries = [
        Entry(1.0, "other", Kind.BEGAN, what="x"),
        Entry(2.0, "mine", Kind.BEGAN, what="y", rule="p"),
        Entry(3.5, "mine", Kind.EXPIRED),
    ]
    assert tell(append(Head(), entries)[1], "mine") == [
        "+0.000 s  The request y began in pipeline p.",
        "+1.500 s  The request's deadline passed.",
    ]
    assert tell([], "mine") == []


WORDS = st.sampled_from(["", "words", "two words."])


@given(
    st.sampled_from(Kind), WORDS, WORDS, WORDS, WORDS, st.sampled_from(["", "a", "a!undo", "b/"])
)
def test_every_kind_of_record_is_a_sentence(
    kind: Kind, who: str, what: str, rule: str, why: str, step: str
) -> None:
    """Whatever fields a record has, its sentence begins with a capital and has one full stop."""
    (record,) = append(Head(), [Entry(0.0, "r", kind, step, who, what, rule, why)])[1]
    (line,) = tell([record])
    text = line.partition("  ")[2]
    assert text[0].isupper()
    assert text.endswith((".", "?"))
    assert not text.endswith("..")
    assert "  " not in text


@pytest.mark.parametrize("kind", list(Kind))
def test_no_kind_is_told_by_its_bare_name(kind: Kind) -> None:
    """Each kind has words of its own: none falls back to the list of fields."""
    (record,) = append(Head(), [Entry(0.0, "r", kind, "", "WHO", "WHAT", "RULE", "WHY")])[1]
    assert tell([record])[0].partition("  ")[2] != f"WHO {kind.value} WHAT RULE WHY."


def test_a_failure_of_the_whole_is_told_without_a_step() -> None:
    """A cancelled request names its reason."""
    desk = Desk(Step("a", to="x"))(ev.Cancelled("changed my mind"))
    assert _story(desk)[1:] == [
        "The request was cancelled: changed my mind.",
        "Step a: not needed any more, because of Cancelled: changed my mind.",
        "The request failed, because of Cancelled: changed my mind.",
    ]
    assert TIMEOUT.is_any(["AskTimeout"])
