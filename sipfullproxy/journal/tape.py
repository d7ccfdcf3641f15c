"""The tape: the messages of the last calls, in memory, by Call-ID.

It is written with every message and read when somebody looks, so writing must cost next to nothing: a message's
Call-ID is found by a search, not by reading the message, and what the proxy sent because of it is in the same call.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.outbox import text
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.journal.passage import Passage
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import parse

TAPE_SIZE: Final = 64 << 20
"""Bytes of memory for all messages: some 80,000 of them, a lab's whole day, or the last half minute of full load."""

CALL_SIZE: Final = TAPE_SIZE // 16
"""Bytes of one call, so that no single one (or junk, which is kept like one) can drive out all others."""

CALL_MESSAGES: Final = 1_000
"""Messages of one call: more than anybody reads on a ladder. The REGISTERs of a phone have one Call-ID for days."""

MESSAGE_COST: Final = 150
"""Bytes that a message takes beside its own: the object around them, a number, a moment, a list's slots. Measured by
tracemalloc (tests/test_tape.py)."""

CALL_COST: Final = 360
"""The same of a call: its list, its place in the index, its name."""

_FIELDS: Final = len(Record._fields)
_DATA: Final = Record._fields.index("data")


class Tape:
    """A reader of passages (for a `Mailbox`) that remembers their messages, whole calls of them.

    When it is full, the call that was silent longest is forgotten, with all its messages. What is no SIP message is
    kept under the Call-ID "". One thread writes; any may read, and gets copies.

    limit: bytes, counted as Python's objects really take them.
    """

    def __init__(self, limit: int = TAPE_SIZE) -> None:
        self._limit = limit
        self._number = 0
        self._size = 0
        self._calls: OrderedDict[bytes, _Reel] = OrderedDict()
        self._lock = Lock()

    def number_from(self, last: int) -> None:
        """Go on with the numbers behind `last`, those of a former run; before the first message."""
        self._number = last

    @property
    def version(self) -> int:
        """Grows with each message; it is the number of the last one."""
        return self._number

    @property
    def size(self) -> int:
        """Bytes that all of it takes now."""
        return self._size

    def __call__(self, passages: Sequence[Passage]) -> None:
        """Remember what passed."""
        offset = wall_offset()
        with self._lock:
            for time, _, flow, data, sends in passages:
                if data is None:
                    for send in sends:
                        self._file(call_id_of(send.data), time + offset, None, None, (send,))
                else:
                    self._file(call_id_of(data), time + offset, flow, data, sends)

    def call(self, call_id: str) -> list[Record]:
        """The messages of a call, in order; none where they are forgotten, or never were."""
        with self._lock:
            reel = self._calls.get(_key(call_id))
            fields = reel.fields.copy() if reel is not None else []
        return _records(fields)

    def last(self, call_id: str) -> int:
        """The number of the last message of a call; 0 where there is none."""
        with self._lock:
            reel = self._calls.get(_key(call_id))
            return reel.last if reel is not None else 0

    def latest(self, count: int, after: int = 0) -> list[Record]:
        """The last `count` (at least 1) messages of all calls, in order; after: only those with a number above it."""
        found: list[Record] = []
        with self._lock:
            for reel in reversed(self._calls.values()):
                # Calls are in the order of their last messages.
                if reel.last <= after or (len(found) >= count and reel.last < found[0].number):
                    break
                found += _records(reel.fields[-count * _FIELDS :])
                found.sort()
                del found[:-count]
        return [record for record in found if record.number > after]

    def around(self, number: int) -> list[Record]:
        """The messages of the call that has the message of that number, in order; none where it is forgotten."""
        fields: list[Any] = []
        with self._lock:
            for reel in reversed(self._calls.values()):
                if reel.last < number:  # calls are in the order of their last messages
                    break
                if number in reel.fields[::_FIELDS]:
                    fields = reel.fields.copy()
                    break
        return _records(fields)

    def changed(self, after: int) -> list[str]:
        """The Call-IDs of the calls with messages that have a number above `after`; the latest first."""
        found = []
        with self._lock:
            for name, reel in reversed(self._calls.items()):
                if reel.last <= after:
                    break
                found.append(text(name))
        return found

    def _file(
        self, name: bytes, moment: float, flow: Flow | None, data: bytes | None, sends: Sequence[Send]
    ) -> None:  # fmt: skip
        """Put a message that came in, and what was sent because of it, behind those of its call."""
        calls, number, size = self._calls, self._number, 0
        reel = calls.get(name)
        if reel is None:
            reel = calls[name] = _Reel()
            size = CALL_COST + len(name)
        else:
            calls.move_to_end(name)
        fields, cause = reel.fields, 0
        if data is not None:
            number = cause = number + 1
            fields += (number, moment, True, flow, data, 0, ())
            size += len(data) + MESSAGE_COST
        for send in sends:
            number += 1
            fields += (number, moment, False, send.flow, send.data, cause or send.cause, send.edits)
            size += len(send.data) + MESSAGE_COST
        reel.size += size
        self._size += size
        self._number = reel.last = number
        if reel.size > CALL_SIZE or len(fields) > CALL_MESSAGES * _FIELDS:
            self._size -= reel.trim()
        while self._size > self._limit:
            self._size -= calls.popitem(last=False)[1].size


class _Reel:
    """The messages of one call. fields: those of a Record, one message behind the other. last: number of the last one.

    They lie flat, because tuples would have to be looked at by every collection of garbage, a hundred thousand of them.
    """

    __slots__ = ("fields", "last", "size")

    def __init__(self) -> None:
        self.fields: list[Any] = []
        self.last = 0
        self.size = 0

    def trim(self) -> int:
        """Forget the oldest messages, some more than need be, so that it is seldom done. Returns the bytes won."""
        before = self.size
        while self.size > CALL_SIZE or len(self.fields) > CALL_MESSAGES * _FIELDS:
            end = (len(self.fields) // _FIELDS // 4 or 1) * _FIELDS
            self.size -= sum(len(data) + MESSAGE_COST for data in self.fields[_DATA:end:_FIELDS])
            del self.fields[:end]
        return before - self.size


def call_id_of(data: bytes) -> bytes:
    """The Call-ID of a message, read only where hardly anybody spells it so; b"" of what is no message."""
    return _value(data, b"\r\nCall-ID:") or _value(data, b"\r\ni:") or _read_call_id(data)


def _value(data: bytes, spelling: bytes) -> bytes:
    """What stands behind a header's name, in plain ASCII and on one line; else b""."""
    at = data.find(spelling)
    if at < 0 or data.find(b"\r\n\r\n", 0, at) >= 0:  # a body may be a message, too: a NOTIFY's
        return b""
    at += len(spelling)
    found = data[at : data.find(b"\r\n", at)].strip()
    return found if found.isascii() else b""


def _read_call_id(data: bytes) -> bytes:
    try:
        return _key(text(parse(data).first(b"call-id") or b""))
    except SipError:
        return b""


def _key(call_id: str) -> bytes:
    """What a call is found by: bytes that are no UTF-8 are marked as in its events (see `engine.outbox.text`)."""
    return call_id.encode("utf-8", "replace")


def _records(fields: list[Any]) -> list[Record]:
    return [Record(*fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS)]
