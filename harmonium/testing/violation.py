"""What a run of a test may find wrong."""

from __future__ import annotations

from typing import Any

__all__ = ["PropertyViolated", "key_of"]


class PropertyViolated(AssertionError):
    """A property of a world does not hold.

    Args:
        name: The property's name.
        why: What was seen.
        at: When, in virtual seconds.
    """

    def __init__(self, name: str, why: str = "", at: float = 0.0) -> None:
        super().__init__(name, why, at)
        self.name = name
        self.why = why
        self.at = at

    def __str__(self) -> str:
        return f"{self.name}: {self.why}" if self.why else self.name


def key_of(error: BaseException) -> tuple[str, ...]:
    """Tell one failure from another, so that a reduction does not slip to another one."""
    if isinstance(error, PropertyViolated):
        return ("property", error.name)
    return (type(error).__name__, _line_of(error))


def _line_of(error: BaseException) -> str:
    trace: Any = error.__traceback__
    line = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "/harmonium/" not in code.co_filename.replace("\\", "/"):
            line = f"{code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return line
