"""Which message was made of which: a call's records, tied to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sipfullproxy.engine.flow import Flow
from sipfullproxy.explain.reading import Reading, branch, read, user
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.safe import safe

LONGEST_NAME: Final = 40
"""Characters of a user's name in a sentence; longer ones are cut there, and whole in the message below."""

NOBODY: Final[Mapping[str, str]] = {}


class Trail:
    """A call's records, read once. Each list is by place: 0 is the first record.

    records: as given. readings: what each says; one object for copies.
    first: the place of the first copy of each message on its way; its own where it is no copy.
    origin: the place of the message that each message of the proxy was made from, by forwarding it or by answering it;
    for an ACK or a CANCEL of the proxy that of the INVITE that it had sent. None where that is not among the records,
    and for what came in.
    cause: the place of what made it go out; None where a timer did.
    asked: of a response that came in the place of the request that it answers, of an ACK that came in that of the final
    response that it confirms; else None.
    before: the place of the session description that the same phone sent before, or None.

    Costs a few dozen microseconds for each different message, so make one for all places of a call.
    """

    def __init__(self, records: Sequence[Record], names: Mapping[str, str] = NOBODY) -> None:
        """names: who is known to be at an address (`Flow.address`), as `user@domain` or as the user alone; others are
        called as their messages call them."""
        self.records = records
        self.readings: list[Reading] = []
        self.first: list[int] = []
        self.origin: list[int | None] = []
        self.cause: list[int | None] = []
        self.asked: list[int | None] = []
        self.before: list[int | None] = []
        here = {record.flow.address for record in records}
        known = ((address, who.rpartition("@")[0] or who) for address, who in names.items() if address in here)
        self._names = {address: safe(who, LONGEST_NAME) for address, who in known}
        self._requests: dict[tuple[bytes, bytes], int] = {}
        self._responses: dict[tuple[object, ...], int] = {}
        self._sent: dict[tuple[bytes, bytes], int] = {}
        self._finals: dict[tuple[bytes, bytes], int] = {}
        self._guesses: dict[str, str] = {}
        self._sdp: dict[Flow, int] = {}
        self._tie()

    def person(self, flow: Flow) -> str:
        """Who is at the other end of a flow: a user's name; "" where nobody knows."""
        return self._names.get(flow.address, "") or self._guesses.get(flow.address, "")

    def alone(self, flow: Flow) -> bool:
        """Whether this is the only phone of that person in this call."""
        name = self.person(flow)
        return sum(1 for other in {**self._guesses, **self._names}.values() if other == name) < 2

    def _tie(self) -> None:
        places: dict[int, int] = {}
        copies: dict[tuple[bool, Flow, bytes], int] = {}
        read_before: dict[bytes, Reading] = {}
        for place, record in enumerate(self.records):
            places[record.number] = place
            reading = read_before.get(record.data)
            if reading is None:
                reading = read_before[record.data] = read(record.data)
            first = copies.setdefault((record.inward, record.flow, record.data), place)
            cause = places.get(record.cause) if isinstance(record.cause, int) else None
            self.readings.append(reading)
            self.first.append(first)
            self.cause.append(cause)
            self.origin.append(self._origin(place, first, cause))
            self.asked.append(self._asked(record, reading))
            self.before.append(self.before[first] if first != place else self._sdp.get(record.flow))
            if first == place:
                self._index(place, record, reading)

    def _index(self, place: int, record: Record, reading: Reading) -> None:
        if record.inward and reading.sdp is not None:
            self._sdp[record.flow] = place
        vias = reading.values(b"via")
        if not vias:
            return
        if not record.inward:
            if not reading.status:
                self._sent[branch(vias[0]), reading.method] = place
            elif reading.status >= 200 and reading.method == b"INVITE":
                self._finals[_end(reading)] = place
            self._guess_target(record.flow, reading, self.origin[place])
        elif reading.status:
            self._responses[self._answer_key(reading, vias[1:])] = place
        else:
            self._requests[branch(vias[0]), reading.method] = place
            self._guess(record.flow, user(reading.first(b"from")))

    def _origin(self, place: int, first: int, cause: int | None) -> int | None:
        record = self.records[place]
        if record.inward:
            return None
        if first != place:
            return self.origin[first]
        reading = self.readings[place]
        vias = reading.values(b"via")
        if not vias:
            return cause
        if reading.status:
            return self._origin_of_response(reading, vias, cause)
        if len(vias) == 1:
            return self._sent.get((branch(vias[0]), b"INVITE"))
        if cause is not None and self._is_request(cause, reading):
            return cause
        return self._requests.get((branch(vias[1]), reading.method))

    def _asked(self, record: Record, reading: Reading) -> int | None:
        if not record.inward:
            return None
        if reading.status:
            return self._sent.get((branch(reading.first(b"via")), reading.method))
        return self._finals.get(_end(reading)) if reading.method == b"ACK" else None

    def _origin_of_response(self, reading: Reading, vias: list[bytes], cause: int | None) -> int | None:
        key = self._answer_key(reading, vias)
        if reading.status > 100:  # a 100 goes no further than to the next hop, so it is always the proxy's own
            if cause is not None and self.records[cause].inward:
                said = self.readings[cause]
                if said.status and self._answer_key(said, said.values(b"via")[1:]) == key:
                    return cause
            found = self._responses.get(key)
            if found is not None:
                return found
        if cause is not None and self._is_request(cause, reading):
            return cause
        # The one that it answers came earlier; or else it came now, with a CSeq that nobody understands.
        return self._requests.get((branch(vias[0]), reading.method), cause)

    def _is_request(self, place: int, like: Reading) -> bool:
        reading = self.readings[place]
        same = reading.method == like.method and reading.first(b"cseq") == like.first(b"cseq")
        return self.records[place].inward and not reading.status and same

    @staticmethod
    def _answer_key(reading: Reading, vias: list[bytes]) -> tuple[object, ...]:
        return reading.status, reading.first(b"to"), reading.first(b"cseq"), tuple(vias)

    def _guess_target(self, flow: Flow, reading: Reading, origin: int | None) -> None:
        """Who a request of a call is for: whom it was for when it came, where nobody sent it on."""
        if reading.status or reading.in_dialog or origin is None:
            return
        was = self.readings[origin]
        sent_on = len(reading.values(b"diversion")) > len(was.values(b"diversion"))
        name = user(reading.uri if sent_on else was.uri)
        self._guesses.setdefault(flow.address, _shown(name))

    def _guess(self, flow: Flow, name: bytes) -> None:
        if name:
            self._guesses[flow.address] = _shown(name)


def _end(reading: Reading) -> tuple[bytes, bytes]:
    """What a final response and its ACK have in common: the number in CSeq, and To."""
    return reading.first(b"cseq").partition(b" ")[0], reading.first(b"to")


def _shown(name: bytes) -> str:
    return safe(name.decode("utf-8", "replace"), LONGEST_NAME)
