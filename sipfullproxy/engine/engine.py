"""The verbs: everything that the world may ask of the engine (RFC 3261 §16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple
from zlib import crc32

from sipfullproxy.engine import fsm, stateless
from sipfullproxy.engine.acknowledgement import Acknowledgement
from sipfullproxy.engine.bans import JUNK, Ban
from sipfullproxy.engine.branch import Branch
from sipfullproxy.engine.calls import Call
from sipfullproxy.engine.config import Config
from sipfullproxy.engine.core import TAG, Core
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import WEBSOCKETS, Flow, Send
from sipfullproxy.engine.forking import Fork
from sipfullproxy.engine.forwarding import breadth_of
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.lookups import Lookup, Question
from sipfullproxy.engine.overload import OVERLOADED, Overload
from sipfullproxy.engine.registrar import EXTENSIONS, Phone, registrant
from sipfullproxy.engine.replica import Came, Change, Guess
from sipfullproxy.engine.returning import goes_on
from sipfullproxy.engine.routing import Routed, Target
from sipfullproxy.engine.transaction import ClientTransaction, ServerTransaction, Transaction, server_key
from sipfullproxy.engine.validation import LARGEST_MAX_FORWARDS, loop_mark, no_loop, reasonable, supports
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.message import Request, Response, parse

_BLANKS = b"\r\n\0 "


class News(NamedTuple):
    """What one verb has brought for others than the wire; see `Engine.news`."""

    events: list[Event]
    questions: list[Question]
    changes: list[Change]


def _raise(bug: Exception) -> None:
    raise bug


class Engine:
    """A SIP proxy and registrar without sockets, threads, clock or randomness.

    Call the verbs one at a time, with a `now` (monotonic seconds) that never goes back. After each one put its `Send`s
    on the wire, fetch the `news`, and be back with `tick` at `next_timer()`.
    """

    def __init__(
        self, config: Config, random: Callable[[int], bytes], report: Callable[[Exception], None] = _raise
    ) -> None:
        """random: gives n unpredictable bytes, a few at a time (see `randomness.Pool`). report: hears of bugs, each
        served with a 500; if none, they raise."""
        self._core = Core(config, random)
        self._overload = Overload(self._core)
        self._report = report
        self._told: float | None = None
        self.serial = 0
        """Number of the last received message that was SIP, or wanted to be."""
        self.junk = 0
        """How many datagrams were no SIP at all."""

    @property
    def epoch(self) -> float:
        """What an event's time is ahead of the `now` that it happened at: 0, or what the caller has put here to have
        events told in the time of people. Before each verb, because clocks are set."""
        return self._core.outbox.epoch

    @epoch.setter
    def epoch(self, seconds: float) -> None:
        self._core.outbox.epoch = seconds

    # -- verbs -------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        """Take in one message (a datagram, or one that was framed out of a stream). flow: the way that it came.

        spare: whether more comes than can be served, so that what would begin anew is refused (RFC 3261 §21.5.4), and
        what was begun goes on.
        """
        if data[:1] in _BLANKS and not data.strip(_BLANKS):
            return []  # a keepalive (RFC 5626 §3.5.1, and the NULs and blanks that some phones send)
        core = self._core
        bans = core.bans
        core.outbox.now = now
        if bans is not None and not bans.admits(flow):
            return []
        self.serial += 1
        core.outbox.cause = self.serial
        if data.startswith(b"ACK ") and self._overload.mark in data:
            return []
        if spare and data.startswith(b"INVITE ") and self._overload.refuses(data, flow):
            return core.outbox.sends()
        message = None
        try:
            message = parse(data)
            if isinstance(message, Request):
                self._request(message, flow, spare)
            else:
                self._response(message, flow)
        except SipError:
            if message is None:
                self.junk += 1
                if bans is not None and not core.location.has_flow(flow):
                    bans.count(JUNK, flow)
            # Else it is a response that cannot be read, or an ACK that leads nowhere: dropped. Others were answered.
        except Exception as bug:
            self._report(bug)
            if isinstance(message, Request):
                self._apologize(message, flow)
            elif isinstance(message, Response) and hasattr(message, "via"):
                self._abandon(core.transactions.clients.get((message.via.branch, message.cseq_method)))
        return core.outbox.sends()

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        """Answer the request whose end in a stream cannot be found (`sip.framing.Broken`). Then close the stream."""
        core = self._core
        core.outbox.now = now
        if core.bans is not None and not core.bans.admits(flow):
            return []
        self.serial += 1
        core.outbox.cause = self.serial
        if request.method != b"ACK":
            core.refuse_unread(request, _same_tag(request), error, self._way_back(request, flow), flow)
        return core.outbox.sends()

    def tick(self, now: float) -> list[Send]:
        """Let all timers fire that are due."""
        self._told = None
        core = self._core
        core.outbox.now = now
        for timer in core.timers.due(now):
            if timer.owner is not None:
                core.outbox.cause = timer.letter
                self._serve_safely(timer.owner, timer.owner.fired, timer.letter, now)
        core.outbox.cause = "expires"
        core.registrar.expire(now)
        return core.outbox.sends()

    def next_timer(self) -> float | None:
        """When `tick` is wanted next (monotonic seconds); None while nothing is going on."""
        if self._told is not None:
            return self._told
        timer, expiry = self._core.timers.next(), self._core.location.next_expiry()
        if timer is None or expiry is None:
            return expiry if timer is None else timer
        return timer if timer < expiry else expiry

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """The transport could not send on a flow, or its connection closed."""
        core = self._core
        core.outbox.now = now
        core.outbox.cause = "lost"
        again = flow.serial and flow.transport not in WEBSOCKETS
        known = core.location.has_flow(flow)
        for transaction in core.transactions.on(flow):
            if again and isinstance(transaction, ServerTransaction) and not transaction.answered:
                core.transactions.move(transaction, _other_way(transaction))
            else:
                self._serve_safely(transaction, self._failed, transaction, known)
        core.registrar.lost(flow)
        return core.outbox.sends()

    def _failed(self, transaction: Transaction, known: bool) -> None:
        """A message could not be sent. Where it is a response, there may be another way back. known: see `goes_on`."""
        server = transaction if isinstance(transaction, ServerTransaction) and not transaction.flow.serial else None
        if server is None or not goes_on(self._core, server, known):
            transaction.step("error")

    def news(self) -> News | None:
        """Fetch all of them at once: `events`, `questions` and `changes`. None where nothing came of the last verb, as
        of most."""
        core = self._core
        if not (core.outbox.told or core.location.made or core.lookups.asked):
            return None
        return News(core.outbox.events(), core.lookups.questions(), core.location.changes())

    def questions(self) -> list[Question]:
        """Fetch, once, the names that are to be looked up; the answer to each comes by `resolved`."""
        return self._core.lookups.questions()

    def resolved(self, number: int, found: Found, now: float) -> list[Send]:
        """What was found for the question of that number. Nothing happens where nobody waits for it any more."""
        core = self._core
        core.outbox.now = now
        lookup = core.lookups.find(number)
        if lookup is not None:
            self._serve_safely(lookup, lookup.answer, found)
        return core.outbox.sends()

    def tell(self, event: Callable[..., Event], now: float, **fields: Any) -> None:
        """Put an event of the world around the engine among its own, in order and with the next serial number.

        It is fetched like those, at the latest after the `tick` that `next_timer` wants from now on.
        """
        self._core.outbox.now = self._told = now
        self._core.outbox.emit(event, **fields)

    def phones(self, limit: int, user: bytes | None = None) -> list[Phone]:
        """A look at so many of the registered phones, the newest users last; or at those of one user, newest first."""
        return self._core.registrar.phones(limit, user)

    @property
    def phones_version(self) -> int:
        """Grows with each change of what `phones` shows."""
        return self._core.registrar.version

    def forget(self, phone: Phone, now: float) -> bool:
        """Remove a phone that `phones` showed, as if it had left. Returns whether it was still here."""
        self._core.outbox.now = now
        return self._core.registrar.forget(phone)

    def bans(self, now: float) -> list[Ban]:
        """Who is held off, and until when; none where nobody is."""
        self._core.outbox.now = now
        return self._core.bans.all() if self._core.bans is not None else []

    def ban(self, ban: Ban, now: float) -> None:
        """Hold somebody off who was banned in a former life, or by a neighbour."""
        self._core.outbox.now = now
        if self._core.bans is not None:
            self._core.bans.adopt(ban)

    def lift(self, network: str, now: float) -> bool:
        """End the ban of a network, as `bans` calls it. Returns whether there was one."""
        self._core.outbox.now = now
        return self._core.bans is not None and self._core.bans.lift(network)

    def events(self) -> list[Event]:
        """Fetch, once, what happened since the last time."""
        return self._core.outbox.events()

    def changes(self) -> list[Change]:
        """Fetch, once, which bindings came and went since the last time. None do where `Config.followed` is not set."""
        return self._core.location.changes()

    def snapshot(self) -> list[Came]:
        """All bindings, as changes that make them. In an engine that was not followed they have no names."""
        return self._core.location.snapshot()

    def restore(self, changes: Iterable[Change], now: float) -> None:
        """Make the changes that another engine told: the one before this, or one beside it, on the same clock.

        They are told to nobody, but what has run out meanwhile is removed as ever. A change may come twice. What cannot
        be read is left out: another version of the program may have known more URIs.
        """
        core = self._core
        core.outbox.now = now
        for change in changes:
            if isinstance(change, Guess):
                if core.bans is not None:
                    core.bans.hear(change)
                continue
            with suppress(SipError):
                core.location.restore(change)
            if core.bans is not None and isinstance(change, Came):
                core.bans.met(change.flow)
        core.registrar.expire(now)

    @property
    def load(self) -> dict[str, int]:
        """How many entries each table holds: "transactions", "timers", "calls", "bindings"."""
        core = self._core
        return {
            "transactions": len(core.transactions), "timers": len(core.timers), "calls": len(core.calls),
            "bindings": len(core.location),
        }  # fmt: skip

    # -- responses -----------------------------------------------------------------------------------------------------

    def _response(self, response: Response, flow: Flow) -> None:
        """RFC 3261 §16.7 items 1 and 2. What belongs to no transaction is dropped (RFC 6026 §7.3)."""
        response.check()
        if response.via.sent_by in self._core.names:
            core = self._core
            client = core.transactions.clients.get((response.via.branch, response.cseq_method))
            if client is not None:
                if core.bans is not None:
                    core.bans.met(flow)
                client.receive(response)
            elif core.config.switches.stateless:
                stateless.pass_response(core, response)

    # -- requests ------------------------------------------------------------------------------------------------------

    def _request(self, request: Request, flow: Flow, spare: bool) -> None:
        core = self._core
        try:
            request.check()
        except SipError as error:
            if request.method != b"ACK":
                core.refuse_unread(request, _same_tag(request), error, self._way_back(request, flow), flow)
            return
        request.stamp(*flow.remote)
        key = server_key(request)
        server = core.transactions.servers.get(key)
        if request.method == b"ACK":
            if server is not None and server.state != fsm.ACCEPTED:
                server.step("ack")
            elif not request.to_tag.startswith(TAG):
                self._acknowledge(request, flow)
            return
        if server is not None:
            server.step("request")
            return
        reply = self._reply_flow(request.via, flow)
        if spare and _begins(request):
            core.refuse_unread(request, _same_tag(request), OVERLOADED, reply, flow)
            return
        try:
            server = core.transactions.serve(key, reply, request)
        except SipError as error:
            core.refuse_unread(request, _same_tag(request), error, reply, flow)
            return
        try:
            self._serve(server, request, flow)
        except SipError as error:
            core.refuse(server, request, error, flow)

    def _reply_flow(self, via: Via, source: Flow) -> Flow:
        """The way back to the sender of a request (RFC 3261 §18.2.2, RFC 3581 §4)."""
        if via.rport or source.reliable:
            return source
        # Not with logins: who makes up the address of a phone of ours would have its nonces sent to himself.
        trusted = self._core.login is None and self._core.location.has_flow(source)
        address = via.reply_address(source.remote, trusted)
        return source if address == source.remote else Flow(source.transport, source.local, address)

    def _way_back(self, request: Request, source: Flow) -> Flow:
        """The same for a request that was not read to its end; to where it came from, if its Via cannot be read."""
        try:
            request.via = Via(request.values(b"via")[0])
        except (SipError, IndexError):
            return source
        request.stamp(*source.remote)
        return self._reply_flow(request.via, source)

    def _serve(self, server: ServerTransaction, request: Request, source: Flow) -> None:
        """What a request that is new here is about; the first line that fits takes it."""
        core, method = self._core, request.method
        if method == b"CANCEL" and self._cancel(server, request):
            return
        routed = core.router.unroute(request, source)
        onward = routed.toward is not None or bool(routed.routes)
        to_our_domain = core.router.in_our_domain(routed.uri) and not onward
        to_us = to_our_domain and not routed.uri.user
        if method == b"REGISTER" and to_our_domain:
            self._register(server, request, routed, source)
        elif method == b"OPTIONS" and (to_us or _is_last_hop(request)):
            self._options(server, request, source)
        elif (method == b"PUBLISH" and to_our_domain) or (method == b"SUBSCRIBE" and to_us):
            raise SipError(489, "No events are kept here")
        elif to_us and method not in (b"INVITE", b"CANCEL"):
            raise SipError(405, "This is no request for the proxy itself", (b"Allow", b"OPTIONS, REGISTER"))
        else:
            self._forward(server, request, routed, source)

    def _cancel(self, server: ServerTransaction, request: Request) -> bool:
        """RFC 3261 §9.2, §16.10. Returns False where there is nothing to cancel; then it is a request like others."""
        cancelled = self._core.transactions.match_cancelled(request)
        if cancelled is None:
            return False
        self._core.answer(server, request, 200)
        fork = cancelled.context
        # "Regardless of the method" the CANCEL is answered; but nothing but an INVITE is affected by it (§9.2).
        if isinstance(fork, Fork) and fork.invite:
            reasons = [request.lines[position] for position in request.where.get(b"reason", ())]
            fork.cancel(*reasons)
        return True

    def _register(self, server: ServerTransaction, request: Request, routed: Routed, source: Flow) -> None:
        """RFC 3261 §10.3."""
        core = self._core
        if b"require" in request.where:
            supports(request, b"require", EXTENSIONS)
        if routed.uri.user is not None:
            raise SipError(400, "The Request-URI of a REGISTER names a domain, not a user")
        who = registrant(request)
        if not core.router.in_our_domain(who):
            raise SipError(404, "The user in To is not of this domain")
        if not who.user:
            raise SipError(400, "No user in To")
        if core.login is not None:
            core.login.registrant(request, who, source)
        contacts = core.registrar.register(request, who, source, core.outbox.now, proved=core.login is not None)
        if core.login is None and core.bans is not None:
            core.bans.right(source, who.name)
        core.answer(server, request, 200, contacts)

    def _options(self, server: ServerTransaction, request: Request, source: Flow) -> None:
        """RFC 3261 §11.2."""
        if self._core.config.silent and not self._core.location.has_flow(source):
            raise SipError(403, "Strangers are told nothing")
        supports(request, b"require")
        self._core.answer(server, request, 200, _CAPABILITIES)

    def _may_go_on(self, request: Request) -> bytes:
        """RFC 3261 §16.3: what is checked before anything is forwarded. Returns the mark for our branch."""
        reasonable(request)
        mark = loop_mark(request)
        no_loop(request, mark, self._core.names)
        return mark

    def _forward(self, server: ServerTransaction, request: Request, routed: Routed, source: Flow) -> None:
        """RFC 3261 §16.5 and §16.6, after the question whether the sender may."""
        core = self._core
        mark = self._may_go_on(request)
        if core.config.switches.stateless and not source.reliable:
            stateless.pass_request(core, request, routed, source, server.flow)
            server.forget()  # before this verb is over, so that nothing is known of the request when it comes again
        elif request.to_tag or request.method == b"CANCEL":
            targets = core.admission.within(request, routed, source)
            call = core.calls.find(request)
            if call is not None:
                call.request(request)
            self._fork(server, request, routed, source, mark, call, targets)
        elif request.method == b"INVITE":
            self._call(server, request, routed, source, mark)
        else:
            core.admission.begin(request, routed, source)
            self._fork(server, request, routed, source, mark, None, core.router.targets(routed))

    def _call(self, server: ServerTransaction, request: Request, routed: Routed, source: Flow, mark: bytes) -> None:
        """The first INVITE of a call. The journal hears of it even if it comes to nothing."""
        core = self._core
        phrase_of = core.config.phrases.own_response
        try:
            core.admission.begin(request, routed, source)
        except SipError as error:
            if error.status != 407:  # nobody is refused yet: the same comes again, with a login
                core.calls.refused(request, error.status, phrase_of(error.status))
            raise
        call = core.calls.begin(request, source)
        try:
            targets = core.router.callee(request, routed)
            call.called()
            self._fork(server, request, routed, source, mark, call, targets)
        except SipError as error:
            call.fail(error.status, phrase_of(error.status))
            raise

    def _fork(
        self, server: ServerTransaction, request: Request, routed: Routed, source: Flow, mark: bytes,
        call: Call | None, targets: list[Target],
    ) -> None:  # fmt: skip
        core = self._core
        server.context = fork = Fork(core, server, request, routed, source, mark, call)
        if fork.invite and not (call is None and routed.toward is None and self._may_be_made_up(source)):
            core.answer(server, request, 100)
        fork.start(targets)

    def _may_be_made_up(self, source: Flow) -> bool:
        """Whether nothing shows that the sender is there. Where no call and no token of ours does, his To tag may be
        made up, too, and he gets no 100: who hears one asks no more, so he would be answered again and again."""
        return not source.reliable and not self._core.location.has_flow(source)

    def _acknowledge(self, request: Request, source: Flow) -> None:
        """The ACK of a 2xx."""
        core = self._core
        mark = self._may_go_on(request)
        routed = core.router.unroute(request, source)
        if core.config.switches.stateless and not source.reliable:
            stateless.pass_request(core, request, routed, source, self._reply_flow(request.via, source))
            return
        breadth = breadth_of(request)
        # More than one only for who names a user in it; phones without the call ignore it.
        targets = core.admission.within(request, routed, source)[:breadth]
        call = core.calls.find(request)
        if call is not None:
            call.request(request)
        for target in targets:
            Acknowledgement(core, request, routed, source, mark, target, breadth // len(targets)).start()

    def _apologize(self, request: Request, source: Flow) -> None:
        """A bug of ours is a 500 for that one request, and the end of a call that it was to begin."""
        core, bug = self._core, SipError(500, "This is a bug of the proxy")
        if request.method == b"ACK":
            return
        try:
            server = core.transactions.servers.get(server_key(request)) if hasattr(request, "via") else None
            if server is None:
                core.refuse_unread(request, _same_tag(request), bug, source, source)
            elif not server.answered:
                core.refuse(server, request, bug, source)
            call = core.calls.find(request) if request.method == b"INVITE" and not request.to_tag else None
            if call is not None:
                call.fail(bug.status, core.config.phrases.own_response(bug.status))
        except Exception as another:
            self._report(another)

    def _serve_safely(self, owner: object, serve: Callable[..., None], *arguments: object) -> None:
        """A bug in what concerns one request stops no other."""
        try:
            serve(*arguments)
        except Exception as bug:
            self._report(bug)
            self._abandon(owner)

    def _abandon(self, owner: object) -> None:
        """A bug of ours is the end of the request that was being forwarded: owner is its fork, a branch of it, or the
        client transaction of one. Others end by themselves."""
        user = owner.user if isinstance(owner, ClientTransaction) else owner
        user = user.asker if isinstance(user, Lookup) else user
        fork = user.fork if isinstance(user, Branch) else user
        if isinstance(fork, Fork):
            try:
                fork.abandon()
            except Exception as another:
                self._report(another)


_CAPABILITIES = (
    (b"Allow", b"INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, MESSAGE, REFER, PRACK, UPDATE, SUBSCRIBE, NOTIFY"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),
    (b"Accept-Language", b"sk, en"),
    (b"Supported", b", ".join(sorted(EXTENSIONS))),
)
"""RFC 3261 §11.2. Methods and bodies are those that pass; unknown ones pass too, but nobody could list them."""


def _begins(request: Request) -> bool:
    """Whether it begins something new. A CANCEL ends something; and a phone that cannot register cannot be called."""
    return not request.to_tag and request.method not in (b"CANCEL", b"REGISTER")


def _is_last_hop(request: Request) -> bool:
    return request.number(b"max-forwards", LARGEST_MAX_FORWARDS) == 0


def _other_way(server: ServerTransaction) -> Flow:
    """Where a response goes when the connection of its request is gone: to a new one, to the port that the sender says
    it listens on, at the address that it really has (RFC 3261 §18.2.2)."""
    return server.flow._replace(remote=(server.flow.remote[0], server.via.sent_by[1]), serial=0)


def _same_tag(request: Request) -> bytes:
    """A To tag that is the same when the request is sent again, for answers that nobody remembers (§8.2.7)."""
    return b"%08x" % crc32(request.start)
