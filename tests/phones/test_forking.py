"""One user, several phones; and a phone that sends its callers elsewhere."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


@pytest.fixture
def second(stage: Stage) -> Baresip:
    """Linda's second phone: the baresip on Barry's desk."""
    return stage.enter(Baresip, "barry", user="linda")


def test_first_answer_wins(linda: Linphone, second: Baresip, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Both phones of Linda ring; she takes the second one, and the first one is told that she did (RFC 3326)."""
    call(petra, linda)
    second.wait_ringing()

    second.answer()
    petra.wait_talking()
    wire.expect("CANCEL", target=linda.address, reason='SIP *; *cause=200 *; *text="[Cc]all completed elsewhere"')
    linda.wait_idle()
    hear_each_other(petra, second)
    proxy.journal.expect(words.STARTED, petra, linda)

    petra.hang_up()
    all_idle(petra, second)
    assert not wire.messages("BYE", target=linda.address), "the first phone has no call to end"


def test_caller_gives_up_on_both(linda: Linphone, second: Baresip, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Both phones ring, and both fall silent when the caller gives up; she gets one answer."""
    call(petra, linda)
    second.wait_ringing()

    petra.hang_up()
    all_idle(petra, linda, second)
    wire.expect("SIP/2.0 487", target=petra.address)
    assert len(wire.messages("SIP/2.0 487", target=petra.address)) == 1
    proxy.journal.expect(words.CANCELLED, petra, linda)


def test_declined_on_one_phone(linda: Linphone, second: Baresip, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """603 says that the *user* does not want: the other phone stops to ring as well (RFC 3261 §16.7 step 5)."""
    call(petra, linda)
    second.wait_ringing()

    linda.decline()
    second.wait_idle()
    wire.expect("SIP/2.0 603", target=petra.address)
    all_idle(petra, linda)
    proxy.journal.expect(words.DECLINED, petra, linda)


def test_busy_on_one_phone(linda: Linphone, second: Baresip, petra: Pjsua) -> None:
    """486 is of one phone only: the other one goes on ringing, and can be answered."""
    call(petra, linda)
    second.wait_ringing()

    second.decline()
    second.wait_idle()
    linda.answer()
    petra.wait_talking()
    hear_each_other(petra, linda)
    linda.hang_up()
    all_idle(petra, linda)


def test_one_phone_is_dead(linda: Linphone, second: Baresip, petra: Pjsua, proxy: Proxy) -> None:
    """A phone that has lost its network does not keep the user's other phone from ringing."""
    with linda.host.unplugged():
        petra.call("linda")
        second.wait_ringing()
        second.answer()
        petra.wait_talking()
        hear_each_other(petra, second)
        second.hang_up()
        all_idle(petra, second)
    proxy.journal.expect(words.ENDED, "linda", petra)


def test_sent_elsewhere(linda: Linphone, petra: Pjsua, barry: Baresip, proxy: Proxy) -> None:
    """Petra's phone answers 302, so Linda's call goes on to Barry; whoever follows it, the caller or the proxy."""
    call(linda, petra)

    petra.redirect("barry")
    barry.wait_ringing()
    petra.wait_idle()
    barry.answer()
    linda.wait_talking()
    hear_each_other(linda, barry)
    proxy.journal.expect(words.FORWARDED, linda, petra, barry)

    barry.hang_up()
    all_idle(linda, barry)
