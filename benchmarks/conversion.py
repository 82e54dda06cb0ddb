"""``python -m benchmarks.conversion``: what conversion adds to a call, in microseconds and as a ratio.

Each case is measured with conversion and without, in turns within one run. Coming in, that is from the payload to the
arguments that a handler is called with, or to the result, against decoding alone; going out, from values of a class to
the payload, against the same values as maps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from timeit import Timer
from typing import Any

import attrs
import click

import rpc
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.signature import Signature
from rpc.wire.payload import decode, encode, pack


@attrs.define
class Address:
    street: str
    city: str
    code: int
    country: str


@attrs.define
class Customer:
    name: str
    email: str
    age: int
    address: Address


@attrs.define
class Order:
    """With those inside it, 14 fields."""

    id: int
    customer: Customer
    total: float
    paid: bool
    note: str
    lines: list[int]


ORDER = Order(
    7, Customer("Ann", "ann@example.org", 41, Address("Main", "Ulm", 89073, "DE")), 19.5, True, "ring", [1, 2]
)


def add(a: int, b: int) -> int:
    return a + b


def place(order: Order) -> Order:
    return order


@attrs.frozen
class Case:
    """One comparison.

    Attributes:
        name: what is compared.
        plain: without conversion.
        converted: with it.
        bound: microseconds that conversion may add; None where nothing is promised.
    """

    name: str
    plain: Callable[[], Any]
    converted: Callable[[], Any]
    bound: float | None


@attrs.frozen
class Score:
    """What a case took in the quickest of all rounds, in microseconds."""

    name: str
    plain: float
    converted: float
    bound: float | None

    @property
    def added(self) -> float:
        """Microseconds that conversion adds."""
        return self.converted - self.plain

    @property
    def ratio(self) -> float:
        """How many times as long it takes with conversion."""
        return self.converted / self.plain


def cases(converters: dict[str, rpc.Converter]) -> list[Case]:
    """What is compared, for each converter."""
    made: list[Case] = []
    for word, converter in converters.items():
        few, many = (2.0, 6.0) if word == "msgspec" else (None, None)
        made += [
            _coming_in(f"{word}: two ints", add, [2, 3], converter, few),
            _coming_in(f"{word}: an order", place, [ORDER], converter, many),
            _coming_back(f"{word}: an int, back", add, 5, converter, few),
            _coming_back(f"{word}: an order, back", place, ORDER, converter, many),
            _going_out(f"{word}: an order, going out", place, ORDER, converter, many),
        ]
    return made


def _coming_in(name: str, function: Any, args: Any, converter: rpc.Converter, bound: float | None) -> Case:
    payload = encode(args)
    signature = Signature.of(function, name="shop.f", converter=converter)
    return Case(name, lambda: decode(payload), lambda: signature.bind_payload(payload, False, None), bound)


def _coming_back(name: str, function: Any, result: Any, converter: rpc.Converter, bound: float | None) -> Case:
    payload = encode(result)
    signature = Signature.of(function, name="shop.f", converter=converter)
    return Case(name, lambda: decode(payload), lambda: signature.convert_result(decode(payload)), bound)


def _going_out(name: str, function: Any, value: Any, converter: rpc.Converter, bound: float | None) -> Case:
    as_map = attrs.asdict(value)
    write = Signature.of(function, name="shop.f", converter=converter).write_result
    return Case(name, lambda: pack(as_map), lambda: pack(value if write is None else write(value)), bound)


def measure(cases: list[Case], rounds: int, calls: int) -> list[Score]:
    """Time all cases, a round after the other; the quickest rounds count, as the others were kept waiting."""
    best = {case.name: (math.inf, math.inf) for case in cases}
    for _ in range(rounds):
        for case in cases:
            plain, converted = best[case.name]
            best[case.name] = min(plain, _time(case.plain, calls)), min(converted, _time(case.converted, calls))
    return [Score(case.name, *best[case.name], case.bound) for case in cases]


def _time(run: Callable[[], Any], calls: int) -> float:
    return Timer(run).timeit(calls) / calls * 1e6


def table(scores: list[Score]) -> str:
    """The scores as text."""
    lines = [f"{'microseconds':30} {'plain':>8} {'converted':>10} {'adds':>7} {'may add':>8} {'ratio':>6}"]
    for score in scores:
        bound = "" if score.bound is None else f"{score.bound:.1f}"
        lines.append(
            f"{score.name:30} {score.plain:8.2f} {score.converted:10.2f} {score.added:7.2f} {bound:>8}"
            f" {score.ratio:6.2f}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--rounds", default=100, show_default=True, help="Rounds; the quickest count.")
@click.option("--calls", default=200, show_default=True, help="Calls of each case in a round.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(rounds: int, calls: int, as_json: bool) -> None:
    """What conversion adds to a call, and whether that is as little as it should be."""
    scores = measure(cases({"msgspec": MsgspecConverter(), "cattrs": rpc.CattrsConverter()}), rounds, calls)
    if as_json:
        click.echo(
            json.dumps([{**attrs.asdict(score), "added": score.added, "ratio": score.ratio} for score in scores])
        )
    else:
        click.echo(table(scores))
    over = [score.name for score in scores if score.bound is not None and score.added > score.bound]
    if over:
        click.echo(f"more than it may be, or a machine that is slower or busier: {', '.join(over)}", err=True)


if __name__ == "__main__":
    main()
