"""One request, many phones (RFC 3261 §16.6 to §16.10, RFC 5393 §5.3): who is tried, who is cancelled, who is heard."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine import timers
from sipfullproxy.engine.config import Switches
from sipfullproxy.engine.flow import LARGEST_DATAGRAM
from sipfullproxy.engine.forking import BRANCHES
from sipfullproxy.sip.message import Request, Response
from tests.helpers import PROXY, Lab, Phone, call

ELSEWHERE = b'SIP;cause=200;text="Call completed elsewhere"'


def house(phones: int = 2, q: tuple[float, ...] = (), **settings: Any) -> tuple[Lab, Phone, list[Phone]]:
    """Alice, and a Bob who has several phones (with those q values)."""
    lab = Lab(**settings)
    (alice,) = lab.registered("alice")
    bobs = [lab.phone("bob", f"10.0.1.{number + 1}:{5060 + number}") for number in range(phones)]
    for number, bob in reversed(list(enumerate(bobs))):  # the newest is the first to be tried
        bob.register(contacts=[f"<{bob.contact}>" + (f";q={q[number]}" if q else "")])
    lab.advance(40)
    lab.events.clear()
    return lab, alice, bobs


def ring_all(alice: Phone, bobs: list[Phone]) -> tuple[Request, list[Request]]:
    """Alice calls, and all phones ring."""
    sent = alice.invite("bob")
    got = [bob.takes("INVITE") for bob in bobs]
    for bob, invite in zip(bobs, got, strict=True):
        bob.ring(invite)
    alice.inbox.clear()
    return sent, got


def statuses(phone: Phone) -> list[str | int]:
    """What waits in an inbox; takes it."""
    found = phone.waiting
    phone.inbox.clear()
    return found


def fail(phone: Phone, invite: Request, status: int, **more: Any) -> None:
    """Decline, and take the ACK."""
    phone.reply(invite, status, **more)
    phone.takes("ACK")


# -- whom to try (§16.5, §16.6) ----------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_067",
    given="INVITE for a user with three phones",
    expect="three copies at once, each with its own branch and the Contact of its phone as Request-URI",
)  # fmt: skip
def test_all_phones_of_one_q_ring_at_once_each_by_its_own_contact_and_branch() -> None:
    _, alice, bobs = house(3)
    alice.invite("bob")
    got = [bob.takes("INVITE") for bob in bobs]
    assert [invite.uri_text.decode() for invite in got] == [bob.contact for bob in bobs]
    assert len({invite.via.branch for invite in got}) == 3
    assert len({(invite.call_id, invite.from_tag, invite.cseq) for invite in got}) == 1


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_067",
    given="INVITE for a user with phones of q 1.0, 0.5 and 0.1", expect="one after the other, the highest first",
)  # fmt: skip
def test_phones_of_lower_q_ring_when_those_of_higher_have_failed() -> None:
    lab, alice, bobs = house(3, q=(0.1, 1.0, 0.5))
    alice.invite("bob")
    assert not bobs[0].inbox and not bobs[2].inbox
    fail(bobs[1], bobs[1].takes("INVITE"), 486)
    assert not bobs[0].inbox
    fail(bobs[2], bobs[2].takes("INVITE"), 480)
    assert statuses(alice) == [100]
    fail(bobs[0], bobs[0].takes("INVITE"), 480)
    assert statuses(alice) == [486]
    assert lab.kinds == ["busy"]


def test_a_phone_that_is_off_makes_way_for_the_next_after_timer_b() -> None:
    lab, alice, bobs = house(2, q=(1.0, 0.5))
    alice.invite("bob")
    lab.advance(32.0)
    bobs[1].answer(bobs[1].takes("INVITE"))
    assert statuses(alice) == [100, 200]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_012..015",
    given="200 of the first phone", expect="no phone of lower q is tried",
)  # fmt: skip
def test_an_answer_ends_the_search_for_others() -> None:
    lab, alice, bobs = house(2, q=(1.0, 0.5))
    alice.invite("bob")
    bobs[0].answer(bobs[0].takes("INVITE"))
    lab.advance(200)
    assert not bobs[1].inbox


def test_two_contacts_at_the_same_flow_are_two_branches() -> None:
    _, alice, (bob,) = house(1)
    bob.register(contacts=["<sip:bob@10.0.1.1:5060;line=1>", "<sip:bob@10.0.1.1:5060;line=2>"])
    alice.invite("bob")
    lines = {bob.takes("INVITE").uri_text for _ in range(len(bob.inbox))}
    assert {b"sip:bob@10.0.1.1:5060;line=1", b"sip:bob@10.0.1.1:5060;line=2"} <= lines


def test_who_calls_himself_rings_all_his_phones() -> None:
    _, _, bobs = house(2)
    sent = bobs[0].invite("bob")
    bobs[0].takes(100)
    fail(bobs[0], bobs[0].takes("INVITE"), 482)  # RFC 3261 §8.2.2.2 would have it say so of its own call
    bobs[1].answer(bobs[1].takes("INVITE"))
    assert bobs[0].takes(200).call_id == sent.call_id


def test_forking_can_be_turned_off_to_show_what_it_is_good_for() -> None:
    switches = Switches(fork=False)
    lab, alice, bobs = house(3, q=(0.5, 1.0, 1.0), switches=switches)
    carol, dave = lab.registered("carol", "dave")
    alice.invite("bob")
    assert [phone.waiting for phone in bobs] == [[], ["INVITE"], []], "the one that is preferred, and came last"
    fail(bobs[1], bobs[1].takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>, <sip:dave@10.0.0.1>",))
    fail(carol, carol.takes("INVITE"), 486)
    assert statuses(alice) == [100, 181, 486]
    assert not dave.inbox and not bobs[0].inbox and not bobs[2].inbox
    switches.fork = True
    alice.invite("bob")
    assert [phone.waiting for phone in bobs] == [[], ["INVITE"], ["INVITE"]]


def test_a_fork_has_a_largest_size() -> None:
    lab, alice, bobs = house(1)
    targets = ", ".join(f"<sip:x@192.0.2.{number}>" for number in range(1, 2 * BRANCHES))
    alice.invite("bob")
    bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=(f"Contact: {targets}",))
    lab.advance(BRANCHES * 40)
    tried = {send.flow.remote for send in lab.astray if send.data.startswith(b"INVITE")}
    assert len(tried) == BRANCHES - 1, "one was Bob's phone"
    assert alice.waiting[-1] == 408


# -- every 2xx goes back (§16.7 items 5 and 10) ------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3326_02", "RFC5393_05",
    given="200 of one of three phones that ring",
    expect="CANCEL to the others, each with the branch of its INVITE and `SIP;cause=200`",
)  # fmt: skip
@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_046", "SIP_CC_PR_MP_RS_V_050..053",
    given="200 of one of three ringing phones",
    expect="CANCEL to the two others; their 487 are acknowledged and go no further",
)  # fmt: skip
def test_the_first_answer_wins_and_the_others_hear_that_it_was_elsewhere() -> None:
    """RFC 3326: no missed call on the other phones."""
    lab, alice, bobs = house(3)
    _, got = ring_all(alice, bobs)
    bobs[1].answer(got[1])
    assert statuses(alice) == [200]
    for bob, invite in ((bobs[0], got[0]), (bobs[2], got[2])):
        cancel = bob.takes("CANCEL")
        assert cancel.first(b"reason") == ELSEWHERE
        assert cancel.via.branch == invite.via.branch
        bob.reply(cancel, 200)
        fail(bob, invite, 487)
    assert not bobs[1].inbox
    assert statuses(alice) == [], "what the others say now concerns nobody"
    assert lab.kinds == ["ringing", "started"]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_012..015", "SIP_CC_PR_MP_RS_V_017",
    given="200 of two phones", expect="both go back at once",
)  # fmt: skip
def test_two_phones_answer_at_once_and_both_answers_go_back() -> None:
    lab, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    bobs[0].answer(got[0])
    bobs[1].answer(got[1])
    tags = {message.to_tag for message in alice.inbox}
    assert len(tags) == 2, "the caller ends one of the two calls (§13.2.2.4)"
    assert statuses(alice) == [200, 200]
    assert lab.kinds == ["ringing", "started"]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_017",
    given="200 of a phone after another one's 603 was chosen", expect="goes back too",
)  # fmt: skip
def test_a_2xx_goes_back_even_behind_a_final_response() -> None:
    """§16.7 item 5: "any 2xx response to an INVITE", also after a 6xx went."""
    lab, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    bobs[0].reply(got[0], 603)
    bobs[1].takes("CANCEL")
    lab.advance(31)
    bobs[1].answer(got[1])
    assert 200 in statuses(alice)


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_017",
    given="200 of a second phone, 20 s after the first one's; again when Timer L has ended", expect="goes back",
)  # fmt: skip
def test_a_2xx_goes_back_even_when_the_server_transaction_is_over() -> None:
    """Two phones answer, the second one 20 seconds later; its 200 that comes again outlives the first one's Timer L."""
    lab, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    bobs[0].answer(got[0])
    lab.advance(20)
    second = bobs[1].reply(got[1], 200)
    lab.advance(20)
    alice.inbox.clear()
    bobs[1].send(second)
    assert statuses(alice) == [200]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_017",
    given="180 of a phone behind the 200 of another", expect="does not go back",
)  # fmt: skip
def test_a_phone_that_rings_behind_the_answer_of_another_is_not_told() -> None:
    lab, alice, bobs = house(2)
    alice.invite("bob")
    late = bobs[1].takes("INVITE")
    bobs[0].answer(bobs[0].takes("INVITE"))
    bobs[1].ring(late)
    assert statuses(alice) == [100, 200]
    assert bobs[1].waiting == ["CANCEL"]
    assert lab.kinds == ["started"]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_017", "RFC3428_02",
    given="MESSAGE, 200 of both phones", expect="the first alone goes back",
)  # fmt: skip
def test_of_other_requests_only_the_first_2xx_goes_back() -> None:
    _, alice, bobs = house(2)
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    for bob in bobs:
        bob.reply(bob.takes("MESSAGE"), 200)
    assert statuses(alice) == [200]
    assert not bobs[0].inbox and not bobs[1].inbox, "no CANCEL: that is for INVITE (§9.1)"


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_012..015",
    given="100 and 180 of one phone, 100 and 183 of another",
    expect="180 and 183 go back at once, no 100 of theirs does",
)  # fmt: skip
def test_provisional_responses_of_all_phones_go_back_but_no_100() -> None:
    _, alice, bobs = house(2)
    alice.invite("bob")
    for bob, status in zip(bobs, (180, 183), strict=True):
        invite = bob.takes("INVITE")
        bob.reply(invite, 100)
        bob.reply(invite, status)
    assert statuses(alice) == [100, 180, 183], "the 100 is our own"


