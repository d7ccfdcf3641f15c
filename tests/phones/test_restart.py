"""The proxy is restarted in the middle of a call: what the phones know of their route is enough to end it well."""

from __future__ import annotations

import pytest

from tests.phones.lan import Lan
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other, voices_pass
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


@pytest.mark.parametrize(("caller", "callee"), [("linda", "barry"), ("barry", "petra"), ("petra", "linda")])
def test_call_outlives_proxy(
    caller: str, callee: str, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest
) -> None:
    """They talk on while the proxy is away, since their voices do not need it; then it carries a hold and the BYE."""
    one: Phone = request.getfixturevalue(caller)
    other: Phone = request.getfixturevalue(callee)
    call_and_answer(one, other)
    hear_each_other(one, other)

    proxy.restart()
    one.hold()
    one.resume()
    voices_pass(wire, one, other)
    other.hang_up()
    all_idle(one, other)


def test_hidden_phone_is_found_again(stage: Stage, lan: Lan, linda: Linphone, proxy: Proxy) -> None:
    """Even a phone behind a NAT is: the way back to it travels in the route, and is still trusted (RFC 5626 §5.2)."""
    hidden = stage.enter(Pjsua, "pavol", host=lan.host_behind_nat("pavol-home"))
    call_and_answer(hidden, linda)

    proxy.restart()
    linda.hold()
    linda.resume()
    linda.hang_up()
    all_idle(linda, hidden)
