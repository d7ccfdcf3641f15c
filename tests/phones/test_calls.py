"""The daily life of a telephone: ring, answer, talk, hang up; and all the ways in which a call does not come about."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stories import all_idle, call, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones

# Every phone calls every other one.
PAIRS = list(permutations(("linda", "barry", "petra"), 2))


@pytest.fixture(params=PAIRS, ids=[f"{caller}-calls-{callee}" for caller, callee in PAIRS])
def pair(request: pytest.FixtureRequest) -> tuple[Phone, Phone]:
    """A caller and a callee with different phones."""
    caller, callee = request.param
    return request.getfixturevalue(caller), request.getfixturevalue(callee)


def test_caller_hangs_up(pair: tuple[Phone, Phone], proxy: Proxy, wire: Wire) -> None:
    """They talk, and the one who has called ends the call."""
    caller, callee = pair
    call(caller, callee)
    proxy.journal.expect(words.RINGING, caller, callee)
    wire.expect("SIP/2.0 100", source=proxy.address, target=caller.address, cseq="INVITE")

    callee.answer()
    caller.wait_talking()
    hear_each_other(caller, callee)
    proxy.journal.expect(words.STARTED, caller, callee)

    caller.hang_up()
    all_idle(caller, callee)
    proxy.journal.expect(words.ENDED, caller, callee)


def test_callee_hangs_up(pair: tuple[Phone, Phone], proxy: Proxy) -> None:
    """They talk, and the one who was called ends the call."""
    caller, callee = pair
    call_and_answer(caller, callee)
    hear_each_other(caller, callee)

    callee.hang_up()
    all_idle(caller, callee)
    proxy.journal.expect(words.ENDED, callee, caller)


# Each phone once as the caller and once as the callee; the two are never of one kind.
ROUND = [("linda", "barry"), ("barry", "petra"), ("petra", "linda")]


@pytest.mark.parametrize("pair", ROUND, indirect=True, ids="-".join)
def test_caller_gives_up(pair: tuple[Phone, Phone], proxy: Proxy, wire: Wire) -> None:
    """Nobody answers, so the caller hangs up while it rings: both phones fall silent."""
    caller, callee = pair
    call(caller, callee)

    caller.hang_up()
    all_idle(caller, callee)
    wire.expect("CANCEL", target=callee.address)
    wire.expect("SIP/2.0 487", target=caller.address)
    proxy.journal.expect(words.CANCELLED, caller, callee)


@pytest.mark.parametrize(
    "pair", [("linda", "petra"), ("barry", "linda"), ("petra", "linda")], indirect=True, ids="-".join
)
def test_callee_declines(pair: tuple[Phone, Phone], proxy: Proxy, wire: Wire) -> None:
    """The callee does not want to talk: 603."""
    caller, callee = pair
    call(caller, callee)

    callee.decline()
    wire.expect("SIP/2.0 603", target=caller.address)
    all_idle(caller, callee)
    proxy.journal.expect(words.DECLINED, caller, callee)


@pytest.mark.parametrize("caller", ["linda", "petra"])
def test_callee_is_busy(caller: str, barry: Baresip, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest) -> None:
    """The callee's phone says 486; the proxy acknowledges it, and passes it on in Slovak."""
    phone: Phone = request.getfixturevalue(caller)
    call(phone, barry)

    barry.decline()
    wire.expect(f"SIP/2.0 {words.BUSY_STATUS}$", target=phone.address)
    wire.expect("ACK", source=proxy.address, target=barry.address)
    all_idle(phone, barry)
    proxy.journal.expect(words.BUSY, phone, barry)


def test_nobody_answers(linda: Linphone, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """The callee's phone rings for a time and then gives up by itself: 480."""
    call(linda, petra)

    petra.respond(480)
    wire.expect("SIP/2.0 480", target=linda.address)
    all_idle(linda, petra)
    proxy.journal.expect(words.MISSED, linda, petra)


@pytest.mark.parametrize("caller", ["linda", "barry", "petra"])
def test_callee_is_unknown(caller: str, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest) -> None:
    """A number that nobody has."""
    phone: Phone = request.getfixturevalue(caller)
    phone.call("nobody")
    wire.expect("SIP/2.0 4(04|80)", target=phone.address)
    phone.wait_idle()
    proxy.journal.expect(words.FAILED, phone, "nobody")


def test_callee_has_gone(linda: Linphone, petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """A phone that has unregistered is not rung."""
    petra.unregister()
    linda.call("petra")
    wire.expect("SIP/2.0 4(04|80)", target=linda.address)
    linda.wait_idle()
    assert not wire.messages("INVITE", target=petra.address)
    proxy.journal.expect(words.FAILED, linda, petra)


def test_two_calls_at_once(linda: Linphone, barry: Baresip, petra: Pjsua, leo: Linphone, proxy: Proxy) -> None:
    """Two pairs talk at the same time; nobody hears the other pair."""
    call_and_answer(linda, barry)
    call_and_answer(petra, leo)
    hear_each_other(linda, barry)
    hear_each_other(petra, leo)
    assert barry.heard(petra.voice) == leo.heard(linda.voice) == 0.0

    linda.hang_up()
    all_idle(linda, barry)
    hear_each_other(petra, leo)
    leo.hang_up()
    all_idle(petra, leo)
    proxy.journal.expect(words.ENDED, linda, barry)
    proxy.journal.expect(words.ENDED, leo, petra)


def test_second_call_is_no_video(linda: Linphone, barry: Baresip, proxy: Proxy) -> None:
    """Two calls one after another are two calls, and the journal has no video in it."""
    for _ in range(2):
        call_and_answer(linda, barry)
        linda.hang_up()
        all_idle(linda, barry)
    proxy.journal.expect(words.ENDED, linda, barry, times=2)
    proxy.journal.expect(words.STARTED, linda, barry, times=2)
    assert not proxy.journal.lines(words.VIDEO, linda, barry)
