"""A phone in a browser and one that is none talk to each other: ICE and DTLS-SRTP go from one to the other."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.chromium import Chromium
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other

pytestmark = pytest.mark.phones

PORTS = 'tls = true\nlisten = ["udp", "tcp", "tls", "ws", "wss"]\n'

CASES: list[tuple[type[Phone], str, str, str]] = [
    (Linphone, "linda", "udp", "ws"),
    (Linphone, "linda", "tls", "wss"),
    (Baresip, "barry", "udp", "ws"),
    (Baresip, "barry", "tcp", "wss"),
]


@pytest.mark.parametrize(("kind", "name", "transport", "way"), CASES, ids=["-".join(case[1:]) for case in CASES])
def test_a_browser_and_a_phone_hear_each_other(
    stage: Stage, proxy: Proxy, kind: type[Phone], name: str, transport: str, way: str
) -> None:
    proxy.restart(PORTS)
    wanda = stage.enter(Chromium, "wanda", transport=way)
    phone = stage.enter(kind, name, transport=transport, webrtc=True)
    call_and_answer(wanda, phone)
    hear_each_other(wanda, phone)
    wanda.hold()
    wanda.resume()
    phone.hang_up()
    all_idle(wanda, phone)
    proxy.journal.expect(words.ENDED, phone, wanda)

    call_and_answer(phone, wanda)
    hear_each_other(wanda, phone)
    wanda.hang_up()
    all_idle(wanda, phone)
    proxy.journal.expect(words.ENDED, wanda, phone)


def test_a_browser_transfers_its_caller(stage: Stage, proxy: Proxy) -> None:
    proxy.restart(PORTS)
    wanda = stage.enter(Chromium, "wanda")
    linda = stage.enter(Linphone, "linda", webrtc=True)
    barry = stage.enter(Baresip, "barry", webrtc=True)
    call_and_answer(linda, wanda)
    wanda.transfer("barry")
    barry.wait_ringing()
    barry.answer()
    hear_each_other(linda, barry)
    barry.hang_up()
    wanda.hang_up()  # JsSIP leaves that to its page
    all_idle(linda, barry, wanda)


def test_messages_reach_a_browser_and_leave_it(stage: Stage, proxy: Proxy) -> None:
    proxy.restart(PORTS)
    wanda = stage.enter(Chromium, "wanda")
    barry = stage.enter(Baresip, "barry")
    barry.send_message("wanda", "hello browser")
    wanda.wait_message("hello browser")
    wanda.send_message("barry", "hello phone")
    barry.wait_message("hello phone")
