"""A server that may open 64 files: ``python -m tests.crowded ADDRESS``. It logs to its standard error."""

from __future__ import annotations

import logging
import resource
import sys

import rpc

service = rpc.Service("calc")


@service.method
def add(a: int, b: int) -> int:
    return a + b


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    limits = rpc.Limits(max_connections=int(sys.argv[2])) if len(sys.argv) > 2 else None
    rpc.run(service, sys.argv[1], limits=limits)
