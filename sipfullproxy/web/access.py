"""Who may do what on the page: asked of each request before anything else looks at it.

Everybody on the LAN may look. Changes (whatever is not GET) are for who knows the password, or, where none is set, for
who sits at this machine. Other web sites may do nothing: neither under another name that leads here (DNS rebinding),
nor by a form or script that a browser of ours runs for them (CSRF).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from typing import Final, Literal

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sipfullproxy.lang import LANGS, Lang, Words
from sipfullproxy.web.sharing import address_of

Standing = Literal["yes", "password", "here"]
"""What a change needs from this browser: nothing, the password, or that somebody makes it at the proxy's machine."""

# Methods that change nothing (RFC 9110 §9.2.1). OPTIONS asks for other origins, and those have nothing to ask here.
SAFE: Final = frozenset({"GET", "HEAD"})

# Wrong passwords that one address may send in a minute: enough for a teacher, not for a dictionary.
MOST_WRONG = 10
WINDOW = 60.0

# Addresses whose wrong passwords are counted; the oldest are forgotten, which costs a guesser as many machines.
MOST_COUNTED = 1_000

# What somebody else's proxy on this machine adds: its requests come from here, and speak for strangers.
PASSED_ON: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""What a page of ours may load (CSP level 3): its own files. No script and no style in the text, no other machine."""

DOCUMENT: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox"
"""The same for documents that stand alone, to be kept as a file: they bring their own style, and no script runs."""

HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""What stands in each answer that does not say otherwise.

Not Cross-Origin-Opener-Policy: browsers heed it over HTTPS only, and complain of it in the console of each student.
"""


class Access:
    """The guard before `app` (ASGI).

    hosts: what we may be called in `Host`. password: what changes need; None: they are made at this machine. lang: of
    what is refused. clock: seconds, monotonic.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str],
        password: str | None,
        lang: Lang,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._password = None if password is None else password.encode()
        self._lang = lang
        self._wrong = _Wrong(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not be; pass on the rest, and put HEADERS into the answer."""
        if scope["type"] != "http":  # the server's own words to the application
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, with_headers)

    def standing(self, scope: Scope) -> Standing:
        """What a change needs when it comes as this request came."""
        if self._password is not None:
            return "password"
        return "yes" if _from_here(scope) else "here"

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if [host.lower() for host in headers.getlist("host")] not in [[host] for host in self._hosts]:
            return self._answer(421, _HOST, scope)
        if scope["method"] in SAFE:
            return None
        if not _same_origin(headers):
            return self._answer(403, _ORIGIN, scope)
        if "content-type" in headers and headers["content-type"].partition(";")[0].strip().lower() != _JSON:
            return self._answer(415, _TYPE, scope)
        if self._password is None:
            return None if _from_here(scope) else self._answer(403, _HERE, scope)
        return self._wrong_password(scope, headers, self._password)

    def _wrong_password(self, scope: Scope, headers: Headers, password: bytes) -> Response | None:
        address = address_of(scope)
        if self._wrong.too_many(address):
            return self._answer(429, _TOO_MANY, scope, {"retry-after": str(round(WINDOW))})
        given = _password(headers.get("authorization", ""))
        if given is not None and hmac.compare_digest(given, password):
            return None
        if given is not None:  # a browser asks without one first, to learn that there is one
            self._wrong.count(address)
        return self._answer(401, _PASSWORD, scope, {"www-authenticate": 'Basic realm="sipfullproxy", charset="UTF-8"'})

    def _answer(self, status: int, words: Words, scope: Scope, headers: dict[str, str] | None = None) -> Response:
        asked = next((lang for lang in LANGS if f"lang={lang}".encode() in scope["query_string"].split(b"&")), None)
        return JSONResponse({"error": words[asked or self._lang]}, status, headers)


class _Wrong:
    """Wrong passwords by address, of the last WINDOW seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[float, int]] = {}

    def count(self, address: str) -> None:
        since, count = self._current(address)
        self._counts.pop(address, None)
        self._counts[address] = since, count + 1
        if len(self._counts) > MOST_COUNTED:
            del self._counts[next(iter(self._counts))]

    def too_many(self, address: str) -> bool:
        return self._current(address)[1] >= MOST_WRONG

    def _current(self, address: str) -> tuple[float, int]:
        now = self._clock()
        since, count = self._counts.get(address, (now, 0))
        return (since, count) if now - since < WINDOW else (now, 0)


def _from_here(scope: Scope) -> bool:
    """Whether this machine talks to itself: by the loopback, or from the address that it was asked at."""
    peer, us = address_of(scope), scope.get("server")
    passed_on = any(name in Headers(scope=scope) for name in PASSED_ON)
    return not passed_on and (peer == "::1" or peer.startswith("127.") or (us is not None and peer == us[0]))


def _same_origin(headers: Headers) -> bool:
    """Whether no other site is behind this request. Browsers say who is (RFC 6454, Fetch); curl says nothing."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    return site == "same-origin" and origin in (None, f"http://{headers['host']}")


def _password(credentials: str) -> bytes | None:
    """The password of `Basic` credentials (RFC 7617), whatever the user's name is; None when there is none."""
    scheme, _, encoded = credentials.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


_JSON = "application/json"

_HOST = Words(
    sk="pod týmto menom tu nikto nie je; otvorte adresu, ktorú proxy vypísala pri štarte (ďalšie mená: --domain)",
    en="nobody here has this name; open the address that the proxy printed at its start (further names: --domain)",
)
_ORIGIN = Words(sk="zmeny z iných stránok nie sú dovolené", en="other sites may not change anything here")
_TYPE = Words(sk="telo požiadavky musí byť application/json", en="the body must be application/json")
_HERE = Words(
    sk="meniť sa dá len z počítača, na ktorom proxy beží; odinakiaľ s heslom (--web-password)",
    en="changes are made at the machine where the proxy runs; from elsewhere with a password (--web-password)",
)
_PASSWORD = Words(sk="treba heslo (--web-password)", en="the password is needed (--web-password)")
_TOO_MANY = Words(sk="priveľa zlých hesiel; skúste o minútu", en="too many wrong passwords; try again in a minute")
