"""Logins: real phones prove their passwords, when they register and for each call."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from sipfullproxy.sip.digest import ALGORITHMS, MD5, SHA256
from tests.logins import users_file
from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones

PEOPLE: dict[str, type[Linphone | Baresip | Pjsua]] = {"linda": Linphone, "petra": Pjsua, "barry": Baresip}
PASSWORDS = {"linda": "lipa1", "barry": "buk2", "petra": "pagaštan3"}


@pytest.mark.parametrize("login", ["register", "calls"])
@pytest.mark.parametrize(("algorithms", "names"), [(ALGORITHMS, ["linda", "petra"]), ((MD5,), list(PEOPLE))])
def test_each_phone_logs_in_and_calls_each(
    algorithms: tuple[bytes, ...], names: list[str], login: str, stage: Stage, proxy: Proxy, wire: Wire, tmp_path: Path
) -> None:
    """The baresip of Debian 12 (1.0) gives up where SHA-256 is offered, whatever else is; the others take it."""
    users = users_file(tmp_path, *algorithms, **PASSWORDS)
    proxy.restart(f'users = "{users}"\nlogin = "{login}"\n')
    phones = [stage.enter(PEOPLE[name], name, password=PASSWORDS[name]) for name in names]
    for phone in phones:
        assert wire.messages("SIP/2.0 401", target=phone.address, cseq="REGISTER")
        best = "algorithm=SHA-256" if SHA256 in algorithms else "Digest"  # MD5 need not be named
        wire.expect("REGISTER", source=phone.address, authorization=best)
        proxy.journal.expect(words.REGISTERED, phone)
    # A login for registering alone changes nothing about calls: one of them shows it.
    for caller, callee in permutations(phones, 2) if login == "calls" else [phones[:2]]:
        call_and_answer(caller, callee)
        hear_each_other(caller, callee)
        caller.hang_up()
        all_idle(caller, callee)
        proxy.journal.expect(words.ENDED, caller, callee)
    asked = {phone.user: bool(wire.messages("SIP/2.0 407", target=phone.address)) for phone in phones}
    assert asked == dict.fromkeys(names, login == "calls")
