"""The ACK of a 2xx: it goes its own way, without a transaction, and nothing answers it (RFC 3261 §13.2.2.4, §16.11)."""

from __future__ import annotations

from contextlib import suppress

from sipfullproxy.engine.core import Core
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.routing import Routed, Target
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request


class Acknowledgement:
    """One ACK on its way to a target. breadth: its share of Max-Breadth. The rest: see `Fork`."""

    __slots__ = ("_breadth", "_core", "_mark", "_request", "_routed", "_source", "_target")

    def __init__(
        self, core: Core, request: Request, routed: Routed, source: Flow, mark: bytes, target: Target, breadth: int
    ) -> None:
        self._core = core
        self._request = request
        self._routed = routed
        self._source = source
        self._mark = mark
        self._target = target
        self._breadth = breadth

    def start(self) -> None:
        """Send it; where the target is a name, as soon as it is known where that is."""
        target = self._target
        if target.flow is not None:
            self._send(target, target.flow)
        elif target.where is not None:
            self._core.lookups.ask(target.where, self, self._source)

    def located(self, found: Found) -> None:
        """The DNS has answered. Where it knows no way, the ACK is lost: the other end will ask for it again."""
        with suppress(SipError):
            ways = self._core.router.ways(found, self._target.only)
            if ways:
                self._send(self._target.by(ways), ways[0].flow)

    def _send(self, target: Target, flow: Flow) -> None:
        core = self._core
        branch = core.branch(self._mark)
        draft, edits = core.forwarder.request(
            self._request, self._routed, target, self._source, branch, self._breadth
        )  # fmt: skip
        core.outbox.send(flow, draft.encode(), edits)
