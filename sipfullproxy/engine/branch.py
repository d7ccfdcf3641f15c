"""One way that a forwarded request takes: the client transaction towards a target (RFC 3261 §16.6 items 7 to 11)."""

from __future__ import annotations

from typing import Protocol

from sipfullproxy.engine.core import Core
from sipfullproxy.engine.flow import LARGEST_DATAGRAM, SAFE_DATAGRAM, Flow
from sipfullproxy.engine.forwarding import is_for_us_alone
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.lookups import Lookup
from sipfullproxy.engine.routing import Routed, Target
from sipfullproxy.engine.timers import CANCELLED, NEXT_SERVER, TIMER_C, Timer
from sipfullproxy.engine.transaction import NOBODY, ClientTransaction, ClientUser, follow_up
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Draft, Request, Response


class Context(Protocol):
    """What a branch is a part of: the response context of §16.2, a fork (forking.py).

    request: as it came, from source. routed: what its Route headers left to decide. mark: for our branches. invite:
    whether it is an INVITE.
    """

    core: Core
    request: Request
    routed: Routed
    source: Flow
    mark: bytes
    invite: bool

    def provisional(self, branch: Branch, response: Response) -> None:
        """A response from 101 to 199 came on that branch."""

    def final(self, branch: Branch, response: Response) -> None:
        """A final response came on that branch; a 2xx perhaps more than once."""

    def lost(self, branch: Branch, status: int, reason: str = "") -> None:
        """That branch ends without a response, which is as good as that status. reason: why, for a Warning."""

    def silent(self, branch: Branch) -> None:
        """That branch has not shown any sign of life, and there are further ways to its target."""

    def located(self, branch: Branch) -> None:
        """Names led to where that branch sends its request now."""


