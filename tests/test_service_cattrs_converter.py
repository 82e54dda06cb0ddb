from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import attrs
import cattrs
import pytest

import rpc


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    __hash__ = None  # type: ignore[assignment]


def parse(text: Any, _: Any) -> Money:
    if not isinstance(text, str):
        raise ValueError("money is text")
    return Money(int(text.removesuffix(" ct")))


def spell(money: Money) -> str:
    if money.cents < 0:
        raise ValueError("debts are not paid out")
    return f"{money.cents} ct"


@attrs.define
class Cash:
    amount: Money


@attrs.define
class Card:
    amount: Money
    number: str = ""


@attrs.define
class Receipt:
    paid: list[Cash | Card]


CONVERTER = rpc.CattrsConverter()
CONVERTER.hooks.register_structure_hook(Money, parse)
CONVERTER.hooks.register_unstructure_hook(Money, spell)
shop = rpc.Service("shop", converter=CONVERTER)
seen: list[Any] = []


@shop.method
def pay(first: Cash | Card, *others: Cash | Card, note: Money | None = None) -> Receipt:
    seen.append(note)
    return Receipt([first, *others])


@shop.method
def owe() -> Receipt:
    return Receipt([Cash(Money(-1))])


@shop.method
async def change(coins: AsyncIterable[Cash | Card]) -> AsyncIterator[Card | Cash]:
    async for coin in coins:
        yield Card(coin.amount) if isinstance(coin, Cash) else Cash(coin.amount)


@shop.method
async def total(coins: AsyncIterable[Cash]) -> Money:
    return Money(sum([coin.amount.cents async for coin in coins]))


@shop.context
async def till(start: Money) -> AsyncIterator[Cash | Card]:
    yield Cash(start)


@shop.notification
def ring(amount: Money) -> None:
    seen.append(amount)


async def test_a_call_by_handle_goes_through_the_hooks() -> None:
    async with rpc.testing.client(shop) as client:
        receipt = await client.call(pay, Cash(Money(1)), Card(Money(2), "4"), note=Money(3))
        assert receipt == Receipt([Cash(Money(1)), Card(Money(2), "4")])
        assert seen.pop() == Money(3)


async def test_a_call_by_name_sees_what_the_hooks_made() -> None:
    async with rpc.testing.client(shop) as client:
        receipt = await client.call("shop.pay", {"_type": "Cash", "amount": "1 ct"})
        assert receipt == {"paid": [{"_type": "Cash", "amount": "1 ct"}]}
        with pytest.raises(
            rpc.InvalidArgument, match=r"shop\.pay: argument 'first' at \.amount was refused by Money: mon"
        ):
            await client.call("shop.pay", {"_type": "Cash", "amount": 1})
        with pytest.raises(rpc.InvalidArgument, match=r"argument 'first' fits Cash and Card: say which with '_type'"):
            await client.call("shop.pay", {"amount": "1 ct"})


async def test_items_contexts_and_notifications_go_through_the_hooks() -> None:
    async with rpc.testing.client(shop) as client:
        async with client.stream(change, rpc.each([Cash(Money(1)), Card(Money(2))])) as coins:
            assert [coin async for coin in coins] == [Card(Money(1)), Cash(Money(2))]
        assert await client.call(total, rpc.each([Cash(Money(1)), Cash(Money(2))])) == Money(3)
        async with client.enter(till, Money(5)) as cash:
            assert cash == Cash(Money(5))
        await client.notify(ring, Money(7))
        await client.call(owe.name.replace("owe", "pay"), {"_type": "Cash", "amount": "1 ct"})
        assert Money(7) in seen


async def test_what_a_hook_refuses_to_send_is_told_with_its_place() -> None:
    async with rpc.testing.client(shop) as client:
        with pytest.raises(
            rpc.EncodeError, match=r"shop\.pay: first: object of class Cash cannot be sent as Cash"
        ) as caught:
            await client.call(pay, Cash(Money(-1)))
        assert (caught.value.method, caught.value.path) == ("shop.pay", "first")
        with pytest.raises(rpc.EncodeError, match=r"shop\.pay: others\[1\]: object of class Card cannot be sent"):
            await client.call(pay, Cash(Money(1)), Cash(Money(1)), Card(Money(-1)))
        with pytest.raises(rpc.EncodeError, match=r"shop\.ring: amount: object of class Money cannot be sent as Money"):
            await client.notify(ring, Money(-1))
        with pytest.raises(
            rpc.Internal, match=r"the result of shop\.owe cannot travel: result: object of class Receipt"
        ):
            await client.call(owe)


async def test_arguments_that_the_handler_does_not_take_are_left_to_it() -> None:
    async with rpc.testing.client(shop) as client:
        call: Any = client.call
        with pytest.raises(rpc.InvalidArgument, match=r"shop\.pay has no argument 'tip'"):
            await call(pay, Cash(Money(1)), tip=1)


def test_a_converter_of_ones_own_is_asked_for_everything() -> None:
    lenient = rpc.CattrsConverter(cattrs.Converter())
    assert lenient.reader(int)("5") == 5


def test_without_cattrs_it_says_what_to_install() -> None:
    program = """
import sys
sys.modules["cattrs"] = None
import rpc
from rpc import *
try:
    rpc.CattrsConverter()
except ImportError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "rpc.CattrsConverter needs cattrs: pip install 'triorpc[cattrs]'"


def test_the_usual_converter_does_not_import_cattrs() -> None:
    program = "import sys, rpc; rpc.Service, rpc.connect, rpc.serve; print('cattrs' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "False"
