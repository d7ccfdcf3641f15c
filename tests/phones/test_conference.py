"""Conferences of three, mixed by the phone of one of them."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


def test_hosted_by_pjsip(petra: Pjsua, linda: Linphone, barry: Baresip) -> None:
    """Petra calls two others and lets them hear each other; everybody hears everybody."""
    call_and_answer(petra, linda)
    call_and_answer(petra, barry)
    petra.conference()
    hear_each_other(petra, linda, barry)

    linda.hang_up()
    linda.wait_idle()
    hear_each_other(petra, barry)
    barry.hang_up()
    all_idle(petra, linda, barry)


def test_hosted_by_linphone(linda: Linphone, leo: Linphone, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Linda calls two others and joins them. Her phone only mixes: it has no voice of its own in a conference.

    It says `isfocus` of itself, so Leo's phone subscribes to the conference at the very URI in Linda's Contact: her
    GRUU, by which she knows it again (she refuses it where only an address stands there). The proxy brings her the
    question, and Leo who is in it.
    """
    call_and_answer(linda, leo)
    linda.hold()
    call_and_answer(linda, petra)
    linda.conference(1, 2)
    hear_each_other(leo, petra)

    subscribe = wire.expect("SUBSCRIBE", source=proxy.address, target=linda.address, event="conference")
    assert "conf-id=" in subscribe.start
    wire.expect("SIP/2.0 200", source=proxy.address, target=leo.address, cseq="SUBSCRIBE", call_id=subscribe.call)
    wire.expect("NOTIFY", source=proxy.address, target=leo.address, event="conference", call_id=subscribe.call)
    proxy.journal.expect(words.CONFERENCE, linda, leo)
    proxy.journal.expect(words.CONFERENCE, linda, petra)

    leo.hang_up()
    petra.hang_up()
    all_idle(linda, leo, petra)
