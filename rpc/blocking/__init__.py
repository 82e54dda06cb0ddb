"""A client without trio: for scripts, threads, notebooks, and programs that have an event loop of another make.

The names are the same as in `rpc`, and so are the exceptions; what is awaited there blocks its thread here::

    with rpc.blocking.connect("unix:/run/calc.sock", timeout=5) as client:
        print(client.call("calc.add", 2, b=3))
"""

from rpc.blocking.client import Client
from rpc.blocking.connect import connect
from rpc.blocking.stub import Stub

__all__ = ["Client", "Stub", "connect"]
