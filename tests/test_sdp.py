"""Session descriptions as phones write them, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.sdp import LONGEST_BODY, MOST_MEDIA, Media, Sdp, find_sdp, glance, parse

LINPHONE = b"""v=0\r
o=macek 228 50 IN IP4 192.168.1.5\r
s=Talk\r
c=IN IP4 192.168.1.5\r
t=0 0\r
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r
m=audio 7078 RTP/AVP 96 97 98 0 8\r
a=rtpmap:96 opus/48000/2\r
m=video 9078 RTP/AVP 96\r
a=rtpmap:96 VP8/90000\r
"""


def offer(session: str, *media: str) -> Sdp:
    """A session description, read. A `|` parts the lines of the session and of each medium: "audio 7078|a=sendonly"."""
    lines = ["v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "t=0 0", *session.split("|")]
    for one in media:
        first, *rest = one.split("|")
        lines += [f"m={first} RTP/AVP 0", *rest]
    return parse("\r\n".join(lines).encode())


def test_a_video_offer_of_linphone_is_read_whole() -> None:
    assert parse(LINPHONE) == Sdp(
        "192.168.1.5",
        (
            Media("audio", 7078, "RTP/AVP", "sendrecv", "192.168.1.5"),
            Media("video", 9078, "RTP/AVP", "sendrecv", "192.168.1.5"),
        ),
    )
    assert parse(LINPHONE).has_video
    assert not parse(LINPHONE).on_hold


@pytest.mark.parametrize("newline", [b"\n", b"\r"])
def test_other_line_ends_are_forgiven(newline: bytes) -> None:
    assert parse(LINPHONE.replace(b"\r\n", newline)) == parse(LINPHONE)


def test_a_medium_overrides_the_address_and_the_direction_of_its_session() -> None:
    read = offer(
        "c=IN IP4 10.0.0.1|a=sendonly",
        "audio 4000/2",
        "video 4002|c=IN IP6 2001:db8::1/127/3|a=recvonly ",
    )
    assert read.media == (
        Media("audio", 4000, "RTP/AVP", "sendonly", "10.0.0.1"),
        Media("video", 4002, "RTP/AVP", "recvonly", "2001:db8::1"),
    )


@pytest.mark.parametrize(
    ("video", "seen"),
    [
        ("video 9078", True),
        ("VIDEO 9078", True),
        ("video 9078|a=recvonly", True),
        ("video 9078|a=sendonly", True),
        ("video 9078|a=inactive", False),
        ("video 0", False),
        ("video 9078|c=IN IP4 0.0.0.0", False),
        ("video 9|c=IN IP4 0.0.0.0", True),
        ("text 9078", False),
    ],
)
def test_video_is_a_stream_that_shows_something(video: str, seen: bool) -> None:
    assert offer("a=sendrecv", "audio 7078", video).has_video is seen


@pytest.mark.parametrize(
    ("session", "media", "held"),
    [
        ("", ["audio 7078"], False),
        ("", ["audio 7078|a=sendonly"], True),
        ("", ["audio 7078|a=inactive"], True),
        ("", ["audio 7078|a=recvonly"], False),
        ("a=sendonly", ["audio 7078", "video 9078"], True),
        ("a=sendonly", ["audio 7078", "video 9078|a=sendrecv"], False),
        ("", ["audio 7078|a=sendonly", "video 0"], True),
        ("", ["audio 7078|c=IN IP4 0.0.0.0"], True),
        ("", ["audio 7078|c=IN IP6 ::"], True),
        ("", ["audio 9|c=IN IP4 0.0.0.0"], False),
        ("", ["audio 9|c=IN IP4 0.0.0.0|a=sendonly"], True),
        ("a=sendonly", ["audio 0"], False),
        ("a=sendonly", [], False),
    ],
)
def test_hold_is_when_every_stream_that_exists_is_held(session: str, media: list[str], held: bool) -> None:
    assert offer(session, *media).on_hold is held


@pytest.mark.parametrize(
    "line",
    [
        "m=",
        "m=audio",
        "m=audio 7078",
        "m=audio x RTP/AVP 0",
        "m=audio 65536 RTP/AVP 0",
        "m=audio -1 RTP/AVP",
        "m=audio \xb2 RTP/AVP",
    ],
)
def test_a_medium_that_cannot_be_read_is_skipped_with_its_lines(line: str) -> None:
    lines = ["m=audio 7078 RTP/AVP 0", line, "a=inactive", "c=IN IP4 0.0.0.0", "m=video 1 RTP/AVP 96"]
    read = parse("\r\n".join(lines).encode("latin-1"))
    assert [(one.kind, one.direction, one.address) for one in read.media] == [
        ("audio", "sendrecv", ""),
        ("video", "sendrecv", ""),
    ]


def test_an_endless_body_is_read_to_a_limit() -> None:
    assert len(parse(b"m=audio 1 RTP/AVP\n" * 10_000).media) == MOST_MEDIA
    assert parse(b"x" * LONGEST_BODY + b"\nm=audio 1 RTP/AVP\n") == Sdp()


@given(st.binary())
def test_any_bytes_at_all_are_survived(junk: bytes) -> None:
    parse(junk)
    find_sdp(junk, junk)
    find_sdp(b"multipart/mixed;boundary=" + junk, junk)


PIECES = [b"m=", b"c=", b"a=", b"audio", b"video", b"sendonly", b" ", b"\r\n", b"IN IP4", b"/", b"0", b"\xff"]


@given(st.lists(st.sampled_from(PIECES)))
def test_any_shuffle_of_true_pieces_is_survived(pieces: list[bytes]) -> None:
    read = parse(b"".join(pieces))
    assert read.on_hold in (True, False)
    assert read.has_video in (True, False)


LINES = st.sampled_from([
    b"m=audio 1 RTP/AVP 0", b"m=VIDEO 2 RTP/AVP 0", b"m=\tvideo 0 RTP/AVP 0", b"c=IN IP4 0.0.0.0", b"c=IN IP6 ::",
    b"c=IN IP4 10.0.0.1", b"a=sendonly", b"a=inactive ", b"a=recvonly", b"a=sendrecv",
])  # fmt: skip


@given(st.lists(LINES))
def test_a_glance_sees_video_and_hold_as_a_reader_does(lines: list[bytes]) -> None:
    body = b"\r\n".join(lines)
    seen, read = glance(body), parse(body)
    assert (seen.has_video, seen.on_hold) == (read.has_video, read.on_hold)


def test_a_glance_at_a_plain_call_reads_no_lines() -> None:
    body = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n"
    assert (glance(body), len(parse(body).media)) == (Sdp(), 1)


@pytest.mark.parametrize("kind", [b"application/sdp", b"Application/SDP ; charset=utf-8", b" application/sdp"])
def test_a_plain_body_is_the_session_description(kind: bytes) -> None:
    assert find_sdp(kind, LINPHONE) == LINPHONE


@pytest.mark.parametrize(
    "kind", [b"", b"text/plain", b"application/sdp-not", b"multipart/mixed", b'multipart/mixed;boundary=""']
)
def test_another_body_has_none(kind: bytes) -> None:
    assert find_sdp(kind, LINPHONE) is None


MULTIPART = b"\r\n".join(
    (
        b"a preamble that nobody reads",
        b"--7a9cbec02ceef655",
        b"Content-Type: text/plain",
        b"",
        b"Hello",
        b"--7a9cbec02ceef655 ",
        b"Content-Disposition: session",
        b"content-type : Application/SDP;x=y",
        b"",
        b"v=0",
        b"m=audio 7078 RTP/AVP 0",
        b"--7a9cbec02ceef655--",
        b"an epilogue",
    )
)


@pytest.mark.parametrize(
    "kind",
    [b"multipart/mixed;boundary=7a9cbec02ceef655", b'Multipart/Mixed; charset=x; BOUNDARY = "7a9cbec02ceef655"'],
)
def test_of_a_multipart_body_it_is_the_part_of_that_type(kind: bytes) -> None:
    assert find_sdp(kind, MULTIPART) == b"v=0\r\nm=audio 7078 RTP/AVP 0"


def test_a_multipart_body_without_one_has_none() -> None:
    kind = b"multipart/mixed;boundary=7a9cbec02ceef655"
    assert find_sdp(kind, MULTIPART.replace(b"SDP", b"XML")) is None
    assert find_sdp(kind, b"no delimiter at all") is None


def test_a_multipart_body_may_begin_with_its_delimiter_and_end_without_one() -> None:
    kind = b"multipart/mixed;boundary=b"
    assert find_sdp(kind, b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n") == b"v=0\r\n"
