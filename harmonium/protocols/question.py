"""`Question`: what waits in an inbox for a person, and how what the person says is read."""

from __future__ import annotations

import enum
import functools
import hashlib
import json
import operator
from collections.abc import Iterator
from typing import Any

from harmonium.protocols.codec import Codec
from harmonium.protocols.decision_log import summary
from harmonium.protocols.errors import HarmoniumError
from harmonium.protocols.message import evolve, is_message, message
from harmonium.protocols.message_info import info_of
from harmonium.protocols.schema import schema

__all__ = [
    "Question",
    "Questions",
    "Standing",
    "about_text",
    "answer_text",
    "expected",
    "read_answer",
]


class Standing(enum.Enum):
    """How a question stands."""

    OPEN = "open"
    GIVEN = "given"
    """It has an answer, which its asker has not taken yet."""
    TAKEN = "taken"
    CLOSED = "closed"
    """Nobody waits for an answer any more."""


@message
class Question:
    """A question to a person.

    Args:
        key: Its identity, the same when it is asked again after a restart.
        person: The person or group that is asked, as the pipeline names it.
        text: What is asked.
        correlation_id: The request that it belongs to.
        step: Path of the step that waits for it.
        asker: Path of the coordinator that waits for it.
        options: The valid answers; none given means free text, or what
            `expects` says.
        expects: JSON Schema of the answer, as text; empty where any text will do.
        about: What the question is about, as text.
        asked_at: When it came, in seconds.
        deadline: When it lapses, in seconds.
        standing: How it stands.
        answer: What was said, as text; JSON where `expects` is given.
        declined: Whether the person declines to answer.
        by: Who said it.
        why: Why the last answer was refused, or why it is closed.
    """

    key: str
    person: str
    text: str
    correlation_id: str
    step: str
    asker: str
    options: tuple[str, ...] = ()
    expects: str = ""
    about: str = ""
    asked_at: float = 0.0
    deadline: float = 0.0
    standing: Standing = Standing.OPEN
    answer: str = ""
    declined: bool = False
    by: str = ""
    why: str = ""

    @property
    def id(self) -> str:
        """A short name for people: 8 hexadecimal digits, the same in every run."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:8]

    def is_open(self, now: float) -> bool:
        """Whether an answer would still be in time."""
        return self.standing is Standing.OPEN and now < self.deadline

    def late(self, now: float) -> str:
        """Say why an answer is too late; empty when it is not."""
        if self.is_open(now):
            return ""
        if self.standing in {Standing.TAKEN, Standing.GIVEN}:
            return f"late: {self.by or 'somebody'} has answered"
        return f"late: {self.why or 'its deadline has passed'}"

    def given(self, answer: str, by: str, *, declined: bool = False) -> Question:
        """The question with an answer that is to be taken."""
        return evolve(
            self, standing=Standing.GIVEN, answer=answer, by=by, declined=declined, why=""
        )

    def reopened(self, why: str) -> Question:
        """The question without the answer that was refused."""
        return evolve(self, standing=Standing.OPEN, answer="", by="", declined=False, why=why)

    def closed(self, why: str) -> Question:
        """The question that nobody waits for any more."""
        return evolve(self, standing=Standing.CLOSED, why=why)


@message
class Questions:
    """Questions, the oldest first."""

    questions: tuple[Question, ...] = ()

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, place: int) -> Question:
        return self.questions[place]


def read_answer(said: str, options: tuple[str, ...], expect: tuple[type, ...]) -> Any:
    """Read what a person said.

    Args:
        said: The text.
        options: The valid texts, if the answer is one of them.
        expect: The types of which the answer is to be one, in JSON: a message
            class (its fields as an object), bool, int, float, Decimal, ... Of
            several message classes, ``{"type": ..., "data": ...}`` says which.
            None given takes the text as it is.

    Raises:
        ValueError: If it is not valid, with the place inside the answer.

    Example:
        >>> read_answer("yes", ("yes", "no"), ())
        'yes'
        >>> read_answer("12", (), (int,))
        12
    """
    if options and said not in options:
        raise ValueError(f"{said!r} is none of {', '.join(options)}")
    if not expect or expect == (str,):
        return said
    try:
        data = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    try:
        return _decode(data, expect)
    except Exception as error:  # noqa: BLE001 - whatever a validator raises, it is not valid
        raise ValueError(_placed(str(error) or type(error).__name__)) from None


def _placed(text: str) -> str:
    """Let an error begin with the place inside the answer."""
    if text.startswith("$"):
        return text
    return f"${text}" if text[:1] in {":", ".", "["} else f"$: {text}"


def _decode(data: Any, expect: tuple[type, ...]) -> Any:
    messages = [cls for cls in expect if info_of(cls) is not None]
    codec = Codec(messages)
    if len(expect) == 1 and messages and not _is_framed(data):
        info = info_of(messages[0])
        data = {"type": info.wire_name if info else "", "data": data}
    if len(messages) == len(expect):
        value = codec.from_primitive(data)
        if not isinstance(value, expect):
            raise ValueError(f"{type(value).__name__} is not expected")
        return value
    annotation: Any = functools.reduce(operator.or_, expect)
    return codec.converter.get_structure_hook(annotation)(data, annotation)


def _is_framed(data: Any) -> bool:
    return isinstance(data, dict) and data.keys() == {"type", "data"}


def expected(expect: tuple[type, ...]) -> str:
    """Give the JSON Schema of the answers that are expected, as text; empty for any text."""
    if not expect or expect == (str,):
        return ""
    shapes = [_shape(cls, framed=len(expect) > 1) for cls in expect]
    return json.dumps(shapes[0] if len(shapes) == 1 else {"anyOf": shapes}, ensure_ascii=False)


def _shape(cls: type, *, framed: bool) -> dict[str, Any]:
    if info_of(cls) is None:
        return {"title": cls.__name__}
    try:
        whole = schema(cls)
    except HarmoniumError:  # it has no schema; the name must do
        return {"title": cls.__name__}
    if framed:
        return whole
    definitions = dict(whole["$defs"])
    frame = definitions.pop(whole["$ref"].rpartition("/")[2])
    data: dict[str, Any] = frame["properties"]["data"]
    return data | ({"$defs": definitions} if definitions else {})


def about_text(value: Any) -> str:
    """Give what a question is about as text: JSON where it is a message that has one."""
    if not is_message(value):
        return summary(value)
    try:
        return Codec([type(value)]).to_json(value)
    except HarmoniumError:
        return summary(value)


def answer_text(answer: Any) -> str:
    """Give an answer as the text that `read_answer` reads.

    Raises:
        CodecError: If it is a message that cannot be written.
    """
    if is_message(answer):
        return Codec([type(answer)]).to_json(answer)
    return json.dumps(answer, default=str)
