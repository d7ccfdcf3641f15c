"""The torture messages of RFC 4475 and RFC 5118, each to its fate at this proxy.

They are read from `../shared/torture` beside the checkout (they are not ours to commit; tests/vectors/ has our own).
A registered phone sends each of them, because a stranger would get a 403 for most; the user of the Request-URI is
registered too, at a phone of his own, and the domains that the messages are sent to are ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from sipfullproxy.engine.flow import Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request, Response, parse
from tests.each import each
from tests.helpers import Lab, Phone
from tests.passing import assert_passed, connect, fate_of, fates_on, framed, split

FOLDER = Path(__file__).parent.parent.parent / "shared" / "torture"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the torture messages are not here: {FOLDER}")

DOMAINS = frozenset(
    {
        *("example.com", "example.net", "example.org", "company.com"),
        *("chair-dnrc.example.com", "services.example.com", "registrar.example.com", "host.example.net"),
        *("[2001:db8::10]", "[2001:db8:::192.0.2.1]", "[2001:db8::c000:201]"),
    }
)

PHONE = ("10.0.0.11", 5060)
"""Where the user of the Request-URI is registered."""


class Torture(NamedTuple):
    """A message, its fate, why it is that, and where it is forwarded to."""

    name: str
    fate: str
    why: str
    to: tuple[str, int] = PHONE

    @property
    def data(self) -> bytes:
        folder = "rfc5118" if self.name.startswith("rfc5118") else "rfc4475"
        return (FOLDER / folder / f"{self.name}.dat").read_bytes()


FORWARDED = "forwarded"

RFC_4475 = [
    # §3.1.1: valid.
    Torture("wsinv", FORWARDED, "white space, folds, escapes and compact forms wherever they may be"),
    Torture("intmeth", FORWARDED, "an unknown method passes, whatever it is called"),
    Torture("esc01", FORWARDED, "the user is sips:user@example.com of example.net, and no other URI"),
    Torture("escnull", "200", "two Contacts: an escaped NUL ends no string"),
    Torture("esc02", "405", "no REGISTER, and nothing that the proxy itself does"),
    Torture("lwsdisp", FORWARDED, "no blank before the bracket"),
    Torture("longreq", FORWARDED, "long values, 34 Vias and a branch of RFC 2543"),
    Torture("dblreq", "200", "the INVITE behind Content-Length is not a message"),
    Torture("semiuri", FORWARDED, "to the user called `user;par=u@example.net`"),
    Torture("transports", FORWARDED, "transports of earlier hops need not be known"),
    Torture("mpart01", "500", "its Route leads to our loopback, where strangers have no business (but see below)"),
    Torture("unreason", "dropped", "well-formed, but answers nothing that we asked (but see below)"),
    Torture("noreason", "dropped", "the same"),
    # §3.1.2: invalid.
    Torture("badinv01", "400", "separators with nothing between them; we read Via, so we mind"),
    Torture("clerr", "400", "a part of the body is missing, and UDP will bring no more"),
    Torture("ncl", "400", "a negative Content-Length"),
    Torture("scalar02", "400", "a CSeq of more than 32 bits, and a Max-Forwards over 255"),
    Torture("scalarlg", "dropped", "the same in a response"),
    Torture("quotbal", "400", "a quote in To that never ends; we read To for its tag"),
    Torture("ltgtruri", "400", "brackets around the Request-URI"),
    Torture("lwsruri", "400", "white space within it"),
    Torture("lwsstart", "400", "white space around it"),
    Torture("trws", "400", "white space behind the version"),
    Torture("escruri", FORWARDED, "liberal: headers of the Request-URI are taken off and never acted on"),
    Torture("baddate", FORWARDED, "liberal: Date is not ours to read"),
    Torture("regbadct", "400", "whose is a question mark outside brackets?"),
    Torture("badaspec", FORWARDED, "liberal: whom To names is not ours to read, when it is no REGISTER"),
    Torture("baddn", FORWARDED, "liberal: many phones do not quote such names"),
    Torture("badvers", "505", "SIP/7.0"),
    Torture("mismatch01", "400", "CSeq names another method"),
    Torture("mismatch02", "400", "the same with an unknown method; a proxy has no 501 for it"),
    Torture("bigcode", "junk", "a status of ten digits is no status"),
    # §3.2 to §3.4: transactions, applications, RFC 2543.
    Torture("badbranch", FORWARDED, "liberal: the bare cookie counts as a branch of RFC 2543"),
    Torture("insuf", "400", "no From, To, Call-ID"),
    Torture("unkscm", "416", "a scheme that nobody knows"),
    Torture("novelsc", "416", "one that is known, but is not SIP"),
    Torture("unksm2", "400", "nobody can be registered as an isbn:"),
    Torture("bext01", "420", "extensions that a proxy would have to know"),
    Torture("invut", FORWARDED, "the body is the callee's to refuse"),
    Torture("regaut01", "200", "nobody is asked for a password here, so the unknown scheme does not matter"),
    Torture("multi01", "400", "two of each header that there may be one of"),
    Torture("mcl01", "400", "two Content-Lengths"),
    Torture("bcast", "dropped", "the answer of nobody, to everybody (but see below)"),
    Torture("zeromf", "200", "OPTIONS with Max-Forwards 0 asks us"),
    Torture("cparam01", "200", "an unknown parameter of the Contact"),
    Torture("cparam02", "200", "and one of its URI"),
    Torture("regescrt", "200", "liberal: the Contact is kept with its Route, which is left off when it is called"),
    Torture("sdp01", FORWARDED, "Accept is for the callee"),
    Torture("inv2543", FORWARDED, "no branch, no Max-Forwards, no tag, no Content-Length"),
    Torture("test", "junk", "no version and no Via: nobody to answer"),
]  # fmt: skip

RFC_5118 = [
    Torture("rfc5118_4_1", "200", "IPv6 in brackets"),
    Torture("rfc5118_4_2", "400", "IPv6 without them"),
    Torture("rfc5118_4_3", "500", "5070 is a part of the address: not ours, and no way leads there from IPv4"),
    Torture("rfc5118_4_4", "500", "5070 is the port, which is not ours either"),
    Torture("rfc5118_4_5_1", "405", "read in spite of the brackets in received; but the proxy itself is in no call"),
    Torture("rfc5118_4_5_2", "400", "this copy of it has blanks within its addresses (but see below)"),
    Torture("rfc5118_4_6", "400", "this copy of it has a Content-Length over its body's"),
    Torture("rfc5118_4_6_clfix", FORWARDED, "IPv6 in SDP is not ours to read"),
    Torture("rfc5118_4_7", FORWARDED, "IPv6 and IPv4 side by side in Via"),
    Torture("rfc5118_4_8", FORWARDED, "the body ends where Content-Length says"),
    Torture("rfc5118_4_8_clfix", FORWARDED, "IPv6 and IPv4 side by side in SDP"),
    Torture("rfc5118_4_9", FORWARDED, "the body ends where Content-Length says"),
    Torture("rfc5118_4_9_clfix", FORWARDED, "IPv4 within IPv6"),
    Torture("rfc5118_4_10_1", FORWARDED, "liberal: a colon too many, as an old grammar had it"),
    Torture("rfc5118_4_10_2", FORWARDED, "and as it should be"),
]  # fmt: skip

TABLE = RFC_4475 + RFC_5118


class Stage:
    """The phone that sends a message, the proxy, and the phone of whomever it is for."""

    def __init__(self, data: bytes) -> None:
        self.lab = Lab(domains=DOMAINS)
        (self.sender,) = self.lab.registered("caller")
        self.callee: Phone | None = None
        try:
            request = parse(data)
            user = request.uri.user if isinstance(request, Request) else None
        except SipError:
            user = None
        if user:
            self.callee = self.lab.phone(user.decode())
            assert self.callee.address == PHONE
            self.callee.register()

    def play(self, data: bytes) -> tuple[str, list[Send]]:
        return fate_of(self.lab, data, self.sender.address)


def play(data: bytes) -> tuple[str, list[Send]]:
    return Stage(data).play(data)


def read(name: str) -> bytes:
    return next(torture.data for torture in TABLE if torture.name == name)


def test_every_torture_message_is_in_the_table_once() -> None:
    assert sorted(torture.name for torture in TABLE) == sorted(file.stem for file in FOLDER.rglob("*.dat"))


every = each(TABLE, lambda torture: torture.name)


@every
def test_a_torture_message_meets_its_fate(torture: Torture) -> None:
    fate, sends = play(torture.data)
    assert fate == torture.fate, torture.why
    if fate == FORWARDED:
        assert sends[0].flow.remote == torture.to
        assert_passed(torture.data, sends[0].data)


@every
def test_and_meets_it_behind_empty_lines_and_before_junk(torture: Torture) -> None:
    data = torture.data
    if any(line.lower().startswith((b"content-length", b"l:", b"l ")) for line in split(data)[1]):
        data += b"\r\nBYE sip:user@example.com SIP/2.0\r\n\r\n"
    fate, _ = play(b"\r\n\r\n" + data)
    # The copy of RFC 5118 whose body is too short gets it from the junk.
    assert fate == (FORWARDED if torture.name == "rfc5118_4_6" else torture.fate)


# -- on a stream -------------------------------------------------------------------------------------------------------

# Where the fate on TCP differs from that on UDP, and why. Over UDP the end of the datagram ends what is unclear.
ON_A_STREAM = {
    "dblreq": (["200", "404", "closed"], "the second message is one; what is behind its length is not"),
    "clerr": (["waiting"], "the rest of the body may still come"),
    "rfc5118_4_6": (["waiting"], "the same"),
    "ncl": (["400", "closed"], "nobody knows where the next message begins"),
    "mcl01": (["400", "closed"], "the same"),
    "inv2543": (["400", "closed"], "a stream needs a Content-Length"),
    "rfc5118_4_8": (["forwarded", "closed"], "what is behind its length is no message"),
    "rfc5118_4_9": (["forwarded", "waiting"], "what is behind its length could become one"),
    "bigcode": (["closed"], "this is no SIP"),
    "test": (["closed"], "nor is this"),
}


@every
def test_a_torture_message_meets_its_fate_on_a_stream(torture: Torture) -> None:
    fates, why = ON_A_STREAM.get(torture.name, ([torture.fate], torture.why))
    stage = Stage(torture.data)
    assert fates_on(connect(stage.lab, stage.sender), stage.lab, torture.data) == fates, why


@every
def test_and_is_the_same_wherever_the_stream_is_split(torture: Torture) -> None:
    stream = GOOD + torture.data + GOOD
    whole = framed([stream])
    assert whole[0][0] == GOOD
    for cut in range(len(stream)):
        assert framed([stream[:cut], stream[cut:]]) == whole


def test_all_of_them_on_one_stream_stay_apart() -> None:
    messages = [torture.data for torture in TABLE if torture.name not in ON_A_STREAM]
    stream = b"".join(messages)
    for size in (1, 2, 3, 1000, 1460, len(stream)):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert framed(pieces) == (messages, "")


GOOD = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.9\r\nl: 4\r\n\r\nbody"


# -- what a fate does not say -----------------------------------------------------------------------------------------


def answer(name: str) -> Response:
    _, sends = play(read(name))
    response = parse(sends[0].data)
    assert isinstance(response, Response)
    response.check()
    return response


def test_escnull_binds_two_contacts() -> None:
    contacts = [value.partition(b">")[0] for value in answer("escnull").values(b"contact")]
    assert sorted(contacts) == [b"<sip:%00%00@host5.example.com", b"<sip:%00@host5.example.com"]


def test_esc02_binds_nothing() -> None:
    stage = Stage(read("esc02"))
    before = stage.lab.engine.load["bindings"]
    stage.play(read("esc02"))
    assert stage.lab.engine.load["bindings"] == before


def test_the_second_message_of_dblreq_rings_nowhere() -> None:
    stage = Stage(read("dblreq"))
    joe = stage.lab.phone("joe")
    joe.register()
    _, sends = stage.play(read("dblreq"))
    assert [send.flow.remote for send in sends] == [stage.sender.address]
    assert b"CSeq: 8 REGISTER\r\n" in sends[0].data


def test_bext01_is_told_what_is_not_supported_and_not_more() -> None:
    """Require is the callee's: only what Proxy-Require names is listed."""
    assert answer("bext01").values(b"unsupported") == [b"noProxiesSupportThis", b"norDoAnyProxiesSupportThis"]


