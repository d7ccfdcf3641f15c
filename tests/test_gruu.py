"""One phone of several, by an address that works from anywhere (RFC 5627): its user's, with the instance in `gr`."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.uri import parse_uri
from tests.helpers import Lab, Phone, call, hang_up

GRUU = ("Supported: gruu, path, outbound",)


def params(name: str, more: str = "") -> str:
    return f';+sip.instance="<urn:uuid:{name}>"{more}'


def phone(lab: Lab, user: str, name: str, address: str = "", more: str = "", contact: str = "") -> Phone:
    """A phone that is registered, and uses the GRUU that it was given as its Contact."""
    one = lab.phone(user, address, contact, contact_params=params(name, more))
    answer = one.register(headers=GRUU)
    one.contact, one.contact_params = gruu(answer, name), ""
    lab.events.clear()
    return one


def gruu(answer: Any, name: str) -> str:
    """The GRUU of one phone in the answer to a REGISTER."""
    contacts = [Address(value) for value in answer.values(b"contact")]
    (found,) = {one.params[b"pub-gruu"] for one in contacts if name.encode() in (one.params[b"+sip.instance"] or b"")}
    return (found or b"").decode().strip('"')


# -- what is given -----------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5627_01", "RFC5627_02",
    given="REGISTER with instance and Supported: gruu, twice, from two addresses",
    expect="200 with one and the same pub-gruu: the address-of-record with gr",
)  # fmt: skip
def test_a_phone_is_given_its_gruu(lab: Lab) -> None:
    bob = lab.phone("bob", contact_params=params("AABB"))
    first = bob.register(headers=GRUU)
    moved = lab.phone("bob", "10.0.0.77:40000", contact_params=params("AABB"))
    assert gruu(first, "AABB") == gruu(moved.register(headers=GRUU), "AABB") == "sip:bob@10.0.0.1;gr=urn:uuid:AABB"


@pytest.mark.purpose(
    "RFC5627_03",
    given="REGISTER with instance and no Supported: gruu; with Supported: gruu and no instance",
    expect="200 without pub-gruu",
)
@pytest.mark.parametrize(("given", "headers"), [(params("a"), ()), ("", GRUU)])
def test_nobody_is_given_what_he_does_not_know_of(lab: Lab, given: str, headers: tuple[str, ...]) -> None:
    answer = lab.phone("bob", contact_params=given).register(headers=headers)
    assert answer.status == 200 and b"gruu" not in answer.values(b"contact")[0]


def test_what_a_phone_says_of_its_gruu_does_not_count(lab: Lab) -> None:
    bob = lab.phone("bob", contact_params=params("a", ';pub-gruu="sip:x@y;gr=z";temp-gruu="sip:t@y;gr"'))
    assert gruu(bob.register(headers=GRUU), "a") == "sip:bob@10.0.0.1;gr=urn:uuid:a"
    assert b"gruu" not in bob.register().values(b"contact")[0]


def test_it_may_be_required(lab: Lab) -> None:
    assert lab.phone("bob").register(headers=("Require: gruu",)).status == 200


@pytest.mark.parametrize("name", ['<a"b;c>', "no brackets", "<urn:x:%41 é>"])
def test_any_instance_makes_a_uri_that_leads_back(lab: Lab, name: str) -> None:
    alice, bob = lab.registered("alice", "bob")
    one = lab.phone("bob", contact_params=';+sip.instance="' + name.replace('"', '\\"') + '"')
    contacts = [Address(value) for value in one.register(headers=GRUU).values(b"contact")]
    (found,) = (contact.params[b"pub-gruu"] for contact in contacts if b"pub-gruu" in contact.params)
    uri = parse_uri((found or b"").strip(b'"'))
    assert uri.name == b"bob" and uri.params[b"gr"]
    alice.invite(uri.text.decode())
    assert one.takes("INVITE") and not bob.inbox


# -- where it leads ----------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5627_04",
    given="INVITE for the GRUU of one of two phones of a user", expect="that one rings, by its Contact; the other not",
)  # fmt: skip
@pytest.mark.parametrize("spelling", ["urn:uuid:AABB", "urn:uuid:aabb", "urn%3auuid:AABB"])
def test_one_phone_of_two_rings(lab: Lab, spelling: str) -> None:
    (alice,) = lab.registered("alice")
    one, other = phone(lab, "bob", "AABB"), phone(lab, "bob", "CCDD")
    alice.invite(f"sip:bob@10.0.0.1;gr={spelling}")
    assert one.takes("INVITE").uri_text == b"sip:bob@10.0.0.11:5060"
    assert not other.inbox


@pytest.mark.purpose(
    "RFC5627_05",
    given="INVITE for the GRUU of a phone that has left, of a user with another phone; of nobody",
    expect="480; 404",
)
def test_a_phone_that_is_not_here(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    other = phone(lab, "bob", "CCDD")
    alice.invite("sip:bob@10.0.0.1;gr=urn:uuid:AABB")
    assert alice.waiting[-1] == 480
    assert not other.inbox
    alice.inbox.clear()
    alice.invite("sip:nobody@10.0.0.1;gr=urn:uuid:AABB")
    assert alice.waiting[-1] == 404


def test_who_calls_one_phone_is_not_sent_on() -> None:
    lab = Lab(forward={b"bob": Rule(always="carol")})
    alice, carol = lab.registered("alice", "carol")
    bob = phone(lab, "bob", "AABB")
    alice.invite(bob.contact)
    assert bob.takes("INVITE") and not carol.inbox


@pytest.mark.parametrize("contacts", ["", "sip:bob@192.168.7.7"])
def test_a_call_of_phones_that_give_their_gruus_as_contacts(lab: Lab, contacts: str) -> None:
    alice, bob = phone(lab, "alice", "A"), phone(lab, "bob", "B", "10.0.0.30:5060", contact=contacts)
    _, got = call(alice, bob)
    assert got.first(b"contact") == b"<sip:alice@10.0.0.1;gr=urn:uuid:A>"
    for caller, callee in ((alice, bob), (bob, alice)):
        assert caller.dialog is not None
        caller.dialog.request("INFO")
        assert b"gr=" not in callee.inbox[0].uri_text  # type: ignore[union-attr]
        callee.reply(callee.takes("INFO"), 200)
        caller.takes(200)
    hang_up(bob, alice)
    assert not lab.astray
    assert lab.kinds == ["ringing", "started", "ended"]


def test_what_follows_in_a_call_goes_by_its_own_flow(lab: Lab) -> None:
    """Where that is a phone's only way, and a token names it."""
    alice = phone(lab, "alice", "A")
    first = phone(lab, "bob", "B", "10.0.0.31:5060", ";reg-id=1", "sip:bob@192.168.7.7")
    call(alice, first)
    second = phone(lab, "bob", "B", "10.0.0.32:5060", ";reg-id=2")
    assert alice.dialog is not None
    alice.dialog.request("INFO")
    assert first.takes("INFO") and not second.inbox


