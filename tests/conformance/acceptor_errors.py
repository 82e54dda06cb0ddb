"""An acceptor under test: what it answers to calls that fail, and to payloads that it cannot take."""

from __future__ import annotations

from tests.conformance.case import Case, answered, case, failed, replied
from tests.conformance.cbor import NULL, array, double, mapping, negative, octets, tag, text, uint, wide
from tests.conformance.frames import HELLO, NAMED, NOTHING, SENDS, TAKES, args, call, named, reply

__all__ = ["CASES"]

BAD = b"\x81"
"""A payload that ends too early."""

NAMES = [
    case("S180", 5, "It has no such method: UNIMPLEMENTED, unprocessed.", HELLO, call(1, "nothing"),
         answered(failed(1, 12, 1))),
    case("S181", 5, "A name leads to a method, and not through it.", HELLO, call(1, "echo.__call__"),
         call(3, "__class__"), call(5, "Echo"), call(7, " echo"),
         answered(*(failed(id, 12, 1) for id in (1, 3, 5, 7)), any_order=True)),
    case("S182", 5, "A notification is not called.", HELLO, call(1, "observe", named(value=uint(5)), flags=NAMED),
         answered(failed(1, 12, 1))),
    case("S183", 4, "SENDS to a method that takes no stream.", HELLO, call(1, "echo", args(uint(5)), flags=SENDS),
         answered(failed(1, 12, 1))),
    case("S184", 4, "TAKES from a method that streams nothing.", HELLO, call(1, "echo", args(uint(5)), flags=TAKES),
         answered(failed(1, 12, 1))),
    case("S185", 4, "No TAKES to a method that streams.", HELLO, call(1, "count", args(uint(5))),
         answered(failed(1, 12, 1))),
    case("S186", 4, "No SENDS to a method that takes a stream.", HELLO, call(1, "total"), answered(failed(1, 12, 1))),
    case("S187", 4, "A context without SENDS.", HELLO, call(1, "hold", args(text("n")), flags=TAKES),
         answered(failed(1, 12, 1))),
    case("S188", 5, "What is not for this peer: PERMISSION_DENIED, unprocessed.", HELLO, call(1, "forbidden"),
         answered(failed(1, 7, 1))),
]  # fmt: skip

ORDER = [
    case("S189", 5, "It judges a timeout of 0 before the method.", HELLO, call(1, "nothing", timeout=uint(0)),
         answered(failed(1, 4, 1))),
    case("S190", 5, "It judges the method before the flags and the payload.", HELLO,
         call(1, "nothing", BAD, flags=SENDS), answered(failed(1, 12, 1))),
    case("S191", 5, "It judges permission before the flags and the payload.", HELLO,
         call(1, "forbidden", BAD, flags=SENDS), answered(failed(1, 7, 1))),
    case("S192", 5, "It judges the flags before the payload.", HELLO, call(1, "echo", BAD, flags=TAKES),
         answered(failed(1, 12, 1))),
]  # fmt: skip

RAISED = [
    case("S193", 5, "A status that the handler raised travels as it is, without a type.", HELLO,
         call(1, "fail", args(uint(5), text("gone"))), answered(failed(1, 5, 0, message="gone", type=None))),
    case("S194", 5, "So does the last one, UNAUTHENTICATED.", HELLO,
         call(1, "fail", args(uint(16), text("who?"))), answered(failed(1, 16, 0, message="who?", type=None))),
    case("S195", 5, "What the handler did not declare is UNKNOWN with the name of its class; its message stays.", HELLO,
         call(1, "crash"), answered(failed(1, 2, 0, type="Crash", hides="a secret"))),
    case("S196", 5, "What it declared travels with its name and its fields.", HELLO, call(1, "refuse", args(uint(5))),
         answered(failed(1, 2, 0, type="suite.Refused", details=mapping((text("amount"), uint(5)))))),
    case("S197", 5, "A result that cannot travel is INTERNAL, not to be tried again.", HELLO, call(1, "shapeless"),
         answered(failed(1, 13, 2))),
    case("S255", 3, "A message that does not fit an ERROR is cut at a character.", HELLO,
         call(1, "fail", args(uint(5), text("\u6c34" * 8000))), answered(failed(1, 5, 0))),
]  # fmt: skip

SHAPES = [
    ("S198", "arguments that are a map", mapping(), 0),
    ("S199", "arguments that are null", NULL, 0),
    ("S200", "one argument too many", args(uint(5), uint(6)), 0),
    ("S201", "one argument too few", NOTHING, 0),
    ("S202", "NAMED over arguments without names", args(uint(5)), NAMED),
    ("S203", "NAMED with a third part", array(args(uint(5)), mapping(), NULL), NAMED),
    ("S204", "a name that is an integer", array(NOTHING, mapping((uint(1), uint(5)))), NAMED),
    ("S205", "a name that no parameter has", named(worth=uint(5)), NAMED),
    ("S206", "an argument by position and by name", named(args(uint(5)), value=uint(5)), NAMED),
]

