"""Is this computer still where the phones look for it? A laptop that comes into another network has another address."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from sipfullproxy.lang import Lang, Words
from sipfullproxy.transport.addresses import is_local, lan_addresses

GLANCE: Final = 3.0
"""Seconds between two looks: somebody wonders by then why no phone rings. A look costs microseconds."""

log = logging.getLogger(__name__)


def watch(hosts: Iterable[str], lang: Lang, over: threading.Event) -> None:
    """Say by a warning when one of the addresses that we serve is lost, which there are instead, and when it is back.

    Nothing is opened anew: what was bound to the address works again as soon as it is back, and elsewhere every phone
    needs another domain. hosts: numeric addresses. lang: of the warnings. over: set when nobody serves any more.
    """
    watched = [host for host in dict.fromkeys(hosts) if not ip_address(host).is_loopback]
    lost: dict[str, list[str]] = {}  # and what there was instead when we last said so
    while watched and not over.wait(GLANCE):
        for host in watched:
            if is_local(host):
                if lost.pop(host, None) is not None:
                    log.warning(_BACK[lang].format(host))
                continue
            others = sorted(one for one in lan_addresses() if not ip_address(one).is_loopback)
            if lost.get(host) != others:
                lost[host] = others
                log.warning((_MOVED if others else _ALONE)[lang].format(host, ", ".join(others)))


_MOVED = Words(
    sk="tento počítač už nemá adresu {0}, telefóny ho nenájdu; má {1}: "
    "spustite proxy znova s takou adresou a dajte ju telefónom ako doménu",
    en="this computer has lost the address {0}, phones do not find it; it has {1}: "
    "start the proxy again with that one, and make it the domain of the phones",
)
_ALONE = Words(
    sk="tento počítač už nemá adresu {0}, telefóny ho nenájdu: nie je v žiadnej sieti",
    en="this computer has lost the address {0}, phones do not find it: it is in no network",
)
_BACK = Words(
    sk="tento počítač má znova adresu {0}, telefóny ho nájdu",
    en="this computer has the address {0} again, phones find it",
)
