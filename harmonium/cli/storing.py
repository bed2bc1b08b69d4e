"""The store of a run: opened before anything starts, and held against what was begun there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from harmonium.actors.store import Store, open_store
from harmonium.cli.application import Application
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.resuming import Begun, begin_run

__all__ = ["existing_store", "run_store"]


@contextlib.contextmanager
def run_store(
    application: Application[Any, Any],
    settings: Any,
    source: Path | None,
    place: str | None,
    *,
    resume: bool,
) -> Iterator[tuple[Store | None, bool]]:
    """Open the store of a run, and close it after the system has stopped.

    Args:
        application: Which one; the store that it declares is opened where no
            place is given. One without a job has no end, so it just goes on
            with its own store.
        settings: Its settings.
        source: Its input file.
        place: The place that was asked for.
        resume: Whether to go on with what a given store holds.

    Yields:
        The store, or None without a place; and whether there is something to
        go on with.

    Raises:
        ConfigError: If the store holds another run, or one that is not to be
            gone on with.
    """
    where = application.options.store if place is None else place
    if where is None:
        if resume:
            raise ConfigError("--resume", "there is nothing to go on with", "add --store FILE")
        yield None, False
        return
    goes_on = place is None and application.work is None
    with open_store(where) as store:
        begun = Begun(application.name, _digest(source), _texts(settings))
        try:
            resumed = begin_run(store, str(where), begun, resume=resume or goes_on)
        except ConfigError as error:
            if place is not None:
                raise
            raise ConfigError(f"the store {where}", error.problem, error.remedy) from None
        yield store, resumed


def _digest(source: Path | None) -> str:
    if source is None:
        return ""
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _texts(settings: Any) -> dict[str, str]:
    """Give the settings that decide about the outcome, as text."""
    return {
        field.name: str(getattr(settings, field.name))
        for field in attrs.fields(type(settings))
        if not field.metadata.get("may_change")
    }


@contextlib.contextmanager
def existing_store(place: str) -> Iterator[Store]:
    """Open a store that is there, to look into it.

    Raises:
        ConfigError: If there is none: looking must not make one.
    """
    path = place.removeprefix("sqlite:///")
    if "://" not in path and not Path(path).is_file():
        raise ConfigError(f"--store {place}", "there is no such file")
    with open_store(place) as store:
        yield store
