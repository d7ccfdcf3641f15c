"""Offers and answers, and what a journal makes of them (RFC 3264). As part of whole calls: test_calls.py."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.events import Held, Resumed, Video
from sipfullproxy.engine.media import CALLEE, CALLER, Media, other
from sipfullproxy.sip.message import Message, parse
from tests.helpers import sdp


def message(body: str, to_tag: str = "b") -> Message:
    """Any message with that session description, or without any."""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    made = parse(
        f"INVITE sip:b@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=a\r\n"
        f"To: <sip:b@x>;tag={to_tag}\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{kind}\r\n{body}".encode()
    )
    made.check()
    return made


AUDIO, VIDEO, HOLD, HELD, NONE = sdp(), sdp(video=True), sdp(direction="sendonly"), sdp(direction="recvonly"), ""


def test_sides() -> None:
    assert (other(CALLER), other(CALLEE)) == (CALLEE, CALLER)


def test_hold_video_and_back() -> None:
    media = Media()
    assert media.accepted(CALLER, message(AUDIO), message(AUDIO)) == []
    assert media.accepted(CALLEE, message(VIDEO), message(VIDEO)) == [(Video, CALLEE)]
    assert media.accepted(CALLER, message(HOLD), message(HELD)) == [(Held, CALLER)]
    assert media.accepted(CALLER, message(VIDEO), message(VIDEO)) == [(Resumed, CALLER)]
    assert media.video


def test_video_that_comes_with_the_end_of_a_hold() -> None:
    media = Media()
    media.accepted(CALLER, message(AUDIO), message(AUDIO))
    media.accepted(CALLER, message(HOLD), message(HELD))
    assert media.accepted(CALLEE, message(VIDEO), message(VIDEO)) == [], "nobody sees it yet"
    assert media.accepted(CALLER, message(VIDEO), message(VIDEO)) == [(Resumed, CALLER), (Video, CALLER)]


@pytest.mark.parametrize("way", ["sendonly", "inactive", "recvonly"])
def test_who_begins_one_way_holds_nobody_until_he_has_talked_both_ways(way: str) -> None:
    """A music server sends only, a listener takes only, and who connects two others begins with no media at all."""
    media = Media()
    assert media.accepted(CALLER, message(sdp(direction=way)), message(AUDIO)) == []
    again = sdp(direction=way).replace("o=- 1 1", "o=- 1 2")
    assert media.accepted(CALLER, message(again), message(AUDIO)) == [], "as before"
    assert media.accepted(CALLER, message(AUDIO), message(AUDIO)) == []
    assert media.accepted(CALLER, message(HOLD), message(HELD)) == [(Held, CALLER)]


def test_the_other_side_may_hold_who_began_one_way() -> None:
    media = Media()
    media.accepted(CALLER, message(HOLD), message(HELD))
    assert media.accepted(CALLEE, message(HOLD), message(HELD)) == [(Held, CALLEE)]
    assert media.accepted(CALLEE, message(HELD), message(HOLD)) == [(Resumed, CALLEE)]


def test_a_server_that_is_asked_for_its_offer_holds_nobody_either() -> None:
    media = Media()
    assert media.accepted(CALLER, message(NONE), message(HOLD)) == []
    assert media.acknowledged(message(HELD)) == []


def test_a_film_is_a_video_call_though_it_is_shown_one_way() -> None:
    media = Media()
    film = sdp(direction="sendonly", video=True)
    assert media.accepted(CALLER, message(film), message(VIDEO)) == [(Video, CALLER)]


@pytest.mark.parametrize("junk", ["not a description", "v=0\r\n", "m=video"])
def test_junk_changes_nothing(junk: str) -> None:
    media = Media()
    assert media.accepted(CALLER, message(junk), message(VIDEO)) == []
    assert media.accepted(CALLER, message(VIDEO), message(junk)) == []
    assert not media.video


def test_the_early_answer_counts_for_the_phone_that_gave_it() -> None:
    """In a fork, what another phone said is not said by the one that answers (RFC 3261 §13.2.2.4)."""
    mine, theirs = Media(), Media()
    mine.provisional(message(VIDEO, "b"))
    assert mine.accepted(CALLER, message(VIDEO), message(NONE, "b")) == [(Video, CALLER)]
    theirs.provisional(message(VIDEO, "other"))
    assert theirs.accepted(CALLER, message(VIDEO), message(NONE, "b")) == []


def test_an_early_answer_is_forgotten_after_the_answer() -> None:
    media = Media()
    media.provisional(message(VIDEO))
    media.accepted(CALLER, message(AUDIO), message(AUDIO))
    assert media.accepted(CALLER, message(VIDEO), message(NONE)) == []


def test_the_offer_of_a_2xx_waits_for_its_ack_and_for_no_later_one() -> None:
    media = Media()
    assert media.acknowledged(message(VIDEO)) == []
    assert media.accepted(CALLER, message(NONE), message(VIDEO)) == []
    assert media.acknowledged(message(VIDEO)) == [(Video, CALLEE)]
    assert media.acknowledged(message(HOLD)) == []
    assert media.accepted(CALLER, message(NONE), message(HOLD)) == []
    assert media.accepted(CALLER, message(VIDEO), message(VIDEO)) == [], "the next agreement replaces what was open"
    assert media.acknowledged(message(HELD)) == []


def test_no_description_at_all() -> None:
    media = Media()
    assert media.accepted(CALLER, message(NONE), message(NONE)) == []
    assert media.acknowledged(message(AUDIO)) == []
