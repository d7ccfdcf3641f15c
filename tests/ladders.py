"""Calls whose ladders are worth looking at, each as the records that a tape would have of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.message import Request
from sipfullproxy.sip.phrases import Phrasebook
from tests.helpers import Dialog, Phone, hang_up, sdp
from tests.recording import RecordingLab

INFO = "application/conference-info+xml"

MORNING = 1_700_037_883.25
"""Wall-clock seconds since the epoch that are added to those of the labs."""


def taped(lab: RecordingLab, *more: str) -> list[Record]:
    """What is no REGISTER, at a time of day. more: methods that are left out, too."""
    unwanted = tuple(f"CSeq: {number} {method}".encode() for method in ("REGISTER", *more) for number in range(1, 5))
    return [
        record._replace(time=record.time + MORNING)
        for record in lab.records
        if not any(one in record.data for one in unwanted)
    ]


def lab_with(*users: str) -> tuple[RecordingLab, list[Phone]]:
    """A lab that speaks Slovak, and its registered phones."""
    lab = RecordingLab(phrases=Phrasebook("sk"))
    return lab, lab.registered(*users)


def dialog(phone: Phone) -> Dialog:
    """The phone's last dialog."""
    assert phone.dialog is not None
    return phone.dialog


def inside(dialog: Dialog, other: Phone, method: str, status: int = 200, **more: Any) -> Request:
    """A request inside a dialog and its answer; an INVITE is acknowledged."""
    sent = dialog.request(method, **more)
    got: Request = other.takes(method)
    other.reply(got, status, "OK", body=sdp(other.address[0]) if method == "INVITE" else "")
    if method == "INVITE":
        dialog.phone.takes(100)
    dialog.phone.takes(status)
    if method == "INVITE":
        dialog.ack(sent)
        other.takes("ACK")
    return got


def rings_and_talks(lab: RecordingLab, caller: Phone, callee: Phone, **more: Any) -> None:
    """A call that rings 3 seconds and is answered."""
    sent = caller.invite(callee.user, **more)
    caller.takes(100)
    got = callee.takes("INVITE")
    lab.advance(0.08)
    callee.ring(got)
    caller.takes(180)
    lab.advance(3.2)
    callee.answer(got)
    dialog(caller).confirm(caller.takes(200))
    lab.advance(0.02)
    dialog(caller).ack(sent)
    callee.takes("ACK")


def plain() -> list[Record]:
    """alice calls boris, holds him for a while, and hangs up."""
    lab, (alice, boris) = lab_with("alica", "boris")
    rings_and_talks(lab, alice, boris)
    lab.advance(12)
    inside(dialog(alice), boris, "INVITE", body=sdp("10.0.0.10", "sendonly"))
    lab.advance(5.4)
    inside(dialog(alice), boris, "INVITE", body=sdp("10.0.0.10"))
    lab.advance(31)
    hang_up(boris, alice)
    return taped(lab)


def fork() -> list[Record]:
    """Three phones of boris ring; the second is answered, the others are cancelled."""
    lab, (alice, boris) = lab_with("alica", "boris")
    mobile, tablet = lab.phone("boris", "10.0.0.77:5070"), lab.phone("boris", "10.0.0.78:41234")
    for phone in (mobile, tablet):
        phone.register()
    sent = alice.invite("boris")
    alice.takes(100)
    invites = [(phone, phone.takes("INVITE")) for phone in (boris, mobile, tablet)]
    for phone, got in invites:
        lab.advance(0.06)
        phone.ring(got)
        alice.takes(180)
    lab.advance(4.1)
    mobile.answer(invites[1][1])
    dialog(alice).confirm(alice.takes(200))
    dialog(alice).ack(sent)
    mobile.takes("ACK")
    for phone, got in (invites[0], invites[2]):
        lab.advance(0.02)
        phone.reply(phone.takes("CANCEL"), 200, "OK")
        phone.reply(got, 487, "Request Terminated")
        phone.takes("ACK")
    lab.advance(20)
    hang_up(alice, mobile)
    return taped(lab)


def lossy() -> list[Record]:
    """boris's phone hears the third INVITE only; then a 200 gets lost, and the phone repeats it."""
    lab, (alice, boris) = lab_with("alica", "boris")
    sent = alice.invite("boris")
    alice.takes(100)
    lab.advance(1.6)
    got = [boris.takes("INVITE") for _ in range(3)][-1]
    boris.ring(got)
    alice.takes(180)
    lab.advance(2)
    boris.answer(got)
    lab.advance(0.5)
    boris.answer(got)
    alice.takes(200)
    dialog(alice).confirm(alice.takes(200))
    dialog(alice).ack(sent)
    boris.takes("ACK")
    lab.advance(8)
    dialog(boris).request("BYE")
    alice.takes("BYE")
    lab.advance(33)
    return taped(lab)


def silent() -> list[Record]:
    """Nothing comes from boris's phone: it was switched off."""
    lab, (alice, _) = lab_with("alica", "boris")
    sent = alice.invite("boris")
    lab.advance(33)
    alice.takes(100)
    alice.ack_failure(sent, alice.takes(408))
    return taped(lab)