@pytest.mark.purpose("SIP_CC_PR_MP_RS_V_012..015", given="199 of one of two phones", expect="goes back at once")
def test_199_passes_like_others() -> None:
    """RFC 6228."""
    _, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    bobs[0].reply(got[0], 199)
    assert statuses(alice) == [199]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_012..015",
    given="486 of one phone while another rings, then 480 of that one",
    expect="nothing goes back before the second, then one final response",
)  # fmt: skip
def test_a_fork_is_silent_until_all_have_spoken() -> None:
    _, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    fail(bobs[0], got[0], 486)
    assert statuses(alice) == []
    fail(bobs[1], got[1], 480)
    assert statuses(alice) == [486]


@pytest.mark.purpose(
    "SIP_QC_PR_V_009..010",
    given="OPTIONS for a user with two phones", expect="sent to both; the first of two 200 goes back, and no other",
)  # fmt: skip
def test_options_ask_all_phones_and_the_first_answer_counts() -> None:
    _, alice, bobs = house(2)
    sent = alice.request("OPTIONS", "sip:bob@10.0.0.1")
    for bob in bobs:
        bob.reply(bob.takes("OPTIONS"), 200, headers=(f"X-From: {bob.address[0]}",))
    answer = alice.takes(200)
    assert (answer.first(b"x-from"), answer.cseq_method) == (b"10.0.1.1", b"OPTIONS")
    assert answer.call_id == sent.call_id
    assert statuses(alice) == []


