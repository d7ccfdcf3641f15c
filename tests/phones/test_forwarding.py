"""Call forwarding, as it stands in the settings file: the call of one who cannot take it rings at somebody else's."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stories import all_idle, call, hear_each_other
from tests.phones.wire import Wire

pytestmark = [pytest.mark.phones, pytest.mark.usefixtures("forwarding")]

# Pavol is away and has no phone; Barry's phone says 486 when he declines; Leo does not hear his.
SETTINGS = """
[forward.pavol]
always = "petra"
[forward.barry]
busy = "petra"
[forward.leo]
no_answer = "petra"
after = 3
"""


@pytest.fixture
def forwarding(proxy: Proxy) -> None:
    """The proxy knows of it before the phones come."""
    proxy.restart(SETTINGS)


def talk_and_end(caller: Phone, other: Phone) -> None:
    """The one who got the call takes it; they talk, and the caller hangs up."""
    other.answer()
    caller.wait_talking()
    hear_each_other(caller, other)
    caller.hang_up()
    all_idle(caller, other)


@pytest.mark.parametrize("caller", ["linda", "barry"])
def test_always(caller: str, petra: Pjsua, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest) -> None:
    """Pavol's calls ring at Petra's, and her phone is told whom they were for."""
    phone: Phone = request.getfixturevalue(caller)
    phone.call("pavol")
    wire.expect("SIP/2.0 181", target=phone.address)
    petra.wait_ringing()
    phone.wait_ringback()
    wire.expect("INVITE", target=petra.address, diversion="sip:pavol@.*reason=unconditional")

    talk_and_end(phone, petra)
    proxy.journal.expect(words.FORWARDED_ALWAYS, phone, "pavol", petra)
    proxy.journal.expect(words.ENDED, phone, petra)


def test_busy(linda: Linphone, barry: Baresip, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Barry is busy, so Petra's phone rings; Linda's never hears of the 486."""
    call(linda, barry)
    barry.decline()
    petra.wait_ringing()
    wire.expect("SIP/2.0 181", target=linda.address)
    wire.expect("INVITE", target=petra.address, diversion="sip:barry@.*reason=user-busy")

    talk_and_end(linda, petra)
    all_idle(barry)
    assert not wire.messages("SIP/2.0 486", target=linda.address)
    proxy.journal.expect(words.FORWARDED_BUSY, linda, barry, petra)
    proxy.journal.expect(words.ENDED, linda, petra)


@pytest.mark.parametrize("caller", ["linda", "barry"])
def test_no_answer(
    caller: str, leo: Linphone, petra: Pjsua, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest
) -> None:
    """Leo's phone rings for three seconds and falls silent; then Petra's rings."""
    phone: Phone = request.getfixturevalue(caller)
    call(phone, leo)
    petra.wait_ringing()
    wire.expect("CANCEL", target=leo.address, reason="cause=408")
    wire.expect("INVITE", target=petra.address, diversion="sip:leo@.*reason=no-answer")
    all_idle(leo)

    talk_and_end(phone, petra)
    proxy.journal.expect(words.FORWARDED_UNANSWERED, phone, leo, petra)
    proxy.journal.expect(words.ENDED, phone, petra)