def transfer() -> list[Record]:
    """alice calls boris and passes him on to cyril, as Linphone does it."""
    lab, (alice, boris, cyril) = lab_with("alica", "boris", "cyril")
    rings_and_talks(lab, alice, boris)
    lab.advance(6)
    alices, boriss = dialog(alice), dialog(boris)
    more = ("Refer-To: <sip:cyril@10.0.0.1:5060>", f"Referred-By: <{alice.aor}>")
    inside(alices, boris, "REFER", 202, headers=more)
    lab.advance(0.05)
    inside(boriss, alice, "INVITE", body=sdp("10.0.0.11", "sendonly"))
    state = ("Event: refer", "Subscription-State: active")
    inside(boriss, alice, "NOTIFY", headers=state, body="SIP/2.0 100 Trying\r\n", content_type="message/sipfrag")
    rings_and_talks(lab, boris, cyril, headers=(f"Referred-By: <{alice.aor}>",))
    state = ("Event: refer", "Subscription-State: terminated;reason=noresource")
    inside(boriss, alice, "NOTIFY", headers=state, body="SIP/2.0 200 Ok\r\n", content_type="message/sipfrag")
    lab.advance(0.4)
    inside(alices, boris, "BYE")
    lab.advance(9)
    hang_up(cyril, boris)
    return taped(lab)


def conference() -> list[Record]:
    """alice's phone mixes: she calls boris and cyril, both subscribe to her list of participants, dana calls in."""
    lab, (alice, boris, cyril, dana) = lab_with("alica", "boris", "cyril", "dana")
    focus = "sip:alica@10.0.0.10:5060;conf-id=ab12"
    dialogs = []
    for other in (boris, cyril):
        rings_and_talks(lab, alice, other)
        dialogs.append((dialog(alice), other))
        lab.advance(2)
    for mine, other in dialogs:
        inside(mine, other, "INVITE", body=sdp("10.0.0.10"), contact=False, headers=(f"Contact: <{focus}>;isfocus",))
        subscribe = other.request("SUBSCRIBE", focus, headers=("Event: conference", "Expires: 3600"))
        got = alice.takes("SUBSCRIBE")
        alice.reply(got, 200, "OK")
        Dialog(other, subscribe).confirm(other.takes(200))
        state = ("Event: conference", "Subscription-State: active")
        inside(
            Dialog.of_callee(alice, got), other, "NOTIFY", headers=state, body="<conference-info/>", content_type=INFO
        )
        lab.advance(0.3)
    rings_and_talks(lab, dana, alice)
    lab.advance(20)
    for mine, other in dialogs:
        inside(mine, other, "BYE")
    hang_up(dana, alice)
    return taped(lab)


def declined() -> list[Record]:
    """boris declines a video call."""
    lab, (alice, boris) = lab_with("alica", "boris")
    sent = alice.invite("boris", body=sdp("10.0.0.10", video=True))
    alice.takes(100)
    got = boris.takes("INVITE")
    boris.ring(got)
    alice.takes(180)
    lab.advance(2.5)
    boris.reply(got, 603, "Decline")
    alice.ack_failure(sent, alice.takes(603))
    return taped(lab)


def hostile() -> list[Record]:
    """Names that somebody chose who means harm."""
    names = (
        '"<script>alert(1)</script>" <sip:%3Cscript%3E@10.0.0.1>', '<sip:%22onload=%22alert(1)@10.0.0.1>',
        "<sip:\u202egnp.exe%1b[2J%00@10.0.0.1>", f"<sip:{'x' * 10_000}@10.0.0.1>", "<sip:%ed%a0%80%ff@10.0.0.1>",
        "<sip:a;b%23c%3bd:e@10.0.0.1>", "<sip:-->]]>&amp;@10.0.0.1>", "<sip:%0d%0aend%0a@10.0.0.1>",
    )  # fmt: skip
    records = []
    for number, name in enumerate(names):
        data = (
            f"INVITE {name.rpartition('<')[2].rstrip('>')} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{number}"
            f"\r\nFrom: {name};tag=<b>\r\nTo: {name}\r\nCall-ID: <{number}]]>&\r\nCSeq: 1 INVITE\r\n"
            f'Reason: SIP;cause=200;text="<i>\x1b[1m{name}"\r\nWarning: 399 x "{name}"\r\nReferred-By: {name}\r\n\r\n'
        ).encode()
        flow = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.9", 5060 + number))
        records.append(Record(2 * number + 1, MORNING + number, True, flow, data))
        records.append(Record(2 * number + 2, MORNING + number, False, flow, data, "<t>"))
        answer = b"SIP/2.0 486 <b>\x00\xff\r\n" + data.partition(b"\r\n")[2]
        records.append(Record(2 * number + 3, MORNING + number, False, flow, answer, 2 * number + 1))
    junk = Flow("tls", ("::1", 5061), ("fe80::1", 9999), 7)
    return [*records, Record(99, MORNING + 9, True, junk, b"\x16\x03\x01<junk>\xff\xfe")]


def long(steps: int = 150) -> list[Record]:
    """A call that asks for its options again and again, until there are so many steps."""
    lab, (alice, boris) = lab_with("alica", "boris")
    rings_and_talks(lab, alice, boris)
    while len(lab.records) < steps:
        lab.advance(0.7 if len(lab.records) % 3 else 30)
        inside(dialog(alice), boris, "INFO")
    hang_up(alice, boris)
    return taped(lab)[: max(steps, 20)]


ALL: dict[str, Callable[[], list[Record]]] = {
    one.__name__: one for one in (plain, fork, lossy, silent, transfer, conference, declined, hostile, long)
}