@pytest.mark.purpose(
    "SIP_QC_PR_V_009..010",
    given="OPTIONS for a user with two phones, which say 500 and 404", expect="404: the lower class, once",
)  # fmt: skip
def test_options_that_all_phones_refuse_have_one_answer() -> None:
    _, alice, bobs = house(2)
    alice.request("OPTIONS", "sip:bob@10.0.0.1")
    for bob, status in zip(bobs, (500, 404), strict=True):
        bob.reply(bob.takes("OPTIONS"), status)
    assert statuses(alice) == [404]


# -- the best response (§16.7 item 6) ----------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_018..032", "SIP_CC_PR_MP_RS_V_035..045", "SIP_CC_PR_MP_RS_V_047..049",
    given="two phones with two final responses, in twelve pairs",
    expect="any 2xx; else any 6xx; else the lowest class, in it 401, 407, 415, 420 or 484 first; 503 last of its class",
)  # fmt: skip
@pytest.mark.parametrize(
    ("first", "second", "best"),
    [
        (486, 302, 302),
        (404, 500, 404),
        (503, 500, 500),
        (503, 486, 486),
        (486, 603, 603),
        (401, 486, 401),
        (486, 407, 407),
        (480, 415, 415),
        (480, 420, 420),
        (480, 484, 484),
        (500, 302, 302),
        (600, 200, 200),
    ],
)
def test_the_best_response_is_chosen(first: int, second: int, best: int) -> None:
    """§16.7 item 6: any 6xx; else the lowest class, and there 401, 407, 415, 420 and 484 first."""
    _, alice, bobs = house(2, recurse=False)
    _, got = ring_all(alice, bobs)
    bobs[0].reply(got[0], first)
    bobs[1].reply(got[1], second)
    assert statuses(alice) == [best]


SPOKEN = (302, 401, 404, 407, 415, 420, 484, 486, 500, 502, 503, 600, 603)
SILENT = 0


def may_be_chosen(said: set[int]) -> set[int]:
    """§16.7 item 6, word for word: what a proxy may answer when its branches have ended so."""
    ends = {408 if status == SILENT else status for status in said}
    of_class = {number: {status for status in ends if status // 100 == number} for number in (3, 4, 5, 6)}
    if of_class[6]:
        return of_class[6]
    best = next(of_class[number] for number in (3, 4, 5) if of_class[number])
    best = (best & {401, 407, 415, 420, 484}) or best
    return (best - {503}) or {500}


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_018..032", "SIP_CC_PR_MP_RS_V_035..045", "SIP_CC_PR_MP_RS_V_047..049",
    given="two phones with every pair of 302, 401, 404, 407, 415, 420, 484, 486, 500, 502, 503, 600, 603 and silence",
    expect="any 6xx; else the lowest class, in it 401, 407, 415, 420 or 484 first; silence counts as 408, 503 as 500",
)  # fmt: skip
@pytest.mark.parametrize("first", (*SPOKEN, SILENT))
def test_the_best_response_of_every_pair(first: int) -> None:
    for second in (*SPOKEN, SILENT):
        lab, alice, bobs = house(2, recurse=False)
        alice.invite("bob")
        for bob, status in zip(bobs, (first, second), strict=True):
            if status != SILENT:
                bob.reply(bob.takes("INVITE"), status)
        lab.advance(31.9)
        if SILENT in (first, second):
            assert alice.waiting == [100], "who is silent has 32 s"
        lab.advance(0.2)
        final = alice.inbox[1]
        assert isinstance(final, Response)
        assert final.status in may_be_chosen({first, second}), (first, second)
        assert {*alice.waiting[1:]} == {final.status}, "one, and its copies"


@pytest.mark.purpose(
    "RFC4321_02",
    given="MESSAGE to two phones; 404, 486, 500, 502 or 503 of one, and silence or a 408 of the other, in either order",
    expect="what the first said, and not the silence that a 408 would be (RFC 4320 §4.2)",
)  # fmt: skip
@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("other", [SILENT, 408])
@pytest.mark.parametrize(("status", "heard"), [(404, 404), (486, 486), (500, 500), (502, 502), (503, 500)])
def test_of_a_408_that_may_not_be_sent_nothing_is_chosen(silent: int, other: int, status: int, heard: int) -> None:
    lab, alice, bobs = house(2)
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    got = [bob.takes("MESSAGE") for bob in bobs]
    if other != SILENT:
        bobs[silent].reply(got[silent], other)
    bobs[1 - silent].reply(got[1 - silent], status)
    lab.advance(timers.SILENT)
    assert alice.waiting[-1:] == [heard]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_018..032", "SIP_CC_PR_MP_RS_V_035..045", "SIP_CC_PR_MP_RS_V_047..049",
    given="503 of the only phone", expect="500",
)  # fmt: skip
def test_a_lone_503_becomes_a_500() -> None:
    """§16.7 item 6: a 503 would say that the proxy itself is overloaded."""
    _, alice, bobs = house(1)
    _, got = ring_all(alice, bobs)
    bobs[0].reply(got[0], 503)
    assert statuses(alice) == [500]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_018..032", "SIP_CC_PR_MP_RS_V_035..045", "SIP_CC_PR_MP_RS_V_047..049",
    given="486 with a phrase, a header and a body; 480", expect="486 with all of them",
)  # fmt: skip
def test_the_best_response_keeps_its_body_and_headers() -> None:
    _, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    bobs[0].reply(got[0], 486, "Gone fishing", headers=("X-Back: tomorrow",), body="…")
    bobs[1].reply(got[1], 480)
    best = alice.takes(486)
    assert (best.phrase, best.first(b"x-back"), best.body) == (b"Gone fishing", b"tomorrow", "…".encode())


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_016", "SIP_CC_PR_MP_RS_V_046", "SIP_CC_PR_MP_RS_V_050..053",
    given="603 of one phone while another rings",
    expect="CANCEL to the other; 603 goes back when its 487 is there; no further phone is tried",
)  # fmt: skip
def test_6xx_cancels_the_others_and_waits_for_them() -> None:
    """§16.7 item 5: "SHOULD NOT be forwarded immediately", and no new branch is tried."""
    lab, alice, bobs = house(3, q=(1.0, 1.0, 0.5))
    sent = alice.invite("bob")
    got = [bob.takes("INVITE") for bob in bobs[:2]]
    bobs[1].ring(got[1])
    fail(bobs[0], got[0], 603)
    cancel = bobs[1].takes("CANCEL")
    assert cancel.first(b"reason") == b"SIP;cause=603"
    assert statuses(alice) == [100, 180]
    bobs[1].reply(cancel, 200)
    fail(bobs[1], got[1], 487)
    alice.ack_failure(sent, alice.takes(603))
    lab.advance(100)
    assert not bobs[2].inbox
    assert lab.kinds == ["ringing", "declined"]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_016", "SIP_CC_PR_MP_RS_V_018..032",
    given="600 of one phone, then 200 of the cancelled other", expect="200 alone goes back",
)  # fmt: skip
def test_a_200_that_crosses_the_cancel_of_a_6xx_still_wins() -> None:
    _, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    bobs[0].reply(got[0], 600)
    bobs[1].takes("CANCEL")
    bobs[1].answer(got[1])
    assert statuses(alice) == [200]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_033..034", "RFC8760_01",
    given="401, 407 and 486 of three phones", expect="the first of 401 and 407, with the challenges of both",
)  # fmt: skip
@pytest.mark.parametrize("order", [(407, 401, 486), (486, 401, 407)])
def test_challenges_of_all_phones_are_put_together(order: tuple[int, ...]) -> None:
    """§16.7 item 7."""
    _, alice, bobs = house(3)
    _, got = ring_all(alice, bobs)
    of_a, of_b = 'Proxy-Authenticate: Digest realm="a", nonce="1"', 'WWW-Authenticate: Digest realm="b", nonce="2"'
    for number, status in enumerate(order):
        bobs[number].reply(got[number], status, headers={407: (of_a,), 401: (of_b,), 486: ()}[status])
    best = alice.takes(next(status for status in order if status != 486))
    assert best.first(b"proxy-authenticate") == b'Digest realm="a", nonce="1"'
    assert best.first(b"www-authenticate") == b'Digest realm="b", nonce="2"'


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_033..034", "RFC8760_01",
    given="401 of two phones", expect="one 401 with both WWW-Authenticate",
)  # fmt: skip
def test_of_two_401_both_challenges_are_in_the_answer() -> None:
    lab, alice, bobs = house(2)
    _, got = ring_all(alice, bobs)
    for bob, invite, realm in zip(bobs, got, "ab", strict=True):
        bob.reply(invite, 401, headers=(f'WWW-Authenticate: Digest realm="{realm}", nonce="1"',))
    challenges = [line for line in alice.takes(401).lines if line.startswith(b"WWW-")]
    assert sorted(challenges) == [
        b'WWW-Authenticate: Digest realm="a", nonce="1"', b'WWW-Authenticate: Digest realm="b", nonce="1"',
    ]  # fmt: skip
    assert lab.kinds == ["ringing"], "a challenge is no end of the call"


