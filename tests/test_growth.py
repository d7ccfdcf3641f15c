"""No datagram is expensive: what reads a stranger's bytes takes a time that grows with their length and no faster.

Every reader is given 64 kB of one thing over and over, behind what leads it deep into its pattern and before what makes
it fail at the very end: that is where a pattern that backtracks, or a loop in a loop, would show. In the normal run
they only have to come back. `pytest -m soak` measures them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.sip.digest import read_challenge, read_credentials
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.framing import Framer
from sipfullproxy.sip.grammar import parameters, split_list, unescape, unfold, unquote, whole_number
from sipfullproxy.sip.headers.address import Address, tag
from sipfullproxy.sip.headers.cseq import parse_cseq
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.message import Draft, Request, parse
from sipfullproxy.sip.response import respond
from sipfullproxy.sip.uri import Uri
from tests.helpers import PROXY, Lab

DATAGRAM = 65_535

RUNS = (
    *(b"a", b"0", b" ", b"\t", b'"', b"\\", b"<", b">", b";", b",", b"=", b"%", b"&", b"?", b"@", b":", b"[", b"."),
    *(
        b"\0",
        b"\xff",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n ",
        b"a:\r\n",
        b"v:,\r\n",
        b"t: a\r\n",
        b" SIP/",
        b" SIP/2.",
        b"SIP/2.0/UDP a,",
    ),
    *(
        b";a",
        b";a=",
        b';a="',
        b';a="";',
        b"; ",
        b" ;",
        b";tag",
        b";tag =",
        b";rport",
        b";received=1",
        b";maddr=",
        b";branch=",
    ),
    *(
        b"%41",
        b"%4",
        b"&a",
        b"?a=",
        b"a@",
        b":a",
        b"::",
        b"[::1]",
        b"sip:a@h,",
        b"<sip:a@h>,",
        b'"a" ',
        b'""',
        b'\\"',
        b'"\\',
        b"<>",
    ),
    *(b", ", b" ,", b'","', b"<,", b"a b ", b"/ ", b"1.", b"=a;", b"a=b,", b'a="",'),
)


def fill(before: bytes, run: bytes, after: bytes, size: int = DATAGRAM) -> bytes:
    """One thing over and over, to that many bytes in all."""
    room = size - len(before) - len(after)
    return before + run * (room // len(run)) + after


def read_uri(text: bytes) -> None:
    uri = Uri(text)
    uri.matches(Uri(text + b"x"))
    uri.for_request()
    uri.without(b"maddr")


def read_via(text: bytes) -> None:
    via = Via(text)
    via.stamped("10.0.0.9", 5060)
    via.reply_address(("10.0.0.9", 5060))


def read_message(data: bytes) -> None:
    """All that is done to a message before anybody decides anything."""
    message = parse(data)
    respond(message, 400, b"Bad", b"t")
    for name in (b"via", b"route", b"contact", b"x"):
        message.values(name)
    message.check()
    message.stamp("10.0.0.9", 5060)
    Draft(message).encode()
    if isinstance(message, Request):
        read_uri(message.uri_text)


def read_stream(data: bytes) -> None:
    """A stream that comes in drops."""
    framer = Framer()
    for at in range(0, len(data), 16):
        framer.feed(data[at : at + 16])


# What reads, with what leads in and what makes it fail in the end.
READERS: list[tuple[Callable[[bytes], object], bytes, bytes]] = [
    (unfold, b"", b""),
    (split_list, b"", b""),
    (split_list, b"<", b""),
    (split_list, b'"', b""),
    (parameters, b"", b""),
    (parameters, b";a=", b"\0"),
    (parameters, b';a="', b""),
    (unquote, b'"', b'"'),
    (unescape, b"", b""),
    (lambda text: whole_number(text, 255), b"", b""),
    (read_uri, b"sip:", b"@h"),
    (read_uri, b"sip:", b"\0"),
    (read_uri, b"sip:a@h", b"\0"),
    (read_uri, b"sip:a@h;a", b""),
    (read_uri, b"sip:a@h;a", b"\0"),
    (read_uri, b"sip:a@h?a", b""),
    (read_via, b"SIP", b""),
    (read_via, b"SIP/2.0/UDP ", b"\0"),
    (read_via, b"SIP/2.0/UDP h", b"\0"),
    (read_via, b"SIP/2.0/UDP h;a", b""),
    (read_via, b"SIP/2.0/UDP h;a", b";"),
    (Address, b"", b"\0"),
    (Address, b'"', b"<sip:a@h>;tag=1"),
    (Address, b"<sip:a@h>", b"\0"),
    (tag, b"<", b";tag"),
    (tag, b'"', b""),
    (tag, b"", b"<"),
    (tag, b"<sip:a@h>;tag=", b"\0"),
    (tag, b'"" <>;a', b'"'),
    (parse_cseq, b"", b"\0"),
    (parse_cseq, b"1", b"\0"),
    (parse_cseq, b"1 A", b"\0"),
    (read_credentials, b"Digest ", b""),
    (read_credentials, b"Digest a=", b"\0"),
    (read_credentials, b'Digest a="', b""),
    (read_credentials, b"Digest a=b,", b'"'),
    (read_challenge, b"Digest ", b"\0"),
    (read_stream, b"", b""),
    (read_stream, b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n", b""),
    (read_stream, b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nl: 200000\r\n\r\n", b""),
]

# Where in a datagram they all meet.
TEMPLATE = (
    b"%bINVITE sip:bob@10.0.0.1%b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK1%b\r\n"
    b"Max-Forwards: 70%b\r\nFrom: <sip:alice@10.0.0.1>;tag=1%b\r\nTo: <sip:bob@10.0.0.1>%b\r\nCall-ID: 1%b\r\n"
    b"CSeq: 1 INVITE%b\r\nContact: <sip:alice@10.0.0.10>%b\r\nX: 1%b\r\n%bRoute: <sip:10.0.0.1;lr>%b\r\n\r\n%b"
)
PLACES = range(TEMPLATE.count(b"%b"))


def in_place(place: int) -> tuple[bytes, bytes]:
    """A datagram, cut in two at one of its places."""
    whole = TEMPLATE.split(b"%b")
    return b"".join(whole[: place + 1]), b"".join(whole[place + 1 :])


READERS += [(read_message, *in_place(place)) for place in PLACES]
READERS += [(read_message, b"OPTIONS", b"\nsip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n")]


EVERY = 3
"""Of how many things over and over a reader gets one where nothing is measured: the next reader gets the next. `make
soak` measures each reader with all of them."""

NAMES = [f"{reader.__name__}-{number}" for number, (reader, _, _) in enumerate(READERS)]


@pytest.mark.parametrize("number", range(len(READERS)), ids=NAMES)
def test_64_kilobytes_of_anything_are_read_to_their_end(number: int) -> None:
    reader, before, after = READERS[number]
    for run in RUNS[number % EVERY :: EVERY]:
        with suppress(SipError):
            reader(fill(before, run, after))


def serve() -> Callable[[bytes], object]:
    """An engine at work: what it does with a datagram of a registered phone, and with what follows from it."""
    lab = Lab()
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.register(), bob.register()
    flow = Flow("udp", PROXY, alice.address)

    def serve(data: bytes) -> None:
        lab.engine.receive(data, flow, lab.now)
        lab.now += 600
        lab.engine.tick(lab.now)
        bob.register()
        alice.register()

    return serve


@pytest.mark.parametrize("place", PLACES)
def test_64_kilobytes_of_anything_are_served(place: int) -> None:
    reader = serve()
    for run in RUNS[place % EVERY :: EVERY]:
        reader(fill(in_place(place)[0], run, in_place(place)[1]))


# -- measured ---------------------------------------------------------------------------------------------------------

# A time that grows with the square makes 4 of 2; the rest is for a machine that does other things too.
STEEPEST = 3.0
# Below this (seconds) there is nothing to measure, nor to fear.
NOTHING = 0.002


def seconds(reader: Callable[[bytes], object], data: bytes) -> float:
    """CPU time of the fastest of a few runs."""
    times = []
    for _ in range(5):
        begin = process_time()
        with suppress(SipError):
            reader(data)
        times.append(process_time() - begin)
    return min(times)


@pytest.mark.soak
@pytest.mark.parametrize(("reader", "before", "after"), READERS, ids=NAMES)
def test_twice_as_much_takes_about_twice_as_long(
    reader: Callable[[bytes], object], before: bytes, after: bytes
) -> None:
    for run in RUNS:
        once, twice = (seconds(reader, fill(before, run, after, size)) for size in (DATAGRAM, 2 * DATAGRAM))
        assert twice < STEEPEST * once + NOTHING, (
            f"{run!r}: {once * 1000:.1f} ms for 64 kB and {twice * 1000:.1f} for 128"
        )


# The most that one datagram may cost (seconds of one core); a slow machine included.
DEAREST = 0.1


@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
def test_no_datagram_is_expensive(place: int) -> None:
    reader = serve()
    for run in RUNS:
        took = seconds(reader, fill(in_place(place)[0], run, in_place(place)[1]))
        assert took < DEAREST, f"{run!r}: {took * 1000:.0f} ms"
