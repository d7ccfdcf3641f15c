"""A message of a call explained: its sentence, why it was sent, its lines and what explains each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.locating import Srv
from sipfullproxy.explain.glossary import word
from sipfullproxy.explain.message import Explained, explain, explained
from sipfullproxy.explain.trail import Trail
from sipfullproxy.journal.record import Record
from sipfullproxy.lang import LANGS
from sipfullproxy.sip.phrases import Phrasebook
from tests.helpers import PROXY, Phone, call, hang_up, sdp
from tests.recording import RecordingLab
from tests.test_hostile import mutants
from tests.test_vectors import TABLE

Story = tuple[RecordingLab, Phone, Phone]


@pytest.fixture
def story() -> Story:
    lab = RecordingLab(phrases=Phrasebook())
    alice, bob = lab.registered("alice", "bob")
    return lab, alice, bob


def told(lab: RecordingLab, call_id: bytes, lang: Any = "en") -> list[Explained]:
    trail = Trail(lab.of(call_id))
    return [explain(trail, place, lang) for place in range(len(trail.records))]


def the(found: list[Explained], beginning: str, inward: bool | None = None) -> Explained:
    """The first message that begins so, on its way in or out."""
    return next(one for one in found if one.start.text.startswith(beginning) and inward in (None, one.inward))


# -- the sentences ---------------------------------------------------------------------------------------------------


def test_the_story_of_a_call(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    hang_up(bob, alice)
    assert [one.summary for one in told(lab, sent.call_id)] == [
        "alice's phone asks the proxy to call bob",
        "The proxy says that it has the request and works on it; alice's phone need not repeat it",
        "The proxy passes the call on to bob's phone",
        "bob's phone rings",
        "The proxy tells alice's phone: bob's phone rings",
        "bob answered; here is where voice for bob goes (10.0.0.11:4000, PCMU)",
        "The proxy tells alice's phone: bob answered; here is where voice for bob goes (10.0.0.11:4000, PCMU)",
        "alice's phone confirms the answer; the call stands",
        "The proxy passes it on to bob's phone: alice's phone confirms the answer; the call stands",
        "bob's phone hangs up",
        "The proxy passes it on to alice's phone: bob's phone hangs up",
        "alice's phone confirms the end of the call",
        "The proxy tells bob's phone: alice's phone confirms the end of the call",
    ]


def test_the_same_in_slovak(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    summaries = [one.summary for one in told(lab, sent.call_id, "sk")]
    assert summaries[0] == "Telefón používateľa alice žiada proxy, aby zavolala používateľovi bob"
    assert summaries[2] == "Proxy posiela volanie ďalej telefónu používateľa bob"
    assert summaries[5] == "Používateľ bob zdvihol; hlas preňho má chodiť na 10.0.0.11:4000 (PCMU)"


def test_hold_resume_and_video_are_told_apart(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    assert bob.dialog is not None
    offers = (
        sdp("10.0.0.11", "sendonly"), sdp("10.0.0.11"), sdp("10.0.0.11", video=True), sdp("10.0.0.11"), sdp("10.0.0.11")
    )  # fmt: skip
    for offer in offers:
        bob.dialog.request("INVITE", body=offer)
        alice.answer(alice.takes("INVITE"))
        bob.dialog.request("ACK", cseq=bob.dialog.cseq)
        alice.takes("ACK")
    summaries = [one.summary for one in told(lab, sent.call_id) if one.inward and one.start.text.startswith("INVITE")]
    assert summaries[1:] == [
        "Hold: bob's phone wants no voice from here on (a=sendonly)",
        "End of hold: bob's phone comes back to the call",
        "bob's phone wants to add video to the call",
        "bob's phone ends the video, the voice stays",
        "bob's phone renews the call, or changes its sound or picture",
    ]
    summaries = [one.summary for one in told(lab, sent.call_id) if one.inward]
    assert summaries[-2:] == [
        "alice's phone agrees to the change of the call", "bob's phone confirms the change of the call",
    ]  # fmt: skip


def test_a_transfer_and_how_it_goes(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    assert alice.dialog is not None and bob.dialog is not None
    alice.dialog.request("REFER", headers=("Refer-To: <sip:carol@10.0.0.1>",))
    bob.reply(bob.takes("REFER"), 202)
    alice.takes(202)
    bob.dialog.request(
        "NOTIFY", headers=("Event: refer", "Subscription-State: active"), body="SIP/2.0 180 Ringing\r\n",
        content_type="message/sipfrag",
    )  # fmt: skip
    found = told(lab, sent.call_id)
    assert the(found, "REFER", True).summary == "Transfer: alice's phone wants bob to call carol"
    assert the(found, "SIP/2.0 202", True).summary == "bob's phone accepted the transfer and will try"
    assert the(found, "NOTIFY", True).summary == "bob's phone tells alice how the transfer goes: 180 Ringing"
    passed = the(found, "NOTIFY", False)
    assert passed.summary.startswith("The proxy passes it on to alice's phone: bob's phone tells alice how")


@pytest.mark.parametrize(
    ("status", "summary"),
    [
        (486, "bob is busy"), (600, "bob is busy"), (603, "bob declined the call"),
        (480, "bob's phone takes no call now: 480 X"), (401, "bob's phone wants a login with name and password"),
        (488, "bob's phone cannot take the sound and picture that were offered: 488 X"),
        (302, "bob's phone sends the call elsewhere: "), (499, "bob's phone refused INVITE: 499 X"),
    ],
)  # fmt: skip
def test_what_a_phone_says_instead_of_yes(story: Story, status: int, summary: str) -> None:
    lab, alice, bob = story
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), status, "X")
    found = told(lab, sent.call_id)
    assert the(found, f"SIP/2.0 {status}", True).summary == summary
    assert the(found, "ACK", False).summary == "The proxy confirms to bob's phone that it heard the refusal"


@pytest.mark.parametrize(
    ("method", "more", "summary"),
    [
        ("MESSAGE", {"body": "hi", "content_type": "text/plain"}, "alice's phone sends a text message to bob"),
        ("SUBSCRIBE", {"headers": ("Event: presence",)}, "alice's phone wants to know whether bob is there"),
        ("OPTIONS", {}, "alice's phone asks what the other end can do (often only whether it is alive)"),
        ("PUBLISH", {"headers": ("Event: presence",)}, "alice's phone publishes its state (presence)"),
        ("MAGIC", {}, "alice's phone sends MAGIC"),
    ],
)
def test_other_requests(story: Story, method: str, more: dict[str, Any], summary: str) -> None:
    lab, alice, _ = story
    sent = alice.request(method, "sip:bob@10.0.0.1", **more)
    assert told(lab, sent.call_id)[0].summary == summary


def test_registering_refreshing_and_signing_off() -> None:
    lab = RecordingLab()
    dora = lab.phone("dora")
    dora.register()
    dora.register(contacts=[])
    dora.register(expires=0)
    assert [one.summary for one in told(lab, b"register-dora-5060")] == [
        "dora's phone registers: calls for dora shall go to sip:dora@10.0.0.10:5060",
        "The proxy noted the registration and says how long it holds",
        "dora's phone asks where dora is registered",
        "The proxy noted the registration and says how long it holds",
        "dora's phone signs off: no calls go there any more",
        "The proxy says that dora is registered nowhere",
    ]


def test_two_phones_of_one_user_are_told_apart() -> None:
    lab = RecordingLab()
    alice, bob, mobile = lab.registered("alice", "bob", "bob")
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    mobile.ring(mobile.takes("INVITE"))
    summaries = {one.summary for one in told(lab, sent.call_id)}
    assert {"bob's phone (10.0.0.11:5060) rings", "bob's phone (10.0.0.12:5060) rings"} <= summaries


def test_names_that_are_known_come_first(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    records = lab.of(sent.call_id)
    names = {"10.0.0.11:5060": "robert@10.0.0.1", "10.0.0.99:5060": "robert@10.0.0.1"}
    assert explained(records, 3, "en", names).summary == "robert's phone rings", "his other phone is not in this call"


# -- why -------------------------------------------------------------------------------------------------------------


def whys(lab: RecordingLab, call_id: bytes) -> list[str]:
    return [f"{one.start.text.split(' SIP/2.0')[0]}: {one.why}" for one in told(lab, call_id) if one.why]


def test_an_invite_that_nobody_answers_is_sent_by_timer_a_and_given_up_by_timer_b(story: Story) -> None:
    lab, alice, _ = story
    sent = alice.invite("bob")
    lab.advance(33)
    found = told(lab, sent.call_id)
    assert [one.why for one in found if one.timer == "A"] == [
        f"timer A: no answer for {seconds} s, so the INVITE is sent again (RFC 3261 §17.1.1.2, table 4)"
        for seconds in ("0.5", 1, 2, 4, 8, 16)
    ]
    assert {one.again for one in found if one.timer == "A"} == {2}
    assert all(one.summary == "Again: the proxy passes the call on to bob's phone" for one in found if one.timer == "A")
    last = the(found, "SIP/2.0 408")
    assert last.why.startswith("timer B: 32 s after the first INVITE") and last.origin == 0 and last.cause is None


def test_timer_e_and_timer_g(story: Story) -> None:
    lab, alice, bob = story
    message = alice.request("MESSAGE", "sip:bob@10.0.0.1")
    lab.advance(0.5)
    assert told(lab, message.call_id)[-1].why.startswith("timer E: no final answer for 0.5 s, so MESSAGE is sent again")
    sent = alice.invite("bob")
    bob.takes("MESSAGE")
    bob.takes("MESSAGE")
    bob.reply(bob.takes("INVITE"), 486, "Busy")
    lab.advance(0.5)
    assert "timer G: no ACK for 0.5 s, so the answer is sent again" in told(lab, sent.call_id)[-1].why


def test_what_comes_again_is_answered_again(story: Story) -> None:
    lab, alice, bob = story
    data = alice.compose("INVITE", "sip:bob@10.0.0.1", call_id="twice")
    alice.send(data)
    alice.send(data)
    found = told(lab, b"twice")
    assert found[-2].why.startswith("the same message again: alice's phone has not got yet what it waits for")
    assert found[-1].why.startswith("the same request came again") and found[-1].again == 1
    got = bob.takes("INVITE")
    answer = bob.reply(got, 486, "Busy")
    bob.send(answer)
    assert told(lab, b"twice")[-1].why.startswith("the same refusal came again")


def test_a_200_without_its_ack_comes_and_goes_again(story: Story) -> None:
    lab, alice, bob = story
    sent = alice.invite("bob")
    answer = bob.reply(bob.takes("INVITE"), 200, "OK", body=sdp())
    bob.send(answer)
    assert told(lab, sent.call_id)[-1].why.startswith("bob's phone repeats its 200, because no ACK has come yet")


def test_cancel_by_the_caller_and_for_the_others(story: Story) -> None:
    lab, alice, bob = story
    mobile = lab.phone("bob")
    mobile.register()
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    mobile.ring(mobile.takes("INVITE"))
    bob.answer(got)
    cancel = the(told(lab, sent.call_id), "CANCEL")
    assert cancel.why.startswith("somebody else answered, so bob's phone (10.0.0.12:5060) shall stop ringing")
    assert cancel.summary == "The proxy stops the ringing of bob's phone (10.0.0.12:5060)"
    other = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    alice.cancel(other)
    mobile.takes("CANCEL")
    found = told(lab, other.call_id)
    assert the(found, "CANCEL", False).why.startswith("the caller gave up")
    assert the(found, "SIP/2.0 200", False).why.startswith("a CANCEL goes hop by hop")
    mobile.ring(mobile.takes("INVITE"))
    late = next(
        one for one in told(lab, other.call_id) if one.receiver == "10.0.0.12:5060" and "CANCEL" in one.start.text
    )
    assert late.why.startswith("the call was cancelled before, but a CANCEL may go only now")


def test_timer_c_ends_the_ringing(story: Story) -> None:
    lab, alice, bob = story
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    lab.advance(185)
    assert the(told(lab, sent.call_id), "CANCEL").why.startswith("timer C: it has been ringing for over three minutes")


def test_a_call_that_is_forwarded_says_why() -> None:
    lab = RecordingLab(forward={b"bob": Rule(busy="carol", no_answer="carol", after=5)})
    alice, bob, carol = lab.registered("alice", "bob", "carol")
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    lab.advance(5)
    found = told(lab, sent.call_id)
    assert the(found, "CANCEL").why.startswith("nobody answered in the time after which the call shall go elsewhere")
    assert the(found, "SIP/2.0 181").why.startswith("so that alice's phone knows that the call goes on elsewhere")
    onward = the(found, "INVITE sip:carol@")
    assert onward.why == "the call goes elsewhere, because bob has calls forwarded (no-answer) (RFC 3261 §16.5)"
    assert onward.summary == "Forwarding: the proxy sends the call elsewhere, to carol's phone"
    assert onward.origin == 0 and carol.waiting == ["INVITE"]


def test_a_proxy_that_remembers_nothing_passes_on_what_comes_again() -> None:
    """As the teacher's switch makes it: the copy of a request goes out as the first one did."""
    flow, there = Flow("udp", PROXY, ("10.0.0.10", 5060)), Flow("udp", PROXY, ("10.0.0.11", 5060))
    rest = b"Via: SIP/2.0/UDP a;branch=z9hG4bKy\r\nCSeq: 1 INVITE\r\n\r\n"
    came = b"INVITE sip:bob@10.0.0.1 SIP/2.0\r\n" + rest
    went = b"INVITE sip:bob@10.0.0.11 SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK0-ab12\r\n" + rest
    records = [
        Record(1, 1.0, True, flow, came), Record(2, 1.0, False, there, went, 1, ("uri-to-binding", "via-push")),
        Record(3, 1.5, True, flow, came), Record(4, 1.5, False, there, went, 3, ("uri-to-binding", "via-push")),
    ]  # fmt: skip
    again = explained(records, 3, "en")
    assert again.why.startswith("the same request came again, and a proxy that remembers nothing")
    assert again.changes[1].why == "the proxy signs on top, so that the answer comes back this way"


