"""An acceptor under test: HELLO, and who is let in."""

from __future__ import annotations

from tests.conformance.case import (
    CREDENTIAL,
    LEAVES,
    SIZE,
    SLOW,
    VERSION,
    Case,
    answered,
    broken,
    case,
    ended,
)
from tests.conformance.cbor import NULL, TRUE, array, double, mapping, negative, octets, tag, text, uint, wide
from tests.conformance.frames import HELLO, args, call, frame, goaway, hello, ping, reply, settings

__all__ = ["CASES"]

FIVE = call(1, "echo", args(uint(5)))
IT_IS_FIVE = reply(1, uint(5))


def hello_of(size: int) -> bytes:
    """A HELLO whose body has so many bytes, most of them its agent."""
    return hello(settings(agent=text("a" * (size - 11))))


ALL = settings(
    max_frame=uint(16_384),
    max_message=uint(2**53),
    max_calls=uint(16),
    window=uint(65_536),
    features=array(text("a"), text("b")),
    agent=text("suite"),
    credential=octets(b"secret"),
    min_ping=uint(1000),
)

GOOD = [
    case("S001", 2, "It greets at once; a connector that greets and leaves is no error.", HELLO, LEAVES, ended()),
    case("S002", 2, "It takes a HELLO without settings.", HELLO, FIVE, answered(IT_IS_FIVE)),
    case("S003", 2, "It takes a HELLO with every setting, and features it does not know.", hello(ALL), FIVE,
         answered(IT_IS_FIVE)),
    case("S004", 2, "It ignores settings that it does not know, whatever they hold.",
         hello(mapping((uint(8), TRUE), (uint(2**64 - 1), array(mapping((text("a"), double(0.5))))))),
         FIVE, answered(IT_IS_FIVE)),
    case("S005", 8, "Behind the tag it takes heads that are wider than they need to be.",
         frame(b"\xd9\xd9\xf7" + wide(4, 3, 1) + wide(0, 0, 8) + wide(0, 1, 4)
               + wide(5, 1, 2) + wide(0, 0, 1) + wide(0, 16_384, 8)),
         FIVE, answered(IT_IS_FIVE)),
    case("S006", 2, "It speaks version 1 with a connector that could speak a later one.", hello(version=uint(7)), FIVE,
         answered(IT_IS_FIVE)),
    case("S007", 2, "It takes a HELLO of 16384 bytes.", hello_of(16_384), FIVE, answered(IT_IS_FIVE)),
]  # fmt: skip

NO_HELLO = [
    case("S008", 2, "It refuses a first frame of 16385 bytes, though its max_frame is larger.", hello_of(16_385),
         broken(SIZE)),
    case("S009", 2, "It refuses a HELLO without the tag.", frame(array(uint(0), uint(1), mapping())), broken()),
    case("S010", 2, "It refuses a HELLO under another tag.", frame(tag(55_800, array(uint(0), uint(1), mapping()))),
         broken()),
    case("S011", 2, "It refuses a HELLO under the tag twice.",
         frame(tag(55_799, tag(55_799, array(uint(0), uint(1), mapping())))), broken()),
    case("S012", 2, "It refuses a PING as the first frame.", ping(1), broken()),
    case("S013", 2, "It refuses a CALL as the first frame, and does not run it.", FIVE, broken()),
    case("S014", 2, "It refuses a GOAWAY as the first frame.", goaway(None), broken()),
    case("S015", 2, "It refuses a first frame of a type that it would ignore later.", frame(array(uint(40))), broken()),
    case("S016", 2, "It refuses a PING under the tag of HELLO.", frame(tag(55_799, array(uint(8), uint(1)))), broken()),
    case("S017", 2, "It refuses a second HELLO.", HELLO, HELLO, broken()),
    case("S018", 2, "It refuses a second HELLO without the tag.", HELLO, frame(array(uint(0), uint(1), mapping())),
         broken()),
    case("S019", 2, "It refuses the tag on a later frame.", HELLO, frame(tag(55_799, array(uint(8), uint(1)))),
         broken()),
    case("S020", 2, "It refuses the tag alone.", frame(b"\xd9\xd9\xf7"), broken()),
    case("S021", 2, "It refuses a HELLO without settings at its end.",
         frame(tag(55_799, array(uint(0), uint(1)))), broken()),
    case("S022", 2, "It refuses a HELLO with a fourth element.",
         frame(tag(55_799, array(uint(0), uint(1), mapping(), NULL))), broken()),
    case("S023", 1, "It refuses a byte behind HELLO inside its frame.", frame(HELLO[4:] + b"\x00"), broken()),
    case("S024", 8, "It refuses a HELLO of indefinite length.",
         frame(b"\xd9\xd9\xf7\x9f\x00\x01\xa0\xff"), broken()),
]  # fmt: skip