def test_of_too_many_challenges_come_as_many_as_fit_a_datagram() -> None:
    """A response that cannot be sent would leave the caller without any."""
    lab, alice, bobs = house(4)
    _, got = ring_all(alice, bobs)
    for number, (bob, size) in enumerate(zip(bobs, (30_000, 40_000, 20_000, 10_000), strict=True)):
        bob.reply(got[number], 401, headers=(f'WWW-Authenticate: Digest realm="{"x" * size}"',), contact=False)
    sizes = [len(value) // 1000 for value in alice.takes(401).values(b"www-authenticate")]
    assert sizes == [30, 20, 10]
    assert max(len(send.data) for send in lab.sent) <= LARGEST_DATAGRAM


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_018..032", "SIP_CC_PR_MP_RS_V_035..045", "SIP_CC_PR_MP_RS_V_047..049",
    given="480 of one phone, nothing of the other for 32 s", expect="480, and not the 408 of the silent one",
)  # fmt: skip
@pytest.mark.parametrize("who", [0, 1])
def test_what_a_phone_said_is_better_than_silence(who: int) -> None:
    lab, alice, bobs = house(2)
    alice.invite("bob")
    bobs[who].reply(bobs[who].takes("INVITE"), 480)
    lab.advance(31.9)
    assert statuses(alice) == [100]
    lab.advance(0.1)
    assert statuses(alice) == [480]


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_004",
    given="180, 200 or 486 with no Via but ours", expect="not forwarded; the caller hears 502",
)  # fmt: skip
def test_an_answer_without_a_via_for_the_caller_is_a_502() -> None:
    """§16.7 item 3: it MUST NOT be forwarded; the caller hears 502, "invalid response from the downstream server"."""
    for status in (200, 486):
        lab, alice, bobs = house(1)
        alice.invite("bob")
        invite = bobs[0].takes("INVITE")
        bare = (
            b"SIP/2.0 %d Odd\r\nVia: %b\r\nFrom: %b\r\nTo: %b;tag=odd\r\nCall-ID: %b\r\nCSeq: 1 INVITE\r\n"
            b"Content-Length: 0\r\n\r\n"
        ) % (status, invite.values(b"via")[0], invite.first(b"from"), invite.first(b"to"), invite.call_id)
        bobs[0].send(bare.replace(b"%d Odd" % status, b"180 Odd"))
        bobs[0].send(bare)
        bobs[0].send(bare)
        assert statuses(alice) == [100, 502]
        lab.advance(100)
        assert lab.engine.load["transactions"] == 0


