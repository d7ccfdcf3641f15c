"""A phone in a browser: JsSIP in a page of headless Chromium, with a voice of its own, by ICE and DTLS-SRTP."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.phones import tone
from tests.phones.phone import Desk, Phone
from tests.running import need
from tests.waiting import WITHIN

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPTS: Final = Path(__file__).parents[1] / "browser"
PORTS: Final = {"ws": 8088, "wss": 8089}

# A page of plain HTTP gets no microphone, unless somebody says that it may; who is no test has HTTPS for that.
MICROPHONE: Final = "--unsafely-treat-insecure-origin-as-secure=http://{proxy}:8080"
VOICE: Final = "--use-file-for-fake-audio-capture={file}"

# The browser lives where its host is; it is spoken to by pipes, so it does not matter that this is another network.
IN_NAMESPACE: Final = '#!/bin/sh\nexec ip netns exec {namespace} {program} "$@"\n'


class Chromium(Phone):
    """JsSIP. Its page is that of the proxy, which is one that may open a WebSocket to it.

    Contacts and passwords are not what it is here for; `recording` is written when somebody asks.
    """

    def __init__(self, desk: Desk, transport: str = "ws") -> None:
        """transport: "ws" or "wss". The certificate of "wss" is not looked at: the browser knows no CA of ours."""
        from playwright.sync_api import sync_playwright

        from tests.browser.window import ARGUMENTS

        super().__init__(desk)
        program = self.folder / "chromium"
        program.write_text(IN_NAMESPACE.format(namespace=self.host.namespace, program=need("chromium", "chromium")))
        program.chmod(0o755)
        arguments = [*ARGUMENTS, VOICE.format(file=self.voice.file), MICROPHONE.format(proxy=self.proxy)]
        self._running = contextlib.ExitStack()
        with contextlib.ExitStack() as opening:
            playwright = opening.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            opening.callback(browser.close)
            # Scripts of ours on the page of the proxy: its own rules for scripts are off.
            context = browser.new_context(bypass_csp=True, ignore_https_errors=True)
            context.set_default_timeout(1000 * WITHIN)
            self._page: Page = context.new_page()
            self._page.goto(f"http://{self.proxy}:8080/")
            self._page.add_script_tag(path=SCRIPTS / "jssip" / "jssip.min.js")
            self._page.add_script_tag(path=SCRIPTS / "softphone.js")
            self._page.evaluate("phone.onlyVoice()")
            way = f"{transport}://{self.proxy}:{PORTS[transport]}"
            self._page.evaluate("([way, uri]) => phone.start(way, uri)", [way, self.uri(self.user)])
            self._running = opening.pop_all()

    def recorded(self) -> tuple[int, ...]:
        return tone.read_samples(base64.b64decode(self._page.evaluate("phone.heard()")))

    def recording(self) -> Path:
        file = self.folder / "heard.raw"
        file.write_bytes(base64.b64decode(self._page.evaluate("phone.heard()")))
        return file

    def wait_registered(self) -> None:
        self._page.wait_for_function("phone.ua.isRegistered()")

    def register(self) -> None:
        self._page.evaluate("phone.ua.register()")
        self.wait_registered()

    def unregister(self) -> None:
        self._page.evaluate("phone.ua.unregister()")

    def call(self, user: str) -> None:
        self._page.evaluate("uri => phone.call(uri)", self.uri(user))

    def wait_ringing(self) -> None:
        self._page.wait_for_function("phone.session?.direction === 'incoming' && phone.session.isInProgress()")

    def wait_ringback(self) -> None:
        self._becomes("progress")

    def answer(self) -> None:
        self._page.evaluate("phone.answer()")

    def decline(self) -> None:
        self.hang_up()

    def wait_talking(self) -> None:
        self._becomes("confirmed")

    def hang_up(self) -> None:
        self._page.evaluate("phone.hangUp()")

    def wait_idle(self) -> None:
        self._page.wait_for_function("phone.session.isEnded()")

    def hold(self) -> None:
        self._page.evaluate("phone.reoffer('hold')")

    def resume(self) -> None:
        self._page.evaluate("phone.reoffer('unhold')")

    def transfer(self, user: str) -> None:
        self._page.evaluate("uri => void phone.session.refer(uri)", self.uri(user))

    def send_message(self, user: str, text: str) -> None:
        self._page.evaluate("([uri, text]) => void phone.ua.sendMessage(uri, text)", [self.uri(user), text])

    def wait_message(self, text: str) -> None:
        self._page.wait_for_function("text => phone.messages.includes(text)", arg=text)

    def stop(self) -> None:
        self._running.close()

    def _becomes(self, state: str) -> None:
        self._page.wait_for_function("state => phone.states.includes(state)", arg=state)
