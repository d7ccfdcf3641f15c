"""The wire of TCP and TLS: messages one behind the other, and keepalives between them."""

from __future__ import annotations

from sipfullproxy.transport.wire import StreamWire

MESSAGE = b"MESSAGE sip:b SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nContent-Length: 2\r\n\r\nhi"


def test_messages_come_out_and_keepalives_are_answered() -> None:
    wire = StreamWire()
    assert wire.feed(b"\r\n\r\n" + MESSAGE + b"\r\n\r\n" + MESSAGE[:9]) == [MESSAGE]
    assert wire.half
    assert wire.owed() == b"\r\n" * 2
    assert wire.owed() == b"", "each is answered once"
    assert wire.feed(MESSAGE[9:]) == [MESSAGE]
    assert not wire.half


def test_a_message_goes_out_as_it_is_and_nobody_is_asked_whether_he_is_there() -> None:
    wire = StreamWire()
    assert wire.wrap(MESSAGE) == MESSAGE
    wire.ping()
    assert wire.owed() == b"" and not wire.unheard


def test_what_has_no_end_breaks_it() -> None:
    wire = StreamWire()
    assert wire.feed(b"\x16\x03\x01") == [] and wire.broken is not None
