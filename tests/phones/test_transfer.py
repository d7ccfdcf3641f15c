"""Transfers: one phone asks another to talk to a third one instead (REFER), and learns how that went (NOTIFY)."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


# Linphone's last NOTIFY says `reason=reason=noresource`, which pjsip does not take: so no petra → linda.
@pytest.mark.parametrize(
    ("asks", "moves", "target"),
    [
        ("linda", "barry", "petra"),
        ("linda", "petra", "barry"),
        ("barry", "linda", "petra"),
        ("petra", "barry", "linda"),
    ],
)
def test_blind_transfer(
    asks: str, moves: str, target: str, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest
) -> None:
    """Two talk; one sends the other on to a third, hears that it went well, and leaves."""
    asking, moving, third = (request.getfixturevalue(name) for name in (asks, moves, target))
    call_and_answer(moving, asking)
    hear_each_other(moving, asking)

    asking.transfer(third.user)
    refer = wire.expect("REFER", target=moving.address, refer_to=f"sip:{third.user}@")
    wire.expect("SIP/2.0 202", target=asking.address, cseq="REFER")
    third.wait_ringing()
    third.answer()
    third.wait_talking()
    wire.expect("NOTIFY", target=asking.address, event="refer", body="SIP/2.0 200", call_id=refer.call)

    asking.wait_idle()
    hear_each_other(moving, third)
    proxy.journal.expect(words.TRANSFERRED, asking, moving, third)
    moving.hang_up()
    all_idle(moving, third)
    proxy.journal.expect(words.ENDED, moving, third)


@pytest.mark.parametrize(
    ("asks", "moves", "target"), [("linda", "leo", "petra"), ("linda", "petra", "leo"), ("petra", "pavol", "linda")]
)
def test_attended_transfer(
    asks: str, moves: str, target: str, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest
) -> None:
    """One talks to two others in turn, then joins the two and leaves: the new call replaces an old one."""
    asking: Linphone | Pjsua = request.getfixturevalue(asks)
    moving: Phone = request.getfixturevalue(moves)
    third: Phone = request.getfixturevalue(target)
    call_and_answer(asking, moving)
    asking.hold()
    call_and_answer(asking, third)
    hear_each_other(asking, third)

    asking.transfer_to_call(1, 2)
    wire.expect("REFER", target=moving.address, refer_to="Replaces=")
    wire.expect("INVITE", source=moving.address, replaces="to-tag=")
    wire.expect("INVITE", target=third.address, replaces="to-tag=")
    wire.expect("NOTIFY", target=asking.address, event="refer", body="SIP/2.0 200")

    asking.wait_idle()
    hear_each_other(moving, third)
    third.hang_up()
    all_idle(moving, third)


def test_transfer_to_nobody(linda: Linphone, barry: Baresip, proxy: Proxy, wire: Wire) -> None:
    """The third one does not exist: the phone that asked is told so, and the call goes on."""
    call_and_answer(linda, barry)
    linda.transfer("nobody")
    wire.expect("NOTIFY", target=linda.address, event="refer", body="SIP/2.0 4(04|80)")
    proxy.journal.expect(words.NOT_TRANSFERRED, linda, barry, "nobody")
    barry.hang_up()
    all_idle(linda, barry)