# -- CANCEL (§9.2, §16.10) ---------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_018..023",
    given="CANCEL while two phones ring", expect="200 at once; CANCEL to both; one 487 when both have said so",
)  # fmt: skip
def test_cancel_stops_all_phones_and_the_caller_hears_487() -> None:
    lab, alice, bobs = house(2)
    sent, got = ring_all(alice, bobs)
    alice.cancel(sent)
    assert alice.takes(200).cseq_method == b"CANCEL"
    for bob, invite in zip(bobs, got, strict=True):
        cancel = bob.takes("CANCEL")
        assert b"reason" not in cancel.where
        bob.reply(cancel, 200)
        assert statuses(alice) == []
        fail(bob, invite, 487)
        if bob is bobs[0]:
            assert statuses(alice) == []
    alice.ack_failure(sent, alice.takes(487))
    lab.advance(100)
    assert lab.kinds == ["ringing", "cancelled"]
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_018", "SIP_CC_PR_TR_SE_V_020", "SIP_CC_PR_TR_SE_V_022", "SIP_CC_PR_TR_CL_TI_019",
    given="the same CANCEL twice; a phone that does not answer it",
    expect="200 twice; one CANCEL to the phone, again after 0.5, 1.5 and 3.5 s",
)  # fmt: skip
def test_a_cancel_that_comes_again_is_answered_again_and_forwarded_once() -> None:
    lab, alice, bobs = house(1)
    sent, _ = ring_all(alice, bobs)
    alice.cancel(sent)
    alice.cancel(sent)
    assert statuses(alice) == [200, 200]
    assert bobs[0].waiting == ["CANCEL"]
    start = lab.now
    lab.advance(4)
    assert [at - start for at, send in zip(lab.sent_at, lab.sent, strict=True) if send.data[:6] == b"CANCEL"][1:] == [
        0.5, 1.5, 3.5,
    ]  # fmt: skip


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_001..005",
    given="CANCEL before any response of the phone, then 100 and 180", expect="CANCEL goes out with the 100, once",
)  # fmt: skip
def test_cancel_before_any_provisional_response_waits_for_one() -> None:
    """§9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent"."""
    _, alice, bobs = house(1)
    sent = alice.invite("bob")
    alice.cancel(sent, 'Reason: SIP;cause=487;text="never mind"')
    invite = bobs[0].takes("INVITE")
    assert not bobs[0].inbox
    bobs[0].reply(invite, 100)
    assert bobs[0].takes("CANCEL").first(b"reason") == b'SIP;cause=487;text="never mind"'
    bobs[0].ring(invite)
    assert not bobs[0].inbox, "one CANCEL is enough"


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_019", "SIP_CC_PR_TR_SE_V_021", "SIP_CC_PR_TR_SE_V_023",
    given="CANCEL, and a phone that never says anything", expect="487 after 32 s, no CANCEL to it",
)  # fmt: skip
def test_cancel_of_a_phone_that_is_off_ends_with_timer_b_as_487() -> None:
    lab, alice, bobs = house(1)
    sent = alice.invite("bob")
    alice.cancel(sent)
    lab.advance(32)
    assert alice.waiting[-1] == 487
    assert "CANCEL" not in bobs[0].waiting
    assert lab.kinds == ["cancelled"]


def test_cancel_means_that_no_further_phone_is_tried() -> None:
    lab, alice, bobs = house(2, q=(1.0, 0.5))
    sent = alice.invite("bob")
    invite = bobs[0].takes("INVITE")
    bobs[0].ring(invite)
    alice.cancel(sent)
    bobs[0].takes("CANCEL")
    fail(bobs[0], invite, 487)
    lab.advance(100)
    assert not bobs[1].inbox
    assert 487 in statuses(alice)


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_019", "SIP_CC_PR_TR_SE_V_021", "SIP_CC_PR_TR_SE_V_023",
    given="480 of one phone, then CANCEL", expect="487",
)  # fmt: skip
def test_a_cancelled_call_is_487_though_another_phone_had_declined_before() -> None:
    _, alice, bobs = house(2)
    sent, got = ring_all(alice, bobs)
    fail(bobs[0], got[0], 480)
    alice.cancel(sent)
    bobs[1].takes("CANCEL")
    fail(bobs[1], got[1], 487)
    assert statuses(alice) == [200, 487]


@pytest.mark.purpose(
    "RFC3326_01",
    given="CANCEL with two Reason lines, of a call that rings at two phones", expect="CANCEL to both with those two",
)  # fmt: skip
def test_the_reasons_of_a_cancel_go_along() -> None:
    """RFC 3326 §2: all of them, as they came."""
    _, alice, bobs = house(2)
    sent, _ = ring_all(alice, bobs)
    alice.cancel(sent, "Reason: SIP;cause=200", 'Reason: Q.850;cause=16;text="bye"')
    for bob in bobs:
        assert bob.takes("CANCEL").values(b"reason") == [b"SIP;cause=200", b'Q.850;cause=16;text="bye"']


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_018", "SIP_CC_PR_TR_SE_V_020", "SIP_CC_PR_TR_SE_V_022",
    given="CANCEL behind the 200", expect="200 to it, and nothing to the phone",
)  # fmt: skip
def test_the_200_came_first_and_the_cancel_is_too_late() -> None:
    """§9.2: the CANCEL is answered 200 and "has no effect"."""
    lab, alice, bobs = house(1)
    sent, got = ring_all(alice, bobs)
    bobs[0].answer(got[0])
    alice.takes(200)
    alice.cancel(sent)
    assert alice.takes(200).cseq_method == b"CANCEL"
    assert not bobs[0].inbox
    assert lab.kinds == ["ringing", "started"]


def test_the_cancel_came_first_but_the_phone_had_answered() -> None:
    """§9.1: a 2xx that crosses a CANCEL makes a call, which the caller ends by BYE."""
    lab, alice, bobs = house(1)
    sent, got = ring_all(alice, bobs)
    alice.cancel(sent)
    cancel = bobs[0].takes("CANCEL")
    bobs[0].answer(got[0])
    bobs[0].reply(cancel, 481)
    assert statuses(alice) == [200, 200]
    assert lab.kinds == ["ringing", "started"]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_019",
    given="200 to the CANCEL, but no final response to its INVITE", expect="given up after 32 s; the caller hears 487",
)  # fmt: skip
def test_a_phone_that_forgets_a_cancelled_call_is_given_up_after_64_t1() -> None:
    """§9.1: then the transaction "SHOULD be destroyed"."""
    lab, alice, bobs = house(1)
    sent, got = ring_all(alice, bobs)
    alice.cancel(sent)
    bobs[0].reply(bobs[0].takes("CANCEL"), 200)
    lab.advance(31.9)
    assert 487 not in statuses(alice)
    lab.advance(0.2)
    alice.ack_failure(sent, alice.takes(487))
    lab.advance(40)
    assert lab.engine.load["transactions"] == 0
    bobs[0].answer(got[0])
    assert not alice.inbox, "long over"


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_036",
    given="CANCEL of no INVITE that we know, for a user of ours", expect="forwarded, its 481 comes back",
)  # fmt: skip
def test_a_cancel_of_nothing_is_forwarded_and_its_answer_comes_back() -> None:
    _, alice, bobs = house(1)
    sent = alice.invite("bob")
    invite = bobs[0].takes("INVITE")
    bobs[0].reply(invite, 486)
    alice.inbox.clear()
    bobs[0].inbox.clear()
    alice.send(alice.compose("CANCEL", "sip:bob@10.0.0.1", call_id=sent.call_id.decode(), contact=False))
    bobs[0].reply(bobs[0].takes("CANCEL"), 481)
    assert statuses(alice) == [481]