VERSIONS = [
    case("S025", 2, "It refuses version 0, for the reason VERSION.", hello(version=uint(0)), broken(VERSION)),
    case("S026", 2, "It refuses a negative version.", hello(version=negative(-1)), broken()),
    case("S027", 2, "It refuses 1.0 as a version: a float is no integer.", hello(version=double(1.0)), broken()),
    case("S028", 2, "It refuses true as a version.", hello(version=TRUE), broken()),
    case("S029", 2, "It refuses false as the type of HELLO.", hello(kind=b"\xf4"), broken()),
    case("S030", 2, "It refuses a tagged version.", hello(version=tag(2, octets(b"\x01"))), broken()),
]  # fmt: skip

SETTINGS = [
    case("S031", 2, "It refuses settings that are an array.", hello(array()), broken()),
    case("S032", 2, "It refuses settings that are null.", hello(NULL), broken()),
    case("S033", 2, "It refuses a setting whose key is text.", hello(mapping((text("max_frame"), uint(20_000)))),
         broken()),
    case("S034", 8, "It refuses a setting that is there twice.",
         hello(mapping((uint(0), uint(20_000)), (wide(0, 0, 1), uint(20_000)))), broken()),
    case("S035", 2, "It refuses a max_frame below 16384.", hello(settings(max_frame=uint(16_383))), broken()),
    case("S036", 2, "It refuses a max_message below 16384.", hello(settings(max_message=uint(16_383))), broken()),
    case("S037", 2, "It refuses a max_calls below 16.", hello(settings(max_calls=uint(15))), broken()),
    case("S038", 2, "It refuses a window below 65536.", hello(settings(window=uint(65_535))), broken()),
    case("S039", 2, "It refuses a min_ping below 1000.", hello(settings(min_ping=uint(999))), broken()),
    case("S040", 2, "It refuses a max_frame that is a float.", hello(settings(max_frame=double(16_384.0))), broken()),
    case("S041", 2, "It refuses a window that is null: what is missing is left out.", hello(settings(window=NULL)),
         broken()),
    case("S042", 2, "It refuses features that are no array of text.", hello(settings(features=array(octets(b"a")))),
         broken()),
    case("S043", 2, "It refuses an agent that is a byte string.", hello(settings(agent=octets(b"suite"))), broken()),
    case("S044", 8, "It refuses an agent that is not UTF-8.", hello(settings(agent=b"\x62\xc0\xaf")), broken()),
    case("S045", 2, "It refuses a credential that is text.", hello(settings(credential=text("secret"))), broken()),
    case("S046", 8, "It refuses `undefined` in a setting that it does not know.", hello(mapping((uint(8), b"\xf7"))),
         broken()),
]  # fmt: skip

STRANGERS = [
    case("S047", 1, "It tells a browser that it hears HTTP.", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
         broken(SIZE, says="HTTP")),
    case("S048", 1, "It tells a TLS client that it hears TLS.", bytes.fromhex("16030100a5010000a10303") + bytes(32),
         broken(SIZE, says="TLS")),
    case("S049", 2, "It waits for HELLO no longer than its handshake timeout.", broken(SLOW), under="short_handshake"),
    case("S050", 2, "It waits for the rest of a HELLO no longer than its handshake timeout.", HELLO[:6], broken(SLOW),
         under="short_handshake"),
    case("S051", 2, "It turns away who shows no credential, and runs nothing.", HELLO, FIVE, broken(CREDENTIAL),
         under="locked"),
    case("S052", 2, "It turns away who shows a wrong credential, and runs nothing.",
         hello(settings(credential=octets(b"open barley"))), FIVE, broken(CREDENTIAL), under="locked"),
    case("S053", 2, "It lets in who shows the right credential.",
         hello(settings(credential=octets(b"open sesame"))), FIVE, answered(IT_IS_FIVE), under="locked"),
]  # fmt: skip

CASES: list[Case] = [*GOOD, *NO_HELLO, *VERSIONS, *SETTINGS, *STRANGERS]
