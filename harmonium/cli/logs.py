"""The log of a run: where it goes, and what a line looks like. Only here are sinks added."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from loguru import logger

from harmonium.protocols.errors import ConfigError

__all__ = ["set_up_logs"]

_FORMAT = "{time:HH:mm:ss.SSS} {level: <8} {message}{extra[request]}\n"


def set_up_logs(*, verbose: bool = False, file: Path | None = None) -> None:
    """Send the library's log to stderr if `verbose`, to a file, to both, or nowhere.

    Raises:
        ConfigError: If the file cannot be written.
    """
    logger.remove()
    if verbose:
        logger.add(sys.stderr, level="DEBUG", format=_line, colorize=False)
    if file is not None:
        try:
            logger.add(file, level="TRACE", format=_line, colorize=False)
        except OSError as error:
            raise ConfigError(f"--log {file}", f"cannot be written: {error.strerror}") from None
    if not verbose and file is None:
        logger.disable("harmonium")
    else:
        logger.enable("harmonium")


def _line(record: Any) -> str:
    correlation_id = record["extra"].get("correlation_id")
    record["extra"]["request"] = f" [{correlation_id}]" if correlation_id else ""
    return _FORMAT + ("{exception}" if record["exception"] else "")
