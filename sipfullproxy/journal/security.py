"""The log of attacks, for programs such as fail2ban: a line for each wrong login and for each ban, in English.

    2026-11-23T13:00:00+0100 sipfullproxy: login failed from 198.51.100.66 port 5060 as "alice"
    2026-11-23T13:00:09+0100 sipfullproxy: banned 198.51.100.66 for 60 s, proved: logins

What strangers have written stands at the end of a line, in quotes and escaped, so that nobody forges another line or
another address. `contrib/fail2ban/` reads it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from sipfullproxy.engine.events import Banned, Event, Rejected, Unbanned
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import Lang, Words

log = logging.getLogger(__name__)


class SecurityLog:
    """A reader of events (for a `Mailbox`) that appends what is its business to a file, which may be moved at any time.

    Events' `time` is in wall-clock seconds; lines show local time and its difference from UTC. While nothing can be
    written the lines are lost, with one warning to `logging`.

    Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path, lang: Lang) -> None:
        self._path = path
        self._lang: Lang = lang
        self._failing = False
        path.parent.mkdir(parents=True, exist_ok=True)
        self._append("")  # so that fail2ban finds a file when it starts

    def __call__(self, events: Sequence[Event]) -> None:
        """Write down these events; never raises OSError."""
        lines = "".join(map(line, events))
        if not lines:
            return
        try:
            self._append(lines)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning(_OUTAGE[self._lang].format(path=self._path, why=error.strerror))
            self._failing = True

    def _append(self, lines: str) -> None:
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(lines)


def line(event: Event) -> str:
    """What the log says of an event, with its newline; "" for what is none of its business."""
    match event:
        case Rejected(who=who, address=address):
            host, _, port = address.rpartition(":")
            name = safe(who).replace('"', r"\"")
            said = f'login failed from {host.strip("[]")} port {port} as "{name}"'
        case Banned(address=address, seconds=seconds, why=why, proved=proved):
            said = f"banned {address} for {seconds:.0f} s, {'proved' if proved else 'not proved'}: {why}"
        case Unbanned(address=address):
            said = f"ban of {address} lifted"
        case _:
            return ""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(event.time))
    return f"{moment} sipfullproxy: {said}\n"


_OUTAGE = Words(
    sk="do {path} sa nedá zapisovať, hovory idú ďalej: {why}",
    en="{path} cannot be written, calls go on: {why}",
)
