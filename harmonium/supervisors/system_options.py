"""`SystemOptions`: what a system is started with beside its tree, as a value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice
    from harmonium.protocols.retention import Retention
    from harmonium.supervisors.shutdown import StopLimits

__all__ = ["SystemOptions"]


@attrs.frozen(kw_only=True)
class SystemOptions:
    """What is declared of a system besides its tree; None leaves `System` its default.

    A seed, a ground and the folders for journals and bundles are those of one
    run, so they are not declared.

    Args:
        store: A path or URL, as for `open_store`.
        dead_letters: How many dead letters are kept, and for how long.
        topics: What is deleted by itself of the journal of durable topics.
        limits: How long each phase of the stop may take.

    Example:
        >>> SystemOptions(store="shop.db").arguments()
        {'store': 'shop.db'}
    """

    store: str | Path | None = None
    dead_letters: DeadLetterOffice | None = None
    topics: Retention | None = None
    limits: StopLimits | None = None

    def arguments(self) -> dict[str, Any]:
        """Give what is declared, for ``System(tree, **options.arguments())``."""
        fields = ((field.name, getattr(self, field.name)) for field in attrs.fields(type(self)))
        return {name: value for name, value in fields if value is not None}
