"""The page in a browser, as the proxy has it: its port opened early, its address, and why there is none."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sipfullproxy.authority import Authority
from sipfullproxy.engine.flow import Local
from sipfullproxy.lang import Words
from sipfullproxy.settings import Settings
from sipfullproxy.sip.host import endpoint
from sipfullproxy.transport.addresses import lan_addresses

if TYPE_CHECKING:
    from sipfullproxy.web.app import Application
    from sipfullproxy.web.house import Served
    from sipfullproxy.web.site import Site


class Page:
    """The page of one proxy, if it is wanted: open from its creation, served from `serve` to `close`.

    hosts: where phones are served. why_not: why there is no page although it is wanted, in the user's language, or "".
    """

    def __init__(self, settings: Settings, hosts: Sequence[str]) -> None:
        self.why_not = ""
        self._settings = settings
        self._site: Site | None = None
        if not settings.web:
            return
        from sipfullproxy.web import site  # only here: whoever wants no page need not load it

        if missing := site.missing():
            self.why_not = _NO_LIBRARIES[settings.lang].format(missing=", ".join(missing))
            return
        self._addresses = site.listening(hosts, settings.web_bind)
        try:
            self._site = site.Site(self._addresses, settings.web_port)
        except OSError as error:
            words = _PORT_TAKEN if error.errno == errno.EADDRINUSE else _NO_SITE
            at = endpoint(self._addresses[0], settings.web_port)
            facts = {"at": at, "port": settings.web_port, "why": error.strerror}
            self.why_not = words[settings.lang].format_map(facts)

    @property
    def url(self) -> str | None:
        """Its address, as in "http://192.168.1.10:8080"; None where there is no page."""
        return f"http://{endpoint(*self._site.address)}" if self._site is not None else None

    def serve(self, proxy: Served, listen: Sequence[Local], ca: Authority | None) -> None:
        """Serve it in a thread. listen: the ports that phones have. ca: what is handed out to those that need it."""
        opened = self._site
        if opened is None:
            return
        from sipfullproxy.web import site

        # Asked while the proxy runs: the page is made a moment later.
        address, doors = listen[0][1], dict(reversed(listen))
        names = site.hosts([*self._addresses, *lan_addresses()], self._settings.domain, opened.address[1])

        def application() -> Application:
            from sipfullproxy.web.app import Application
            from sipfullproxy.web.house import House

            lang = self._settings.lang
            house = House(proxy=proxy, address=address, doors=doors, page=self.url or "", lang=lang, ca=ca)
            return Application(house, names, self._settings.web_password)

        opened.start(application)

    def close(self) -> None:
        """Serve it no more; its port is free again."""
        if self._site is not None:
            self._site.stop()
            self._site = None


_NO_LIBRARIES = Words(
    sk="vypnutá, chýba {missing}; zapne ju: pip install . v priečinku projektu (alebo make run)",
    en="off, {missing} missing; to have it: pip install . in the folder of the project (or make run)",
)
_PORT_TAKEN = Words(
    sk="vypnutá, port {port} (TCP) je obsadený; iný: --web-port",
    en="off, port {port} (TCP) is taken; another one: --web-port",
)
_NO_SITE = Words(
    sk="vypnutá, {at} (TCP) sa nedá otvoriť: {why}; iná adresa: --web-bind, iný port: --web-port",
    en="off, {at} (TCP) cannot be opened: {why}; another address: --web-bind, another port: --web-port",
)
