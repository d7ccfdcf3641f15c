"""Transactions: the tables of `fsm.py` at work, and which message belongs to which (RFC 3261 §17, RFC 6026)."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any, Protocol

from sipfullproxy.engine import fsm
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.outbox import Outbox
from sipfullproxy.engine.timers import DURATION, T1, T2, Timer, Timers
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import CRLF, Draft, Request, Response

TRANSACTIONS = 500_000
"""Received requests that are remembered at once: half a minute of many thousands a second."""

HELD = 2**30
"""Bytes of messages, received and sent, that are remembered at once; so that large ones do not fill the memory. Beyond
that, what is new is refused; what was begun goes on."""

Key = tuple[object, ...]

_REPEATING = frozenset("AEG")  # a reliable transport repeats by itself (§17.1.1.2, §17.1.2.2, §17.2.1)
_ZERO_IF_RELIABLE = frozenset("DIJK")  # and delivers nothing twice, so that there is nothing to wait for
_BESIDE = frozenset("BFH")  # those that end a state in which something is sent again
_CALLS = (b"INVITE", b"CANCEL")

EVENT_OF = ("", "1xx", "2xx", "final", "final", "final", "final")
"""The event of a response, by the first digit of its status."""


def server_key(request: Request, method: bytes = b"") -> Key:
    """What names the server transaction that a request belongs to (RFC 3261 §17.2.3).

    An ACK belongs to its INVITE's; a CANCEL has one of its own. method: that of another request which it is for.
    """
    via = request.via
    if not method:
        method = b"INVITE" if request.method == b"ACK" else request.method
    if via.unique:
        return via.branch, via.sent_by, method
    # RFC 2543 elements: no unique branch, so what else stays the same. The To tag is left out, because ACK has one
    # where its INVITE had none.
    return (request.uri_text, request.from_tag, request.call_id, request.cseq, via.text, method)


def _without_method(key: Key) -> Key:
    return key[:-1]


class Transaction:
    """What the four machines share: a state, timers, the last message sent. held: bytes that are kept for it.

    Of timers there are never more than two: one that repeats, and one that ends what is repeated or waited for.
    """

    __slots__ = (
        "_ending",
        "_interval",
        "_layer",
        "_repeating",
        "_row",
        "flow",
        "held",
        "key",
        "last",
        "reliable",
        "state",
    )

    def __init__(self, layer: Transactions, begin: Move, key: Key, flow: Flow) -> None:
        """begin: what brings it into its first state. Its actions are the caller's affair."""
        self._layer = layer
        self.state, self._row, _ = begin
        self._ending: Timer | None = None
        self._repeating: Timer | None = None
        self._interval = T1
        self.key = key
        self.flow = flow
        self.reliable = flow.reliable
        self.last = b""
        self.held = 0

    def step(self, event: str) -> None:
        """Feed the table one event; nothing happens where the state's row does not name it."""
        move = self._row.get(event)
        if move is not None:
            self.state, self._row, actions = move
            for action in actions:
                action(self)

    def fired(self, letter: str, now: float) -> None:
        """A timer ran out."""
        self.step(letter)

    def repeat(self, letter: str) -> None:
        """Start timer A, E or G; it waits longer each time that it is started again."""
        if not self.reliable:
            seconds, layer = self._interval, self._layer
            # Timer A doubles without an end (§17.1.1.2), E and G up to T2 (§17.1.2.2, §17.2.1).
            self._interval = seconds * 2 if letter == "A" else min(seconds * 2, T2)
            self._repeating = layer.timers.start(letter, seconds, self, layer.outbox.now)

    def wait(self, letter: str) -> None:
        """Start any other timer, in the place of the one before. Where nothing is sent again by itself any more, the
        one that repeats stops too."""
        if self.reliable and letter in _ZERO_IF_RELIABLE:
            self.step(letter)
            return
        layer = self._layer
        if self._ending is not None:
            self._ending.stop()
        if self._repeating is not None and letter not in _BESIDE:
            self._repeating.stop()
        self._ending = layer.timers.start(letter, DURATION[letter], self, layer.outbox.now)

    def slow_down(self) -> None:
        """After a provisional response timer E waits T2 (§17.1.2.2)."""
        self._interval = T2

    def resend(self) -> None:
        """Send the last message again."""
        if self.last:
            self._layer.outbox.send(self.flow, self.last)

    def forget(self) -> None:
        """Leave the tables, whatever the state; all timers stop."""
        self.state, self._row = fsm.TERMINATED, _OVER
        if self._ending is not None:
            self._ending.stop()
        if self._repeating is not None:
            self._repeating.stop()
        self._layer.forget(self)


