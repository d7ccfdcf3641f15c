"""A virtual lab with several workers, where the network brings every message to the wrong one.

The phones are those of `helpers`, and all that they do there they can do here. The ways between the workers are real.
"""

from __future__ import annotations

from itertools import count
from threading import Lock
from typing import Any

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.guard import Guard
from sipfullproxy.sip.phrases import Phrasebook
from sipfullproxy.workers.board import blank
from sipfullproxy.workers.neighbours import Neighbours, inbox
from sipfullproxy.workers.owner import owner
from sipfullproxy.workers.parcel import Outgoing, Parcel
from sipfullproxy.workers.switchboard import Switchboard
from tests.helpers import PROXY, Lab, Phone


class Worker:
    """One worker of a crew. orders: what the first one has told it to do. served: how many messages it took in."""

    def __init__(self, crew: Crew, neighbours: Neighbours, **settings: Any) -> None:
        self.crew = crew
        self.neighbours = neighbours
        self.orders: list[Parcel] = []
        self.sends: list[Send] = []
        numbers = count(1 + neighbours.me * 1_000_000)
        config = Config(
            address=PROXY, listen=(("udp", PROXY), ("tcp", PROXY)), flow_key=b"key of the virtual lab",
            phrases=Phrasebook(mode="off"), worker=str(neighbours.me), followed=True, expiring=neighbours.me == 0,
            **settings,
        )  # fmt: skip
        self.engine = Engine(config, lambda size: next(numbers).to_bytes(size, "big"))
        guard = Guard(self.engine, Lock(), lambda _: None, crew.told_by(self), neighbours.publish)
        self.switchboard = Switchboard(guard, neighbours, self.post, guard.restore, self.orders.append)

    def post(self, send: Send) -> bool:
        """Put a message on the wire; connections are the first worker's."""
        if send.flow.reliable and self.neighbours.me:
            self.neighbours.send(0, Outgoing(send.flow, send.data))
        else:
            self.crew.carried.append(send)
        return True

    def deliver(self, sends: list[Send]) -> None:
        """As `Desk` does."""
        for send in sends:
            self.post(send)


class Crew(Lab):
    """Several engines behind one address. carried: what they have sent and nobody has got yet."""

    def __init__(self, workers: int = 2, **settings: Any) -> None:
        super().__init__()
        pairs = [inbox() for _ in range(workers)]
        self.ends = [end for pair in pairs for end in pair]
        self.carried: list[Send] = []
        self.workers: list[Worker] = []
        with blank(workers) as board:
            for me, (read, _) in enumerate(pairs):
                ways = {to: pair[1] for to, pair in enumerate(pairs) if to != me}
                self.workers.append(Worker(self, Neighbours(me, board.fileno(), read, ways), **settings))

    def told_by(self, worker: Worker) -> Any:
        """Hears of a worker's events."""

        def told(events: list[Event]) -> None:
            self.events += events

        return told

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """A datagram arrives, and not at its owner; a message by a connection arrives at the first worker."""
        phone = self.phones.get(source)
        flow = Flow("udp", self.address, source) if phone is None else self.flow(phone)
        count = len(self.workers)
        at = 0 if flow.reliable else ((owner(data, count) or 0) + 1) % count
        worker = self.workers[at]
        worker.switchboard.read(self.now)
        worker.deliver(worker.switchboard.receive(data, flow, self.now))
        return self._settle()

    def cut(self, phone: Phone) -> None:
        """See `Lab.cut`."""
        lost = self.flow(phone)
        phone.connection += 1
        self.workers[0].deliver(self.workers[0].switchboard.lost(lost, self.now))
        self._settle()

    def advance(self, seconds: float) -> None:
        """See `Lab.advance`."""
        end = self.now + seconds
        while (timers := [at for each in self.workers if (at := each.switchboard.next_timer()) is not None]) and (
            min(timers) <= end
        ):
            self.now = max(self.now, min(timers))
            for worker in self.workers:
                worker.deliver(worker.switchboard.tick(self.now))
            self._settle()
        self.now = end

    def close(self) -> None:
        """Let go of the ways between the workers."""
        for end in self.ends:
            end.close()

    def _settle(self) -> list[Send]:
        """Until nobody has anything to say any more."""
        found: list[Send] = []
        while True:
            for worker in [*self.workers, *self.workers]:  # what one has heard may make him say something
                worker.switchboard.read(self.now)
            if not self.carried:
                return found
            sends, self.carried = self.carried, []
            found += self._carry(sends)
