"""The text journal: one line for each event, as it is handed in and read with `tail -f`.

    16:54:30:INFO:Mon, 28 Feb 2022 16:54:30
    16:54:44:INFO:Zvonenie macek@147.175.160.245 -> macka@147.175.160.245

The first line, and the first of each day, is the date.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from sipfullproxy.engine.events import Event
from sipfullproxy.journal.words import is_trouble, sentence
from sipfullproxy.lang import LANGS, Lang

# Not from `strftime`, which speaks the language of the computer.
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

WAITING: Final = 10_000
"""Lines that wait while nothing can be written: two megabytes, and more than a class makes in a day."""

DISK: Final = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO))
"""What may be wrong at the start and right again later; for anything else the path is no place for a file."""

UNTOLD: Final = frozenset(("calling",))
"""Kinds of events that get no line: the journal that is handed in begins a call with its ringing."""

OUTAGE: Final = (
    "do denníka %s sa nedá písať, hovory idú ďalej: %s",
    "the journal %s cannot be written, calls go on: %s",
)
"""The warning when lines begin to wait; a column for each of LANGS."""

GAP: Final = (
    "Do denníka sa nedalo zapisovať, stratené riadky: {}",
    "The journal could not be written, lost lines: {}",
)
"""What stands where lines are missing; a column for each of LANGS."""

log = logging.getLogger(__name__)


class TextJournal:
    """A reader of events (for a `Mailbox`) that appends each to a text file, UTF-8 with plain newlines.

    Call it with events whose `time` is in wall-clock seconds since the epoch; lines show local time. They are handed to
    the system before the call returns: a reader sees them at once, and killing the proxy loses nothing.

    The file may be moved, deleted or emptied at any time (log rotation): it is begun anew, with its folder. While it
    cannot be written (full or read-only disk, folder gone) lines wait, with one warning to `logging` for the whole
    time, and the proxy goes on; they are written before the first line that can be written again. Only of more than
    WAITING the oldest are lost, and a line in their place says how many.

    path: the file; its folder is made. started: wall-clock seconds for the date line at the top. lang: "sk" or "en".
    Raises OSError for a path where no file can be, ValueError for an unknown language.
    """

    def __init__(self, path: str | Path, started: float, lang: str = "sk") -> None:
        if lang not in LANGS:
            raise ValueError(f"unknown language of the journal {lang!r}; choose one of {', '.join(LANGS)}")
        self.path = Path(path)
        self._column = LANGS.index(lang)
        self._date = ""
        self._lost = 0
        self._failing = False
        self._waiting: deque[tuple[_Moment, bytes]] = deque()
        self._second, self._moment = started // 1, _moment(started)
        self._file: io.FileIO | None = None
        try:
            self._open()
        except OSError as error:
            if error.errno not in DISK:
                raise
        self._append([(self._moment, b"")])

    def __call__(self, events: Sequence[Event]) -> None:
        """Write these events, in order; never raises OSError."""
        lines = []
        for event in events:
            if event.kind not in UNTOLD:
                moment = self._moment_of(event.time // 1)
                lines.append((moment, _event_line(moment, event, LANGS[self._column]).encode()))
        if lines:
            self._append(lines)

    def close(self) -> None:
        """Let go of the file; a later event would open it again."""
        self._flush()
        self._let_go()

    def _moment_of(self, second: float) -> _Moment:
        """What clocks show in that second; many lines come in each, and so the last one is kept."""
        if second != self._second:
            self._second, self._moment = second, _moment(second)
        return self._moment

    def _let_go(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a network drive says only now what it could not keep
                self._file.close()
            self._file = None

    def _append(self, lines: Iterable[tuple[_Moment, bytes]]) -> None:
        """Write lines, behind those that still wait and those that must come first."""
        self._waiting += lines
        self._flush()
        while len(self._waiting) > WAITING:
            self._lost += bool(self._waiting.popleft()[1])

    def _flush(self) -> None:
        """Write what waits, each line as a whole, for as long as that goes."""
        try:
            while self._waiting:
                file = self._current()
                moment = self._waiting[0][0]
                _, same_day = next(groupby(self._waiting, key=_date))
                self._write(file, self._head(moment).encode(), [line for _, line in same_day])
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning(OUTAGE[self._column], self.path, error.strerror)
            self._failing = True
            self._let_go()

    def _write(self, file: io.FileIO, head: bytes, lines: list[bytes]) -> None:
        """Write the first lines that wait, behind their head. Those that are written wait no more, even if OSError ends
        it; of the others nothing is left in the file."""
        data, done = b"".join((head, *lines)), 0
        try:
            while done < len(data):
                done += file.write(data[done:])
        finally:
            place, kept = len(head), 0
            for line in lines:
                place += len(line)
                if place > done:
                    break
                kept = place
                self._waiting.popleft()
                self._lost = 0
            if done > kept:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - (done - kept))

    def _open(self) -> io.FileIO:
        """Open the file at our path, and keep by what it is known again. Raises OSError."""
        file = _opened(self.path)
        self._file, self._identity = file, os.fstat(file.fileno())
        return file

    def _current(self) -> io.FileIO:
        """The file that is now at our path. Opened anew, or emptied by somebody, it has no date line yet."""
        if self._file is not None:
            there = _status(self.path)
            if there is None or not os.path.samestat(there, self._identity):
                self._let_go()
            elif stat.S_ISREG(there.st_mode) and not there.st_size:  # terminals and pipes have no size
                self._date = ""
        if self._file is None:
            self._date = ""
            return self._open()
        return self._file

    def _head(self, moment: _Moment) -> str:
        """What goes before the next line: the date, if the file has not told it yet, and how many lines are missing."""
        head = ""
        if moment.date != self._date:
            self._date = moment.date
            head += _date_line(moment)
        if self._lost:
            head += _line(moment, "WARNING", GAP[self._column].format(self._lost))
        return head


def written(events: Iterable[Event], lang: Lang) -> Iterator[str]:
    """The lines that a journal of these events has, each with its newline: a date for each day, a line for each event.

    events: in order, their `time` in wall-clock seconds; lines show local time.
    """
    told = ""
    for event in events:
        if event.kind in UNTOLD:
            continue
        moment = _moment(event.time)
        if moment.date != told:
            told = moment.date
            yield _date_line(moment)
        yield _event_line(moment, event, lang)


class _Moment(NamedTuple):
    """A second as local clocks show it. date: "Mon, 28 Feb 2022". clock: "16:54:30"."""

    date: str
    clock: str


def _moment(seconds: float) -> _Moment:
    now = time.localtime(seconds)
    return _Moment(
        f"{DAYS[now.tm_wday]}, {now.tm_mday:02} {MONTHS[now.tm_mon - 1]} {now.tm_year}",
        f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}",
    )


def _date(waiting: tuple[_Moment, bytes]) -> str:
    return waiting[0].date


def _line(moment: _Moment, level: str, text: str) -> str:
    return f"{moment.clock}:{level}:{text}\n"


def _date_line(moment: _Moment) -> str:
    return _line(moment, "INFO", f"{moment.date} {moment.clock}")


def _event_line(moment: _Moment, event: Event, lang: Lang) -> str:
    return _line(moment, "WARNING" if is_trouble(event) else "INFO", sentence(event, lang))


def _opened(path: Path) -> io.FileIO:
    """The file at `path`, for appending at the start of a line; made with its folder. Raises OSError.

    It has no buffer of Python's, so that no line is half here and half there when the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.FileIO(path, "a+")
    try:
        if os.fstat(file.fileno()).st_size:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # whoever wrote here last was stopped in the middle of a line
                _write_whole(file, b"\n")
    except OSError:
        file.close()
        raise
    return file


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _write_whole(file: io.FileIO, data: bytes) -> None:
    """Write all of it: the system may take the first half of a line, and refuse the second. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
