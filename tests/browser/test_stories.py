"""What a student does with the page: from the empty one to the message beside its origin."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sipfullproxy.banlist import BanList
from sipfullproxy.engine.bans import Ban
from sipfullproxy.state import NAME
from tests.browser.stage import Stage
from tests.browser.window import LASTED, TELEPHONE, Browser, Page, Window, expect, place
from tests.helpers import call, hang_up
from tests.logins import users_file
from tests.running import running

pytestmark = pytest.mark.browser

Look = Callable[..., Window]

SLOVAK = set("áäčďéíĺľňóôŕšťúýž")
"""Letters that no English text of the page has; what is quoted from messages may."""


def steps(page: Page) -> list[str]:
    """The titles on the ladder, from above."""
    return [text.partition("  ")[0] for text in page.locator(".ladder .what").all_text_contents()]


def test_a_call_from_nothing_to_its_end(lab: Stage, look: Look) -> None:
    """Phones come by themselves, the call opens while it rings, its ladder grows; nothing is ever loaded anew."""
    window = look(lang="en")
    page = window.open("#/phones")
    loads: list[str] = []
    page.on("load", lambda _: loads.append(page.url))
    expect(page.get_by_text("Nobody is registered.")).to_be_visible()
    alice, bob = lab.registered("alice", "bob")
    expect(page.get_by_role("rowheader", name=re.compile("alice@|bob@"))).to_have_count(2)

    page.get_by_role("link", name="Calls", exact=True).click()
    expect(page.get_by_role("heading", name="Nobody has called yet.")).to_be_visible()
    sent = alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.reply(got, 100)  # or the INVITE would come again to a phone that is waiting for a browser
    expect(page.get_by_role("heading", name="alice → bob")).to_be_visible()
    expect(page.locator(".ladder .step")).to_have_count(4)
    bob.ring(got)
    alice.takes(180)
    expect(page.locator(".ladder .step")).to_have_count(6)
    expect(page.locator(".card .chip")).to_have_text("ringing")
    bob.answer(got)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    bob.takes("ACK")
    expect(page.locator(".stage .chip.talking")).to_be_visible()
    expect(page.locator(".ladder .step")).to_have_count(10)
    assert steps(page)[:3] == ["INVITE", "100 Trying", "INVITE"]

    lasted = page.locator(".stage .lasted")
    expect(lasted).to_have_text(LASTED)
    before = lasted.text_content() or ""
    expect(lasted).not_to_have_text(before)

    hang_up(alice, bob)
    expect(page.locator(".stage .chip.ended")).to_be_visible()
    expect(page.locator(".ladder .step")).to_have_count(14)
    page.get_by_text("What happened").click()
    expect(page.locator(".story li")).to_contain_text(["Calling", "Ringing", "Call started", "Call ended"])
    assert loads == []


def test_a_message_beside_its_origin_with_each_change_and_its_reason(lab: Stage, look: Look) -> None:
    call(*lab.registered("alice", "bob"))
    page = look(lang="en").open()
    page.locator(".card").click()
    page.locator("#step-2 .hit").click()
    expect(page.get_by_role("heading", name=re.compile("^The proxy passes the call on to bob's phone"))).to_be_visible()
    expect(page.locator("#step-2")).to_have_class(re.compile("chosen"))
    expect(page.locator("#step-0")).to_have_class(re.compile("cause"))
    reasons = page.locator(".reason")
    via = reasons.filter(has_text="signs on top")
    expect(via).to_contain_text("added")
    expect(via.locator("cite")).to_have_text("RFC 3261 §16.6 item 8")
    expect(reasons.filter(has_text="became the address where bob's phone registered")).to_be_visible()
    expect(reasons.filter(has_text="70 → 69")).to_contain_text("RFC 3261 §16.6 item 3")
    assert page.locator(".row.changed").count() == page.locator(".reason b:text-is('changed')").count()

    tip = page.get_by_role("tooltip")
    expect(tip).to_be_hidden()
    page.locator("dfn.word", has_text="Max-Forwards").last.hover()
    expect(tip).to_contain_text("Max-Forwards")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.locator("dfn.word", has_text="Record-Route").first.focus()
    expect(tip).to_contain_text("Record-Route")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(page.locator(".detail h2")).to_be_visible()

    page.get_by_label("Next message").click()
    expect(page.locator("#step-3")).to_have_class(re.compile("chosen"))
    page.get_by_label("Previous message").click()
    expect(page.locator("#step-2")).to_have_class(re.compile("chosen"))
    page.get_by_label("Previous message").click()
    expect(page.locator("#step-1")).to_have_class(re.compile("chosen"))
    page.go_back()
    expect(page.locator("#step-2")).to_have_class(re.compile("chosen"))
    page.get_by_label("Close").click()
    expect(page.locator(".detail")).to_be_hidden()
    page.go_back()
    expect(page.locator(".detail h2")).to_be_visible()


def test_a_fork_shows_both_legs_and_the_cancel(lab: Stage, look: Look) -> None:
    alice, bob = lab.registered("alice", "bob")
    other = lab.phone("bob", contact_params=';+sip.instance="<urn:uuid:1>"')
    other.register()
    page = look(lang="en").open()
    sent = alice.invite("bob")
    alice.takes(100)
    one, two = bob.takes("INVITE"), other.takes("INVITE")
    bob.ring(one)
    other.ring(two)
    other.answer(two)
    for status in (180, 180):
        alice.takes(status)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    other.takes("ACK")
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(one, 487, "Request Terminated")
    bob.takes("ACK")
    expect(page.locator(".ladder .head.phone")).to_have_count(3)
    page.locator(".step.end", has_text="CANCEL").locator(".hit").click()
    expect(page.locator(".detail")).to_contain_text("Call completed elsewhere")
    expect(page.locator(".step", has_text="487")).to_have_count(1)


def test_what_went_wrong_is_said_in_one_sentence(lab: Stage, look: Look) -> None:
    alice, bob = lab.registered("alice", "bob")
    page = look(lang="sk").open()
    expect(page.locator(".welcome")).to_be_visible()
    nobody = alice.invite("cyril")
    alice.ack_failure(nobody, alice.takes(404))
    expect(page.locator(".welcome")).to_be_hidden()
    page.locator(".card", has_text="cyril").click()
    trouble = page.locator(".trouble")
    expect(trouble).to_contain_text("cyril")
    expect(trouble.locator("p")).to_be_visible()
    sent = alice.invite("bob")
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 486, "Busy Here")
    alice.ack_failure(sent, alice.takes(486))
    page.locator(".card", has_text="bob").click()
    expect(trouble).to_contain_text("bob")
    expect(page.locator(".stage .chip")).to_have_text("obsadené")


def test_calls_are_searched_filtered_and_followed(lab: Stage, look: Look) -> None:
    alice, bob, cyril = lab.registered("alice", "bob", "cyril")
    page = look(lang="en").open()
    call(alice, bob)
    expect(page.get_by_role("heading", name="alice → bob")).to_be_visible()
    call(cyril, alice)
    cards = page.locator(".card")
    expect(cards).to_have_count(2)
    expect(page.get_by_role("heading", name="alice → bob")).to_be_visible()
    hang_up(cyril, alice)
    search = page.get_by_role("searchbox")
    search.fill("cyr")
    expect(cards).to_have_count(1)
    search.fill("nobody at all")
    expect(page.get_by_text("Nothing like that here.")).to_be_visible()
    search.fill("")
    expect(cards).to_have_count(2)
    which = page.get_by_label("Which calls")
    which.select_option("going on")
    expect(cards).to_have_text([re.compile("alice → bob")])
    which.select_option("over")
    expect(cards).to_have_text([re.compile("cyril → alice")])
    nobody = bob.invite("nobody")
    bob.ack_failure(nobody, bob.takes(404))
    which.select_option("failed")
    expect(cards).to_have_text([re.compile("bob → nobody")])
    which.select_option("all")
    page.get_by_label("Follow new calls").check()
    call(bob, cyril)
    expect(page.get_by_role("heading", name="bob → cyril")).to_be_visible()


def test_language_and_light_are_switched_and_remembered(lab: Stage, look: Look) -> None:
    call(*lab.registered("alice", "bob"))
    window = look(lang="sk", theme="light")
    page = window.open()
    page.locator(".card").click()
    page.locator("#step-2 .hit").click()
    expect(page.locator(".stage .chip")).to_have_text("hovoria")
    expect(page.locator(".detail h2")).to_contain_text("Proxy posiela volanie ďalej")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".stage .chip")).to_have_text("talking")
    expect(page.locator(".detail h2")).to_contain_text("The proxy passes the call on")
    expect(page.locator(".phase text").first).to_have_text("rings")
    said = {"calls": ".list", "phones": "main", "messages": ".facts", "assignment": ".points b", "experiments": "main"}
    for view, words in said.items():
        page.goto(f"{window.url}/#/{view}")
        expect(page.locator("nav [aria-current]")).to_have_attribute("href", f"#/{view}")
        expect(page.locator(words).first).not_to_be_empty()
        assert not SLOVAK & set("".join(page.locator(words).all_inner_texts())), view
    dark = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(dark)
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(dark) != before
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_class("dark")


def test_by_keyboard_alone_from_the_top_to_a_message_and_back(lab: Stage, look: Look) -> None:
    call(*lab.registered("alice", "bob"))
    page = look(lang="en").open()
    press = page.keyboard.press

    def tab_to(selector: str) -> None:
        for _ in range(20):
            press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none" or selector == ".step", f"the focus on {selector} is seen"
                return
        raise AssertionError(f"the keyboard does not come to {selector}")

    tab_to(".skip")
    press("Enter")
    expect(page.locator("#content")).to_be_focused()
    assert place(page) in ("", "/calls")
    tab_to(".card")
    press("Enter")
    expect(page.locator(".step")).to_have_count(9)
    tab_to(".step")
    expect(page.locator("#step-0")).to_be_focused()
    press("ArrowDown")
    press("ArrowDown")
    press("Enter")
    expect(page.locator(".detail h2")).to_be_focused()
    tab_to("dfn.word")
    expect(page.get_by_role("tooltip")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("tooltip")).to_be_hidden()
    press("Escape")
    expect(page.locator(".detail")).to_be_hidden()
    expect(page.locator("#step-2")).to_be_focused()
    press("End")
    expect(page.locator(".step").last).to_be_focused()


def test_on_a_telephone_nothing_is_wider_than_the_screen(lab: Stage, look: Look) -> None:
    alice, bob = lab.registered("alice", "a-user-with-a-name-that-is-longer-than-what-a-telephone-can-show-in-a-line")
    call(alice, bob)
    page = look(TELEPHONE, lang="sk", has_touch=True, is_mobile=True).open()
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    page.locator(".card").tap()
    expect(page.locator(".step")).to_have_count(9)
    assert not page.evaluate(wide)
    page.locator("#step-2 .hit").tap()
    expect(page.locator(".detail h2")).to_be_in_viewport()
    assert not page.evaluate(wide)
    page.get_by_label("Zavrieť").tap()
    page.get_by_role("link", name="← Hovory").tap()
    expect(page.locator(".card")).to_be_visible()
    for view in ("phones", "messages", "messages/3", "assignment", "experiments"):
        page.goto(f"{page.url.partition('#')[0]}#/{view}")
        expect(page.locator("main .title, main h1, .detail h2").last).to_be_attached()
        assert not page.evaluate(wide), view


def test_a_reload_and_a_second_window_show_the_same(lab: Stage, look: Look) -> None:
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    window = look(lang="en")
    page = window.open()
    page.locator(".card").click()
    page.locator("#step-4 .hit").click()
    expect(page.locator(".detail h2")).to_be_visible()
    told = page.locator(".detail h2").inner_text()
    second = window.another()
    second.goto(page.url)
    page.reload()
    for one in (page, second):
        expect(one.locator(".detail h2")).to_have_text(told)
        expect(one.locator("#step-4")).to_have_class(re.compile("chosen"))
    hang_up(bob, alice)
    for one in (page, second):
        expect(one.locator(".step")).to_have_count(13)
        expect(one.locator(".detail h2")).to_have_text(told)


def test_messages_of_no_call_open_too(lab: Stage, look: Look) -> None:
    alice, bob = lab.registered("alice", "bob")
    page = look(lang="en").open("#/messages")
    rows = page.locator(".passed .card")
    expect(rows).to_have_count(4)
    alice.request("MESSAGE", "sip:bob@127.0.0.1", body="Ahoj!", content_type="text/plain", contact=False)
    bob.reply(bob.takes("MESSAGE"), 200)
    alice.takes(200)
    expect(rows).to_have_count(8)
    page.get_by_role("button", name="Pause").click()
    rows.filter(has_text="MESSAGE").filter(has_text=f"→ 127.0.0.1:{bob.address[1]}").first.click()
    expect(page.locator(".reason").filter(has_text="signs on top")).to_be_visible()
    expect(page.locator(".line", has_text="Ahoj!").first).to_be_visible()
    page.locator(".why a").click()
    expect(page.locator(".note")).to_contain_text("nothing in it is changed")
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_be_hidden()
    rows.filter(has_text="REGISTER").last.click()
    expect(page.locator(".detail h2")).to_contain_text("registers")
    page.locator(".effects a").click()
    expect(page.locator(".line", has_text="SIP/2.0 200").first).to_be_visible()
    assert place(page).startswith("/messages/")
    call(alice, bob)
    page.get_by_role("button", name="Resume").click()
    rows.filter(has_text="180").first.click()
    page.get_by_role("link", name="Show in the ladder of its call").click()
    expect(page.locator(".step.chosen")).to_contain_text("180")


def test_a_phone_is_removed(lab: Stage, look: Look) -> None:
    lab.registered("alice", "bob")
    window = look(lang="en")
    page = window.open("#/phones")
    page.get_by_role("button", name=re.compile("Remove: alice@")).click()
    expect(page.get_by_role("rowheader")).to_have_count(2)
    assert window.complaints.pop().startswith("dialog: Remove alice@"), "asked first; the window says no"
    page.evaluate("window.confirm = () => true")
    page.get_by_role("button", name=re.compile("Remove: alice@")).click()
    expect(page.get_by_role("rowheader")).to_have_text([re.compile("bob@")])


def test_by_hand_is_said_once_and_where_a_phone_in_a_browser_connects(tmp_path: Path, browser: Browser) -> None:
    with running(tmp_path, "--tls", "--listen", "udp", "--listen", "tls", "--listen", "ws:127.0.0.1:0") as proxy:
        window = Window(browser, proxy.page, lang="en")
        page = window.open("#/phones")
        expect(page.get_by_text("Or by hand")).to_have_text(
            re.compile(r"Or by hand: domain \S+, transport UDP; domain \S+, transport TLS\.$")
        )
        expect(
            page.get_by_text(re.compile(r"A phone in a browser connects to ws://127\.0\.0\.1:\d+\."))
        ).to_be_visible()
        window.close()


def test_with_passwords_the_code_brings_the_login_and_works_once(tmp_path: Path, browser: Browser) -> None:
    with running(tmp_path, "--users", users_file(tmp_path, alice="apple")) as proxy:
        window = Window(browser, proxy.page, lang="en")
        page = window.open("#/phones")
        page.get_by_label("User name").fill("alice")
        page.get_by_role("button", name="Show the QR code").click()
        expect(page.locator("figure.qr img")).to_have_attribute("alt", re.compile(r"^QR: http://.+/once/[\w-]{22}$"))
        expect(page.get_by_text("With the login of alice, too: it works once, within 10 minutes")).to_be_visible()
        page.get_by_label("User name").fill("bob")
        expect(page.locator("figure.qr img")).to_have_count(0)
        window.close()


def test_a_ban_is_shown_and_lifted(tmp_path: Path, browser: Browser) -> None:
    now = time.time()
    BanList(tmp_path / NAME).write([Ban("2001:db8::/64", now, now + 600, 1, "logins", True)], now)
    with running(tmp_path, "--bans") as proxy:
        window = Window(browser, proxy.page, lang="en")
        page = window.open("#/phones")
        expect(page.get_by_role("heading", name="Banned addresses")).to_be_visible()
        expect(page.get_by_role("cell", name="wrong passwords")).to_be_visible()
        page.evaluate("window.confirm = () => true")
        page.get_by_role("button", name="Lift: 2001:db8::/64").click()
        expect(page.get_by_role("heading", name="Banned addresses")).to_have_count(0)
        window.close()
    assert BanList(tmp_path / NAME).read() == []


def test_a_ban_is_seen_when_it_comes_and_when_it_ends(tmp_path: Path, browser: Browser) -> None:
    now = time.time()
    with running(tmp_path, "--bans") as proxy:
        window = Window(browser, proxy.page, lang="en")
        page = window.open("#/phones")
        kept = BanList(tmp_path / NAME)
        kept.write([Ban("192.0.2.7", now, now + 600, 1, "logins", True)], now)
        expect(page.get_by_role("cell", name="wrong passwords")).to_be_visible()
        assert kept.lift("192.0.2.7")
        expect(page.get_by_role("heading", name="Banned addresses")).to_have_count(0)
        window.close()


def test_experiments_are_marked_loudly_until_they_are_off(lab: Stage, look: Look) -> None:
    window = look(lang="en")
    page = window.open("#/experiments")
    other = window.another()
    other.goto(f"{window.url}/#/experiments")
    banner = page.locator("#banner")
    expect(banner).to_be_hidden()
    page.get_by_label("Drop messages (%)").fill("20")
    page.get_by_role("button", name="Apply").click()
    for one in (page, other):
        expect(one.locator("#banner")).to_contain_text("20 % of all messages are dropped")
        expect(one.get_by_label("Drop messages (%)")).to_have_value("20")
    page.get_by_role("link", name="Calls", exact=True).click()
    expect(banner).to_be_visible()
    assert "20 %" in page.evaluate("fetch('/api/journal.txt').then(answer => answer.text())")
    other.get_by_role("button", name="All off").click()
    expect(banner).to_be_hidden()
    expect(other.get_by_label("Drop messages (%)")).to_have_value("0")
