"""A mapped step: an item each, a limit on those in work, one result in order."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.fallback import Retry, Skip, Use
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.pipeline.state import Status
from tests.protocols.pipeline.desk import TIMEOUT, Desk
from tests.protocols.pipeline.world import Done, Order, Work


def _desk(*fallback: Any, lines: tuple[str, ...] = ("p", "q", "r"), **options: Any) -> Desk:
    step = Step(
        "a", to="x", each=lambda c: c.request.lines, send=lambda c: Work(f"{c.index}:{c.item}"),
        fallback=fallback, **options,
    )  # fmt: skip
    return Desk(step, Step("end", to="x", after="a"), request=Order(lines=lines))


def test_items_are_sent_up_to_the_limit() -> None:
    """At most `concurrency` items are in work; each that ends lets the next begin."""
    desk = _desk(concurrency=2)
    assert [(s.step, s.message.text) for s in desk.just(ef.Send)] == [
        ("a[0]", "0:p"),
        ("a[1]", "1:q"),
    ]
    assert desk.reply("a[1]").steps() == ["a[2]"]
    assert desk.reply("a[0]").steps() == []
    assert desk.reply("a[2]").steps() == ["end"]


def test_the_result_is_in_the_order_of_the_items() -> None:
    """Whatever the order of replies, the tuple follows the collection."""
    desk = _desk().reply("a[2]").reply("a[0]").reply("a[1]").reply("end")
    assert desk.result["a"] == (Done("a[0]"), Done("a[1]"), Done("a[2]"))


def test_each_item_has_its_own_key_and_rules() -> None:
    """An item is retried, replaced or skipped without the others."""
    desk = _desk(Retry(1, on="MailboxFull"), Use(lambda c: c.item, on="AgentDead"), Skip())
    keys = [send.idempotency_key for send in desk.just(ef.Send)]
    assert keys == ["r1:a[0]", "r1:a[1]", "r1:a[2]"]
    desk.fail("a[0]").fail("a[1]", ef.Failure("AgentDead")).reply("a[2]").reply("end")
    assert desk.result["a"] == (None, "q", Done("a[2]"))


def test_an_item_that_fails_fails_the_step() -> None:
    """The other items are withdrawn, and no more begin."""
    desk = _desk(concurrency=2).fail("a[1]")
    assert desk.just(ef.CancelStep) == [ef.CancelStep("a[0]", 1)]
    assert desk.failure.step == "a[1]"
    assert desk.state.status("a") is Status.CANCELLED
    assert len(desk.sent(ef.Send)) == 2


def test_an_empty_collection_is_done_at_once() -> None:
    """A map over nothing gives an empty tuple, and who needs it goes on."""
    desk = _desk(lines=())
    assert desk.steps() == ["end"]
    assert desk.reply("end").result["a"] == ()


def test_finished_items_are_undone_the_latest_first() -> None:
    """Each item is undone by itself, with its own item, result and key."""
    desk = _desk(undo=lambda c: Work(f"{c.item} {c.result.text}"))
    desk.reply("a[1]").reply("a[2]").reply("a[0]").fail("end")
    for item, text in ((0, "p a[0]"), (2, "r a[2]"), (1, "q a[1]")):
        path = f"a[{item}]"
        (undo,) = desk.just(ef.Undo)
        assert (undo.step, undo.message.text, undo.idempotency_key) == (
            path, text, f"r1:{path}:undo"
        )  # fmt: skip
        desk.undone(path)
    assert desk.failure.undone == ("a[0]", "a[2]", "a[1]")


def test_items_in_flight_with_an_undo_are_waited_for() -> None:
    """When one item fails the others may be done all the same, and are undone then."""
    desk = _desk(undo=Work).reply("a[0]").fail("a[1]")
    assert desk.just(ef.Undo, ef.CancelStep) == []
    assert desk.reply("a[2]").steps(ef.Undo) == ["a[2]"]
    assert desk.undone("a[2]").steps(ef.Undo) == ["a[0]"]
    assert desk.undone("a[0]").failure.undone == ("a[2]", "a[0]")


def test_a_message_class_is_made_of_the_item() -> None:
    """Without a `send` the item itself is sent; a class is built from it."""
    plain = Desk(Step("a", to="x", each=lambda c: c.request.lines))
    assert [send.message for send in plain.just(ef.Send)] == ["a", "b", "c"]
    built = Desk(Step("a", to="x", each=lambda c: c.request.lines, send=Work))
    assert [send.message for send in built.just(ef.Send)] == [Work("a"), Work("b"), Work("c")]


def test_items_that_end_at_once_need_no_stack() -> None:
    """Ten thousand items whose message cannot be made are skipped one after the other."""
    step = Step("a", to="x", each=lambda c: range(10_000), send=lambda c: 1 / 0, fallback=Skip())
    assert Desk(step).result == {"a": (None,) * 10_000}


def test_a_second_reply_to_an_item_is_refused() -> None:
    """Items that have ended, and items that do not exist, take no reply."""
    desk = _desk().reply("a[0]")
    before = desk.state
    desk.reply("a[0]").reply("a[9]").reply("a")
    assert desk.state == before


def test_items_may_be_sub_pipelines() -> None:
    """Each item runs the sub-pipeline as its request, with paths of its own."""
    inner = Pipeline(Order, [Step("in", to="x", undo=Work)], result=lambda c: c.request.id)
    orders = (Order("p"), Order("q"))
    desk = Desk(Step("a", pipeline=inner, each=lambda c: orders), Step("end", to="x", after="a"))
    assert [s.step for s in desk.just(ef.Send)] == ["a[0]/in", "a[1]/in"]
    assert desk.just(ef.Send)[1].idempotency_key == "r1:a[1]/in"
    desk.reply("a[1]/in").reply("a[0]/in").fail("end", TIMEOUT)
    assert desk.steps(ef.Undo) == ["a[0]/in"]
    desk(ev.UndoReplied("a[0]/in", 1))(ev.UndoReplied("a[1]/in", 1))
    assert desk.failure.undone == ("a[0]/in", "a[1]/in")
