"""The parts of one engine, put together once: what every decision can reach."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable

from sipfullproxy.engine.admission import Admission
from sipfullproxy.engine.bans import ASKED, REFUSED, Bans
from sipfullproxy.engine.calls import Calls
from sipfullproxy.engine.config import Config, Users
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.forwarding import Forwarder
from sipfullproxy.engine.location import Location
from sipfullproxy.engine.login import Login
from sipfullproxy.engine.lookups import Lookups
from sipfullproxy.engine.outbox import Outbox
from sipfullproxy.engine.registrar import Registrar
from sipfullproxy.engine.routing import Router
from sipfullproxy.engine.timers import Timers
from sipfullproxy.engine.transaction import ServerTransaction, Transactions
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.via import MAGIC
from sipfullproxy.sip.host import written
from sipfullproxy.sip.message import Message, Request
from sipfullproxy.sip.response import respond
from sipfullproxy.sip.uri import Uri

KEY_SIZE = 32
"""Bytes of the key that signs nonces; beyond the hash's size a key gains nothing (RFC 2104 §3)."""

LIFE_SIZE = 8
"""Bytes that tell the bindings of this engine from those of all others, before it and beside it."""

_CHALLENGES = (401, 407)

Headers = tuple[tuple[bytes, bytes], ...]

TAG = b"sfp-"
"""Begins every To tag that is ours, so that the ACK of a response of ours is known even without its transaction."""


class Core:
    """Holds the parts; does only what several of them need: making branches and tags, and answering.

    sent_by: our host and port in a Via. names: those of all our ports. random: gives n unpredictable bytes.
    """

    def __init__(self, config: Config, random: Callable[[int], bytes]) -> None:
        host, port = config.address
        self.random = random
        self._ours = MAGIC + config.worker.encode() + b"-"  # how our branches begin
        self.config = config
        self.sent_by = written(host), port
        self.names = frozenset((written(host), port) for _, (host, port) in config.doors)
        self.outbox = Outbox()
        self.timers = Timers()
        self.lookups = Lookups(self.timers, self.outbox)
        self.location = Location(random(LIFE_SIZE).hex() if config.followed else None, expiring=config.expiring)
        self.transactions = Transactions(self.timers, self.outbox, self.location.has_flow)
        self.registrar = Registrar(self.location, self.outbox)
        self.router = Router(config, self.location)
        self.bans = Bans(self.location, self.outbox, config.trusted) if config.bans else None
        self.calls = Calls(self.timers, self.outbox, self._person_at)
        self.login = None if config.users is None else self._login(config.users)
        self.admission = Admission(config, self.location, self.calls, self.router, self.login)
        self.forwarder = Forwarder(self.router, config)

    def branch(self, mark: bytes) -> bytes:
        """A new branch: unique, with the worker's name in front and the loop mark behind (RFC 3261 §16.6 item 8)."""
        return b"%b%b.%b" % (self._ours, hexlify(self.random(8)), mark)

    def answer(
        self, server: ServerTransaction, request: Request, status: int, headers: Headers = (), *, once: bool = False
    ) -> None:
        """Answer a request ourselves. once: see `ServerTransaction.respond`."""
        phrase = self.config.phrases.own_response(status)
        to_tag = b"" if status == 100 else TAG + hexlify(self.random(6))
        server.respond(status, respond(request, status, phrase, to_tag, headers), once=once)

    def refuse(self, server: ServerTransaction, request: Request, error: SipError, source: Flow) -> None:
        """Answer a request with an error, its reason in a Warning.

        A stranger hears it once: his address may be made up, and a victim would get eleven for one (§26.3.2.4). But who
        has heard a 100 does not ask again, so he is told until he acknowledges. Where strangers are told nothing, he
        hears it not even once; but a challenge he hears, since he may be a phone that is just about to log in.
        """
        once = not server.last and self._is_stranger(source, error)
        if once and self._is_silent(error):
            server.step("silence")
            return
        self.answer(server, request, error.status, (*error.headers, self.warning(error)), once=once)

    def refuse_unread(self, message: Message, to_tag: bytes, error: SipError, flow: Flow, source: Flow) -> None:
        """Answer a request that gets no transaction: too broken for one, or one too many (RFC 3261 §8.2.7).

        to_tag: what comes out the same when the request comes again. flow: the way back to its sender. source: the way
        that it came.
        """
        if self._is_stranger(source, error) and self._is_silent(error):
            return
        phrase = self.config.phrases.own_response(error.status)
        headers = (*error.headers, self.warning(error))
        self.outbox.send(flow, respond(message, error.status, phrase, TAG + to_tag, headers))

    def _is_stranger(self, source: Flow, error: SipError) -> bool:
        """Whether nobody is registered there. Then it is counted what he is refused, unless that is no fault of his."""
        if self.location.has_flow(source):
            return False
        if self.bans is not None and error.status < 500:
            self.bans.count(ASKED if error.status in _CHALLENGES else REFUSED, source)
        return True

    def _is_silent(self, error: SipError) -> bool:
        return self.config.silent and error.status not in _CHALLENGES

    def warning(self, error: SipError) -> tuple[bytes, bytes]:
        """Why, for the reader of a trace (RFC 3261 §20.43; 399 is "miscellaneous")."""
        host, port = self.sent_by
        reason = error.reason.replace("\\", "\\\\").replace('"', '\\"')
        return b"Warning", b'399 %b:%d "%b"' % (host, port, reason.encode())

    def _login(self, users: Users) -> Login:
        key = self.random(KEY_SIZE)
        return Login(users, self.config.switches, self.router, self.location, self.bans, self.outbox, key)

    def _person_at(self, uri: Uri) -> str | None:
        if self.router.in_our_domain(uri):
            return None
        phone = self.location.with_contact(uri)
        return phone.person if phone is not None else None
