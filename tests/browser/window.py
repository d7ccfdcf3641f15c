"""A browser that looks at the page: headless Chromium, and what must never happen in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from tests.running import need, need_module

need_module("playwright", "playwright")

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Route, expect, sync_playwright  # noqa: E402

__all__ = ["ARGUMENTS", "DESKTOP", "TELEPHONE", "WITHIN", "Browser", "Page", "Route", "Window", "chromium", "expect"]

ARGUMENTS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip
"""What keeps Chromium from looking for anything but the page; without the sandbox, because tests are run as root. Its
microphone beeps, its camera shows a clock, and other phones are told its address and not a name for multicast DNS."""

DESKTOP: Final = (1440, 900)
TELEPHONE: Final = (390, 844)

WITHIN: Final = 30_000
"""Milliseconds that anything may take; most of it takes a tenth of a second, on a machine with nothing else to do."""

expect.set_options(timeout=WITHIN)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium", "chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


class Window:
    """A window of somebody who looks: with a memory of its own, and a witness of all that goes wrong.

    complaints: errors in the console (CSP's, too), scripts that broke, dialogs that nobody expected, requests to
    anywhere but to the proxy.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        size: tuple[int, int] = DESKTOP,
        *,
        lang: str = "",
        theme: str = "",
        **more: Any,
    ) -> None:
        """lang, theme: as if they had been chosen before; where left out the browser has no opinion."""
        self.url = url
        self.complaints: list[str] = []
        width, height = size
        self.context: BrowserContext = browser.new_context(viewport={"width": width, "height": height}, **more)
        self.context.set_default_timeout(WITHIN)
        for name, value in (("lang", lang), ("theme", theme)):
            if value:
                self.context.add_init_script(f"localStorage.{name} ??= '{value}'")
        self.page = self.another()

    def another(self) -> Page:
        """A second tab."""
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._request(request.url))
        return page

    def open(self, place: str = "") -> Page:
        """Open a place of the page, as in "#/phones", and wait until the stream of events is there."""
        self.page.goto(f"{self.url}/{place}")
        expect(self.page.locator("#live")).to_have_class("live open")
        return self.page

    def close(self) -> None:
        """Nobody looks any more. Raises AssertionError with what there was to complain about."""
        self.context.close()
        assert not self.complaints, self.complaints

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text} ({message.location['url']})")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and not url.startswith(f"{self.url}/"):
            self.complaints.append(f"request: {url}")


def place(page: Page) -> str:
    """Where on the page we are, as in "/calls"."""
    return page.url.partition("#")[2]


LASTED: Final = re.compile(r"\d+:\d\d")
