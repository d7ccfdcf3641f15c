"""What the page stands: many calls at once, a proxy that is started again; and what calls stand of a browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.stage import Stage, stage
from tests.browser.window import Browser, Window, expect
from tests.helpers import call, hang_up
from tests.load import ends, finish, free_port
from tests.running import running

pytestmark = pytest.mark.browser

CALLS, FEWER, A_SECOND = 200, 100, 50
PAGE = 50
"""Calls that the list shows until it is asked for more."""


@pytest.mark.sipp
def test_many_calls_while_somebody_looks(lab: Stage, look: Callable[..., Window], tmp_path: Path) -> None:
    window = look(lang="en")
    page = window.open()
    with ends(lab.proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", calls=CALLS)
        caller = alice.start("caller", "-r", str(A_SECOND), calls=CALLS, service="bob")
        expect(page.locator(".step").first).to_be_visible()
        # It answers to its user meanwhile.
        page.get_by_role("link", name="Phones", exact=True).click()
        expect(page.get_by_role("rowheader")).to_have_count(2)
        page.locator("nav").get_by_role("link", name="Calls").click()
        finish(caller)
        finish(callee)
    expect(page.locator(".card .chip.ended")).to_have_count(PAGE)
    expect(page.locator(".card")).to_have_count(PAGE)
    page.get_by_role("button", name="More").click()
    expect(page.locator(".card")).to_have_count(2 * PAGE)
    assert len(page.request.get(f"{window.url}/api/calls?limit=500").json()["calls"]) == CALLS


@pytest.mark.sipp
def test_a_frozen_browser_harms_no_call(lab: Stage, look: Callable[..., Window], tmp_path: Path) -> None:
    window = look(lang="en")
    window.open("#/messages")
    with frozen(), ends(lab.proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", calls=FEWER)
        caller = alice.start("caller", "-r", str(A_SECOND), calls=FEWER, service="bob")
        finish(caller)
        finish(callee)
    expect(window.page.locator(".passed .card").first).to_contain_text("BYE")


class frozen:
    """All Chromiums that this test run has started stand still within the block."""

    def __enter__(self) -> None:
        self._pids = list(_descendants(os.getpid(), re.compile("chrom")))
        assert self._pids
        self._send(signal.SIGSTOP)

    def __exit__(self, *error: object) -> None:
        self._send(signal.SIGCONT)

    def _send(self, what: signal.Signals) -> None:
        for pid in self._pids:
            os.kill(pid, what)


def _descendants(pid: int, name: re.Pattern[str]) -> Iterator[int]:
    """The processes of that name below one."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    below = {pid}
    while more := {int(row[0]) for row in rows if int(row[1]) in below} - below:
        below |= more
    yield from (int(row[0]) for row in rows if int(row[0]) in below and name.search(row[2]))


def test_the_page_lives_on_when_the_proxy_is_started_again(browser: Browser, tmp_path: Path) -> None:
    """With no reload; the calls of before are there from the database."""
    port = ["--web-port", str(free_port())]
    with running(tmp_path, *port) as proxy, stage(proxy) as before:
        window = Window(browser, proxy.page, lang="en")
        page = window.open()
        loads: list[str] = []
        page.on("load", lambda _: loads.append(page.url))
        alice, bob = before.registered("alice", "bob")
        call(alice, bob)
        expect(page.locator(".stage .chip")).to_have_text("talking")
        hang_up(alice, bob)
        expect(page.locator(".step")).to_have_count(13)
    live = page.locator("#live")
    expect(live).to_have_text("not connected")
    with running(tmp_path, *port) as proxy, stage(proxy) as after:
        expect(live).to_have_text("live")
        expect(page.locator(".card")).to_have_text([re.compile("alice → bob")])
        page.locator("#step-2 .hit").click()
        expect(page.locator(".reason").first).to_be_visible()
        page.get_by_role("link", name="sipfullproxy").click()
        call(*after.registered("cyril", "dana"))
        expect(page.get_by_role("heading", name="cyril → dana")).to_be_visible()
        expect(page.locator(".card")).to_have_count(2)
        assert loads == []
        window.context.close()
    assert all("/api/live" in one for one in window.complaints), window.complaints


def test_what_was_asked_for_while_the_proxy_was_away_comes_with_it(browser: Browser, tmp_path: Path) -> None:
    port = ["--web-port", str(free_port())]
    with running(tmp_path, *port) as proxy, stage(proxy) as before:
        window = Window(browser, proxy.page, lang="en")
        page = window.open()
        before.registered("alice")
    expect(page.locator("#live")).to_have_text("not connected")
    page.get_by_role("link", name="Phones").click()
    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text("The proxy does not answer")
    with running(tmp_path, *port):
        expect(page.get_by_role("heading", name="Phones", exact=True)).to_be_visible()
        expect(trouble).to_be_hidden()
        expect(page.get_by_role("heading", name="Add a phone")).to_be_visible()
        window.context.close()
