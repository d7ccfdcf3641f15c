"""New calls refused without being read, while more comes than can be served (RFC 3261 §21.5.4, §8.2.7, RFC 5390 §3).

What is refused must cost next to nothing: at twice the load there is a refusal for each call that is served, and what
it takes is missing there. So no message is made of the request, nothing is kept of it, and the ACK of the refusal is
known by a tag. What is not spelled as nearly all phones do is left to the engine, which reads it and refuses it, too.
"""

from __future__ import annotations

from binascii import hexlify
from zlib import crc32

from sipfullproxy.engine.core import TAG, Core
from sipfullproxy.engine.flow import Flow
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import COMMA
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.message import CRLF

OVERLOADED = SipError(503, "More comes than can be served", (b"Retry-After", b"5"))
"""Seconds in which even a full receive buffer is worked off; who calls again then finds the queue empty."""

_COPIED = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")
_ONCE = 4
"""Those of them that a request has once; there may be more than one Via."""


class Overload:
    """Refuses new calls, one after the other. mark: is in the To tag of each refusal, and in no other one."""

    __slots__ = ("_before", "_behind", "_core", "mark")

    def __init__(self, core: Core) -> None:
        self._core = core
        # Another proxy of this kind, behind us, must have another one: its refusals are acknowledged to us.
        self.mark = b";tag=" + TAG + hexlify(core.random(4)) + b"-"
        headers = (*OVERLOADED.headers, core.warning(OVERLOADED), (b"Content-Length", b"0"))
        self._before = b"SIP/2.0 503 " + core.config.phrases.own_response(503)
        self._behind = CRLF.join([b"%b: %b" % header for header in headers] + [b"", b""])

    def refuses(self, data: bytes, source: Flow) -> bool:
        """Refuse an INVITE that would begin a call. Returns False where it must be read: it belongs to what was begun,
        or it is spelled in another way than usual."""
        core = self._core
        head, blank, _ = data.partition(b"\r\n\r\n")
        if not blank or b"\r\n " in head or b"\r\n\t" in head or core.config.silent:
            return False
        lines = [line for line in head.split(CRLF) if line.startswith(_COPIED)]
        once = [at for at, line in enumerate(lines) if not line.startswith(b"Via:")]
        top = lines[0][4:].strip() if lines else b""
        if len(once) != _ONCE or once[0] == 0 or COMMA in top:
            return False
        try:
            via = Via(top)
        except SipError:
            return False
        if not (via.unique and via.rport) or (via.branch, via.sent_by, b"INVITE") in core.transactions.servers:
            return False
        to = next((at for at in once if lines[at].startswith(b"To:")), None)
        if to is None or b"tag" in lines[to].lower():
            return False
        lines[0] = b"Via: " + via.stamped(*source.remote)
        lines[to] += b"%b%08x" % (self.mark, crc32(via.branch))
        core.outbox.send(source, CRLF.join((self._before, *lines, self._behind)))
        return True
