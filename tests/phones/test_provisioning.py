"""A phone that scanned the QR code of the page: that address is all that it knows, and it is enough."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sipfullproxy.sip.digest import MD5, SHA256
from tests.logins import users_file
from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.lan import Lan
from tests.phones.linphone import Linphone
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_one_scan_is_enough(stage: Stage, proxy: Proxy, wire: Wire, transport: str) -> None:
    """Linphone fetches its settings from the page, registers with them, calls and is heard.

    Over TLS it has never heard of our CA, and no setting could tell it: it is told to check nobody.
    """
    proxy.restart("tls = true\n")
    barry = stage.enter(Baresip, "barry")
    linda = stage.enter(Linphone, "linda", scanned=True, transport=transport)
    proxy.journal.expect(words.REGISTERED + linda.address, linda)
    if transport == "udp":
        assert wire.expect("REGISTER", source=linda.address).header("expires") == "3600"
    call_and_answer(linda, barry)
    hear_each_other(linda, barry)
    linda.hang_up()
    all_idle(linda, barry)


TEACHER = """
import json, sys, urllib.request
asked = urllib.request.Request(sys.argv[1], b'{"user": "linda"}', {"Content-Type": "application/json"}, method="POST")
print(json.load(urllib.request.urlopen(asked))["url"])
"""
"""Asks for a link that works once, at the proxy's own machine."""

LATE = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"


@pytest.mark.parametrize("algorithm", [SHA256, MD5])
def test_one_scan_brings_the_login(
    algorithm: bytes, lan: Lan, stage: Stage, proxy: Proxy, wire: Wire, tmp_path: Path
) -> None:
    """Nobody types a password; and who finds the code later finds nothing."""
    proxy.restart(f'users = "{users_file(tmp_path, algorithm, linda="nobody types this")}"\n')
    teacher = lan.proxy.start([sys.executable, "-c", TEACHER, f"http://{proxy.address}:8080/api/links"], tmp_path)
    url = teacher.expect(r"http://\S+/once/[\w-]{22}")[0]
    linda = stage.enter(Linphone, "linda", scanned=url)
    proxy.journal.expect(words.REGISTERED + linda.address, linda)
    wire.expect("REGISTER", source=linda.address, authorization=algorithm.decode())
    late = lan.proxy.start([sys.executable, "-c", LATE, url], tmp_path)
    late.expect("HTTP Error 404")
    for program in (teacher, late):
        program.stop()
