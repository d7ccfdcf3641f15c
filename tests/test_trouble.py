"""What went wrong with a call, told from its card, its events and messages; and nothing told where all went well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sipfullproxy.engine.events import Unregistered
from sipfullproxy.explain.trail import Trail
from sipfullproxy.explain.trouble import Trouble, trouble, voice
from sipfullproxy.explain.words import toml
from sipfullproxy.journal.cards import OVER
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.sip.message import Request
from tests.cards import card_of, phone_cards
from tests.helpers import Phone, call, hang_up, sdp
from tests.recording import RecordingLab


def found(lab: RecordingLab, invite: Request, *phones: Phone, lang: Lang = "en", **changed: Any) -> Trouble | None:
    records = lab.of(invite.call_id)
    card = replace(card_of(lab, invite, records), **changed)
    return trouble(card, lab.events, records, phone_cards(*phones), lang)


def told(lab: RecordingLab, invite: Request, *phones: Phone, **more: Any) -> str:
    one = found(lab, invite, *phones, **more)
    assert one is not None and one.hint
    return one.sentence


def house(*users: str, **settings: Any) -> Any:
    lab = RecordingLab(**settings)
    return [lab, *lab.registered(*users)]


# -- nothing ---------------------------------------------------------------------------------------------------------


def test_all_went_well() -> None:
    lab, alice, bob = house("alice", "bob")
    sent, _ = call(alice, bob)
    assert found(lab, sent) is None
    hang_up(alice, bob)
    assert found(lab, sent) is None


def test_it_only_rings_yet() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    assert found(lab, sent) is None
    bob.ring(bob.takes("INVITE"))
    assert found(lab, sent) is None


def test_without_messages_the_card_still_says_something() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486, "Busy")
    card = card_of(lab, sent, lab.of(sent.call_id))
    one = trouble(card, [], [], [], "en")
    assert one is not None and one.key == "busy"
    for status in (400, 403, 404, 408, 480, 484, 488, 500, 503, 599):
        for lang in LANGS:
            assert trouble(replace(card, end="failed", status=status), [], [], [], lang) is not None


# -- nobody there ----------------------------------------------------------------------------------------------------


def test_nobody_of_that_name_and_whom_it_looks_like() -> None:
    lab, alice, boris = house("alice", "boris")
    assert told(lab, alice.invite("bors"), alice, boris) == "bors has never registered here; did you mean boris?"
    assert told(lab, alice.invite("zuzana"), alice, boris) == "zuzana has never registered here"


def test_the_registration_had_expired() -> None:
    lab, alice = house("alice")
    boris = lab.phone("boris")
    boris.register(expires=60)
    lab.advance(60 + 180)
    sentence = "boris is not registered: the last registration expired 3 min before the call"
    sent = alice.invite("boris")
    assert told(lab, sent) == sentence
    assert told(lab, sent, lang="sk") == (
        "Používateľ boris nie je zaregistrovaný: registrácia vypršala 3 min pred volaním"
    )


def test_the_phone_had_signed_off() -> None:
    lab, alice, boris = house("alice", "boris")
    boris.register(expires=0)
    lab.advance(20)
    sent = alice.invite("boris")
    assert told(lab, sent) == "boris is not registered: the phone signed off 20 s before the call"
    lab.events = [event for event in lab.events if not isinstance(event, Unregistered)]
    assert told(lab, sent) == "boris is not registered now"


def test_no_name_at_all() -> None:
    lab, alice = house("alice")
    assert told(lab, alice.request("INVITE", "sip:10.0.0.1")) == "The address that was called names no user"


def test_a_caller_who_is_not_registered_or_from_elsewhere() -> None:
    lab, alice, bob = house("alice", "bob")
    eve = lab.phone("eve")
    assert told(lab, eve.invite("bob"), alice, bob) == (
        "eve may not call from here: the phone at 10.0.0.12:5060 is not registered"
    )
    moved = lab.phone("alice", "10.0.0.99:5060")
    assert told(lab, moved.invite("bob"), alice, bob) == (
        "alice is registered from 10.0.0.10:5060, but the call came from 10.0.0.99:5060"
    )


def test_no_answer_at_all() -> None:
    lab, alice, _ = house("alice", "bob")
    sent = alice.invite("bob")
    lab.advance(10)
    assert told(lab, sent) == "No answer from 10.0.0.11:5060 to 5 INVITEs"
    lab.advance(23)
    assert told(lab, sent) == "No answer from 10.0.0.11:5060 to 7 INVITEs"


def test_no_answer_to_a_message_that_travels_in_pieces() -> None:
    lab, alice, _ = house("alice", "bob")
    sent = alice.invite("bob", body=sdp() + "a=x:" + "y" * 1500 + "\r\n")
    lab.advance(33)
    one = found(lab, sent)
    assert one is not None and one.key == "silent.large" and "1472 B" in one.hint


def test_the_caller_gave_up() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    lab.advance(8)
    alice.cancel(sent)
    lab.advance(30)
    one = found(lab, sent)
    assert one is not None and one.key == "silent.gaveup" and "10.0.0.11:5060 answered none of" in one.sentence
    bob.inbox.clear()
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(8)
    alice.cancel(sent)
    bob.reply(got, 487)
    assert told(lab, sent) == "alice gave up after 8 s, before bob answered"


def test_one_phone_of_two_is_silent_and_that_is_not_the_trouble() -> None:
    lab, alice, bob, _ = house("alice", "bob", "bob")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(20)
    assert found(lab, sent) is None


# -- not taken -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (486, "busy"), (600, "busy"), (603, "declined"), (488, "codecs"), (415, "codecs"), (606, "declined"),
        (482, "loop"), (483, "loop"), (480, "rang"), (500, "refused"), (513, "large"), (404, "refused"),
        (403, "forbidden"), (499, "refused"),
    ],
)  # fmt: skip
def test_what_a_phone_says_instead_of_yes(status: int, key: str) -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), status, "No")
    one = found(lab, sent)
    assert one is not None and one.key == key and one.sentence


def test_the_codecs_that_were_offered_are_named() -> None:
    lab, alice, bob = house("alice", "bob")
    body = sdp().replace("AVP 0", "AVP 96 0 101") + "a=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
    sent = alice.invite("bob", body=body)
    bob.reply(bob.takes("INVITE"), 488, "Not Acceptable Here")
    assert told(lab, sent) == "bob cannot take what the caller offered: audio opus, PCMU"


def test_a_browser_and_a_phone_that_is_none_have_no_voice_in_common() -> None:
    lab = RecordingLab(listen=(("udp", ("10.0.0.1", 5060)), ("ws", ("10.0.0.1", 8088))))
    alice, bob, carol = (
        lab.phone(user, transport=way) for user, way in (("alice", "ws"), ("bob", "udp"), ("carol", "ws"))
    )
    for phone in (alice, bob, carol):
        phone.register()
    for caller, callee in ((alice, bob), (bob, alice), (alice, carol)):
        sent = caller.invite(callee.user)
        callee.reply(callee.takes("INVITE"), 488, "Not Acceptable Here")
        assert caller.takes(100) and caller.takes(488)
        callee.inbox.clear()  # an ACK
        one = found(lab, sent)
        assert one is not None and one.key == ("codecs" if callee is carol else "browser")


IPV6 = "2001:db8::7"


def test_voice_of_ipv4_is_no_use_to_a_phone_on_ipv6() -> None:
    """RFC 6157: the session description passes as it is, and the page says why nothing is heard."""
    us = ("10.0.0.1", 5060), ("2001:db8::1", 5060)
    lab = RecordingLab(listen=tuple(("udp", local) for local in us))
    alice, bob = lab.phone("alice"), lab.phone("bob", f"[{IPV6}]:5060")
    for phone in (alice, bob):
        phone.register()
    sent, _ = call(alice, bob)
    assert told(lab, sent) == (
        f"One phone wants voice over IPv4 (10.0.0.10:4000), the other over IPv6 ([{IPV6}]:4000):"
        " nobody will hear anything"
    )
    refused = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 488, "Not Acceptable Here")
    assert told(lab, refused) == (
        f"The caller offered sound over IPv4, but the phone of bob is at [{IPV6}]:5060 and did not take that"
    )


def test_it_rang_and_nobody_came() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(60)
    bob.reply(got, 480, "Temporarily Unavailable")
    assert told(lab, sent) == "bob did not answer, the phone rang for 1 min"


def test_a_password_that_is_wrong_or_missing() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 401, "Unauthorized")
    assert told(lab, sent, state=OVER) == "The called side wants a login (401), and the caller's phone sent none"
    again = alice.invite("bob", headers=("Authorization: Digest x",))
    bob.takes("ACK")
    bob.reply(bob.takes("INVITE"), 401, "Unauthorized")
    assert told(lab, again, state=OVER).startswith("alice could not log in: 401 came even though")


def test_a_phone_that_cannot_be_sent_to() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    lab.lose(bob.address)
    assert told(lab, sent) == "Nothing could be sent to 10.0.0.11:5060"


# -- answered, and yet -----------------------------------------------------------------------------------------------


def test_the_ack_never_came() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob")
    answer = bob.reply(bob.takes("INVITE"), 200, "OK", body=sdp("10.0.0.11"))
    for _ in range(5):
        bob.send(answer)
    one = found(lab, sent)
    assert (
        one is not None and one.sentence == "alice did not confirm the answer: the 200 was sent 6 times and no ACK came"
    )
    assert "10.0.0.1:5060" in one.hint


def test_the_bye_was_not_answered() -> None:
    lab, alice, bob = house("alice", "bob")
    sent, _ = call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    lab.advance(33)
    assert told(lab, sent).startswith("The call is over, but 10.0.0.11:5060 did not answer the BYE")


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("192.168.56.1", "voice.elsewhere"), ("127.0.0.1", "voice.loopback"), ("0.0.0.0", "voice.nowhere"),
        ("bobs-phone.local", ""), ("10.0.0.11", ""),
    ],
)  # fmt: skip
def test_voice_that_cannot_arrive(wanted: str, key: str) -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob", body=sdp("10.0.0.10"))
    bob.answer(bob.takes("INVITE"), body=sdp(wanted))
    one = found(lab, sent)
    assert (one.key if one is not None else "") == key
    if key:
        assert one is not None and wanted in one.sentence and "bob" in one.sentence


def test_phones_that_look_for_a_way_by_themselves_are_not_suspected() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob", body=sdp("10.0.0.10"))
    bob.answer(bob.takes("INVITE"), body=sdp("192.168.56.1") + "a=candidate:1 1 UDP 1 10.0.0.11 4000 typ host\r\n")
    assert found(lab, sent) is None


def test_no_codec_in_common_and_sound_refused() -> None:
    lab, alice, bob = house("alice", "bob")
    sent = alice.invite("bob", body=sdp("10.0.0.10"))
    got = bob.takes("INVITE")
    bob.answer(got, body=sdp("10.0.0.11").replace("AVP 0", "AVP 8"))
    assert told(lab, sent) == "The phones have no audio codec in common: one has PCMU, the other PCMA"
    sent = alice.invite("bob", body=sdp("10.0.0.10"))
    bob.answer(bob.takes("INVITE"), body=sdp("10.0.0.11").replace("audio 4000", "audio 0"))
    assert told(lab, sent) == "bob refused the sound (port 0)"


@pytest.mark.parametrize(("report", "key"), [("SIP/2.0 486 Busy Here", "transfer.failed"), ("?", "transfer.unknown")])
def test_a_transfer_that_came_to_nothing(report: str, key: str) -> None:
    lab, alice, bob = house("alice", "bob")
    sent, _ = call(alice, bob)
    assert alice.dialog is not None and bob.dialog is not None
    alice.dialog.request("REFER", headers=("Refer-To: <sip:carol@10.0.0.1>",))
    bob.reply(bob.takes("REFER"), 202)
    bob.dialog.request(
        "NOTIFY",
        headers=("Event: refer", "Subscription-State: terminated"),
        body=report,
        content_type="message/sipfrag",
    )
    one = found(lab, sent)
    assert one is not None and one.key == key and "carol" in one.sentence


@pytest.mark.parametrize(("why", "key"), [("too old", "old"), ("session timer", "timer")])
def test_a_call_that_ended_by_itself(why: str, key: str) -> None:
    lab, alice, bob = house("alice", "bob")
    sent, _ = call(alice, bob)
    one = found(lab, sent, state=OVER, end="ended", why=why)
    assert one is not None and one.key == key


def test_a_call_whose_end_nobody_saw() -> None:
    lab, alice, bob = house("alice", "bob")
    sent, _ = call(alice, bob)
    one = found(lab, sent, state=OVER, end="", missing=True)
    assert one is not None and one.key == "missing"


# -- the words -------------------------------------------------------------------------------------------------------


def test_every_trouble_has_its_words_and_a_hint_in_every_language() -> None:
    for key, entry in toml("words", "trouble").items():
        assert set(entry) == {f"{hint}{lang}" for hint in ("", "hint_") for lang in LANGS}, key
        assert all(entry.values()), key
        assert entry["hint_sk"][-1] in ".?}" and entry["sk"][-1] not in ".", key


def test_what_strangers_are_called_harms_nobody() -> None:
    lab = RecordingLab()
    alice, evil = lab.registered("alice")[0], lab.phone("<script>\x1b")
    sent = alice.request("INVITE", "sip:%1b[31m%e2%80%ae<x>{0}@10.0.0.1", to="<sip:a@b>")
    records = lab.of(sent.call_id)
    card = replace(card_of(lab, sent, records), callee="\x1b[31m\u202e{caller}@h")
    for lang in LANGS:
        one = trouble(card, lab.events, records, phone_cards(alice, evil), lang)
        assert one is None or (one.sentence.isprintable() and one.hint.isprintable())


def test_voice_of_nothing() -> None:
    assert list(voice(Trail([]), "sk")) == []


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ({}, "The DNS knows no SIP server named lab.sk"),
        ({"lab.sk": None}, "The DNS did not say in time where lab.sk is"),
        ({"lab.sk": ["224.0.0.1"]}, "By the DNS, lab.sk leads to an address to which the proxy sends nothing"),
        ({"lab.sk": ["10.0.0.1"]}, "By the DNS, lab.sk is this proxy, which has not been told so"),
    ],
)
def test_a_name_that_leads_nowhere(zone: Any, words: str) -> None:
    lab, alice = house("alice", resolve=True)
    lab.zone = zone
    sent = alice.invite("sip:bob@lab.sk")
    lab.resolve()
    assert told(lab, sent, alice) == words
