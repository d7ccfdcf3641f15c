"""A phone at home behind a router: its Contact is a private address, to which nothing on the LAN has a way.

The proxy reaches it only where its messages really come from. (With the voices it has nothing to do: out of the home
they find their way, and into it only if the other phone, too, answers to where they come from. Of ours, pjsip does.)
"""

from __future__ import annotations

import re

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.lan import Lan
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


@pytest.fixture(params=[Pjsua, Baresip])
def hidden(request: pytest.FixtureRequest, stage: Stage, lan: Lan) -> Pjsua | Baresip:
    """A phone behind a NAT, of two kinds in turn."""
    name = "pavol" if request.param is Pjsua else "bella"
    phone: Pjsua | Baresip = stage.enter(request.param, name, host=lan.host_behind_nat(f"{name}-home"))
    return phone


def test_registers_as_seen(hidden: Pjsua | Baresip, proxy: Proxy, wire: Wire) -> None:
    """The journal has the router's address; the phone learns its own Contact back, and rport of where it came from."""
    proxy.journal.expect(words.REGISTERED + re.escape(hidden.address), hidden)
    answer = wire.expect("SIP/2.0 200", target=hidden.address, cseq="REGISTER")
    assert hidden.host.address in answer.header("contact")
    assert re.search(rf"received={hidden.address}\b", answer.header("via"))
    assert re.search(rf"rport={answer.datagram.target[1]}\b", answer.header("via"))


@pytest.mark.parametrize("hidden_calls", [True, False], ids=["calls", "is-called"])
@pytest.mark.parametrize("hidden_hangs_up", [True, False], ids=["hangs-up", "is-left"])
def test_dialog(hidden: Phone, linda: Linphone, hidden_calls: bool, hidden_hangs_up: bool, proxy: Proxy) -> None:
    """A call from or to the hidden phone: re-INVITEs from both sides and the BYE find their way."""
    caller, callee = (hidden, linda) if hidden_calls else (linda, hidden)
    call_and_answer(caller, callee)
    linda.wait_hearing(hidden.voice)
    hidden.hold()
    hidden.resume()
    linda.hold()
    linda.resume()
    leaving, left = (hidden, linda) if hidden_hangs_up else (linda, hidden)
    leaving.hang_up()
    all_idle(leaving, left)
    proxy.journal.expect(words.ENDED, leaving, left)


def test_voices(stage: Stage, lan: Lan, petra: Pjsua, proxy: Proxy) -> None:
    """With a phone that is clever about RTP, they even hear each other."""
    bella = stage.enter(Baresip, "bella", host=lan.host_behind_nat("bella-home"))
    call_and_answer(petra, bella)
    hear_each_other(petra, bella)
    petra.hang_up()
    all_idle(petra, bella)
    proxy.journal.expect(words.ENDED, petra, bella)
