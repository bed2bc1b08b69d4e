"""The topic journal: one order over all topics, cursors, and reading from a time."""

from __future__ import annotations

from harmonium.actors.store import AppendEvents, Entry, PublishEntries, Store
from tests.actors.store.conftest import Clock, Place


def offsets(entries: tuple[Entry, ...]) -> list[int]:
    return [entry.offset for entry in entries]


def test_entries_come_back_in_order(store: Store, clock: Clock) -> None:
    """Offsets rise over all topics."""
    assert (1, 2) == store.topics.publish("orders.new", "a", "b").result()
    assert (3,) == store.topics.publish("stock", "c").result()

    page = store.topics.read().result()
    assert page.entries[0] == Entry(1, "orders.new", clock.time, "a")
    assert [1, 2, 3] == offsets(page.entries)
    assert page.next == store.topics.end().result() == 3


def test_reading_in_pages_with_a_prefix_skips_what_does_not_match(store: Store) -> None:
    """`next` moves past entries of other topics, so that they are not looked at again."""
    for n in range(10):
        store.topics.publish("a.x" if n % 3 == 0 else "b.y", n).result()

    page = store.topics.read(prefix="a.", limit=3).result()
    assert ([1, 4, 7], 7) == (offsets(page.entries), page.next)
    page = store.topics.read(page.next, prefix="a.", limit=3).result()
    assert ([10], 10) == (offsets(page.entries), page.next)
    page = store.topics.read(0, prefix="c.").result()
    assert ((), 10) == (page.entries, page.next)
    assert ((), 99) == (store.topics.read(99).result().entries, store.topics.read(99).result().next)


def test_reading_from_a_time(store: Store, clock: Clock) -> None:
    """The cursor of a time gives the first entry of that time or later."""
    begin = clock.time
    for n in range(10):
        store.topics.publish("t", n).result()
        clock.time += 10

    assert 0 == store.topics.offset_at(begin - 1).result()
    assert 0 == store.topics.offset_at(begin).result()
    assert 4 == store.topics.offset_at(begin + 35).result()
    assert 4 == store.topics.offset_at(begin + 40).result()
    assert 10 == store.topics.offset_at(begin + 91).result()


def test_reading_from_a_time_after_a_trim(store: Store, clock: Clock) -> None:
    """Gaps in the offsets do not lead the search astray."""
    begin = clock.time
    for n in range(20):
        store.topics.publish("t", n).result()
        clock.time += 10
    store.topics.trim(up_to=12).result()

    for n in range(20):
        cursor = store.topics.offset_at(begin + 10 * n).result()
        first = store.topics.read(cursor, limit=1).result().entries[0]
        assert max(n, 12) == first.data


def test_cursors(store: Store) -> None:
    """A subscription's cursor begins at 0, moves both ways, and can be forgotten."""
    assert store.topics.cursor("s").result() == 0
    store.topics.move("s", 5)
    store.topics.move("r", 7)
    store.topics.move("s", 3).result()

    assert {"s": 3, "r": 7} == store.topics.cursors().result()
    assert store.topics.cursor("s").result() == 3
    assert store.topics.forget("s").result() is True
    assert store.topics.cursor("s").result() == 0


def test_effect_and_cursor_in_one_commit(store: Store) -> None:
    """A subscriber that commits both handles each entry once, whatever crashes."""
    done = store.commit(
        AppendEvents("s", ["effect"], expected_version=0),
        store.topics.moving("sub", 1),
        PublishEntries("t", "next"),
    )

    assert (1, (1,)) == (done.result()[0], done.result()[2])
    assert store.topics.cursor("sub").result() == 1


def test_trimmed_entries_do_not_come_back(store: Store) -> None:
    """Retention deletes the oldest; offsets go on."""
    for n in range(5):
        store.topics.publish("t", n)
    assert store.topics.trim(keep=2).result() == 3

    page = store.topics.read().result()
    assert ([4, 5], 5) == (offsets(page.entries), page.next)
    store.topics.trim(keep=0).result()
    assert (6,) == store.topics.publish("t", "x").result()


def test_the_journal_outlives_the_store(durable: Place) -> None:
    """Entries and cursors are there after the store is opened again."""
    first = durable.open()
    first.topics.publish("t", "x")
    first.topics.move("s", 1).result()
    first.close()

    again = durable.open()
    assert [1] == offsets(again.topics.read().result().entries)
    assert again.topics.cursor("s").result() == 1


def left(store: Store) -> list[int]:
    return offsets(store.topics.read().result().entries)


def test_what_all_have_taken_goes_by_number(store: Store) -> None:
    """The slowest cursor decides; then the bound."""
    store.topics.publish("t", *range(10)).result()
    store.topics.move("fast", 9).result()
    store.topics.move("slow", 4).result()
    assert store.topics.trim_taken(keep=8).result() == 2
    assert left(store) == list(range(3, 11))
    assert store.topics.trim_taken(keep=0).result() == 2
    assert left(store) == list(range(5, 11))
    store.topics.move("slow", 10).result()
    assert store.topics.trim_taken(keep=0, limit=3).result() == 3
    assert store.topics.trim_taken(keep=0, limit=3).result() == 2
    assert left(store) == [10]


def test_what_all_have_taken_goes_by_age(store: Store, clock: Clock) -> None:
    """In the store's own time, relative to the moment of the deletion or absolute."""
    begin = clock.time
    for n in range(10):
        store.topics.publish("t", n).result()
        clock.time += 10
    store.topics.move("s", 7).result()
    assert store.topics.trim_taken(older=80).result() == 2
    assert store.topics.trim_taken(before=begin + 35).result() == 2
    assert left(store) == list(range(5, 11))
    assert store.topics.trim_taken(older=1).result() == 3
    assert left(store) == [8, 9, 10]


def test_either_bound_lets_an_entry_go_and_none_keeps_all(store: Store, clock: Clock) -> None:
    """Number, age, or nothing."""
    store.topics.publish("t", *range(5)).result()
    clock.time += 10
    store.topics.publish("t", *range(5)).result()
    assert store.topics.trim_taken().result() == 0
    assert store.topics.trim_taken(keep=8, older=5).result() == 5
    assert store.topics.trim_taken(keep=3, older=50).result() == 2


def test_without_subscriptions_the_bounds_decide(store: Store) -> None:
    """Also on a journal that is empty, or was never there."""
    assert store.topics.trim_taken(keep=0).result() == 0
    store.topics.publish("t", 1, 2, 3).result()
    assert store.topics.trim_taken(keep=1).result() == 2
    assert store.topics.trim_taken(keep=0).result() == 1
    assert store.topics.trim_taken(keep=0).result() == 0


def test_a_subscription_that_begins_or_goes_back_just_before_loses_nothing(store: Store) -> None:
    """All are handed over at once; the cursors are those of the moment of the deletion."""
    store.topics.publish("t", *range(5)).result()
    store.topics.move("s", 5).result()
    store.topics.move("new", 2)
    store.topics.move("s", 4)
    first = store.topics.trim_taken(keep=0)
    store.topics.forget("new")
    second = store.topics.trim_taken(keep=0)
    assert (first.result(), second.result()) == (2, 2)
    assert left(store) == [5]
