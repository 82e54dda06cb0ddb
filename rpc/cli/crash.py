"""What code of the user's raised while a command ran, and where."""

from __future__ import annotations

import traceback
from typing import Any

from rpc.cli.failure import ExitCode, Failure

__all__ = ["crash_of"]


def crash_of(what: str, error: Exception, exit_code: ExitCode, *, debug: bool) -> Failure:
    """The end of a command in which code of the user's raised something: where, in one line.

    Args:
        what: what was going on, as in "importing calc".
        error: what was raised.
        exit_code: for the shell.
        debug: whether the traceback is shown too, from the first frame that is the user's.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_machinery(trace.tb_frame.f_globals):
        trace = trace.tb_next
    # A syntax error is in a file that never ran, and tells its own place.
    frames = traceback.extract_tb(None if isinstance(error, SyntaxError) else trace)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    message = f"{what} raised {type(error).__name__}: {error}{place}"
    if debug:
        return Failure(message, exit_code, more="".join(traceback.format_exception(type(error), error, trace)))
    return Failure(f"{message}; --debug shows more", exit_code)


def _is_machinery(names: dict[str, Any]) -> bool:
    return str(names.get("__name__")).partition(".")[0] in ("rpc", "trio", "click", "importlib", "contextlib")
