"""An acceptor under test: lengths, and the rows of the frames."""

from __future__ import annotations

from tests.conformance.case import LEAVES, SIZE, SLOW, TOO_MANY, Case, answered, broken, case, ended, failed, told
from tests.conformance.cbor import (
    FALSE,
    NULL,
    TRUE,
    UNDEFINED,
    array,
    double,
    mapping,
    negative,
    octets,
    tag,
    text,
    uint,
    wide,
)
from tests.conformance.frames import END, HELLO, MORE, SENDS, TAKES, args, call, data, frame, ping, reply

__all__ = ["CASES"]

MAX_FRAME = 32_768

ID, FLAGS, ECHO, PAYLOAD = uint(1), uint(0), text("suite.echo"), octets(args(uint(5)))

IT_IS_FIVE = reply(1, uint(5))


def row(kind: int, *fields: bytes) -> bytes:
    """A frame of a type with encoded fields."""
    return frame(array(uint(kind), *fields))


def ignored(size: int) -> bytes:
    """A frame of a type that is ignored, with a body of so many bytes."""
    return row(40, octets(bytes(size - 7 if size > 65_535 + 7 else size - 6)))


LENGTHS = [
    case("S060", 1, "It refuses a length of 0.", HELLO, bytes(4), broken(SIZE)),
    case("S061", 1, "It refuses a length of 0 as the first.", bytes(4), broken(SIZE)),
    case("S062", 1, "It refuses a length over its max_frame, before the body comes.", HELLO,
         (MAX_FRAME + 1).to_bytes(4, "big"), broken(SIZE)),
    case("S063", 1, "It refuses the greatest length.", HELLO, b"\xff" * 4, broken(SIZE)),
    case("S064", 1, "It takes a frame of just its max_frame.", HELLO, ignored(MAX_FRAME),
         call(1, "echo", args(uint(5))), answered(IT_IS_FIVE)),
    case("S065", 1, "It refuses a frame of one byte more.", HELLO, ignored(MAX_FRAME + 1), broken(SIZE)),
    case("S066", 1, "The end of the stream inside a length is the end, and no error.", HELLO, b"\x00\x00", LEAVES,
         ended()),
    case("S067", 1, "The end of the stream inside a body is the end, and no error.", HELLO, ping(1)[:-1], LEAVES,
         ended()),
    case("S068", 1, "The end of the stream before HELLO is the end, and no error.", LEAVES, ended()),
    case("S069", 6, "It waits for the rest of a frame no longer than its frame timeout.", HELLO, ping(1)[:-1],
         broken(SLOW), under="short_frame"),
    case("S070", 1, "It tells who speaks HTTP behind HELLO so.", HELLO, b"POST / HTTP/1.1\r\n\r\n",
         broken(SIZE, says="HTTP")),
]  # fmt: skip

BODIES = [
    case("S071", 1, "It refuses a body that is a map.", HELLO, frame(mapping((uint(8), uint(1)))), broken()),
    case("S072", 1, "It refuses a body that is an integer.", HELLO, frame(uint(8)), broken()),
    case("S073", 1, "It refuses an empty array.", HELLO, frame(array()), broken()),
    case("S074", 1, "It refuses a byte behind the item of a body.", HELLO, frame(array(uint(8), uint(1)) + NULL),
         broken()),
    case("S075", 1, "It refuses a body that ends inside its item.", HELLO, frame(array(uint(8), uint(1), uint(2))[:-1]),
         broken()),
    case("S076", 8, "It refuses an array of indefinite length.", HELLO, frame(b"\x9f\x08\x01\xff"), broken()),
    case("S077", 8, "It refuses a head with reserved additional information.", HELLO, frame(b"\x82\x08\x1c"), broken()),
    case("S078", 1, "It refuses a type that is text.", HELLO, frame(array(text("PING"), uint(1))), broken()),
    case("S079", 1, "It refuses a type that is true.", HELLO, frame(array(TRUE, uint(1))), broken()),
    case("S080", 1, "It refuses a type that is a float.", HELLO, frame(array(double(8.0), uint(1))), broken()),
    case("S081", 1, "It refuses a type that is tagged.", HELLO, frame(array(tag(2, octets(b"\x08")), uint(1))),
         broken()),
    case("S082", 1, "It takes a CALL with heads of eight bytes.", HELLO,
         frame(wide(4, 7, 8) + wide(0, 1, 8) + wide(0, 1, 8) + wide(0, 0, 8) + wide(3, 10, 8) + b"suite.echo"
               + wide(0, 60_000, 8) + wide(5, 0, 8) + wide(2, 2, 8) + args(uint(5))),
         answered(IT_IS_FIVE)),
]  # fmt: skip

