"""Which calls belong together: a transfer, the call that it made, the legs of a conference, a call that was sent on.

Call-IDs never tell that by themselves, the messages do: Replaces names a call (RFC 3891), Refer-To and Referred-By meet
again in the INVITE that a transfer made (RFC 3515, RFC 3892), and the legs of a conference share its focus (RFC 4579).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sipfullproxy.explain.reading import Reading, read, spec, user
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.grammar import unescape

How = Literal["replaces", "transfer", "conference", "forwarded"]

PATIENCE: Final = 60.0
"""Seconds between a REFER and the INVITE that it makes: phones hold the old call first, and some ask their user."""

_REPLACES = re.compile(rb"[?&]replaces=([^&>]*)", re.IGNORECASE)
_CONF_ID = re.compile(rb";conf-id=([^;>\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """call: the Call-ID of another call. how: "replaces" (one takes the place of the other), "transfer" (a REFER in one
    made the other), "conference" (both have the same focus), "forwarded" (one was sent on and came back as the other).
    """

    call: str
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What of one call ties it to others; small, so that it may be kept for each call instead of its messages.

    call: its Call-ID. began: wall-clock seconds of its first message. caller, callee: users of its first INVITE.
    replaced: Call-IDs that its messages name in Replaces. asked: (when, user or URI) that its REFERs want called.
    referred: whether its INVITE says that somebody asked for it (Referred-By). foci: URIs and numbers of conferences
    that its Contacts name. diverted: users who sent it on.
    """

    call: bytes
    began: float
    caller: bytes
    callee: bytes
    replaced: frozenset[bytes]
    asked: tuple[tuple[float, bytes], ...]
    referred: bool
    foci: frozenset[bytes]
    diverted: frozenset[bytes]


def marks(records: Sequence[Record]) -> Marks:
    """Read the marks out of a call's records, in order. Costs some ten microseconds for each message."""
    call, caller, callee, began = b"", b"", b"", 0.0
    replaced: set[bytes] = set()
    foci: set[bytes] = set()
    diverted: set[bytes] = set()
    asked: list[tuple[float, bytes]] = []
    referred = False
    for record in records:
        reading = read(record.data)
        if not call:
            call, began = reading.first(b"call-id"), record.time
        if not record.inward:
            diverted |= {user(value) for value in reading.values(b"diversion")}
            continue
        foci |= set(_foci(reading))
        if reading.status:
            continue
        if reading.method == b"INVITE":
            if not caller:
                caller, callee = user(reading.first(b"from")), user(reading.uri) or reading.uri
                referred = bool(reading.first(b"referred-by"))
            if reading.first(b"replaces"):
                replaced.add(reading.first(b"replaces").partition(b";")[0].strip())
        elif reading.method == b"REFER":
            to = reading.first(b"refer-to")
            asked.append((record.time, _target(to)))
            replaced |= {unescape(value).partition(b";")[0].strip() for value in _REPLACES.findall(to)}
    return Marks(
        call=call, began=began, caller=caller, callee=callee, replaced=frozenset(replaced), asked=tuple(asked),
        referred=referred, foci=frozenset(foci), diverted=frozenset(diverted - {b""}),
    )  # fmt: skip


def related(one: Marks, others: Iterable[Marks]) -> list[Tie]:
    """The other calls that a call is tied to, in the order given; each once, by its strongest tie.

    one: the marks of the call. others: those of calls that may belong to it, as a rule the ones of the same minutes.
    Costs about a microsecond for each of them.
    """
    found = []
    for other in others:
        how = _tie(one, other)
        if how is not None and other.call != one.call:
            found.append(Tie(call=other.call.decode("utf-8", "replace"), how=how))
    return found


def _tie(one: Marks, other: Marks) -> How | None:
    if one.call in other.replaced or other.call in one.replaced:
        return "replaces"
    if _made(one, other) or _made(other, one):
        return "transfer"
    if one.foci & other.foci:
        return "conference"
    if _sent_on(one, other) or _sent_on(other, one):
        return "forwarded"
    return None


def _made(old: Marks, new: Marks) -> bool:
    """Whether a REFER in the old call is what the new one came of. Not all phones write Referred-By."""
    if not new.referred and new.caller not in (old.caller, old.callee):
        return False
    return any(0 <= new.began - when <= PATIENCE and new.callee == target for when, target in old.asked)


def _sent_on(first: Marks, then: Marks) -> bool:
    """Whether a call that was sent on went out of the proxy and came back to it under a new Call-ID."""
    same = first.caller == then.caller and 0 <= then.began - first.began <= PATIENCE
    return same and first.callee in then.diverted


def _foci(reading: Reading) -> Iterable[bytes]:
    """RFC 4579 §5.1: a Contact with `isfocus` is the address of a conference. Linphone gives it a number, too."""
    contact = reading.first(b"contact")
    if b"isfocus" in contact.lower() and b";isfocus" in contact.lower().rpartition(b">")[2]:
        number = _CONF_ID.search(contact)
        yield spec(contact) if number is None else number[1]


def _target(refer_to: bytes) -> bytes:
    """Whom a Refer-To means, in the way in which an INVITE to it is read: the user, or all of the URI."""
    return user(refer_to) or spec(refer_to)