@pytest.mark.parametrize(
    ("uri", "headers", "status", "why"),
    [
        ("sip:nobody@10.0.0.1", (), 404, "no such user has ever registered here"),
        ("sip:10.0.0.1", (), 484, "nobody stands before the @"),
        ("tel:1", (), 416, "the proxy itself answers INVITE: Only sip and sips URIs are served"),
        ("sip:bob@10.0.0.1", ("Proxy-Require: x",), 420, "the request wants an extension"),
        ("sip:bob@10.0.0.1", ("Max-Breadth: 0",), 440, "the request may not be split any further"),
    ],
)
def test_what_the_proxy_refuses_by_itself(
    story: Story, uri: str, headers: tuple[str, ...], status: int, why: str
) -> None:
    lab, alice, _ = story
    sent = alice.request("INVITE", uri, headers=headers)
    assert the(told(lab, sent.call_id), f"SIP/2.0 {status}").why.startswith(why)


def test_the_reason_of_a_stranger_is_the_warning(story: Story) -> None:
    lab, *_ = story
    sent = lab.phone("eve").invite("bob")
    refusal = the(told(lab, sent.call_id), "SIP/2.0 403")
    assert "Register first: 10.0.0.12:5060 is not a registered phone" in refusal.why


# -- the lines -------------------------------------------------------------------------------------------------------


