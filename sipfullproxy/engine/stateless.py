"""A proxy that only passes on: no transaction, no timer, no memory of any request (RFC 3261 §16.11).

One of the teacher's switches. What is lost is sent again by the phones, and each copy goes on as if it were the first.
One target only, and no name, whose address would have to be waited for; no rule of call forwarding; no journal of calls
that begin so, since nobody here knows of any. What comes over a stream is forwarded statefully all the same: its way
back is a connection, which no header names.
"""

from __future__ import annotations

import hmac

from sipfullproxy.engine.core import Core
from sipfullproxy.engine.flow import LARGEST_DATAGRAM, Flow
from sipfullproxy.engine.forwarding import breadth_of, is_for_us_alone
from sipfullproxy.engine.routing import Routed
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.via import MAGIC, Via
from sipfullproxy.sip.host import single_machine
from sipfullproxy.sip.message import Message, Request, Response

_LENGTH = 16
"""Bytes of a signature, 128 bits: branches are unique by it."""


def pass_request(core: Core, request: Request, routed: Routed, source: Flow, back: Flow) -> None:
    """Send a request on, to the best of its targets. back: where its responses go.

    Raises SipError where it may not go on, or cannot.
    """
    if request.to_tag or request.method == b"CANCEL":
        targets = core.admission.within(request, routed, source)
        call = core.calls.find(request)
        if call is not None:
            call.request(request)
    else:
        core.admission.begin(request, routed, source)
        targets = core.router.targets(routed)
    # Not the one that registered last: the choice must outlive a registration that is renewed.
    target = min(targets, key=lambda target: (-target.q, target.uri.text))
    if target.where is not None:
        raise SipError(500, "Without state nobody waits for the DNS")
    if target.flow is None:
        raise SipError(500, "No way leads there")
    breadth = breadth_of(request)
    if breadth < 1:
        raise SipError(440, "Max-Breadth came down to 0")
    branch = _branch(core, request, request.via, back.remote)
    draft, edits = core.forwarder.request(request, routed, target, source, branch, breadth)
    data = draft.encode()
    if len(data) > LARGEST_DATAGRAM and not target.flow.reliable:
        raise SipError(513, "With what must be added it fits no datagram")
    core.outbox.send(target.flow, data, edits)


def pass_response(core: Core, response: Response) -> None:
    """Send a response on to where the Via below ours says, if we have put ours there; else drop it.

    Raises SipError 400 for a Via that cannot be read.
    """
    if is_for_us_alone(response):
        return
    below = Via(response.values(b"via")[1])
    host, port = below.source
    machine = single_machine(b"[%b]" % host if b":" in host and host[:1] != b"[" else host)
    if machine is None:
        return
    for trusted in (False, True):  # which of them it was when the request came, its branch says
        address = below.reply_address((str(machine), port), trusted)
        if hmac.compare_digest(response.via.branch, _branch(core, response, below, address)):
            local = core.router.local("udp", machine)
            if local is not None:
                back = Flow("udp", local, address)
                core.outbox.send(back, *core.forwarder.response(response, back))
            return


def _branch(core: Core, message: Message, via: Via, back: tuple[str, int]) -> bytes:
    """Our branch: a function of what a request and its copies have in common, and the ACK of a refusal and the CANCEL
    with their INVITE; so not of the method, nor of the tag in To. via: the sender's. back: where responses go.

    All of it stands in a response, too. So one that we did not ask for is known by its branch, and nobody makes us send
    to a third by a made-up Via.
    """
    host, port = via.sent_by
    parts = (
        via.branch,
        host,
        b"%d" % port,
        message.from_tag,
        message.call_id,
        b"%d" % message.cseq,
        repr(back).encode(),
    )
    signature = hmac.digest(core.config.flow_key, b"\0".join((b"branch", *parts)), "sha256")[:_LENGTH]
    return b"%b%b-%b" % (MAGIC, core.config.worker.encode(), signature.hex().encode())
