"""The messages in tests/vectors/, each to its fate: read, checked, and put to a whole engine between two phones.

`expected.tsv` there says what becomes of each, and why. A fate does not change when empty lines come before a message
or when something stands behind its Content-Length.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from sipfullproxy.engine.flow import Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Response, parse
from tests.each import each
from tests.helpers import Lab
from tests.passing import assert_passed, connect, fate_of, fates_on, framed, split

FOLDER = Path(__file__).parent / "vectors"


class Vector(NamedTuple):
    """One line of the table."""

    name: str
    section: str
    fate: str
    why: str

    @property
    def data(self) -> bytes:
        return (FOLDER / f"{self.name}.sip").read_bytes()


TABLE = [
    Vector(*line.split("\t"))
    for line in (FOLDER / "expected.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def play(data: bytes) -> tuple[str, list[Send]]:
    """alice sends it to the proxy, and bob is registered too."""
    lab = Lab(domains=frozenset({"example.com"}))
    alice, bob = lab.registered("alice", "bob")
    fate, sends = fate_of(lab, data, alice.address)
    if fate == "forwarded":
        assert sends[0].flow.remote == bob.address
    return fate, sends


def named(vector: Vector) -> str:
    return vector.name


every = each(TABLE, named)


def test_every_file_is_in_the_table_once() -> None:
    assert sorted(vector.name for vector in TABLE) == sorted(file.stem for file in FOLDER.glob("*.sip"))


@pytest.mark.purpose(
    "SIP_MG_PR_V_007..011", "SIP_MG_PR_I_005",
    given="the messages of tests/vectors/: strange ones (spaces, longvalues …), broken ones (emptyvia, openquote …)",
    expect="each its fate of expected.tsv: forwarded untouched, or 400 with a Warning",
)  # fmt: skip
@every
def test_a_message_meets_its_fate(vector: Vector) -> None:
    fate, sends = play(vector.data)
    assert fate == vector.fate, vector.why
    if fate == "forwarded":
        assert_passed(vector.data, sends[0].data)
    elif fate == "400":
        # Whoever reads the trace learns what is wrong.
        assert b"\r\nWarning: 399 " in sends[0].data


@every
def test_a_message_that_is_served_can_be_read(vector: Vector) -> None:
    if vector.fate == "junk" or vector.name == "keepalive":
        with pytest.raises(SipError):
            parse(vector.data)
        return
    message = parse(vector.data)
    if vector.fate not in ("400", "505", "dropped"):
        message.check()
    if vector.fate == "forwarded":
        assert vector.data.endswith(b"\r\n\r\n" + message.body)


@every
def test_a_message_may_be_cut_anywhere(vector: Vector) -> None:
    for end in range(len(vector.data)):
        with suppress(SipError):
            parse(vector.data[:end]).check()


@pytest.mark.purpose(
    "SIP_MG_PR_V_016", "SIP_MG_RR_V_012..013",
    given="three empty lines before each message of tests/vectors/ (REGISTERs among them)",
    expect="each meets the fate that it has without them",
)  # fmt: skip
@every
def test_empty_lines_in_front_change_nothing(vector: Vector) -> None:
    """RFC 3261 §7.5."""
    before, _ = play(vector.data)
    after, sends = play(b"\r\n\r\n\r\n" + vector.data)
    assert after == before
    if after == "forwarded":
        assert_passed(vector.data, sends[0].data)


def has_length(vector: Vector) -> bool:
    lines = split(vector.data)[1]
    return any(line.partition(b":")[0].strip().lower() in (b"content-length", b"l") for line in lines)


@each(filter(has_length, TABLE), named)
def test_nor_does_junk_behind_the_content_length(vector: Vector) -> None:
    """RFC 3261 §18.3."""
    if b"\r\n\r\n" not in vector.data:
        return
    fate, sends = play(vector.data + b"\r\n\r\nINVITE sip:bob@example.com SIP/2.0\r\n\0\xff")
    assert fate == vector.fate
    if fate == "forwarded":
        assert_passed(vector.data, sends[0].data)


@each([vector for vector in TABLE if vector.fate.isdigit()], named)
def test_our_answer_is_well_formed_wherever_the_request_lets_it_be(vector: Vector) -> None:
    """A broken header is answered as it came; but nothing that could be right is wrong."""
    _, sends = play(vector.data)
    response = parse(sends[0].data)
    assert isinstance(response, Response)
    assert not response.body
    for name in (b"from", b"to", b"call-id", b"cseq", b"content-length"):
        assert len(response.where.get(name, ())) <= 1
    if vector.fate not in ("400", "505"):
        response.check()
        assert response.to_tag


# -- on a stream -------------------------------------------------------------------------------------------------------

# Where the fate on TCP differs from that on UDP, and why.
ON_A_STREAM = {
    "twoinone": (["200", "forwarded"], "what stands behind Content-Length is the next message"),
    "shortbody": (["waiting"], "the rest of the body may still come"),
    "shortresponse": (["waiting"], "the same"),
    "noblankline": (["waiting"], "so may the end of the headers"),
    "prose": (["waiting"], "and as long as no line has ended, this could be SIP"),
    "feedsonly": (["waiting"], "and this"),
    "nolength": (["400", "closed"], "a stream needs a Content-Length"),
    "negativelength": (["400", "closed"], "nobody knows where the next message begins"),
    "wordlength": (["400", "closed"], "the same"),
    "twolengths": (["400", "closed"], "the same"),
    "nocolon": (["400", "closed"], "in a head that is out of order no length is believed"),
    "nameblank": (["400", "closed"], "the same"),
    "foldfirst": (["400", "closed"], "the same"),
    "barefeed": (["400", "closed"], "the same"),
    "barereturn": (["400", "closed"], "the same"),
    "bigstatus": (["closed"], "this is no SIP"),
    "statusseven": (["closed"], "nor is this"),
    "http": (["closed"], "nor this"),
    "novia": (["closed"], "nobody to answer"),
    "noviaresponse": (["closed"], "the same"),
    "keepalive": (["ping"], "and is to be answered by a pong (RFC 5626 §4.4.1)"),
}


@every
def test_a_message_meets_its_fate_on_a_stream(vector: Vector) -> None:
    lab = Lab(domains=frozenset({"example.com"}))
    alice, _ = lab.registered("alice", "bob")
    fates, why = ON_A_STREAM.get(vector.name, ([vector.fate], vector.why))
    assert fates_on(connect(lab, alice), lab, vector.data) == fates, why


@every
def test_and_the_stream_may_be_split_anywhere(vector: Vector) -> None:
    good = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.9\r\nl: 4\r\n\r\nbody"
    stream = good + vector.data + good
    whole = framed([stream])
    for cut in range(len(stream)):
        assert framed([stream[:cut], stream[cut:]]) == whole


def test_all_of_them_on_one_stream_stay_apart() -> None:
    messages = [vector.data for vector in TABLE if vector.name not in ON_A_STREAM]
    stream = b"".join(messages)
    for size in (1, 2, 3, 1000, 1460, len(stream)):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert framed(pieces) == (messages, "")
