"""Whoever cannot see well, or has no mouse: axe looks at every view; and what axe cannot see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from tests.browser.stage import Stage, stage
from tests.browser.window import DESKTOP, TELEPHONE, WITHIN, Page, Route, Window, expect
from tests.helpers import call, hang_up
from tests.running import need_module, running

pytestmark = pytest.mark.browser

need_module("axe_playwright_python", "axe-playwright-python")
AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A proxy that has something to show in each view; nobody changes anything of it."""
    with running(tmp_path_factory.mktemp("proxy")) as proxy, stage(proxy) as opened:
        alice, bob = opened.registered("alice", "bob")
        call(alice, bob)
        hang_up(alice, bob)
        invite = alice.invite("nobody")
        alice.ack_failure(invite, alice.takes(404))
        call(bob, alice)
        yield opened


def views(page: Page, url: str) -> Iterator[str]:
    """Every view, one after the other, as it is when it has come to rest."""
    calls = [card["id"] for card in page.request.get(f"{url}/api/calls").json()["calls"]]
    opened = [f"calls/{calls[0]}", f"calls/{calls[1]}", f"calls/{calls[2]}/2"]
    places = ["calls", *opened, "phones", "messages", "messages/2", "assignment", "experiments"]
    for place in places:
        page.goto(f"{url}/#/{place}")
        name, *rest = place.split("/")
        expect(page.locator("nav [aria-current]")).to_have_attribute("href", f"#/{name}")
        expect(page.locator("#view > *")).to_have_count(1)
        if name == "calls":
            expect(page.locator(".stage .title" if rest else ".stage .empty")).to_have_count(1)
        if len(rest) == 2 or place == "messages/2":
            expect(page.locator(".detail h2")).to_be_visible()
            page.locator(".detail dfn.word").first.focus()
            expect(page.get_by_role("tooltip")).to_be_visible()
        if name == "phones":
            page.locator("input[name=user]").fill("cyril")
            page.locator("form button").click()
            expect(page.locator(".qr img")).to_be_visible()
        yield place


def flaws(page: Page) -> list[str]:
    """What axe complains of: the rule, how bad it is, and where."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((told) => told.violations)")
    return [
        f"{flaw['id']} ({flaw['impact']}): {flaw['help']}: {json.dumps(node['target'])} {node['html'][:160]}"
        for flaw in found
        for node in flaw["nodes"]
    ]


@pytest.mark.parametrize(
    ("size", "lang", "theme"),
    [(DESKTOP, "sk", "light"), (DESKTOP, "en", "dark"), (TELEPHONE, "en", "light"), (TELEPHONE, "sk", "dark")],
)
def test_axe_finds_nothing(look: Callable[..., Window], size: tuple[int, int], lang: str, theme: str) -> None:
    window = look(size, lang=lang, theme=theme, reduced_motion="reduce")
    page = window.open()
    found = {place: flaws(page) for place in views(page, window.url)}
    assert len(found) == 9
    assert not any(found.values()), "\n".join(f"{place}: {flaw}" for place in found for flaw in found[place])


def test_the_banner_of_experiments_and_errors_pass_too(look: Callable[..., Window]) -> None:
    window = look(lang="en", theme="dark")
    page = window.open("#/experiments")
    page.get_by_label("Delay messages (ms)").fill("1")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#banner")).to_be_visible()
    page.goto(f"{window.url}/#/calls/0123456789")  # there is none of that id
    expect(page.get_by_role("alert")).to_be_visible()
    assert flaws(page) == []
    page.get_by_role("alert").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.goto(f"{window.url}/#/experiments")
    page.get_by_role("button", name="All off").click()
    expect(page.locator("#banner")).to_be_hidden()
    assert window.complaints and all("404" in told for told in window.complaints), "it may ask more than once"
    window.complaints.clear()


def test_screen_readers_are_told_little(look: Callable[..., Window], lab: Stage) -> None:
    """Two places speak by themselves: whether the page is live, and the experiments. A growing ladder does not."""
    window = look(lang="en")
    page = window.open()
    live = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log]"
    assert page.locator(live).evaluate_all("found => found.map((one) => one.id)") == ["live", "banner", "trouble"]
    page.evaluate("""() => {
      window.said = 0;
      const live = document.getElementById("live");
      new MutationObserver(() => window.said++).observe(live, {childList: true, characterData: true});
    }""")
    page.get_by_role("link", name="Phones", exact=True).click()
    page.locator("nav").get_by_role("link", name="Calls").click()
    page.locator(".card").first.click()
    expect(page.locator(".step").first).to_be_visible()
    assert page.evaluate("window.said") == 0


def test_who_wants_no_motion_gets_none(look: Callable[..., Window]) -> None:
    moving = """() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
      .filter((rule) => !(rule instanceof CSSMediaRule) && /animation|transition/.test(rule.cssText)).length"""
    assert look(lang="en").open().evaluate(moving) == 0, "all motion is for those who did not ask for less"


def test_who_went_on_by_keyboard_is_not_fetched_back(look: Callable[..., Window]) -> None:
    """The heading takes the keyboard when a message opens; not from somebody who is further down already."""
    window = look(lang="en")
    page = window.open("#/messages")
    asked: list[Route] = []

    def once(route: Route) -> None:
        """Only the first is answered at once; the page asks again, and that answer waits."""
        asked.append(route)
        if len(asked) == 1:
            route.continue_()

    page.route("**/api/messages/2?*", once)
    page.evaluate("""() => {
      location.hash = "#/messages/2";
      addEventListener("hashchange", () => dispatchEvent(new HashChangeEvent("hashchange")), {once: true});
    }""")
    expect(page.locator(".detail h2")).to_be_visible()
    word = page.locator(".detail dfn.word").first
    word.focus()
    for _ in range(WITHIN // 10):
        if len(asked) < 2:
            page.wait_for_timeout(10)
    with page.expect_response("**/api/messages/2?*"):
        asked[1].continue_()
    page.unroute_all(behavior="wait")
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    expect(word).to_be_focused()
    expect(page.get_by_role("tooltip")).to_be_visible()


def test_it_can_be_used_at_twice_the_size(look: Callable[..., Window]) -> None:
    """Zoom 200 % on a laptop of 1280 × 800 leaves 640 × 400 (WCAG 2.2, 1.4.4 and 1.4.10)."""
    window = look((640, 400), lang="en", device_scale_factor=2)
    page = window.open()
    for place in views(page, window.url):
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), place


def test_the_handed_in_sheet_passes(look: Callable[..., Window], tmp_path: Path) -> None:
    window = look(lang="sk")
    page = window.page
    page.goto(f"{window.url}/assignment.html?lang=sk")
    (tmp_path / "sheet.html").write_text(page.content(), encoding="utf-8")  # without the sandbox, where axe cannot run
    page.goto("about:blank")
    page.set_content((tmp_path / "sheet.html").read_text(encoding="utf-8"))
    window.complaints.clear()
    assert flaws(page) == []
