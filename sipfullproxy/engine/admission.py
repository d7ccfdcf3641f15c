"""Who may have a request forwarded. What keeps the proxy from being an open relay stands in this file alone.

Outside a dialog: registered phones, known by the flow that they really send from; or, by another flow, by the user in
From and the host where he has registered; with logins that must be a connection, and he is asked for his password. With
`--open`, anybody may reach our users; nobody but a registered phone may reach anything else. Inside a dialog: what
comes from, or goes to, a registered phone or a party of a call that we carry; what the parties of such a call send to
each other; and what brings a flow token of ours. A To tag is quickly made up, so it opens no door by itself.

With logins, nobody says in From that he is a user of ours but that user: by the phone that he registered with his
password; or, where logins are for calls too, by a password with each of them, from wherever he calls.
"""

from __future__ import annotations

from sipfullproxy.engine.calls import Calls
from sipfullproxy.engine.config import Config
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import Location
from sipfullproxy.engine.login import Login
from sipfullproxy.engine.routing import Routed, Router, Target
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request


class Admission:
    """The guard before every forwarding."""

    __slots__ = ("_calls", "_location", "_login", "_open", "_router")

    def __init__(
        self, config: Config, location: Location, calls: Calls, router: Router, login: Login | None
    ) -> None:  # fmt: skip
        self._open = config.open
        self._location = location
        self._calls = calls
        self._router = router
        self._login = login

    def begin(self, request: Request, routed: Routed, source: Flow) -> None:
        """Let a request outside a dialog pass, or raise SipError: 403; where logins are for calls too, what
        `Login.caller` raises. Asked before the callee is looked up, so that a stranger does not learn who is
        registered."""
        login = self._login
        if login is not None and login.for_calls and not self._is_guest(request, source):
            login.caller(request, source)
        elif not self._location.has_flow(source):
            self._stranger(request, routed, source)
        elif login is not None:
            self._as_himself(request, source)

    def _is_guest(self, request: Request, source: Flow) -> bool:
        """Whether it is somebody who has no password of ours and, with `--open`, needs none."""
        return self._open and not self._location.has_flow(source) and self._router.sender(request) is None

    def _as_himself(self, request: Request, source: Flow) -> None:
        if self._router.sender(request) not in {phone.aor for phone in self._location.on(source)}:
            raise SipError(403, "From is not the user who has registered from there")

    def _stranger(self, request: Request, routed: Routed, source: Flow) -> None:
        # With logins a scanner by UDP, who may be at any address, is not to tell by a challenge who is registered.
        if (self._login is None or source.reliable) and self._is_beside(request, source):
            if self._login is not None:
                self._login.caller(request, source)
            return
        if not self._open:
            raise SipError(403, f"Register first: {source.address} is not a registered phone")
        if routed.routes or routed.toward is not None or not self._router.in_our_domain(routed.uri):
            raise SipError(403, f"Only registered phones may call out: {source.address} is none")
        if self._login is not None and self._router.sender(request) is not None:
            raise SipError(403, "The user in From has not registered from there")

    def _is_beside(self, request: Request, source: Flow) -> bool:
        """Whether it comes from where the user in From has registered, by another way. Who registered by UDP brings by
        TCP what is too large for UDP (RFC 3261 §18.1.1); and many who registered by TCP or TLS send to an address that
        names no transport, as Refer-To does, by UDP."""
        user = self._router.sender(request)
        return user is not None and any(phone.flow.remote[0] == source.remote[0] for phone in self._location.of(user))

    def within(self, request: Request, routed: Routed, source: Flow) -> list[Target]:
        """The targets of a request inside a dialog; or raise SipError, 403 where it may not pass."""
        if routed.toward is not None:
            return self._router.targets(routed)
        parties, known = self._calls.parties(request), self._location.has_flow(source)
        if source not in parties and not routed.routes and self._router.in_our_domain(routed.uri):
            # Dialogs are between Contacts. Who names a user of ours would have him looked up, as when he began.
            if not known:
                self._stranger(request, routed, source)
            elif self._login is not None:
                self._as_himself(request, source)
        if known:
            return self._router.targets(routed)
        targets = self._router.targets(routed)
        hosts = frozenset(party.remote[0] for party in parties) if source in parties else frozenset()
        if hosts:  # a name may lead to the other party of the call, and to nobody else
            targets = [target if target.where is None else target._replace(only=hosts) for target in targets]
        for target in targets:
            if target.only is not None:
                continue
            flow = target.flow
            if flow is None or not (flow.remote[0] in hosts or flow in parties or self._location.has_flow(flow)):
                raise SipError(403, "Neither end of this dialog is a phone that we know")
        return targets