PROFILE = [
    ("S207", "no byte", b""),
    ("S208", "an end inside the item", b"\x81"),
    ("S209", "a byte behind the item", args(uint(5)) + NULL),
    ("S210", "an array of indefinite length", b"\x9f\x05\xff"),
    ("S211", "a byte string in chunks", b"\x81\x5f\x41\x00\xff"),
    ("S212", "`undefined`", b"\x81\xf7"),
    ("S213", "a simple value that nobody assigned", b"\x81\xf8\xff"),
    ("S214", "a simple value in two bytes that fits one", b"\x81\xf8\x14"),
    ("S215", "a reserved head", b"\x81\x1c"),
    ("S216", "a break", b"\xff"),
    ("S217", "a tag that is not of the profile, 24", args(tag(24, octets(b"\x05")))),
    ("S218", "the tag of HELLO", tag(55_799, args(uint(5)))),
    ("S219", "a key twice", args(mapping((text("a"), NULL), (text("a"), NULL)))),
    ("S220", "an integer key twice, in two widths", args(mapping((uint(1), NULL), (wide(0, 1, 8), NULL)))),
    ("S221", "a key that is NaN", args(mapping((b"\xf9\x7e\x00", NULL)))),
    ("S222", "a key that is null", args(mapping((NULL, NULL)))),
    ("S223", "a key that is an array", args(mapping((array(), NULL)))),
    ("S224", "a key that is a bignum", args(mapping((tag(2, octets(b"\x01")), NULL)))),
    ("S225", "text that is not UTF-8", b"\x81\x62\xc3\x28"),
    ("S226", "a surrogate in text", b"\x81\x63\xed\xa0\x80"),
    ("S227", "65 levels", b"\x81" * 64 + b"\x80"),
    ("S228", "an integer of 65 bytes", args(tag(2, octets(b"\x01" + bytes(64))))),
    ("S229", "an integer that is tagged text", args(tag(2, text("1")))),
    ("S230", "a decimal with exponent 6145", args(tag(4, array(uint(6145), uint(1))))),
    ("S231", "a time without an offset", args(tag(0, text("2024-02-29T12:30:45")))),
    ("S232", "a time that is not finite", args(tag(1, b"\xf9\x7c\x00"))),
    ("S233", "a date that there is not", args(tag(1004, text("2023-02-29")))),
    ("S234", "a UUID of 15 bytes", args(tag(37, octets(bytes(15))))),
    ("S235", "a set with a member twice", args(tag(258, array(uint(1), uint(1))))),
    ("S236", "a set of sets", args(tag(258, array(tag(258, array()))))),
    ("S237", "a length of 2^64-1", b"\x81" + wide(2, 2**64 - 1, 8)),
]

TAKEN = [
    ("S238", "the greatest and the least integer", array(uint(2**64 - 1), negative(-(2**64)))),
    ("S239", "larger integers", array(tag(2, octets(b"\x01" + bytes(8))), tag(3, octets(b"\x01" + bytes(63))))),
    ("S240", "text of every length of UTF-8", text("a\u00fc\u6c34\U00010151\x00")),
    ("S241", "a map with keys of every kind", mapping((text("a"), NULL), (octets(b"a"), NULL), (negative(-1), NULL))),
    ("S242", "64 levels", b"\x81" * 62 + b"\x80"),
    ("S243", "booleans and null", b"\x83\xf4\xf5\xf6"),
    ("S244", "doubles", array(double(1.1), double(-4.1), double(1e300))),
    ("S245", "a decimal with its zeros", tag(4, array(negative(-2), uint(150)))),
    ("S246", "a UUID", tag(37, octets(bytes(range(16))))),
    ("S247", "a date", tag(1004, text("2024-02-29"))),
    ("S248", "a set", tag(258, array(uint(7)))),
]

CHANGED = [
    ("S249", "An integer in a wide head comes back in the shortest.", wide(0, 5, 8), [uint(5)]),
    ("S250", "A tagged integer that fits 64 bits comes back as an integer.", tag(2, octets(b"\x00\x05")), [uint(5)]),
    ("S251", "A half float comes back as a float of any width.", b"\xf9\x3e\x00",
     [b"\xf9\x3e\x00", b"\xfa\x3f\xc0\x00\x00", double(1.5)]),
    ("S252", "NaN comes back as NaN.", b"\xf9\x7e\x00",
     [b"\xf9\x7e\x00", b"\xfa\x7f\xc0\x00\x00", b"\xfb\x7f\xf8" + bytes(6)]),
    ("S253", "-0.0 keeps its sign.", b"\xf9\x80\x00", [b"\xf9\x80\x00", b"\xfa\x80" + bytes(3), double(-0.0)]),
    ("S254", "A time comes back as tag 0.", tag(1, uint(1_363_896_240)),
     [tag(0, text(f"2013-03-21T20:04:00{offset}")) for offset in ("Z", "+00:00")]),
]  # fmt: skip

CASES: list[Case] = [
    *NAMES,
    *ORDER,
    *RAISED,
    *(
        case(number, 5, f"It refuses {what}: INVALID_ARGUMENT, unprocessed.", HELLO,
             call(1, "echo", payload, flags=flags), answered(failed(1, 3, 1)))
        for number, what, payload, flags in SHAPES
    ),
    *(
        case(number, 8, f"It refuses {what} in a payload, which costs that call alone.", HELLO,
             call(1, "echo", payload), answered(failed(1, 3, 1)))
        for number, what, payload in PROFILE
    ),
    *(
        case(number, 8, f"It takes {what}, and gives the same bytes.", HELLO, call(1, "echo", args(value)),
             answered(reply(1, value)))
        for number, what, value in TAKEN
    ),
    *(
        case(number, 8, asks, HELLO, call(1, "echo", args(value)), answered(replied(1, *values)))
        for number, asks, value, values in CHANGED
    ),
]  # fmt: skip
