"""A phone that has lost its network without a word: the one slow test here, since SIP waits for half a minute."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.proxy import Proxy
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


def test_dead_phone(linda: Linphone, barry: Baresip, proxy: Proxy, wire: Wire) -> None:
    """The caller is told 408 when Timer B (64*T1 = 32 s) has fired for the phone that does not answer."""
    with barry.host.unplugged():
        linda.call("barry")
        wire.expect("SIP/2.0 100", target=linda.address, cseq="INVITE")
        answer = wire.expect("SIP/2.0 408", target=linda.address, cseq="INVITE", within=60)
    linda.wait_idle()
    (invite,) = wire.messages("INVITE", source=linda.address)
    assert answer.datagram.time - invite.datagram.time > 30, "the phone had its chance"
    proxy.journal.expect(words.FAILED, linda, barry)
