"""What stands at a step: titles, notes, chapters and timers."""

from __future__ import annotations

import pytest

from sipfullproxy.ladder.captions import Captions, letter, short, since
from sipfullproxy.ladder.reading import Reading
from sipfullproxy.lang import Lang
from tests.helpers import sdp


def message(start: str, *headers: str, body: str = "", cseq: str = "", kind: str = "application/sdp") -> Reading:
    """A message, as the ladder reads it."""
    method = start.split()[0]
    lines = [
        start, "Via: SIP/2.0/UDP h;branch=z9hG4bK1", f"CSeq: {cseq or f'1 {method}'}", "From: <sip:a@x>;tag=1",
        "Call-ID: c", *headers,
    ]  # fmt: skip
    if body:
        lines.append(f"Content-Type: {kind}")
    return Reading("\r\n".join([*lines, "", body]).encode())


def request(method: str, *headers: str, inside: bool = False, **more: str) -> Reading:
    """A request to bob."""
    to = "To: <sip:b@x>;tag=2" if inside else "To: <sip:b@x>"
    return message(f"{method} sip:bob@10.0.0.11:5060 SIP/2.0", to, *headers, **more)


def response(start: str, method: str, *headers: str, **more: str) -> Reading:
    """A response to a request of that method."""
    return message(f"SIP/2.0 {start}", "To: <sip:b@x>;tag=2", *headers, cseq=f"1 {method}", **more)


def notify(event: str, body: str = "") -> Reading:
    """A NOTIFY of that event."""
    return request("NOTIFY", f"Event: {event}", inside=True, body=body, kind="message/sipfrag")


@pytest.mark.parametrize(
    ("reading", "title"),
    [
        (request("INVITE"), "INVITE"),
        (request("INVITE", body=sdp(video=True)), "INVITE with video"),
        (request("INVITE", "Replaces: x;to-tag=1;from-tag=2"), "INVITE (takes a call over)"),
        (request("INVITE", inside=True), "re-INVITE"),
        (request("INVITE", inside=True, body=sdp(video=True)), "re-INVITE with video"),
        (request("INVITE", inside=True, body=sdp(direction="sendonly")), "re-INVITE: hold"),
        (request("REFER", "Refer-To: <sip:carol@x>"), "REFER → carol"),
        (request("REFER"), "REFER → "),
        (notify("refer;id=7", "SIP/2.0 200 OK\r\nTo: x"), "NOTIFY 200 OK (transfer)"),
        (notify("refer", "<xml/>"), "NOTIFY (transfer)"),
        (notify("conference"), "NOTIFY (conference)"),
        (notify("message-summary"), "NOTIFY (message-summary)"),
        (request("SUBSCRIBE", "Event: presence"), "SUBSCRIBE (presence)"),
        (request("SUBSCRIBE"), "SUBSCRIBE"),
        (request("NONSENSE"), "NONSENSE"),
        (response("180 Zvoní", "INVITE"), "180 Zvoní"),
        (response("200 ", "INVITE"), "200"),
        (response("200 OK", "BYE"), "200 OK (BYE)"),
        (Reading(b"\x16\x03junk\r\nmore"), "\\x16\\x03junk\\r"),
        (Reading(b""), ""),
    ],
)
def test_titles(reading: Reading, title: str) -> None:
    assert Captions("en").title(reading) == title


def test_a_resumed_call() -> None:
    captions = Captions("sk")
    hold = request("INVITE", inside=True, body=sdp(direction="sendonly"))
    resume = request("INVITE", inside=True, body=sdp(), cseq="2 INVITE")
    assert [captions.title(one) for one in (hold, hold)] == ["re-INVITE: podržanie"] * 2, "in and out"
    assert [captions.title(one) for one in (resume, resume)] == ["re-INVITE: pokračovanie"] * 2
    assert captions.title(request("INVITE", inside=True, body=sdp(), cseq="3 INVITE")) == "re-INVITE"


