"""Transactions (RFC 3261 §17, RFC 6026): what is sent again and when, what is absorbed, what belongs to what."""

from __future__ import annotations

import gc
import sys

import pytest

from sipfullproxy.engine import transaction
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.outbox import Outbox
from sipfullproxy.engine.timers import Timers
from sipfullproxy.engine.transaction import Transactions, server_key
from sipfullproxy.sip.message import Request, Response, parse
from tests.helpers import PROXY, Lab, Phone, call

DOUBLING = [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
"""Timer A: doubles without an end (§17.1.1.2)."""
UP_TO_T2 = [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
"""Timers E and G: double up to T2 (§17.1.2.2, §17.2.1)."""


def pair() -> tuple[Lab, Phone, Phone]:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    lab.advance(40)  # until the REGISTERs are forgotten
    return lab, alice, bob


def times(lab: Lab, to: Phone, what: bytes, since: float) -> list[float]:
    """When messages whose start line begins so went to a phone, in seconds since then."""
    return [
        at - since for at, send in zip(lab.sent_at, lab.sent, strict=True)
        if send.flow.remote == to.address and send.data.startswith(what)
    ]  # fmt: skip


def resent(data: bytes, phone: Phone) -> list[Send]:
    """Put the same bytes on the wire again. Returns what that made the proxy send."""
    phone.inbox.clear()
    return phone.send(data)


def raw(request: Request) -> bytes:
    return b"\r\n".join((request.start, *request.lines, b"", request.body))


# -- INVITE client (§17.1.1) -------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_001..005",
    given="INVITE to a phone that is silent", expect="sent at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s; 408 at 32 s",
)  # fmt: skip
def test_timers_a_and_b_an_invite_is_sent_again_until_64_t1() -> None:
    lab, alice, bob = pair()
    start = lab.now
    alice.invite("bob")
    lab.advance(31.9)
    assert times(lab, bob, b"INVITE", start) == DOUBLING
    assert times(lab, alice, b"SIP/2.0 408", start) == []
    lab.advance(60)
    assert times(lab, bob, b"INVITE", start) == DOUBLING
    assert times(lab, alice, b"SIP/2.0 408", start)[0] == 32.0


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_001..005",
    given="INVITE to a phone that is silent", expect="all copies are the same bytes",
)  # fmt: skip
def test_all_copies_of_an_invite_are_the_same_bytes() -> None:
    lab, alice, bob = pair()
    alice.invite("bob")
    lab.advance(31)
    assert len({send.data for send in lab.sent if send.flow.remote == bob.address}) == 1


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_001..005",
    given="100 or 180 after 1 s", expect="INVITE sent at 0 and 0.5 s, never again",
)  # fmt: skip
@pytest.mark.parametrize("status", [100, 180])
def test_a_provisional_response_ends_the_repeating(status: int) -> None:
    """§17.1.1.2: "Proceeding"; from there only Timer C counts."""
    lab, alice, bob = pair()
    start = lab.now
    alice.invite("bob")
    lab.advance(1)
    bob.reply(bob.takes("INVITE"), status)
    lab.advance(100)
    assert times(lab, bob, b"INVITE", start) == [0, 0.5]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_007..010", "SIP_CC_PR_TR_CL_V_010..011",
    given="486, again after 31.9 s, and after 32.1 s",
    expect="the same ACK each time up to Timer D, none behind it; forwarded once",
)  # fmt: skip
def test_timer_d_a_repeated_failure_is_acknowledged_again_and_forwarded_once() -> None:
    lab, alice, bob = pair()
    sent = alice.invite("bob")
    busy = bob.reply(bob.takes("INVITE"), 486)
    alice.takes(100)
    alice.ack_failure(sent, alice.takes(486))
    first = bob.takes("ACK")
    lab.advance(31.9)
    bob.send(busy)
    assert raw(bob.takes("ACK")) == raw(first)
    lab.advance(0.2)
    bob.send(busy)
    assert not bob.inbox
    assert not alice.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_006..009",
    given="486 to an INVITE",
    expect="ACK with the Request-URI, Via, From, Call-ID and CSeq number of its INVITE, To of the response, no more",
)  # fmt: skip
def test_the_ack_of_a_failure_is_built_as_section_17_1_1_3_says() -> None:
    _, alice, bob = pair()
    alice.invite("bob", headers=("Subject: not for the ACK",), cseq=77)
    invite = bob.takes("INVITE")
    bob.reply(invite, 486)
    ack = bob.takes("ACK")
    assert ack.uri_text == invite.uri_text
    assert ack.values(b"via") == invite.values(b"via")[:1]
    assert ack.first(b"from") == invite.first(b"from")
    assert ack.call_id == invite.call_id
    assert (ack.cseq, ack.cseq_method) == (77, b"ACK")
    assert ack.to_tag == b"bob-5060", "the To of the response, not of the request"
    assert ack.where.keys() == {b"via", b"from", b"to", b"call-id", b"cseq", b"max-forwards", b"content-length"}
    assert ack.body == b""


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_006..009",
    given="404 to an INVITE that was sent with two Routes", expect="ACK with the same two",
)  # fmt: skip
def test_the_ack_of_a_failure_carries_the_route_of_its_invite() -> None:
    lab, alice, _ = pair()
    hop = lab.phone("hop", "10.0.0.77:5060")
    alice.invite("sip:x@192.0.2.1", headers=("Route: <sip:10.0.0.1;lr>, <sip:10.0.0.77;lr>, <sip:192.0.2.9;lr>",))
    hop.reply(hop.takes("INVITE"), 404)
    assert hop.takes("ACK").values(b"route") == [b"<sip:10.0.0.77;lr>", b"<sip:192.0.2.9;lr>"]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_001..005",
    given="CANCEL of an INVITE that was sent with two Routes",
    expect="CANCEL with the same two",
)
def test_a_cancel_carries_the_route_of_its_invite() -> None:
    """§9.1: "Otherwise, stateless proxies will not be able to route CANCEL requests properly"."""
    lab, alice, _ = pair()
    hop = lab.phone("hop", "10.0.0.77:5060")
    routes = "Route: <sip:10.0.0.1;lr>, <sip:10.0.0.77;lr>, <sip:192.0.2.9;lr>"
    sent = alice.invite("sip:x@192.0.2.1", headers=(routes, "Subject: not for the CANCEL", "Require: nor this"))
    hop.ring(hop.takes("INVITE"))
    alice.cancel(sent)
    cancel = hop.takes("CANCEL")
    assert cancel.values(b"route") == [b"<sip:10.0.0.77;lr>", b"<sip:192.0.2.9;lr>"]
    assert not cancel.where.keys() & {b"subject", b"require", b"contact"}


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_001..005",
    given="CANCEL while a phone rings",
    expect="CANCEL with the Request-URI, top Via, From, To, Call-ID and CSeq number of our INVITE",
)  # fmt: skip
def test_a_cancel_is_built_as_section_9_1_says() -> None:
    _, alice, bob = pair()
    sent = alice.invite("bob", cseq=5)
    invite = bob.takes("INVITE")
    bob.ring(invite)
    alice.cancel(sent)
    cancel = bob.takes("CANCEL")
    assert cancel.uri_text == invite.uri_text
    assert cancel.values(b"via") == invite.values(b"via")[:1]
    assert [cancel.first(name) for name in (b"from", b"to")] == [invite.first(name) for name in (b"from", b"to")]
    assert (cancel.call_id, cancel.cseq, cancel.cseq_method) == (invite.call_id, 5, b"CANCEL")


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_027..028", "RFC6026_04", "RFC6026_08..09", "RFC6026_11",
    given="200 again after 8, 16 and 24 s; and after 32.1 s", expect="each goes back; the last is dropped (RFC 6026)",
)  # fmt: skip
def test_rfc_6026_timer_m_a_repeated_2xx_is_forwarded_for_64_t1_and_then_dropped() -> None:
    lab, alice, bob = pair()
    alice.invite("bob")
    invite = bob.takes("INVITE")
    ok = bob.reply(invite, 200)
    for _ in range(3):
        lab.advance(8)
        bob.send(ok)
    assert alice.waiting == [100, 200, 200, 200, 200]
    lab.advance(8.1)
    assert resent(ok, bob) == [], "RFC 6026 §7.3: what matches no transaction is dropped"


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_017", "SIP_CC_PR_TR_CL_TI_007..010",
    given="180 and 486 of a phone behind its 200", expect="absorbed",
)  # fmt: skip
def test_a_provisional_response_behind_the_final_one_goes_nowhere() -> None:
    _, alice, bob = pair()
    alice.invite("bob")
    invite = bob.takes("INVITE")
    bob.answer(invite)
    alice.inbox.clear()
    bob.ring(invite)
    bob.reply(invite, 486)
    assert not alice.inbox


