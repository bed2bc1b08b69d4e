"""Which reason class an end belongs to, when it was not an agent that gave the reason."""

from __future__ import annotations

from harmonium.protocols.lifecycle import NORMAL, Exit, ExitKind

__all__ = ["exit_of_error", "exit_of_process"]


def exit_of_error(error: BaseException | None, *, requested: bool = False) -> Exit:
    """Classify how the code of an agent came to its end.

    A return is a normal end. A cancellation that we asked for is a shutdown, one
    that we did not ask for is a crash like any other exception: `SystemExit` and
    `KeyboardInterrupt` included, whatever code they carry, because no agent may
    end the process that it shares with others.

    Args:
        error: What was raised; None for a return.
        requested: Whether we cancelled it ourselves.

    Example:
        >>> exit_of_error(SystemExit(0)).kind, exit_of_error(None).kind
        (<ExitKind.CRASH: 'crash'>, <ExitKind.NORMAL: 'normal'>)
    """
    if error is None:
        return NORMAL
    name = type(error).__name__
    if requested and name == "CancelledError":
        return Exit(ExitKind.SHUTDOWN, "cancelled")
    text = str(error)
    return Exit(ExitKind.CRASH, f"{name}: {text}" if text else name, error)


def exit_of_process(status: int | None) -> Exit:
    """Classify how an operating-system process ended whose agent said no last word.

    Args:
        status: As `subprocess` gives it: the exit code, or the negative number
            of the signal that ended it; None when it is not known.

    Example:
        >>> str(exit_of_process(-9)), str(exit_of_process(3))
        ('killed: signal 9', 'lost: its process ended with code 3')
    """
    if status is None:
        return Exit(ExitKind.LOST, "nothing is known of its process")
    if status < 0:
        return Exit(ExitKind.KILLED, f"signal {-status}")
    return Exit(ExitKind.LOST, f"its process ended with code {status}")
