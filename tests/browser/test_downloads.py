"""What is taken away from the page, read back by somebody else."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.browser.stage import Stage
from tests.browser.test_accessibility import flaws
from tests.browser.window import Browser, Page, Window, expect
from tests.helpers import call, hang_up
from tests.running import need, need_module, running
from tests.test_web_provision import read

pytestmark = pytest.mark.browser

MESSAGES = 13
"""Of a call that is answered and ended."""


def download(page: Page, link: str, folder: Path) -> Path:
    """The file behind a link, under the name that the browser gives it."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=link, exact=True).click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def test_a_call_is_taken_away_in_every_form(lab: Stage, look: Callable[..., Window], tmp_path: Path) -> None:
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    hang_up(alice, bob)
    page = look(lang="en").open()
    page.locator(".card").click()
    expect(page.locator(".step")).to_have_count(MESSAGES)

    capture = download(page, "pcap (Wireshark)", tmp_path)
    assert capture.name == "alice-bob.pcap"
    port = lab.proxy.address[1]
    fields = ["-T", "fields", "-e", "udp.srcport", "-e", "udp.dstport", "-e", "sip.Method", "-e", "_ws.malformed"]
    read = subprocess.run(
        [need("tshark", "tshark"), "-r", str(capture), "-d", f"udp.port=={port},sip", *fields],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    packets = [line.split("\t") for line in read.stdout.splitlines()]
    assert len(packets) == MESSAGES
    assert {frozenset(packet[:2]) for packet in packets} == {
        frozenset((str(port), str(phone.address[1]))) for phone in (alice, bob)
    }
    assert [packet[2] for packet in packets if packet[2]] == ["INVITE", "INVITE", "ACK", "ACK", "BYE", "BYE"]
    assert not any(packet[3] for packet in packets)

    drawing = ElementTree.parse(download(page, "SVG", tmp_path)).getroot()
    assert sum("step" in group.get("class", "").split() for group in drawing.iter()) == MESSAGES
    mermaid = download(page, "Mermaid", tmp_path).read_text(encoding="utf-8")
    assert mermaid.startswith("sequenceDiagram") and mermaid.count("INVITE") >= 2
    text = download(page, "text", tmp_path).read_text(encoding="utf-8")
    assert "alice" in text and text.count("BYE") >= 2


def test_the_journal_is_taken_away(lab: Stage, look: Callable[..., Window], tmp_path: Path) -> None:
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    page = look(lang="sk").open()
    text = download(page, "txt", tmp_path).read_text(encoding="utf-8")
    assert ":INFO:Začiatok hovoru alice@" in text
    with download(page, "csv", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        kinds = [row["kind"] for row in csv.DictReader(file)]
    assert kinds == ["registered", "registered", "calling", "ringing", "started"]
    told = json.loads(download(page, "json", tmp_path).read_text(encoding="utf-8"))
    assert [event["kind"] for event in told["events"]] == kinds


def test_the_assignment_is_handed_in(lab: Stage, look: Callable[..., Window], tmp_path: Path) -> None:
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    hang_up(alice, bob)
    page = look(lang="sk").open("#/assignment")
    shown = page.locator(".points > .yes")
    expect(shown.filter(has_text="Ukončenie")).to_have_count(1)
    page.get_by_label("Vaše meno").fill("Žofia <b>Nováková</b>")
    with page.expect_popup() as waiting:
        page.get_by_role("button", name="Odovzdať").click()
    sheet = waiting.value
    expect(sheet.get_by_text("Žofia <b>Nováková</b>")).to_be_visible()
    expect(sheet.get_by_text("Začiatok hovoru alice@127.0.0.1", exact=False).first).to_be_visible()
    pdf = sheet.pdf(path=tmp_path / "sheet.pdf")
    assert pdf.startswith(b"%PDF-") and len(pdf) > 10_000


def test_the_code_on_the_screen_is_read_by_a_camera(lab: Stage, look: Callable[..., Window]) -> None:
    window = look(lang="en", theme="dark")
    page = window.open("#/phones")
    page.get_by_label("User name").fill("cyril")
    page.get_by_role("button", name="Show the QR code").click()
    code = page.get_by_role("img", name="QR: ")
    expect(code).to_be_visible()
    url = f"{lab.proxy.page}/provision/cyril"
    expect(page.locator(".qr code")).to_have_text(url)
    assert code.evaluate("image => image.decode().then(() => image.naturalWidth)")
    source = code.get_attribute("src") or ""
    assert read(page.request.get(f"{lab.proxy.page}{source}").body()) == url
    page.get_by_label("User name").fill("two words")
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.get_by_role("alert")).to_contain_text("user")
    assert "422" in window.complaints.pop()


def test_over_tls_the_code_says_so_and_the_authority_is_there_to_take_away(browser: Browser, tmp_path: Path) -> None:
    need_module("cryptography", "cryptography")
    with running(tmp_path, "--tls") as proxy:
        window = Window(browser, proxy.page, lang="en")
        page = window.open("#/phones")
        page.get_by_label("User name").fill("cyril")
        page.get_by_label("Transport").select_option("TLS")
        page.get_by_role("button", name="Show the QR code").click()
        url = f"{proxy.page}/provision/cyril?transport=tls"
        code = page.get_by_role("img", name=f"QR: {url}")
        expect(code).to_be_visible()
        assert read(page.request.get(f"{proxy.page}{code.get_attribute('src')}").body()) == url
        expect(page.get_by_text("checks no certificates")).to_be_visible()
        page.get_by_label("Transport").select_option("TCP")
        page.get_by_role("button", name="Show the QR code").click()
        expect(page.get_by_text("checks no certificates")).to_have_count(0)
        expect(page.locator(".fingerprint")).to_have_text(re.compile("^([0-9A-F]{2}:){31}[0-9A-F]{2}$"))
        file = download(page, "ca.pem", tmp_path)
        assert file.read_bytes() == (tmp_path / "sipfullproxy" / "ca.pem").read_bytes()
        assert flaws(page) == []
        window.close()