# -- non-INVITE client (§17.1.2) ---------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_012..018", "RFC4320_04",
    given="MESSAGE to a phone that is silent",
    expect="sent at 0, 0.5, 1.5, 3.5, 7.5 s and every 4 s; given up at 32 s, without a 408",
)  # fmt: skip
def test_timers_e_and_f_a_message_is_sent_again_up_to_every_t2_and_nobody_says_408() -> None:
    """RFC 4320 §4.2: the sender has given up at the same moment."""
    lab, alice, bob = pair()
    start = lab.now
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    lab.advance(100)
    assert times(lab, bob, b"MESSAGE", start) == UP_TO_T2
    assert alice.waiting == [100]
    assert lab.engine.load["transactions"] == 0


def test_rfc_4320_a_request_that_is_never_answered_is_absorbed_when_it_comes_late() -> None:
    lab, alice, _ = pair()
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1")
    alice.send(data)
    lab.advance(32.1)
    (again,) = resent(data, alice)
    assert again.data.startswith(b"SIP/2.0 100 "), "what it was told last, and the phone is not asked again"


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_012..018",
    given="100 to a MESSAGE", expect="sent again after 0.5 s, then every 4 s",
)  # fmt: skip
def test_timer_e_after_a_provisional_response_waits_t2() -> None:
    lab, alice, bob = pair()
    start = lab.now
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    bob.reply(bob.takes("MESSAGE"), 100)
    lab.advance(100)
    assert times(lab, bob, b"MESSAGE", start) == [0, *(0.5 + 4 * n for n in range(8))]
    assert alice.waiting == [100]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_012..018",
    given="100 to a MESSAGE after 1 s, 200 or 404 after 9 s",
    expect="sent at 0, 0.5, 1.5, 5.5 s and not again; the final response goes back",
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 404])
def test_a_final_response_ends_the_repeating_behind_a_provisional_one_too(status: int) -> None:
    lab, alice, bob = pair()
    start = lab.now
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    message = bob.takes("MESSAGE")
    lab.advance(1)
    bob.reply(message, 100)
    lab.advance(8)
    bob.reply(message, status)
    assert alice.waiting[-1] == status
    lab.advance(60)
    assert times(lab, bob, b"MESSAGE", start) == [0, 0.5, 1.5, 5.5]
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_012..018",
    given="200 to a MESSAGE, again after 1, 4.9 and 5.1 s", expect="forwarded once",
)  # fmt: skip
def test_timer_k_a_repeated_response_is_absorbed() -> None:
    lab, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    ok = bob.reply(bob.takes("MESSAGE"), 200)
    alice.takes(200)
    for seconds in (1, 3.9, 0.2):
        lab.advance(seconds)
        assert resent(ok, bob) == []
    assert not alice.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_019",
    given="CANCEL to a phone that answers the third copy of it", expect="sent at 0, 0.5 and 1.5 s, and not again",
)  # fmt: skip
def test_timer_e_a_cancel_is_sent_again_until_it_is_answered() -> None:
    """§9.1: its transaction is one like those of other requests."""
    lab, alice, bob = pair()
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    start = lab.now
    alice.cancel(sent)
    lab.advance(2)
    bob.reply(bob.takes("CANCEL"), 200)
    lab.advance(20)
    assert times(lab, bob, b"CANCEL", start) == [0, 0.5, 1.5]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_019",
    given="CANCEL to a phone that never answers it", expect="sent up to every 4 s, for 32 s",
)  # fmt: skip
def test_timer_f_a_cancel_is_not_sent_for_ever() -> None:
    lab, alice, bob = pair()
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    start = lab.now
    alice.cancel(sent)
    lab.advance(100)
    assert times(lab, bob, b"CANCEL", start) == UP_TO_T2


