"""`Directives`: which exception leads to what, the most specific class first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.supervisors.core.cause import Cause, class_name
from harmonium.supervisors.words import ESCALATE, Directive

__all__ = ["Directives", "directives"]


@attrs.frozen(slots=True)
class Directives:
    """A table from exception classes to directives.

    The class of the exception is looked up first, then its bases in the order
    of its method resolution: the most specific class that has an entry wins.
    Classes stand here by name, so that the table is plain data.

    Args:
        table: Directive by class name (``KeyError``, ``shop.errors.Declined``).
        otherwise: What an exception without an entry leads to; Pekko's choice,
            escalation, is the default.
    """

    table: Mapping[str, Directive] = attrs.field(factory=dict)
    otherwise: Directive = ESCALATE

    def choose(self, cause: Cause) -> Directive:
        """Look the cause up.

        Example:
            >>> from harmonium.supervisors.words import RESUME
            >>> table = directives({LookupError: RESUME})
            >>> table.choose(Cause.of(KeyError())), table.choose(Cause.of(OSError()))
            (RESUME, ESCALATE)
        """
        for name in cause.lineage:
            if name in self.table:
                return self.table[name]
        return self.otherwise


def directives(
    table: Mapping[type[BaseException] | str, Directive | str],
    *,
    otherwise: Directive | str = ESCALATE,
    place: str = "directives",
) -> Directives:
    """Make a table from exception classes, or their names, and directives.

    Raises:
        SpecError: If a key is no exception class or a value is no directive.
    """
    rows = {_key(place, key): _directive(place, value) for key, value in table.items()}
    return Directives(rows, _directive(place, otherwise))


def _key(place: str, key: Any) -> str:
    if isinstance(key, type) and issubclass(key, BaseException):
        return class_name(key)
    if isinstance(key, str) and key:
        return key
    raise SpecError(place, f"{key!r} is no exception class", "give a class or its full name")


def _directive(place: str, value: Any) -> Directive:
    words = [one.value for one in Directive]
    if isinstance(value, Directive) or value in words:
        return Directive(value)
    raise SpecError(place, f"{value!r} is no directive", did_you_mean(str(value), words))
