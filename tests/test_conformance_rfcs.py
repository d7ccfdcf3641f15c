"""What the RFCs behind RFC 3261 want of a proxy and a registrar, where no other test happens to show it.

One test shows one rule of `docs/rfc-requirements.tsv`, or a few that go together; in the order of the RFCs.
"""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.validation import loop_mark
from sipfullproxy.sip.message import Message, Request, parse
from sipfullproxy.sip.uri import parse_uri
from tests.helpers import PROXY, Dialog, Lab, Phone, call, hang_up, sdp

PLAIN = b"<sip:10.0.0.1:5060;lr>"
UUID = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'


def dialog_of(phone: Phone) -> Dialog:
    """The dialog that a phone had last."""
    assert phone.dialog is not None
    return phone.dialog


def values(message: Message, *names: str) -> list[list[bytes]]:
    """The values of some headers, for comparing whole messages by what matters."""
    return [message.values(name.lower().encode()) for name in names]


def statuses(phone: Phone) -> list[str | int]:
    """What waits in an inbox; takes it."""
    found = phone.waiting
    phone.inbox.clear()
    return found


def a_second_phone(lab: Lab, user: str = "bob") -> Phone:
    phone = lab.phone(user, "10.0.0.77:5070")
    phone.register()
    return phone


def exchange(one: Phone, other: Phone, method: str, status: int = 200, **more: Any) -> Request:
    """A request inside the dialog of `one`, and its answer. Returns it as it arrived."""
    dialog_of(one).request(method, **more)
    got = other.takes(method)
    assert isinstance(got, Request)
    assert b"route" not in got.where
    other.reply(got, status)
    one.takes(status)
    return got


# -- RFC 3262: PRACK ---------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3262_01", "RFC3262_03",
    given="INVITE and re-INVITE with Require: 100rel, to a phone that says nothing yet",
    expect="a 100 without Require and RSeq, and nothing else",
)  # fmt: skip
def test_the_100_of_a_call_that_requires_100rel_is_a_plain_one(alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    alice.invite("bob", headers=("Require: 100rel",))
    dialog_of(bob).request("INVITE", headers=("Require: 100rel",))
    for phone in (alice, bob):
        tried = next(message for message in phone.inbox if message.start.startswith(b"SIP/2.0 100"))
        assert values(tried, "Require", "RSeq") == [[], []]
    assert alice.waiting == [100, "INVITE"]


@pytest.mark.purpose(
    "RFC3262_02",
    given="INVITE with Require: 100rel for a user whose calls go on: always, or when he is busy",
    expect="the call goes on, and no 181 is sent, which could not be a reliable one",
)  # fmt: skip
@pytest.mark.parametrize("rule", [Rule(always="carol"), Rule(busy="carol")])
def test_who_insists_on_100rel_is_not_told_181(rule: Rule) -> None:
    lab = Lab(forward={b"bob": rule})
    alice, bob, carol = lab.registered("alice", "bob", "carol")
    alice.invite("bob", headers=("Require: foo, 100rel",))
    if rule.busy:
        bob.reply(bob.takes("INVITE"), 486)
    carol.reply(carol.takes("INVITE"), 180, headers=("Require: 100rel", "RSeq: 1"))
    assert statuses(alice) == [100, 180]


@pytest.mark.purpose(
    "RFC3262_06",
    given="a reliable 183 three times, the same bytes", expect="three times with the caller, RSeq and all",
)  # fmt: skip
def test_a_reliable_response_that_comes_again_goes_on_again(alice: Phone, bob: Phone) -> None:
    alice.invite("bob", headers=("Supported: 100rel",))
    alice.takes(100)
    progress = bob.reply(bob.takes("INVITE"), 183, headers=("Require: 100rel", "RSeq: 813520"))
    bob.send(progress)
    bob.send(progress)
    assert [alice.takes(183).first(b"rseq") for _ in range(3)] == [b"813520"] * 3


@pytest.mark.purpose(
    "RFC3262_08",
    given="INVITE without an offer; offer in a reliable 183, answer in PRACK; another offer and answer in UPDATE",
    expect="every body byte for byte at the other end",
)  # fmt: skip
def test_offers_and_answers_in_reliable_responses_and_pracks(alice: Phone, bob: Phone) -> None:
    alice.invite("bob", headers=("Supported: 100rel",), body="")
    alice.takes(100)
    got = bob.takes("INVITE")
    assert got.body == b""
    bob.reply(got, 183, headers=("Require: 100rel", "RSeq: 1"), body=sdp("10.0.0.11"))
    progress = alice.takes(183)
    assert progress.body == sdp("10.0.0.11").encode()
    dialog_of(alice).confirm(progress)
    answer = sdp("10.0.0.10", "sendonly", video=True)
    assert exchange(alice, bob, "PRACK", headers=("RAck: 1 1 INVITE",), body=answer).body == answer.encode()
    dialog_of(alice).request("UPDATE", body=answer)
    bob.reply(bob.takes("UPDATE"), 200, body=sdp("10.0.0.11", "recvonly"))
    assert alice.takes(200).body == sdp("10.0.0.11", "recvonly").encode()


@pytest.mark.purpose(
    "RFC3262_09",
    given="a reliable 183 of each of two phones, and a PRACK for each", expect="each PRACK at its own phone alone",
)  # fmt: skip
def test_each_phone_of_a_fork_gets_the_prack_of_its_own_dialog(lab: Lab, alice: Phone, bob: Phone) -> None:
    mobile = a_second_phone(lab)
    invite = alice.invite("bob", headers=("Supported: 100rel",))
    alice.takes(100)
    for phone in (bob, mobile):
        phone.reply(phone.takes("INVITE"), 183, headers=("Require: 100rel", "RSeq: 7"))
    for phone in (bob, mobile):
        early = Dialog(alice, invite)
        early.confirm(alice.takes(183))
        early.request("PRACK", headers=("RAck: 7 1 INVITE",))
        phone.takes("PRACK")
        assert not bob.inbox and not mobile.inbox


# -- RFC 3263: locating servers ----------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3263_11",
    given="INVITE to a phone; it registers again from another port; CANCEL, 487",
    expect="CANCEL and the ACK of the 487 where the INVITE went",
)  # fmt: skip
def test_what_belongs_to_an_invite_goes_where_the_invite_went(lab: Lab, alice: Phone) -> None:
    contact = "sip:dave@192.168.1.5"
    dave, elsewhere = lab.phone("dave", "203.0.113.1:40001", contact), lab.phone("dave", "203.0.113.1:40002", contact)
    dave.register()
    invite = alice.invite("dave")
    got = dave.takes("INVITE")
    dave.ring(got)
    elsewhere.register()
    alice.cancel(invite)
    dave.takes("CANCEL")
    dave.reply(got, 487)
    dave.takes("ACK")
    assert not elsewhere.inbox


