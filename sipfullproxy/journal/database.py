"""A SQLite file of ours on whatever disk: what goes wrong with it is told once, and stops nobody."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from sipfullproxy.lang import Lang, Words

OTHERS: Final = 1.0
"""Seconds that we wait for another process that writes."""

ANYBODY: Final = 0o666
"""The mode of a new file that is like any other of the user's; his umask takes its part."""

PRIVATE: Final = 0o600
"""The mode of one that is for nobody else to read."""

FAILURES: Final = (OSError, sqlite3.Error, UnicodeDecodeError)
"""What a bad disk may raise; the last where SQLite complains of a damaged file in the words of that file."""

log = logging.getLogger(__name__)


class Shape(NamedTuple):
    """How a database is made and set.

    steps: what brings it from one version to the next: the first from nothing to 1, and so on. A step that is out in
    the world never changes; a new shape is a new step at the end. `PRAGMA user_version` says how many were made.
    pragmas: for each connection.
    """

    steps: Sequence[str]
    pragmas: Sequence[str]


class Troubles(NamedTuple):
    """What is told; each with {path}, and {why} it cannot be written or where it is kept ({aside}). taken: another
    process has it; None: like any other outage."""

    outage: Words
    damaged: Words
    newer: Words
    taken: Words | None = None


class Database:
    """The one writer of a SQLite file, for one thread at a time.

    A file that is damaged, or of a newer version of the program, is moved aside and begun anew; so is one that somebody
    moved or deleted, with its folder. What cannot be done now (full disk, read-only folder) is told by one warning to
    `logging` until `well` says that it is over.

    begun: called with each new connection, and whether the file is new. lang: of the warnings. now: wall-clock seconds.
    mode: of a new file.
    """

    def __init__(
        self, path: Path, shape: Shape, troubles: Troubles, lang: Lang,
        begun: Callable[[sqlite3.Connection, bool], None], now: Callable[[], float] = time.time, mode: int = ANYBODY,
    ) -> None:  # fmt: skip
        self._path = path
        self._shape = shape
        self._troubles = troubles
        self._lang: Lang = lang
        self._begun = begun
        self._now = now
        self._mode = mode
        self._failing = False
        self._connection: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None

    def opened(self) -> sqlite3.Connection:
        """The database that is now at our path. Raises OSError and sqlite3.Error."""
        if self._connection is not None and not _is_at(self._file, self._path):
            self.close()
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, self._mode))  # SQLite's companions of it get the same
            self._connection = sqlite3.connect(
                self._path, timeout=OTHERS, isolation_level=None, check_same_thread=False
            )
            self._begun(self._connection, _prepare(self._connection, self._shape))
            self._file = self._path.stat()
        return self._connection

    def close(self) -> None:
        """Let go of the file; whoever asks for it again opens it anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def well(self) -> None:
        """Something was written: what goes wrong from now on is news."""
        self._failing = False

    @contextmanager
    def outages(self, failed: Callable[[], object] = lambda: None) -> Iterator[None]:
        """What fails inside is told once; failed: is called then."""
        try:
            yield
        except FAILURES as error:
            self.close()
            failed()
            newer = isinstance(error, _Newer)
            aside = self._set_aside("newer" if newer else "damaged") if newer or _is_damage(error) else None
            if aside is not None:
                words = self._troubles.newer if newer else self._troubles.damaged
                log.warning(words[self._lang].format(path=self._path, aside=aside))
            elif not self._failing:
                self._failing = True
                words = (is_taken(error) and self._troubles.taken) or self._troubles.outage
                why = getattr(error, "strerror", None) or error
                log.warning(words[self._lang].format(path=self._path, why=why))

    def _set_aside(self, why: str) -> Path | None:
        """Move the file out of the way. Returns where it is now; None where it could not be moved."""
        date = time.strftime("%Y%m%d-%H%M%S", time.localtime(self._now()))
        aside = self._path.with_name(f"{self._path.name}.{why}-{date}")
        try:
            self._path.replace(aside)
            for companion in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{self._path}{companion}").replace(f"{aside}{companion}")
        except OSError:
            return None
        return aside


class Damaged(sqlite3.Error):
    """The file is a database, but what is in it makes no sense."""


class _Newer(sqlite3.Error):
    """The database has a shape that we do not know yet."""


def version_of(database: sqlite3.Connection) -> int:
    """Which version of its shape a database has."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _prepare(database: sqlite3.Connection, shape: Shape) -> bool:
    """Bring a database into the shape of today. Returns whether it is new.

    Raises _Newer where it is beyond that, and sqlite3.Error.
    """
    for pragma in shape.pragmas:
        database.execute(pragma).fetchall()
    version = version_of(database)
    if version > len(shape.steps):
        raise _Newer(f"version {version}")
    for number, step in enumerate(shape.steps[version:], version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT")
    return version == 0


def _is_at(file: os.stat_result | None, path: Path) -> bool:
    """Whether the file that we have opened is still the one at `path`."""
    try:
        return file is not None and os.path.samestat(file, path.stat())
    except OSError:
        return False


_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def is_taken(error: Exception) -> bool:
    """Whether SQLite says that another process has the file."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _is_damage(error: Exception) -> bool:
    """Whether SQLite says that this is no database, or not any more, or none that has our tables."""
    return isinstance(error, Damaged | UnicodeDecodeError) or _code(error) in _DAMAGE


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # the rest of it says more than we want to know
