"""A phone that scanned the QR code of the page: that address is all that it knows, and it is enough."""

from __future__ import annotations

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
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
