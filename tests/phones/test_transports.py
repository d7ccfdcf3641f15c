"""Phones on UDP, TCP and TLS call each other, in every mix of two; each kind of phone is in several of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import waiting
from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.test_tls import certify
from tests.waiting import GaveUp

pytestmark = pytest.mark.phones

TRANSPORTS = ("udp", "tcp", "tls")

# Who calls whom: with three pairs in turn, each kind of phone speaks each transport, as the caller and as the callee.
PAIRS: list[tuple[type[Phone], str, type[Phone], str]] = [
    (Linphone, "linda", Baresip, "barry"),
    (Baresip, "bella", Pjsua, "petra"),
    (Pjsua, "pavol", Linphone, "leo"),
]
CASES = [
    (callers, callees, *PAIRS[(row + column) % len(PAIRS)])
    for row, callers in enumerate(TRANSPORTS)
    for column, callees in enumerate(TRANSPORTS)
]


@pytest.mark.parametrize(
    ("callers", "callees", "first", "caller", "second", "callee"),
    CASES,
    ids=[f"{name}-{by}-calls-{other}-{to}" for by, to, _, name, _, other in CASES],
)
def test_they_talk_and_hold_and_hang_up(
    stage: Stage, proxy: Proxy, callers: str, callees: str, first: type[Phone], caller: str, second: type[Phone],
    callee: str,
) -> None:  # fmt: skip
    """Each once as the caller; what comes within the call finds its way by the connections, too.

    Linphone and pjsip check the proxy's certificate; Debian's baresip cannot.
    """
    proxy.restart("tls = true\n")
    one = stage.enter(first, caller, transport=callers)
    other = stage.enter(second, callee, transport=callees)
    call_and_answer(one, other)
    hear_each_other(one, other)
    one.hold()
    one.resume()
    other.hang_up()
    all_idle(one, other)
    proxy.journal.expect(words.ENDED, other, one)

    call_and_answer(other, one)
    hear_each_other(one, other)
    one.hang_up()
    all_idle(one, other)
    proxy.journal.expect(words.ENDED, one, other)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_phone_that_sends_by_udp_although_it_registered_otherwise(stage: Stage, proxy: Proxy, transport: str) -> None:
    """baresip does so where an address names no transport: one of its contacts, or one to which it is transferred."""
    proxy.restart("tls = true\n")
    linda = stage.enter(Linphone, "linda")
    petra = stage.enter(Pjsua, "petra")
    barry = stage.enter(Baresip, "barry", transport=transport)
    barry.send_message("linda", "by udp")
    linda.wait_message("by udp")
    call_and_answer(petra, barry)
    petra.transfer("linda")
    linda.wait_ringing()
    linda.answer()
    hear_each_other(linda, barry)
    linda.hang_up()
    all_idle(linda, barry, petra)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_phone_that_is_switched_off_is_gone_with_its_connection(stage: Stage, proxy: Proxy, transport: str) -> None:
    proxy.restart("tls = true\n")
    barry = stage.enter(Baresip, "barry", transport=transport)
    proxy.journal.expect(words.REGISTERED, barry)
    barry.stop()
    proxy.journal.expect(words.UNREGISTERED, barry)


@pytest.mark.parametrize(("kind", "name"), [(Linphone, "linda"), (Pjsua, "petra")], ids=["linda", "petra"])
def test_who_has_another_authority_does_not_come(
    stage: Stage, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Phone], name: str
) -> None:
    monkeypatch.setattr(waiting, "WITHIN", 10.0)  # here it is waited for to the end
    proxy.restart("tls = true\n")
    proxy.ca, _ = certify(tmp_path, "stranger")
    with pytest.raises(GaveUp):
        stage.enter(kind, name, transport="tls")
    assert not proxy.journal.lines(words.REGISTERED, name)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize(("kind", "name"), [(Linphone, "linda"), (Pjsua, "petra")], ids=["linda", "petra"])
def test_a_call_outlives_its_connection(
    stage: Stage, proxy: Proxy, kind: type[Phone], name: str, transport: str
) -> None:
    """The phone comes again by another one, from another port, and is found there within its call."""
    proxy.restart("tls = true\n")
    barry = stage.enter(Baresip, "barry")
    phone = stage.enter(kind, name, transport=transport)
    call_and_answer(phone, barry)
    phone.host.run("ss", "--kill", "--tcp", "dst", proxy.address)
    proxy.journal.expect(words.UNREGISTERED, phone)
    proxy.journal.expect(words.REGISTERED, phone, times=2)
    barry.hang_up()
    all_idle(phone, barry)
    proxy.journal.expect(words.ENDED, barry, phone)
