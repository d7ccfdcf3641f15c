"""Phones on UDP and on TCP call each other, in every mix of two."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other

pytestmark = pytest.mark.phones


@pytest.mark.parametrize(("callers", "callees"), [("tcp", "udp"), ("udp", "tcp"), ("tcp", "tcp")])
def test_they_talk_and_hold_and_hang_up(stage: Stage, proxy: Proxy, callers: str, callees: str) -> None:
    """Each once as the caller; what comes within the call finds its way by the connections, too."""
    linda = stage.enter(Linphone, "linda", tcp=callers == "tcp")
    barry = stage.enter(Baresip, "barry", tcp=callees == "tcp")
    call_and_answer(linda, barry)
    hear_each_other(linda, barry)
    linda.hold()
    linda.resume()
    barry.hang_up()
    all_idle(linda, barry)
    proxy.journal.expect(words.ENDED, barry, linda)

    call_and_answer(barry, linda)
    hear_each_other(linda, barry)
    linda.hang_up()
    all_idle(linda, barry)
    proxy.journal.expect(words.ENDED, linda, barry)


def test_a_phone_that_is_switched_off_is_gone_with_its_connection(stage: Stage, proxy: Proxy) -> None:
    barry = stage.enter(Baresip, "barry", tcp=True)
    proxy.journal.expect(words.REGISTERED, barry)
    barry.stop()
    proxy.journal.expect(words.UNREGISTERED, barry)
