"""What workers tell each other, and how it is written: by marshal, since only processes of one program read it."""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.replica import Change, change_of

CHANGES = 30
"""Changes in one parcel at most; as large as phones can make them, still less than a datagram between two processes may
be on a Linux that nobody has tuned (212,992 bytes)."""

LOGINS = 200
"""The same of users and their hashes."""


class Message(NamedTuple):
    """A message that came in at the sender, and belongs to the reader. flow: the way that it came."""

    flow: Flow
    data: bytes


class Outgoing(NamedTuple):
    """A message to be sent by a connection that the reader has."""

    flow: Flow
    data: bytes


class Lost(NamedTuple):
    """A connection has ended, or did not come about."""

    flow: Flow


class Changes(NamedTuple):
    """Bindings that came and went at the sender."""

    changes: Sequence[Change]


class Forward(NamedTuple):
    """Where the calls to a user go from now on. rule: the fields of his `Rule`; None, nowhere."""

    user: bytes
    rule: Mapping[str, Any] | None


class Wrong(NamedTuple):
    """What goes wrong on purpose from now on: the fields of `Experiments`."""

    experiments: Mapping[str, Any]


class Logins(NamedTuple):
    """Who can log in has changed. hashes: as in `Users`; empty for a user who is none any more."""

    realm: bytes
    algorithms: tuple[bytes, ...]
    hashes: Mapping[bytes, Mapping[bytes, bytes]]


Parcel = Message | Outgoing | Lost | Changes | Forward | Wrong | Logins

_KINDS: tuple[type[Parcel], ...] = (Message, Outgoing, Lost, Changes, Forward, Wrong, Logins)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_WITH_FLOW = (Message, Outgoing, Lost)


def encode(parcel: Parcel) -> bytes:
    """The parcel as bytes."""
    number = _NUMBERS[type(parcel)]
    if isinstance(parcel, _WITH_FLOW):
        # marshal takes no subclasses: of a named tuple only its values.
        return marshal.dumps((number, tuple(parcel[0]), *parcel[1:]))
    if isinstance(parcel, Changes):
        return marshal.dumps((number, [tuple(change) for change in parcel.changes]))
    return marshal.dumps((number, *parcel))


def decode(data: bytes) -> Parcel:
    """The parcel that `encode` made these bytes of."""
    number, *values = marshal.loads(data)
    kind: Any = _KINDS[number]
    if kind in _WITH_FLOW:
        values[0] = Flow(*values[0])
    elif kind is Changes:
        values[0] = [change_of(change) for change in values[0]]
    parcel: Parcel = kind(*values)
    return parcel
