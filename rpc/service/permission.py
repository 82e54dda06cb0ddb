"""Who may call a handler, where not everybody may who has been let in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from rpc.service.context import Context

__all__ = ["Allow", "check_allow"]

Allow: TypeAlias = Callable[[Context[Any]], bool]
"""Asked about each call before its arguments are decoded: True lets it pass, anything else does not."""


def check_allow(allow: Allow | None, name: str) -> None:
    """Look whether a predicate can be asked.

    Raises:
        TypeError: it is no function, or one that must be awaited, which would be true whatever it says.
    """
    if allow is None:
        return
    if not callable(allow):
        raise TypeError(f"{name}: allow is a function of the Context that says True or False, not {allow!r}")
    if inspect.iscoroutinefunction(allow) or inspect.iscoroutinefunction(getattr(allow, "__call__", None)):  # noqa: B004
        raise TypeError(f"{name}: allow is asked where a call is read and cannot wait: make it a def")