# -- INVITE server (§17.2.1) -------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_001", "SIP_CC_PR_TR_SE_V_006..008",
    given="INVITE; again before and after the 180", expect="100 at once; 100 and 180 again; forwarded once",
)  # fmt: skip
def test_an_invite_is_answered_100_at_once_and_its_copies_by_the_last_response() -> None:
    lab, alice, bob = pair()
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    alice.send(data)
    assert [send.data[:11] for send in resent(data, alice)] == [b"SIP/2.0 100"]
    bob.ring(bob.takes("INVITE"))
    assert [send.data[:11] for send in resent(data, alice)] == [b"SIP/2.0 180"]
    assert not bob.inbox, "nothing of that was forwarded"
    assert lab.engine.load["transactions"] == 2


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_006..008",
    given="INVITE again after its 486, before any ACK", expect="the same 486 at once, whatever Timer G does",
)  # fmt: skip
def test_an_invite_that_comes_again_after_its_failure_hears_it_again() -> None:
    lab, alice, bob = pair()
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    alice.send(data)
    bob.reply(bob.takes("INVITE"), 486)
    bob.takes("ACK")
    busy = lab.sent[-1].data
    assert busy.startswith(b"SIP/2.0 486 ")
    lab.advance(0.2)
    assert [send.data for send in resent(data, alice)] == [busy]
    assert not bob.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_TI_001..008",
    given="486 that nobody acknowledges",
    expect="sent at 0, 0.5, 1.5, 3.5, 7.5 s and every 4 s; nothing more from 32 s on",
)  # fmt: skip
def test_timers_g_and_h_a_failure_is_sent_again_until_somebody_acknowledges() -> None:
    lab, alice, bob = pair()
    alice.invite("bob")
    start = lab.now
    bob.reply(bob.takes("INVITE"), 486)
    lab.advance(100)
    assert times(lab, alice, b"SIP/2.0 486", start) == UP_TO_T2
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_TI_001..008", "SIP_CC_PR_TR_SE_V_024..026",
    given="ACK of a 486; INVITE and ACK again within 5 s",
    expect="absorbed and not forwarded; the transaction ends after 5 s",
)  # fmt: skip
def test_timer_i_after_the_ack_all_is_quiet() -> None:
    lab, alice, bob = pair()
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    alice.send(data)
    sent = parse(data)
    assert isinstance(sent, Request)
    sent.check()
    bob.reply(bob.takes("INVITE"), 486)
    alice.takes(100)
    busy = alice.takes(486)
    alice.ack_failure(sent, busy)
    bob.takes("ACK")
    lab.advance(4.9)
    assert resent(data, alice) == [], "Confirmed absorbs the INVITE"
    lab.sent.clear()
    alice.ack_failure(sent, busy)
    assert lab.sent == [], "and the ACK"
    assert lab.engine.load["transactions"] == 2
    lab.advance(0.2)
    assert lab.engine.load["transactions"] == 1, "the client waits for Timer D"


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_006..008", "RFC6026_01..02", "RFC6026_06",
    given="INVITE again after its 200, for 32 s", expect="absorbed (RFC 6026)",
)  # fmt: skip
def test_rfc_6026_timer_l_an_invite_that_comes_again_after_its_2xx_is_absorbed() -> None:
    lab, alice, bob = pair()
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    alice.send(data)
    bob.answer(bob.takes("INVITE"))
    for _ in range(3):
        assert resent(data, alice) == [], "the phone repeats its 200 by itself"
        lab.advance(10)
    assert lab.engine.load["transactions"] == 2
    lab.advance(3)
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_027..028", "RFC6026_05",
    given="ACK of a 200, even with the branch of its INVITE",
    expect="forwarded under a branch of its own, without a transaction",
)  # fmt: skip
def test_the_ack_of_a_2xx_is_forwarded_even_if_it_has_the_branch_of_its_invite() -> None:
    """§13.2.2.4 wants a new one; some phones know no better."""
    lab, alice, bob = pair()
    branch = alice.branch()
    sent = alice.invite("bob", branch=branch)
    bob.answer(bob.takes("INVITE"))
    alice.takes(100)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent, branch=branch)
    ack = bob.takes("ACK")
    assert ack.via.branch != branch.encode() and len(ack.values(b"via")) == 2
    assert lab.engine.load["transactions"] == 2


