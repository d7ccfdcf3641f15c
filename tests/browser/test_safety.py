"""What phones and other web sites must not be able to do in the browser of somebody who looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.stage import Stage
from tests.browser.window import TELEPHONE, Page, Window, expect

pytestmark = pytest.mark.browser

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
NAMES = [SCRIPT, IMAGE, "‮neb\u202c \u0007\u001b[31mred", "{{7*7}}${alert(3)}", "';alert(4);//"]
"""What a phone may call itself in front of its address."""

BODY = (
    f"v=0\r\no={SCRIPT} 1 1 IN IP4 127.0.0.1\r\ns={IMAGE}\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=<svg onload=alert(5)>:<a href=javascript:alert(6)>x</a>\r\n"
)


def escaped(text: str) -> str:
    """As the user of a SIP URI (RFC 3261 §19.1.2)."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


def seen_everywhere(page: Page, url: str) -> None:
    """Look at every view, and at every message of every call."""
    for view in ("phones", "messages", "assignment", "experiments", "calls"):
        page.goto(f"{url}/#/{view}")
        expect(page.locator("nav [aria-current]")).to_have_attribute("href", f"#/{view}")
        expect(page.locator("#view > *").first).to_be_attached()
    expect(page.locator(".card").first).to_be_visible()
    for address in [link.get_attribute("href") for link in page.locator(".card").all()]:
        page.goto(f"{url}/{address}")
        expect(page.locator(".step").first).to_be_visible()
        for step in range(page.locator(".step").count()):
            page.goto(f"{url}/{address}/{step}")
            expect(page.locator(f"#step-{step}.chosen")).to_be_attached()
            expect(page.locator(".detail h2")).to_be_visible()


def test_what_phones_send_stays_text(lab: Stage, look: Callable[..., Window]) -> None:
    window = look(lang="en")
    page = window.open()
    bob = lab.phone("bob")
    bob.register(headers=(f"User-Agent: {SCRIPT}{IMAGE}",))
    for name in NAMES:
        phone = lab.phone(escaped(name))
        phone.register(headers=(f"User-Agent: {IMAGE}",))
        invite = phone.invite("bob", body=BODY, headers=(f"Subject: {SCRIPT}", f"X-Strange: {IMAGE}"))
        phone.takes(100)
        bob.reply(bob.takes("INVITE"), 603, f"{SCRIPT}\u202e")
        phone.ack_failure(invite, phone.takes(603))
        bob.takes("ACK")
    expect(page.locator(".card")).to_have_count(len(NAMES))
    expect(page.locator(".card").filter(has_text=SCRIPT)).to_have_count(1)
    seen_everywhere(page, window.url)
    assert page.locator("main script, main img[src=x], main iframe, main [onerror], main [onload]").count() == 0
    with page.expect_popup() as waiting:
        page.goto(f"{window.url}/#/assignment")
        page.get_by_role("button", name="Hand in").click()
    expect(waiting.value.locator("h1")).to_be_visible()


def test_messages_without_measure_are_shown_and_harm_nothing(lab: Stage, look: Callable[..., Window]) -> None:
    alice, bob = lab.registered("alice", "bob")
    window = look(TELEPHONE, lang="en")
    page = window.open()
    invite = alice.invite(
        "bob", headers=(f"X-Long: {'endless' * 2_000}", f"X-{'y' * 3_000}: 1"), body="v=0\r\n" + "a=x\r\n" * 3_000
    )
    alice.takes(100)
    bob.ring(bob.takes("INVITE"))
    alice.takes(180)
    expect(page.locator(".step")).to_have_count(5)
    page.goto(f"{page.url}/2")
    expect(page.locator(".detail .line", has_text="X-Long").last).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    alice.cancel(invite)
    alice.send(b"INVITE sip:bob@x SIP/2.0\r\nCall-ID: open\r\nX-Never-Ends: " + b"z" * 60_000)
    alice.send(b"\x00\xff<script>alert(7)</script>")
    page.goto(f"{window.url}/#/messages")
    expect(page.locator(".passed .card").first).to_be_visible()
    for row in page.locator(".passed .card").all()[:6]:
        number = (row.get_attribute("href") or "").rpartition("/")[2]
        answer = page.request.get(f"{window.url}/api/messages/{number}")
        assert answer.status == 200
    page.locator(".passed .card").first.click()
    expect(page.locator(".detail h2")).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


class _Stranger(BaseHTTPRequestHandler):
    """Somebody else's web site: an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stranger() -> Iterator[str]:
    """The address of another site on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


ATTACK = """
async (page) => {
  const json = {"Content-Type": "application/json"};
  const wanted = '{"drop": 100}';
  const add = (tag, more) => {
    const element = Object.assign(document.createElement(tag), more);
    (document.body ?? document.documentElement).append(element);
    return element;
  };
  const loaded = (frame) => new Promise((done) => {
    frame.onload = () => {
      try { done(frame.contentDocument.body.innerText ? "got through" : "nothing"); } catch { done("refused"); }
    };
  });
  const told = (answer) => (answer.type === "opaque" ? "opaque" : "got through");
  const tries = {
    put: () => fetch(`${page}/api/experiments`, {method: "PUT", body: wanted, headers: json}).then(told),
    plain: () => fetch(`${page}/api/experiments`, {method: "POST", mode: "no-cors", body: wanted}).then(told),
    delete: () => fetch(`${page}/api/phones/626f62-0123456789`, {method: "DELETE"}).then(told),
    read: () => fetch(`${page}/api/calls`).then(told),
    listen: () => new Promise((done) => {
      const source = new EventSource(`${page}/api/live`);
      source.onmessage = source.onopen = () => done("got through");
      source.onerror = () => { source.close(); done("refused"); };
    }),
    form: () => {
      const frame = add("iframe", {name: "frame"});
      const way = {method: "post", target: "frame", enctype: "text/plain"};
      const form = add("form", {...way, action: `${page}/api/experiments`});
      form.append(add("input", {name: '{"drop": 100, "x": "', value: '"}'}));
      const done = loaded(frame);
      form.submit();
      return done;
    },
    frame: () => loaded(add("iframe", {src: page})),
    script: () => new Promise((done) => {
      add("script", {src: `${page}/api/calls`, onload: () => done("got through"), onerror: () => done("refused")});
    }),
  };
  const results = {};
  for (const [name, attempt] of Object.entries(tries)) results[name] = await attempt().catch(() => "refused");
  return results;
}
"""
"""What somebody else's page may try; tells how far each attempt came."""


def test_other_sites_can_neither_change_nor_read_anything(lab: Stage, look: Callable[..., Window]) -> None:
    lab.registered("bob")
    window = look(lang="en")
    page = window.open()
    with stranger() as site:
        elsewhere = window.context.new_page()
        elsewhere.goto(site)
        told = elsewhere.evaluate(ATTACK, window.url)
        elsewhere.close()
    assert set(told.values()) <= {"refused", "nothing", "opaque"}, told
    assert (told["put"], told["delete"], told["read"], told["listen"]) == ("refused",) * 4
    running = page.request.get(f"{window.url}/api/experiments").json()
    assert (running["drop"], running["said"]) == (0, [])
    assert len(page.request.get(f"{window.url}/api/phones").json()["phones"]) == 1
    expect(page.locator("#banner")).to_be_hidden()
