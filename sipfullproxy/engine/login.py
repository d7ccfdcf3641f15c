"""Who has to prove by a password that he is who he says (RFC 3261 §22, RFC 8760).

A registrar asks with 401, a proxy with 407. ACK and CANCEL are never asked, since nothing could come again in their
place (§22.1); nor are requests inside a dialog: their sender was asked when it began.

Guessing teaches nothing: a user whom we do not know gets the same answer as a wrong password, after the same work. A
password is looked at only where it comes with a nonce that was sent to that very address, so that a guess costs its
sender his address (`bans.py`), and a forger guesses nothing.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from sipfullproxy.engine.bans import Bans
from sipfullproxy.engine.config import Switches, Users
from sipfullproxy.engine.events import Rejected
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import Location
from sipfullproxy.engine.nonces import Nonces
from sipfullproxy.engine.outbox import Outbox, text
from sipfullproxy.engine.registrar import LONGEST_USER
from sipfullproxy.engine.routing import Router
from sipfullproxy.sip.digest import ALGORITHMS, Challenge, Credentials, hash_of, proof, read_credentials
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request, value_of
from sipfullproxy.sip.uri import Uri, parse_uri


class _Door(NamedTuple):
    """How one of our two trades asks. credentials: the header that answers, canonical."""

    status: int
    challenge: bytes
    credentials: bytes


_REGISTRAR = _Door(401, b"WWW-Authenticate", b"authorization")
_PROXY = _Door(407, b"Proxy-Authenticate", b"proxy-authorization")

_STALE = "This nonce is not good any more"

_QOP = b"auth"
"""The request is protected, but not its body: proxies on the way may change that (RFC 3261 §22.4 item 6)."""


class Login:
    """Asks for logins, and checks them."""

    __slots__ = ("_bans", "_location", "_nobody", "_nonces", "_outbox", "_router", "_switches", "_users")

    def __init__(
        self, users: Users, switches: Switches, router: Router, location: Location, bans: Bans | None, outbox: Outbox,
        key: bytes,
    ) -> None:  # fmt: skip
        """key: secret, and new with each start."""
        self._users = users
        self._switches = switches
        self._router = router
        self._location = location
        self._bans = bans
        self._outbox = outbox
        self._nonces = Nonces(key)
        # What is hashed for a user who is none: to nobody's password, so that it never fits.
        self._nobody = {algorithm: hash_of(algorithm, b"", b"", key.hex().encode()) for algorithm in ALGORITHMS}

    @property
    def for_calls(self) -> bool:
        """Whether who begins a call, or anything else that is forwarded, is asked too."""
        return self._users.calls

    def registrant(self, request: Request, who: Uri, source: Flow) -> None:
        """Let a REGISTER pass whose sender has logged in as the user of `who`, its To (RFC 3261 §10.3 items 3 and 4).

        Raises SipError: 401, a challenge; 403 for a user who registers another, or says in From that he is another; 400
        for credentials of another request.
        """
        user = self._user(request, _REGISTRAR, source)
        if who.name != user or self._router.sender(request) != user:
            raise SipError(403, "From and To of this REGISTER are not the user who has logged in")

    def caller(self, request: Request, source: Flow) -> None:
        """Let a request pass whose sender has logged in as the user in From (§22.3).

        Raises SipError: 407, a challenge; 403 for a user who says that he is another; 400 for credentials of another
        request.
        """
        if self._router.sender(request) != self._user(request, _PROXY, source):
            raise SipError(403, "From is not the user who has logged in")

    def _user(self, request: Request, door: _Door, source: Flow) -> bytes:
        """The user who has logged in, or a SipError."""
        now, whose = self._outbox.now, source.remote[0]
        credentials = self._credentials(request, door)
        if credentials is None:
            raise self._challenge(door, "A login is wanted", whose)
        made = self._nonces.read(credentials.nonce, now, whose)
        if made is None:  # RFC 7616 §3.3: "stale" says nothing of the password, which nobody has looked at
            raise self._challenge(door, _STALE, whose, stale=True)
        if not self._is_right(credentials, request, source):
            raise self._challenge(door, "Wrong user or password", whose)
        repeated = self._switches.stateless  # then nobody knows a request that comes again
        if not self._nonces.spend(made, credentials.times, now, repeated=repeated):
            raise self._challenge(door, _STALE, whose, stale=True)
        if not self._is_of(credentials, request):
            raise SipError(400, "The credentials are of a request to another URI")
        return credentials.user

    def _credentials(self, request: Request, door: _Door) -> Credentials | None:
        """The first ones for our realm; others are not ours to judge."""
        for position in request.where.get(door.credentials, ()):
            credentials = read_credentials(value_of(request.lines[position]))
            if credentials is not None and credentials.realm == self._users.realm:
                return credentials
        return None

    def _is_right(self, credentials: Credentials, request: Request, source: Flow) -> bool:
        """Whether the password is right. Who guesses is told on."""
        fits = self._fits(credentials, request)
        bans, user = self._bans, credentials.user
        if bans is not None:
            if bans.holds(source) and user not in {phone.aor for phone in self._location.on(source)}:
                return False  # a phone that is registered may go on as it is; it may not go on guessing
            if fits:
                bans.right(source, user)
        if not fits:
            self._outbox.emit(Rejected, who=text(user[:LONGEST_USER]), address=source.address)
            if bans is not None:
                bans.wrong(source, user)
        return fits

    def _fits(self, credentials: Credentials, request: Request) -> bool:
        """Whether the password is right. Takes the same time for a user whom we do not know."""
        algorithm = credentials.hash_name
        if algorithm not in self._users.algorithms or credentials.qop != _QOP:
            return False
        ha1 = self._users.hashes.get(credentials.user, self._nobody)[algorithm]
        wanted = proof(credentials, algorithm, ha1, request.method)
        return hmac.compare_digest(wanted, credentials.response.lower())

    def _is_of(self, credentials: Credentials, request: Request) -> bool:
        """Whether the URI in the credentials is the request's (RFC 7616 §3.4.6). A name of ours is as good as another,
        because a proxy before us may have changed it."""
        if credentials.uri == request.uri_text:
            return True
        try:
            said, asked = parse_uri(credentials.uri), request.uri
        except SipError:
            return False
        ours = self._router.in_our_domain
        return said.matches(asked) or (said.name == asked.name and ours(said) and ours(asked))

    def _challenge(self, door: _Door, why: str, whose: str, *, stale: bool = False) -> SipError:
        nonce = self._nonces.make(self._outbox.now, whose)
        challenges = [
            Challenge(self._users.realm, nonce, algorithm, _QOP, stale).encode() for algorithm in self._users.algorithms
        ]  # fmt: skip
        return SipError(door.status, why, *((door.challenge, challenge) for challenge in challenges))
