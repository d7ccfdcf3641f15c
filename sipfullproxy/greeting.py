"""The first lines that the user reads: what to type into a phone, where things are, what is off."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from sipfullproxy.engine.flow import WEBSOCKETS, Local
from sipfullproxy.engine.routing import TLS_PORT
from sipfullproxy.journal.words import going_wrong
from sipfullproxy.lang import Words
from sipfullproxy.settings import Settings
from sipfullproxy.sip.host import endpoint, scope, written
from sipfullproxy.transport.records import has_library

SIP_PORT = 5060
"""The port that phones take when none is typed (RFC 3261 §19.1.2)."""


def greeting(
    settings: Settings,
    address: tuple[str, int],
    addresses: Sequence[str],
    page: str = "",
    listen: Sequence[Local] = (),
    ca: tuple[str, str] | None = None,
    no_tls: str = "",
) -> str:
    """What the user must know when the proxy has started: what to type into a phone, where things are, what is off.

    address: (host, port) that we serve. addresses: those that this machine has. page: where the page is, or why it is
    nowhere; "": nobody asked for it. listen: all ports that we serve; () is UDP at `address`. ca: of the CA that phones
    need for TLS, its fingerprint, and its file, for phones that cannot have it from the page. no_tls: why there is no
    TLS although it was wanted.
    """
    lang = settings.lang
    ip, port = address
    ports = listen or [("udp", address)]
    here = [transport.upper() for transport, at in ports if at == address]
    elsewhere = [_place(port) for port in ports if port[1] != address]
    # What is above the system's two is nothing to a firewall, and it allows a port for all our addresses.
    walled = [("UDP" if transport == "udp" else "TCP", at[1]) for transport, at in ports if at != address]
    further = [f"{kind} port {number}" for kind, number in walled if number != port or kind not in here]
    ours = {host for _, (host, _) in ports}
    # Who has chosen IPv4 is not bothered with IPv6.
    others = [other for other in addresses if other not in ours and any((":" in other) == (":" in one) for one in ours)]
    wrong = going_wrong(settings.experiments, lang)
    off = [words[lang] for words, is_on in _switches(settings) if not is_on]
    reach = scope(ip_address(ip))[1]
    alone = reach == "loopback"
    near = page.startswith(("http://127.", "http://[::1]"))
    hidden = near and not reach and settings.web_bind is None
    opened = page.startswith("http") and not near
    fetched = opened or (alone and near)
    if opened:
        further.append(f"TCP port {urlsplit(page).port} ({_OF_PAGE[lang]})")
    facts = {
        "address": _typed(ip, port, SIP_PORT),
        "journal": settings.journal.absolute(),
        "users": settings.users,
        "others": ", ".join(others),
        "off": ", ".join(off),
        "page": page,
        "fingerprint": ca[0] if ca else "",
        "ca": f"{page}/ca.crt" if fetched else ca[1] if ca else "",
        "secure": next((_typed(*at, TLS_PORT) for transport, at in ports if transport == "tls"), ""),
        "no_tls": no_tls,
        "wrong": ", ".join(wrong),
        "transports": ", ".join(here),
        "either": _OR[lang].join(here),
        "both": ", ".join(dict.fromkeys([f"{_AND[lang].join(here)} port {port}", *further])),
        "elsewhere": ", ".join(elsewhere),
    }
    lines = [
        _GREETING,
        *([_LINPHONE] if settings.users is None else [_LINPHONE_LOGIN, _LOGINS[settings.login]]),
        _JOURNAL,
        *([_PAGE] if page else []),
        *([_PAGE_HERE] if hidden else []),
        _ALONE if alone else _FIREWALL,
        *([_ELSEWHERE] if elsewhere else []),
        *([_CA] if ca else []),
        *([_NO_TLS] if no_tls else []),
        *([_OTHERS] if others else []),
        *([_OFF] if off else []),
        *([_WRONG] if wrong else []),
        _END,
    ]
    return "\n".join(words[lang] for words in lines).format_map(facts)


def _typed(ip: str, port: int, usual: int) -> str:
    """As it is typed into a phone, which takes the usual port where none is named."""
    return written(ip).decode() if port == usual else endpoint(ip, port)


def _place(port: Local) -> str:
    """A port of ours as it is told: where a phone in a browser looks for us is a URL."""
    transport, (host, number) = port
    place = endpoint(host, number)
    return f"{transport}://{place}" if transport in WEBSOCKETS else f"{transport.upper()} {place}"


def tell(text: str) -> None:
    """Print it, if anybody is there to read it: a closed pipe or a full disk behind stdout must not end the proxy."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = None  # Python would try again at its end, and exit with 120