# -- RFC 3311: UPDATE --------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3311_02",
    given="UPDATE refused with 491, 500 and Retry-After, or 504", expect="the same status and header with its sender",
)  # fmt: skip
@pytest.mark.parametrize(("status", "header"), [(491, "X-Why: glare"), (500, "Retry-After: 7"), (504, "X-Why: nobody")])
def test_what_refuses_an_update_comes_back_whole(alice: Phone, bob: Phone, status: int, header: str) -> None:
    call(alice, bob)
    dialog_of(alice).request("UPDATE", body=sdp())
    bob.reply(bob.takes("UPDATE"), status, headers=(header,))
    name, _, value = header.partition(": ")
    assert alice.takes(status).first(name.lower().encode()) == value.encode()
    hang_up(alice, bob)


# -- RFC 3326: Reason --------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3326_03",
    given="two phones ring, and one answers, or declines everywhere (603)",
    expect="the CANCEL to the other has one Reason value and no more",
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 603])
def test_our_own_reason_is_one(lab: Lab, alice: Phone, bob: Phone, status: int) -> None:
    mobile = a_second_phone(lab)
    alice.invite("bob")
    mobile.ring(mobile.takes("INVITE"))
    bob.reply(bob.takes("INVITE"), status)
    (reason,) = mobile.takes("CANCEL").values(b"reason")
    assert reason.startswith(b"SIP;cause=%d" % status)


@pytest.mark.purpose(
    "RFC3326_04",
    given="BYE with Reason: Q.850 and one of a protocol that nobody knows; the same in its 200, and in a 486",
    expect="both values at the other end, as they were written",
)  # fmt: skip
def test_a_reason_of_any_protocol_passes(alice: Phone, bob: Phone) -> None:
    reasons = ('Reason: Q.850 ;cause=16 ;text="Terminated, normally"', "Reason: X-OWN;why=none,SIP;cause=299")
    written = [line.partition(": ")[2].encode() for line in reasons]
    call(alice, bob)
    dialog_of(alice).request("BYE", headers=reasons)
    bye = bob.takes("BYE")
    bob.reply(bye, 200, headers=reasons)
    alice.invite("bob")
    answers = [alice.takes(200)]
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 486, headers=reasons)
    answers.append(alice.takes(486))
    for message in (bye, *answers):
        lines = [message.lines[position] for position in message.where[b"reason"]]
        assert lines == [b"Reason: " + value for value in written]


# -- RFC 3327: Path ----------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3327_01", "RFC3327_02",
    given="REGISTER for another domain, without and with Supported: path; a Path in the request and in the 200",
    expect="forwarded with the same Path and no other, and so is the 200",
)  # fmt: skip
@pytest.mark.parametrize("supported", [(), ("Supported: path",)])
def test_a_path_on_its_way_elsewhere_is_left_alone(lab: Lab, alice: Phone, supported: tuple[str, ...]) -> None:
    far = lab.phone("far", "192.0.2.1:5060")
    path = "<sip:edge@192.0.2.9;lr;ob>"
    for there in ((), (f"Path: {path}",)):
        alice.request("REGISTER", "sip:192.0.2.1", to="<sip:alice@192.0.2.1>", headers=(*supported, *there))
        got = far.takes("REGISTER")
        assert got.values(b"path") == [path.encode()] * len(there)
        far.reply(got, 200, headers=(f"Path: {path}",))
        assert alice.takes(200).values(b"path") == [path.encode()]


# -- RFC 3581: rport ---------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3581_01..03",
    given="OPTIONS from port 31337 of 10.0.0.77, whose Via names 10.0.0.77:5060 with an empty rport",
    expect="200 to port 31337, with rport=31337 and received=10.0.0.77",
)  # fmt: skip
def test_an_answer_goes_to_the_port_that_the_request_came_from(lab: Lab) -> None:
    phone = lab.phone("old", "10.0.0.77:31337")
    data = phone.compose("OPTIONS", "sip:10.0.0.1").replace(b"UDP 10.0.0.77:31337", b"UDP 10.0.0.77:5060")
    phone.send(data)
    via = phone.takes(200).values(b"via")[0]
    assert via.startswith(b"SIP/2.0/UDP 10.0.0.77:5060;") and via.endswith(b";rport=31337;received=10.0.0.77")


