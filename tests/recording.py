"""The virtual lab with a tape: what passes the engine is kept as the `Record`s that ladder and explanations read."""

from __future__ import annotations

from typing import Any

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.message import parse
from tests.helpers import PROXY, Lab


class RecordingLab(Lab):
    """A lab that remembers every message in `records`, in order. Their times are those of the lab's clock."""

    def __init__(self, address: tuple[str, int] = PROXY, **settings: Any) -> None:
        super().__init__(address, **settings)
        self.records: list[Record] = []
        self._number_of: dict[int, int] = {}

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """A datagram arrives at the proxy."""
        number = len(self.records) + 1
        self.records.append(Record(number, self.now, True, Flow("udp", self.address, source), data))
        self._number_of[self.engine.serial + 1] = number
        return super().put(data, source)

    def _carry(self, sends: list[Send]) -> list[Send]:
        for send in sends:
            cause = send.cause if isinstance(send.cause, str) else self._number_of[send.cause]
            self.records.append(
                Record(len(self.records) + 1, self.now, False, send.flow, send.data, cause, send.edits)
            )  # fmt: skip
        return super()._carry(sends)

    def of(self, call_id: bytes) -> list[Record]:
        """The records with that Call-ID, in order, as a tape lists those of a call."""
        return [
            record for record in self.records if record.data.strip() and parse(record.data).first(b"call-id") == call_id
        ]
