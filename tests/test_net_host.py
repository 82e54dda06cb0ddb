from __future__ import annotations

import trio.testing

from rpc.net.host import Host
from rpc.service.service import Service
from tests.raw_peer import connected


async def test_a_connection_is_what_its_parts_see_of_it(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(Service("empty")) as pair:
        host: Host = pair.near
        members = {name for name in vars(Host) if not name.startswith("_")} | set(Host.__annotations__)
        assert members >= {"session", "limits", "workers", "nursery", "flush_soon", "abort", "end", "ping"}
        assert [name for name in sorted(members) if not hasattr(host, name)] == []