def _switches(settings: Settings) -> list[tuple[Words, bool]]:
    return [
        (Words(sk="výpis každej správy (-v)", en="every message on the screen (-v)"), settings.verbose),
        (Words(sk="hovory od neregistrovaných (--open)", en="calls from unregistered phones (--open)"), settings.open),
        (Words(sk="servery iných domén (--dns)", en="servers of other domains (--dns)"), settings.dns != "off"),
        (
            Words(
                sk="servery domén podľa SRV a NAPTR (pip install dnspython)",
                en="servers of domains by SRV and NAPTR (pip install dnspython)",
            ),
            settings.dns == "off" or has_library(),
        ),
        (Words(sk="prihlasovanie heslom (--users)", en="logins by password (--users)"), settings.users is not None),
        (
            Words(sk="vlastné znenie odpovedí (--phrases all)", en="our own phrases (--phrases all)"),
            settings.phrases != "off",
        ),
        (Words(sk="stránka s hovormi (--web)", en="the page with the calls (--web)"), settings.web),
    ]


_GREETING = Words(
    sk="SIP proxy beží na {address} ({transports}).", en="The SIP proxy runs at {address} ({transports})."
)
_LINPHONE = Words(
    sk="  Linphone:  používateľ ľubovoľný (napríklad alice), doména {address}, prenos {either}, bez hesla",
    en="  Linphone:  any username (for example alice), domain {address}, transport {either}, no password",
)
_LINPHONE_LOGIN = Words(
    sk="  Linphone:  používateľ zo súboru {users} a jeho heslo, doména {address}, prenos {either}",
    en="  Linphone:  a user of {users} and his password, domain {address}, transport {either}",
)
_LOGINS = {
    "register": Words(
        sk="  Heslo:     chce ho každá registrácia (s --login calls aj každý hovor); ďalší: main.py user add alice",
        en="  Password:  for each registration (--login calls: for each call, too); another: main.py user add alice",
    ),
    "calls": Words(
        sk="  Heslo:     chce ho každá registrácia aj každý hovor; ďalší: main.py user add alice",
        en="  Password:  for each registration and each call; another: main.py user add alice",
    ),
}
_JOURNAL = Words(sk="  Denník:    {journal}", en="  Journal:   {journal}")
_PAGE = Words(sk="  Stránka:   {page}", en="  Page:      {page}")
_PAGE_HERE = Words(
    sk="             len na tomto počítači, lebo {address} je verejná adresa; aj inde: --web-bind",
    en="             on this computer only, because {address} is a public address; elsewhere, too: --web-bind",
)
_ALONE = Words(
    sk="  Pozor:     {address} vidí len tento počítač, telefóny v sieti nie",
    en="  Mind:      only this computer can reach {address}, no phone of the network can",
)
_FIREWALL = Words(
    sk="  Ticho?     ak sa telefón neprihlási, povoľte v bráne firewall tohto počítača {both}",
    en="  Silence?   if a phone cannot register, allow {both} in the firewall of this computer",
)
_OF_PAGE = Words(sk="stránka", en="the page")
_OR = Words(sk=" alebo ", en=" or ")
_AND = Words(sk=" aj ", en=" and ")
_ELSEWHERE = Words(sk="  Počúva aj: {elsewhere}", en="  Also at:   {elsewhere}")
_CA = Words(
    sk="""\
  TLS:       doména {secure}, prenos TLS; do telefónu treba dať certifikát našej autority (CA): {ca}
             jeho odtlačok SHA-256: {fingerprint}""",
    en="""\
  TLS:       domain {secure}, transport TLS; a phone must be given the certificate of our authority (CA): {ca}
             its SHA-256 fingerprint: {fingerprint}""",
)
_NO_TLS = Words(sk="  TLS:       {no_tls}", en="  TLS:       {no_tls}")
_OTHERS = Words(
    sk="  Adresy:    tento počítač má aj {others}; ak telefóny nedosiahnu {address}, spustite proxy s inou",
    en="  Addresses: this machine also has {others}; if phones cannot reach {address}, start with another",
)
_OFF = Words(sk="  Vypnuté:   {off}", en="  Off:       {off}")
_WRONG = Words(
    sk="  Pokazené:  {wrong} (naschvál, tabuľka [experiments] v nastaveniach)",
    en="  Wrong:     {wrong} (on purpose, the table [experiments] of the settings)",
)
_END = Words(sk="  Koniec:    Ctrl-C", en="  End:       Ctrl-C")
