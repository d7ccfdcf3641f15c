"""Linphone asks for a GRUU, and gives it as its Contact from then on: what others do with that comes to its phone."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.linphone import Linphone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


def test_a_call_between_gruus(linda: Linphone, leo: Linphone, proxy: Proxy, wire: Wire) -> None:
    call_and_answer(linda, leo)
    invite = wire.expect("INVITE", source=linda.address, target=proxy.address)
    assert ";gr=urn:uuid:" in dict(invite.headers)["contact"]
    hear_each_other(linda, leo)
    leo.hold()
    leo.resume()
    linda.hold()
    linda.resume()
    leo.hang_up()
    all_idle(linda, leo)
    proxy.journal.expect(words.ENDED, leo, linda)


def test_an_attended_transfer_among_gruus(linda: Linphone, leo: Linphone, petra: Pjsua, wire: Wire) -> None:
    """Whom Linphone names in Refer-To is the user, not his phone; all that follows goes to GRUUs."""
    call_and_answer(linda, petra)
    linda.hold()
    call_and_answer(linda, leo)
    linda.transfer_to_call(1, 2)
    wire.expect("REFER", target=petra.address, refer_to="Replaces=")
    wire.expect("INVITE", target=leo.address, replaces="to-tag=")
    linda.wait_idle()
    hear_each_other(petra, leo)
    leo.hang_up()
    all_idle(petra, leo)


def test_a_conference_at_a_gruu(linda: Linphone, leo: Linphone, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Leo's phone subscribes to the conference at the GRUU of Linda's; which conference, stands in it too."""
    call_and_answer(linda, leo)
    linda.hold()
    call_and_answer(linda, petra)
    linda.conference(1, 2)
    hear_each_other(leo, petra)
    subscribe = wire.expect("SUBSCRIBE", source=proxy.address, target=linda.address, event="conference")
    assert "conf-id=" in subscribe.start
    proxy.journal.expect(words.CONFERENCE, linda, leo)
    leo.hang_up()
    petra.hang_up()
    all_idle(linda, leo, petra)