def test_an_ack_before_any_final_response_goes_nowhere() -> None:
    lab, alice, bob = pair()
    branch = alice.branch()
    alice.request("INVITE", "sip:bob@10.0.0.1", branch=branch)
    bob.ring(bob.takes("INVITE"))
    lab.sent.clear()
    alice.request("ACK", "sip:bob@10.0.0.1", branch=branch, to="<sip:bob@10.0.0.1>;tag=bob-5060")
    assert lab.sent == []


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_024..026",
    given="ACK of a 404 or a 420 of ours, under a branch of its own", expect="goes nowhere, though the callee is there",
)  # fmt: skip
def test_the_ack_of_our_own_refusal_stays_here_even_with_a_branch_of_its_own() -> None:
    lab, alice, _ = pair()
    for whom, headers, status in (("nobody", (), 404), ("bob", ("Proxy-Require: foo",), 420)):
        sent = alice.invite(whom, headers=headers)
        to = alice.takes(status).first(b"to").decode()
        lab.sent.clear()
        alice.request("ACK", f"sip:{whom}@10.0.0.1", to=to, call_id=sent.call_id.decode(), cseq=sent.cseq)
        assert lab.sent == []


# -- non-INVITE server (§17.2.2) ---------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_012..014",
    given="MESSAGE again before any answer", expect="absorbed, forwarded once",
)  # fmt: skip
def test_a_request_that_comes_again_while_it_is_tried_is_absorbed() -> None:
    _, alice, bob = pair()
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1")
    alice.send(data)
    bob.takes("MESSAGE")
    assert resent(data, alice) == []
    assert not bob.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_TI_009", "SIP_CC_PR_TR_SE_V_012..014",
    given="MESSAGE again after its 200, at 31.9 and 32.1 s", expect="the same 200; then it is a new request",
)  # fmt: skip
def test_timer_j_a_request_that_comes_again_gets_the_same_answer_for_64_t1() -> None:
    lab, alice, bob = pair()
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1")
    alice.send(data)
    bob.reply(bob.takes("MESSAGE"), 200)
    answer = alice.takes(200)
    lab.advance(31.9)
    alice.send(data)
    assert raw(alice.takes(200)) == raw(answer)
    assert not bob.inbox
    lab.advance(0.2)
    alice.send(data)
    assert bob.takes("MESSAGE"), "forgotten, so it is a new request"


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_005", "RFC4320_02..03",
    given="MESSAGE to a phone that takes 10 s", expect="one 100, after 3.5 s and not before",
)  # fmt: skip
def test_rfc_4320_section_4_1_who_waits_for_long_hears_100() -> None:
    lab, alice, bob = pair()
    start = lab.now
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    message = bob.takes("MESSAGE")
    lab.advance(10)
    assert times(lab, alice, b"SIP/2.0 100", start) == [3.5]
    bob.reply(message, 200)
    assert alice.waiting == [100, 200]


