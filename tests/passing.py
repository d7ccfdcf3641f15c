"""What a proxy may touch in a message; everything else it must not: byte for byte and in order (RFC 3261 §16.6).

It takes messages apart in a way of its own, so that a mistake of the parser cannot hide itself here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.framing import PING, Framer
from tests.helpers import Lab, Phone

OURS = {
    b"via", b"v",  # ours on top of the others, and in the one below where it really came from
    b"max-forwards", b"max-breadth",  # counted down
    b"record-route", b"route",  # ours in front, ours taken out
}  # fmt: skip


def split(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Start line, header lines with their folds, body."""
    head, _, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    start, *lines = re.split(rb"\r\n(?![ \t])", head)
    return start, lines, body


def name_of(line: bytes) -> bytes:
    """The name of a header line."""
    return line.partition(b":")[0].strip().lower()


def named(lines: list[bytes], *names: bytes) -> list[bytes]:
    """The lines of these names."""
    return [line for line in lines if name_of(line) in names]


def unfolded(line: bytes) -> bytes:
    """One line, with every stretch of white space a single blank."""
    return b" ".join(line.split())


def fate_of(lab: Lab, data: bytes, source: tuple[str, int]) -> tuple[str, list[Send]]:
    """What becomes of a message, in one word, and what was sent; a 100 Trying counts as nothing.

    The word is "forwarded" (to whomever), the status of our final answer, "dropped", or "junk".
    """
    return _fate(lab, data, Flow("udp", lab.address, source))


def connect(lab: Lab, phone: Phone) -> Flow:
    """Have a phone register over TCP; the way of all that it says from then on."""
    flow = Flow("tcp", lab.address, phone.address, 1)
    contact = f"Contact: <{phone.contact};transport=tcp>"
    register = phone.compose("REGISTER", "sip:10.0.0.1", to=f"<{phone.aor}>", contact=False, headers=(contact,))
    fate, _ = _fate(lab, register, flow)
    assert fate == "200"
    return flow


def fates_on(flow: Flow, lab: Lab, data: bytes) -> list[str]:
    """What becomes of each message of a stream, as `fate_of` says it, and "ping" for a keepalive.

    At the end "closed" where nothing more could be read, or "waiting" where a message is not whole.
    """
    framer = Framer()
    fates = ["ping" if item == PING else _fate(lab, item, flow)[0] for item in framer.feed(data)]
    if framer.broken is None:
        whole = framer.feed(b"\r\n\r\n") == [PING]
        return fates if whole else [*fates, "waiting"]
    if framer.broken.request is not None:
        sends = lab.engine.refuse(framer.broken.request, framer.broken.error, flow, lab.now)
        fates += [send.data[8:11].decode() for send in sends]
    return [*fates, "closed"]


def framed(pieces: Iterable[bytes]) -> tuple[list[bytes], str]:
    """What a framer makes of a stream that comes in these pieces, and why it is broken in the end, or ""."""
    framer = Framer()
    found = [item for piece in pieces for item in framer.feed(piece)]
    broken = framer.broken
    return found, "" if broken is None else f"{broken.error} {broken.request.start if broken.request else None!r}"


def _fate(lab: Lab, data: bytes, flow: Flow) -> tuple[str, list[Send]]:
    junk = lab.engine.junk
    sends = lab.engine.receive(data, flow, lab.now)
    sends = [send for send in sends if not send.data.startswith(b"SIP/2.0 100 ")]
    if not sends:
        return ("junk" if lab.engine.junk > junk else "dropped"), []
    assert len(sends) == 1
    if not sends[0].data.startswith(b"SIP/2.0 "):
        return "forwarded", sends
    assert sends[0].flow.remote[0] == flow.remote[0]
    return sends[0].data[8:11].decode(), sends


def assert_passed(came: bytes, went: bytes) -> None:
    """A request was forwarded as RFC 3261 §16.6 has it, and nothing else was done to it."""
    start, lines, body = split(came)
    new_start, new_lines, new_body = split(went)
    method, _, rest = start.partition(b" ")
    assert new_start.startswith(method + b" ") and new_start.endswith(rest[-8:])
    length = [int(line.partition(b":")[2]) for line in named(lines, b"content-length", b"l")]
    assert new_body == (body[: length[0]] if length else body)

    kept = [line for line in lines if name_of(line) not in OURS]
    assert [line for line in new_lines if name_of(line) not in OURS] == kept

    vias, new_vias = named(lines, b"via", b"v"), named(new_lines, b"via", b"v")
    assert new_vias[0].startswith((b"Via: SIP/2.0/UDP ", b"Via: SIP/2.0/TCP ")) and b";branch=z9hG4bK" in new_vias[0]
    assert new_vias[2:] == vias[1:]
    added = {b"rport", b"received"}
    old, new = (
        [part for part in re.split(rb"[;,]", unfolded(via)) if part.strip().partition(b"=")[0].strip() not in added]
        for via in (vias[0], new_vias[1])
    )
    assert [part.strip() for part in new] == [part.strip() for part in old]

    hops, new_hops = named(lines, b"max-forwards"), named(new_lines, b"max-forwards")
    assert new_hops == [b"Max-Forwards: %d" % (int(hops[0].partition(b":")[2]) - 1 if hops else 70)]

    routes = named(lines, b"record-route")
    new_routes = named(new_lines, b"record-route")
    assert new_routes[len(new_routes) - len(routes) :] == routes
    assert all(line.startswith(b"Record-Route: <sip:") for line in new_routes[: len(new_routes) - len(routes)])
