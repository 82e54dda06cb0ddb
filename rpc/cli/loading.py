"""``module:attribute`` -> the service that it names."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any

import rpc
from rpc.cli.crash import crash_of
from rpc.cli.failure import ExitCode, Failure

__all__ = ["load"]


def load(target: str, *, debug: bool = False) -> rpc.Service:
    """Import a service; the current directory comes first in the search.

    Args:
        target: ``module:attribute``; the attribute may have dots.
        debug: whether the failure carries the traceback of a module that cannot be imported.

    Raises:
        Failure: there is no such module or service, or importing the module raised something.
    """
    module_name, colon, attribute = target.partition(":")
    if os.sep in target or module_name.endswith(".py"):
        name = module_name.removesuffix(".py").strip("./").replace(os.sep, ".")
        raise _usage(f"{target!r} looks like a file: name the module, as in {name}:{attribute or 'service'}")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise _usage(f"{target!r} names no module: write module:service, as in calc:calc")
    module = _import(module_name, debug)
    if not colon or not attribute:
        raise _usage(f"{target!r} names no service: {_suggestion(module)}")
    found: Any = module
    for name in attribute.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise _usage(f"there is no {attribute!r} in {module_name}: {_suggestion(module)}")
    if not isinstance(found, rpc.Service):
        raise _usage(f"{target!r} is no rpc.Service but {_kind(found)}: {_suggestion(module)}")
    return found


def _usage(message: str) -> Failure:
    return Failure(message, ExitCode.USAGE)


def _kind(found: object) -> str:
    name = type(found).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _suggestion(module: ModuleType) -> str:
    services = [name for name, value in vars(module).items() if isinstance(value, rpc.Service)]
    if services:
        return "write " + " or ".join(f"{module.__name__}:{name}" for name in services)
    return f"{module.__name__} has no rpc.Service at its top"


def _import(name: str, debug: bool) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _usage(f"there is no module {error.name!r}, neither in {here} nor installed") from error
        raise crash_of(f"importing {name}", error, ExitCode.USAGE, debug=debug) from error
    except Exception as error:
        raise crash_of(f"importing {name}", error, ExitCode.USAGE, debug=debug) from error
