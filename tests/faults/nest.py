"""``python -m tests.faults.nest``: forks servers and canaries, so that each is there within some milliseconds.

An order is a line of JSON on the standard input, and the answer, by the child as soon as it is ready, one on the
standard output. When the input ends, so does this process, and the kernel kills its children with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import rpc
from tests.faults import canary, target

ROLES: dict[str, Callable[..., None]] = {"serve": target.serve, "canary": canary.sing}

_NAMES = (rpc.Limits, rpc.connect, rpc.serve, rpc.server_tls)
"""They are resolved on first use: here once, and not in each child."""

_PR_SET_PDEATHSIG = 1


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    for line in sys.stdin:
        order = json.loads(line)
        if not os.fork():
            _live(order)


def _live(order: dict[str, Any]) -> None:
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.close(log)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        ROLES[order["role"]](_ready, **order["options"])
        status = 0
    except BaseException:
        traceback.print_exc()
        _answer(failure=traceback.format_exc())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _ready(bound: list[str]) -> None:
    _answer(bound=bound)


def _answer(**fields: Any) -> None:
    """Answer the order, once: behind that, nobody asks."""
    os.write(1, json.dumps({"pid": os.getpid(), **fields}).encode() + b"\n")
    os.dup2(2, 1)


if __name__ == "__main__":
    main()
