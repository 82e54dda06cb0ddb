"""A calculator in one process, and a client of it in another.

In two terminals, in the same directory::

    python examples/quickstart.py
    python examples/quickstart.py client

or, instead of the second, ask it from the shell::

    rpc call unix:calc.sock calc.add 2 b=3
"""

from __future__ import annotations

import sys

import attrs
import trio

import rpc

ADDRESS = "unix:calc.sock"

calc = rpc.Service("calc")


@attrs.frozen
class Division:
    quotient: int
    remainder: int


@calc.method
def add(a: int, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


@calc.method
def divide(a: int, b: int) -> Division:
    """Divide with remainder."""
    if b == 0:
        raise rpc.InvalidArgument("nothing can be divided by zero")
    return Division(*divmod(a, b))


@calc.method
async def ponder(seconds: float) -> str:
    """Answer after some time."""
    await trio.sleep(seconds)
    return "42"


@calc.notification
def observe(name: str, value: float) -> None:
    """Take note of something; nobody waits for an answer."""
    print(f"{name} is {value}")


async def main(address: str = ADDRESS) -> None:
    async with rpc.connect(address, wait=5) as client:
        # By the function itself: a type checker knows the arguments and the result.
        print("2 + 3 is", await client.call(add, 2, b=3))
        division = await client.call(divide, 17, 5)
        print("17 / 5 is", division.quotient, "and", division.remainder, "remain")

        # By name, for who has not the code of the service; a stub saves the quotes.
        print("2 + 3 is", await client.call("calc.add", 2, b=3))
        stub = client.stub("calc")
        print("2 + 3 is", await stub.add(2, b=3))

        try:
            await client.call(divide, 1, 0)
        except rpc.InvalidArgument as error:
            print("refused:", error)

        # The deadline travels with the call, and its handler is cancelled with it.
        with trio.move_on_after(0.2) as scope:
            await client.call(ponder, 60)
        print("gave up:", scope.cancelled_caught)

        await client.notify(observe, "temperature", 21.5)


if __name__ == "__main__":
    if sys.argv[1:] == ["client"]:
        trio.run(main)
    else:
        rpc.run(calc, ADDRESS)
