"""The API: what the page shows, as JSON. Each function is one address; its types are the description in OpenAPI."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request
from starlette.responses import Response

from sipfullproxy import __version__
from sipfullproxy.journal.cards import LIVE
from sipfullproxy.journal.words import reason
from sipfullproxy.lang import Lang, Words
from sipfullproxy.sip.host import endpoint, written
from sipfullproxy.web import provision
from sipfullproxy.web.asking import CALL_ID, ERRORS, NO_CALL, Asked, Door, Kept, Stream, Tongue, Transport, User
from sipfullproxy.web.house import Authority, House
from sipfullproxy.web.links import TOKEN
from sipfullproxy.web.models import About, Bans, Calls, Error, Held, Phones, Provision, Running, Wanted, Whom
from sipfullproxy.web.provision import Login, Way

# Calls of one answer, when nothing is asked and at most.
PAGE = 50
LARGEST_PAGE = 500

# Bans of one answer: a flood from made-up addresses makes thousands, and nobody reads as many.
MOST_BANS = 200

# What a search may say: more than any name has.
LONGEST_QUERY = 200

# What makes Android and iOS offer to install it; and the type of RFC 8555 §9.1.
CERTIFICATE = "application/x-x509-ca-cert"
PEM = "application/pem-certificate-chain"

SVG: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"image/svg+xml": {}}}}

State = Literal[
    "", "now", "over", "trouble", "calling", "ringing", "talking", "ended", "busy", "declined", "cancelled", "missed",
    "failed",
]  # fmt: skip
"""What calls are asked for: all, those in progress, those that are over, those that nobody answered, or those in one
state or with one end."""

STATES = {"now": LIVE}

router = APIRouter(responses=ERRORS)


@router.get("/api/about")
def about(request: Request, house: Asked, access: Door) -> About:
    """The proxy's own facts."""
    return About(
        name="sipfullproxy",
        version=__version__,
        lang=house.lang,
        address=_typed(house.address, provision.SIP_PORT),
        secure=_typed(house.doors["tls"], provision.TLS_PORT) if "tls" in house.doors else "",
        transports=[transport for transport in provision.TRANSPORTS if transport in house.doors],
        sockets=[f"{name}://{endpoint(*house.doors[name])}" for name in ("ws", "wss") if name in house.doors],
        ca=house.ca.fingerprint if house.ca else "",
        page=house.page,
        time=time.time(),
        change=access.standing(request.scope),
        logins=house.proxy.logins,
    )


def _typed(door: tuple[str, int], usual: int) -> str:
    """As it is typed into a phone."""
    host, port = door
    return written(host).decode() if port == usual else endpoint(host, port)


@router.get("/api/phones")
def phones(request: Request, house: Asked, access: Door) -> Phones:
    """Who is registered."""
    return Phones(phones=list(house.proxy.phones()), may_change=access.standing(request.scope) != "here")


@router.delete("/api/phones/{id}", status_code=204, response_class=Response)
def remove(
    house: Asked,
    lang: Tongue,
    id: Annotated[str, Path(pattern="^[0-9a-f]{2,400}-[0-9a-f]{10}$", description="id of its card")],
) -> None:
    """Remove a phone; it is back when it registers again."""
    if not house.proxy.remove(id):
        raise HTTPException(404, _NO_PHONE[lang])


@router.get("/api/bans")
def bans(request: Request, house: Asked, access: Door, lang: Tongue) -> Bans:
    """The addresses that the proxy does not listen to, the latest first, and so many of them."""
    latest = house.proxy.bans()[: -MOST_BANS - 1 : -1]
    held = [Held(ban.network, ban.until, reason(ban.why, lang)) for ban in latest]
    return Bans(bans=held, may_change=access.standing(request.scope) != "here")


@router.delete("/api/bans", status_code=204, response_class=Response)
def lift(
    house: Asked,
    lang: Tongue,
    network: Annotated[str, Query(pattern="^[0-9a-f.:/]{2,43}$", description="an address, or a network, of that list")],
) -> None:
    """End a ban before its time."""
    if not house.proxy.lift(network):
        raise HTTPException(404, _NO_BAN[lang])


@router.get("/api/calls")
def calls(
    house: Asked,
    lang: Tongue,
    query: Annotated[str, Query(max_length=LONGEST_QUERY, description="part of a name, a Call-ID or an id")] = "",
    state: Annotated[State, Query()] = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
    before: Annotated[str, Query(pattern=f"^$|{CALL_ID}", description="id of the last call that is known")] = "",
) -> Calls:
    """Calls in progress and past, those first that began last."""
    archive = house.proxy.archive
    last = archive.card(before) if before else None
    if before and last is None:
        raise HTTPException(404, NO_CALL[lang])
    found = list(archive.calls(query, STATES.get(state, state), limit, last.began if last else None))
    more = len(found) >= limit and bool(archive.calls(query, STATES.get(state, state), 1, found[-1].began))
    return Calls(calls=found, more=more)


@router.get("/api/experiments")
def experiments(house: Asked, lang: Tongue) -> Running:
    """What goes wrong on purpose."""
    return Running.of(house.proxy.settings.experiments, lang)


@router.put("/api/experiments")
def experiment(house: Asked, lang: Tongue, wanted: Wanted) -> Running:
    """Let things go wrong on purpose, or right again: the teacher's switch."""
    try:
        house.proxy.experiment(**asdict(wanted))
    except ValueError as error:  # SettingsError, in the proxy's language
        raise HTTPException(422, str(error)) from None
    return experiments(house, lang)


