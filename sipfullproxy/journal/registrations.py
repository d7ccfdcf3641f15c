"""Who is registered, for the program that comes after this one: written behind, by one thread, within a second.

A crash or `kill -9` costs what was registered in the last moment before it, a power cut what the system had not written
to the disk yet; phones come again for that.
The times in the file are those of a clock of its own, the engine's, that goes on while the program is away: by the
clock on the wall, of which each transaction notes what it showed. So it counts for nothing when somebody sets that.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeGuard, TypeVar, get_type_hints

from sipfullproxy.engine.config import Users
from sipfullproxy.engine.flow import Local
from sipfullproxy.engine.replica import Came, Change, Went
from sipfullproxy.journal.database import PRIVATE, Damaged, Database, Shape, Troubles, is_taken
from sipfullproxy.journal.mailbox import STOP_WAIT
from sipfullproxy.lang import Lang, Words
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.uri import parse_uri

BEHIND: Final = 0.1
"""Seconds between two transactions. So much may be lost, and twice as long as one takes: under full load or on a slow
disk some tenths of a second."""

GLANCE: Final = 1.0
"""Seconds between two looks at the clocks while nobody registers."""

AGAIN: Final = 5.0
"""Seconds after a failure until the next try, which may cost seconds itself."""

ENDING: Final = 2.0
"""Seconds that we wait for the proxy before us, which has closed its ports and still writes."""

WAITING: Final = 10_000
"""Changes that wait at most. Of more, all are forgotten, and the next transaction writes down anew who is there."""

BUNCH: Final = 40
"""Rows in one statement. Each statement gives the interpreter to the thread that serves calls and has to get it back:
under full load a thousand rows one by one took a second. SQLite before 3.32 takes 999 values at most."""

CLOCK_SET: Final = 1.0
"""Seconds by which the clock on the wall has to jump to be noted, even if nobody registers."""

MARK_SIZE: Final = 8
"""Bytes that stand for a user's hashes: too few to log in by, enough to tell that they are others."""

Item = TypeVar("Item")

_FIELDS: Final = ("mark", *Came._fields)
_COLUMNS: Final = ", ".join(_FIELDS)
_SINCE: Final = _FIELDS.index("since")
_EXPIRES: Final = _FIELDS.index("expires")

SHAPE: Final = Shape(
    (
        """
        CREATE TABLE bindings (
            place INTEGER PRIMARY KEY, mark BLOB, name TEXT UNIQUE, aor BLOB, person TEXT, uri BLOB, params BLOB,
            instance BLOB, transport TEXT, local_host TEXT, local_port INTEGER, remote_host TEXT, remote_port INTEGER,
            serial INTEGER, q REAL, since REAL, expires REAL, call_id BLOB, cseq INTEGER, agent BLOB,
            path BLOB
        );
        CREATE TABLE clock (monotonic REAL, wall REAL);
        """,
    ),
    (
        "PRAGMA locking_mode = EXCLUSIVE",  # two proxies that share a folder must not restore each other's phones
        f"PRAGMA busy_timeout = {int(ENDING * 1000)}",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",  # to wait for the disk each time would cost whoever is killed more than it saves
        "PRAGMA journal_size_limit = 4194304",
    ),
)


def file_of(port: int) -> str:
    """The name of the file of a proxy at that port; each port of a machine has phones of its own."""
    return f"registrations-{port}.db"