@pytest.mark.purpose(
    "RFC3581_05",
    given="OPTIONS over a TCP connection, with rport", expect="200 over that connection, rport and received filled in",
)  # fmt: skip
def test_rport_is_filled_in_over_a_connection_too(lab: Lab) -> None:
    phone = lab.phone("bob", "10.0.0.11:40000")
    flow = Flow("tcp", PROXY, phone.address, 7)
    data = phone.compose("OPTIONS", "sip:10.0.0.1").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    (send,) = lab.engine.receive(data, flow, lab.now)
    assert send.flow == flow
    assert parse(send.data).values(b"via")[0].endswith(b";rport=40000;received=10.0.0.11")


# -- RFC 3891 and RFC 3892: Replaces, Referred-By ----------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3891_02..03",
    given="INVITE with Replaces and Require: replaces for a phone's Contact, refused with 481, 486 or 603",
    expect="both headers at the phone as they were written, the refusal with the caller",
)  # fmt: skip
@pytest.mark.parametrize("status", [481, 486, 603])
def test_what_refuses_to_be_replaced_comes_back(alice: Phone, bob: Phone, status: int) -> None:
    replaces = "98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff;early-only"
    alice.invite(bob.contact, headers=(f"Replaces: {replaces}", "Require: replaces"))
    got = bob.takes("INVITE")
    assert (got.first(b"replaces"), got.first(b"require")) == (replaces.encode(), b"replaces")
    bob.reply(got, status)
    assert statuses(alice) == [100, status]


@pytest.mark.purpose(
    "RFC3892_01..03",
    given="INVITE with Referred-By in compact form, with a `cid`, its token in a multipart body; refused with 429",
    expect="header line and body byte for byte at the phone, 429 with the caller",
)  # fmt: skip
def test_who_referred_whom_is_not_ours_to_touch(alice: Phone, bob: Phone) -> None:
    line = 'b: "The, referrer" <sip:r@ref.example;x=y>;cid="2UWQFN309shb3@ref.example";new-param'
    token = "--b\r\nContent-ID: <2UWQFN309shb3@ref.example>\r\n\r\nReferred-By: <sip:r@ref.example>\r\n\r\n--b--\r\n"
    alice.invite("bob", headers=(line,), body=token, content_type="multipart/mixed;boundary=b")
    got = bob.takes("INVITE")
    assert [got.lines[position] for position in got.where[b"referred-by"]] == [line.encode()]
    assert got.body == token.encode()
    bob.reply(got, 429, "Provide Referrer Identity")
    assert statuses(alice) == [100, 429]


# -- RFC 3903: PUBLISH -------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3903_01..02",
    given="PUBLISH for a user of ours, with an Event and without, with a Record-Route",
    expect="489 without a Record-Route",
)  # fmt: skip
@pytest.mark.parametrize("event", [(), ("Event: presence",), ("o: dialog",)])
def test_publish_is_489_whatever_the_event(alice: Phone, event: tuple[str, ...]) -> None:
    alice.request("PUBLISH", "sip:alice@10.0.0.1", headers=(*event, "Record-Route: <sip:192.0.2.1;lr>"))
    assert alice.takes(489).values(b"record-route") == []


@pytest.mark.purpose(
    "RFC3903_03",
    given="PUBLISH with Event and SIP-If-Match for another domain, 200 with SIP-ETag",
    expect="forwarded as it was written, and so is its 200",
)  # fmt: skip
def test_publish_for_another_domain_passes(lab: Lab, alice: Phone) -> None:
    far = lab.phone("far", "192.0.2.1:5060")
    alice.request("PUBLISH", "sip:far@192.0.2.1", headers=("Event: presence", "SIP-If-Match: dx200xyz"))
    got = far.takes("PUBLISH")
    assert values(got, "Event", "SIP-If-Match", "Record-Route") == [[b"presence"], [b"dx200xyz"], []]
    far.reply(got, 200, headers=("SIP-ETag: kwj449x", "Expires: 1800"))
    assert values(alice.takes(200), "SIP-ETag", "Expires") == [[b"kwj449x"], [b"1800"]]


# -- RFC 4028: session timers ------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC4028_01..04",
    given="Session-Expires over, at and under Min-SE, in full and compact, with refresher and Supported: timer or "
    "without, in an INVITE, its 200, an UPDATE and its 200",
    expect="each of those headers at the other end as it was written, and none added",
)  # fmt: skip
@pytest.mark.parametrize(
    "headers",
    [
        ("Session-Expires: 4000;refresher=uac", "Min-SE: 90", "Supported: timer"),
        ("x:  1800 ; refresher=uas", "Min-SE: 1800;lr", "k: timer"),
        ("Session-Expires: 30", "Min-SE: 120"),
        ("Supported: timer",),
        (),
    ],
)
def test_session_timers_are_between_the_phones(alice: Phone, bob: Phone, headers: tuple[str, ...]) -> None:
    written = [header.encode() for header in headers]

    def timers(message: Message) -> list[bytes]:
        names = (b"session-expires", b"min-se", b"supported")
        return [message.lines[position] for name in names for position in message.where.get(name, ())]

    invite = alice.invite("bob", headers=headers)
    got = bob.takes("INVITE")
    bob.answer(got, headers=headers)
    alice.takes(100)
    response = alice.takes(200)
    dialog_of(alice).confirm(response)
    dialog_of(alice).ack(invite)
    bob.takes("ACK")
    dialog_of(bob).request("UPDATE", headers=headers)
    update = alice.takes("UPDATE")
    alice.reply(update, 200, headers=headers)
    for message in (got, response, update, bob.takes(200)):
        assert timers(message) == written


