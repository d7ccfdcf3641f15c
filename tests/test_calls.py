"""What people are told of calls: each event once, with the right who, whom, duration and why.

Whatever passes the proxy (forks, retransmissions, lost packets, transfers), the journal must read like what happened.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine import calls
from sipfullproxy.engine.events import (
    Busy,
    CallEvent,
    Calling,
    Cancelled,
    Conference,
    Declined,
    Ended,
    Event,
    Failed,
    Forwarded,
    Held,
    Missed,
    Resumed,
    Ringing,
    Started,
    Transferred,
    Video,
)  # fmt: skip
from sipfullproxy.sip.message import Request
from tests.helpers import Dialog, Lab, Phone, call, hang_up, sdp

ALICE, BOB, CAROL = "alice@10.0.0.1", "bob@10.0.0.1", "carol@10.0.0.1"


def people(event: Event) -> tuple[str, str, str]:
    """What, who and whom."""
    assert isinstance(event, CallEvent)
    return event.kind, event.who, event.whom


def story(lab: Lab) -> list[tuple[str, str, str]]:
    """What was told of calls, each as (kind, who, whom)."""
    return [people(event) for event in lab.told() if isinstance(event, CallEvent)]


def only(lab: Lab, kind: str) -> Any:
    """The one event of that kind."""
    (event,) = lab.told(kind)
    return event


def ringing(caller: Phone, callee: Phone, **more: Any) -> tuple[Request, Request]:
    """A call that rings. Returns the INVITE as sent and as received."""
    sent = caller.invite(callee.user, **more)
    caller.takes(100)
    got = callee.takes("INVITE")
    callee.ring(got)
    caller.takes(180)
    return sent, got


def refuse(caller: Phone, callee: Phone, status: int, phrase: str = "No") -> None:
    """A call that rings and is refused, with its ACK."""
    sent, got = ringing(caller, callee)
    callee.reply(got, status, phrase)
    callee.takes("ACK")
    caller.ack_failure(sent, caller.takes(status))


def reinvite(
    one: Phone, other: Phone, offer: str, answer: str = "", method: str = "INVITE", **more: Any
) -> tuple[Request, Request]:
    """An offer inside the call, and its answer. Returns the request as sent and as received."""
    assert one.dialog is not None
    sent = one.dialog.request(method, body=offer, **more)
    got = other.takes(method)
    other.answer(got, body=answer or sdp(other.address[0]))
    while one.takes().status < 200:
        pass
    if method == "INVITE":
        one.dialog.ack(sent)
        other.takes("ACK")
    return sent, got


# -- ringing, answer, end ---------------------------------------------------------------------------------------------


def test_the_whole_life_of_a_call(lab: Lab, alice: Phone, bob: Phone) -> None:
    sent, _ = call(alice, bob)
    lab.advance(75)
    hang_up(alice, bob)
    ids = {"call": sent.call_id.decode(), "leg": sent.from_tag.decode()}
    assert lab.events == [
        Calling(serial=3, time=1000.0, who=ALICE, whom=BOB, **ids),
        Ringing(serial=4, time=1000.0, who=ALICE, whom=BOB, **ids),
        Started(serial=5, time=1000.0, who=ALICE, whom=BOB, video=False, **ids),
        Ended(serial=6, time=1075.0, who=ALICE, whom=BOB, duration=75.0, why="bye", **ids),
    ]


def test_the_callee_hangs_up(lab: Lab, alice: Phone, bob: Phone) -> None:
    """`Koniec hovoru` names first who hung up."""
    call(alice, bob)
    hang_up(bob, alice)
    assert people(lab.events[-1]) == ("ended", BOB, ALICE)


@pytest.mark.parametrize(("status", "rings"), [(180, True), (183, True), (181, False), (182, False), (199, False)])
def test_what_is_ringing(lab: Lab, alice: Phone, bob: Phone, status: int, rings: bool) -> None:
    """180 and 183. A call that is queued or sent on does not ring (§21.1)."""
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), status)
    assert story(lab) == [("ringing", ALICE, BOB)] * rings


def test_it_rings_once(lab: Lab, alice: Phone, bob: Phone) -> None:
    """However often the phone says so: 183, then 180 every few seconds."""
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.reply(got, 183)
    for _ in range(3):
        bob.ring(got)
        lab.advance(20)
    assert lab.kinds == ["ringing"]


def test_answered_without_ringing(lab: Lab, alice: Phone, bob: Phone) -> None:
    alice.invite("bob")
    bob.answer(bob.takes("INVITE"))
    assert lab.kinds == ["started"]


def test_a_lost_ack_and_its_retransmissions(lab: Lab, alice: Phone, bob: Phone) -> None:
    """The callee repeats its 200 until the ACK comes, the caller its ACK for each (§13.3.1.4)."""
    sent, got = ringing(alice, bob)
    assert alice.dialog is not None
    for _ in range(4):
        bob.answer(got)
        alice.dialog.confirm(alice.takes(200))
    for _ in range(4):
        alice.dialog.ack(sent)
        bob.takes("ACK")
    assert lab.kinds == ["ringing", "started"]


def test_retransmitted_requests_tell_nothing_twice(lab: Lab, alice: Phone, bob: Phone) -> None:
    _, got = ringing(alice, bob)
    bob.answer(got)
    response = alice.takes(200)
    assert alice.dialog is not None
    alice.dialog.confirm(response)
    bye = alice.compose(
        "BYE", alice.dialog.target, to=alice.dialog.remote, from_=alice.dialog.local, call_id=alice.dialog.call_id,
        cseq=2, headers=("Route: <sip:10.0.0.1:5060;lr>",), branch="z9hG4bKbye",
    )  # fmt: skip
    for _ in range(3):
        alice.send(bye)
    bob.reply(bob.takes("BYE"), 200)
    alice.send(bye)
    assert lab.kinds == ["ringing", "started", "ended"]


def test_a_call_to_oneself(lab: Lab, alice: Phone) -> None:
    """The same phone twice: the tags still tell who is who."""
    sent = alice.invite("alice")
    alice.takes(100)
    got = alice.takes("INVITE")
    caller = alice.dialog
    alice.answer(got)
    assert caller is not None
    caller.confirm(alice.takes(200))
    caller.ack(sent)
    alice.takes("ACK")
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    assert story(lab) == [("started", ALICE, ALICE), ("ended", ALICE, ALICE)]


# -- no answer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (603, Declined), (606, Declined), (604, Declined), (486, Busy), (600, Busy), (480, Missed), (408, Missed),
        (487, Missed), (404, Failed), (488, Failed), (500, Failed), (415, Failed),
    ],
)  # fmt: skip
def test_how_a_ringing_call_ends(lab: Lab, alice: Phone, bob: Phone, status: int, kind: type[CallEvent]) -> None:
    """480 and 408 after ringing: nobody took it. 487 without a CANCEL: the caller's Expires ran out (§13.3.1)."""
    refuse(alice, bob, status, "So What")
    lab.advance(300)
    ended = lab.events[-1]
    assert type(ended) is kind
    assert (ended.who, ended.whom, ended.status, ended.why) == (ALICE, BOB, status, "So What")  # type: ignore[attr-defined]
    assert lab.kinds == ["ringing", kind.kind]