TYPES = [
    case("S083", 3, "It refuses type 11, the first that is not known.", HELLO, row(11), broken()),
    case("S084", 3, "It refuses type 31.", HELLO, row(31, uint(1)), broken()),
    case("S085", 3, "It ignores types 32 to 63, whatever they hold.", HELLO, row(32), row(63, mapping(), NULL),
         call(1, "echo", args(uint(5))), answered(IT_IS_FIVE)),
    case("S086", 3, "It refuses type 64: no feature is in force.", HELLO, row(64), broken()),
    case("S087", 3, "It refuses the greatest type.", HELLO, row(2**64 - 1), broken()),
    case("S088", 3, "What it ignores is still one item of the profile: it refuses `undefined` there.", HELLO,
         row(40, UNDEFINED), broken()),
    case("S089", 3, "It refuses a tag in what it ignores.", HELLO, row(40, tag(0, text("2024-01-01T00:00:00Z"))),
         broken()),
    case("S090", 8, "It takes 64 levels in what it ignores.", HELLO, frame(b"\x82\x18\x28" + b"\x81" * 62 + b"\x80"),
         call(1, "echo", args(uint(5))), answered(IT_IS_FIVE)),
    case("S091", 8, "It refuses 65 levels in what it ignores.", HELLO, frame(b"\x82\x18\x28" + b"\x81" * 63 + b"\x80"),
         broken()),
    case("S092", 8, "It refuses a key twice in what it ignores.", HELLO,
         row(40, mapping((text("a"), NULL), (text("a"), NULL))), broken()),
    case("S093", 6, "It ends a connection that brings nothing but what it ignores.", HELLO, row(32) * 2000,
         broken(TOO_MANY)),
]  # fmt: skip


def metadata(size: int) -> bytes:
    """A map of so many bytes."""
    return mapping((text("a"), octets(bytes(size - 6))))


