"""`Sources`: code that is loaded at run time, as a zip file known by its hash.

A source is offered to the source authority, an actor of the user's; only what
it accepts can be used. The import machinery is Thespian's. It puts the modules
into `sys.modules` under the hash, for all systems of the process together.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from thespian.actors import (
    LoadedSource,
    PoisonMessage,
    UnloadedSource,
    ValidatedSource,
    ValidateSource,
)
from thespian.system.sourceLoader import SourceHashFinder, loadModuleFromHashSource

from harmonium.actors.promise import Promise
from harmonium.actors.thespian_delivery import deliver

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell

__all__ = ["Sources"]


class Sources:
    """The sources of one system; used in its ground's thread only.

    Args:
        cell: The administrator's place, from which everything is sent.
    """

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._authority: Cell | None = None
        self._listeners: dict[Cell, None] = {}
        self._offered: dict[str, tuple[str, Promise[None]]] = {}
        self._zips: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._users: dict[str, set[Cell]] = {}

    @property
    def loaded(self) -> list[tuple[str, str]]:
        """Hash and name of each source that can be used."""
        return [(source_hash, self._names[source_hash]) for source_hash in self._zips]

    @property
    def authority(self) -> Cell | None:
        """Who accepts sources, if anybody."""
        authority = self._authority
        return authority if authority is not None and authority.alive else None

    def set_authority(self, cell: Cell) -> None:
        """Have an actor accept sources from now on, in place of whoever did."""
        self._authority = cell

    def notify(self, cell: Cell, *, enable: bool) -> None:
        """Tell an actor of sources; of those that are loaded, at once."""
        self._listeners.pop(cell, None)
        if enable:
            self._listeners[cell] = None
            for source_hash, name in self.loaded:
                deliver(self._cell, cell, LoadedSource(source_hash, name))

    def load(self, source: Any) -> tuple[str, Promise[None]]:
        """Offer a source to the authority; without one it is dropped.

        Args:
            source: A path or an open file.

        Returns:
            The hash, and a promise that is settled when the authority has spoken.

        Raises:
            OSError: If the file cannot be read.
        """
        data = source.read() if hasattr(source, "read") else Path(source).read_bytes()
        source_hash = hashlib.md5(data, usedforsecurity=False).hexdigest()
        name = str(getattr(source, "name", source))
        decided: Promise[None] = Promise(self._cell.ground)
        self._offered[source_hash] = (name, decided)
        if self.authority is None:
            logger.warning("source {} is not loaded: there is no source authority", name)
            self._decide(source_hash)
        else:
            deliver(self._cell, self.authority, ValidateSource(source_hash, data, name))
        return source_hash, decided

    def take(self, message: Any) -> None:
        """Take the authority's decision; an authority that raised has refused."""
        if isinstance(message, PoisonMessage):
            message = message.poisonMessage
        if isinstance(message, ValidatedSource) and message.sourceZip is not None:
            self._accept(message)
        if isinstance(message, ValidatedSource | ValidateSource):
            self._decide(message.sourceHash)

    def _accept(self, message: ValidatedSource) -> None:
        source_hash, name = message.sourceHash, message.sourceInfo
        if name is None and source_hash in self._offered:
            name = self._offered[source_hash][0]
        try:
            SourceHashFinder(source_hash, lambda data: data, message.sourceZip).getZipNames()
        except Exception as error:  # an authority may return any bytes
            logger.error("source {} ({}) is no zip file: {!r}", source_hash, name, error)
            return
        self._zips[source_hash], self._names[source_hash] = message.sourceZip, name or ""
        self._tell(LoadedSource(source_hash, name or ""))

    def _decide(self, source_hash: str) -> None:
        _, decided = self._offered.pop(source_hash, (None, None))
        if decided is not None:
            decided.settle(None)

    def _tell(self, notice: Any) -> None:
        self._listeners = {cell: None for cell in self._listeners if cell.alive}
        for listener in self._listeners:
            deliver(self._cell, listener, notice)

    # -- using a source

    def loader(self, source_hash: str | None) -> Callable[[str, str], Any] | None:
        """What finds a class by module and name in a source; None without a source."""
        return (
            None if not source_hash else partial(loadModuleFromHashSource, source_hash, self._zips)
        )

    def use(self, source_hash: str, cell: Cell) -> None:
        """Note that an actor comes from a source, whose modules it may still import."""
        self._users.setdefault(source_hash, set()).add(cell)

    def forget(self, cell: Cell) -> None:
        """Note that an actor is gone; modules that nobody needs go with it."""
        for source_hash, users in tuple(self._users.items()):
            users.discard(cell)
            self._drop_modules(source_hash)

    def unload(self, source_hash: str) -> None:
        """Have no more actors created from a source; those that live go on."""
        if self._zips.pop(source_hash, None) is None:
            return
        self._tell(UnloadedSource(source_hash, self._names.pop(source_hash)))
        self._drop_modules(source_hash)

    def close(self) -> None:
        """Forget everything, modules included."""
        self._users.clear()
        for source_hash in tuple(self._zips):
            del self._zips[source_hash]
            self._drop_modules(source_hash)

    def _drop_modules(self, source_hash: str) -> None:
        if source_hash in self._zips or self._users.get(source_hash):
            return
        self._users.pop(source_hash, None)
        finders: list[Any] = list(sys.meta_path)
        for finder in finders:
            if getattr(finder, "srcHash", None) == source_hash:
                sys.meta_path.remove(finder)
                for name in [n for n in sys.modules if n.startswith(finder.hashRoot())]:
                    del sys.modules[name]
