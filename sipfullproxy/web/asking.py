"""What an address of the API may be asked: the parameters that many of them share, and whom they ask."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, HTTPException, Path, Query, Request

from sipfullproxy.journal.cards import CallCard
from sipfullproxy.lang import Lang, Words
from sipfullproxy.web import provision
from sipfullproxy.web.access import Access
from sipfullproxy.web.house import House
from sipfullproxy.web.links import Links
from sipfullproxy.web.live import Live
from sipfullproxy.web.models import Error

ERRORS: Final[dict[int | str, dict[str, Any]]] = {status: {"model": Error} for status in (404, 421, 422)}
"""What any address may answer when it is asked for what is not there, under a wrong name, or wrongly."""

CALL_ID = "^[0-9a-f]{10}$"


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


def _live(request: Request) -> Live:
    live: Live = request.app.state.live
    return live


def _links(request: Request) -> Links:
    links: Links = request.app.state.links
    return links


Asked = Annotated[House, Depends(_house)]
Door = Annotated[Access, Depends(_access)]
Stream = Annotated[Live, Depends(_live)]
Kept = Annotated[Links, Depends(_links)]


def _language(
    house: Asked, lang: Annotated[Lang | None, Query(description="of what is said to people")] = None
) -> Lang:
    return lang or house.lang


Tongue = Annotated[Lang, Depends(_language)]


def _card(
    house: Asked, lang: Tongue, id: Annotated[str, Path(pattern=CALL_ID, description="id of its card")]
) -> CallCard:
    card = house.proxy.archive.card(id)
    if card is None:
        raise HTTPException(404, NO_CALL[lang])
    return card


Call = Annotated[CallCard, Depends(_card)]
User = Annotated[str, Query(pattern=f"^{provision.USER}$", description="name of a user, without the domain")]
Transport = Annotated[Literal["udp", "tcp", "tls"], Query(description="by which the phone shall come")]

NO_CALL = Words(sk="taký hovor tu nie je (už)", en="there is no such call (any more)")