@router.get(
    "/api/live", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}, 503: {"model": Error}}
)
async def changes(
    live: Stream,
    lang: Tongue,
    call: Annotated[str | None, Query(pattern=CALL_ID, description="call whose messages are watched")] = None,
    messages: Annotated[bool, Query(description="whether the latest messages are watched")] = False,
    last_event_id: Annotated[str, Header(max_length=100)] = "",
) -> Response:
    """What changes, while it changes: server-sent events `calls`, `call`, `phones`, `messages`, `experiments`."""
    return live.response(call, messages, last_event_id, lang)


@router.get("/api/provision")
def provisioning(house: Asked, lang: Tongue, user: User, transport: Transport = "udp") -> Provision:
    """Where a phone of that user gets its settings."""
    _way(house, lang, transport)
    return Provision(user=user, url=provision.url(house.page, user, transport))


@router.get("/api/provision.svg", response_class=Response, responses=SVG)
def code(house: Asked, lang: Tongue, user: User, transport: Transport = "udp") -> Response:
    """The same as a QR code, for Linphone: Assistant → fetch remote configuration."""
    _way(house, lang, transport)
    return Response(provision.qr(provision.url(house.page, user, transport)), media_type="image/svg+xml")


@router.get("/provision/{user}", response_class=Response, responses={200: {"content": {"application/xml": {}}}})
def settings(
    house: Asked,
    lang: Tongue,
    user: Annotated[str, Path(pattern=f"^{provision.USER}$")],
    transport: Transport = "udp",
) -> Response:
    """A phone's settings, as Linphone wants them."""
    way = _way(house, lang, transport)
    return Response(provision.xml(user, *house.address, way), media_type="application/xml")


@router.post("/api/links")
def link(house: Asked, links: Kept, lang: Tongue, wanted: Whom) -> Provision:
    """A link that works once, by which a phone gets its settings and its login, too."""
    _way(house, lang, wanted.transport)
    if house.proxy.login(wanted.user) is None:
        raise HTTPException(404, _NO_LOGIN[lang])
    token = links.make(wanted.user, wanted.transport)
    return Provision(user=wanted.user, url=f"{house.page}/once/{token}")


@router.get("/api/links.svg", response_class=Response, responses=SVG)
def link_code(
    house: Asked, token: Annotated[str, Query(pattern=f"^{TOKEN}$", description="end of the link")]
) -> Response:
    """That link as a QR code. It is not followed by that."""
    return Response(provision.qr(f"{house.page}/once/{token}"), media_type="image/svg+xml")


@router.get("/once/{token}", response_class=Response, responses={200: {"content": {"application/xml": {}}}})
def follow(
    request: Request, house: Asked, links: Kept, lang: Tongue, token: Annotated[str, Path(pattern=f"^{TOKEN}$")]
) -> Response:
    """A phone's settings with its login, for whoever comes first; but for a browser, which could only show them."""
    if "text/html" in request.headers.get("accept", "") and "x-linphone-provisioning" not in request.headers:
        raise HTTPException(406, _FOR_LINPHONE[lang])  # from a telephone's camera; the link is good for Linphone still
    found = links.follow(token)
    login = house.proxy.login(found.user) if found is not None else None
    if found is None or login is None:
        raise HTTPException(404, _NO_LINK[lang])
    way = _way(house, lang, found.transport)
    return Response(provision.xml(found.user, *house.address, way, Login(*login)), media_type="application/xml")


def _way(house: House, lang: Lang, transport: str) -> Way:
    """Raises HTTPException where we do not listen on that."""
    if transport not in house.doors:
        raise HTTPException(404, _NO_DOOR[lang].format(transport.upper()))
    return Way(transport, *house.doors[transport], checked=transport != "tls" or house.ca is None)


@router.get("/ca.crt", response_class=Response, responses={200: {"content": {CERTIFICATE: {}}}, 404: {"model": Error}})
def ca_for_phones(house: Asked, lang: Tongue) -> Response:
    """The certificate of the CA that signs ours, as telephones want it (DER)."""
    return Response(_ca(house, lang).der, media_type=CERTIFICATE)


@router.get("/ca.pem", response_class=Response, responses={200: {"content": {PEM: {}}}, 404: {"model": Error}})
def ca_for_programs(house: Asked, lang: Tongue) -> Response:
    """The same as programs want it (PEM)."""
    return Response(_ca(house, lang).pem, media_type=PEM)


@router.get("/api/ca.svg", response_class=Response, responses={**SVG, 404: {"model": Error}})
def ca_code(house: Asked, lang: Tongue) -> Response:
    """The address of that certificate as a QR code."""
    _ca(house, lang)
    return Response(provision.qr(f"{house.page}/ca.crt"), media_type="image/svg+xml")


def _ca(house: House, lang: Lang) -> Authority:
    if house.ca is None:
        raise HTTPException(404, _NO_CA[lang])
    return house.ca


_NO_DOOR = Words(sk="proxy nepočúva na {}", en="the proxy does not listen on {}")
_NO_CA = Words(
    sk="proxy nemá vlastnú autoritu (CA); vyrobí si ju s --tls",
    en="the proxy has no authority (CA) of its own; with --tls it makes one",
)
_NO_LOGIN = Words(sk="taký používateľ tu nemá heslo", en="no user of that name has a password here")
_FOR_LINPHONE = Words(
    sk="tento kód treba naskenovať v Linphone: Pomocník → Vzdialené nastavenie; platí ďalej",
    en="scan this code in Linphone: Assistant → Remote provisioning; it is still good",
)
_NO_LINK = Words(sk="tento odkaz už neplatí, platí len raz", en="this link is not valid any more, it works once")
_NO_BAN = Words(sk="táto adresa nie je blokovaná (už)", en="this address is not banned (any more)")
_NO_PHONE = Words(sk="taký telefón tu nie je (už)", en="there is no such phone (any more)")
