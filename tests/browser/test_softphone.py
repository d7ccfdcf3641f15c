"""Phones in browsers (JsSIP) that register and call by WebSocket, with sound and picture that really arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.browser.stage import Stage, stage
from tests.browser.window import Page, Window
from tests.running import Running, need_module, running
from tests.test_tls import certify
from tests.waiting import eventually

need_module("websockets", "websockets")

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
PATIENCE: Final = 30.0
"""Seconds that anything may take: two phones make sound and picture beside all else that this machine does."""

PORTS = ("--listen", "udp", "--listen", "ws:127.0.0.1:0", "--listen", "wss:127.0.0.1:0")


class Softphone:
    """A phone in a window. user: whose it is. It lives at our own page, which is a page that may call."""

    def __init__(self, page: Page, proxy: Running, user: str) -> None:
        self.page = page
        self.user = user
        self._domain = "{}:{}".format(*proxy.address)
        page.set_default_timeout(1000 * PATIENCE)
        page.add_script_tag(path=HERE / "jssip" / "jssip.min.js")
        page.add_script_tag(path=HERE / "softphone.js")

    def uri(self, user: str) -> str:
        return f"sip:{user}@{self._domain}"

    def register(self, url: str) -> int:
        """Register by that WebSocket. Returns the status of the answer."""
        status: int = self.page.evaluate("([url, uri]) => phone.start(url, uri)", [url, self.uri(self.user)])
        return status

    def call(self, user: str) -> None:
        self.page.evaluate("uri => phone.call(uri)", self.uri(user))

    def answer(self) -> None:
        self.page.wait_for_function("phone.session?.direction === 'incoming' && phone.session.isInProgress()")
        self.page.evaluate("phone.answer()")

    def hang_up(self) -> None:
        self.page.evaluate("phone.hangUp()")

    def becomes(self, state: str) -> None:
        """Wait until the call is so: "confirmed", "ended: Terminated" …"""
        self.page.wait_for_function("state => phone.states.includes(state)", arg=state)

    def hears_and_sees(self) -> None:
        """Wait until there is sound that is no silence, and a picture; and then until there is more of both."""
        before = eventually(
            lambda: complete if all((complete := self._received()).values()) else None, "any of it", PATIENCE
        )
        eventually(lambda: all(now > before[what] for what, now in self._received().items()), "more of it", PATIENCE)

    def _received(self) -> dict[str, float]:
        found: dict[str, float] = self.page.evaluate("phone.received()")
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Stage]:
    cert, key = certify(tmp_path, "proxy")
    with running(tmp_path, *PORTS, "--tls-cert", str(cert), "--tls-key", str(key)) as proxy, stage(proxy) as opened:
        yield opened


@pytest.fixture
def softphone(look: Callable[..., Window], lab: Stage) -> Callable[..., Softphone]:
    """Makes phones that are registered. The page's own rules for scripts and connections are off: ours is no phone yet.
    It has no CA either, so certificates are not looked at."""

    def make(user: str, transport: str = "ws") -> Softphone:
        window = look(bypass_csp=True, ignore_https_errors=True)
        phone = Softphone(window.open(), lab.proxy, user)
        assert phone.register(lab.proxy.url(transport)) == 200
        return phone

    return make


@pytest.mark.parametrize(("alices", "bobs"), [("ws", "ws"), ("wss", "ws")])
def test_two_browsers_call_each_other(lab: Stage, softphone: Callable[..., Softphone], alices: str, bobs: str) -> None:
    alice, bob = softphone("alice", alices), softphone("bob", bobs)
    for caller, callee in ((alice, bob), (bob, alice)):
        caller.call(callee.user)
        callee.answer()
        for phone in (caller, callee):
            phone.becomes("confirmed")
            phone.hears_and_sees()
        alice.hang_up()
        for phone in (caller, callee):
            phone.becomes("ended: Terminated")
    journal = eventually(lambda: _told(lab, "Call ended", 2), "the end of both calls", PATIENCE)
    assert "Video call" in journal


def test_holding_and_a_window_that_is_closed_within_a_call(lab: Stage, softphone: Callable[..., Softphone]) -> None:
    alice, bob = softphone("alice"), softphone("bob")
    alice.call("bob")
    bob.answer()
    for phone in (alice, bob):
        phone.becomes("confirmed")
    alice.page.evaluate("phone.reoffer('hold')")
    bob.becomes("hold")
    # To its ACK: without it the other one waits half a minute before his BYE.
    alice.page.evaluate("phone.reoffer('unhold')")
    bob.becomes("unhold")
    alice.page.close()
    eventually(lambda: _told(lab, "User unregistered", 1), "the end of her connection", PATIENCE)
    bob.hang_up()
    bob.becomes("ended: Terminated")
    eventually(lambda: _told(lab, "Call ended", 1), "the end of the call", PATIENCE)
    alice = softphone("alice")
    alice.call("bob")
    bob.answer()
    alice.becomes("confirmed")


def _told(lab: Stage, what: str, times: int) -> str | None:
    journal = lab.proxy.journal.read_text("utf-8")
    return journal if journal.count(what) == times else None


def test_a_browser_and_a_phone_on_udp(lab: Stage, softphone: Callable[..., Softphone]) -> None:
    """Who speaks no ICE and no DTLS has no voice for a browser; their SIP understands each other all the same."""
    browser = softphone("browser")
    (phone,) = lab.registered("phone")
    browser.call("phone")
    got = phone.takes("INVITE")
    assert b"transport=ws" in got.values(b"record-route")[1] and b";gr=urn:uuid:" in got.values(b"contact")[0]
    phone.ring(got)
    browser.becomes("progress")
    phone.reply(got, 488, "Not Acceptable Here")
    assert phone.takes("ACK")
    browser.becomes("failed: Incompatible SDP")

    sent = phone.invite("browser", body="")
    phone.takes(100)
    assert phone.takes(180).values(b"contact")[0].startswith(b"<sip:browser@127.0.0.1")
    phone.cancel(sent)
    assert {phone.takes().status, phone.takes().status} == {200, 487}


def test_what_is_said_within_a_call_reaches_both(lab: Stage, softphone: Callable[..., Softphone]) -> None:
    """A phone on UDP that answers in the words of a browser: here its own, sent back."""
    alice = softphone("alice")
    (bob,) = lab.registered("bob")
    alice.call("bob")
    got = bob.takes("INVITE")
    bob.answer(got, body=_mirrored(got.body.decode()))
    bob.takes("ACK")
    alice.becomes("confirmed")
    assert bob.dialog is not None
    bob.dialog.request("INFO", body="Signal=5\r\nDuration=100\r\n", content_type="application/dtmf-relay")
    assert bob.takes(200)
    alice.page.evaluate("phone.session.sendDTMF('1')")
    bob.reply(bob.takes("INFO"), 200)
    bob.dialog.request("BYE")
    assert bob.takes(200)
    alice.becomes("ended: Terminated")


def _mirrored(offer: str) -> str:
    return offer.replace("a=setup:actpass", "a=setup:active")
