"""What every test stands on."""

from __future__ import annotations

import resource

from hypothesis import settings

# The same examples in every run, and no verdict from the clock of a busy machine.
settings.register_profile("triorpc", derandomize=True, database=None, deadline=None)
settings.load_profile("triorpc")


def _raise_file_limit(wanted: int = 8192) -> None:
    """A thousand clients and their server in one process need more files than the usual 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


_raise_file_limit()