def test_away_is_a_failure_unless_it_rang(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Do not disturb: the phone says 480 at once."""
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 480)
    assert story(lab) == [("failed", ALICE, BOB)]


@pytest.mark.parametrize(
    ("whom", "status", "why"), [("nobody", 404, "Not Found"), ("gone", 480, "Temporarily Unavailable")]
)
def test_what_the_proxy_itself_refuses(lab: Lab, alice: Phone, whom: str, status: int, why: str) -> None:
    lab.registered("gone")[0].register(expires=0)
    lab.events.clear()
    alice.invite(whom)
    event = only(lab, "failed")
    assert (event.whom, event.status, event.why) == (f"{whom}@10.0.0.1", status, why)


def test_a_phone_that_is_switched_off(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Timer B (§17.1.1.2): nothing ever came."""
    alice.invite("bob")
    lab.advance(33)
    assert [(event.kind, event.status) for event in lab.told() if isinstance(event, Failed)] == [("failed", 408)]


def test_it_rings_for_ever(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Timer C (§16.8): the proxy gives up, CANCELs, and passes the 487 on. Nobody cancelled: the call was missed."""
    _, got = ringing(alice, bob)
    lab.advance(184)
    assert not bob.inbox
    lab.advance(2)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(got, 487)
    assert alice.takes(487)
    assert story(lab) == [("ringing", ALICE, BOB), ("missed", ALICE, BOB)]


def test_it_rings_for_ever_and_does_not_even_answer_the_cancel(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§9.1: 32 seconds later the branch counts as dead."""
    ringing(alice, bob)
    lab.advance(185 + 33)
    assert alice.takes(408)
    assert story(lab) == [("ringing", ALICE, BOB), ("missed", ALICE, BOB)]


def test_the_caller_gives_up(lab: Lab, alice: Phone, bob: Phone) -> None:
    sent, got = ringing(alice, bob)
    lab.advance(5)
    alice.cancel(sent)
    alice.cancel(sent)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(got, 487, "Request Terminated")
    alice.takes(200)
    event = only(lab, "cancelled")
    assert isinstance(event, Cancelled)
    assert (event.who, event.whom, event.status, event.why, event.time) == (ALICE, BOB, 487, "Request Terminated", 1005)
    assert lab.kinds == ["ringing", "cancelled"]


def test_cancelled_while_the_callee_declines(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Both at once: it was the caller's phone that stopped first."""
    sent, got = ringing(alice, bob)
    alice.cancel(sent)
    bob.reply(got, 603)
    assert lab.kinds == ["ringing", "cancelled"]


def test_cancelled_too_late(lab: Lab, alice: Phone, bob: Phone) -> None:
    """CANCEL and 200 cross (§9.1): the call has begun, and is over with the BYE."""
    sent, got = ringing(alice, bob)
    alice.cancel(sent)
    bob.answer(got)
    alice.takes(200)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    alice.dialog.request("BYE")
    assert lab.kinds == ["ringing", "started", "ended"]


def test_a_caller_that_hangs_up_by_bye_before_the_answer(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§15: allowed to the caller in an early dialog; the phone then answers the INVITE with 487."""
    alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.ring(got)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(180))
    alice.dialog.request("BYE")
    bob.reply(bob.takes("BYE"), 200)
    bob.reply(got, 487)
    assert lab.kinds == ["ringing", "cancelled"]


@pytest.mark.parametrize("challenge", [401, 407])
def test_a_challenge_is_no_failure(lab: Lab, alice: Phone, bob: Phone, challenge: int) -> None:
    """§22: the same INVITE comes again with credentials: same Call-ID, same From tag, the next CSeq."""
    same: dict[str, Any] = {"call_id": "same", "from_": "<sip:alice@10.0.0.1>;tag=same"}
    first = alice.invite("bob", **same)
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), challenge)
    bob.takes("ACK")
    alice.ack_failure(first, alice.takes(challenge))
    assert lab.told() == []
    call(alice, bob, **same, cseq=2)
    lab.advance(40)  # the first attempt is forgotten, the call is not
    hang_up(bob, alice)
    assert story(lab) == [("ringing", ALICE, BOB), ("started", ALICE, BOB), ("ended", BOB, ALICE)]
    assert len(lab.told("calling")) == 1


def test_a_call_is_told_as_soon_as_it_goes_to_somebody(lab: Lab, alice: Phone, bob: Phone) -> None:
    invite = alice.invite("bob")
    alice.send(alice.compose("OPTIONS", "sip:bob@10.0.0.1"))
    assert [people(event) for event in lab.events] == [("calling", ALICE, BOB)]
    assert only(lab, "calling").call == invite.call_id.decode()
    lab.advance(2)  # it is sent again
    assert len(lab.events) == 1


def test_who_may_not_call_or_calls_nobody_is_not_calling(lab: Lab, alice: Phone) -> None:
    alice.invite("nobody")
    lab.phone("stranger").invite("alice")
    assert [event.kind for event in lab.events] == ["failed", "failed"]


def test_a_call_that_failed_and_is_made_again_under_its_name_is_told_again(lab: Lab, alice: Phone, bob: Phone) -> None:
    same: dict[str, Any] = {"call_id": "same", "from_": "<sip:alice@10.0.0.1>;tag=same"}
    for cseq in (1, 2):
        sent = alice.invite("bob", **same, cseq=cseq)
        alice.takes(100)
        bob.reply(bob.takes("INVITE"), 486)
        bob.takes("ACK")
        alice.ack_failure(sent, alice.takes(486))
    assert [event.kind for event in lab.events] == ["calling", "busy"] * 2


def test_a_call_that_is_sent_on_is_one_call(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",), contact=False)
    carol.ring(carol.takes("INVITE"))
    assert [event.kind for event in lab.events] == ["calling", "forwarded", "ringing"]


def test_a_second_call_of_the_same_phone_is_a_second_call(lab: Lab, alice: Phone, bob: Phone) -> None:
    """The original looked at a fixed CSeq number and called this one "video"."""
    call(alice, bob)
    hang_up(alice, bob)
    call(alice, bob)
    hang_up(alice, bob)
    assert lab.kinds == ["ringing", "started", "ended"] * 2


def test_a_call_id_that_is_used_again_hides_no_call(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """Else a student could talk behind the journal's back: one call under a Call-ID, the next under the same."""
    mine: dict[str, Any] = {"call_id": "mine", "from_": "<sip:alice@10.0.0.1>;tag=mine"}
    call(alice, bob, **mine)
    call(alice, carol, **mine)
    hang_up(alice, carol)
    assert story(lab)[2:] == [("ringing", ALICE, CAROL), ("started", ALICE, CAROL), ("ended", ALICE, CAROL)]


# -- two phones -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bobs_mobile(lab: Lab, bob: Phone) -> Phone:
    mobile = lab.phone("bob", "10.0.0.77:5070")
    mobile.register()
    lab.events.clear()
    return mobile


def test_two_phones_ring_and_one_answers(lab: Lab, alice: Phone, bob: Phone, bobs_mobile: Phone) -> None:
    alice.invite("bob")
    desk, mobile = bob.takes("INVITE"), bobs_mobile.takes("INVITE")
    bob.ring(desk)
    bobs_mobile.ring(mobile)
    bobs_mobile.answer(mobile)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(desk, 487)
    assert story(lab) == [("ringing", ALICE, BOB), ("started", ALICE, BOB)]


def test_one_of_two_phones_is_busy(lab: Lab, alice: Phone, bob: Phone, bobs_mobile: Phone) -> None:
    """The other one still rings: nothing is over."""
    alice.invite("bob")
    desk, mobile = bob.takes("INVITE"), bobs_mobile.takes("INVITE")
    bobs_mobile.ring(mobile)
    bob.reply(desk, 486)
    assert lab.kinds == ["ringing"]
    bobs_mobile.answer(mobile)
    assert lab.kinds == ["ringing", "started"]


def test_both_phones_refuse(lab: Lab, alice: Phone, bob: Phone, bobs_mobile: Phone) -> None:
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    bobs_mobile.reply(bobs_mobile.takes("INVITE"), 480)
    assert len(lab.told()) == 1


def both_answer(alice: Phone, bob: Phone, mobile: Phone) -> tuple[Dialog, Dialog]:
    """Two 200s, two dialogs (§13.2.2.4). Returns alice's end of that with the desk phone, and with the mobile."""
    sent = alice.invite("bob")
    alice.takes(100)
    at_desk, at_mobile = bob.takes("INVITE"), mobile.takes("INVITE")
    bob.answer(at_desk)
    mobile.answer(at_mobile)
    dialogs = []
    for _ in range(2):
        dialog = Dialog(alice, sent)
        dialog.confirm(alice.takes(200))
        dialog.ack(sent)
        dialogs.append(dialog)
    return dialogs[0], dialogs[1]


def test_both_phones_answer(lab: Lab, alice: Phone, bob: Phone, bobs_mobile: Phone) -> None:
    """It is one call. The caller hangs one of them up, and it is not over before the other is."""
    with_desk, with_mobile = both_answer(alice, bob, bobs_mobile)
    with_mobile.request("BYE")
    assert lab.kinds == ["started"]
    lab.advance(60)
    with_desk.request("BYE")
    assert lab.kinds == ["started", "ended"]
    assert only(lab, "ended").duration == 60


def test_both_phones_answer_and_the_first_is_hung_up(lab: Lab, alice: Phone, bob: Phone, bobs_mobile: Phone) -> None:
    with_desk, _ = both_answer(alice, bob, bobs_mobile)
    with_desk.request("BYE")
    assert lab.kinds == ["started"]
    assert bobs_mobile.dialog is not None
    bobs_mobile.dialog.request("BYE")
    assert story(lab) == [("started", ALICE, BOB), ("ended", BOB, ALICE)]


def test_a_bye_that_belongs_to_no_answer_ends_nothing(lab: Lab, alice: Phone, bob: Phone) -> None:
    """A To tag that nobody gave: the phone will say 481."""
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.remote = "<sip:bob@10.0.0.1>;tag=made-up"
    alice.dialog.request("BYE")
    assert lab.kinds == ["ringing", "started"]


# -- video ------------------------------------------------------------------------------------------------------------


def with_video(phone: Phone, direction: str = "sendrecv") -> str:
    return sdp(phone.address[0], direction, video=True) + f"a={direction}\r\n"


def test_video_from_the_start(lab: Lab, alice: Phone, bob: Phone) -> None:
    _, got = ringing(alice, bob, body=with_video(alice))
    bob.answer(got, body=with_video(bob))
    assert story(lab) == [("ringing", ALICE, BOB), ("started", ALICE, BOB), ("video", ALICE, BOB)]
    assert only(lab, "started").video
    assert isinstance(only(lab, "video"), Video)


def test_video_that_the_callee_does_not_take(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 3264 §6: port 0."""
    _, got = ringing(alice, bob, body=with_video(alice))
    bob.answer(got, body=with_video(bob).replace("m=video 4002", "m=video 0"))
    assert not only(lab, "started").video
    assert lab.kinds == ["ringing", "started"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_video_by_upgrade(lab: Lab, alice: Phone, bob: Phone, method: str) -> None:
    """Whoever offers it is the one who acts; refreshes say nothing again."""
    call(alice, bob)
    reinvite(bob, alice, with_video(bob), with_video(alice), method)
    reinvite(bob, alice, with_video(bob), with_video(alice), method)
    reinvite(alice, bob, with_video(alice), with_video(bob), method)
    assert story(lab)[2:] == [("video", BOB, ALICE)]


def test_video_taken_away_and_back(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    reinvite(bob, alice, with_video(bob), with_video(alice))
    reinvite(bob, alice, sdp(bob.address[0]))
    reinvite(alice, bob, with_video(alice), with_video(bob))
    assert story(lab)[2:] == [("video", BOB, ALICE), ("video", ALICE, BOB)]


def test_a_refused_upgrade(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("INVITE", body=with_video(alice))
    bob.reply(bob.takes("INVITE"), 488)
    assert lab.kinds == ["ringing", "started"]


def test_hold_and_resume_of_a_video_call_is_no_second_video_call(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Also where the one who is held refreshes in between, with video that nobody sees."""
    call(alice, bob)
    reinvite(alice, bob, with_video(alice), with_video(bob))
    reinvite(alice, bob, with_video(alice, "inactive"), with_video(bob, "inactive"))
    reinvite(bob, alice, with_video(bob), with_video(alice, "inactive"))
    reinvite(alice, bob, with_video(alice), with_video(bob))
    assert lab.kinds[2:] == ["video", "held", "resumed"]


def test_delayed_offer(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§13.2.1: an INVITE without a body; the offer is in the 200, the answer in the ACK. Each comes twice."""
    sent, got = ringing(alice, bob, body="")
    bob.answer(got, body=with_video(bob))
    bob.answer(got, body=with_video(bob))
    response = alice.takes(200)
    assert alice.dialog is not None
    alice.dialog.confirm(response)
    for _ in range(2):
        alice.dialog.ack(sent, body=with_video(alice))
    assert story(lab)[1:] == [("started", ALICE, BOB), ("video", BOB, ALICE)]
    assert not only(lab, "started").video, "nobody could know it then"


def test_an_ack_without_the_answer(lab: Lab, alice: Phone, bob: Phone) -> None:
    sent, got = ringing(alice, bob, body="")
    bob.answer(got, body=with_video(bob))
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    alice.dialog.ack(sent, body=with_video(alice))
    assert lab.kinds == ["ringing", "started"]


def test_the_answer_in_a_reliable_provisional(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 3262 §5: then the 200 need not repeat it."""
    alice.invite("bob", body=with_video(alice))
    got = bob.takes("INVITE")
    bob.reply(got, 183, headers=("Require: 100rel", "RSeq: 1"), body=with_video(bob))
    bob.answer(got, body="")
    assert lab.kinds == ["ringing", "started", "video"]
    assert only(lab, "started").video


def test_media_in_a_multipart_body(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 5621 §3.1: some phones wrap it up with something else."""
    _, got = ringing(
        alice, bob, content_type='multipart/mixed; boundary="b"',
        body=f"--b\r\nContent-Type: application/x\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\n"
        f"{with_video(alice)}--b--\r\n",
    )  # fmt: skip
    bob.answer(got, body=with_video(bob))
    assert only(lab, "started").video


# -- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("holds", [0, 1], ids=["caller", "callee"])
@pytest.mark.parametrize("how", ["sendonly", "inactive", "0.0.0.0"])
def test_hold_and_resume(lab: Lab, alice: Phone, bob: Phone, method: str, holds: int, how: str) -> None:
    """RFC 3264 §8.4, and the way of RFC 2543. Once each, however often it is refreshed."""
    call(alice, bob)
    one, other = ((alice, bob), (bob, alice))[holds]
    held = sdp(how) if how == "0.0.0.0" else sdp(one.address[0], how)
    who, whom = (ALICE, BOB) if one is alice else (BOB, ALICE)
    for _ in range(2):
        reinvite(one, other, held, sdp(other.address[0], "recvonly"), method)
    assert story(lab)[2:] == [("held", who, whom)]
    for _ in range(2):
        reinvite(one, other, sdp(one.address[0]), method=method)
    assert story(lab)[2:] == [("held", who, whom), ("resumed", who, whom)]
    assert isinstance(only(lab, "held"), Held)
    assert isinstance(only(lab, "resumed"), Resumed)


def test_a_music_server_holds_nobody(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob, body=sdp(alice.address[0], "sendonly"))
    assert [kind for kind, *_ in story(lab)] == ["ringing", "started"]


def test_both_hold_each_other(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    reinvite(alice, bob, sdp(direction="sendonly"), sdp(direction="recvonly"))
    reinvite(bob, alice, sdp(direction="inactive"), sdp(direction="inactive"))
    reinvite(alice, bob, sdp(direction="recvonly"), sdp(direction="sendonly"))
    reinvite(bob, alice, sdp(), sdp())
    assert story(lab)[2:] == [
        ("held", ALICE, BOB),
        ("held", BOB, ALICE),
        ("resumed", ALICE, BOB),
        ("resumed", BOB, ALICE),
    ]


def test_who_is_held_and_refreshes_holds_nobody(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 4028 §7.4: a refresh repeats the last description to the letter; held by `inactive`, that is `inactive`."""
    call(alice, bob)
    mine = sdp(bob.address[0], "inactive")
    reinvite(alice, bob, sdp(alice.address[0], "inactive"), mine)
    reinvite(bob, alice, mine, sdp(alice.address[0], "inactive"))
    assert story(lab)[2:] == [("held", ALICE, BOB)]
    reinvite(bob, alice, mine.replace("o=- 1 1", "o=- 1 2"), sdp(alice.address[0], "inactive"))
    assert story(lab)[2:] == [("held", ALICE, BOB), ("held", BOB, ALICE)], "a new version is a new wish (RFC 3264 §8)"


def test_hold_by_delayed_offer(lab: Lab, alice: Phone, bob: Phone) -> None:
    """A re-INVITE without a body asks the other one for an offer; in it, he may hold."""
    call(alice, bob)
    assert alice.dialog is not None
    sent = alice.dialog.request("INVITE")
    bob.answer(bob.takes("INVITE"), body=sdp(bob.address[0], "sendonly"))
    alice.dialog.ack(sent, body=sdp(alice.address[0], "recvonly"))
    assert story(lab)[2:] == [("held", BOB, ALICE)]


def test_an_old_200_that_comes_late_does_not_hold_again(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    _, got = reinvite(alice, bob, sdp(direction="sendonly"), sdp(direction="recvonly"))
    reinvite(alice, bob, sdp(), sdp())
    bob.answer(got, body=sdp(direction="recvonly"))
    assert lab.kinds[2:] == ["held", "resumed"]


def test_a_reinvite_before_the_ack(lab: Lab, alice: Phone, bob: Phone) -> None:
    """The ACK of the call is lost, and alice has put it on hold already. The late ACK confuses nobody."""
    sent, got = ringing(alice, bob)
    bob.answer(got)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    reinvite(alice, bob, sdp(direction="sendonly"), sdp(direction="recvonly"))
    bob.answer(got)
    alice.dialog.ack(sent)
    assert lab.kinds == ["ringing", "started", "held"]


def test_a_refused_hold_is_none(lab: Lab, alice: Phone, bob: Phone) -> None:
    """491: both wanted something at once (§14.2)."""
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("INVITE", body=sdp(direction="sendonly"))
    bob.reply(bob.takes("INVITE"), 491)
    assert lab.kinds == ["ringing", "started"]


def test_a_reinvite_neither_rings_nor_starts_nor_fails(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    assert alice.dialog is not None
    sent = alice.dialog.request("INVITE", body=sdp())
    bob.ring(bob.takes("INVITE"))
    alice.cancel(sent)
    bob.takes("CANCEL")
    alice.dialog.request("INVITE", body=sdp())
    bob.reply(bob.takes("INVITE"), 603)
    alice.inbox.clear()
    bob.inbox.clear()
    hang_up(bob, alice)
    assert story(lab) == [("ringing", ALICE, BOB), ("started", ALICE, BOB), ("ended", BOB, ALICE)]


# -- forwarding -------------------------------------------------------------------------------------------------------


def test_forwarded(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """302: the proxy follows it; the journal says so, and the call is still the one to bob."""
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, contact=False, headers=("Contact: <sip:carol@10.0.0.1>",))
    carol.answer(carol.takes("INVITE"))
    event = only(lab, "forwarded")
    assert isinstance(event, Forwarded)
    assert (event.who, event.whom, event.to, event.why) == (ALICE, BOB, CAROL, "302")
    assert lab.kinds == ["forwarded", "started"]


def test_forwarded_to_a_phone(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """The Contact of a registered phone is shown as its person."""
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 301, contact=False, headers=(f"Contact: <{carol.contact}>",))
    assert only(lab, "forwarded").to == CAROL


def test_forwarded_to_somebody_busy(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, contact=False, headers=("Contact: <sip:carol@10.0.0.1>",))
    carol.reply(carol.takes("INVITE"), 486)
    assert story(lab) == [("forwarded", ALICE, BOB), ("busy", ALICE, BOB)]


def test_a_redirection_that_the_caller_follows_itself() -> None:
    """Without recursion the 302 goes back. That is no failure: the call goes on, from the caller's phone."""
    lab = Lab(recurse=False)
    alice, bob, carol = lab.registered("alice", "bob", "carol")
    alice.invite("bob", call_id="same", from_="<sip:alice@10.0.0.1>;tag=same")
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 302, contact=False, headers=("Contact: <sip:carol@10.0.0.1>",))
    alice.takes(302)
    call(alice, carol, call_id="same", from_="<sip:alice@10.0.0.1>;tag=same", cseq=2)
    assert story(lab) == [("forwarded", ALICE, BOB), ("ringing", ALICE, CAROL), ("started", ALICE, CAROL)]
    assert (only(lab, "forwarded").to, only(lab, "forwarded").why) == (CAROL, "302")


def test_a_redirection_to_nowhere_is_a_failure() -> None:
    lab = Lab(recurse=False)
    alice, bob = lab.registered("alice", "bob")
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, contact=False)
    assert lab.kinds == ["failed"]


# -- transfer ---------------------------------------------------------------------------------------------------------


def refer(asker: Phone, other: Phone, to: str, status: int = 202) -> None:
    """A REFER inside the call, and its answer."""
    assert asker.dialog is not None
    asker.dialog.request("REFER", headers=(f"Refer-To: {to}",))
    other.reply(other.takes("REFER"), status, "Answered")
    asker.takes(status)


def notify(reporter: Phone, asker: Phone, sipfrag: str, state: str = "active;expires=60", event: str = "refer") -> None:
    """A report on the way of a transfer; it must reach the phone that asked for it."""
    assert reporter.dialog is not None
    reporter.dialog.request(
        "NOTIFY", headers=(f"Event: {event}", f"Subscription-State: {state}"), body=sipfrag,
        content_type="message/sipfrag",
    )  # fmt: skip
    asker.reply(asker.takes("NOTIFY"), 200)
    reporter.takes(200)


def outcome(lab: Lab) -> tuple[str, str, str, bool | None, str]:
    event = only(lab, "transferred")
    assert isinstance(event, Transferred)
    return event.who, event.whom, event.to, event.succeeded, event.why


@pytest.mark.parametrize("event", ["refer", "refer;id=93809823", "REFER"])
def test_blind_transfer(lab: Lab, alice: Phone, bob: Phone, event: str) -> None:
    """RFC 3515: alice sends bob on to carol; 100, 180 and 200 are reported, and told is the last."""
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1:5060>")
    notify(bob, alice, "SIP/2.0 100 Trying", event=event)
    notify(bob, alice, "SIP/2.0 180 Ringing", event=event)
    assert lab.told("transferred") == []
    notify(bob, alice, "SIP/2.0 200 Ok\r\n", "terminated;reason=reason=noresource", event)
    assert outcome(lab) == (ALICE, BOB, CAROL, True, "200 Ok")
    notify(bob, alice, "SIP/2.0 200 Ok\r\n", "terminated;reason=noresource", event)
    hang_up(alice, bob)
    lab.advance(1000)
    assert lab.kinds == ["ringing", "started", "transferred", "ended"]


def test_the_callee_transfers(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    refer(bob, alice, "sip:carol@10.0.0.1")
    notify(alice, bob, "SIP/2.0 200 OK")
    assert outcome(lab) == (BOB, ALICE, CAROL, True, "200 OK")


@pytest.mark.parametrize(("body", "why"), [("SIP/2.0 486 Busy Here", "486 Busy Here"), ("SIP/2.0 603", "603")])
def test_a_transfer_that_fails(lab: Lab, alice: Phone, bob: Phone, body: str, why: str) -> None:
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    notify(bob, alice, body)
    assert outcome(lab) == (ALICE, BOB, CAROL, False, why)


def test_a_transfer_that_is_refused(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>", 603)
    assert outcome(lab) == (ALICE, BOB, CAROL, False, "603 Answered")


def test_a_challenged_transfer_is_none_yet(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>", 407)
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    notify(bob, alice, "SIP/2.0 200 OK")
    assert outcome(lab) == (ALICE, BOB, CAROL, True, "200 OK")


def test_a_transfer_without_a_report(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Alice hangs up at once; nobody will ever know."""
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    hang_up(alice, bob)
    assert lab.kinds == ["ringing", "started", "ended"]
    lab.advance(1000)
    assert outcome(lab) == (ALICE, BOB, CAROL, None, "")


def test_the_report_comes_long_after_the_bye(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 5589 §6.1: the one who asked may hang up at once; carol's phone may ring for minutes."""
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    hang_up(alice, bob)
    lab.advance(170)
    notify(bob, alice, "SIP/2.0 200 OK", "terminated;reason=noresource")
    assert outcome(lab) == (ALICE, BOB, CAROL, True, "200 OK")
    lab.advance(1000)
    assert lab.engine.load["calls"] == 0
    assert len(lab.told("transferred")) == 1


@pytest.mark.parametrize(("body", "why"), [("SIP/2.0 100 Trying", "100 Trying"), ("", "")])
def test_a_report_that_ends_without_an_end(lab: Lab, alice: Phone, bob: Phone, body: str, why: str) -> None:
    """`terminated` with a provisional or with nothing: whoever was sent on does not want to tell (RFC 3515 §2.4.7)."""
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    notify(bob, alice, body, "terminated;reason=timeout")
    assert outcome(lab) == (ALICE, BOB, CAROL, None, why)


def test_the_report_overtakes_the_202(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 3515 §2.4.4: "the NOTIFY may arrive before the response"."""
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("REFER", headers=("Refer-To: <sip:carol@10.0.0.1>",))
    got = bob.takes("REFER")
    notify(bob, alice, "SIP/2.0 503 No Way", "terminated;reason=noresource")
    bob.reply(got, 202)
    assert outcome(lab) == (ALICE, BOB, CAROL, False, "503 No Way")


def test_a_second_transfer_after_one_that_nobody_reported(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    refer(alice, bob, "<sip:dave@10.0.0.1>")
    notify(bob, alice, "SIP/2.0 200 OK")
    told = [(event.to, event.succeeded) for event in lab.told() if isinstance(event, Transferred)]
    assert told == [(CAROL, None), ("dave@10.0.0.1", True)]


def test_other_notifies_are_no_transfers(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    notify(bob, alice, "SIP/2.0 200 OK")
    refer(alice, bob, "<sip:carol@10.0.0.1>")
    notify(bob, alice, "SIP/2.0 200 OK", event="conference")
    notify(alice, bob, "SIP/2.0 200 OK")
    notify(bob, alice, "<xml/>")
    assert lab.told("transferred") == []


def test_attended_transfer(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """RFC 5589 §7: Refer-To is the Contact of carol's phone with Replaces; so an INVITE comes whose Request-URI is a
    phone. The journal shows people."""
    call(alice, bob)
    with_bob = alice.dialog
    call(alice, carol)
    assert with_bob is not None
    with_bob.request("REFER", headers=(f"Refer-To: <{carol.contact}?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>",))
    bob.reply(bob.takes("REFER"), 202)
    lab.events.clear()
    by_bob = bob.dialog
    bob.invite(carol.contact, headers=("Replaces: x;to-tag=1;from-tag=2", "Referred-By: <sip:alice@10.0.0.1>"))
    got = carol.takes("INVITE")
    assert got.first(b"replaces") == b"x;to-tag=1;from-tag=2"
    assert got.first(b"referred-by") == b"<sip:alice@10.0.0.1>"
    with_alice = carol.dialog
    carol.answer(got)
    assert with_alice is not None
    with_alice.request("BYE")
    bob.dialog = by_bob
    alice.inbox.clear()
    bob.inbox.clear()
    notify(bob, alice, "SIP/2.0 200 OK")
    assert story(lab) == [("started", BOB, CAROL), ("ended", CAROL, ALICE), ("transferred", ALICE, BOB)]
    assert only(lab, "transferred").to == CAROL


# -- conference -------------------------------------------------------------------------------------------------------


FOCUS = "Contact: <sip:alice@10.0.0.10:5060;conf-id=xyz>;isfocus"


def test_the_host_invites_into_a_conference(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 4579 §5.1: `isfocus` in the Contact of the INVITE. Two calls of a conference are told as two."""
    call(alice, bob, contact=False, headers=(FOCUS,))
    assert story(lab)[2:] == [("conference", ALICE, BOB)]
    assert isinstance(only(lab, "conference"), Conference)


def test_somebody_calls_a_conference(lab: Lab, alice: Phone, bob: Phone) -> None:
    """`isfocus` in the 200."""
    bob.invite("alice")
    alice.reply(alice.takes("INVITE"), 200, contact=False, headers=(FOCUS,), body=sdp())
    assert story(lab) == [("started", BOB, ALICE), ("conference", ALICE, BOB)]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_call_becomes_a_conference(lab: Lab, alice: Phone, bob: Phone, method: str) -> None:
    """Linphone as the host: a re-INVITE with a new Contact, and `isfocus` from then on."""
    call(alice, bob)
    for _ in range(2):
        reinvite(alice, bob, sdp(), method=method, contact=False, headers=(FOCUS,))
    assert story(lab)[2:] == [("conference", ALICE, BOB)]


def test_isfocus_within_a_name_is_no_conference(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob, contact=False, headers=("Contact: <sip:isfocus@10.0.0.10:5060;isfocus=1>",))
    assert lab.told("conference") == []


# -- calls that never say good-bye ------------------------------------------------------------------------------------


def start_with_session(lab: Lab, alice: Phone, bob: Phone, session: str) -> None:
    _, got = ringing(alice, bob)
    bob.answer(got, headers=(f"Session-Expires: {session}",) if session else ())
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))


def test_a_lost_bye_and_a_session_timer(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 4028 §10: no refresh came. Compact `x:` and parameters are read, too."""
    start_with_session(lab, alice, bob, "1800;refresher=uas")
    lab.advance(1800)
    assert lab.told("ended") == []
    lab.advance(200)
    ended = only(lab, "ended")
    assert isinstance(ended, Ended)
    assert (ended.who, ended.whom, ended.why) == (ALICE, BOB, "session timer")
    assert 1800 < ended.duration < 1900


@pytest.mark.purpose(
    "RFC4028_06",
    given="re-INVITE or UPDATE every 500 s of a session of 600 s",
    expect="the call goes on for 14 hours, and is closed when they stop",
)  # fmt: skip
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refreshed_session_goes_on(lab: Lab, alice: Phone, bob: Phone, method: str) -> None:
    start_with_session(lab, alice, bob, "600")
    for _ in range(100):
        lab.advance(500)
        assert alice.dialog is not None
        alice.dialog.request(method)
        bob.reply(bob.takes(method), 200, headers=("x: 600",))
        alice.inbox.clear()
        bob.inbox.clear()
    assert lab.told("ended") == [], "14 hours, and alive"
    lab.advance(1000)
    assert only(lab, "ended").why == "session timer"


def test_a_session_timer_that_is_turned_off(lab: Lab, alice: Phone, bob: Phone) -> None:
    """RFC 4028 §7.2: a 2xx without Session-Expires."""
    start_with_session(lab, alice, bob, "600")
    reinvite(alice, bob, sdp())
    lab.advance(11 * 3600)
    assert lab.told("ended") == []
    lab.advance(2 * 3600)
    assert only(lab, "ended").why == "too old"


@pytest.mark.parametrize("session", ["", "soon", "99999999999999999999999", "-1"])
def test_the_upper_age(lab: Lab, session: str) -> None:
    """Without a session timer, or with one that is none. The registrations are long gone."""
    alice, bob = lab.registered("alice", "bob")
    start_with_session(lab, alice, bob, session)
    lab.advance(12 * 3600 - 1)
    assert lab.told("ended") == []
    lab.advance(62)
    ended = only(lab, "ended")
    assert (ended.who, ended.why) == (ALICE, "too old")
    lab.advance(10_000)
    assert len(lab.told("ended")) == 1
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 0}


def test_a_bye_that_nobody_answers_is_an_end_all_the_same(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    lab.advance(100)
    assert lab.kinds == ["ringing", "started", "ended"]


# -- names ------------------------------------------------------------------------------------------------------------


def test_names_are_taken_without_port_and_escapes(lab: Lab, alice: Phone, bob: Phone) -> None:
    alice.invite(
        "sip:bob@10.0.0.1:5060", from_='"Alica" <sip:%61lice@10.0.0.1:5060;x=y>;tag=1', to="sip:bob@10.0.0.1:5060"
    )
    bob.ring(bob.takes("INVITE"))
    assert story(lab) == [("ringing", ALICE, BOB)]


HOSTILE = [
    "%0d%0a00:00:00:INFO:forged", "%1b%5b2J", "%00", "%e2%80%ae", "\u202e", "%ff%fe", "a" * 2000, "'--",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_survive_as_data(lab: Lab, alice: Phone, bob: Phone, name: str) -> None:
    """The engine tells what was said, decoded and nothing else; who prints it makes it safe (journal/safe.py)."""
    alice.invite("bob", from_=f'"x" <sip:{name}@10.0.0.1>;tag=1')
    bob.ring(bob.takes("INVITE"))
    event = only(lab, "ringing")
    assert event.who.endswith("@10.0.0.1")
    assert isinstance(event.who, str)


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("<tel:+421905123456>", "tel:+421905123456"),
        ("anonymous <sip:anonymous@anonymous.invalid>", "anonymous@anonymous.invalid"),
        ("<sip:10.0.0.10>", "10.0.0.10"),
        ("<sip:žofia@10.0.0.1>", "žofia@10.0.0.1"),
        ("<sip:%C5%BEofia@10.0.0.1>", "žofia@10.0.0.1"),
    ],
)
def test_other_names(lab: Lab, alice: Phone, bob: Phone, sender: str, name: str) -> None:
    alice.invite("bob", from_=f"{sender};tag=1")
    bob.ring(bob.takes("INVITE"))
    assert only(lab, "ringing").who == name


def test_a_refer_to_that_is_none(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    refer(alice, bob, "<<<nonsense")
    notify(bob, alice, "SIP/2.0 400 What")
    assert outcome(lab) == (ALICE, BOB, "<<<nonsense", False, "400 What")


# -- the table --------------------------------------------------------------------------------------------------------


def test_the_table_is_bounded(lab: Lab, alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALLS", 2)
    ringing(alice, bob)
    ringing(alice, bob)
    alice.invite("bob")
    refused = alice.takes(503)
    assert refused.first(b"retry-after") == b"10"
    assert not bob.inbox
    assert lab.kinds == ["ringing", "ringing"]


def test_a_call_stays_known_for_a_while(lab: Lab, alice: Phone, bob: Phone) -> None:
    """For a BYE that comes again from a phone whose registration ran out; then it is forgotten."""
    call(alice, bob)
    hang_up(alice, bob)
    assert lab.engine.load["calls"] == 1
    lab.advance(calls.LINGER + 1)
    assert lab.engine.load["calls"] == 0


def test_a_call_is_forgotten_however_it_ended(lab: Lab, alice: Phone, bob: Phone) -> None:
    for status in (302, 404, 407, 486, 500, 603):
        refuse(alice, bob, status)
    sent, got = ringing(alice, bob)
    alice.cancel(sent)
    bob.reply(got, 487)
    alice.invite("nobody")
    alice.invite("bob")
    lab.advance(500)
    assert lab.engine.load["calls"] == 0
    assert lab.engine.load["timers"] == 0


def test_a_spiral_is_one_call(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§16.3: the INVITE comes by twice on its way, by another proxy in between. It rings once, and starts once."""
    other = lab.phone("other", "10.0.0.50:5060")
    other.contact = "sip:ext@10.0.0.50:5060"
    other.user, other.aor = "ext", "sip:ext@10.0.0.1"
    other.register()
    lab.events.clear()
    alice.invite("ext")
    first = other.takes("INVITE")
    names = (b"via", b"from", b"to", b"call-id", b"cseq", b"contact", b"record-route", b"max-forwards")
    kept = [first.lines[position].decode() for name in names for position in first.where[name]]
    other.send(
        "\r\n".join(["INVITE sip:bob@10.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.50;branch=z9hG4bKx", *kept, "", ""])
    )
    other.takes(100)
    second = bob.takes("INVITE")
    for status in (180, 200):
        bob.reply(second, status)
        back = other.takes(status)
        vias = [back.lines[position] for position in back.where[b"via"]]
        other.send(b"\r\n".join([back.start, *vias[1:], *[line for line in back.lines if line not in vias], b"", b""]))
    assert lab.kinds == ["ringing", "started"]


# -- whatever happens -------------------------------------------------------------------------------------------------

ENDS = {"declined", "busy", "cancelled", "missed", "failed"}


class Chaos:
    """Two phones that do what they should not, and a network that delivers some datagrams twice."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.alice, self.bob = self.lab.registered("alice", "bob")
        self.history: list[tuple[bytes, tuple[str, int]]] = []
        put = self.lab.put

        def remembering(data: bytes, source: tuple[str, int]) -> Any:
            self.history.append((data, source))
            return put(data, source)

        self.lab.put = remembering  # type: ignore[method-assign]
        self.sent = self.alice.invite("bob")
        self.got = self.bob.takes("INVITE")

    def do(self, what: str, number: int) -> None:
        caller, callee = self.alice.dialog, self.bob.dialog
        if what == "again":
            self.lab.put(*self.history[number % len(self.history)])
        elif what == "wait":
            self.lab.advance(number % 4)
        elif what.isdigit():
            self.bob.reply(self.got, int(what), body=sdp("10.0.0.11"), headers=("Contact: <sip:alice@10.0.0.1>",))
        elif what == "cancel":
            self.alice.cancel(self.sent)
        elif caller is None or ";tag=" not in caller.remote:
            pass  # inside a dialog only: an INVITE without a To tag is another call
        elif what == "ACK":
            caller.ack(self.sent)
        elif number % 2:
            caller.request(what, headers=("Refer-To: <sip:carol@10.0.0.1>", "Event: refer"), body=sdp())
        elif callee is not None:
            callee.request(what, headers=("Refer-To: <sip:carol@10.0.0.1>", "Event: refer"), body=sdp())
        self._read()

    def _read(self) -> None:
        """The phones say 200 to whatever comes inside the call."""
        for phone in (self.alice, self.bob):
            while phone.inbox:
                message = phone.takes()
                if isinstance(message, Request):
                    if message.to_tag and message.method not in (b"ACK", b"CANCEL"):
                        phone.reply(message, 200, body=sdp())
                elif message.status == 200 and message.cseq_method == b"INVITE" and self.alice.dialog is not None:
                    self.alice.dialog.confirm(message)


STEPS = ["again", "wait", "180", "200", "486", "302", "cancel", "ACK", "INVITE", "UPDATE", "REFER", "NOTIFY", "BYE"]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 50)), max_size=25))
def test_whatever_happens_each_event_comes_once(steps: list[tuple[str, int]]) -> None:
    """Rings at most once, starts at most once; one end, of the kind that fits, and nothing after it but the outcome of
    a transfer. And nothing stays."""
    chaos = Chaos()
    for what, number in steps[:25]:
        if chaos.lab.now < 1030:  # a datagram that is older than 32 s is no retransmission any more (§17.2.1)
            chaos.do(what, number)
    chaos.lab.advance(50_000)
    kinds = [event.kind for event in chaos.lab.events if getattr(event, "call", "") == chaos.sent.call_id.decode()]
    ends = [kind for kind in kinds if kind in ENDS]
    assert kinds.count("ringing") <= 1
    assert kinds.count("started") == kinds.count("ended")
    assert kinds.count("ended") + len(ends) == 1
    end = next(position for position, kind in enumerate(kinds) if kind == "ended" or kind in ENDS)
    assert set(kinds[end + 1 :]) <= {"transferred"}
    assert chaos.lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 0}


def test_a_refused_stranger_is_told_but_a_scanner_does_not_fill_the_journal() -> None:
    lab = Lab()
    stranger = lab.phone("stranger")
    for _ in range(50):
        stranger.invite("bob")
    assert [event.status for event in lab.told("failed") if isinstance(event, Failed)] == [403] * calls.REFUSALS
    assert lab.engine.load["calls"] == 0, "and nothing is remembered of them"
    lab.advance(60)
    stranger.invite("bob")
    assert len(lab.told("failed")) == calls.REFUSALS + 1


def test_a_phone_that_answers_without_end_under_new_tags_takes_no_memory(lab: Lab, alice: Phone, bob: Phone) -> None:
    _, got = call(alice, bob)
    answer = bob.reply(got, 200)
    for number in range(100):
        bob.send(answer.replace(b";tag=bob-5060", b";tag=other-%d" % number))
    (kept,) = lab.engine._core.calls._calls.values()
    assert len(kept._dialogs) == calls.DIALOGS
    hang_up(alice, bob)


def test_a_call_that_comes_by_twice_fails_when_both_ways_have_failed(lab: Lab, alice: Phone, bob: Phone) -> None:
    """A proxy ahead of us has forked it: the one way is refused, the other one rings on and is answered."""
    (carol,) = lab.registered("carol")
    same: dict[str, str] = {"call_id": "forked", "from_": "<sip:alice@10.0.0.1>;tag=1"}
    alice.invite("bob", **same)
    alice.invite("carol", **same)
    rung = bob.takes("INVITE")
    bob.ring(rung)
    carol.reply(carol.takes("INVITE"), 486)
    assert lab.kinds == ["ringing"]
    bob.answer(rung)
    assert lab.kinds == ["ringing", "started"]


def test_a_call_that_is_begun_again_and_again_remembers_no_more_parties_than_may_answer(lab: Lab, alice: Phone) -> None:
    for port in range(1024, 1084):
        far = lab.phone("far", f"192.0.2.9:{port}")
        alice.invite(f"sip:far@192.0.2.9:{port}", call_id="same", from_=f"<{alice.aor}>;tag=same")
        far.ring(far.takes("INVITE"))
    (again,) = lab.engine._core.calls._calls.values()
    assert len(again.parties) == calls.DIALOGS + 1, "the caller, and as many as a fork has branches"
