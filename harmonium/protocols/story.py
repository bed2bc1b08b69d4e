"""The story of a request: the records of its correlation id as sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harmonium.protocols.decision_log import Kind, Record

__all__ = ["sentence", "tell"]


def tell(records: Iterable[Record], correlation_id: str | None = None) -> list[str]:
    """Tell a story, a sentence for each record, with the seconds since its beginning.

    Args:
        records: The records, in the order of the log; those of other requests
            are passed over.
        correlation_id: Whose story; None takes the records as they come.

    Example:
        >>> from harmonium.protocols.decision_log import Entry, Head, append
        >>> entries = [
        ...     Entry(7.0, "r1", Kind.BEGAN, what="PlaceOrder(7)", rule="orders"),
        ...     Entry(7.5, "r1", Kind.FAILED, "stock", "inventory", "AskTimeout", why="no reply"),
        ... ]
        >>> for line in tell(append(Head(), entries)[1], "r1"):
        ...     print(line)
        +0.000 s  The request PlaceOrder(7) began in pipeline orders.
        +0.500 s  Step stock: inventory failed with AskTimeout: no reply.
    """
    story = [one for one in records if correlation_id in (None, one.correlation_id)]
    start = story[0].time if story else 0.0
    return [f"+{record.time - start:.3f} s  {sentence(record)}" for record in story]


def sentence(record: Record) -> str:
    """Put one record into a sentence."""
    words = _SENTENCES.get(record.kind, _unknown)(record)
    text = " ".join(f"{_subject(record)}{words}".split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _subject(record: Record) -> str:
    if record.kind in _OF_THE_REQUEST:
        return f"step {record.step.strip('/')}: " if record.step.endswith("/") else ""
    undo = record.step.endswith("!undo")
    step = record.step.removesuffix("!undo")
    return f"{'undo of ' if undo else ''}step {step}: " if step else ""


_OF_THE_REQUEST = {
    Kind.BEGAN, Kind.FINISHED, Kind.GAVE_UP, Kind.CANCELLED, Kind.EXPIRED, Kind.RESUMED
}  # fmt: skip


def _because(why: str, before: str = ", because of ") -> str:
    return f"{before}{why}" if why else ""


def _who(record: Record, otherwise: str = "somebody") -> str:
    return record.who or otherwise


def _unknown(record: Record) -> str:
    parts = (record.who, record.kind, record.what, record.rule, record.why)
    return " ".join(part for part in parts if part)


def _began(record: Record) -> str:
    return f"the request {record.what} began in pipeline {record.rule}"


def _answered(record: Record) -> str:
    return f"{_who(record)} answered {record.what or 'with nothing'}"


def _failed(record: Record) -> str:
    what = f" with {record.what}" if record.what else ""
    where = f" ({record.rule})" if record.rule else ""
    return f"{_who(record, 'it')}{where} failed{what}{_because(record.why, ': ')}"


def _refused(record: Record) -> str:
    said = f" what {record.who} said" if record.who else " an answer"
    quoted = f" ({record.what})" if record.what else ""
    return f"refused{said}{quoted}{_because(record.why, ': ')}"


def _fell_back(record: Record) -> str:
    return f"the rule is to {record.rule}{_because(record.why)}"


def _hedged(record: Record) -> str:
    return f"a second copy went to {_who(record)}{_because(record.why)}"


def _skipped(record: Record) -> str:
    return f"left out{_because(record.why, ': ')}"


def _voted(record: Record) -> str:
    return f"{_who(record)} voted {record.what}"


def _verdict(record: Record) -> str:
    return f"the vote ended: {record.what}"


def _conflict(record: Record) -> str:
    return f"the replies contradict one another: {record.what}"


def _resolved(record: Record) -> str:
    if not record.what and not record.who:
        return f"resolved by the rule to {record.rule}{_because(record.why)}"
    by = f" by {record.who}" if record.who else ""
    return f"settled{by} ({record.rule}): {record.what or 'nothing'}"


def _escalated(record: Record) -> str:
    return f"{_who(record)} was asked ({record.rule}){_because(record.what, ': ')}"


def _not_needed(record: Record) -> str:
    return f"not needed any more{_because(record.why)}"


def _undoing(record: Record) -> str:
    who = f", asking {record.who}" if record.who else ""
    return f"it is undone{who}{_because(record.why)}"


def _undone(record: Record) -> str:
    return f"{_who(record)} has undone it{_because(record.what, ': ')}"


def _standing(record: Record) -> str:
    return f"it could not be undone and still stands{_because(record.why)}"


def _cancelled(record: Record) -> str:
    return f"the request was cancelled{_because(record.why, ': ')}"


def _expired(_: Record) -> str:
    return "the request's deadline passed"


def _resumed(_: Record) -> str:
    return "the coordinator came back and took the request up again"


def _finished(record: Record) -> str:
    return f"the request finished with {record.what or 'nothing'}"


def _gave_up(record: Record) -> str:
    step = record.step.strip("/")
    where = f" at step {step}" if step and not record.step.endswith("/") else ""
    return f"the request failed{where}{_because(record.why)}"


_SENTENCES: Mapping[str, Callable[[Record], str]] = {
    Kind.BEGAN: _began,
    Kind.ANSWERED: _answered,
    Kind.FAILED: _failed,
    Kind.REFUSED: _refused,
    Kind.FELL_BACK: _fell_back,
    Kind.HEDGED: _hedged,
    Kind.SKIPPED: _skipped,
    Kind.VOTED: _voted,
    Kind.VERDICT: _verdict,
    Kind.CONFLICT: _conflict,
    Kind.RESOLVED: _resolved,
    Kind.ESCALATED: _escalated,
    Kind.NOT_NEEDED: _not_needed,
    Kind.UNDOING: _undoing,
    Kind.UNDONE: _undone,
    Kind.STANDING: _standing,
    Kind.CANCELLED: _cancelled,
    Kind.EXPIRED: _expired,
    Kind.RESUMED: _resumed,
    Kind.FINISHED: _finished,
    Kind.GAVE_UP: _gave_up,
}