def test_cparam02_keeps_its_parameter_within_the_uri() -> None:
    (contact,) = answer("cparam02").values(b"contact")
    assert contact.startswith(b"<sip:+19725552222@gw1.example.net;unknownparam>;expires=")


def test_neither_escruri_nor_regescrt_route_anything() -> None:
    _, sends = play(read("escruri"))
    assert b"%3C" not in sends[0].data
    assert not split(sends[0].data)[1][0].startswith(b"Route")

    stage = Stage(read("regescrt"))
    stage.play(read("regescrt"))
    call = stage.sender.compose("INVITE", "sip:user@example.com")
    fate, sends = stage.play(call)
    assert fate == FORWARDED
    assert sends[0].data.startswith(b"INVITE sip:user@example.com SIP/2.0\r\n")
    assert b"\r\nRoute:" not in sends[0].data


def test_mpart01_goes_to_a_strict_router_elsewhere_with_its_request_uri_last() -> None:
    """RFC 4475 §3.1.1.11, its Route led to another machine: binary, and byte for byte."""
    data = read("mpart01").replace(b"127.0.0.1:5080", b"10.9.9.9:5080")
    fate, sends = play(data)
    assert (fate, sends[0].flow.remote) == (FORWARDED, ("10.9.9.9", 5080))
    assert_passed(data, sends[0].data)
    start, lines, body = split(sends[0].data)
    assert start == b"MESSAGE sip:10.9.9.9:5080 SIP/2.0"
    assert [line for line in lines if line.startswith(b"Route:")] == [b"Route: <sip:kumiko@example.org>"]
    assert len(body) == 553


