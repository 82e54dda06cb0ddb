from __future__ import annotations

from typing import Any

import pytest

from rpc.limits import MAX_METHOD
from rpc.service.names import check_service_name, full_name


@pytest.mark.parametrize("name", ["calc", "_calc2", "org.example.calc"])
def test_names_of_services(name: str) -> None:
    check_service_name(name)
    assert full_name(name, "add") == f"{name}.add"


@pytest.mark.parametrize("name", ["", "2calc", "calc.", ".calc", "a..b", "calc-2", "añadir", "calc\n"])
def test_what_is_no_name_of_a_service(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a service: write letters, digits and _, with dots in between"):
        check_service_name(name)


@pytest.mark.parametrize("name", ["a.b", "<lambda>", "2", "añadir"])
def test_what_is_no_name_of_a_method(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^calc: '{name}' is no name for a method: give it one with name="):
        full_name("calc", name)


def test_an_empty_name_is_told_by_what_has_it() -> None:
    with pytest.raises(ValueError, match=r"^calc: 3 is no name for a method"):
        full_name("calc", "", 3)


def test_the_longest_name() -> None:
    longest = "x" * (MAX_METHOD - len("calc."))
    assert len(full_name("calc", longest)) == MAX_METHOD
    with pytest.raises(ValueError, match=f"is too long for the wire: a name has at most {MAX_METHOD} characters"):
        full_name("calc", longest + "x")


@pytest.mark.parametrize("name", [5, None, b"calc"])
def test_a_name_is_text(name: Any) -> None:
    with pytest.raises(TypeError, match="a service is named by text, not by "):
        check_service_name(name)
    with pytest.raises(TypeError, match="calc: a method is named by text, not by "):
        full_name("calc", name)


def test_a_service_leaves_room_for_its_methods() -> None:
    check_service_name("s" * 253)
    assert full_name("s" * 253, "m") == "s" * 253 + ".m"
    with pytest.raises(ValueError, match="is too long for a service: it has at most 253 characters"):
        check_service_name("s" * 254)
