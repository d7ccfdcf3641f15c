"""The certificate of our ports with TLS: the user's own, or one of our own CA, made anew when it needs be."""

from __future__ import annotations

import logging
import platform
import threading
from datetime import UTC, datetime
from pathlib import Path

from sipfullproxy import authority, state
from sipfullproxy.authority import Authority
from sipfullproxy.lang import Words
from sipfullproxy.libraries import missing
from sipfullproxy.settings import Settings, StartError
from sipfullproxy.transport.addresses import lan_addresses
from sipfullproxy.transport.tls import Tls

# How often it is looked whether our certificate will end soon, or lacks one of our names, in seconds.
GLANCE = 3600.0

# What this machine calls itself.
OURSELVES = ("127.0.0.1", "::1", "localhost")

log = logging.getLogger(__name__)


def find_authority(settings: Settings) -> Authority | None:
    """Who makes our certificate; None where none is wanted, or the user has one. Raises StartError where one is wanted
    and cannot be had: calls need none, so that is an end only for who names a port of TLS."""
    if not settings.tls or settings.tls_cert or settings.tls_key:
        return None
    if lacking := missing(authority.LIBRARY):
        raise StartError(_NO_LIBRARY[settings.lang].format(missing=", ".join(lacking)))
    try:
        place = settings.state or state.folder()
        found = Authority(place, datetime.now(UTC), platform.node())
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise StartError(_NO_PLACE[settings.lang].format(path=settings.state or "~", why=why)) from None
    if found.replaced:
        log.warning(_REPLACED[settings.lang].format(path=found.file))
    return found


def certify(settings: Settings, ca: Authority) -> Path:
    """The file with our certificate and its key, as `ca` makes it for all the names that we have now. Raises OSError
    where it cannot be kept."""
    listed = [*settings.ip, *(port.ip for port in settings.listen if port.ip)]
    names = [*listed, *lan_addresses(), *settings.domain, *OURSELVES]
    return ca.certify(names, datetime.now(UTC))


def for_tls(settings: Settings, ca: Authority | None) -> Tls | None:
    """The certificate, where a port wants one. Raises StartError where there is none, or none that can be used."""
    cert, key = settings.tls_cert, settings.tls_key
    if not settings.tls and not names_tls(settings):
        if cert or key:  # whoever has one believes that his phones are encrypted
            raise StartError(_IDLE[settings.lang].format(path=cert or key))
        return None
    try:
        if ca is not None:
            cert = key = certify(settings, ca)
        elif cert is None and key is None and not names_tls(settings):
            return None
        if cert is None or key is None:
            raise StartError(_NO_CERTIFICATE[settings.lang])
        return Tls(cert, key, settings.tls_ca)
    except OSError as error:
        flaw = next((words[settings.lang] for part, words in _FLAWS.items() if part in str(error)), str(error))
        raise StartError(_BAD_CERTIFICATE[settings.lang].format(path=cert, key=key, why=flaw)) from None


def names_tls(settings: Settings) -> bool:
    """Whether a port with TLS is listed: then it must be opened, or the proxy does not start."""
    return any(port.transport in ("tls", "wss") for port in settings.listen)


def renew(settings: Settings, ca: Authority, over: threading.Event) -> None:
    """Have our certificate made anew when it needs be, until it is over. `Tls` sees that its file changes."""
    while not over.wait(GLANCE):
        try:
            certify(settings, ca)
        except OSError as error:
            log.warning(_OLD_CERTIFICATE[settings.lang].format(error))


_NO_CERTIFICATE = Words(
    sk="pre TLS treba certifikát: --tls ho vyrobí, alebo vlastný: --tls-cert a --tls-key",
    en="TLS needs a certificate: --tls makes one, or yours: --tls-cert and --tls-key",
)
# What is most often wrong, by a part of OpenSSL's words for it.
_FLAWS = {
    "KEY_VALUES_MISMATCH": Words(sk="kľúč patrí k inému certifikátu", en="the key belongs to another certificate"),
    "PEM lib": Words(sk="jeden z nich nie je v tvare PEM", en="one of them is not PEM"),
    "has a password": Words(
        sk="kľúč má heslo; bez hesla: openssl pkey -in KĽÚČ -out NOVÝ",
        en="the key has a password; to have it without: openssl pkey -in KEY -out NEW",
    ),
    "has expired": Words(sk="už neplatí", en="its time is over"),
    "not yet valid": Words(sk="ešte neplatí", en="its time has not come yet"),
    "certificate purpose": Words(sk="nie je pre servery", en="it is not for servers"),
}
_IDLE = Words(
    sk="certifikátom {path} sa TLS nezapne; treba aj --tls (v nastaveniach tls = true), alebo --listen tls",
    en="the certificate {path} does not turn TLS on; that needs --tls (in settings tls = true), or --listen tls, too",
)
_NO_LIBRARY = Words(
    sk="vypnuté, chýba {missing}; zapne ho: pip install . v priečinku projektu (alebo make run)",
    en="off, {missing} missing; to have it: pip install . in the folder of the project (or make run)",
)
_NO_PLACE = Words(
    sk="vypnuté, v priečinku {path} sa nedá nič uchovať: {why}; vlastný certifikát: --tls-cert a --tls-key",
    en="off, nothing can be kept in the folder {path}: {why}; a certificate of yours: --tls-cert and --tls-key",
)
_REPLACED = Words(
    sk="certifikačná autorita (CA) je nová, stará už neplatí alebo je poškodená; do telefónov treba dať {path}",
    en="the certificate authority (CA) is new, the old one is over or damaged; phones must be given {path}",
)
_BAD_CERTIFICATE = Words(
    sk="certifikát {path} s kľúčom {key} sa nedá použiť: {why}",
    en="the certificate {path} with the key {key} cannot be used: {why}",
)
_OLD_CERTIFICATE = Words(
    sk="certifikát ostáva, aký bol: {}",
    en="the certificate stays as it was: {}",
)