@pytest.mark.purpose(
    "RFC4028_05",
    given="a session of 1800 s that nobody refreshes", expect="in a day not one message of the proxy to either phone",
)  # fmt: skip
def test_a_session_that_ran_out_is_no_reason_for_a_bye(lab: Lab, alice: Phone, bob: Phone) -> None:
    invite = alice.invite("bob", headers=("Session-Expires: 1800", "Supported: timer"))
    bob.answer(bob.takes("INVITE"), headers=("Session-Expires: 1800;refresher=uac", "Require: timer"))
    alice.takes(100)
    dialog_of(alice).confirm(alice.takes(200))
    dialog_of(alice).ack(invite)
    bob.takes("ACK")
    lab.sent.clear()
    lab.advance(86_400)
    assert lab.sent == []


@pytest.mark.purpose(
    "RFC4028_07", given="422 with Min-SE: 3600 to a call", expect="422 with that Min-SE with the caller"
)
def test_a_session_that_is_too_short_for_the_phone(alice: Phone, bob: Phone) -> None:
    alice.invite("bob", headers=("Session-Expires: 90", "Supported: timer"))
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 422, headers=("Min-SE: 3600",))
    assert alice.takes(422).first(b"min-se") == b"3600"


# -- RFC 4321: requests other than INVITE ------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC4321_02",
    given="MESSAGE to three phones: 415 of one, 480 of another one after 20 s, silence of the third",
    expect="415 after 28 s; what the third says then is dropped",
)  # fmt: skip
def test_one_silent_phone_does_not_keep_what_the_others_said(lab: Lab, alice: Phone, bob: Phone) -> None:
    mobile, off = a_second_phone(lab), lab.phone("bob", "10.0.0.78:5060")
    off.register()
    alice.request("MESSAGE", "sip:bob@10.0.0.1", body="x")
    bob.reply(bob.takes("MESSAGE"), 415)
    lab.advance(20)
    mobile.reply(mobile.takes("MESSAGE"), 480)
    lab.advance(7.9)
    assert statuses(alice) == [100]
    lab.advance(0.1)
    assert statuses(alice) == [415]
    off.reply(off.takes("MESSAGE"), 200)
    lab.advance(10)
    assert statuses(alice) == []


@pytest.mark.purpose(
    "RFC4321_02",
    given="MESSAGE to two phones, 200 of one after 31 s, nothing before", expect="200: there was nothing else to say",
)  # fmt: skip
def test_while_nobody_has_answered_all_are_waited_for(lab: Lab, alice: Phone, bob: Phone) -> None:
    a_second_phone(lab)
    alice.request("MESSAGE", "sip:bob@10.0.0.1", body="x")
    lab.advance(31)
    bob.reply(bob.takes("MESSAGE"), 200)
    assert statuses(alice) == [100, 200]


# -- RFC 5393: loops and breadth ---------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5393_01",
    given="INVITE for a user who has a phone here and, as a second one, another proxy that sends it back unchanged",
    expect="482 to that proxy; the phone rings once",
)  # fmt: skip
def test_a_forked_call_that_comes_back_rings_no_phone_again(lab: Lab, alice: Phone, bob: Phone) -> None:
    proxy = lab.phone("bob", "192.0.2.1:5060")
    proxy.register()
    alice.invite("bob")
    came = proxy.takes("INVITE")
    via = b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-back"
    proxy.send(b"\r\n".join((b"INVITE sip:bob@10.0.0.1 SIP/2.0", via, *came.lines, b"", came.body)))
    assert proxy.waiting == [482]
    assert bob.waiting == ["INVITE"]


@pytest.mark.purpose(
    "RFC5393_05", "RFC5393_09",
    given="the same request as INVITE, CANCEL and MESSAGE; with another Call-ID, with another CSeq",
    expect="one mark for all methods; another one for each other transaction",
)  # fmt: skip
def test_the_mark_is_of_the_transaction_and_not_of_the_method(lab: Lab) -> None:
    phone = lab.phone("alice")

    def mark(method: str, call_id: str = "c", cseq: int = 1) -> bytes:
        data = phone.compose(method, "sip:bob@10.0.0.1", from_="<sip:alice@10.0.0.1>;tag=a", call_id=call_id, cseq=cseq)
        request = parse(data)
        assert isinstance(request, Request)
        request.check()
        return loop_mark(request)

    assert len({mark(method) for method in ("INVITE", "CANCEL", "MESSAGE")}) == 1
    assert len({mark("INVITE"), mark("INVITE", call_id="d"), mark("INVITE", cseq=2)}) == 3


@pytest.mark.purpose(
    "RFC5393_12",
    given="Max-Breadth: 61, 1000 and 2147483648 to two phones", expect="Max-Breadth: 30 to each, 60 in all",
)  # fmt: skip
@pytest.mark.parametrize("breadth", [61, 1000, 2**31])
def test_a_max_breadth_over_ours_is_cut_down(lab: Lab, alice: Phone, bob: Phone, breadth: int) -> None:
    mobile = a_second_phone(lab)
    alice.invite("bob", headers=(f"Max-Breadth: {breadth}",))
    assert [phone.takes("INVITE").first(b"max-breadth") for phone in (bob, mobile)] == [b"30", b"30"]


