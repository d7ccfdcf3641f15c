"""What a stranger makes us send to where he says that he is: never much more than he has sent himself, since his
address may be made up, and its owner is then the victim (RFC 3261 §26.1.5).

Each request is as short as one can be that is answered so. All that goes out to the victim counts, until nothing moves
any more. The figures stand in docs/security.md.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from sipfullproxy.engine.registrar import LONGEST_CONTACT
from sipfullproxy.sip.stun import REQUEST, answer
from tests.helpers import Lab, Phone, call
from tests.logins import users

VICTIM = ("203.0.113.66", 5060)

MOST = 3.5
"""Times as many bytes out as in, on the wire: two challenges in a 407 to the shortest INVITE are 3.2."""

HEAD = 28
"""Bytes of IPv4 and UDP before each datagram."""

LONG = "<sip:bob{}@192.0.2.1>;p=" + "x" * 1900
"""A Contact as long as may be; of ten a list has 19 kB."""

HOUSES: dict[str, dict[str, Any]] = {
    "without logins": {},
    "logins": {"users": users()},
    "logins for calls": {"users": users(calls=True)},
    "open": {"open": True},
    "open, logins": {"open": True, "users": users()},
}

BOB = "sip:bob@10.0.0.1"

numbers = count(1)


def shortest(method: str, uri: str = "sip:10.0.0.1", *lines: str, to: str = "", via: str = "", cseq: str = "") -> bytes:
    """A request with nothing in it that may be left out."""
    number = next(numbers)
    via = via or f"v:SIP/2.0/UDP a;rport;branch=z9hG4bK{number:04}"
    head = (f"{method} {uri} SIP/2.0", via, f"f:<{BOB}>;tag=1", f"t:{to or f'<{uri}>'}", f"i:{number:04}")
    return "\r\n".join((*head, f"CSeq:{cseq or f'1 {method}'}", *lines, "", "")).encode()


REQUESTS: dict[str, list[bytes]] = {
    "OPTIONS": [
        shortest("OPTIONS"),
        shortest("OPTIONS", BOB),
        shortest("OPTIONS", "sip:10.0.0.1", "Require:a"),
        shortest("OPTIONS", "sip:10.0.0.1", "Require:" + ",".join("a" * 3000)),
        shortest("OPTIONS", via="v:SIP/2.0/UDP a;rport;branch=z9hG4bKv" + ",SIP/2.0/UDP a" * 1000),
    ],
    "REGISTER": [
        shortest("REGISTER", to=f"<{BOB}>"),
        shortest("REGISTER", "sip:10.0.0.1", "k:gruu", to=f"<{BOB}>"),
        shortest("REGISTER", "sip:10.0.0.1", "m:<sip:a@b>;expires=0", to=f"<{BOB}>"),
        shortest("REGISTER", "sip:10.0.0.1", "m:<sip:a@b>;expires=1", to=f"<{BOB}>"),
        shortest("REGISTER", "sip:10.0.0.1", "m:*", to=f"<{BOB}>"),
        shortest("REGISTER", to="<sip:bob@example.com>"),
    ],
    "INVITE": [
        shortest("INVITE"),
        shortest("INVITE", "sip:nobody@10.0.0.1"),
        shortest("INVITE", "sip:bob@example.com"),
        shortest("INVITE", "sip:nobody@10.0.0.1", "Timestamp:1"),
        shortest("INVITE", "sip:nobody@10.0.0.1", "Max-Forwards:0"),
        shortest("INVITE", "sip:nobody@10.0.0.1", "Proxy-Require:a"),
    ],
    "others": [
        shortest(method, uri, to=to)
        for method in ("MESSAGE", "PUBLISH", "SUBSCRIBE", "CANCEL", "BYE", "REFER", "NOTIFY", "ACK", "X")
        for uri in ("sip:10.0.0.1", "sip:nobody@10.0.0.1", "sip:bob@192.0.2.1")
        for to in ("", "<sip:a@b>;tag=2")
    ],
    "broken": [
        b"A a SIP/2.0\r\nv:\r\n\r\n",
        b"A a SIP/2.0\r\nv:SIP/2.0/UDP a\r\n\r\n",
        shortest("OPTIONS", cseq="x"),
        shortest("OPTIONS").replace(b" SIP/2.0\r\nv", b" SIP/9.0\r\nv"),
        shortest("INVITE", "tel:1"),
    ],
}


def house(settings: dict[str, Any]) -> Lab:
    """Bob has registered all that one may, where anybody may; else as his password lets him."""
    lab = Lab(**settings)
    if "users" not in settings:
        bob = lab.phone("bob")
        for number in range(10):
            assert bob.register(contacts=[LONG.format(number)]).status == 200
        assert len(LONG.format(0)) < LONGEST_CONTACT
    return lab


def told(lab: Lab, data: bytes) -> int:
    """Bytes that go to the victim for that, now and later."""
    before = len(lab.sent)
    lab.put(data, VICTIM)
    lab.advance(300)
    return sum(HEAD + len(send.data) for send in lab.sent[before:] if send.flow.remote == VICTIM)


def worst(settings: dict[str, Any], kind: str) -> float:
    """The largest factor of the requests of a kind."""
    return max(told(house(settings), data) / (HEAD + len(data)) for data in REQUESTS[kind])


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("settings", HOUSES.values(), ids=HOUSES)
def test_a_stranger_is_told_little_more_than_he_says(settings: dict[str, Any], kind: str) -> None:
    assert 0 < worst(settings, kind) <= MOST


def test_so_is_who_asks_for_his_address() -> None:
    request = REQUEST + b"\0\0" + b"\x21\x12\xa4\x42" + bytes(12)
    for host in (VICTIM[0], "2001:db8::66"):
        assert 0 < len(answer(request, (host, 5060)) or b"") <= MOST * len(request)


def test_who_is_registered_or_has_a_connection_is_told_all() -> None:
    lab = house({})
    for phone in (lab.phone("bob"), lab.phone("bob", transport="tcp")):
        if phone.transport == "udp":
            phone.register()
        assert len(phone.register(expires=None, contacts=[], call_id="query").values(b"contact")) == 10


def test_a_stranger_is_told_of_phones_like_others() -> None:
    lab = Lab()
    for _ in range(3):
        lab.phone("bob").register()
    stranger = lab.phone("bob", "203.0.113.66:5060")
    assert len(stranger.register(expires=None, contacts=[]).values(b"contact")) == 3


def test_what_a_stranger_wants_to_end_stays_where_he_is_told_nothing() -> None:
    lab = house({})
    before = lab.engine.load["bindings"]
    told(lab, shortest("REGISTER", "sip:10.0.0.1", f"m:{LONG.format(0)[:24]};expires=0", to=f"<{BOB}>"))
    assert lab.engine.load["bindings"] == before == 10


# -- in the name of a dialog -------------------------------------------------------------------------------------------


def refused_by(phone: Phone, lab: Lab, data: bytes, status: int) -> tuple[int, int]:
    """A phone of ours refuses what came from the victim. Returns bytes and messages that it was sent."""
    before = len(lab.sent)
    lab.put(data, VICTIM)
    phone.reply(phone.takes(), status)
    lab.advance(300)
    back = [HEAD + len(send.data) for send in lab.sent[before:] if send.flow.remote == VICTIM]
    return sum(back), len(back)


@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE"])
@pytest.mark.parametrize("settings", [{}, {"open": True}], ids=["closed", "open"])
def test_a_made_up_dialog_is_answered_once(settings: dict[str, Any], method: str) -> None:
    lab = Lab(**settings)
    (bob,) = lab.registered("bob")
    data = shortest(method, bob.contact, to=f"<{bob.contact}>;tag=made-up")
    size, messages = refused_by(bob, lab, data, 481)
    assert messages == 1 and size <= MOST * (HEAD + len(data))


def test_a_made_up_dialog_is_answered_as_often_as_it_is_asked() -> None:
    lab = Lab()
    (bob,) = lab.registered("bob")
    data = shortest("INVITE", bob.contact, to=f"<{bob.contact}>;tag=made-up")
    lab.put(data, VICTIM)
    bob.reply(bob.takes("INVITE"), 481)
    lab.sent.clear()
    for _ in range(3):
        lab.put(data, VICTIM)
    assert [send.flow.remote for send in lab.sent] == [VICTIM] * 3


def test_a_guest_hears_that_he_is_refused_four_times_and_a_phone_of_ours_eleven() -> None:
    """He has heard a 100, so he does not ask again: some of the answers may be lost."""
    lab = Lab(open=True)
    bob, alice = lab.registered("bob", "alice")
    assert refused_by(bob, lab, shortest("INVITE", BOB), 486)[1] == 1 + 4
    bob.inbox.clear()
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    lab.advance(300)
    assert alice.waiting == [100] + [486] * 11


def test_a_party_of_a_call_hears_100_though_its_registration_ran_out() -> None:
    lab = Lab()
    alice, bob = lab.phone("alice"), lab.phone("bob")
    for phone in (alice, bob):
        phone.register(expires=60)
    call(alice, bob)
    lab.advance(100)
    assert alice.dialog is not None
    alice.dialog.request("INVITE")
    assert alice.waiting == [100]
