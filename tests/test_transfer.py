"""REFER, its NOTIFYs, and how a transfer came out (RFC 3515). As part of whole calls: test_calls.py."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.media import CALLEE, CALLER
from sipfullproxy.engine.transfer import Outcome, Transfers
from sipfullproxy.sip.message import Request, Response, parse


def notify(sipfrag: str, state: str = "active", event: str = "refer") -> Request:
    head = f"NOTIFY sip:a@x SIP/2.0\r\nVia: x\r\nEvent: {event}\r\nSubscription-State: {state}\r\n\r\n"
    made = parse((head + sipfrag).encode())
    assert isinstance(made, Request)
    return made


def answer(status: int) -> Response:
    made = parse(f"SIP/2.0 {status} Said\r\nVia: x\r\n\r\n".encode())
    assert isinstance(made, Response)
    return made


@pytest.fixture
def asked() -> Transfers:
    """The caller has asked."""
    transfers = Transfers()
    assert not transfers
    assert transfers.asked(CALLER, "carol@x") == []
    assert transfers
    return transfers


@pytest.mark.parametrize(
    ("sipfrag", "state", "succeeded", "why"),
    [
        ("SIP/2.0 200 OK", "active", True, "200 OK"),
        ("SIP/2.0 200 OK\r\nTo: <sip:c@x>\r\n", "terminated;reason=noresource", True, "200 OK"),
        ("\r\nsip/2.0 299", "terminated;reason=reason=noresource", True, "299"),
        ("SIP/2.0 302 Moved", "active", False, "302 Moved"),
        ("SIP/2.0 603 ", "terminated", False, "603"),
        ("SIP/2.0 180 Ringing", "TERMINATED ;reason=giveup", None, "180 Ringing"),
        ("", "terminated", None, ""),
        ("<xml/>", "terminated", None, ""),
        ("SIP/2.0 999 Huh", "terminated", None, ""),
    ],
)
def test_what_ends_a_transfer(asked: Transfers, sipfrag: str, state: str, succeeded: bool | None, why: str) -> None:
    assert asked.reported(CALLER, notify(sipfrag, state)) == [Outcome(CALLER, "carol@x", succeeded, why)]
    assert asked.reported(CALLER, notify(sipfrag, state)) == [], "once"
    assert not asked
    assert asked.over() == []


@pytest.mark.parametrize(
    ("sipfrag", "event"),
    [("SIP/2.0 100 Trying", "refer"), ("", "refer"), ("SIP/2.0 200 OK", "referral"), ("SIP/2.0 200 OK", "presence")],
)
def test_what_does_not(asked: Transfers, sipfrag: str, event: str) -> None:
    assert asked.reported(CALLER, notify(sipfrag, event=event)) == []
    assert asked.reported(CALLEE, notify("SIP/2.0 200 OK")) == [], "it was not the callee who asked"
    assert asked.over() == [Outcome(CALLER, "carol@x")]
    assert asked.over() == []


def test_the_answer_to_the_refer(asked: Transfers) -> None:
    assert asked.answered(CALLER, answer(202)) == []
    assert asked.answered(CALLER, answer(403)) == [Outcome(CALLER, "carol@x", False, "403 Said")]
    assert asked.answered(CALLER, answer(403)) == []


def test_both_sides_at_once(asked: Transfers) -> None:
    asked.asked(CALLEE, "dave@x")
    assert asked.reported(CALLEE, notify("SIP/2.0 200 OK")) == [Outcome(CALLEE, "dave@x", True, "200 OK")]
    assert asked.over() == [Outcome(CALLER, "carol@x")]