@pytest.mark.purpose(
    "RFC5393_13", "RFC5393_16..17",
    given="requests of seven methods with Max-Breadth: 7 or 1 and without, and the ACK of a 200, each to one phone",
    expect="one Max-Breadth in each: 7, 1 or 60",
)  # fmt: skip
def test_one_phone_gets_all_the_breadth_that_there_is(alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    for headers, breadth in (((), b"60"), (("Max-Breadth: 7",), b"7"), (("Max-Breadth: 1",), b"1")):
        for method in ("BYE", "OPTIONS", "MESSAGE", "REFER", "SUBSCRIBE", "NONSENSE", "INVITE", "ACK"):
            dialog_of(alice).request(method, headers=headers)
            got = bob.inbox.pop()
            assert isinstance(got, Request) and got.method == method.encode()
            assert got.values(b"max-breadth") == [breadth]


@pytest.mark.purpose(
    "RFC5393_14",
    given="ACK of a 200 for a user with two phones, with Max-Breadth: 5, 1 or 0",
    expect="2 to each; all to one; to nobody",
)  # fmt: skip
@pytest.mark.parametrize(("breadth", "shares"), [(5, [2, 2]), (1, [1]), (0, [])])
def test_the_ack_of_a_2xx_spreads_no_further_than_it_may(
    lab: Lab, alice: Phone, bob: Phone, breadth: int, shares: list[int]
) -> None:
    mobile = a_second_phone(lab)
    alice.request(
        "ACK", "sip:bob@10.0.0.1", to="<sip:bob@10.0.0.1>;tag=b", headers=(f"Max-Breadth: {breadth}",)
    )  # fmt: skip
    acks = [message for phone in (bob, mobile) for message in phone.inbox]
    assert [int(ack.first(b"max-breadth") or b"") for ack in acks] == shares


@pytest.mark.purpose(
    "RFC5393_19",
    given="CANCEL with Max-Breadth: 0 of a call that rings at two phones", expect="CANCEL to both phones, and 487",
)  # fmt: skip
def test_a_cancel_has_no_breadth(lab: Lab, alice: Phone, bob: Phone) -> None:
    mobile = a_second_phone(lab)
    invite = alice.invite("bob")
    got = {phone: phone.takes("INVITE") for phone in (bob, mobile)}
    for phone in (bob, mobile):
        phone.ring(got[phone])
    alice.inbox.clear()
    alice.cancel(invite, "Max-Breadth: 0")
    for phone in (bob, mobile):
        phone.takes("CANCEL")
        phone.reply(got[phone], 487)
    assert statuses(alice) == [200, 487]


# -- RFC 5626: outbound ------------------------------------------------------------------------------------------------


def register(phone: Phone, *contacts: str, headers: tuple[str, ...] = ()) -> Any:
    return phone.register(contacts=list(contacts), headers=headers)


@pytest.mark.purpose(
    "RFC5626_11",
    given="REGISTER with instance, reg-id and Supported: outbound, by another proxy; no Path, or one without `ob`",
    expect="439, nothing registered; with `ob` in the first Path value it is registered, 400 for a Path that is none",
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ((), 439),
        (("Path: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr;ob>",), 439),
        (("Path: <sip:192.0.2.1;lr;ob>",), 200),
        (("Path: <tel:+1>",), 400),
        (("Path: <",), 400),
    ],
)
def test_behind_a_proxy_that_does_not_keep_the_flow(lab: Lab, path: tuple[str, ...], status: int) -> None:
    edge = lab.phone("bob", "192.0.2.1:5060")
    answer = register(
        edge, f"<sip:bob@192.168.1.5>;{UUID};reg-id=1",
        headers=("Via: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK-bob", "Supported: gruu, path, outbound", *path),
    )  # fmt: skip
    assert answer.status == status
    assert lab.engine.load["bindings"] == (status == 200)


@pytest.mark.purpose(
    "RFC5626_12", "RFC5626_15",
    given="REGISTER with instance and reg-id by another proxy, no Supported: outbound; then other reg-id and Contact",
    expect="200 without Require, and one binding: the second replaced the first",
)  # fmt: skip
def test_a_reg_id_behind_another_proxy_is_ignored(lab: Lab) -> None:
    edge = lab.phone("bob", "192.0.2.1:5060")
    via = "Via: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK-bob"
    for number in (1, 2):
        contact = f"<sip:bob@192.168.1.{number}>;{UUID};reg-id={number}"
        assert b"require" not in register(edge, contact, headers=(via,)).where
    assert lab.engine.load["bindings"] == 1


@pytest.mark.purpose(
    "RFC5626_13", "RFC5626_15",
    given="REGISTER twice with one Contact URI, reg-id=1 and reg-id=2, no instance, Supported: outbound",
    expect="200 without Require, and one binding",
)  # fmt: skip
def test_a_reg_id_without_an_instance_is_ignored(lab: Lab) -> None:
    bob = lab.phone("bob")
    for number in (1, 2):
        answer = register(bob, f"<{bob.contact}>;reg-id={number}", headers=("Supported: outbound",))
        assert answer.status == 200 and b"require" not in answer.where
    assert lab.engine.load["bindings"] == 1


@pytest.mark.purpose(
    "RFC5626_14",
    given="REGISTER with two Contacts, one of them with instance and reg-id", expect="400, nothing registered",
)  # fmt: skip
def test_one_flow_is_registered_at_a_time(lab: Lab) -> None:
    bob = lab.phone("bob")
    assert register(bob, f"<{bob.contact}>;{UUID};reg-id=1", "<sip:bob@10.0.0.77>").status == 400
    assert lab.engine.load["bindings"] == 0


