"""Whose pages may open a WebSocket here (RFC 6454, RFC 6455 §10.2).

A browser lets any page connect to anywhere, and says in `Origin` whose page it is. Without a look at it, a page from
anywhere in the world that a student happens to open could register phones here and call by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ANY = "*"
"""Stands for each origin."""

# RFC 6454 §6.2: scheme, host, and the port unless it is the scheme's own. A page out of a file, or in a sandbox, is
# "null".
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_USUAL = {"http": "80", "https": "443"}


def parse_origin(text: str) -> str | None:
    """An origin as browsers write it: "https://lab.sk", "http://192.168.1.10:8080", "null". None for what is none."""
    lower = text.lower()
    if lower == "null":
        return lower
    match = _ORIGIN.fullmatch(lower)
    if match is None:
        return None
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" if port in (None, _USUAL[scheme]) else f"{scheme}://{host}:{port}"


class Origins:
    """The origins that may.

    hosts: names and addresses of ours. A page from one of them may, on whatever port it is: the proxy's own, and a web
    server of the student's beside it. listed: further origins; ANY for all.
    """

    def __init__(self, hosts: Iterable[str], listed: Iterable[str] = ()) -> None:
        self._hosts = {f"[{host}]" if ":" in host else host.lower() for host in hosts}
        self._listed = frozenset(listed)

    def allow(self, origin: str) -> bool:
        """Whether the page may whose browser said that. Who sends no Origin at all is no browser, so nobody has led him
        here; he could write into it what he likes."""
        if ANY in self._listed:
            return True
        said = parse_origin(origin)
        if said is None:
            return False
        match = _ORIGIN.fullmatch(said)
        return said in self._listed or (match is not None and match["host"] in self._hosts)
