"""Messages as the ladder reads them: whatever they are, something can be said of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.ladder.reading import LONGEST_LINE, Reading, readable
from tests.helpers import sdp

INVITE = (
    "INVITE sip:bob%20jr@10.0.0.11:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.10;rport;branch=z9hG4bK7;x=y\r\n"
    'f: "Alica" <sip:alica@10.0.0.1>;tag=1\r\nt: <sip:bob@10.0.0.1>\r\ni: call\r\nCSeq: 7 INVITE\r\n'
    "c: application/sdp\r\n\r\n" + sdp()
).encode()


def test_a_request() -> None:
    reading = Reading(INVITE)
    assert (reading.method, reading.status, reading.kind, reading.begins) == ("INVITE", 0, "request", True)
    assert (reading.call, reading.leg, reading.cseq, reading.branch) == ("call", "1", "7", b"z9hG4bK7")
    assert (reading.user(b"from"), reading.user(b"to"), reading.target) == ("alica", "bob", "bob jr")
    assert reading.sdp is not None and reading.sdp.media[0].kind == "audio"
    assert reading.header(b"via").startswith("SIP/2.0/UDP")
    assert reading.has(b"call-id") and not reading.has(b"replaces")
    assert reading.header(b"replaces") == reading.user(b"refer-to") == ""


def test_a_response() -> None:
    reading = Reading(b"SIP/2.0 486 Obsaden\xc3\xa9" + INVITE[INVITE.index(b"\r\n") :])
    assert (reading.method, reading.status, reading.phrase) == ("INVITE", 486, "Obsadené")
    assert (reading.kind, reading.begins, reading.target) == ("failure", False, "")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("ACK sip:b@x SIP/2.0", "ack"), ("BYE sip:b@x SIP/2.0", "end"), ("CANCEL sip:b@x SIP/2.0", "end"),
        ("NOTIFY sip:b@x SIP/2.0", "request"), ("SIP/2.0 100 T", "provisional"), ("SIP/2.0 199 T", "provisional"),
        ("SIP/2.0 200 OK", "success"), ("SIP/2.0 302 There", "failure"), ("SIP/2.0 699 No", "failure"),
    ],
)  # fmt: skip
def test_kinds(start: str, kind: str) -> None:
    assert Reading(f"{start}\r\nVia: x\r\n\r\n".encode()).kind == kind


@pytest.mark.parametrize(
    ("value", "user"),
    [
        (b"<sip:a@x>;tag=1", "a"), (b"sip:x", "x"), (b"<tel:+421>", "tel:+421"), (b"nonsense", "nonsense"),
        (b"<sip:%1b@x>", "\\x1b"), (b"", ""),
    ],
)  # fmt: skip
def test_users(value: bytes, user: str) -> None:
    assert Reading(b"OPTIONS sip:x SIP/2.0\r\nVia: x\r\nFrom: " + value + b"\r\n\r\n").user(b"from") == user


def test_junk_is_shown_by_its_beginning() -> None:
    reading = Reading(b"\r\n\x16\x03" + b"x" * 1000)
    assert (reading.kind, reading.call, reading.target) == ("request", "", "")
    assert reading.method.startswith("\\x16\\x03xxx") and reading.method.endswith("…")
    assert len(reading.method) < LONGEST_LINE + 10


def test_texts_are_cut() -> None:
    assert readable(b"a" * 10_000) == "a" * 127 + "…"
    assert readable("č".encode() * 10_000) == "č" * 127 + "…"


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda junk: INVITE[:150] + junk + INVITE[150:]))
def test_every_text_is_printable(data: bytes) -> None:
    reading = Reading(data)
    texts = [reading.method, reading.phrase, reading.call, reading.leg, reading.cseq, reading.target]
    texts += [reading.user(b"from"), reading.user(b"to"), reading.header(b"contact"), reading.kind]
    assert all(text.isprintable() for text in texts)
