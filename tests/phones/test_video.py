"""Video calls: VP8 from the start of a call, or added to it later. With video the SDP makes large datagrams."""

from __future__ import annotations

import pytest

from tests.phones import rtp, words
from tests.phones.baresip import Baresip
from tests.phones.lan import Lan
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire
from tests.waiting import eventually

pytestmark = pytest.mark.phones

# How many packets make a picture worth the name.
PICTURES = 20


@pytest.fixture
def linda(stage: Stage) -> Linphone:
    """Linda with a camera."""
    return stage.enter(Linphone, "linda", camera=True)


@pytest.fixture
def barry(stage: Stage) -> Baresip:
    """Barry with a camera. His phone offers video in every call."""
    return stage.enter(Baresip, "barry", camera=True)


def see_each_other(wire: Wire, one: Phone, other: Phone) -> None:
    """From now on there are pictures on their way in both directions."""
    wire.forget_media()
    wait_pictures(wire, one, other)
    wait_pictures(wire, other, one)


def wait_pictures(wire: Wire, sender: Phone, receiver: Phone) -> None:
    """Wait for pictures on their way to the port that the receiver has named last."""
    description = wire.messages("", source=receiver.address, body="m=video [1-9]")[-1]
    eventually(
        lambda: len(rtp.pictures(wire.media(sender.address, receiver.address), description)) >= PICTURES,
        f"the picture of {sender.user} on its way to {receiver.user}",
    )


def test_from_the_start_by_baresip(linda: Linphone, barry: Baresip, proxy: Proxy, wire: Wire) -> None:
    """Barry calls with video, and Linda's phone takes it."""
    call_and_answer(barry, linda)
    hear_each_other(barry, linda)
    see_each_other(wire, barry, linda)
    proxy.journal.expect(words.STARTED, barry, linda)
    proxy.journal.expect(words.VIDEO, barry, linda)
    linda.hang_up()
    all_idle(barry, linda)


def test_from_the_start_by_linphone(stage: Stage, barry: Baresip, proxy: Proxy, wire: Wire) -> None:
    """Linda calls with video, and Barry's phone takes it."""
    linda = stage.enter(Linphone, "linda", camera=True, films_at_once=True)
    call_and_answer(linda, barry)
    hear_each_other(linda, barry)
    see_each_other(wire, linda, barry)
    proxy.journal.expect(words.VIDEO, linda, barry)
    barry.hang_up()
    all_idle(linda, barry)


def test_camera_on(linda: Linphone, barry: Baresip, proxy: Proxy, wire: Wire) -> None:
    """They talk; then Linda turns her camera on, and Barry's phone takes the video."""
    call_and_answer(linda, barry)
    hear_each_other(linda, barry)
    assert not proxy.journal.lines(words.VIDEO, linda, barry)

    linda.camera_on()
    wire.expect("INVITE", target=barry.address, body="m=video [1-9]")
    wire.expect("SIP/2.0 200", target=linda.address, cseq="INVITE", body="m=video [1-9]")
    see_each_other(wire, linda, barry)
    proxy.journal.expect(words.VIDEO, linda, barry)
    linda.hang_up()
    all_idle(linda, barry)


def test_in_fragments(linda: Linphone, barry: Baresip, lan: Lan, wire: Wire) -> None:
    """What video calls have to say outgrows the MTU: it travels in IP fragments, to the proxy and from it."""
    with linda.host.fragmenting(), barry.host.fragmenting(), lan.proxy.fragmenting():
        call_and_answer(barry, linda)
        hear_each_other(barry, linda)
        see_each_other(wire, barry, linda)
        barry.hang_up()
        all_idle(barry, linda)
    for message in wire.messages("INVITE") + wire.messages("SIP/2.0 200", cseq="INVITE"):
        assert message.datagram.fragments > 1
