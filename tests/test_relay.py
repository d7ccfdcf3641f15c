"""With logins, too, a stranger calls nowhere through us: by no route, no registration, no answer that he makes up."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from sipfullproxy.engine.flow import Flow
from tests.helpers import Lab, Phone, call
from tests.logins import URI, authorization, chosen, credentials, log_in, users
from tests.test_admission import RELAYS, VICTIM

LOGINS = pytest.mark.parametrize("calls", [False, True])
OPEN = pytest.mark.parametrize("opened", [False, True])


def world(*, calls: bool = False, **settings: Any) -> tuple[Lab, Phone, Phone, Phone]:
    """Alice and Bob, who have logged in, and Mallory, who has no password. What goes to the victim goes astray."""
    lab = Lab(users=users(calls=calls), **settings)
    alice, bob = lab.phone("alice"), lab.phone("bob")
    for phone in (alice, bob):
        assert log_in(phone).status == 200
    return lab, alice, bob, lab.phone("mallory", "198.51.100.66:6666")


def reached(lab: Lab, *phones: Phone) -> bool:
    return bool(lab.astray) or any(phone.inbox for phone in phones)


@LOGINS
@OPEN
@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE", "REFER", "CANCEL", "ACK", "REGISTER"])
def test_no_way_of_a_request_relays_it(calls: bool, opened: bool, method: str) -> None:
    lab, alice, bob, _ = world(calls=calls, open=opened)
    cases = product(RELAYS, ("alice", "mallory"), ("", ";tag=made-up"))
    for number, (way, named, to_tag) in enumerate(cases, start=1):
        uri, routes = RELAYS[way]
        # From an address of his own each time: nobody is held off for what was refused before.
        stranger = lab.phone("mallory", f"198.51.100.{number}:6666")
        stranger.request(method, uri, to=f"<{uri}>{to_tag}", headers=routes, from_=f"<sip:{named}@10.0.0.1>;tag=1")
        assert not reached(lab, alice, bob), (way, named, to_tag)
        assert stranger.waiting in ([], [401], [403], [407]), (way, named, to_tag)


@LOGINS
def test_a_registration_that_is_refused_opens_no_door(calls: bool) -> None:
    lab, alice, bob, mallory = world(calls=calls)
    made = credentials(chosen(mallory.register()), "REGISTER", URI, "alice", "pear")
    for user in ("alice", "mallory"):
        to = f"<sip:{user}@10.0.0.1>"
        mallory.request("REGISTER", URI, to=to, from_=f"{to};tag=1", headers=(authorization(made),))
        mallory.takes(401)
        for uri in (VICTIM, "sip:bob@10.0.0.1"):
            mallory.request("INVITE", uri, from_=f"{to};tag=2")
        mallory.inbox.clear()
    assert not reached(lab, alice, bob)


def test_a_contact_leads_nobody_to_a_victim() -> None:
    """A phone is where it sends from, whatever it says."""
    lab, alice, _, _ = world()
    carol = lab.phone("carol", contact="sip:victim@192.0.2.99")
    assert log_in(carol).status == 200
    alice.request("MESSAGE", "sip:carol@10.0.0.1")
    carol.takes("MESSAGE")
    assert not lab.astray


@pytest.mark.parametrize("status", [200, 302, 401, 407, 480])
def test_no_answer_that_is_made_up_sends_a_call_on(status: int) -> None:
    lab, alice, bob, mallory = world()
    alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    lie = bob.reply(got, 180).replace(b"SIP/2.0 180 Fine", b"SIP/2.0 %d Moved" % status)
    lie = lie.replace(bob.contact.encode(), VICTIM.encode())
    branch = got.via.branch
    alice.inbox.clear()
    for guess in (b"z9hG4bK-0", branch[:-1], branch + b"0", branch.replace(b"-", b"+")):
        mallory.send(lie.replace(branch, guess))
    assert not reached(lab, alice)


def test_a_stranger_in_a_call_of_others_says_nothing() -> None:
    """He knows the names of the dialog, as everybody does who has looked at the page."""
    lab, alice, bob, mallory = world()
    call(alice, bob)
    assert alice.dialog is not None
    mallory.dialog, alice.dialog.phone = alice.dialog, mallory
    for target in (bob.contact, VICTIM, "sip:bob@10.0.0.1"):
        mallory.dialog.target = target
        for method in ("BYE", "INVITE", "REFER", "MESSAGE", "ACK"):
            for routes in ([], ["<sip:10.0.0.1;lr>"], ["<sip:10.0.0.1;lr>", "<sip:192.0.2.99;lr>"]):
                mallory.dialog.routes = routes
                mallory.dialog.request(method)
    assert [send for send in lab.sent if send.flow == lab.flow(bob)][-1].data.startswith(b"ACK ")
    assert not lab.astray


def test_who_sends_as_alice_reads_none_of_the_answers() -> None:
    """A forger can send in the name of her address and port; with logins for calls that is of no use."""
    lab, alice, bob, _ = world(calls=True)
    forger = lab.phone("forger", "203.0.113.9:5060")
    data = forger.compose("INVITE", "sip:bob@10.0.0.1", from_="<sip:alice@10.0.0.1>;tag=1")
    flow = Flow("udp", lab.address, alice.address)
    for via in (b"203.0.113.9:5060;maddr=203.0.113.9", b"203.0.113.9:5060;received=203.0.113.9"):
        sends = lab.engine.receive(data.replace(b"203.0.113.9:5060;branch", via + b";branch"), flow, lab.now)
        assert {send.flow.remote[0] for send in sends} <= {alice.address[0]}
        assert sends
    assert not bob.inbox
