"""From a CSV to claims; a line that cannot be read is named, and the others go on."""

from __future__ import annotations

import csv
from decimal import Decimal, InvalidOperation
from pathlib import Path

import attrs

from examples.claims.messages import Claim
from harmonium.protocols.errors import ConfigError

__all__ = ["SAMPLE", "ClaimFile", "read_claims"]

SAMPLE = Path(__file__).with_name("sample.csv")
COLUMNS = ("claim", "holder", "kind", "covered", "amount", "estimate", "months")


@attrs.frozen
class ClaimFile:
    """What a file has.

    Args:
        claims: Its claims, in order of the file.
        problems: What cannot be read, a sentence for each line.
    """

    claims: tuple[Claim, ...]
    problems: tuple[str, ...]


def read_claims(path: Path) -> ClaimFile:
    """Read a file of claims.

    Raises:
        ConfigError: If there is no such file, or it has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--input {path}", f"cannot be read: {error}") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise ConfigError(f"--input {path}", f"its first line is not {','.join(COLUMNS)}")
    return _read(rows[1:])


def _read(rows: list[list[str]]) -> ClaimFile:
    claims: dict[str, Claim] = {}
    problems = []
    for number, row in enumerate(rows, start=2):
        try:
            claim = _claim(row)
        except (ValueError, InvalidOperation):
            problems.append(f"line {number}: it is no claim: {','.join(row)}")
            continue
        if claim.id in claims:
            problems.append(f"line {number}: claim {claim.id} stands here a second time")
        else:
            claims[claim.id] = claim
    return ClaimFile(tuple(claims.values()), tuple(problems))


def _claim(row: list[str]) -> Claim:
    id, holder, kind, covered, amount, estimate, months = row
    money = Decimal(amount), Decimal(estimate)
    if not id or not all(one.is_finite() and one >= 0 for one in money):
        raise ValueError(amount)
    return Claim(id, holder, kind, tuple(covered.split()), *money, int(months))
