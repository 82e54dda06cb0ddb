"""A connector under test: the acceptor's HELLO, lengths, and frames that nobody may send."""

from __future__ import annotations

from tests.conformance.case import (
    LEAVES,
    SIZE,
    SLOW,
    TOO_MANY,
    VERSION,
    Case,
    broken,
    case,
    ended,
    hears,
    may_be_told,
    told,
)
from tests.conformance.cbor import (
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
from tests.conformance.frames import HELLO, call, frame, goaway, hello, ping, pong, settings

__all__ = ["CASES"]

CONNECTED, REFUSED = told("client", "connected"), told("client", "refused")

ALL = settings(
    max_frame=uint(2**32),
    max_message=uint(2**53),
    max_calls=uint(16),
    window=uint(65_536),
    features=array(text("a"), text("b")),
    agent=text("suite"),
    credential=octets(b"nobody asked"),
    min_ping=uint(60_000),
)

GOOD = [
    case("C001", 2, "It greets at once, and takes a HELLO without settings.", HELLO, CONNECTED),
    case("C002", 2, "It takes a HELLO with every setting, a credential among them, which it ignores.", hello(ALL),
         CONNECTED),
    case("C003", 2, "It ignores settings that it does not know, whatever they hold.",
         hello(mapping((uint(8), TRUE), (uint(2**64 - 1), array(mapping((text("a"), double(0.5))))))), CONNECTED),
    case("C004", 8, "Behind the tag it takes heads that are wider than they need to be.",
         frame(b"\xd9\xd9\xf7" + wide(4, 3, 1) + wide(0, 0, 8) + wide(0, 1, 4)
               + wide(5, 1, 2) + wide(0, 0, 1) + wide(0, 16_384, 8)), CONNECTED),
    case("C005", 2, "It speaks version 1 with an acceptor that could speak a later one.", hello(version=uint(2**32)),
         CONNECTED),
    case("C006", 2, "It takes a HELLO of 16384 bytes.", hello(settings(agent=text("a" * (16_384 - 11)))), CONNECTED),
    case("C007", 2, "It takes what comes in one piece with HELLO.", HELLO, ping(1), pong(1), frame(array(uint(32))),
         hears(pong(1)), CONNECTED),
]  # fmt: skip

BAD = [
    ("C008", 2, "a HELLO of 16385 bytes", hello(settings(agent=text("a" * (16_385 - 11)))), SIZE),
    ("C009", 2, "a HELLO without the tag", frame(array(uint(0), uint(1), mapping())), 1),
    ("C010", 2, "a PING before HELLO", ping(1), 1),
    ("C011", 2, "a GOAWAY before HELLO", goaway(0, 7, "full"), 1),
    ("C012", 2, "a PING under the tag", frame(tag(55_799, array(uint(8), uint(1)))), 1),
    ("C013", 2, "version 0", hello(version=uint(0)), VERSION),
    ("C014", 2, "a version that is text", hello(version=text("1")), 1),
    ("C015", 2, "a version that is a float", hello(version=double(1.0)), 1),
    ("C016", 2, "a HELLO of two elements", frame(tag(55_799, array(uint(0), uint(1)))), 1),
    ("C017", 2, "a HELLO of four elements", frame(tag(55_799, array(uint(0), uint(1), mapping(), NULL))), 1),
    ("C018", 2, "settings that are an array", hello(array()), 1),
    ("C019", 2, "a setting whose key is negative", hello(mapping((negative(-1), uint(1)))), 1),
    ("C020", 8, "a setting that is there twice", hello(mapping((uint(5), text("a")), (uint(5), text("a")))), 1),
    ("C021", 2, "a max_frame below 16384", hello(settings(max_frame=uint(0))), 1),
    ("C022", 2, "a max_message below 16384", hello(settings(max_message=uint(16_383))), 1),
    ("C023", 2, "a max_calls below 16", hello(settings(max_calls=uint(0))), 1),
    ("C024", 2, "a window below 65536", hello(settings(window=uint(65_535))), 1),
    ("C025", 2, "a min_ping below 1000", hello(settings(min_ping=uint(0))), 1),
    ("C026", 2, "a max_calls that is a float", hello(settings(max_calls=double(16.0))), 1),
    ("C027", 2, "features that are text", hello(settings(features=text("a"))), 1),
    ("C028", 8, "an agent that is not UTF-8", hello(settings(agent=b"\x61\xff")), 1),
    ("C029", 1, "a byte behind HELLO inside its frame", frame(HELLO[4:] + b"\x00"), 1),
    ("C030", 8, "a HELLO of indefinite length", frame(b"\xd9\xd9\xf7\x9f\x00\x01\xa0\xff"), 1),
    ("C031", 1, "a length of 0 as the first", bytes(4), SIZE),
]  # fmt: skip

STRANGERS = [
    case("C032", 1, "It tells a web server that it hears HTTP.", b"HTTP/1.1 400 Bad Request\r\n\r\n",
         broken(SIZE, says="HTTP"), REFUSED),
    case("C033", 1, "It tells a TLS server that it hears TLS.", bytes.fromhex("15030300020228"),
         broken(SIZE, says="TLS"), REFUSED),
    case("C034", 2, "It waits for HELLO no longer than its handshake timeout.", broken(SLOW), REFUSED,
         under="short_handshake"),
    case("C035", 2, "An acceptor that ends its stream before HELLO refuses it, and breaks nothing.", LEAVES, ended(),
         REFUSED),
    case("C036", 2, "An acceptor that greets, says GOAWAY(0) and leaves refuses it, and breaks nothing.", HELLO,
         goaway(0, 7, "full"), LEAVES, ended(), may_be_told("client", "connected"), may_be_told("client", "refused")),
]  # fmt: skip

MAX_FRAME = 32_768

LATER = [
    ("C037", 2, "a second HELLO", HELLO, 1),
    ("C038", 2, "the tag on a later frame", frame(tag(55_799, array(uint(8), uint(1)))), 1),
    ("C039", 1, "a length of 0", bytes(4), SIZE),
    ("C040", 1, "a length over its max_frame", (MAX_FRAME + 1).to_bytes(4, "big"), SIZE),
    ("C041", 1, "a body that is a map", frame(mapping((uint(8), uint(1)))), 1),
    ("C042", 1, "an empty array", frame(array()), 1),
    ("C043", 1, "a byte behind the item of a body", frame(array(uint(8), uint(1)) + NULL), 1),
    ("C044", 1, "a body that ends inside its item", frame(array(uint(9), uint(1), uint(2))[:-1]), 1),
    ("C045", 8, "an array of indefinite length", frame(b"\x9f\x08\x01\xff"), 1),
    ("C046", 1, "a type that is text", frame(array(text("PING"), uint(1))), 1),
    ("C047", 1, "a type that is true", frame(array(TRUE, uint(1))), 1),
    ("C048", 3, "type 11", frame(array(uint(11))), 1),
    ("C049", 3, "type 64", frame(array(uint(64))), 1),
    ("C050", 3, "`undefined` in what it ignores", frame(array(uint(40), UNDEFINED)), 1),
    ("C051", 8, "65 levels in what it ignores", frame(b"\x82\x18\x28" + b"\x81" * 63 + b"\x80"), 1),
    ("C052", 3, "a PING with two tokens", frame(array(uint(8), uint(1), uint(1))), 1),
    ("C053", 3, "a GOAWAY whose text is null", frame(array(uint(10), NULL, uint(0), NULL)), 1),
    ("C054", 3, "a GOAWAY whose reason is negative", frame(array(uint(10), NULL, negative(-1), text(""))), 1),
    ("C055", 4, "a CALL with an odd id: those are its own", call(1, "echo"), 1),
    ("C056", 4, "a CALL with id 0", call(0, "echo"), 1),
    ("C057", 4, "a CALL with id 2^53", call(2**53, "echo"), 1),
    ("C058", 6, "nothing but frames that it ignores", frame(array(uint(32))) * 2000, TOO_MANY),
]  # fmt: skip

REST = [
    case("C059", 1, "It takes a frame of just its max_frame.", HELLO, CONNECTED,
         frame(array(uint(40), octets(bytes(MAX_FRAME - 6)))), frame(array(uint(63)))),
    case("C060", 1, "The end of the stream inside a frame is the end, and no error.", HELLO, CONNECTED, ping(1)[:-1],
         LEAVES, ended()),
    case("C061", 6, "It waits for the rest of a frame no longer than its frame timeout.", HELLO, CONNECTED,
         ping(1)[:-1], broken(SLOW), under="short_frame"),
]  # fmt: skip

CASES: list[Case] = [
    *GOOD,
    *(
        case(number, section, f"It refuses {what}.", octets, broken(reason), REFUSED)
        for number, section, what, octets, reason in BAD
    ),
    *STRANGERS,
    *(
        case(number, section, f"It refuses {what}.", HELLO, CONNECTED, octets, broken(reason))
        for number, section, what, octets, reason in LATER
    ),
    *REST,
]