@pytest.mark.parametrize(
    ("reading", "note"),
    [
        (request("INVITE", body=sdp(video=True)), "bob · audio + video"),
        (request("INVITE", "Referred-By: <sip:carol@x>"), "bob · asked by carol"),
        (request("INVITE", body=sdp(direction="inactive")), "bob · audio (inactive)"),
        (request("UPDATE", inside=True), "bob"),
        (response("200 OK", "INVITE", body=sdp("10.0.0.7")), "audio 10.0.0.7:4000"),
        (response("200 OK", "INVITE", body=sdp(direction="recvonly")), "audio 10.0.0.9:4000 (recvonly)"),
        (response("200 OK", "INVITE", body=sdp().replace("4000", "0")), ""),
        (response("404 No", "INVITE", 'Warning: 399 h:1 "bob is not registered"'), "bob is not registered"),
        (response("486 Busy", "INVITE", "Reason: Q.850;cause=17"), "17"),
        (response("486 Busy", "INVITE"), ""),
        (response("302 Moved", "INVITE", "Contact: <sip:carol@x>"), "→ carol"),
        (request("CANCEL", 'Reason: SIP;cause=200;text="Call completed elsewhere"'), "200 Call completed elsewhere"),
        (request("BYE", 'Reason: Q.850 ;x=y;cause=16 ; text="Normal"'), ""),
        (request("REGISTER", "Expires: 3600"), "3600 s"),
        (request("SUBSCRIBE", "Expires: soon"), ""),
        (request("MESSAGE", body="hi", kind="text/plain"), "text/plain"),
        (request("ACK"), ""),
    ],
)
def test_notes(reading: Reading, note: str) -> None:
    assert Captions("en").note(reading) == note


@pytest.mark.parametrize(
    ("status", "inward", "phase"),
    [
        ("100 Trying", True, ""), ("180 Ringing", True, "rings"), ("200 OK", True, "talking"), ("486 No", True, ""),
        ("486 No", False, "ended"), ("302 Moved", False, "ended"), ("401 Who", False, ""), ("407 Who", False, ""),
    ],
)  # fmt: skip
def test_chapters(status: str, inward: bool, phase: str) -> None:
    captions = Captions("en")
    assert captions.phase(response(status, "INVITE"), inward) == phase
    assert captions.phase(response(status, "INVITE"), inward) == "", "once"


def test_hold_is_a_chapter_and_the_end_is_the_last() -> None:
    captions = Captions("en")

    def told(reading: Reading) -> str:
        captions.title(reading)
        return captions.phase(reading, inward=True)

    hold = request("INVITE", inside=True, body=sdp(direction="sendonly"), cseq="2 INVITE")
    resume = request("INVITE", inside=True, body=sdp(), cseq="3 INVITE")
    yes, transfer, bye = response("200 OK", "INVITE"), request("REFER"), request("BYE")
    story = [request("INVITE"), yes, hold, yes, resume, yes, transfer, response("202 OK", "REFER"), yes, bye, yes]
    assert [phase for phase in map(told, story) if phase] == ["talking", "on hold", "talking", "transfer", "ended"]


def test_a_refused_hold_is_none() -> None:
    captions, told = Captions("en"), []
    for number, status in ((1, "488 No"), (2, "200 OK")):
        body = sdp(direction="sendonly") if number == 1 else ""
        captions.title(request("INVITE", inside=True, body=body, cseq=f"{number} INVITE"))
        told.append(captions.phase(response(status, "INVITE"), inward=True))
    assert told == ["", "talking"]


@pytest.mark.parametrize(
    ("cause", "waited", "lang", "told"),
    [
        ("A", 0.5, "en", "timer A, 0.5 s"), ("E", 4.0, "sk", "časovač E, 4 s"), ("B", None, "en", "timer B, 32 s"),
        ("C", None, "en", "timer C, 3 min 5 s"), ("lost", None, "en", "cannot be delivered"),
        ("no answer", None, "sk", "nikto nedvíha"), ("Q\x1b", None, "en", "timer Q\\x1b"),
    ],
)  # fmt: skip
def test_timers(cause: str, waited: float | None, lang: Lang, told: str) -> None:
    assert Captions(lang).timer(cause, waited) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0.00 s"), (0.004, "0.00 s"), (0.08, "0.08 s"), (0.5, "0.5 s"), (1.0, "1 s"), (3.24, "3.2 s"),
        (9.96, "10 s"), (99.4, "99 s"), (99.6, "1 min 40 s"), (120.0, "2 min"),
    ],
)  # fmt: skip
def test_durations(seconds: float, told: str) -> None:
    assert short(seconds, "en") == told
    assert short(seconds, "sk") == told.replace(".", ",")


def test_moments() -> None:
    assert since(0.0804, "en") == "0.080"
    assert since(62.345, "sk") == "1:02,345"
    assert since(-1, "en") == "0.000"


def test_letters() -> None:
    assert [letter(call) for call in (0, 25, 26, 27, 52, 702)] == ["A", "Z", "AA", "AB", "BA", "AAA"]
