"""Answers and truths from CSV files, which may be broken in places.

A line that cannot be used is reported with its number; all others are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from examples.orders.records import Record, read_records
from harmonium.protocols.errors import ConfigError

__all__ = ["SAMPLE", "SAMPLE_TRUTH", "Answers", "Truths", "read_answers", "read_truths"]

SAMPLE = Path(__file__).with_name("sample.csv")
"""Invented answers: 60 questions, 12 workers who err in different ways."""

SAMPLE_TRUTH = Path(__file__).with_name("sample-truth.csv")
"""The truth for the sample."""

ANSWER_COLUMNS = ("question", "worker", "answer")
TRUTH_COLUMNS = ("question", "truth")


@attrs.frozen(slots=True)
class Answers:
    """What a file of answers holds.

    Args:
        answers: For each question, in order of first appearance, the answer of
            each worker, in file order.
        problems: What could not be used, one line each.
    """

    answers: dict[str, dict[str, str]]
    problems: tuple[str, ...]

    @property
    def by_worker(self) -> dict[str, dict[str, str]]:
        """The same for each worker, in order of first appearance."""
        workers: dict[str, dict[str, str]] = {}
        for question, answers in self.answers.items():
            for worker, answer in answers.items():
                workers.setdefault(worker, {})[question] = answer
        return workers

    @property
    def options(self) -> tuple[str, ...]:
        """All answers that were given, sorted."""
        return tuple(sorted({answer for each in self.answers.values() for answer in each.values()}))


@attrs.frozen(slots=True)
class Truths:
    """What a file of truths holds.

    Args:
        truths: The right answer of each question.
        problems: What could not be used, one line each.
    """

    truths: dict[str, str]
    problems: tuple[str, ...]


def read_answers(path: Path) -> Answers:
    """Read all answers of a file.

    A worker's second answer to a question is not used, as a second ballot is
    not counted.

    Args:
        path: A CSV in UTF-8 with the header ``question,worker,answer``.

    Raises:
        ConfigError: If nothing of it can be used.
    """
    answers: dict[str, dict[str, str]] = {}
    problems = []
    for line, fields, problem in _rows(path, ANSWER_COLUMNS):
        if problem:
            problems.append(f"line {line}: {problem}; it is left out")
            continue
        question, worker, answer = fields
        given = answers.setdefault(question, {})
        if worker in given:
            problems.append(f"line {line}: {worker!r} has answered {question!r}; it is left out")
        else:
            given[worker] = answer
    if not answers:
        raise ConfigError(str(path), "it holds no answers", "add lines under the header")
    return Answers(answers, tuple(problems))


def read_truths(path: Path) -> Truths:
    """Read the truths of a file; of two for a question the first is used.

    Args:
        path: A CSV in UTF-8 with the header ``question,truth``.

    Raises:
        ConfigError: If nothing of it can be used.
    """
    truths: dict[str, str] = {}
    problems = []
    for line, fields, problem in _rows(path, TRUTH_COLUMNS):
        again = f"{fields[0]!r} has a truth already" if fields[0] in truths else ""
        if problem or again:
            problems.append(f"truth, line {line}: {problem or again}; it is left out")
        else:
            truths[fields[0]] = fields[1]
    if not truths:
        raise ConfigError(str(path), "it holds no truths", "add lines under the header")
    return Truths(truths, tuple(problems))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str], str]]:
    try:
        with path.open("rb") as file:
            records = read_records(file)
            _check_header(path, next(records, None), columns)
            for record in records:
                yield _row(record, columns)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        problem = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError(str(path), f"it cannot be read: {problem}", "name a CSV file") from error


def _check_header(path: Path, record: Record | None, columns: tuple[str, ...]) -> None:
    fields = [] if record is None else [field.strip() for field in record.fields]
    if tuple(fields) != columns or (record is not None and record.problem):
        wanted = ",".join(columns)
        raise ConfigError(str(path), "the header is another", f"save it as CSV with {wanted}")


def _row(record: Record, columns: tuple[str, ...]) -> tuple[int, list[str], str]:
    fields = [field.strip() for field in record.fields]
    problem = record.problem or ""
    if not problem and len(fields) != len(columns):
        problem = f"{len(fields)} columns instead of {len(columns)}"
    if not problem and not all(fields):
        problem = f"{columns[fields.index('')]} is empty"
    return record.line, fields, problem
