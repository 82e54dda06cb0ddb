from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.harness import Nest, close_raw_clients


@pytest.fixture(scope="session")
def nest() -> Iterator[Nest]:
    """The nest of all tests; its folder has a short name, as the path of a socket must."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 24_000 if hard == resource.RLIM_INFINITY else min(24_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with TemporaryDirectory(prefix="f") as folder:
        nest = Nest(Path(folder))
        try:
            yield nest
        finally:
            nest.close()


@pytest.fixture(autouse=True)
def no_socket_is_left() -> Iterator[None]:
    yield
    close_raw_clients()
