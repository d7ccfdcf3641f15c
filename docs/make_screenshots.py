"""Make the pictures of the page that README and docs show, from calls that really pass.

    python docs/make_screenshots.py

Needs Linux, root (or user namespaces), Debian's chromium, and what `pip install '.[test]' pillow` brings. It puts
itself on a network of its own, so that proxy and phones have the addresses of a lab; nothing leaves that network.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from sipfullproxy.sip.message import Request  # noqa: E402
from tests.browser.stage import Stage, WiredPhone, stage  # noqa: E402
from tests.browser.window import TELEPHONE, Browser, Page, Window, chromium, expect  # noqa: E402
from tests.helpers import hang_up, sdp  # noqa: E402
from tests.running import running  # noqa: E402

PROXY = "192.168.1.10"
PHONES = [
    ("192.168.1.21", "Linphone-Desktop/5.2.6 (notebook) ubuntu/24.04 Qt/5.15.13 LinphoneCore/5.3.72"),
    ("192.168.1.22", "LinphoneAndroid/5.2.5 (Galaxy A52) LinphoneSDK/5.3.47"),
    ("192.168.1.23", "LinphoneiOS/5.2.3 (iPhone) LinphoneSDK/5.3.47"),
    ("192.168.1.24", "Linphone-Desktop/5.2.6 (pc) windows/11 Qt/5.15.2 LinphoneCore/5.3.72"),
]
"""Where each phone is, and what it says that it is."""

SLOVAKS = ["alica", "boris", "cyril"]
ENGLISH = ["alice", "bob", "carol"]

LARGEST = 300_000
"""Bytes of a picture."""

COLOURS = 128
"""Of a palette: those of the page, and what lies between them at the edges of letters."""

SHOWN = "--shown"


def main() -> int:
    """Build the network, and make the pictures inside it."""
    if SHOWN not in sys.argv:
        hosts = [PROXY, *(host for host, _ in PHONES)]
        build = ["ip link set lo up", *(f"ip address add {host}/24 dev lo" for host in hosts), 'exec "$@"']
        inside = ["sh", "-ec", "\n".join(build), "sh", sys.executable, __file__, SHOWN]
        return subprocess.call(["unshare", "--net", "--map-root-user", *inside])
    with chromium() as browser:
        for lang, users, take in (("sk", SLOVAKS, _by_day), ("en", ENGLISH, _by_night)):
            options = ["--port", "5060", "--web-port", "8080", "--lang", lang, "--phrases", "all"]
            with (
                tempfile.TemporaryDirectory() as folder,
                running(Path(folder), *options, ip=PROXY) as proxy,
                stage(proxy) as lab,
            ):
                phones = [_phone(lab, number, user) for number, user in enumerate(users)]
                _lesson(*phones)
                take(browser, lab, *phones)
    return 0


def _by_day(browser: Browser, lab: Stage, alica: WiredPhone, boris: WiredPhone, cyril: WiredPhone) -> None:
    """A call and a message of it, as on a laptop; the same call on a telephone."""
    window = Window(browser, lab.proxy.page, (1440, 900), lang="sk", theme="light", device_scale_factor=1.5)
    page = window.open()
    sent, got = _rings(alica, boris)
    time.sleep(2.3)  # it rings: on the ladder time is felt
    _talks(alica, boris, sent, got)
    expect(page.locator(".step")).to_have_count(9)
    page.locator("#step-2 .hit").click()
    expect(page.locator(".stage .lasted")).to_have_text("0:04")
    _save(page, "page-call")
    window.close()

    window = Window(browser, lab.proxy.page, TELEPHONE, lang="sk", theme="light", device_scale_factor=2, is_mobile=True)
    page = window.open()
    page.locator(".card").first.click()
    expect(page.locator(".step")).to_have_count(9)
    _save(page, "page-phone")
    window.close()


def _by_night(browser: Browser, lab: Stage, alice: WiredPhone, bob: WiredPhone, carol: WiredPhone) -> None:
    """Bob has two phones; both ring, and the one that is not picked up is cancelled."""
    other = _phone(lab, 3, "bob")
    window = Window(browser, lab.proxy.page, (1440, 900), lang="en", theme="dark", device_scale_factor=1.5)
    page = window.open()
    sent, got = _rings(alice, bob)
    second = other.takes("INVITE")
    other.ring(second)
    alice.takes(180)
    time.sleep(1.6)
    _talks(alice, bob, sent, got)
    other.reply(other.takes("CANCEL"), 200, "OK")
    other.reply(second, 487, "Request Terminated")
    other.takes("ACK")
    expect(page.locator(".step")).to_have_count(16)
    expect(page.locator(".stage .lasted")).to_have_text("0:02")
    _save(page, "page-dark-en")
    window.close()


def _phone(lab: Stage, number: int, user: str) -> WiredPhone:
    host, agent = PHONES[number]
    phone = lab.phone(user, host, 5060)
    phone.register(headers=(f"User-Agent: {agent}", "Supported: replaces, outbound, gruu, path"))
    return phone


def _sound(phone: WiredPhone) -> str:
    """What a Linphone offers."""
    return sdp(phone.address[0]).replace("RTP/AVP 0", "RTP/AVP 96 0 8") + "a=rtpmap:96 opus/48000/2\r\n"


def _rings(caller: WiredPhone, callee: WiredPhone) -> tuple[Request, Request]:
    """A call that rings. Returns the INVITE as sent and as received."""
    agent = dict(PHONES)[caller.address[0]]
    allow = "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE"
    sent = caller.invite(callee.user, body=_sound(caller), headers=(f"User-Agent: {agent}", allow))
    caller.takes(100)
    got = callee.takes("INVITE")
    callee.ring(got)
    caller.takes(180)
    return sent, got


def _talks(caller: WiredPhone, callee: WiredPhone, sent: Request, got: Request) -> None:
    """The callee picks up."""
    callee.answer(got, body=_sound(callee))
    assert caller.dialog is not None
    caller.dialog.confirm(caller.takes(200))
    caller.dialog.ack(sent)
    callee.takes("ACK")


def _lesson(one: WiredPhone, two: WiredPhone, three: WiredPhone) -> None:
    """What happened before, so that the list of calls is not empty."""
    sent, got = _rings(three, one)
    one.reply(got, 486, "Busy here")
    three.ack_failure(sent, three.takes(486))
    one.takes("ACK")
    time.sleep(1.1)
    nobody = two.invite("dana")
    two.ack_failure(nobody, two.takes(404))
    time.sleep(1.2)
    sent, got = _rings(two, three)
    _talks(two, three, sent, got)
    time.sleep(3.2)
    hang_up(two, three)


def _save(page: Page, name: str) -> None:
    """Write a picture, in the colours that it needs: everybody downloads it with the project."""
    page.mouse.move(5, 5)  # it hangs about nowhere
    page.evaluate("document.fonts.ready")
    time.sleep(0.5)
    file = HERE / f"{name}.png"
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    assert file.stat().st_size <= LARGEST, f"{name}: {file.stat().st_size} bytes"


if __name__ == "__main__":
    sys.exit(main())