CALLS = [
    case("S094", 3, "It refuses a CALL with a field too few.", HELLO, row(1, ID, FLAGS, ECHO, NULL, NULL), broken()),
    case("S095", 3, "It refuses a CALL with a field too many.", HELLO,
         row(1, ID, FLAGS, ECHO, NULL, NULL, PAYLOAD, NULL), broken()),
    case("S096", 3, "It refuses END on a CALL.", HELLO, call(1, "echo", flags=END), broken()),
    case("S097", 3, "It refuses a flag that nobody knows.", HELLO, call(1, "echo", flags=32), broken()),
    case("S098", 3, "It refuses flags that are true.", HELLO, row(1, ID, TRUE, ECHO, NULL, NULL, PAYLOAD), broken()),
    case("S099", 3, "It refuses a method without a byte.", HELLO, row(1, ID, FLAGS, text(""), NULL, NULL, PAYLOAD),
         broken()),
    case("S100", 3, "It refuses a method of 256 bytes.", HELLO, row(1, ID, FLAGS, text("m" * 256), NULL, NULL, PAYLOAD),
         broken()),
    case("S101", 3, "It takes a method of 255 bytes, which it does not have.", HELLO,
         row(1, ID, FLAGS, text("ä" * 127 + "m"), NULL, NULL, PAYLOAD), answered(failed(1, 12, 1))),
    case("S102", 3, "It refuses a method that is not UTF-8.", HELLO,
         row(1, ID, FLAGS, b"\x63\xed\xa0\x80", NULL, NULL, PAYLOAD), broken()),
    case("S103", 3, "It refuses a method that is a byte string.", HELLO,
         row(1, ID, FLAGS, octets(b"suite.echo"), NULL, NULL, PAYLOAD), broken()),
    case("S104", 3, "It refuses a negative timeout.", HELLO, call(1, "echo", timeout=negative(-1)), broken()),
    case("S105", 3, "It refuses a timeout that is a float.", HELLO, call(1, "echo", timeout=double(1000.0)), broken()),
    case("S106", 3, "It refuses a timeout that is false.", HELLO, call(1, "echo", timeout=FALSE), broken()),
    case("S107", 3, "It refuses metadata that are an array.", HELLO, call(1, "echo", meta=array()), broken()),
    case("S108", 3, "It takes metadata of 8192 bytes.", HELLO, call(1, "echo", args(uint(5)), meta=metadata(8192)),
         answered(IT_IS_FIVE)),
    case("S109", 3, "It refuses metadata of 8193 bytes.", HELLO, call(1, "echo", meta=metadata(8193)), broken(1, SIZE)),
    case("S110", 3, "It refuses a tag in metadata.", HELLO,
         call(1, "echo", meta=mapping((text("a"), tag(1, uint(0))))), broken()),
    case("S111", 3, "It refuses a negative key of metadata.", HELLO,
         call(1, "echo", meta=mapping((negative(-1), NULL))), broken()),
    case("S112", 3, "It refuses a byte string as a key of metadata.", HELLO,
         call(1, "echo", meta=mapping((octets(b"a"), NULL))), broken()),
    case("S113", 3, "It ignores metadata of the protocol that are unknown, or of the wrong type.", HELLO,
         call(1, "echo", args(uint(5)), meta=mapping((uint(1), uint(7)), (uint(3), text("x")), (uint(99), array()))),
         answered(IT_IS_FIVE)),
    case("S114", 3, "It refuses a payload that is text.", HELLO, row(1, ID, FLAGS, ECHO, NULL, NULL, text("\x81\x05")),
         broken()),
    case("S115", 3, "It refuses arguments that are not encoded a second time.", HELLO,
         row(1, ID, FLAGS, ECHO, NULL, NULL, args(uint(5))), broken()),
]  # fmt: skip

UNREAD = (call(1, "unread", args(text("u")), flags=SENDS), told("u", "started"))
"""A call whose caller may send items."""

OTHERS = [
    case("S116", 3, "It refuses MORE and END on one DATA.", HELLO, *UNREAD, data(1, bytes(4096), MORE | END),
         broken(last_id=1), told("u", "cancelled")),
    case("S117", 3, "It refuses TAKES on a DATA.", HELLO, *UNREAD, data(1, bytes(4096), TAKES), broken(last_id=1),
         told("u", "cancelled")),
    case("S118", 3, "It refuses a CANCEL without an id.", HELLO, row(5), broken()),
    case("S119", 3, "It refuses a CANCEL of id 0.", HELLO, row(5, uint(0)), broken()),
    case("S120", 3, "It refuses a CREDIT whose total is a float.", HELLO, call(1, "relay", flags=SENDS | TAKES),
         row(6, ID, double(1e6)), broken(last_id=1)),
    case("S121", 3, "It refuses a NOTIFY whose method is empty.", HELLO, row(7, text(""), NULL, PAYLOAD), broken()),
    case("S122", 3, "It refuses a NOTIFY with an id.", HELLO, row(7, ID, ECHO, NULL, PAYLOAD), broken()),
    case("S123", 3, "It refuses a PING without a token.", HELLO, row(8), broken()),
    case("S124", 3, "It refuses a PING whose token is a bignum.", HELLO, row(8, tag(2, octets(b"\x01"))), broken()),
    case("S125", 3, "It refuses a PONG whose token is text.", HELLO, row(9, text("1")), broken()),
    case("S126", 3, "It refuses a GOAWAY without a text.", HELLO, row(10, NULL, uint(0)), broken()),
    case("S127", 3, "It refuses a GOAWAY whose last id is over 2^53-1.", HELLO, row(10, uint(2**53), uint(0), text("")),
         broken()),
    case("S128", 3, "It refuses a GOAWAY of 16385 bytes.", HELLO, row(10, NULL, uint(0), text("a" * (16_385 - 7))),
         broken(1, SIZE)),
]  # fmt: skip

CASES: list[Case] = [*LENGTHS, *BODIES, *TYPES, *CALLS, *OTHERS]
