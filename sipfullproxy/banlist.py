"""The list of bans in the state folder: it outlives a restart, and `main.py bans` sees it and strikes bans off.

A table in a small database, because several write it: the running proxy, others on the same folder, and the command.
Who lifts a ban deletes its row. Opened anew for each look, so that nobody holds it while somebody moves the folder.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from sipfullproxy.engine.bans import MEMORY, Ban
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.lang import Lang, Words

GLANCE: Final = 1.0
"""Seconds between two looks of the running proxy: whoever has lifted a ban takes longer to walk to the phone."""

PATIENCE: Final = 1.0
"""Seconds that we wait for another who writes."""

_TABLE: Final = "CREATE TABLE IF NOT EXISTS bans (network TEXT PRIMARY KEY, since, until, times, why, proved)"

log = logging.getLogger(__name__)


class BanList:
    """The bans of a state folder; their times are wall-clock seconds.

    Each method may raise OSError or sqlite3.Error.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bans.db"

    def read(self) -> list[Ban]:
        """All of them, those too that are over and still make the next one longer; the latest last."""
        if not self.path.exists():
            return []
        with self._opened() as database:
            rows = database.execute("SELECT network, since, until, times, why, proved FROM bans ORDER BY since")
            return [Ban(*row)._replace(proved=bool(row[-1])) for row in rows]

    def write(self, bans: Iterable[Ban], now: float) -> None:
        """Put them in, in the place of older ones of the same networks; forget what is of no interest any more."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._opened() as database:
            database.executemany("INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?)", bans)
            database.execute("DELETE FROM bans WHERE until < ?", (now - MEMORY,))

    def lift(self, network: str) -> bool:
        """Strike one off. Returns whether it was there."""
        if not self.path.exists():
            return False
        with self._opened() as database:
            return database.execute("DELETE FROM bans WHERE network = ?", (network,)).rowcount > 0

    def set_aside(self) -> Path:
        """Move a damaged list out of the way. Returns where to. Raises OSError."""
        aside = self.path.with_name(f"bans-{time.strftime('%Y%m%d-%H%M%S')}.damaged")
        self.path.replace(aside)
        return aside

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database, database:
            database.execute(_TABLE)
            yield database


class Holds(Protocol):
    """The engine's verbs of bans, in monotonic seconds; see `Engine`."""

    def bans(self, now: float) -> list[Ban]: ...
    def ban(self, ban: Ban, now: float) -> None: ...
    def lift(self, network: str, now: float) -> bool: ...


class Exchange:
    """Keeps engine and list the same: what is new in one goes to the other, and what was struck off is lifted.

    now: tells monotonic seconds. offset: what the wall clock is ahead of them. A list that cannot be read or written
    is told of once and costs no call; a damaged one is moved aside and begun anew.
    """

    def __init__(
        self, bans: BanList, engine: Holds, lang: Lang, now: Callable[[], float] = time.monotonic,
        offset: Callable[[], float] = wall_offset,
    ) -> None:  # fmt: skip
        self._list = bans
        self._engine = engine
        self._lang: Lang = lang
        self._now = now
        self._offset = offset
        self._seen: dict[str, float] = {}
        self._failing = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="bans", daemon=True)

    def start(self) -> None:
        """Take over what is in the list, and from now on look every GLANCE."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Look for the last time; nothing, if it was never started."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def strike(self, network: str) -> None:
        """A ban was lifted here: take it off the list, too, before anybody looks."""
        try:
            self._list.lift(network)
        except (OSError, sqlite3.Error) as error:
            self._tell(error)

    def _follow(self) -> None:
        while not self._ending.wait(GLANCE):
            self.look()
        self.look()

    def look(self) -> None:
        """Make both the same."""
        try:
            self._exchange()
            self._failing = False
        except (OSError, sqlite3.Error) as error:
            self._tell(error)

    def _exchange(self) -> None:
        now, offset = self._now(), self._offset()
        rows = {ban.network: ban for ban in self._list.read()}
        for network in self._seen.keys() - rows.keys():
            self._engine.lift(network, now)
        for ban in rows.values():
            if self._seen.get(ban.network) != ban.until:
                self._engine.ban(ban._replace(since=ban.since - offset, until=ban.until - offset), now)
        fresh = []
        for ban in self._engine.bans(now):
            row = rows.get(ban.network)
            # A clock that was set a little is no new ban.
            if row is None or row.until < ban.until + offset - GLANCE:
                fresh.append(ban._replace(since=ban.since + offset, until=ban.until + offset))
        if fresh:
            self._list.write(fresh, now + offset)
        kept = {**rows, **{ban.network: ban for ban in fresh}}
        # Those that `write` has just forgotten were not lifted by anybody.
        self._seen = {ban.network: ban.until for ban in kept.values() if ban.until >= now + offset - MEMORY}

    def _tell(self, error: Exception) -> None:
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if damaged:
            try:
                log.warning(_DAMAGED[self._lang].format(path=self._list.path, aside=self._list.set_aside()))
                self._seen = {}
                return
            except OSError as worse:
                error = worse
        if not self._failing:
            self._failing = True
            log.warning(_OUTAGE[self._lang].format(path=self._list.path, why=error))


_OUTAGE = Words(
    sk="zoznam blokovaných adries {path} sa nedá čítať alebo zapísať, blokuje sa ďalej: {why}",
    en="the list of bans {path} cannot be read or written, bans go on: {why}",
)
_DAMAGED = Words(
    sk="zoznam blokovaných adries {path} bol poškodený; odložený ako {aside}, začína sa nový",
    en="the list of bans {path} was damaged; kept as {aside}, and begun anew",
)
