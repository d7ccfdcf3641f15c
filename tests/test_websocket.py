"""The wire of WebSockets: the library's own client at the other end, and whatever else may come."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.running import need_module

need_module("websockets", "websockets")

from websockets.client import ClientProtocol  # noqa: E402
from websockets.datastructures import Headers  # noqa: E402
from websockets.frames import Close, Frame, Opcode  # noqa: E402
from websockets.http11 import Request, Response  # noqa: E402
from websockets.typing import Origin, Subprotocol  # noqa: E402
from websockets.uri import parse_uri  # noqa: E402

from sipfullproxy.sip.framing import PING, PONG  # noqa: E402
from sipfullproxy.transport.origins import Origins  # noqa: E402
from sipfullproxy.transport.websocket import HANDSHAKE_LIMIT, LARGEST, WebSocket  # noqa: E402

US = "192.168.1.10"
MESSAGE = "MESSAGE sip:b SIP/2.0\r\nX: čaká\r\n\r\n".encode()


def wire() -> WebSocket:
    return WebSocket(Origins([US], ["https://lab.sk"]))


class Browser:
    """One end of a WebSocket; the other is ours. said: what it has heard, frame by frame."""

    def __init__(self, subprotocols: Iterable[str] = ("sip",), origin: str | None = f"http://{US}:8080") -> None:
        self.wire = wire()
        self.protocol = ClientProtocol(
            parse_uri(f"ws://{US}:8088/"), origin=None if origin is None else Origin(origin),
            subprotocols=[Subprotocol(name) for name in subprotocols] or None, max_size=None,
        )  # fmt: skip

    def shake_hands(self) -> Response:
        self.protocol.send_request(self.protocol.connect())
        assert self.send() == []
        (answer,) = self.hear()
        assert isinstance(answer, Response)
        return answer

    def send(self) -> list[bytes]:
        """Let what is to go out arrive. Returns the messages that come out."""
        return self.wire.feed(b"".join(self.protocol.data_to_send()))

    def hear(self) -> list[Any]:
        """What the wire has to say: frames, or the answer to the handshake."""
        data = self.wire.owed()
        if data:
            self.protocol.receive_data(data)
        return self.protocol.events_received()

    def text(self, data: bytes) -> list[bytes]:
        self.protocol.send_text(data)
        return self.send()

    def closed(self) -> int:
        """The code by which the wire has closed it."""
        (frame,) = self.hear()
        assert frame.opcode is Opcode.CLOSE
        assert self.wire.broken is not None
        return int(Close.parse(frame.data).code)


@pytest.fixture
def browser() -> Browser:
    browser = Browser()
    assert browser.shake_hands().status_code == 101
    assert browser.wire.broken is None and not browser.wire.half
    return browser


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """A frame by hand (RFC 6455 §5.2), for what no library would write. Its mask is zero."""
    length = len(data)
    size = bytes([length]) if length < 126 else b"\x7e" + struct.pack("!H", length)
    head = bytes([fin << 7 | rsv << 4 | opcode, size[0] | masked << 7]) + size[1:]
    return head + bytes(4 * masked) + data


# -- the handshake -----------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC7118_01", given="a handshake that offers `sip`", expect="101, and `sip` is the subprotocol of the answer"
)
def test_a_browser_opens_a_websocket() -> None:
    answer = Browser(["other", "sip"]).shake_hands()
    assert (answer.status_code, answer.headers["Sec-WebSocket-Protocol"]) == (101, "sip")
    assert "Sec-WebSocket-Extensions" not in answer.headers


@pytest.mark.parametrize("subprotocols", [[], ["xmpp"]])
def test_another_subprotocol_is_refused(subprotocols: list[str]) -> None:
    browser = Browser(subprotocols)
    answer = browser.shake_hands()
    assert answer.status_code == 400 and b"subprotocol" in answer.body
    assert browser.wire.broken is not None and browser.wire.broken.request is None


@pytest.mark.parametrize("origin", ["http://localhost.evil.example", "null", "https://lab.sk:8443"])
@pytest.mark.purpose("RFC7118_06", given="a handshake from a page of somebody else", expect="403, with what to do")
def test_a_page_from_elsewhere_is_refused(origin: str) -> None:
    browser = Browser(origin=origin)
    answer = browser.shake_hands()
    assert answer.status_code == 403 and f"--ws-origin {origin}".encode() in answer.body
    assert browser.wire.feed(frame(1, MESSAGE)) == []


@pytest.mark.parametrize("origin", ["https://lab.sk", None])
def test_a_listed_page_may_and_who_is_no_browser(origin: str | None) -> None:
    assert Browser(origin=origin).shake_hands().status_code == 101


def test_of_two_origins_neither_counts() -> None:
    headers = Headers([("Origin", f"http://{US}"), ("Origin", "http://evil.example")])
    got = wire()
    got.feed(Request("/", headers).serialize())
    assert got.owed().startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        (b"HEAD / HTTP/1.0\r\n\r\n", 405),
        (b"GET / HTTP/1.0\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", 400),
        (b"OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n", 400),
        (b"\x16\x03\x01", 400),
        (b"\r\n\r\n", 400),
        (b"G" * (HANDSHAKE_LIMIT + 1), 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 3000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", 431),
    ],
)
def test_who_comes_to_the_wrong_door_is_told_so(data: bytes, status: int) -> None:
    got = wire()
    assert got.feed(data) == []
    told = got.owed()
    assert told.startswith(b"HTTP/1.1 %d " % status), told
    if status in (400, 426):
        assert "cez WebSocket (RFC 7118)" in told.decode() and b"SIP over WebSocket (RFC 7118)" in told
    head, _, body = told.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
    assert got.broken is not None and got.feed(data) == [] and got.owed() == b""


def test_what_comes_with_the_handshake_is_read_after_it() -> None:
    browser = Browser()
    browser.protocol.send_request(browser.protocol.connect())
    data = b"".join(browser.protocol.data_to_send())
    assert browser.wire.feed(data + frame(9, b"there?") + frame(1, MESSAGE)) == [MESSAGE]
    answer, pong = browser.hear()
    assert answer.status_code == 101 and (pong.opcode, pong.data) == (Opcode.PONG, b"there?")


# -- messages ----------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC7118_02", given="a message in a frame of text, one in a binary frame", expect="each comes out as it went in"
)
def test_a_message_is_text_or_binary(browser: Browser) -> None:
    assert browser.text(MESSAGE) == [MESSAGE]
    browser.protocol.send_binary(MESSAGE + b"\xff")
    assert browser.send() == [MESSAGE + b"\xff"]
    assert browser.hear() == []


@pytest.mark.purpose(
    "RFC7118_03", given="a message to a browser, one of them with bytes that are no text",
    expect="one frame each, of text where it may be",
)  # fmt: skip
@pytest.mark.parametrize(("data", "opcode"), [(MESSAGE, Opcode.TEXT), (b"\xff", Opcode.BINARY)])
def test_a_message_to_a_browser(browser: Browser, data: bytes, opcode: Opcode) -> None:
    browser.protocol.receive_data(browser.wire.wrap(data))
    assert browser.hear() == [Frame(opcode, data)]


def test_however_the_bytes_are_cut_the_same_comes_out() -> None:
    browser = Browser()
    browser.protocol.send_request(browser.protocol.connect())
    browser.protocol.state = type(browser.protocol.state).OPEN
    for data in (MESSAGE, b"v" * 200, MESSAGE * 2000):
        browser.protocol.send_text(data)
    stream = b"".join(browser.protocol.data_to_send())
    found = [message for byte in stream for message in browser.wire.feed(bytes([byte]))]
    assert found == [MESSAGE, b"v" * 200, MESSAGE * 2000]


def test_a_message_in_parts_with_a_ping_between(browser: Browser) -> None:
    at = MESSAGE.index("č".encode()) + 1  # within a letter
    assert browser.wire.feed(frame(1, MESSAGE[:5], fin=False)) == []
    assert browser.wire.half
    assert browser.wire.feed(frame(0, MESSAGE[5:at], fin=False) + frame(9, b"?") + frame(0, fin=False)) == []
    assert browser.wire.feed(frame(0, MESSAGE[at:])) == [MESSAGE]
    assert not browser.wire.half
    assert [heard.opcode for heard in browser.hear()] == [Opcode.PONG]


def test_a_message_may_be_as_large_as_on_a_stream(browser: Browser) -> None:
    assert browser.text(b"v" * LARGEST) == [b"v" * LARGEST]
    browser.text(b"v" * (LARGEST + 1))
    assert browser.closed() == 1009


def test_parts_together_may_not_be_larger(browser: Browser) -> None:
    browser.protocol.send_text(b"v" * LARGEST, fin=False)
    browser.protocol.send_continuation(b"v", fin=True)
    assert browser.send() == []
    assert browser.closed() == 1009


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(1, MESSAGE, masked=False), 1002),
        (frame(3), 1002),
        (frame(11), 1002),
        (frame(1, rsv=4), 1002),
        (frame(0, MESSAGE), 1002),
        (frame(1, fin=False) + frame(1), 1002),
        (frame(9, b"v" * 126), 1002),
        (frame(9, fin=False), 1002),
        (frame(8, b"\x03"), 1002),
        (frame(8, b"\x03\xed"), 1002),
        (frame(8, b"\x03\xe8\xff"), 1007),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"\xc4", fin=False) + frame(0, b"A"), 1007),
        (b"\x81\xff" + b"\xff" * 12, 1009),
    ],
)
def test_what_breaks_the_protocol_closes_it_with_the_right_code(browser: Browser, data: bytes, code: int) -> None:
    assert browser.wire.feed(data + frame(1, MESSAGE)) == []
    assert browser.closed() == code
    assert browser.wire.wrap(MESSAGE) == b"", "nothing goes out behind a Close"
    browser.wire.ping()
    assert browser.wire.owed() == b""


def test_what_came_before_the_end_still_counts(browser: Browser) -> None:
    assert browser.wire.feed(frame(1, MESSAGE) + frame(8, b"\x03\xe9") + frame(1, MESSAGE)) == [MESSAGE]
    assert browser.closed() == 1001


# -- keepalives --------------------------------------------------------------------------------------------------------


@pytest.mark.purpose("RFC7118_05", given="a Ping; a message of CRLF CRLF", expect="a Pong; a message of CRLF")
def test_keepalives_are_answered(browser: Browser) -> None:
    assert browser.wire.feed(frame(9, b"1") + frame(1, PING)) == []
    assert browser.hear() == [Frame(Opcode.PONG, b"1"), Frame(Opcode.TEXT, PONG)]
    assert browser.text(PONG) == []
    assert browser.hear() == []


def test_a_ping_of_ours_is_unheard_until_something_comes(browser: Browser) -> None:
    browser.wire.ping()
    assert browser.wire.unheard
    assert [heard.opcode for heard in browser.hear()] == [Opcode.PING]
    browser.send()  # a browser answers by itself
    assert not browser.wire.unheard


def test_who_stops_within_a_frame_does_not_answer(browser: Browser) -> None:
    browser.wire.ping()
    browser.wire.feed(frame(1, MESSAGE)[:-1])
    assert browser.wire.unheard


def test_before_the_handshake_nobody_is_asked_and_nothing_is_sent() -> None:
    got = wire()
    got.ping()
    assert got.owed() == b"" and not got.unheard and got.wrap(MESSAGE) == b"" and got.half


# -- anything ----------------------------------------------------------------------------------------------------------

FRAMES = st.builds(
    frame, st.integers(0, 15), st.binary(max_size=150), fin=st.booleans(), masked=st.sampled_from([True, True, False]),
    rsv=st.sampled_from([0, 0, 0, 4]),
)  # fmt: skip


@given(st.lists(FRAMES | st.binary(max_size=30), max_size=12), st.integers(1, 50))
def test_whatever_frames_come_it_goes_on_or_is_closed(pieces: list[bytes], step: int) -> None:
    """Nothing is raised; a Close is the last word, and nothing comes out behind it."""
    browser = Browser()
    browser.shake_hands()
    stream = b"".join(pieces)
    for start in range(0, len(stream), step):
        over = browser.wire.broken is not None
        found = browser.wire.feed(stream[start : start + step])
        assert not (over and found)
    heard = browser.hear()
    closes = [one for one in heard if one.opcode is Opcode.CLOSE]
    assert len(closes) == (browser.wire.broken is not None) and heard[-1:][: len(closes)] == closes


HEADS = st.from_regex(
    rb"(GET|POST|INVITE) [a-z/]* (HTTP/1\.[01]|SIP/2\.0)(\r\n(Upgrade|Connection|[a-z-]*): ?[a-z,]*){0,5}\r\n\r\n"
)


@given(st.binary(max_size=300) | HEADS)
def test_whatever_comes_for_a_handshake_is_awaited_or_answered(data: bytes) -> None:
    got = wire()
    assert got.feed(data) == []
    told = got.owed()
    assert (got.broken is not None) == bool(told)
    assert not told or told.startswith(b"HTTP/1.1 4") or told.startswith(b"HTTP/1.1 505")