@pytest.mark.parametrize("method", ["MESSAGE", "NEVER-HEARD-OF"])
def test_a_cancel_for_something_else_is_answered_and_changes_nothing(method: str) -> None:
    """§9.2: "Regardless of the method" it is a 200; and it "has no impact" on what is no INVITE."""
    lab, alice, (bob, second) = house(2, q=(1.0, 0.5))
    sent = alice.request(method, "sip:bob@10.0.0.1")
    alice.cancel(sent)
    alice.takes(200)
    bob.reply(bob.takes(method), 404)
    assert not bob.inbox, "§9.1: nothing but an INVITE is cancelled"
    second.reply(second.takes(method), 200)
    assert statuses(alice) == [200]
    lab.advance(33)
    alice.cancel(sent)
    assert bob.waiting == ["CANCEL"], "there is nothing left that it could be for"


def test_a_cancel_is_for_the_invite_where_a_branch_was_used_twice() -> None:
    _, alice, (bob,) = house(1)
    alice.request("MESSAGE", "sip:bob@10.0.0.1", branch="z9hG4bK-twice")
    sent = alice.invite("bob", branch="z9hG4bK-twice")
    bob.takes("MESSAGE")
    bob.ring(bob.takes("INVITE"))
    alice.cancel(sent)
    assert bob.waiting == ["CANCEL"]


# -- Timer C (§16.6 item 11, §16.7 item 2, §16.8) ----------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_007..010",
    given="180, and nothing more for 185 s", expect="Timer C: CANCEL to the phone; its 487 goes back",
)  # fmt: skip
def test_timer_c_a_phone_that_rings_for_too_long_is_cancelled() -> None:
    lab, alice, bobs = house(1)
    sent, got = ring_all(alice, bobs)
    lab.advance(184.9)
    assert not bobs[0].inbox
    lab.advance(0.2)
    bobs[0].reply(bobs[0].takes("CANCEL"), 200)
    fail(bobs[0], got[0], 487)
    alice.ack_failure(sent, alice.takes(487))
    assert lab.kinds == ["ringing", "missed"]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_007..010",
    given="180, nothing for 185 s, no answer to the CANCEL", expect="408 after 32 s more",
)  # fmt: skip
def test_timer_c_a_phone_that_then_stays_silent_is_a_408() -> None:
    lab, alice, bobs = house(1)
    ring_all(alice, bobs)
    lab.advance(185 + 31.9)
    assert statuses(alice) == []
    lab.advance(0.2)
    assert statuses(alice) == [408]
    lab.advance(100)
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_007..010",
    given="101, 180, 199 or 100 after 100 s", expect="Timer C starts anew, but not by the 100",
)  # fmt: skip
@pytest.mark.parametrize(("status", "seconds"), [(101, 185.0), (180, 185.0), (199, 185.0), (100, 85.0)])
def test_timer_c_starts_anew_with_101_to_199_but_not_with_100(status: int, seconds: float) -> None:
    lab, alice, bobs = house(1)
    _, got = ring_all(alice, bobs)
    lab.advance(100)
    bobs[0].reply(got[0], status)
    lab.advance(seconds - 0.1)
    assert not bobs[0].inbox
    lab.advance(0.2)
    bobs[0].takes("CANCEL")


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_007..010",
    given="100, and nothing more for 185 s", expect="Timer C: CANCEL to the phone",
)  # fmt: skip
def test_timer_c_a_phone_that_said_nothing_but_100_is_cancelled_too() -> None:
    lab, alice, bobs = house(1)
    alice.invite("bob")
    bobs[0].reply(bobs[0].takes("INVITE"), 100)
    lab.advance(185)
    bobs[0].takes("CANCEL")


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_TI_001..005",
    given="INVITE to a phone that is silent for 332 s", expect="408 at 32 s by Timer B; no CANCEL, then or later",
)  # fmt: skip
def test_without_any_response_it_is_408_by_timer_b_long_before_timer_c() -> None:
    lab, alice, bobs = house(1)
    alice.invite("bob")
    lab.advance(32)
    assert 408 in statuses(alice)
    bobs[0].inbox.clear()
    lab.advance(300)
    assert not bobs[0].inbox, "no CANCEL for what was never heard of"
    assert lab.kinds == ["failed"]


def test_timer_c_does_not_hurry_when_a_cancelled_phone_rings_on() -> None:
    lab, alice, bobs = house(1)
    sent, got = ring_all(alice, bobs)
    alice.cancel(sent)
    bobs[0].takes("CANCEL")
    for _ in range(4):
        lab.advance(10)
        bobs[0].ring(got[0])
    assert 487 in statuses(alice), "64*T1 after the CANCEL, whatever rings"


# -- redirection (§8.1.3.4, §16.7 item 4) ------------------------------------------------------------------------------


def test_a_302_of_a_phone_is_followed_to_another_user_of_ours() -> None:
    lab, alice, bobs = house(1)
    (carol,) = lab.registered("carol")
    alice.invite("bob")
    invite = bobs[0].takes("INVITE")
    fail(bobs[0], invite, 302, headers=("Contact: <sip:carol@10.0.0.1:5060>",))
    forwarded = carol.takes("INVITE")
    assert forwarded.uri_text.decode() == carol.contact
    assert forwarded.first(b"to") == invite.first(b"to")
    carol.answer(forwarded)
    assert statuses(alice) == [100, 181, 200]
    assert lab.kinds == ["forwarded", "started"]