class Branch:
    """One target of a fork, and the client transaction towards it.

    breadth: its share of Max-Breadth. spare: what is kept of it for the next way to the target. status, response: the
    final ones; until then 0, None. reason: why it ended without a response, for a Warning.
    replaced: whether others are tried in its place, so that only a 2xx of it counts any more (RFC 3261 §16.7 item 4).
    """

    __slots__ = (
        "_cancel", "_cancelling", "_client", "_draft", "_fork", "_lookup", "_plain", "_provisional", "_timer", "_token",
        "breadth", "reason", "replaced", "response", "spare", "status", "target",
    )  # fmt: skip

    def __init__(self, fork: Context, target: Target, breadth: int) -> None:
        self.target = target
        self.breadth = breadth
        self.spare = 0
        self.status = 0
        self.reason = ""
        self.replaced = False
        self.response: Response | None = None
        self._fork = fork
        self._plain: Target | None = None  # over UDP, while TCP is tried
        self._lookup: Lookup | None = None
        self._provisional = False
        self._token = b""
        self._cancel: tuple[bytes, ...] | None = None
        self._cancelling = False
        self._timer: Timer | None = None
        self._client: ClientTransaction | None = None
        self._draft: Draft | None = None

    @property
    def fork(self) -> Context:
        """The request that this is a branch of."""
        return self._fork

    @property
    def may_cross(self) -> bool:
        """Whether a CANCEL is under way to it, and perhaps a 2xx from it. A refusal that went back before that one
        would not be the only final response (RFC 3261 §16.7 items 5 and 6). Who was given up before he showed that he
        knows the request counts as silent, as when timer C ends (§16.8)."""
        return self._cancelling and not self.status

    @property
    def unheard(self) -> bool:
        """Whether nobody has shown that he knows the request, and nobody has given him up."""
        return not self._provisional and self._cancel is None and not self._cancelling

    @property
    def waits(self) -> bool:
        """Whether it waits for the DNS, so that nobody has got the request yet."""
        return self._lookup is not None

    def start(self) -> None:
        """Send the request to the target; where that is a name, as soon as it is known where that is."""
        fork, target = self._fork, self.target
        if target.flow is not None:
            self._begin(target.flow)
        elif target.where is None:
            fork.lost(self, 503, "No way leads there")
        else:
            self._lookup = fork.core.lookups.ask(target.where, self, fork.source)
            if self._lookup is None:
                fork.lost(self, 503, "Too many names wait for the DNS")

    def located(self, found: Found) -> None:
        """The DNS has said where the target is, or nothing. Where it knows of no such place there is nobody (404), and
        where it is silent there may be (504, RFC 3261 §21.5.5)."""
        self._lookup = None
        fork, where = self._fork, self.target.where
        assert where is not None
        try:
            ways = fork.core.router.ways(found, self.target.only)
        except SipError as error:
            fork.lost(self, error.status, error.reason)
            return
        if ways:
            self.target = self.target.by(ways)
            self._begin(ways[0].flow)
        elif found.hops:
            fork.lost(self, 503, f"Nothing is sent to where {where.host} leads")
        elif found.silent:
            fork.lost(self, 504, f"The DNS does not say where {where.host} is")
        else:
            fork.lost(self, 404, f"The DNS knows no SIP server of {where.host}")

    def _begin(self, flow: Flow) -> None:
        """Send it; over TCP, if it is large and that is open to us (RFC 3261 §18.1.1)."""
        fork = self._fork
        if self.target.further:
            self.spare = self.breadth // 2
            self.breadth -= self.spare
        if self.target.names:
            fork.located(self)
        draft, edits = self._copy()
        data = draft.encode()
        if len(data) > SAFE_DATAGRAM and not flow.reliable:
            stream = fork.core.router.over_stream(fork.routed, self.target)
            if stream is not None:
                self._plain, self.target = self.target, self.target._replace(flow=stream)
                draft, edits = self._copy()
                self._send(stream, draft, draft.encode(), edits)
                return
        self._send(flow, draft, data, edits)

    def _copy(self) -> tuple[Draft, tuple[str, ...]]:
        fork, core = self._fork, self._fork.core
        self._token = core.branch(fork.mark)
        return core.forwarder.request(fork.request, fork.routed, self.target, fork.source, self._token, self.breadth)

    def _send(self, flow: Flow, draft: Draft, data: bytes, edits: tuple[str, ...]) -> None:
        fork, core = self._fork, self._fork.core
        if len(data) > LARGEST_DATAGRAM and not flow.reliable:
            fork.lost(self, 513)  # it came in one, and what we added was too much
            return
        self._draft = draft if fork.invite else None
        self._client = core.transactions.request(self._token, fork.request.method, flow, data, edits, self, self._draft)
        if self.spare:
            self._wait("3263", NEXT_SERVER)
        elif fork.invite:
            self._wait("C", TIMER_C)

    def cancel(self, *headers: bytes) -> None:
        """Give this branch up, now or as soon as the other end shows that it knows the request (RFC 3261 §9.1)."""
        if self.target.further:
            self.target = self.target._replace(further=())
        if self._lookup is not None:
            self._lookup.stop()
            self._lookup = None
        client = self._client
        if self.status or self._cancelling or client is None or not client.pending:
            return
        if not self._provisional:
            self._cancel = headers
            return
        if self._draft is None:
            return  # nothing but an INVITE can be cancelled
        self._cancelling = True
        self._wait("9.1", CANCELLED)  # first, so that it ends even if a bug keeps the CANCEL from going out
        data = follow_up(self._draft, b"CANCEL", None, *headers)
        # Nobody waits for its answer: what counts is the final response of the INVITE.
        self._fork.core.transactions.request(self._token, b"CANCEL", client.flow, data, ("cancel",), NOBODY)

    def received(self, response: Response) -> None:
        """A response came on this branch."""
        status = response.status
        if status >= 200:
            self._stop_waiting()
            if is_for_us_alone(response):
                self._fork.lost(self, 502)
            else:
                self._fork.final(self, response)
            self._client = None
            return
        self._provisional = True
        if self._cancel is not None:
            self.cancel(*self._cancel)
        elif not self._cancelling and (status > 100 or self._is_timed("3263")):
            if self._draft is not None:
                self._wait("C", TIMER_C)
            else:
                self._stop_waiting()
        if status > 100 and not is_for_us_alone(response):
            self._fork.provisional(self, response)

    def timed_out(self) -> None:
        """Nobody answered (timer B or F)."""
        self._stop_waiting()
        self._client = None
        self._fork.lost(self, 408)

    def failed(self) -> None:
        """The request could not be sent; as good as a 503 (RFC 3261 §16.9). A large one, for which TCP was tried, is
        sent by UDP (§18.1.1), unless it has come there or is wanted there no more; and who named a connection by its
        token is told that it is gone (RFC 5626 §5.3.1)."""
        self._stop_waiting()
        self._client = None
        plain, self._plain = self._plain, None
        if plain is not None and plain.flow is not None and self.unheard:
            self.target = plain
            draft, edits = self._copy()
            self._send(plain.flow, draft, draft.encode(), edits)
            return
        flow = self.target.flow
        gone = self._fork.routed.toward is not None and flow is not None and flow.reliable
        self._fork.lost(self, 430 if gone else 503)

    def fired(self, letter: str, now: float) -> None:
        """It rang for too long (timer C, §16.8), or the end of a cancelled branch never came (§9.1)."""
        self._timer = None
        if letter == "3263":
            if self._draft is not None:
                self._wait("C", TIMER_C)
            self._fork.silent(self)
        elif letter == "C" and self._provisional:
            self.cancel()
        else:
            assert self._client is not None
            self._client.forget()
            self._client = None
            self._fork.lost(self, 408)

    def hand_over(self, user: ClientUser) -> None:
        """Have somebody else hear the further responses."""
        assert self._client is not None
        self._client.user = user

    def _is_timed(self, letter: str) -> bool:
        return self._timer is not None and self._timer.letter == letter

    def _wait(self, letter: str, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        core = self._fork.core
        self._timer = core.timers.start(letter, seconds, self, core.outbox.now)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