def test_a_phone_that_has_moved_is_found_again_within_its_call(lab: Lab) -> None:
    alice, bob = phone(lab, "alice", "A"), phone(lab, "bob", "B", "10.0.0.31:5060")
    call(alice, bob)
    moved = phone(lab, "bob", "B", "10.0.0.99:40000")
    assert alice.dialog is not None
    alice.dialog.request("INFO")
    assert moved.takes("INFO").uri_text == b"sip:bob@10.0.0.99:40000"


def test_what_else_is_in_a_gruu_comes_to_its_phone(lab: Lab) -> None:
    """Linphone's conferences: `conf-id` tells them apart, and their guests subscribe to it."""
    (alice,) = lab.registered("alice")
    bob = phone(lab, "bob", "B")
    alice.request("SUBSCRIBE", f"{bob.contact};conf-id=zx7;transport=tcp", headers=("Event: conference",))
    assert bob.takes("SUBSCRIBE").uri_text == b"sip:bob@10.0.0.11:5060;conf-id=zx7"


def test_by_its_next_flow_when_one_has_failed(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    first = phone(lab, "bob", "B", "10.0.0.31:5060", ";reg-id=1")
    second = phone(lab, "bob", "B", "10.0.0.32:5060", ";reg-id=2")
    alice.invite(first.contact)
    second.reply(second.takes("INVITE"), 430)
    assert first.takes("INVITE")


def test_what_else_is_in_a_gruu_comes_by_the_next_flow_too(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    first = phone(lab, "bob", "B", "10.0.0.31:5060", ";reg-id=1")
    second = phone(lab, "bob", "B", "10.0.0.32:5060", ";reg-id=2")
    alice.invite(f"{first.contact};conf-id=zx7")
    second.reply(second.takes("INVITE"), 430)
    assert first.takes("INVITE").uri_text == b"sip:bob@10.0.0.31:5060;conf-id=zx7"


def test_who_gets_a_call_for_one_phone_hears_nothing_of_its_gruu(lab: Lab) -> None:
    """Sent on by a 302, it is another phone's call, by whichever of its flows."""
    (alice,) = lab.registered("alice")
    bob = phone(lab, "bob", "B", "10.0.0.30:5060")
    first = phone(lab, "carol", "B", "10.0.0.31:5060", ";reg-id=1")
    second = phone(lab, "carol", "B", "10.0.0.32:5060", ";reg-id=2")
    alice.invite(f"{bob.contact};conf-id=zx7")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",), contact=False)
    second.reply(second.takes("INVITE"), 430)
    assert first.takes("INVITE").uri_text == b"sip:carol@10.0.0.31:5060"


def test_strangers_call_no_gruu_either(lab: Lab) -> None:
    bob = phone(lab, "bob", "B")
    stranger = lab.phone("eve")
    stranger.invite(bob.contact)
    assert stranger.waiting == [403] and not bob.inbox