@pytest.mark.purpose(
    "RFC4320_01",
    given="183 to a MESSAGE", expect="does not go back; the 200 does",
)  # fmt: skip
def test_rfc_4320_section_4_1_no_provisional_response_but_100_to_other_requests() -> None:
    _, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    message = bob.takes("MESSAGE")
    bob.reply(message, 183)
    assert not alice.inbox
    bob.reply(message, 200)
    alice.takes(200)


# -- transport errors (§17.1.4, §16.9) ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_way_that_fails_is_a_503_and_so_a_500_for_the_caller(method: str) -> None:
    lab, alice, bob = pair()
    alice.request(method, "sip:bob@10.0.0.1")
    lab.lose(bob.address)
    assert alice.waiting[-1] == 500
    lab.advance(100)
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "RFC6026_07",
    given="a failure to send to the caller, then the INVITE again",
    expect="absorbed; the 200 goes back when it comes",
)  # fmt: skip
def test_section_16_9_a_way_back_that_fails_cancels_nothing_and_absorbs_copies_still() -> None:
    lab, alice, bob = pair()
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    alice.send(data)
    invite = bob.takes("INVITE")
    lab.lose(alice.address)
    resent(data, alice)
    assert not bob.inbox, "RFC 6026 §7.1: the copy is no second call"
    bob.answer(invite)
    assert alice.takes(100)
    assert alice.takes(200)


def test_a_failing_way_concerns_nobody_else() -> None:
    lab, alice, bob = pair()
    alice.invite("bob")
    lab.lose(("10.0.0.99", 5060))
    bob.ring(bob.takes("INVITE"))
    assert alice.waiting == [100, 180]


def test_an_ack_that_cannot_be_sent_ends_its_transaction() -> None:
    """§17.1.1.2, figure 5: from Completed too."""
    lab, alice, bob = pair()
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    assert lab.engine.load["transactions"] == 2
    lab.lose(bob.address)
    assert lab.engine.load["transactions"] == 1
    assert alice.waiting == [100, 486]


def test_a_way_that_fails_after_the_phone_rang_is_no_end() -> None:
    lab, alice, bob = pair()
    alice.invite("bob")
    invite = bob.takes("INVITE")
    bob.ring(invite)
    lab.lose(bob.address)
    bob.answer(invite)
    assert alice.waiting == [100, 180, 200]


# -- what belongs to what (§17.1.3, §17.2.3) ---------------------------------------------------------------------------


@pytest.mark.purpose("SIP_CC_PR_TR_SE_V_012..014", given="MESSAGE and INFO of one branch", expect="both forwarded")
def test_the_same_branch_with_another_method_is_another_transaction() -> None:
    _, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1", branch="z9hG4bK-one")
    alice.request("INFO", "sip:bob@10.0.0.1", branch="z9hG4bK-one")
    bob.takes("MESSAGE")
    bob.takes("INFO")


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_012..014",
    given="two MESSAGEs of one branch from two senders", expect="both forwarded",
)  # fmt: skip
def test_the_same_branch_of_another_sender_is_another_transaction() -> None:
    lab, alice, bob = pair()
    (carol,) = lab.registered("carol")
    alice.request("MESSAGE", "sip:bob@10.0.0.1", branch="z9hG4bK-one")
    carol.request("MESSAGE", "sip:bob@10.0.0.1", branch="z9hG4bK-one")
    bob.takes("MESSAGE")
    bob.takes("MESSAGE")


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_002",
    given="180 with another branch, host or port in its top Via, or another method", expect="dropped",
)  # fmt: skip
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"CSeq: 1 INVITE", b"CSeq: 1 MESSAGE"),
        (b"branch=z9hG4bK0", b"branch=z9hG4bK1"),
        (b"UDP 10.0.0.1:5060;", b"UDP 10.0.0.2:5060;"),
        (b"UDP 10.0.0.1:5060;", b"UDP 10.0.0.1:5061;"),
    ],
)
def test_a_response_that_is_not_quite_ours_is_dropped(old: bytes, new: bytes) -> None:
    _, alice, bob = pair()
    alice.invite("bob")
    invite = bob.takes("INVITE")
    alice.inbox.clear()
    right = _ringing(invite)
    wrong = right.replace(old, new, 1)
    assert wrong != right
    bob.send(wrong)
    assert not alice.inbox
    bob.send(right)
    alice.takes(180)