class ServerTransaction(Transaction):
    """Towards the one who sent a request. `context` is what the proxy core keeps with it (a fork) until it is answered,
    or None. `via` is its own, the topmost of the request; `further`, the ways by which a response may still go that
    could not be sent; None: nobody has looked for any."""

    __slots__ = ("_edits", "context", "further", "via")

    def __init__(self, layer: Transactions, key: Key, flow: Flow, request: Request) -> None:
        super().__init__(layer, _INVITE_SERVER if request.method == b"INVITE" else _SERVER, key, flow)
        self.via = request.via
        self.further: tuple[Flow, ...] | None = None
        self.context: Any = None
        self._edits: tuple[str, ...] = ()

    def respond(self, status: int, data: bytes, edits: tuple[str, ...] = (), *, once: bool = False) -> bool:
        """Send a response upstream, if the table lets it through. Returns whether it does.

        once: a final one that is not sent again before the request is; so is any to a stranger who has heard nothing,
        and so will ask again.
        """
        event = "refusal" if once or (status >= 300 and self._is_unheard_stranger()) else EVENT_OF[status // 100]
        if event not in self._row:
            return False
        size = len(data) - len(self.last)
        self.held += size
        self._layer.held += size
        self.last = data
        self._edits = edits
        self.step(event)
        if status >= 200:
            self.context = None
            if self.state == fsm.ACCEPTED:
                # What comes again from here on is absorbed, or comes from the other end.
                self.hold(-len(data))
                self.last = b""
        return True

    def _is_unheard_stranger(self) -> bool:
        return not self.last and not self.reliable and not self._is_known()

    def _is_known(self) -> bool:
        """Whether the request came from a phone that is registered; only for one a further way is looked for."""
        return self.further is not None or self._layer.known(self.flow)

    def repeat(self, letter: str) -> None:
        """Start timer G. Not for the fourth time towards a stranger: his address may be made up, and a victim would get
        eleven answers for one request. Of ten thousand one is lost to a guest where a tenth of all packets is."""
        if self._interval < T2 or self._is_known():
            super().repeat(letter)

    def hold(self, size: int) -> None:
        """Count so many bytes more as kept for it."""
        if self.state != fsm.TERMINATED:
            self.held += size
            self._layer.held += size

    def forget(self) -> None:
        """As for every transaction; and what is kept with it, which was never let go where no answer went out."""
        super().forget()
        self.context = None

    def send(self) -> None:
        """Send what `respond` was given."""
        self._layer.outbox.send(self.flow, self.last, self._edits)

    @property
    def answered(self) -> bool:
        """Whether a final response went out, or the transaction is over."""
        return self.state not in (fsm.TRYING, fsm.PROCEEDING)


class ClientUser(Protocol):
    """Whoever sends requests by client transactions and hears what becomes of them."""

    def received(self, response: Response) -> None:
        """A response came (retransmissions of 2xx to INVITE included)."""

    def timed_out(self) -> None:
        """No final response came in time (timer B or F)."""

    def failed(self) -> None:
        """The transport could not send the request."""


class Nobody:
    """Whoever waits for no answer: the sender of a CANCEL, and who has heard all that there was to hear."""

    def received(self, response: Response) -> None:
        """Nothing to do."""

    def timed_out(self) -> None:
        """Nothing to do."""

    def failed(self) -> None:
        """Nothing to do."""


NOBODY = Nobody()


class ClientTransaction(Transaction):
    """Towards the one whom a request is sent to.

    request: an INVITE in lines, so that its ACK can be composed. user: who hears of it, as long as there may be more to
    hear. Both, and the message itself, are let go when it was answered, half a minute before it is over.
    """

    __slots__ = ("_ack", "_response", "request", "user")

    def __init__(
        self, layer: Transactions, key: Key, flow: Flow, method: bytes, request: Draft | None, user: ClientUser
    ) -> None:
        super().__init__(layer, _INVITE_CLIENT if method == b"INVITE" else _CLIENT, key, flow)
        self.request = request
        self.user = user
        self._response: Response | None = None
        self._ack = b""

    @property
    def pending(self) -> bool:
        """Whether a final response is still owed."""
        return self.state in (fsm.CALLING, fsm.TRYING, fsm.PROCEEDING)

    def receive(self, response: Response) -> None:
        """Feed it a response that is its own, by `Transactions.clients`."""
        self._response = response
        self.step(EVENT_OF[response.status // 100])
        self._response = None
        if response.status >= 200:
            self.last = b""
            self.request = None
            if self.state != fsm.ACCEPTED:
                self.user = NOBODY

    def deliver(self) -> None:
        """Hand the response to the proxy core."""
        assert self._response is not None
        self.user.received(self._response)

    def acknowledge(self) -> None:
        """Send the ACK for a final response that is no 2xx, hop by hop (§17.1.1.3)."""
        if not self._ack:
            assert self._response is not None and self.request is not None
            to_line = self._response.lines[self._response.where[b"to"][0]]
            self._ack = follow_up(self.request, b"ACK", to_line)
        self._layer.outbox.send(self.flow, self._ack)

    def timeout(self) -> None:
        """Tell the proxy core that nobody answered."""
        self.user.timed_out()

    def failure(self) -> None:
        """Tell the proxy core that the request could not be sent."""
        self.user.failed()


def follow_up(sent: Draft, method: bytes, to_line: bytes | None = None, *extra: bytes) -> bytes:
    """Compose the CANCEL or the hop-by-hop ACK of a request that we sent (RFC 3261 §9.1, §17.1.1.3).

    Same Request-URI, Call-ID, From, CSeq number and Route, and of Via the topmost only. to_line: the To of the response
    that is acknowledged; of the request itself where None. extra: further header lines.
    """
    uri = sent.start.split(b" ")[1]
    where, lines = sent.where, sent.lines
    via = lines[where[b"via"][0]].partition(CRLF)[0]
    cseq = lines[where[b"cseq"][0]].partition(b":")[2].split()[0]
    out = [b"%b %b SIP/2.0" % (method, uri), via]
    for name in (b"route", b"from"):
        out += [lines[position] for position in where.get(name, ()) if lines[position]]
    out.append(lines[where[b"to"][0]] if to_line is None else to_line)
    out += [lines[where[b"call-id"][0]], b"CSeq: %b %b" % (cseq, method), b"Max-Forwards: 70", *extra]
    return CRLF.join((*out, b"Content-Length: 0", b"", b""))


class Transactions:
    """All transactions of one engine (RFC 3261 §17.1.3, §17.2.3).

    servers: the server transactions by their keys (see `server_key`). clients: those that a response belongs to, by the
    branch in its top Via and its method. held: bytes that are kept for all of them. known: says whether a phone is
    registered at a flow.
    """

    __slots__ = ("_by_flow", "_no_calls", "clients", "held", "known", "outbox", "servers", "timers")

    def __init__(self, timers: Timers, outbox: Outbox, known: Callable[[Flow], bool] = lambda flow: True) -> None:
        self.known = known
        self.timers = timers
        self.outbox = outbox
        self.servers: dict[Key, ServerTransaction] = {}
        self._no_calls: dict[Key, ServerTransaction] = {}  # neither INVITE nor CANCEL, found without their method
        self.clients: dict[Key, ClientTransaction] = {}
        self._by_flow: dict[Flow, dict[Transaction, None]] = {}
        self.held = 0

    def match_cancelled(self, request: Request) -> ServerTransaction | None:
        """The server transaction that a CANCEL is for: an INVITE's, or that of any other request (RFC 3261 §9.2)."""
        key = server_key(request, b"INVITE")
        return self.servers.get(key) or self._no_calls.get(_without_method(key))

    def serve(self, key: Key, flow: Flow, request: Request) -> ServerTransaction:
        """Begin a server transaction. flow: where its responses go. Raises SipError 503 when there are too many."""
        if len(self.servers) >= TRANSACTIONS or self.held >= HELD:
            raise SipError(503, "Too many transactions", (b"Retry-After", b"10"))
        transaction = self.servers[key] = ServerTransaction(self, key, flow, request)
        if request.method not in _CALLS:
            self._no_calls[_without_method(key)] = transaction
        self._enter(transaction, request.size)
        return transaction

    def request(
        self, branch: bytes, method: bytes, flow: Flow, data: bytes, edits: tuple[str, ...], user: ClientUser,
        draft: Draft | None = None,
    ) -> ClientTransaction:  # fmt: skip
        """Send a request and begin its client transaction.

        branch: the one in its top Via. data: the request. draft: the same in lines, for the ACK of an INVITE.
        """
        key = (branch, method)
        transaction = self.clients[key] = ClientTransaction(self, key, flow, method, draft, user)
        self._enter(transaction, len(data))
        transaction.last = data
        self.outbox.send(flow, data, edits)
        invite = method == b"INVITE"
        transaction.repeat("A" if invite else "E")
        transaction.wait("B" if invite else "F")
        return transaction

    def on(self, flow: Flow) -> list[Transaction]:
        """Those that send on a flow. When the transport cannot, each is to be told "error" (§17.1.4, §17.2.4)."""
        return list(self._by_flow.get(flow, ()))

    def move(self, transaction: Transaction, flow: Flow) -> None:
        """Have a transaction send by another flow from now on."""
        self._leave(transaction)
        transaction.flow, transaction.reliable = flow, flow.reliable
        self._enter(transaction)

    def forget(self, transaction: Transaction) -> None:
        """Take a transaction that is over out of the tables."""
        key, serves = transaction.key, isinstance(transaction, ServerTransaction)
        table: dict[Key, Any] = self.servers if serves else self.clients
        if table.get(key) is transaction:
            del table[key]
            if serves and key[-1] not in _CALLS and self._no_calls.get(_without_method(key)) is transaction:
                del self._no_calls[_without_method(key)]
            self.held -= transaction.held
            self._leave(transaction)

    def _enter(self, transaction: Transaction, size: int = 0) -> None:
        """size: bytes more that are kept for it."""
        transaction.held += size
        self.held += size
        there = self._by_flow.get(transaction.flow)
        if there is None:
            self._by_flow[transaction.flow] = {transaction: None}
        else:
            there[transaction] = None

    def _leave(self, transaction: Transaction) -> None:
        there = self._by_flow[transaction.flow]
        del there[transaction]
        if not there:
            del self._by_flow[transaction.flow]

    def __len__(self) -> int:
        return len(self.servers) + len(self.clients)


Action = Callable[[Any], object]
Row = dict[str, "Move"]
Move = tuple[str, Row, tuple[Action, ...]]
"""The state that an event leads to, that state's own row, and what is done on the way."""

_OVER: Row = {}
"""The row of those that are over: no event concerns them."""


def _compile(table: fsm.Table, first: str, cls: type[Transaction]) -> Move:
    """Look the rows and the actions of a table up once, at import. Returns the move into its first state."""

    def action(name: str) -> Action:
        if name.startswith("start "):
            letter = name[6:]
            return methodcaller("repeat" if letter in _REPEATING else "wait", letter)
        found: Action = getattr(cls, name.replace(" ", "_"))
        return found

    rows: dict[str, Row] = {state: {} for state in table}
    for state, row in table.items():
        for event, (target, names) in row.items():
            rows[state][event] = (target, rows[target], tuple(map(action, names)))
    return first, rows[first], ()


_INVITE_SERVER = _compile(fsm.INVITE_SERVER, fsm.PROCEEDING, ServerTransaction)
_SERVER = _compile(fsm.NON_INVITE_SERVER, fsm.TRYING, ServerTransaction)
_INVITE_CLIENT = _compile(fsm.INVITE_CLIENT, fsm.CALLING, ClientTransaction)
_CLIENT = _compile(fsm.NON_INVITE_CLIENT, fsm.TRYING, ClientTransaction)