def test_rfc5118_4_5_2_as_it_was_meant() -> None:
    fate, _ = play(read("rfc5118_4_5_2").replace(b" @", b"@"))
    assert fate == "200"


# -- responses, when we have asked ------------------------------------------------------------------------------------


def ask(data: bytes) -> tuple[str, bytes, bytes]:
    """Have a response answer a true INVITE of ours: what becomes of it, what was sent back, and what came."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    alice.invite("bob")
    ours, hers = bob.takes("INVITE").values(b"via")
    start, lines, body = split(data)
    below = [line for line in lines if line.startswith(b"Via:")][1:]
    lines = [line for line in lines if not line.startswith(b"Via:")]
    came = b"\r\n".join((start, b"Via: " + ours, *(below or [b"Via: " + hers]), *lines, b"", body))
    before = len(lab.sent)
    lab.put(came, bob.address)
    back = [send for send in lab.sent[before:] if send.flow.remote != bob.address]
    assert all(send.flow.remote == alice.address for send in back), "to her and to nobody else"
    return ("forwarded" if back else "dropped"), b"".join(send.data for send in back), came


@pytest.mark.parametrize(
    ("name", "fate", "why"),
    [
        ("unreason", "forwarded", "the phrase is text for people"),
        ("noreason", "dropped", "a 100 ends at the next hop"),
        ("scalarlg", "dropped", "its CSeq is out of all bounds"),
        ("bigcode", "dropped", "a status of ten digits"),
        ("bcast", "forwarded", "to the phone that asked; the address in its Via is not believed"),
    ],
)
def test_a_torture_response_to_a_true_question_meets_its_fate(name: str, fate: str, why: str) -> None:
    got, back, came = ask(read(name))
    assert got == fate, why
    if back:
        start, lines, body = split(came)
        assert split(back) == (start, lines[1:], body)


def test_an_empty_phrase_passes_where_the_response_does() -> None:
    fate, back, _ = ask(read("noreason").replace(b"SIP/2.0 100 ", b"SIP/2.0 180 "))
    assert fate == "forwarded"
    assert back.startswith(b"SIP/2.0 180 \r\n")
