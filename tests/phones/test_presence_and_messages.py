"""Everything that is not the making of a call: text messages, presence, questions to the proxy, signals in a call."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.phones.baresip import Baresip
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


def test_messages(linda: Linphone, barry: Baresip, petra: Pjsua) -> None:
    """Everybody writes to everybody."""
    people: tuple[Phone, ...] = (linda, barry, petra)
    for sender, receiver in permutations(people, 2):
        text = f"ahoj {receiver.user}, tu {sender.user}"
        sender.send_message(receiver.user, text)
        receiver.wait_message(text)


def test_receipt(linda: Linphone, leo: Linphone, wire: Wire) -> None:
    """Linphone confirms a text with another MESSAGE, whose body is compressed: bytes that are no text."""
    linda.send_message("leo", "ahoj")
    leo.wait_message("ahoj")
    receipt = wire.expect("MESSAGE", target=linda.address, content_encoding="deflate")
    sent = wire.expect("MESSAGE", source=leo.address, content_encoding="deflate")
    assert receipt.datagram.payload.endswith(sent.datagram.payload.partition(b"\r\n\r\n")[2])
    wire.expect("SIP/2.0 200", target=leo.address, cseq="MESSAGE")


def test_message_to_nobody(petra: Pjsua, wire: Wire) -> None:
    """A message to a user who is not there fails at once."""
    petra.send_message("nobody", "je tu niekto?")
    wire.expect("SIP/2.0 4(04|80)", target=petra.address, cseq="MESSAGE")


def test_options(petra: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """The proxy answers for itself when a phone asks what it can do."""
    petra.ask_options(f"sip:{proxy.address}")
    wire.expect("SIP/2.0 200", target=petra.address, cseq="OPTIONS")


def test_options_to_a_phone(barry: Baresip, linda: Linphone, wire: Wire) -> None:
    """A question to a phone is answered by that phone."""
    barry.ask_options(barry.uri("linda"))
    wire.expect("OPTIONS", target=linda.address)
    wire.expect("SIP/2.0 200", target=barry.address, cseq="OPTIONS")


def test_presence(petra: Pjsua, pavol: Pjsua, proxy: Proxy, wire: Wire) -> None:
    """Petra watches Pavol: her SUBSCRIBE and his NOTIFYs go from phone to phone, through the proxy."""
    petra.watch("pavol")
    wire.expect("SUBSCRIBE", target=pavol.address, event="presence")
    wire.expect("NOTIFY", source=proxy.address, target=petra.address, event="presence")

    pavol.show("na prednáške")
    petra.wait_presence("na prednáške")


def test_publish(stage: Stage, wire: Wire) -> None:
    """The proxy keeps nobody's presence, and says so (RFC 3903 §6 step 2)."""
    petra = stage.enter(Pjsua, "petra", publish=True)
    petra.show("som tu")
    wire.expect("SIP/2.0 489", target=petra.address, cseq="PUBLISH")


def test_keys_by_info(petra: Pjsua, pavol: Pjsua, wire: Wire) -> None:
    """A key that is pressed during a call travels as INFO."""
    call_and_answer(petra, pavol)
    petra.press("5")
    pavol.wait_pressed("5")
    wire.expect("SIP/2.0 200", target=petra.address, cseq="INFO")
    petra.hang_up()
    all_idle(petra, pavol)


@pytest.mark.parametrize("callee", ["linda", "pavol"])
def test_update(callee: str, petra: Pjsua, wire: Wire, request: pytest.FixtureRequest) -> None:
    """UPDATE in the dialog reaches the other phone and is answered."""
    phone: Phone = request.getfixturevalue(callee)
    call_and_answer(petra, phone)
    petra.update()
    wire.expect("UPDATE", target=phone.address)
    wire.expect("SIP/2.0 200", target=petra.address, cseq="UPDATE")
    hear_each_other(petra, phone)
    phone.hang_up()
    all_idle(petra, phone)


def test_reliable_ringing(stage: Stage, wire: Wire) -> None:
    """Both phones want their 180 to be acknowledged (RFC 3262): PRACK goes through the proxy."""
    petra, pavol = (stage.enter(Pjsua, name, reliable=True) for name in ("petra", "pavol"))
    call_and_answer(petra, pavol)
    wire.expect("SIP/2.0 180", target=petra.address, require="100rel", rseq=r"\d")
    wire.expect("PRACK", target=pavol.address)
    wire.expect("SIP/2.0 200", target=petra.address, cseq="PRACK")
    hear_each_other(petra, pavol)
    pavol.hang_up()
    all_idle(petra, pavol)