@pytest.mark.purpose(
    "RFC5626_14",
    given="REGISTER with two Contacts, one with instance and reg-id, the other with expires=0",
    expect="200: one is added, and the other removed",
)
def test_a_flow_may_take_the_place_of_a_contact(lab: Lab) -> None:
    bob = lab.phone("bob")
    register(bob, "<sip:bob@10.0.0.77>")
    answer = register(bob, f"<{bob.contact}>;{UUID};reg-id=1", "<sip:bob@10.0.0.77>;expires=0")
    assert [value.partition(b">")[0] for value in answer.values(b"contact")] == [b"<" + bob.contact.encode()]


@pytest.mark.purpose(
    "RFC5626_17",
    given="one instance registers reg-id=1, then reg-id=2, then reg-id=1 again with another Contact",
    expect="two bindings, the first one with its new Contact",
)  # fmt: skip
def test_a_binding_is_named_by_instance_and_reg_id(lab: Lab) -> None:
    bob = lab.phone("bob")
    for host, number in (("10.0.0.21", 1), ("10.0.0.22", 2), ("10.0.0.23", 1)):
        register(bob, f"<sip:bob@{host}>;{UUID};reg-id={number}")
    uris = sorted(value.partition(b">")[0] for value in register(bob).values(b"contact"))
    assert uris == [b"<sip:bob@10.0.0.22", b"<sip:bob@10.0.0.23"]


@pytest.mark.purpose(
    "RFC5626_22",
    given="INVITE for a user one of whose phones has registered by two flows, and another by one",
    expect="one INVITE for each phone: by the flow that was refreshed last",
)  # fmt: skip
def test_one_phone_is_not_tried_by_two_of_its_flows_at_once(lab: Lab, alice: Phone, bob: Phone) -> None:
    first, second = lab.phone("bob", "10.0.0.21:5060"), lab.phone("bob", "10.0.0.22:5060")
    for number, phone in ((1, first), (2, second), (1, first)):
        register(phone, f"<{phone.contact}>;{UUID};reg-id={number}")
    alice.invite("bob")
    assert [phone.waiting for phone in (bob, first, second)] == [["INVITE"], ["INVITE"], []]


@pytest.mark.purpose(
    "RFC5626_24",
    given="480 of a phone that has registered by two flows", expect="480 with the caller; the other flow is not asked",
)  # fmt: skip
def test_who_has_answered_is_not_asked_again_by_another_flow(lab: Lab, alice: Phone) -> None:
    first, second = lab.phone("dave", "10.0.0.21:5060"), lab.phone("dave", "10.0.0.22:5060")
    for number, phone, q in ((1, first, 0.5), (2, second, 1.0)):
        register(phone, f"<{phone.contact}>;{UUID};reg-id={number};q={q}")
    alice.invite("dave")
    second.reply(second.takes("INVITE"), 480)
    assert statuses(alice) == [100, 480]
    assert not first.inbox


# -- RFC 5806: Diversion -----------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5806_04", "RFC5806_05",
    given="INVITE with two Diversion values for a user with two phones",
    expect="both phones get those two and no other",
)  # fmt: skip
def test_what_rings_at_home_was_not_diverted(lab: Lab, alice: Phone, bob: Phone) -> None:
    mobile = a_second_phone(lab)
    for headers in ((), ("Diversion: <sip:x@192.0.2.1>;reason=away, <sip:y@192.0.2.1>;counter=2",)):
        alice.invite("bob", headers=headers)
        for phone in (bob, mobile):
            got = phone.takes("INVITE")
            assert [got.lines[position].decode() for position in got.where.get(b"diversion", ())] == list(headers)


@pytest.mark.purpose(
    "RFC5806_06..07",
    given="302 with a Diversion, when the proxy follows none", expect="302 with that Diversion with the caller",
)  # fmt: skip
def test_a_302_that_is_not_followed_keeps_its_diversion() -> None:
    lab = Lab(recurse=False)
    alice, bob = lab.registered("alice", "bob")
    diversion = "<sip:bob@10.0.0.1> ;reason=do-not-disturb;privacy=full"
    alice.invite("bob")
    alice.takes(100)
    bob.reply(
        bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>", f"Diversion: {diversion}")
    )  # fmt: skip
    assert alice.takes(302).first(b"diversion") == diversion.encode()


# -- RFC 5954: IPv6 ----------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5954_01..02",
    given="::1, 2001:db8::1 and ::ffff:192.0.2.1 in brackets, each in two spellings",
    expect="read, and one URI of the two",
)  # fmt: skip
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"[::1]", b"[0:0:0:0:0:0:0:1]"), (b"[2001:DB8::1]", b"[2001:db8:0:0::1]"),
        (b"[::ffff:192.0.2.1]", b"[::FFFF:c000:0201]"),
    ],
)  # fmt: skip
def test_an_ipv6_host_is_an_address_and_no_text(one: bytes, other: bytes) -> None:
    assert parse_uri(b"sip:bob@" + one + b":5070").matches(parse_uri(b"sip:bob@" + other + b":5070"))


# -- RFC 6026: transactions of a 2xx -----------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC6026_03", "RFC6026_10",
    given="200 to an INVITE, and for 40 s nobody says ACK", expect="the 200 went back once, and the phone got no ACK",
)  # fmt: skip
def test_a_2xx_is_neither_repeated_nor_acknowledged_by_a_proxy(lab: Lab, alice: Phone, bob: Phone) -> None:
    alice.invite("bob")
    bob.answer(bob.takes("INVITE"))
    lab.advance(40)
    assert statuses(alice) == [100, 200]
    assert not bob.inbox


