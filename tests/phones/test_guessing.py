"""SIPVicious guesses a password on the very machine of a phone: its address is banned, and the phone goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipfullproxy.sip.digest import MD5
from tests.logins import users_file
from tests.phones.linphone import Linphone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.running import PATIENCE, need
from tests.waiting import eventually

pytestmark = pytest.mark.phones

BANNED = r"Zablokovaná adresa: {0} \[Trvanie: 0:01:00\] \[Dôvod: nesprávne heslá\]"


def test_phones_call_while_a_neighbour_guesses(stage: Stage, proxy: Proxy, tmp_path: Path) -> None:
    """He is behind the same address, as in a class behind a NAT. The password is the eleventh that he tries."""
    svcrack = need("sipvicious_svcrack", "sipvicious")
    proxy.restart(f'users = "{users_file(tmp_path, MD5, linda="lipa1", petra="1010")}"\n')
    linda = stage.enter(Linphone, "linda", password="lipa1")
    petra = stage.enter(Pjsua, "petra", password="1010")
    attack = linda.host.start(
        [svcrack, "-u", "petra", "-r", "1000-1100", proxy.address], tmp_path, {"HOME": str(tmp_path)}
    )
    proxy.journal.expect(BANNED, linda.address)
    for caller, callee in ((linda, petra), (petra, linda)):
        call_and_answer(caller, callee)
        hear_each_other(caller, callee)
        caller.hang_up()
        all_idle(caller, callee)
    eventually(lambda: "found nothing" in attack.output, lambda: f"its end; it said {attack.output}", PATIENCE)
    assert "Traceback" not in attack.output
    attack.stop()