@pytest.mark.parametrize("contact", ["sip:far@192.0.2.7:5070", "sip:carol@10.0.0.1"])
def test_a_302_of_a_sips_call_is_followed_to_sips_alone(contact: str) -> None:
    """§16.7 item 4: whether less than TLS will do is for the caller to say, who is told where to."""
    lab = Lab(listen=(("udp", PROXY), ("tls", (PROXY[0], 5061))))
    alice, carol = lab.registered("alice", "carol")
    bob, dave = (lab.phone(user, transport="tls") for user in ("bob", "dave"))
    assert bob.register().status == dave.register().status == 200
    alice.invite("sips:bob@10.0.0.1")
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 302, headers=(f"Contact: <{contact}>",), contact=False)
    assert alice.takes(302) and not lab.astray and not carol.inbox
    alice.invite("sips:bob@10.0.0.1")
    assert bob.takes("ACK")
    bob.reply(bob.takes("INVITE"), 302, headers=(f"Contact: <{contact}>, <sips:dave@10.0.0.1>",), contact=False)
    assert dave.takes("INVITE") and not lab.astray and not carol.inbox


def test_a_302_to_a_foreign_place_is_followed_there() -> None:
    lab, alice, bobs = house(1)
    far = lab.phone("far", "192.0.2.7:5070")
    alice.invite("bob")
    fail(bobs[0], bobs[0].takes("INVITE"), 302, headers=("Contact: <sip:far@192.0.2.7:5070;a=b?Subject=x>",))
    invite = far.takes("INVITE")
    assert invite.uri_text == b"sip:far@192.0.2.7:5070;a=b", "§19.1.1: no headers in a Request-URI"
    far.answer(invite)
    assert statuses(alice) == [100, 181, 200]


def test_contacts_of_a_302_are_tried_in_the_order_of_their_q() -> None:
    lab, alice, bobs = house(1)
    carol, dave = lab.registered("carol", "dave")
    alice.invite("bob")
    contacts = "Contact: <sip:carol@10.0.0.1>;q=0.3, <sip:dave@10.0.0.1>;q=0.8, <tel:+1>, nonsense<, <sip:x@10.0.0.1>"
    bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=(contacts,))
    assert not carol.inbox
    dave.reply(dave.takes("INVITE"), 486)
    carol.reply(carol.takes("INVITE"), 480)
    assert statuses(alice) == [100, 181, 486]
    assert lab.kinds == ["forwarded", "busy"], "one redirection, however many Contacts it has"


def test_a_302_in_a_circle_is_not_followed_for_ever() -> None:
    lab, alice, bobs = house(1)
    (carol,) = lab.registered("carol")
    alice.invite("bob")
    bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    carol.reply(carol.takes("INVITE"), 302, headers=("Contact: <sip:bob@10.0.0.1>",))
    assert statuses(alice) == [100, 181, 302], "each phone is tried once; whoever is still interested is the caller"
    assert bobs[0].waiting == ["ACK"]


def test_a_302_of_one_phone_is_followed_while_the_other_rings_on() -> None:
    lab, alice, bobs = house(2)
    (carol,) = lab.registered("carol")
    _, got = ring_all(alice, bobs)
    fail(bobs[0], got[0], 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    forwarded = carol.takes("INVITE")
    carol.ring(forwarded)
    bobs[1].answer(got[1])
    assert carol.takes("CANCEL").first(b"reason") == ELSEWHERE


def test_a_302_after_the_caller_cancelled_is_not_followed() -> None:
    lab, alice, bobs = house(1)
    (carol,) = lab.registered("carol")
    sent, got = ring_all(alice, bobs)
    alice.cancel(sent)
    bobs[0].reply(got[0], 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    assert not carol.inbox


def test_a_phone_may_answer_with_any_number() -> None:
    """399 once stood for "redirected" inside, so that nothing was left to choose from."""
    lab, alice, bobs = house(1)
    sent = alice.invite("bob")
    fail(bobs[0], bobs[0].takes("INVITE"), 399)
    alice.takes(100)
    alice.ack_failure(sent, alice.takes(399))
    lab.advance(100)
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 2}


@pytest.mark.parametrize("status", [305, 380])
def test_305_and_380_are_for_the_caller(status: int) -> None:
    """§21.3.4, §21.3.5: their Contacts are no place where the user is."""
    lab, alice, bobs = house(1)
    (carol,) = lab.registered("carol")
    alice.invite("bob")
    bobs[0].reply(bobs[0].takes("INVITE"), status, headers=("Contact: <sip:carol@10.0.0.1>",))
    assert statuses(alice) == [100, status]
    assert not carol.inbox


def test_a_302_to_nobody_or_without_a_contact_goes_to_the_caller() -> None:
    for contact in ("Contact: <sip:nobody@10.0.0.1>", "Contact: <mailto:bob@x>", "X-No: contact"):
        _, alice, bobs = house(1)
        alice.invite("bob")
        bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=(contact,))
        assert statuses(alice) == [100, 302]


def test_the_302_of_a_stranger_is_for_the_caller() -> None:
    lab, alice, _ = house(1)
    far = lab.phone("far", "192.0.2.7:5060")
    alice.invite("sip:far@192.0.2.7")
    far.reply(far.takes("INVITE"), 302, headers=("Contact: <sip:bob@10.0.0.1>",))
    assert statuses(alice) == [100, 302]


def test_a_302_to_a_name_that_nobody_can_resolve_here_is_for_the_caller() -> None:
    """Who may know the way. It was a 500 of ours once, and the Contact was lost."""
    _, alice, bobs = house(1)
    alice.invite("bob")
    bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=("Contact: <sip:bob@far.example.org>",))
    assert statuses(alice) == [100, 302]


def test_a_302_inside_a_call_is_for_the_caller() -> None:
    lab, alice, bobs = house(1)
    (carol,) = lab.registered("carol")
    call(alice, bobs[0])
    assert alice.dialog is not None
    alice.dialog.request("INVITE")
    bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    assert statuses(alice) == [100, 302]
    assert not carol.inbox