def _ringing(invite: Request) -> bytes:
    names = (b"via", b"from", b"to", b"call-id", b"cseq")
    lines = [invite.lines[position] for name in names for position in invite.where[name]]
    return b"\r\n".join((b"SIP/2.0 180 Ringing", *lines, b"Content-Length: 0", b"", b""))


class Rfc2543:
    """A caller whose branches tell nothing (RFC 3261 §17.2.3, the second list)."""

    def __init__(self, lab: Lab, via: str = "SIP/2.0/UDP 10.0.0.10:5060;branch=1") -> None:
        self.lab = lab
        self.via = via

    def send(self, method: str, cseq: int = 1, to_tag: str = "", call_id: str = "old@10.0.0.10") -> list[Send]:
        number = f"{cseq} {method}"
        return self.lab.put(
            (
                f"{method} sip:bob@10.0.0.1 SIP/2.0\r\nVia: {self.via}\r\nFrom: <sip:alice@10.0.0.1>;tag=old\r\n"
                f"To: <sip:bob@10.0.0.1>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {number}\r\n"
                "Contact: <sip:alice@10.0.0.10>\r\n\r\n"
            ).encode(),
            ("10.0.0.10", 5060),
        )


OLD_VIAS = pytest.mark.parametrize(
    "via",
    ["SIP/2.0/UDP 10.0.0.10:5060;branch=1", "SIP/2.0/UDP 10.0.0.10:5060", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK"],
)


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_009..011",
    given="INVITE of RFC 2543, twice", expect="100 twice, forwarded once",
)  # fmt: skip
@OLD_VIAS
def test_rfc_2543_a_copy_of_an_invite_is_known_without_a_branch(via: str) -> None:
    lab, _, bob = pair()
    old = Rfc2543(lab, via)
    old.send("INVITE")
    bob.takes("INVITE")
    assert [send.data[:11] for send in old.send("INVITE")] == [b"SIP/2.0 100"]
    assert not bob.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_009..011",
    given="INVITE of RFC 2543, and the same with another top Via or another CSeq number",
    expect="each is a request of its own",
)  # fmt: skip
def test_rfc_2543_what_has_another_via_or_cseq_is_no_copy() -> None:
    """§17.2.3: the top Via and CSeq are among what must be equal."""
    lab, _, bob = pair()
    Rfc2543(lab).send("INVITE")
    Rfc2543(lab, "SIP/2.0/UDP 10.0.0.10:5060;branch=2").send("INVITE")
    Rfc2543(lab).send("INVITE", cseq=2)
    assert bob.waiting == ["INVITE"] * 3


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_024..026",
    given="ACK of a 486 without a branch to know it by (RFC 2543)", expect="ends the repeating, and is not forwarded",
)  # fmt: skip
@OLD_VIAS
def test_rfc_2543_the_ack_has_a_to_tag_that_its_invite_has_not(via: str) -> None:
    lab, alice, bob = pair()
    old = Rfc2543(lab, via)
    old.send("INVITE")
    bob.reply(bob.takes("INVITE"), 486)
    bob.takes("ACK")
    old.send("ACK", to_tag=";tag=bob-5060")
    lab.advance(6)
    assert times(lab, alice, b"SIP/2.0 486", lab.now) == [-6.0], "the ACK ended the repeating"
    assert not bob.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_018", "SIP_CC_PR_TR_SE_V_020", "SIP_CC_PR_TR_SE_V_022",
    given="CANCEL of an INVITE of RFC 2543", expect="CANCEL to the phone",
)  # fmt: skip
@OLD_VIAS
def test_rfc_2543_a_cancel_finds_its_invite(via: str) -> None:
    lab, _, bob = pair()
    old = Rfc2543(lab, via)
    old.send("INVITE")
    bob.ring(bob.takes("INVITE"))
    old.send("CANCEL")
    bob.takes("CANCEL")


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_009..011",
    given="INVITE of RFC 2543, then one with another CSeq, one with another Call-ID", expect="forwarded too",
)  # fmt: skip
@OLD_VIAS
def test_rfc_2543_another_cseq_or_call_is_another_transaction(via: str) -> None:
    lab, _, bob = pair()
    old = Rfc2543(lab, via)
    old.send("INVITE")
    old.send("INVITE", cseq=2)
    old.send("INVITE", call_id="other@10.0.0.10")
    assert len(bob.inbox) == 3


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_012..014",
    given="MESSAGE again after the 100 of RFC 4320, and after its 404", expect="the 100 again; the 404 again",
)  # fmt: skip
def test_a_request_that_comes_again_hears_the_last_response_again() -> None:
    """§17.2.2."""
    lab, alice, bob = pair()
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1")
    alice.send(data)
    message = bob.takes("MESSAGE")
    lab.advance(4)
    assert [send.data[:11] for send in resent(data, alice)] == [b"SIP/2.0 100"]
    bob.inbox.clear()
    bob.reply(message, 404)
    assert [send.data[:11] for send in resent(data, alice)] == [b"SIP/2.0 404"]
    assert not bob.inbox


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_015..017",
    given="MESSAGE of RFC 2543, again before and after its 200; then one with another CSeq",
    expect="absorbed; the same 200; forwarded as a new one",
)
@OLD_VIAS
def test_rfc_2543_a_copy_of_a_message_is_known_without_a_branch(via: str) -> None:
    lab, _, bob = pair()
    old = Rfc2543(lab, via)
    old.send("MESSAGE")
    message = bob.takes("MESSAGE")
    assert old.send("MESSAGE") == []
    bob.reply(message, 200)
    (first,) = [send.data for send in lab.sent if send.data.startswith(b"SIP/2.0 200")]
    assert [send.data for send in old.send("MESSAGE")] == [first]
    assert not bob.inbox
    old.send("MESSAGE", cseq=2)
    assert bob.takes("MESSAGE").cseq == 2