@pytest.mark.purpose(
    "RFC6026_04", "RFC6026_09",
    given="two 200 on one branch, 20 s apart, under different To tags: of two phones behind another proxy",
    expect="both with the caller",
)  # fmt: skip
def test_a_second_2xx_of_a_fork_further_on_goes_back(lab: Lab, alice: Phone, bob: Phone) -> None:
    alice.invite("bob")
    first = bob.reply(bob.takes("INVITE"), 200)
    lab.advance(20)
    bob.send(first.replace(b";tag=bob-5060", b";tag=another"))
    alice.takes(100)
    assert [alice.takes(200).to_tag for _ in range(2)] == [b"bob-5060", b"another"]


# -- RFC 6141: re-INVITE -----------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC6141_03",
    given="re-INVITE that waits for a person: reliable 183, PRACK, UPDATE from either side, and for 3 minutes nothing; "
    "then 200",
    expect="all of it at the other end, and the proxy cuts nothing short",
)  # fmt: skip
def test_a_re_invite_may_wait_for_a_person(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    again = dialog_of(alice).request("INVITE", body=sdp(video=True))
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.reply(got, 183, headers=("Require: 100rel", "RSeq: 5"))
    assert alice.takes(183).first(b"rseq") == b"5"
    exchange(alice, bob, "PRACK", headers=(f"RAck: 5 {again.cseq} INVITE",))
    exchange(bob, alice, "UPDATE")
    exchange(alice, bob, "UPDATE")
    lab.advance(180)
    assert not alice.inbox and not bob.inbox
    bob.answer(got)
    alice.takes(200)
    dialog_of(alice).ack(again)
    bob.takes("ACK")
    hang_up(bob, alice)


@pytest.mark.purpose(
    "RFC6141_04",
    given="CANCEL of a re-INVITE that waits", expect="CANCEL to the phone, 487 back; the call goes on and ends by BYE",
)  # fmt: skip
def test_a_re_invite_that_waits_can_be_cancelled(alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    again = dialog_of(alice).request("INVITE")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.reply(got, 183)
    alice.takes(183)
    alice.cancel(again)
    alice.takes(200)
    cancel = bob.takes("CANCEL")
    assert cancel.via.branch == got.via.branch
    bob.reply(cancel, 200)
    bob.reply(got, 487)
    bob.takes("ACK")
    alice.ack_failure(again, alice.takes(487))
    hang_up(alice, bob)


@pytest.mark.purpose(
    "RFC3311_03", "RFC6141_05",
    given="UPDATE or re-INVITE with another Contact, at another address", expect="that Contact at the other phone, "
    "and its BYE by our Record-Route at the new address",
)  # fmt: skip
@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_request_that_refreshes_the_target(lab: Lab, alice: Phone, bob: Phone, method: str) -> None:
    call(alice, bob)
    moved = lab.phone("alice", "10.0.0.50:5062")
    dialog_of(alice).request(method, contact=False, headers=(f"Contact: <{moved.contact}>",))
    got = bob.takes(method)
    assert got.values(b"contact") == [f"<{moved.contact}>".encode()]
    bob.reply(got, 200)
    dialog_of(bob).target = moved.contact
    dialog_of(bob).request("BYE")
    assert moved.takes("BYE").uri_text.decode() == moved.contact


@pytest.mark.purpose(
    "RFC6141_06",
    given="another Contact in a reliable 183 or in the 200 of a re-INVITE", expect="that Contact with the caller, and "
    "what follows at the new address",
)  # fmt: skip
@pytest.mark.parametrize("status", [183, 200])
def test_a_response_that_refreshes_the_target(lab: Lab, alice: Phone, bob: Phone, status: int) -> None:
    call(alice, bob)
    moved = lab.phone("bob", "10.0.0.50:5062")
    dialog_of(alice).request("INVITE")
    alice.takes(100)
    reliable = ("Require: 100rel", "RSeq: 1") if status == 183 else ()
    bob.reply(
        bob.takes("INVITE"), status, contact=False, headers=(f"Contact: <{moved.contact}>", *reliable)
    )  # fmt: skip
    dialog_of(alice).target = moved.contact
    assert alice.takes(status).values(b"contact") == [f"<{moved.contact}>".encode()]
    dialog_of(alice).request("UPDATE")
    assert moved.takes("UPDATE").uri_text.decode() == moved.contact


# -- RFC 6665: SUBSCRIBE and NOTIFY ------------------------------------------------------------------------------------

STATE = ("Event: presence;id=7", "Subscription-State: active;expires=599", "Allow-Events: presence, dialog")


@pytest.mark.purpose(
    "RFC6665_03",
    given="SUBSCRIBE or REFER to a user with two phones; both take it, and each sends a NOTIFY",
    expect="one 2xx with the subscriber, and both NOTIFYs; each 200 to its own phone",
)  # fmt: skip
@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER"])
def test_a_subscription_that_was_forked(lab: Lab, alice: Phone, bob: Phone, method: str) -> None:
    mobile = a_second_phone(lab)
    alice.request(method, "sip:bob@10.0.0.1", headers=("Event: presence",))
    theirs = []
    for phone in (bob, mobile):
        got = phone.takes(method)
        phone.reply(got, 202)
        theirs.append(Dialog.of_callee(phone, got))
    assert statuses(alice) == [202]
    for dialog in theirs:
        dialog.request("NOTIFY", headers=STATE)
    notifies = [alice.takes("NOTIFY") for _ in theirs]
    assert [notify.from_tag for notify in notifies] == [b"bob-5060", b"bob-5070"]
    for phone, notify in zip((bob, mobile), notifies, strict=True):
        alice.reply(notify, 200)
        assert statuses(phone) == [200]


@pytest.mark.purpose(
    "RFC6665_01", "RFC6665_04", "RFC6665_07", "RFC3515_04",
    given="NOTIFY with Event, Subscription-State and Allow-Events, before the 200 to its SUBSCRIBE or REFER",
    expect="arrives with those headers as they were written, and with our Record-Route",
)  # fmt: skip
@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER"])
def test_a_notify_that_overtakes_the_answer(alice: Phone, bob: Phone, method: str) -> None:
    alice.request(method, "sip:bob@10.0.0.1", headers=("Event: presence;id=7",))
    got = bob.takes(method)
    Dialog.of_callee(bob, got).request("NOTIFY", headers=STATE)
    notify = alice.takes("NOTIFY")
    assert [line.decode() for line in notify.lines if line.startswith((b"Event", b"Subscr", b"Allow-E"))] == list(STATE)
    assert values(got, "Record-Route") == values(notify, "Record-Route") == [[PLAIN]]
    alice.reply(notify, 200)
    bob.reply(got, 200)
    assert (bob.waiting, alice.waiting) == ([200], [200])


@pytest.mark.purpose(
    "RFC6665_06", given="481 to a NOTIFY", expect="481 with the phone that sent it, so that it ends the subscription"
)
def test_a_notify_that_nobody_wants(alice: Phone, bob: Phone) -> None:
    alice.request("SUBSCRIBE", "sip:bob@10.0.0.1", headers=("Event: presence",))
    got = bob.takes("SUBSCRIBE")
    bob.reply(got, 200)
    alice.takes(200)
    Dialog.of_callee(bob, got).request("NOTIFY", headers=STATE)
    alice.reply(alice.takes("NOTIFY"), 481)
    assert statuses(bob) == [481]


@pytest.mark.purpose(
    "RFC6665_05",
    given="SUBSCRIBE inside the dialog: a refresh, then Expires: 0; and a NOTIFY with terminated",
    expect="each at the other end, by the route that was recorded",
)  # fmt: skip
def test_a_subscription_to_its_end(alice: Phone, bob: Phone) -> None:
    subscribe = alice.request("SUBSCRIBE", "sip:bob@10.0.0.1", headers=("Event: presence", "Expires: 600"))
    got = bob.takes("SUBSCRIBE")
    bob.reply(got, 200)
    mine, theirs = Dialog(alice, subscribe), Dialog.of_callee(bob, got)
    mine.confirm(alice.takes(200))
    for expires, state in (("600", "active;expires=600"), ("0", "terminated;reason=timeout")):
        mine.request("SUBSCRIBE", headers=("Event: presence", f"Expires: {expires}"))
        again = bob.takes("SUBSCRIBE")
        assert again.first(b"expires") == expires.encode()
        bob.reply(again, 200)
        alice.takes(200)
        theirs.request("NOTIFY", headers=("Event: presence", f"Subscription-State: {state}"))
        last = alice.takes("NOTIFY")
        assert last.first(b"subscription-state") == state.encode()
        alice.reply(last, 200)
        bob.takes(200)


@pytest.mark.purpose(
    "RFC6665_09",
    given="SUBSCRIBE of a phone behind NAT with a private Contact; a NOTIFY before the 200, and one two hours later",
    expect="each at the address that the phone really sends from",
)  # fmt: skip
def test_a_subscriber_behind_nat(lab: Lab, bob: Phone) -> None:
    hidden = lab.phone("dave", "203.0.113.1:40001", contact="sip:dave@192.168.1.5:5060")
    hidden.register()
    hidden.request("SUBSCRIBE", "sip:bob@10.0.0.1", headers=("Event: presence",))
    got = bob.takes("SUBSCRIBE")
    theirs = Dialog.of_callee(bob, got)
    theirs.request("NOTIFY", headers=STATE)
    first = hidden.takes("NOTIFY")
    bob.reply(got, 200)
    lab.advance(7200)
    assert lab.engine.load["bindings"] == 0
    theirs.request("NOTIFY", headers=STATE)
    hidden.takes(200)
    assert first.uri_text == hidden.takes("NOTIFY").uri_text == hidden.contact.encode()


# -- RFC 8760: logins --------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC8760_01..02",
    given="401 of two phones, each with a challenge by SHA-256 and then one by MD5",
    expect="one 401 with all four, those of each phone in their order",
)  # fmt: skip
def test_the_challenges_of_one_phone_stay_in_their_order(lab: Lab, alice: Phone, bob: Phone) -> None:
    mobile = a_second_phone(lab)
    alice.invite("bob")
    alice.takes(100)
    for phone, realm in ((bob, "desk"), (mobile, "mobile")):
        phone.reply(
            phone.takes("INVITE"), 401,
            headers=tuple(
                f'WWW-Authenticate: Digest realm="{realm}", algorithm={name}' for name in ("SHA-256", "MD5")
            ),
        )  # fmt: skip
    answer = alice.takes(401)
    lines = [answer.lines[position].decode() for position in answer.where[b"www-authenticate"]]
    found = {realm: [line.rpartition("=")[2] for line in lines if realm in line] for realm in ("desk", "mobile")}
    assert found == {"desk": ["SHA-256", "MD5"], "mobile": ["SHA-256", "MD5"]}
