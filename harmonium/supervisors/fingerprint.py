"""The fingerprint of a crash: what was raised, and where. Equal for equal crashes."""

from __future__ import annotations

__all__ = ["fingerprint"]


def fingerprint(error: BaseException) -> str:
    """Name an exception by its class and the place it was raised at.

    The text is left out, because it often holds ids or times.
    """
    frame = error.__traceback__
    place = ""
    while frame is not None:
        code = frame.tb_frame.f_code
        place = f"{code.co_qualname}:{frame.tb_lineno}"
        frame = frame.tb_next
    return f"{type(error).__qualname__}@{place}" if place else type(error).__qualname__
