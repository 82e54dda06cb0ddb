"""``python -m benchmarks.first_call MODULE NAME PATH PORT``: connect, call once, end. What starting costs."""

from __future__ import annotations

import sys
from importlib import import_module

from benchmarks.contender import Contender, Place


def main() -> None:
    module, name, path, port = sys.argv[1:]
    contenders: tuple[Contender, ...] = import_module(module).CONTENDERS
    contender = next(each for each in contenders if each.name == name)

    async def call() -> None:
        async with contender.connect(Place(path, int(port))) as caller:
            assert await caller.add(1, 2) == 3

    contender.runtime.run(call)


if __name__ == "__main__":
    main()
