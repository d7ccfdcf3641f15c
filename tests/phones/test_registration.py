"""Registration: a phone makes itself known, stays known, and goes away."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


@pytest.mark.parametrize("name", ["linda", "barry", "petra"])
def test_come_and_go(name: str, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest) -> None:
    """A phone registers, unregisters and comes back; the proxy tells it each time which Contact it knows."""
    phone: Phone = request.getfixturevalue(name)
    first = wire.expect("SIP/2.0 200", target=phone.address, cseq="REGISTER")
    assert f"@{phone.address}" in first.header("contact")
    assert "tag=" in first.header("to")
    proxy.journal.expect(words.REGISTERED, phone)

    phone.unregister()
    wire.expect("SIP/2.0 200", target=phone.address, cseq="REGISTER", contact="^$")
    proxy.journal.expect(words.UNREGISTERED, phone)

    phone.register()
    proxy.journal.expect(words.REGISTERED, phone, times=2)


def test_refresh(petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """A phone that registers again is not new: the journal keeps silent, and there is still one Contact."""
    petra.register()
    first, second = wire.messages("SIP/2.0 200", target=petra.address, cseq="REGISTER")
    assert first.call == second.call
    assert second.header("contact").count("<sip:") == 1
    proxy.journal.expect(words.REGISTERED, petra)


def test_phone_restarts(stage: Stage, linda: Linphone, barry: Baresip) -> None:
    """A phone that was killed comes back under a new Contact, while its old one is still known: it is reached."""
    barry.stop()
    again = stage.enter(Baresip, "barry")
    call_and_answer(linda, again)
    hear_each_other(linda, again)
    linda.hang_up()
    all_idle(linda, again)


def test_stranger(petra: Pjsua, linda: Linphone, proxy: Proxy, wire: Wire) -> None:
    """Who is not registered cannot call those who are."""
    petra.unregister()
    petra.call("linda")
    wire.expect("SIP/2.0 403", target=petra.address, cseq="INVITE")
    petra.wait_idle()
    assert not wire.messages("INVITE", target=linda.address)


def test_everybody(linda: Linphone, barry: Baresip, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Three phones are three users, each with the address that it really sends from."""
    for phone in (linda, barry, petra):
        proxy.journal.expect(words.REGISTERED + phone.address, phone)
        (answer,) = wire.messages("SIP/2.0 200", target=phone.address, cseq="REGISTER")
        assert f"sip:{phone.user}" in answer.header("contact")