def test_recursion_can_be_turned_off() -> None:
    lab, alice, bobs = house(1, recurse=False)
    (carol,) = lab.registered("carol")
    alice.invite("bob")
    bobs[0].reply(bobs[0].takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    assert statuses(alice) == [100, 302]
    assert not carol.inbox


# -- Max-Breadth (RFC 5393 §5.3.3) -------------------------------------------------------------------------------------


def breadths(invites: list[Request]) -> list[int]:
    return [int(invite.first(b"max-breadth") or b"0") for invite in invites]


@pytest.mark.purpose(
    "RFC5393_11",
    given="INVITE without Max-Breadth to three phones", expect="Max-Breadth: 20 to each",
)  # fmt: skip
def test_max_breadth_is_added_and_shared_out() -> None:
    _, alice, bobs = house(3)
    alice.invite("bob")
    assert breadths([bob.takes("INVITE") for bob in bobs]) == [20, 20, 20]


@pytest.mark.purpose(
    "RFC5393_14",
    given="INVITE with Max-Breadth: 5 to three phones", expect="1, 2 and 2",
)  # fmt: skip
def test_max_breadth_that_does_not_divide_is_shared_out_to_the_last() -> None:
    _, alice, bobs = house(3)
    alice.invite("bob", headers=("Max-Breadth: 5",))
    assert sorted(breadths([bob.takes("INVITE") for bob in bobs])) == [1, 2, 2]


@pytest.mark.purpose(
    "RFC5393_14", "RFC5393_18",
    given="INVITE with Max-Breadth: 2 to three phones",
    expect="two ring, with 1 each; when both have failed the third rings, with 2",
)  # fmt: skip
def test_fewer_than_there_are_phones_ring_in_turns() -> None:
    _, alice, bobs = house(3)
    alice.invite("bob", headers=("Max-Breadth: 2",))
    ringing = [bob for bob in bobs if bob.inbox]
    assert len(ringing) == 2
    assert breadths([bob.inbox[0] for bob in ringing if isinstance(bob.inbox[0], Request)]) == [1, 1]
    for bob in ringing:
        fail(bob, bob.takes("INVITE"), 480)
    (last,) = (bob for bob in bobs if bob not in ringing)
    assert breadths([last.takes("INVITE")]) == [2]


@pytest.mark.purpose(
    "RFC5393_13",
    given="INVITE with two Max-Breadth lines", expect="400, nothing forwarded",
)  # fmt: skip
def test_a_second_max_breadth_does_not_slip_through() -> None:
    """RFC 5393 §5.3.3: "a single Max-Breadth header field value"."""
    _, alice, bobs = house(1)
    alice.send(alice.compose("INVITE", "sip:bob@10.0.0.1", headers=("Max-Breadth: 5", "Max-Breadth: 1000")))
    assert alice.waiting == [400]
    assert not bobs[0].inbox


@pytest.mark.purpose(
    "RFC5393_15",
    given="INVITE with Max-Breadth: 0", expect="440, nothing forwarded",
)  # fmt: skip
def test_none_left_is_440() -> None:
    lab, alice, bobs = house(1)
    alice.invite("bob", headers=("Max-Breadth: 0",))
    assert alice.waiting[-1] == 440
    assert not bobs[0].inbox
    assert lab.kinds == ["failed"]


@pytest.mark.parametrize("value", ["many", "-1", "99999999999999999999999"])
def test_a_max_breadth_that_is_no_number_is_400(value: str) -> None:
    _, alice, bobs = house(1)
    alice.invite("bob", headers=(f"Max-Breadth: {value}",))
    assert alice.waiting[-1] == 400
    assert not bobs[0].inbox


# -- other requests (RFC 4320) -----------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC4320_04",
    given="MESSAGE, 408 of the phone", expect="nothing goes back",
)  # fmt: skip
def test_rfc_4320_no_408_to_a_message_though_a_phone_says_it() -> None:
    lab, alice, bobs = house(1)
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    bobs[0].reply(bobs[0].takes("MESSAGE"), 408)
    assert not alice.inbox
    lab.advance(40)
    assert lab.engine.load["transactions"] == 0


@pytest.mark.purpose(
    "RFC4320_05",
    given="MESSAGE, 200 of the phone after 33 s", expect="dropped",
)  # fmt: skip
def test_rfc_4320_section_4_3_late_answers_are_dropped() -> None:
    lab, alice, bobs = house(1)
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    message = bobs[0].takes("MESSAGE")
    lab.advance(33)
    bobs[0].reply(message, 200)
    assert statuses(alice) == [100]


@pytest.mark.purpose(
    "RFC4321_01",
    given="MESSAGE to two phones, 200 of one, silence of the other", expect="200 at once",
)  # fmt: skip
def test_a_message_to_two_phones_of_which_one_is_off_gets_the_answer_of_the_other_at_once() -> None:
    _, alice, bobs = house(2)
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    bobs[0].reply(bobs[0].takes("MESSAGE"), 200)
    assert statuses(alice) == [200]


# -- ways that are none ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_target_without_a_way_is_a_500(method: str) -> None:
    """As good as a 503 (§16.9), which the caller sees as a 500 (§16.7 item 6)."""
    lab, alice, _ = house(1)
    alice.request(method, "sip:x@far.example.org")
    assert alice.waiting[-1] == 500
    lab.advance(40)
    assert lab.engine.load["transactions"] == 0


def test_a_phone_that_cannot_be_reached_makes_way_for_the_next_at_once() -> None:
    lab, alice, bobs = house(2, q=(1.0, 0.5))
    alice.invite("bob")
    lab.lose(bobs[0].address)
    bobs[1].answer(bobs[1].takes("INVITE"))
    assert statuses(alice) == [100, 200]


def test_a_request_that_grew_over_a_datagram_is_refused() -> None:
    """513 (§21.5.7): it arrived in one datagram, and with our Via it does not fit into one any more."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    frame = alice.compose("MESSAGE", "sip:bob@10.0.0.1", body="x")
    alice.send(alice.compose("MESSAGE", "sip:bob@10.0.0.1", body="x" * (65_500 - len(frame))))
    alice.takes(513)
    assert not bob.inbox