def test_every_line_of_a_message_is_there_and_explains_itself(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    trail = Trail(lab.of(sent.call_id))
    for place, record in enumerate(trail.records):
        one = explain(trail, place, "en")
        assert (
            "\r\n".join(line.text for line in (one.start, *one.headers))
            == record.data.decode().partition("\r\n\r\n")[0]
        )
        assert [line.text for line in one.body] == record.data.decode().partition("\r\n\r\n")[2].splitlines()
        for line in (one.start, *one.headers, *one.body):
            assert word(line.key, "en") is not None, line
            assert all(word(key, "sk") is not None for key in line.terms)


def test_a_changed_line_points_to_its_change(story: Story) -> None:
    lab, alice, bob = story
    sent, _ = call(alice, bob)
    invite = the(told(lab, sent.call_id), "INVITE", False)
    assert invite.start.change is not None and invite.changes[invite.start.change].header == "Request-URI"
    by_line = {line.text.partition(";")[0]: line.change for line in invite.headers}
    ours, theirs = by_line["Via: SIP/2.0/UDP 10.0.0.1:5060"], by_line["Via: SIP/2.0/UDP 10.0.0.10:5060"]
    assert ours is not None and invite.changes[ours].kind == "added"
    assert theirs is not None and invite.changes[theirs].kind == "changed"
    assert by_line["From: <sip:alice@10.0.0.1>"] is None
    shown = {line.change for line in (invite.start, *invite.headers)} - {None}
    assert shown == {number for number, one in enumerate(invite.changes) if one.after}


def test_folds_and_bytes_that_are_no_text_are_shown(story: Story) -> None:
    lab, alice, _ = story
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1", call_id="odd", headers=("Subject: a\r\n b", "X-Odd: \x1b[31m"))
    alice.send(data.replace(b"X-Odd: ", b"X-Odd: \xff\xe2\x80\xae"))
    one = told(lab, b"odd")[0]
    assert [(line.name, line.text) for line in one.headers][-5:-2] == [
        ("Contact", "Contact: <sip:alice@10.0.0.10:5060>"), ("Subject", "Subject: a"), ("Subject", " b"),
    ]  # fmt: skip
    assert [line.text for line in one.headers if line.name == "X-Odd"] == ["X-Odd: \\xff\\u202e\\x1b[31m"]
    assert next(line.key for line in one.headers if line.name == "X-Odd") == ""


def test_there_is_no_such_place(story: Story) -> None:
    lab, alice, _ = story
    sent = alice.invite("bob")
    for place in (-1, 99):
        with pytest.raises(IndexError):
            explained(lab.of(sent.call_id), place, "sk")


# -- strangers -------------------------------------------------------------------------------------------------------


@given(st.lists(mutants([vector.data for vector in TABLE]) | st.binary(max_size=200), max_size=6), st.data())
@settings(derandomize=True)
def test_nothing_that_is_on_a_tape_breaks_an_explanation(messages: list[bytes], data: st.DataObject) -> None:
    flow = Flow("udp", PROXY, ("10.0.0.10", 5060))
    causes = st.integers(0, 8) | st.sampled_from(["A", "G", "C", "lost", "4320", "no answer"])
    records = [
        Record(number, 1.0, data.draw(st.booleans()), flow, message, data.draw(causes))
        for number, message in enumerate(messages, 1)
    ]
    for place in range(len(records)):
        for lang in LANGS:
            one = explained(records, place, lang)
            assert one.summary.isprintable() and one.why.isprintable()
            for line in (one.start, *one.headers, *one.body):
                assert line.text.isprintable()


HOSTILE = [
    b"Route: " + b"<sip:10.0.0.1;lr>," * 3500,
    b"Via: " + b"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx," * 1600,
    b"Via: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bKx" + b";rport" * 10_000,
    b"\r\n".join([b"x:y"] * 12_000),
    b"\r\n".join(b"X%d: a" % number for number in range(6_000)),
    b"X:" + b"\r\n " * 20_000,
    b"Contact: " + b'<sip:"' * 10_000,
    b"To: <sip:a@b>" + b";tag" * 16_000,
    b"Diversion: " + b"<" * 60_000,
]


@pytest.mark.parametrize("head", HOSTILE, ids=[head[:12].decode() for head in HOSTILE])
def test_the_largest_message_is_explained_in_a_time_that_nobody_minds(head: bytes) -> None:
    """Nothing is measured here; but what grows with the square of 64 kB would take minutes."""
    flow = Flow("udp", PROXY, ("10.0.0.10", 5060))
    start, ours = b"MESSAGE sip:bob@10.0.0.1 SIP/2.0\r\n", b"Via: SIP/2.0/UDP p;branch=z9hG4bKz\r\n"
    rest = b"Via: SIP/2.0/UDP a;branch=z9hG4bKy\r\n"
    end = b"\r\nCSeq: 1 MESSAGE\r\nCall-ID: x\r\n\r\n"
    came = start + rest + head + end
    for data in (start + ours + rest + end, start + ours + rest + head + end, start + ours + rest + head[::-1] + end):
        records = [Record(1, 1.0, True, flow, came), Record(2, 1.0, False, flow, data, 1)]
        assert explained(records, 1, "sk").origin == 0


def test_a_call_by_name_says_that_the_dns_led_there_and_why_it_went_on() -> None:
    lab = RecordingLab(resolve=True)
    lab.zone = {
        "_sip._udp.lab.sk": [Srv(1, 0, 5060, "one.lab.sk"), Srv(2, 0, 5060, "two.lab.sk")],
        "one.lab.sk": ["192.0.2.1"], "two.lab.sk": ["192.0.2.2"],
    }  # fmt: skip
    (alice,) = lab.registered("alice")
    one = lab.phone("bob", "192.0.2.1:5060")
    sent = alice.invite("sip:bob@lab.sk")
    lab.resolve()
    one.reply(one.takes("INVITE"), 503)
    found = told(lab, sent.call_id)
    invites = [message.why for message in found if message.start.text.startswith("INVITE") and not message.inward]
    assert invites == [
        "a request for lab.sk; the DNS has told the proxy at which address that is (RFC 3263 §4)",
        "the server of lab.sk before has failed, or is silent, so the request goes to the next one by the DNS, with a "
        "new branch (RFC 3263 §4.3)",
    ]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ({}, "SIP/2.0 404 Not Found: the DNS knows no SIP server of that name"),
        ({"lab.sk": None}, "SIP/2.0 504 Server Time-out: the DNS did not say in time"),
        ({"lab.sk": ["224.0.0.1"]}, "SIP/2.0 500 Server Internal Error: by the DNS that is at an address to which"),
        ({"lab.sk": [PROXY[0]]}, "SIP/2.0 482 Loop Detected: by the DNS that name is this proxy's"),
    ],
)
def test_a_name_that_leads_nowhere_says_so(zone: Any, words: str) -> None:
    lab = RecordingLab(resolve=True)
    lab.zone = zone
    (alice,) = lab.registered("alice")
    sent = alice.invite("sip:bob@lab.sk")
    lab.resolve()
    assert whys(lab, sent.call_id)[-1].startswith(words)
