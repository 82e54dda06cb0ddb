"""Floor 7: the command `rpc`.

`main` is the entry point. Each command is a module of its own, imported only when it is the one that was asked for.
"""

from rpc.cli.group import main

__all__ = ["main"]
