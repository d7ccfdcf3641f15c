"""Another way back for a response that could not be sent: by the name in its Via (RFC 3263 §5, RFC 3261 §18.2.2)."""

from __future__ import annotations

from contextlib import suppress

from sipfullproxy.engine import fsm
from sipfullproxy.engine.core import Core
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.transaction import ServerTransaction
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.uri import parse_uri


class Return:
    """A response that waits for the DNS."""

    __slots__ = ("_core", "_server")

    def __init__(self, core: Core, server: ServerTransaction) -> None:
        self._core = core
        self._server = server

    def located(self, found: Found) -> None:
        """The DNS has answered."""
        server = self._server
        if server.state == fsm.TERMINATED:
            return
        with suppress(SipError):  # a name of ours: whoever sent the request is not here
            server.further = tuple(way.flow for way in self._core.router.ways(found))
        if not goes_on(self._core, server, known=True):
            server.step("error")


def goes_on(core: Core, server: ServerTransaction, known: bool) -> bool:
    """Send the last response by the next way, or ask the DNS for one. False where there is none.

    known: whether the request came from a phone that is registered here. A stranger's Via may name a victim.
    """
    if server.further:
        flow, *rest = server.further
        server.further = tuple(rest)
        core.transactions.move(server, flow)
        server.resend()
        return True
    if server.further is not None or not known:
        return False
    server.further = ()
    via = server.via
    port = b":%d" % via.port if via.port else b""
    where = core.router.named(parse_uri(b"sip:%b%b;transport=%b" % (via.host, port, via.transport.lower())))
    return where is not None and core.lookups.ask(where, Return(core, server), server.flow) is not None
