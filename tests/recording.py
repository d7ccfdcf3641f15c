"""The virtual lab with a tape: what passes the engine is kept as the `Record`s that ladder and explanations read."""

from __future__ import annotations

from typing import Any

from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.message import parse
from tests.helpers import PROXY, Lab


class Tape:
    """Messages as they pass one engine. records: all of them, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._number_of: dict[int | str, int] = {}

    def came(self, serial: int, data: bytes, flow: Flow, now: float) -> None:
        """A message comes in. serial: the number that the engine will give it; the last one counts."""
        number = len(self.records) + 1
        self.records.append(Record(number, now, True, flow, data))
        self._number_of[serial] = number

    def went(self, sends: list[Send], now: float) -> None:
        """The engine sends these."""
        for flow, data, cause, edits in sends:
            number = len(self.records) + 1
            self.records.append(Record(number, now, False, flow, data, self._number_of.get(cause, cause), edits))


class RecordingLab(Lab):
    """A lab that remembers every message in `records`, in order. Their times are those of the lab's clock."""

    def __init__(self, address: tuple[str, int] = PROXY, **settings: Any) -> None:
        super().__init__(address, **settings)
        self._tape = Tape()

    @property
    def records(self) -> list[Record]:
        """All records so far."""
        return self._tape.records

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """A datagram arrives at the proxy."""
        self._tape.came(self.engine.serial + 1, data, self.source(source), self.now)
        return super().put(data, source)

    def _carry(self, sends: list[Send]) -> list[Send]:
        self._tape.went(sends, self.now)
        return super()._carry(sends)

    def of(self, call_id: bytes) -> list[Record]:
        """The records with that Call-ID, in order, as a tape lists those of a call."""
        return [
            record for record in self.records if record.data.strip() and parse(record.data).first(b"call-id") == call_id
        ]


class RecordingEngine(Engine):
    """An engine with a tape in it; put in the place of the other one, it sees what the tests of others send."""

    tapes: list[Tape] = []  # noqa: RUF012  where a test that has put it somewhere finds them all

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.tape = Tape()
        self.tapes.append(self.tape)

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        """As of every engine."""
        self.tape.came(self.serial + 1, data, flow, now)
        return self._kept(super().receive(data, flow, now, spare), now)

    def tick(self, now: float) -> list[Send]:
        """As of every engine."""
        return self._kept(super().tick(now), now)

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """As of every engine."""
        return self._kept(super().lost(flow, now), now)

    def _kept(self, sends: list[Send], now: float) -> list[Send]:
        self.tape.went(sends, now)
        return sends