# -- reliable transports (§17.1.1.2 and others: nothing is repeated, nothing is waited for) ----------------------------


class User:
    """Writes down what a client transaction tells."""

    def __init__(self) -> None:
        self.heard: list[int | str] = []

    def received(self, response: Response) -> None:
        self.heard.append(response.status)

    def timed_out(self) -> None:
        self.heard.append("timed out")

    def failed(self) -> None:
        self.heard.append("failed")


TCP = Flow("tcp", PROXY, ("10.0.0.10", 40000), 7)
UDP = Flow("udp", PROXY, ("10.0.0.10", 5060))


def response(status: int, method: str) -> Response:
    message = parse(
        (
            f"SIP/2.0 {status} X\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@x>;tag=1\r\n"
            f"To: <sip:b@x>;tag=2\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        ).encode()
    )
    assert isinstance(message, Response)
    message.check()
    return message


def advance(layer: Transactions, until: float) -> None:
    for timer in layer.timers.due(until):
        layer.outbox.now = timer.at
        if timer.owner is not None:
            timer.owner.fired(timer.letter, timer.at)
    layer.outbox.now = until


def test_over_a_reliable_transport_a_request_is_sent_once_and_times_out_all_the_same() -> None:
    layer, user = Transactions(Timers(), Outbox()), User()
    layer.request(b"z9hG4bKx", b"MESSAGE", TCP, b"MESSAGE ...", (), user)
    advance(layer, 31.9)
    assert len(layer.outbox.sends()) == 1
    advance(layer, 32.0)
    assert user.heard == ["timed out"]
    assert len(layer) == len(layer.timers) == 0


def test_over_a_reliable_transport_timer_k_is_zero() -> None:
    layer, user = Transactions(Timers(), Outbox()), User()
    client = layer.request(b"z9hG4bKx", b"MESSAGE", TCP, b"MESSAGE ...", (), user)
    client.receive(response(200, "MESSAGE"))
    assert user.heard == [200]
    assert len(layer) == len(layer.timers) == 0


def server(layer: Transactions, flow: Flow, method: str) -> tuple[Request, bytes]:
    data = (
        f"{method} sip:b@x SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.10;branch=z9hG4bKs\r\nFrom: <sip:a@x>;tag=1\r\n"
        f"To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    request = parse(data)
    assert isinstance(request, Request)
    request.check()
    return request, data


def test_over_a_reliable_transport_timers_g_i_and_j_are_off() -> None:
    layer = Transactions(Timers(), Outbox())
    invite, _ = server(layer, TCP, "INVITE")
    transaction = layer.serve(server_key(invite), TCP, invite)
    assert transaction.respond(486, b"486")
    advance(layer, 31.0)
    assert [send.data for send in layer.outbox.sends()] == [b"486"]
    transaction.step("ack")
    assert len(layer) == len(layer.timers) == 0
    message, _ = server(layer, TCP, "MESSAGE")
    layer.serve(server_key(message), TCP, message).respond(200, b"200")
    assert len(layer) == len(layer.timers) == 0


def test_a_transaction_that_is_over_never_takes_its_successor_along() -> None:
    layer = Transactions(Timers(), Outbox())
    message, _ = server(layer, UDP, "MESSAGE")
    key = server_key(message)
    first = layer.serve(key, UDP, message)
    first.forget()
    second = layer.serve(key, UDP, message)
    first.forget()
    assert layer.servers[key] is second
    assert not first.respond(200, b"late")
    assert layer.outbox.sends() == []


def test_a_server_says_what_it_lets_through() -> None:
    layer = Transactions(Timers(), Outbox())
    invite, _ = server(layer, UDP, "INVITE")
    transaction = layer.serve(server_key(invite), UDP, invite)
    assert not transaction.answered
    assert transaction.respond(180, b"180")
    assert not transaction.answered
    assert transaction.respond(200, b"200")
    assert transaction.answered
    assert transaction.respond(200, b"another 200"), "RFC 6026 §7.1"
    assert not transaction.respond(486, b"486")
    assert not transaction.respond(180, b"180")
    assert [send.data for send in layer.outbox.sends()] == [b"180", b"200", b"another 200"]


# -- the whole of it ---------------------------------------------------------------------------------------------------


def test_after_a_call_nothing_is_left() -> None:
    lab, alice, bob = pair()
    call(alice, bob)
    assert bob.dialog is not None
    bob.dialog.request("BYE")
    alice.reply(alice.takes("BYE"), 200)
    lab.advance(100)
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 2}


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="elsewhere nothing is freed at once: nobody counts")
def test_what_is_over_is_freed_at_once_and_leaves_nothing_for_the_collector_of_garbage() -> None:
    """Circles would live on until the next collection, half a minute's calls of them, and make each of those slow."""
    lab, alice, bob = pair()
    second = lab.phone("bob")
    second.register()
    gc.collect()
    gc.disable()
    try:
        call(alice, bob)
        ringing = second.takes("INVITE")
        second.reply(ringing, 180)
        second.reply(ringing, 487)
        assert bob.dialog is not None
        bob.dialog.request("BYE")
        alice.reply(alice.takes("BYE"), 200)
        given_up = alice.invite("bob")
        bob.inbox.popleft()
        bob.ring(bob.takes("INVITE"))
        alice.cancel(given_up)
        alice.invite("nobody")
        alice.request("MESSAGE", "sip:bob@10.0.0.1")
        lab.advance(500)
        assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 3}
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [found for found in gc.garbage if type(found).__module__.startswith("sipfullproxy")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_there_is_a_largest_number_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes then is refused without being remembered."""
    lab, alice, bob = pair()
    monkeypatch.setattr(transaction, "TRANSACTIONS", 1)
    alice.request("OPTIONS", "sip:10.0.0.1")
    alice.takes(200)
    for _ in range(3):
        alice.invite("bob")
        refused = alice.takes(503)
        assert refused.first(b"retry-after") == b"10"
    assert not bob.inbox
    lab.advance(40)
    alice.invite("bob")
    alice.takes(100)


def test_there_is_a_largest_sum_of_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, alice, bob = pair()
    monkeypatch.setattr(transaction, "HELD", 100_000)
    for _ in range(5):
        alice.request("MESSAGE", "sip:bob@10.0.0.1", body="x" * 20_000)
    assert bob.waiting == ["MESSAGE"] * 3, "each is held as it came and as it went"
    assert alice.waiting == [503] * 2
    lab.advance(100)
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    assert lab.engine._core.transactions.held < 1_000
    lab.advance(100)
    assert lab.engine._core.transactions.held == 0


def test_answers_are_counted_with_their_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, alice, bob = pair()
    monkeypatch.setattr(transaction, "HELD", 100_000)
    for _ in range(5):
        alice.request("MESSAGE", "sip:bob@10.0.0.1")
        if bob.waiting:
            bob.reply(bob.takes("MESSAGE"), 200, body="x" * 20_000)
    assert alice.waiting == [200] * 3 + [503] * 2, "each is held as it came and as it went"
    lab.advance(100)
    assert lab.engine._core.transactions.held == 0


def test_a_2xx_that_comes_again_is_not_counted_again() -> None:
    """It goes back each time, and nothing of it is kept."""
    lab, alice, bob = pair()
    alice.invite("bob")
    invite = bob.takes("INVITE")
    bob.answer(invite)
    held = lab.engine._core.transactions.held
    for _ in range(9):
        bob.answer(invite)
    assert alice.waiting == [100] + [200] * 10
    assert lab.engine._core.transactions.held == held
    lab.advance(100)
    assert lab.engine._core.transactions.held == 0


def test_an_answer_behind_the_end_of_its_transaction_is_not_counted() -> None:
    """Over a stream a transaction ends with its answer (timer J is zero), and another phone may answer later."""
    lab = Lab(open=True)
    bobs = lab.phone("bob"), lab.phone("bob")
    for bob in bobs:
        bob.register()
    data = lab.phone("alice").compose("MESSAGE", "sip:bob@10.0.0.1")
    lab._carry(lab.engine.receive(data, Flow("tcp", lab.address, ("10.0.0.12", 40_000), 1), lab.now))
    for bob in bobs:
        bob.reply(bob.takes("MESSAGE"), 200)
    lab.advance(100)
    assert lab.engine._core.transactions.held == 0


def test_a_lost_way_costs_nothing_to_those_who_do_not_use_it() -> None:
    lab, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    transactions = lab.engine._core.transactions
    assert {flow.remote for flow in transactions._by_flow} == {alice.address, bob.address}
    lab.advance(100)
    assert not transactions._by_flow