class Registrations:
    """Keeps the bindings of an engine in a file, and gives them to the next one.

    `load` them first, then hand in all changes, `start`, and `stop` at the end.

    Where another proxy that runs keeps its own in that file, that is told, and nothing is kept of this one.

    path: the file. doors: our ports; a phone is found again through one of those of today. users: who can log in, if
    anybody must; whose password is not the one that he registered with is not restored. lang: of the warnings.
    everybody: gives all bindings as they are now, when the file has to be written anew. clock, now: monotonic and
    wall-clock seconds.
    """

    def __init__(
        self, path: Path, doors: Sequence[Local], users: Users | None, lang: Lang, everybody: Callable[[], list[Came]],
        clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._doors = doors
        self._users = users
        self._everybody = everybody
        self._clock = clock
        self._now = now
        self._database = Database(path, SHAPE, _TROUBLES, lang, self._begun, now, PRIVATE)
        self._ahead = 0.0  # what the clock of the file is ahead of the engine's
        self._offset: float | None = None
        self._lock = threading.Lock()
        self._waiting: list[tuple[bytes, Came | Went]] = []
        self._anew = False
        self._taken = False
        self._ending = threading.Event()
        self._news = threading.Event()  # something waits, or it is the end
        self._thread: threading.Thread | None = None

    def __call__(self, changes: Iterable[Change]) -> None:
        """Have them written down soon. Never waits for the disk, and never raises for its sake."""
        if self._taken:
            return
        found = [(self._mark(change.aor), change) for change in changes if _stays(change)]
        with self._lock:
            self._waiting += found
            if len(self._waiting) > WAITING:
                self._waiting.clear()
                self._anew = True
        if not self._news.is_set():
            self._news.set()

    def load(self) -> list[Came]:
        """The bindings of the engine before this one that still count, on the clock of this one; oldest first."""
        with self._database.outages(self._failed):
            try:
                database = self._database.opened()
            except sqlite3.OperationalError as error:
                self._taken = is_taken(error)
                raise
            clock, rows = _stored(database)
            if clock is not None:
                monotonic, wall = clock
                self._ahead = monotonic + max(0.0, self._now() - wall) - self._clock()
                self._offset = self._now() - self._clock()
            restored = [self._restored(mark, came) for mark, came in rows]
            gone = [Went(came.name, came.aor) for (_, came), found in zip(rows, restored, strict=True) if found is None]
            self(gone)
            self._database.well()
            return [came for came in restored if came is not None]
        return []

    def start(self) -> None:
        """Begin to write, on a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="registrations", daemon=True)
        self._thread.start()

    def stop(self, wait: float = STOP_WAIT) -> None:
        """Write down what is left, and let go of the file; give up after `wait` seconds."""
        self._ending.set()
        self._news.set()
        thread, self._thread = self._thread, None
        if thread is None:
            self._database.close()
        else:
            thread.join(wait)

    def write(self) -> bool:
        """Write down what waits, in one transaction. Returns whether that could be."""
        offset = self._now() - self._clock()
        with self._lock:
            changes, self._waiting = self._waiting, []
            anew, self._anew = self._anew, False
        clock_set = self._offset is not None and abs(offset - self._offset) > CLOCK_SET
        if self._taken or not (changes or anew or clock_set):
            return True
        with self._database.outages(self._failed):
            database = self._database.opened()
            with self._lock:
                anew, self._anew = anew or self._anew, False
            with database:
                database.execute("BEGIN IMMEDIATE")
                if anew:
                    database.execute("DELETE FROM bindings")
                    changes = [(self._mark(came.aor), came) for came in self._everybody() if _stays(came)]
                came, went = self._sum(changes)
                for names in _bunches(went):
                    database.execute(f"DELETE FROM bindings WHERE name IN ({_places(names)})", names)
                for bunch in _bunches(came):
                    rows = ", ".join([f"({_places(bunch[0])})"] * len(bunch))
                    database.execute(f"{_WRITE} {rows}", [value for row in bunch for value in row])
                database.execute("DELETE FROM clock")
                monotonic = self._clock() + self._ahead
                database.execute("INSERT INTO clock VALUES (?, ?)", (monotonic, monotonic - self._ahead + offset))
            self._offset = offset
            self._database.well()
            return True
        return False

    def _sum(self, changes: Sequence[tuple[bytes, Came | Went]]) -> tuple[list[list[Any]], list[str]]:
        """What is left to do of all these: rows to write, and names to delete."""
        came: dict[str, list[Any]] = {}
        went = []
        for mark, change in changes:
            if isinstance(change, Came):
                row = came[change.name] = [mark, *change]
                row[_SINCE] += self._ahead
                row[_EXPIRES] += self._ahead
            elif came.pop(change.name, None) is None:
                went.append(change.name)
        return [*came.values()], went

    def _run(self) -> None:
        wait = BEHIND
        while not self._ending.wait(wait):
            self._news.clear()  # before the look at what waits: whatever comes in behind it is news
            wait = BEHIND if self.write() else AGAIN
            if wait == BEHIND:
                self._news.wait(GLANCE)
        self.write()
        self._database.close()

    def _begun(self, database: sqlite3.Connection, new: bool) -> None:
        if new:
            with self._lock:
                self._anew = True

    def _failed(self) -> None:
        """What waited is in the engine too: it is fetched from there when the disk can be written again."""
        with self._lock:
            self._anew = True
            self._waiting.clear()

    def _restored(self, mark: bytes, came: Came) -> Came | None:
        """The binding as the engine of today shall have it; None where it counts for nothing any more."""
        if self._users is not None and (not mark or mark != self._mark(came.aor)):
            return None
        try:
            parse_uri(came.uri)  # another version of the program may have known more of them
        except SipError:
            return None
        door = _door(came, self._doors)
        return None if door is None else came.at(door).later(-self._ahead)

    def _mark(self, aor: bytes) -> bytes:
        """What is another when the user's password is; b"" where he has none."""
        hashes = self._users.hashes.get(aor) if self._users is not None else None
        if not hashes:
            return b""
        return sha256(b" ".join(b"%b=%b" % pair for pair in sorted(hashes.items()))).digest()[:MARK_SIZE]


def _stays(change: Change) -> TypeGuard[Came | Went]:
    """Whether it is of a binding that outlives the program: not of a phone that is reached by a connection."""
    return isinstance(change, Went) or (isinstance(change, Came) and change.transport == "udp")


def _door(came: Came, doors: Iterable[Local]) -> tuple[str, int] | None:
    """Our port of today through which a phone is reached: the same, else the first that speaks to such addresses."""
    local, is_ipv6 = (came.local_host, came.local_port), ":" in came.remote_host
    fit = [door for transport, door in doors if transport == came.transport and (":" in door[0]) == is_ipv6]
    return local if local in fit else next(iter(fit), None)


_WRITE: Final = f"INSERT OR IGNORE INTO bindings ({_COLUMNS}) VALUES"

_TYPES: Final = (bytes, *get_type_hints(Came).values())


def _bunches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[first : first + BUNCH] for first in range(0, len(items), BUNCH))


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _stored(database: sqlite3.Connection) -> tuple[tuple[float, float] | None, list[tuple[bytes, Came]]]:
    """What was written: the clock, and the bindings, each with the mark of its user, in order. Raises Damaged where it
    makes no sense, so that nothing of it reaches the engine, and sqlite3.Error."""
    (health,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        raise Damaged(health)
    try:
        rows = database.execute(f"SELECT {_COLUMNS} FROM bindings ORDER BY place").fetchall()
    except sqlite3.OperationalError as error:  # text that is none
        raise Damaged(str(error)) from None
    clock = database.execute("SELECT monotonic, wall FROM clock").fetchone()
    kinds = {tuple(map(type, row)) for row in rows}
    if not kinds <= {_TYPES} or (clock is None and rows) or (clock and tuple(map(type, clock)) != (float, float)):
        raise Damaged("values of other types")
    found = [(mark, Came(*values)) for mark, *values in rows]
    for _, came in found:
        _reachable(came)
    return clock, found


def _reachable(came: Came) -> None:
    """Raises Damaged where nothing could be sent to; a name there would have us ask the DNS."""
    try:
        ip_address(came.remote_host)
    except ValueError as error:
        raise Damaged(str(error)) from None
    if not 0 < came.remote_port < 65_536:
        raise Damaged("a port out of range")


_TROUBLES = Troubles(
    outage=Words(
        sk="do súboru registrácií {path} sa nedá písať, hovory idú ďalej, ale po reštarte sa telefóny budú musieť "
        "prihlásiť znova: {why}",
        en="the file of registrations {path} cannot be written; calls go on, but after a restart the phones will have "
        "to register again: {why}",
    ),
    damaged=Words(
        sk="súbor registrácií {path} je poškodený; je odložený ako {aside} a začína sa nový",
        en="the file of registrations {path} is damaged; it is kept as {aside}, and a new one begun",
    ),
    newer=Words(
        sk="súbor registrácií {path} je z novšej verzie programu; je odložený ako {aside} a začína sa nový",
        en="the file of registrations {path} is of a newer version of the program; it is kept as {aside}, "
        "and a new one begun",
    ),
    taken=Words(
        sk="súbor registrácií {path} patrí inej bežiacej proxy; telefóny tejto sa po jej reštarte budú musieť "
        "prihlásiť znova. Vlastný priečinok: --state",
        en="the file of registrations {path} belongs to another proxy that is running; after a restart of this one its "
        "phones will have to register again. A folder of its own: --state",
    ),
)
