"""`check_keys`: the keys of a table in a file, held against those that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.nearest import did_you_mean

__all__ = ["check_keys", "check_table"]

Kind = type[ConfigError | SpecError]


def check_table(place: str, data: Any, error: Kind = ConfigError) -> Mapping[str, Any]:
    """Return `data` if it is a table; raise an error of a kind if not."""
    if not isinstance(data, Mapping):
        raise error(place, f"{data!r} is no table", "write a table of keys and values")
    return data


def check_keys(
    place: str,
    data: Any,
    known: Iterable[str],
    *,
    needs: Iterable[str] = (),
    hints: Iterable[str] = (),
    error: Kind = ConfigError,
) -> Mapping[str, Any]:
    """Return `data` if it is a table with no other keys than the known ones.

    Args:
        place: Where in the file it stands, for errors.
        data: What stands there.
        known: The keys that it may have.
        needs: Those of them that it must have.
        hints: Keys that are wrong here as well, and may have been meant.
        error: The kind of error to raise.

    Example:
        >>> check_keys("shop", {"nmae": "a"}, ["name", "size"])
        Traceback (most recent call last):
        harmonium.protocols.errors.ConfigError: shop.nmae: no such key; did you mean 'name'?
    """
    table, known = check_table(place, data, error), tuple(known)
    for key in table:
        if key not in known:
            remedy = did_you_mean(str(key), (*known, *hints))
            raise error(f"{place}.{key}", "no such key", remedy)
    for key in needs:
        if key not in table:
            raise error(place, f"it has no {key}", f"give {key} = ...")
    return table
